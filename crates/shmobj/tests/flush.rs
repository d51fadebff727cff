//! Section 10: writing back. What the disk does with it cannot be seen from here; ranges and rights can.

mod common;

use common::{Place, code, pattern};
use shmobj::{FileMapping, Flush};

const BOTH: [Flush; 2] = [Flush::Start, Flush::Wait];

/// Also FV-8, FV-9 and FV-12.
#[test]
fn fv_1_all_of_a_view_is_written_back_and_the_file_has_it() {
    let place = Place::new();
    let file = place.file(&pattern(10_000));
    let view = FileMapping::options().file(&file).create_unnamed().unwrap().map_mut().unwrap();
    view.write_at(9990, b"the end...").unwrap();
    assert_eq!(&place.contents()[9990..], b"the end...", "without a flush");
    view.flush().unwrap();
    file.sync_all().unwrap();
    assert_eq!(&place.contents()[9990..], b"the end...");
    assert_eq!(place.contents().len(), 10_000, "KO-7");
}

#[test]
fn fv_2_any_range_inside_is_widened_to_pages() {
    let place = Place::new();
    let file = place.file(&pattern(20_000));
    let mapping = FileMapping::options().file(&file).create_unnamed().unwrap();
    for view in [mapping.map_mut().unwrap(), mapping.view().offset(4099).len(9000).map_mut().unwrap()] {
        for (offset, length) in [(0, 1), (1, 1), (4095, 2), (4096, 4096), (8999, 1), (5000, 3000), (0, 9000)]
        {
            for flush in BOTH {
                assert_eq!(code(view.flush_range(offset, length, flush)), 0, "{length} at {offset}");
            }
        }
    }
}

#[test]
fn fv_3_a_range_that_leaves_the_view_is_no_address_of_it() {
    let place = Place::new();
    let file = place.file(&pattern(10_000));
    let mapping = FileMapping::options().file(&file).create_unnamed().unwrap();
    let view = mapping.view().len(5000).map_mut().unwrap();
    for (offset, length) in [(0, 5001), (5000, 1), (4999, 2), (usize::MAX, 1), (1, usize::MAX), (9000, 0)] {
        for flush in BOTH {
            assert_eq!(code(view.flush_range(offset, length, flush)), 487, "{length} at {offset}");
            let reader = mapping.view().len(5000).map().unwrap();
            assert_eq!(code(reader.flush_range(offset, length, flush)), 487, "{length} at {offset}");
        }
    }
}

#[test]
fn fv_6_memory_has_nothing_to_write_back() {
    let view = FileMapping::options().size(8192).create_unnamed().unwrap().map_mut().unwrap();
    view.fill(0, 8192, 5).unwrap();
    view.flush().unwrap();
    view.flush_range(100, 5000, Flush::Start).unwrap();
    assert_eq!(view.read_vec(0, 8192).unwrap(), [5; 8192]);
}

/// Also CW-6 and TS-10.
#[test]
fn fv_7_read_only_and_private_views_write_nothing_back() {
    let place = Place::new();
    let file = place.file(&pattern(10_000));
    let mapping = FileMapping::options().file(&file).create_unnamed().unwrap();
    let copy = mapping.map_copy().unwrap();
    copy.fill(0, 10_000, 0).unwrap();
    for flush in BOTH {
        copy.flush_range(0, 10_000, flush).unwrap();
        mapping.map().unwrap().flush_range(0, 10_000, flush).unwrap();
    }
    assert_eq!(place.contents(), pattern(10_000));
}

#[test]
#[cfg(target_os = "linux")] // TR-1: Windows does not let it
fn fv_1_a_file_that_became_shorter_can_still_be_flushed() {
    let place = Place::new();
    let file = place.file(&pattern(20_000));
    let view = FileMapping::options().file(&file).create_unnamed().unwrap().map_mut().unwrap();
    view.write_at(0, b"kept").unwrap();
    file.set_len(4096).unwrap();
    view.flush().unwrap();
    assert_eq!(&place.contents()[..4], b"kept");
    assert_eq!(place.contents().len(), 4096);
}
