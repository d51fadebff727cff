//! Section 3.2: opening.

use shmobj::{Access, Kind};

use crate::case::{Remark, Role, Test, test};
use crate::kinds::{self, KINDS, WAITABLE};
use crate::objects::code;
use crate::stage::Stage;

pub(super) const TESTS: &[Test] = &[
    test!(["OP-2"], the_empty_name_cannot_be_opened),
    test!(["OP-3"], what_is_not_there_is_of_another_kind_or_has_no_such_form_says_so),
    test!(["OP-4"], no_right_at_all_is_not_granted),
    test!(["OP-5"], a_right_that_the_kind_has_not_is_not_granted),
    test!(["OP-5"], a_right_that_another_kind_has_is_not_granted),
    test!(["OP-11"], the_name_is_read_before_the_object_is_looked_up_and_rights_come_last),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["OP-1"], "a name is a string, and never missing"),
    Remark::new(
        &["OP-6", "OP-7", "OP-8"],
        "does not hold: `Access` does not offer it, and its bits are refused with 5; `Access::ALL` is all that the kind has",
    ),
    Remark::new(&["OP-9"], "not tested: it needs two users, since the owner has every right"),
    Remark::new(&["OP-10"], "cannot be said here: a handle is given to a child when that is started (IH-1)"),
];
pub(super) const NOTES: &[Remark] = &[Remark::new(
    &["OP-5"],
    "the rights of OP-6 to OP-8, which this library does not offer, are refused too",
)];

fn the_empty_name_cannot_be_opened(stage: &Stage) {
    for kind in KINDS {
        let _unnamed = kinds::create(stage, kind, "").unwrap();
        assert_eq!(code(kinds::open(stage, kind, "", Access::ALL)), 6, "{kind}");
    }
}

fn what_is_not_there_is_of_another_kind_or_has_no_such_form_says_so(stage: &Stage) {
    for kind in KINDS {
        let open = |name: &str| code(kinds::open(stage, kind, name, Access::QUERY));
        let other = KINDS.into_iter().find(|other| *other != kind).unwrap();
        let _other = kinds::create(stage, other, "other").unwrap();
        assert_eq!(open("missing"), 2, "{kind}");
        assert_eq!(open("other"), 6, "{kind}");
        assert_eq!(open("a\\b"), 3, "{kind}");
        assert_eq!(open("Local\\"), 123, "{kind}");
        assert_eq!(open("\\a"), 161, "{kind}");
    }
}

fn no_right_at_all_is_not_granted(stage: &Stage) {
    for kind in KINDS {
        let _held = kinds::create(stage, kind, "n").unwrap();
        assert_eq!(code(kinds::open(stage, kind, "n", Access::empty())), 5, "{kind}");
    }
}

/// READ_CONTROL, WRITE_DAC, ACCESS_SYSTEM_SECURITY, MAXIMUM_ALLOWED, GENERIC_ALL and GENERIC_READ.
const NOT_OFFERED: [u32; 6] = [0x2_0000, 0x4_0000, 0x0100_0000, 0x0200_0000, 0x1000_0000, 0x8000_0000];

fn a_right_that_the_kind_has_not_is_not_granted(stage: &Stage) {
    for kind in KINDS {
        let _held = kinds::create(stage, kind, "n").unwrap();
        let undefined = Access::from_bits_retain(if kind == Kind::FileMapping { 0x80 } else { 0x8000 });
        for access in [undefined, undefined | Access::QUERY] {
            assert_eq!(code(kinds::open(stage, kind, "n", access)), 5, "{kind}, {access:?}");
        }
        for not_offered in NOT_OFFERED.map(Access::from_bits_retain) {
            for access in [not_offered, not_offered | Access::QUERY, not_offered | Access::ALL] {
                assert_eq!(code(kinds::open(stage, kind, "n", access)), 5, "{kind}, {access:?}");
            }
        }
        assert_eq!(code(kinds::open(stage, kind, "n", Access::QUERY)), 0, "{kind}");
    }
}

fn a_right_that_another_kind_has_is_not_granted(stage: &Stage) {
    for kind in WAITABLE {
        let _held = kinds::create(stage, kind, "n").unwrap();
        for access in [Access::READ, Access::READ | Access::SYNCHRONIZE] {
            assert_eq!(code(kinds::open(stage, kind, "n", access)), 5, "{kind}, {access:?}");
        }
        for access in [Access::ASSIGN, Access::TERMINATE | Access::SYNCHRONIZE] {
            let expected = if kind == Kind::Job { 0 } else { 5 };
            assert_eq!(code(kinds::open(stage, kind, "n", access)), expected, "{kind}, {access:?}");
        }
    }
}

fn the_name_is_read_before_the_object_is_looked_up_and_rights_come_last(stage: &Stage) {
    for kind in KINDS {
        let open = |name: &str| code(kinds::open(stage, kind, name, Access::empty()));
        let other = KINDS.into_iter().find(|other| *other != kind).unwrap();
        let _other = kinds::create(stage, other, "other").unwrap();
        let _held = kinds::create(stage, kind, "held").unwrap();
        let errors = ["\\a", "Local\\", "a\\b", "", "missing", "other", "held"].map(open);
        assert_eq!(errors, [161, 123, 3, 6, 2, 6, 5], "{kind}");
    }
}
