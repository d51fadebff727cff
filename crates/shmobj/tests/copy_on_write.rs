//! Section 11.2: views whose writes are private, page by page.

mod common;

use common::{PAGE, Place, code, for_others, pattern, write_at};
use shmobj::{FileMapping, Protection};

/// CW-1 to CW-4 hold for memory and for files alike.
fn in_memory_and_in_a_file(test: impl Fn(&FileMapping)) {
    let place = Place::new();
    let file = place.file(&[0; 4 * PAGE]);
    test(&FileMapping::options().file(&file).create_unnamed().unwrap());
    test(&FileMapping::options().size(4 * PAGE as u64).create_unnamed().unwrap());
    test(&for_others(place.options().size(4 * PAGE as u64)).create("n").unwrap());
}

#[test]
fn cw_1_until_it_is_written_a_page_shows_what_others_write() {
    in_memory_and_in_a_file(|mapping| {
        let (shared, copy) = (mapping.map_mut().unwrap(), mapping.map_copy().unwrap());
        for value in 1..4 {
            shared.fill(0, 4 * PAGE, value).unwrap();
            assert_eq!(copy.read_vec(0, 4 * PAGE).unwrap(), [value; 4 * PAGE]);
        }
    });
}

#[test]
fn cw_1_also_what_others_write_into_the_file() {
    let place = Place::new();
    let file = place.file(&pattern(100));
    let copy = FileMapping::options().file(&file).create_unnamed().unwrap().map_copy().unwrap();
    assert_eq!(copy.read_vec(0, 100).unwrap(), pattern(100));
    write_at(&file, b"new", 50).unwrap();
    assert_eq!(copy.read_vec(50, 3).unwrap(), b"new");
}

/// Also KO-5.
#[test]
fn cw_2_cw_3_the_first_write_makes_that_page_private() {
    in_memory_and_in_a_file(|mapping| {
        let (shared, copy) = (mapping.map_mut().unwrap(), mapping.map_copy().unwrap());
        shared.fill(0, 4 * PAGE, 1).unwrap();
        copy.write_at(PAGE + 5, b"private").unwrap();
        assert_eq!(shared.read_vec(0, 4 * PAGE).unwrap(), [1; 4 * PAGE]);
        shared.fill(0, 4 * PAGE, 2).unwrap();
        let mut expected = vec![2; 4 * PAGE];
        expected[PAGE..2 * PAGE].fill(1);
        expected[PAGE + 5..PAGE + 12].copy_from_slice(b"private");
        assert_eq!(copy.read_vec(0, 4 * PAGE).unwrap(), expected, "CW-4: other pages are not frozen");
    });
}

/// Also TS-10.
#[test]
fn cw_3_two_private_views_do_not_see_each_other() {
    in_memory_and_in_a_file(|mapping| {
        let (shared, one, two) =
            (mapping.map_mut().unwrap(), mapping.map_copy().unwrap(), mapping.map_copy().unwrap());
        shared.write_at(0, &[1]).unwrap();
        one.write_at(0, &[2]).unwrap();
        shared.write_at(0, &[3]).unwrap();
        let first = [one.read_vec(0, 1), two.read_vec(0, 1), shared.read_vec(0, 1)].map(Result::unwrap);
        assert_eq!(first, [[2], [3], [3]]);
        one.flush().unwrap();
        assert_eq!(mapping.map().unwrap().read_vec(0, 1).unwrap(), [3]);
    });
}

/// Also UM-7.
#[test]
fn cw_6_unmapping_discards_private_pages_and_mapping_again_shows_shared_ones() {
    in_memory_and_in_a_file(|mapping| {
        let copy = mapping.map_copy().unwrap();
        copy.fill(0, 4 * PAGE, 9).unwrap();
        copy.flush().unwrap();
        drop(copy);
        assert_eq!(mapping.map_copy().unwrap().read_vec(0, 4 * PAGE).unwrap(), [0; 4 * PAGE]);
    });
}

#[test]
fn cw_8_a_file_open_for_reading_is_enough_and_is_never_modified() {
    let place = Place::new();
    drop(place.file(&pattern(5000)));
    let file = place.reopened(false);
    for protection in [Protection::ReadOnly, Protection::WriteCopy] {
        let mapping = FileMapping::options().file(&file).protection(protection).create_unnamed().unwrap();
        let copy = mapping.map_copy().unwrap();
        copy.fill(0, 5000, 0).unwrap();
        copy.flush().unwrap();
        assert_eq!(copy.read_vec(0, 5000).unwrap(), [0; 5000]);
        drop((copy, mapping));
        assert_eq!(place.contents(), pattern(5000));
    }
}

#[test]
fn cw_2_a_private_view_of_a_part_starts_anywhere() {
    let place = Place::new();
    let file = place.file(&pattern(3 * PAGE));
    let mapping = FileMapping::options().file(&file).create_unnamed().unwrap();
    let copy = mapping.view().offset(5000).len(100).map_copy().unwrap();
    copy.fill(10, 20, 0).unwrap();
    let mut expected = pattern(3 * PAGE)[5000..5100].to_vec();
    expected[10..30].fill(0);
    assert_eq!(copy.read_vec(0, 100).unwrap(), expected);
    assert_eq!(code(copy.write_at(100, b"x")), 487);
    assert_eq!(place.contents(), pattern(3 * PAGE));
}
