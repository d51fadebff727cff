//! Section 11.1: the protection of pages of a view.

use crate::case::{Remark, Role, Test, role, test};
use crate::objects::{Objects, PAGE};
use crate::process::Cue;
use crate::stage::Stage;
use crate::touch;

pub(super) const TESTS: &[Test] = &[test!(["VP-8"], each_view_of_an_object_has_a_protection_of_its_own)];

pub(super) const ROLES: &[Role] = &[role!(writes_through_each_of_its_views)];

pub(super) const REASONS: &[Remark] = &[Remark::new(
    &["VP-1", "VP-2", "VP-3", "VP-4", "VP-5", "VP-6", "VP-7", "VP-9"],
    "a view keeps the protection that its type says; pages are not changed one by one",
)];

pub(super) const NOTES: &[Remark] = &[Remark::new(&["VP-8"], "protections as views are mapped with them")];

fn each_view_of_an_object_has_a_protection_of_its_own(stage: &Stage) {
    let mapping = stage.memory("n", PAGE as u64);
    let mut child = stage.child("writes_through_each_of_its_views", &[]);
    child.expect("written");
    child.faults();
    // Nobody else's views are other than they were.
    let view = mapping.map_mut().unwrap();
    touch::write(view.as_mut_ptr(), 2);
    assert_eq!(view.read_vec(0, 2).unwrap(), [2, 0], "what was written privately is not here");
}

fn writes_through_each_of_its_views(cue: &Cue) {
    let mapping = cue.memory("n", PAGE as u64);
    let (shared, copy, reader) =
        (mapping.map_mut().unwrap(), mapping.map_copy().unwrap(), mapping.map().unwrap());
    touch::write(shared.as_mut_ptr(), 1);
    touch::write(copy.as_mut_ptr().wrapping_add(1), 1);
    assert_eq!(touch::read(reader.as_ptr()), 1);
    cue.say("written");
    touch::write(reader.as_ptr().cast_mut(), 1);
    cue.say("written as well");
}
