//! Section 11.2: copy-on-write views.

use shmobj::{Access, FileMapping, Protection};

use crate::case::{Remark, Role, Test, role, test};
use crate::objects::{Objects, PAGE, pattern};
use crate::process::Cue;
use crate::stage::Stage;

pub(super) const TESTS: &[Test] = &[
    test!(["CW-1"], until_it_is_written_a_page_shows_what_others_write),
    test!(["CW-1"], until_it_is_written_a_page_shows_what_others_write_into_the_file),
    test!(["CW-2", "CW-4"], the_first_write_makes_one_page_private),
    test!(["CW-3"], private_pages_are_seen_by_nobody_and_see_nobody),
    test!(["CW-6"], flushing_writes_no_private_page_and_mapping_again_shows_none),
    test!(["CW-8"], a_file_open_for_reading_is_enough_and_is_never_modified),
    test!(["CW-9"], a_child_does_not_get_private_pages),
];

pub(super) const ROLES: &[Role] = &[role!(tells_what_it_sees)];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["CW-5"], "what pages are like cannot be asked"),
    Remark::new(
        &["CW-7"],
        "not tested: it would take all the machine's memory; what Linux counts of private pages vm.overcommit_memory says",
    ),
];

pub(super) const NOTES: &[Remark] = &[Remark::new(
    &["CW-9"],
    "of a process that is started; on Linux a fork copies all memory, these pages as well",
)];

const SIZE: usize = 4 * PAGE;

/// Rows hold for memory and for files alike.
fn in_memory_and_in_a_file(stage: &Stage, test: impl Fn(&FileMapping)) {
    let file = stage.file("file", &[0; SIZE]);
    test(&stage.mappings().file(&file).create("file").unwrap());
    test(&stage.memory("memory", SIZE as u64));
}

fn until_it_is_written_a_page_shows_what_others_write(stage: &Stage) {
    in_memory_and_in_a_file(stage, |mapping| {
        let (shared, copy) = (mapping.map_mut().unwrap(), mapping.map_copy().unwrap());
        for value in 1..4 {
            shared.fill(0, SIZE, value).unwrap();
            assert_eq!(copy.read_vec(0, SIZE).unwrap(), [value; SIZE]);
        }
    });
}

fn until_it_is_written_a_page_shows_what_others_write_into_the_file(stage: &Stage) {
    let file = stage.file("file", &pattern(SIZE));
    let copy = stage.mappings().file(&file).create("n").unwrap().map_copy().unwrap();
    assert_eq!(copy.read_vec(0, SIZE).unwrap(), pattern(SIZE));
    stage.overwrite("file", 5000, b"new");
    assert_eq!(copy.read_vec(5000, 3).unwrap(), b"new");
}

fn the_first_write_makes_one_page_private(stage: &Stage) {
    in_memory_and_in_a_file(stage, |mapping| {
        let (shared, copy) = (mapping.map_mut().unwrap(), mapping.map_copy().unwrap());
        shared.fill(0, SIZE, 1).unwrap();
        copy.write_at(PAGE + 5, b"private").unwrap();
        shared.fill(0, SIZE, 2).unwrap();
        let mut expected = vec![2; SIZE];
        expected[PAGE..2 * PAGE].fill(1);
        expected[PAGE + 5..PAGE + 12].copy_from_slice(b"private");
        assert_eq!(copy.read_vec(0, SIZE).unwrap(), expected);
    });
}

fn private_pages_are_seen_by_nobody_and_see_nobody(stage: &Stage) {
    in_memory_and_in_a_file(stage, |mapping| {
        let shared = mapping.map_mut().unwrap();
        let (one, two) = (mapping.map_copy().unwrap(), mapping.map_copy().unwrap());
        shared.write_at(0, &[1]).unwrap();
        one.write_at(0, &[2]).unwrap();
        let seen = || [&one, &two].map(|view| view.read_vec(0, 1).unwrap()[0]);
        assert_eq!((seen(), shared.read_vec(0, 1).unwrap()[0]), ([2, 1], 1));
        shared.write_at(0, &[3]).unwrap();
        assert_eq!((seen(), shared.read_vec(0, 1).unwrap()[0]), ([2, 3], 3));
        two.write_at(0, &[4]).unwrap();
        assert_eq!((seen(), shared.read_vec(0, 1).unwrap()[0]), ([2, 4], 3));
        if mapping.is_file() {
            assert_eq!(stage.contents("file")[0], 3);
        }
    });
}

fn flushing_writes_no_private_page_and_mapping_again_shows_none(stage: &Stage) {
    in_memory_and_in_a_file(stage, |mapping| {
        let copy = mapping.map_copy().unwrap();
        copy.fill(0, SIZE, 9).unwrap();
        copy.flush().unwrap();
        assert_eq!(mapping.map().unwrap().read_vec(0, SIZE).unwrap(), [0; SIZE]);
        drop(copy);
        assert_eq!(mapping.map_copy().unwrap().read_vec(0, SIZE).unwrap(), [0; SIZE]);
    });
}

fn a_file_open_for_reading_is_enough_and_is_never_modified(stage: &Stage) {
    drop(stage.file("file", &pattern(5000)));
    let file = stage.reopened("file", false);
    for protection in [Protection::ReadOnly, Protection::WriteCopy] {
        let mapping = stage.mappings().file(&file).protection(protection).create("n").unwrap();
        let copy = mapping.map_copy().unwrap();
        copy.fill(0, 5000, 0).unwrap();
        copy.flush().unwrap();
        assert_eq!(copy.read_vec(0, 5000).unwrap(), [0; 5000]);
        drop((copy, mapping));
        assert_eq!(stage.contents("file"), pattern(5000));
    }
}

fn a_child_does_not_get_private_pages(stage: &Stage) {
    let mapping = stage.memory("n", PAGE as u64);
    mapping.map_mut().unwrap().write_at(0, b"shared").unwrap();
    let copy = mapping.map_copy().unwrap();
    copy.write_at(0, b"secret").unwrap();
    stage.child("tells_what_it_sees", &[]).expect("shared");
    assert_eq!(copy.read_vec(0, 6).unwrap(), b"secret");
}

fn tells_what_it_sees(cue: &Cue) {
    let view = cue.open("n", Access::READ).unwrap().map_copy().unwrap();
    cue.say(String::from_utf8(view.read_vec(0, 6).unwrap()).unwrap());
}
