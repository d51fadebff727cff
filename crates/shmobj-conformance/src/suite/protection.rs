//! Sections 6.1, 6.2 and 6.5: protections, allocation, and the rights of a new handle.

use shmobj::{Access, Allocation, LargePages, Protection};

use crate::case::{Remark, Role, Test, test};
use crate::objects::{Objects, PAGE, code, pattern};
use crate::stage::Stage;

pub(super) const TESTS: &[Test] = &[
    test!(["CP-4"], every_protection_gives_the_views_that_it_permits),
    test!(["CS-1"], memory_is_committed_if_nothing_is_said),
    test!(["CS-2"], committing_says_nothing_new_of_a_file),
    test!(["CS-3"], memory_can_be_reserved_and_a_file_has_its_pages),
    test!(["CS-8"], large_pages_cannot_be_reserved),
    test!(["CS-9"], a_file_has_no_large_pages),
    test!(["GA-1"], a_new_handle_has_the_rights_of_its_protection_and_not_that_to_wait),
    test!(["GA-2"], the_right_to_wait_for_a_mapping_is_refused),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(
        &["CP-1", "CP-2", "CP-3"],
        "a protection is one of three words here; no other value can be given",
    ),
    Remark::new(&["CS-4", "CS-5"], "how the processor caches memory cannot be chosen"),
    Remark::new(
        &["CS-6", "CS-7", "CS-10", "CS-14"],
        "allocation and large pages are words here, not flags; no such value can be given",
    ),
    Remark::new(&["CS-11", "CS-12", "CS-13", "CS-15"], "images are not offered"),
    Remark::new(
        &["GA-3"],
        "does not hold: `Access` does not offer these rights, and their bits are refused with 5",
    ),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["CP-4"], "protections to execute are not offered"),
    Remark::new(&["CS-1", "CS-2", "CS-3"], "images are not offered"),
    Remark::new(&["GA-1"], "waiting takes no mapping: that is an error of the compiler"),
];

const PROTECTIONS: [Protection; 3] = [Protection::ReadOnly, Protection::WriteCopy, Protection::ReadWrite];

/// Table 8.2: a read-only, a copy-on-write and a writable view.
fn every_protection_gives_the_views_that_it_permits(stage: &Stage) {
    let file = stage.file("file", &pattern(5000));
    for protection in PROTECTIONS {
        let writable = if protection == Protection::ReadWrite { 0 } else { 5 };
        let options = stage.mappings().protection(protection);
        for options in [options.clone().size(5000), options.file(&file)] {
            let mapping = options.create("n").unwrap();
            assert_eq!(mapping.protection(), protection);
            let views = [code(mapping.map()), code(mapping.map_copy()), code(mapping.map_mut())];
            assert_eq!(views, [0, 0, writable], "{mapping:?}");
        }
    }
}

fn memory_is_committed_if_nothing_is_said(stage: &Stage) {
    let mapping = stage.memory("n", 5000);
    assert_eq!(mapping.allocation(), Allocation::Commit);
    assert!(!mapping.is_file());
    mapping.map_mut().unwrap().fill(0, 2 * PAGE, 1).unwrap();
    let file = stage.file("file", &pattern(5000));
    let mapping = stage.mappings().file(&file).create("file").unwrap();
    assert!(mapping.is_file());
    assert_eq!(mapping.map().unwrap().read_vec(0, 5000).unwrap(), pattern(5000));
}

fn committing_says_nothing_new_of_a_file(stage: &Stage) {
    let options = stage.mappings().allocation(Allocation::Commit);
    let memory = options.clone().size(5000).create("n").unwrap();
    memory.map_mut().unwrap().fill(0, 2 * PAGE, 1).unwrap();
    let file = stage.file("file", &pattern(5000));
    let mapping = options.file(&file).create("file").unwrap();
    assert_eq!(mapping.map().unwrap().read_vec(0, 5000).unwrap(), pattern(5000));
}

fn memory_can_be_reserved_and_a_file_has_its_pages(stage: &Stage) {
    let options = stage.mappings().allocation(Allocation::Reserve);
    let memory = options.clone().size(5000).create("n").unwrap();
    assert_eq!(memory.allocation(), Allocation::Reserve);
    let file = stage.file("file", &pattern(5000));
    let mapping = options.file(&file).create("file").unwrap();
    assert_eq!(mapping.map().unwrap().read_vec(0, 5000).unwrap(), pattern(5000));
}

fn large_pages_cannot_be_reserved(stage: &Stage) {
    let options = stage.mappings().large_pages(LargePages::Required).allocation(Allocation::Reserve);
    assert_eq!(code(options.clone().size(1 << 30).create("n")), 87);
    let file = stage.file("file", &pattern(5000));
    assert_eq!(code(options.file(&file).create("n")), 87);
}

fn a_file_has_no_large_pages(stage: &Stage) {
    let file = stage.file("file", &pattern(5000));
    let options = stage.mappings().large_pages(LargePages::Required).file(&file);
    assert_eq!(code(options.create("n")), 87);
    assert_eq!(code(options.create_unnamed()), 87);
}

fn a_new_handle_has_the_rights_of_its_protection_and_not_that_to_wait(stage: &Stage) {
    for protection in PROTECTIONS {
        let mapping = stage.mappings().size(1).protection(protection).create("n").unwrap();
        let write = if protection == Protection::ReadWrite { Access::WRITE } else { Access::empty() };
        assert_eq!(mapping.access(), Access::QUERY | Access::READ | write, "{protection:?}");
    }
}

fn the_right_to_wait_for_a_mapping_is_refused(stage: &Stage) {
    let _mapping = stage.memory("n", 1);
    for access in [Access::SYNCHRONIZE, Access::SYNCHRONIZE | Access::READ] {
        assert_eq!(code(stage.open("n", access)), 5, "{access:?}");
    }
    let all = stage.open("n", Access::ALL).unwrap();
    assert!(!all.access().contains(Access::SYNCHRONIZE), "all rights are all that mappings have");
}
