//! Section 0.2: what calls return.

use shmobj::transfer::AnyHandle;

use crate::case::{Remark, Role, Test, test};
use crate::kinds::{self, KINDS};
use crate::stage::Stage;

pub(super) const TESTS: &[Test] =
    &[test!(["C-5"], creating_tells_whether_the_object_is_new_and_nothing_older_than_that)];
pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(
        &["C-1", "C-2", "C-3", "C-4", "C-7", "C-8"],
        "every operation returns a `Result`: there is no last error that it could set or leave alone",
    ),
    Remark::new(&["C-6"], "a timer cannot be asked to wake the machine"),
    Remark::new(&["C-9"], "there are no output parameters"),
];
pub(super) const NOTES: &[Remark] = &[Remark::new(&["C-5"], "`existed` of the handle is the 183")];

fn creating_tells_whether_the_object_is_new_and_nothing_older_than_that(stage: &Stage) {
    for kind in KINDS {
        let create = |name: &str| -> AnyHandle { kinds::create(stage, kind, name).unwrap() };
        let first = create("n");
        let second = create("n");
        // Also right after one that existed.
        let unnamed = create("");
        let other = create("other");
        let third = create("n");
        let existed = [&first, &second, &unnamed, &other, &third].map(kinds::existed);
        assert_eq!(existed, [false, true, false, false, true], "{kind}");
    }
}
