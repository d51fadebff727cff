//! Section 6.6: large pages.

use shmobj::LargePages;

use crate::case::{Remark, Role, Test, test, windows_test};
use crate::objects::{Objects, code};
use crate::stage::Stage;

pub(super) const TESTS: &[Test] = &[
    windows_test!(["LP-1"], large_pages_need_a_privilege).but_wine("asks for none", "left: 0\n right: 1314"),
    test!(["LP-2"], large_pages_need_a_multiple_of_their_size).but_wine("takes any size", "it came to 0 "),
    test!(["LP-3"], more_large_pages_than_there_are_is_1450)
        .but_wine("makes them of ordinary ones", "it came to 0 "),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(
        &["LP-4", "LP-8"],
        "not tested: it needs large pages, which an administrator has to set aside or to permit",
    ),
    Remark::new(&["LP-5"], "not tested: it needs a machine that has none"),
    Remark::new(
        &["LP-6", "LP-7"],
        "views are not asked for large pages: those of an object that has them have them",
    ),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(
        &["LP-1"],
        "on Linux the pool of large pages is for everybody; that the error is this one is inferred",
    ),
    Remark::new(
        &["LP-2", "LP-3"],
        "on Windows without the privilege, 1314 may be said first: then the row is not seen",
    ),
    Remark::new(&["LP-3"], "that the error is this one is inferred"),
];

/// The code of a privilege that is missing, which Windows may look for first.
const PRIVILEGE_NOT_HELD: u32 = 1314;

fn required(stage: &Stage, size: u64) -> u32 {
    code(stage.mappings().size(size).large_pages(LargePages::Required).create("n"))
}

/// Nobody holds it who was not given it.
#[cfg(windows)]
fn large_pages_need_a_privilege(stage: &Stage) {
    assert_eq!(required(stage, 2 << 20), PRIVILEGE_NOT_HELD);
}

fn large_pages_need_a_multiple_of_their_size(stage: &Stage) {
    let refused = required(stage, 4096);
    assert!(refused == 87 || cfg!(windows) && refused == PRIVILEGE_NOT_HELD, "it came to {refused} ");
}

fn more_large_pages_than_there_are_is_1450(stage: &Stage) {
    let refused = required(stage, 1 << 42);
    assert!(refused == 1450 || cfg!(windows) && refused == PRIVILEGE_NOT_HELD, "it came to {refused} ");
}
