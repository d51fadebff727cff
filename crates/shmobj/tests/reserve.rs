//! Section 11.3: memory that is reserved, and committed page by page.

mod common;

use std::sync::atomic::{AtomicU32, Ordering};

use common::{PAGE, Place, code, for_others, on_wine, pattern, rights};
use shmobj::{Access, Allocation, FileMapping};

fn reserved(place: &Place, name: &str, size: u64) -> FileMapping {
    place.options().size(size).allocation(Allocation::Reserve).create(name).unwrap()
}

/// Commits pages through the handle. What is committed through a view of a part stays in that view on Wine (SR-4), and a handle uses one.
fn commit(mapping: &FileMapping, range: std::ops::Range<u64>) {
    if on_wine() {
        let (start, length) = (range.start as usize, (range.end - range.start) as usize);
        return mapping.map_mut().unwrap().commit(start, length).unwrap();
    }
    mapping.commit(range).unwrap();
}

/// Also VW-4: a touch through the pointer would fault.
#[test]
fn sr_1_sr_2_a_reserved_page_can_be_mapped_and_not_touched() {
    let place = Place::new();
    let mapping = reserved(&place, "n", 65_536);
    let view = mapping.map_mut().unwrap();
    assert_eq!(view.len(), 65_536);
    assert_eq!(code(view.read_vec(0, 1)), 998);
    assert_eq!(code(view.write_at(65_535, b"x")), 998);
    assert_eq!(code(view.fill(4096, 10, 1)), 998);
    assert_eq!(code(view.load::<AtomicU32>(0, Ordering::Relaxed)), 998);
    assert_eq!(code(view.atomic::<AtomicU32>(0)), 998);
    assert_eq!(code(mapping.map_copy().unwrap().write_at(0, b"x")), 998);
    assert_eq!(code(mapping.map().unwrap().read_vec(0, 1)), 998);
    assert_eq!(code(view.read_vec(0, 0)), 0, "nothing is touched");
    assert_eq!(rights(view.as_ptr().addr()).unwrap(), "---s");
}

#[test]
fn sr_3_committing_opens_whole_pages_of_zeros() {
    let place = Place::new();
    let view = reserved(&place, "n", 65_536).map_mut().unwrap();
    view.commit(PAGE + 100, 1).unwrap();
    assert_eq!(view.read_vec(PAGE, PAGE).unwrap(), [0; PAGE]);
    assert_eq!(code(view.read_vec(PAGE - 1, 1)), 998);
    assert_eq!(code(view.read_vec(2 * PAGE, 1)), 998);
    assert_eq!(code(view.read_vec(PAGE - 1, 2)), 998, "a range with one reserved byte");
    assert_eq!(code(view.read_vec(2 * PAGE - 1, 2)), 998);
    view.commit(2 * PAGE - 1, 2).unwrap();
    view.write_at(2 * PAGE - 1, b"ab").unwrap();
    assert_eq!(rights(view.as_ptr().addr() + 3 * PAGE).unwrap(), "---s");
}

/// Also TS-11.
#[test]
fn sr_4_what_is_committed_is_committed_for_every_view_with_its_own_rights() {
    let place = Place::new();
    let mapping = reserved(&place, "n", 65_536);
    let other = place.open("n", Access::READ).unwrap();
    assert_eq!(other.allocation(), Allocation::Reserve);
    let (writer, reader, copy) =
        (mapping.map_mut().unwrap(), other.map().unwrap(), other.map_copy().unwrap());
    let part = other.view().offset(3 * PAGE as u64 + 7).len(10).map().unwrap();
    commit(&mapping, 3 * PAGE as u64..4 * PAGE as u64);
    writer.write_at(3 * PAGE + 7, b"value").unwrap();
    assert_eq!(reader.read_vec(3 * PAGE + 7, 5).unwrap(), b"value");
    assert_eq!(copy.read_vec(3 * PAGE + 7, 5).unwrap(), b"value");
    if !on_wine() {
        assert_eq!(part.read_vec(0, 5).unwrap(), b"value");
    }
    assert_eq!(code(reader.read_vec(4 * PAGE, 1)), 998);
    assert_eq!(rights(reader.as_ptr().addr() + 3 * PAGE).unwrap(), "r--s");
    assert_eq!(rights(copy.as_ptr().addr() + 3 * PAGE).unwrap(), "rw-p");
    copy.write_at(3 * PAGE + 7, b"PRIVATE").unwrap();
    assert_eq!(reader.read_vec(3 * PAGE + 7, 5).unwrap(), b"value");
}

#[test]
fn sr_4_a_view_of_a_part_knows_what_is_committed_in_its_part() {
    if on_wine() {
        return; // it does not know
    }
    let place = Place::new();
    let mapping = reserved(&place, "n", 65_536);
    let before = mapping.view().offset(2 * PAGE as u64 + 10).map_mut().unwrap();
    mapping.commit(0..1).unwrap();
    mapping.commit(3 * PAGE as u64..5 * PAGE as u64).unwrap();
    let after = mapping.view().offset(2 * PAGE as u64 + 10).map_mut().unwrap();
    for view in [before, after] {
        assert_eq!(code(view.read_vec(0, 1)), 998);
        assert_eq!(code(view.read_vec(PAGE - 11, 2)), 998);
        assert_eq!(view.read_vec(PAGE - 10, 2 * PAGE).unwrap(), [0; 2 * PAGE]);
        assert_eq!(code(view.read_vec(3 * PAGE - 11, 2)), 998);
    }
}

#[test]
fn sr_5_commitment_and_data_stay_over_unmapping() {
    let place = Place::new();
    let mapping = reserved(&place, "n", 65_536);
    let view = mapping.map_mut().unwrap();
    view.commit(PAGE, PAGE).unwrap();
    view.write_at(PAGE, b"kept").unwrap();
    drop(view);
    for view in [mapping.map().unwrap(), place.open("n", Access::READ).unwrap().map().unwrap()] {
        assert_eq!(view.read_vec(PAGE, 4).unwrap(), b"kept");
        assert_eq!(code(view.read_vec(0, 1)), 998);
    }
}

#[test]
fn sr_6_committing_again_keeps_the_data() {
    let place = Place::new();
    let mapping = reserved(&place, "n", 65_536);
    let view = mapping.map_mut().unwrap();
    view.commit(PAGE, 2 * PAGE).unwrap();
    view.write_at(PAGE, &pattern(2 * PAGE)).unwrap();
    view.commit(PAGE, 2 * PAGE).unwrap();
    view.commit(0, 4 * PAGE).unwrap();
    if on_wine() {
        view.commit(4 * PAGE, 65_536 - 4 * PAGE).unwrap(); // it loses what is committed around what was committed
    } else {
        mapping.commit(0..65_536).unwrap();
    }
    assert_eq!(view.read_vec(PAGE, 2 * PAGE).unwrap(), pattern(2 * PAGE));
    assert_eq!(view.read_vec(0, PAGE).unwrap(), [0; PAGE]);
    assert_eq!(view.read_vec(3 * PAGE, 65_536 - 3 * PAGE).unwrap(), vec![0; 65_536 - 3 * PAGE]);
}

#[test]
fn sr_7_committing_beyond_the_end_is_no_address() {
    let place = Place::new();
    let mapping = reserved(&place, "n", 65_536);
    let view = mapping.view().offset(0).len(8192).map_mut().unwrap();
    for (offset, length) in [(8192, 1), (0, 8193), (4096, 4097), (usize::MAX, 1), (1, usize::MAX)] {
        assert_eq!(code(view.commit(offset, length)), 487, "{length} at {offset}");
    }
    for range in [0..65_537, 65_536..65_537, 1 << 40..1 << 41, 0..u64::MAX] {
        assert_eq!(code(mapping.commit(range.clone())), 487, "{range:?}");
    }
    assert_eq!(code(view.read_vec(0, 1)), 998, "nothing was committed on the way");
    assert_eq!(code(mapping.commit(65_536..65_536)), 0, "nothing to do");
    #[allow(clippy::reversed_empty_ranges)] // the mistake itself
    let reversed = 4096..0;
    assert_eq!(code(mapping.commit(reversed)), 87);
}

#[test]
fn sr_10_committing_committed_memory_does_nothing() {
    let place = Place::new();
    let mapping = place.memory("n", 65_536);
    let view = mapping.map_mut().unwrap();
    view.write_at(0, &pattern(65_536)).unwrap();
    view.commit(100, 5000).unwrap();
    mapping.commit(0..65_536).unwrap();
    assert_eq!(view.read_vec(0, 65_536).unwrap(), pattern(65_536));
    assert_eq!(code(mapping.commit(0..65_537)), 487);
}

/// Also SR-14.
#[test]
fn sr_11_a_files_pages_cannot_be_committed() {
    let place = Place::new();
    let file = place.file(&pattern(8192));
    for allocation in [Allocation::Commit, Allocation::Reserve] {
        let mapping = FileMapping::options().file(&file).allocation(allocation).create_unnamed().unwrap();
        let view = mapping.map_mut().unwrap();
        assert_eq!(view.read_vec(0, 8192).unwrap(), pattern(8192));
        assert_eq!(code(view.commit(0, 4096)), 5);
        assert_eq!(code(mapping.commit(0..4096)), 5);
    }
}

/// Also SR-13: the size alone costs nothing.
#[test]
fn sr_12_more_than_there_is_can_be_reserved_and_not_committed() {
    let place = Place::new();
    // Windows keeps tables for what is reserved (CF-9).
    let size = if cfg!(target_os = "linux") { 1 << 45 } else { 1 << 36 };
    let mapping = reserved(&place, "n", size);
    let view = mapping.view().offset(size / 2).len(8192).map_mut().unwrap();
    view.commit(4096, 4096).unwrap();
    view.write_at(4096, b"in the middle").unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(code(mapping.commit(0..1 << 43)), 1455);
    }
    assert_eq!(code(view.read_vec(0, 1)), 998);
    assert_eq!(view.read_vec(4096, 13).unwrap(), b"in the middle");
}

/// A handle that cannot write commits nothing, whoever else in this process can.
#[test]
fn committing_needs_the_right_to_write() {
    let place = Place::new();
    let _writer = reserved(&place, "n", 65_536);
    let reader = place.open("n", Access::READ).unwrap();
    assert_eq!(code(reader.commit(0..4096)), 5);
    assert_eq!(code(reader.map().unwrap().commit(0, 4096)), 5);
    assert_eq!(code(reader.map_copy().unwrap().commit(0, 4096)), 5);
}

/// Memory beside the entry behaves as a memfd does.
#[test]
fn sr_3_memory_that_others_may_open_can_be_reserved_too() {
    let place = Place::new();
    let size = if cfg!(target_os = "linux") { 1 << 40 } else { 1 << 36 };
    let options = for_others(place.options().size(size).allocation(Allocation::Reserve));
    let mapping = options.create("n").unwrap();
    let view = mapping.view().offset(size / 2).len(8192).map_mut().unwrap();
    assert_eq!(code(view.read_vec(0, 1)), 998);
    view.commit(0, 1).unwrap();
    view.write_at(0, b"x").unwrap();
    assert_eq!(code(view.read_vec(4096, 1)), 998);
}

#[test]
fn sr_4_threads_that_commit_the_same_pages_do_not_lose_each_others_data() {
    let place = Place::new();
    let view = reserved(&place, "n", 64 * PAGE as u64).map_mut().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let view = &view;
            scope.spawn(move || {
                for page in 0..64 {
                    view.commit(page * PAGE, PAGE).unwrap();
                    view.write_at(page * PAGE + thread, &[page as u8 + 1]).unwrap();
                }
            });
        }
    });
    for page in 0..64 {
        assert_eq!(view.read_vec(page * PAGE, 4).unwrap(), [page as u8 + 1; 4]);
    }
}

#[test]
fn sr_3_every_sort_of_view_can_commit_through_a_handle_that_may_write() {
    let place = Place::new();
    let mapping = place.options().size(1 << 20).allocation(Allocation::Reserve).create("n").unwrap();
    let (read, copy, write) =
        (mapping.map().unwrap(), mapping.map_copy().unwrap(), mapping.map_mut().unwrap());
    read.commit(0, PAGE).unwrap();
    copy.commit(PAGE, PAGE).unwrap();
    write.commit(2 * PAGE, PAGE).unwrap();
    write.write_at(0, &pattern(3 * PAGE)).unwrap();
    assert_eq!(read.read_vec(0, 3 * PAGE).unwrap(), pattern(3 * PAGE));
    copy.write_at(PAGE, b"private").unwrap();
    copy.write_at(2 * PAGE, b"too").unwrap();
    assert_eq!(copy.read_vec(PAGE, 7).unwrap(), b"private");
    assert_eq!(read.read_vec(0, 3 * PAGE).unwrap(), pattern(3 * PAGE));
    assert_eq!(code(copy.read_vec(3 * PAGE, 1)), 998);
}
