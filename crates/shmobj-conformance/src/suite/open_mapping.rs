//! Section 7: opening a mapping.

use shmobj::{Access, FileMapping, Protection};

use crate::case::{Remark, Role, Test, test};
use crate::objects::{Objects, PAGE, code, pattern};
use crate::stage::Stage;

pub(super) const TESTS: &[Test] = &[
    test!(["OF-1"], a_handle_that_reads_maps_what_cannot_change_the_object),
    test!(["OF-3", "OF-4"], a_handle_that_writes_maps_what_is_written_and_nothing_else),
    test!(["OF-5"], a_handle_with_both_rights_maps_every_view),
    test!(["OF-8"], no_right_at_all_is_5),
    test!(["OF-9"], all_rights_to_a_read_only_object_are_granted),
    test!(["OF-9"], all_rights_to_a_read_only_object_map_no_writable_view)
        .but_wine("maps it", "left: [0, 0, 0]\n right: [0, 0, 87]"),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(
        &["OF-2"],
        "does not hold: the bit is `Access::QUERY`, also alone, and maps nothing; who wants private pages asks for READ",
    ),
    Remark::new(&["OF-6", "OF-7"], "rights to execute are not offered"),
    Remark::new(&["OF-10"], "does not hold: every handle tells its object's size"),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["OF-1", "OF-4"], "views without any rights are not offered"),
    Remark::new(&["OF-9"], "the writable view is 87; that Windows does so is inferred, not documented"),
];

/// The codes of a read-only, a copy-on-write and a writable view.
fn views(mapping: &FileMapping) -> [u32; 3] {
    [code(mapping.map()), code(mapping.map_copy()), code(mapping.map_mut())]
}

/// What handles with these rights map, to memory and to a file that were made with a protection.
fn assert_views(stage: &Stage, protection: Protection, access: Access, expected: [u32; 3]) {
    let file = stage.file("file", &pattern(5000));
    let options = stage.mappings().protection(protection);
    let _memory = options.clone().size(PAGE as u64).create("memory").unwrap();
    let _file = options.file(&file).create("file").unwrap();
    for name in ["memory", "file"] {
        let mapping = stage.open(name, access).unwrap();
        assert!(mapping.existed());
        assert_eq!(views(&mapping), expected, "{name}, {protection:?}, {access:?}");
    }
}

fn a_handle_that_reads_maps_what_cannot_change_the_object(stage: &Stage) {
    for access in [Access::READ, Access::READ | Access::QUERY] {
        assert_views(stage, Protection::ReadWrite, access, [0, 0, 5]);
    }
}

fn a_handle_that_writes_maps_what_is_written_and_nothing_else(stage: &Stage) {
    for access in [Access::WRITE | Access::QUERY, Access::WRITE] {
        assert_views(stage, Protection::ReadWrite, access, [5, 5, 0]);
    }
}

fn a_handle_with_both_rights_maps_every_view(stage: &Stage) {
    for access in [Access::READ_WRITE, Access::READ_WRITE | Access::QUERY, Access::ALL] {
        assert_views(stage, Protection::ReadWrite, access, [0; 3]);
    }
}

fn no_right_at_all_is_5(stage: &Stage) {
    let _mapping = stage.memory("n", 1);
    assert_eq!(code(stage.open("n", Access::empty())), 5);
}

fn all_rights_to_a_read_only_object_are_granted(stage: &Stage) {
    for protection in [Protection::ReadOnly, Protection::WriteCopy] {
        let _first = stage.mappings().size(1).protection(protection).create("n").unwrap();
        let mapping = stage.open("n", Access::ALL).unwrap();
        assert!(mapping.access().contains(Access::READ_WRITE | Access::QUERY));
        assert_eq!(views(&mapping)[..2], [0, 0]);
    }
}

/// Section 8.3: first the rights of the handle, then the protection of the object.
fn all_rights_to_a_read_only_object_map_no_writable_view(stage: &Stage) {
    for protection in [Protection::ReadOnly, Protection::WriteCopy] {
        assert_views(stage, protection, Access::READ, [0, 0, 5]);
        assert_views(stage, protection, Access::ALL, [0, 0, 87]);
        assert_views(stage, protection, Access::WRITE, [5, 5, 87]);
    }
}
