//! Section 4.5: who may open an object.
//!
//! A test is one user: the owner, who has every right whatever else is said.

use shmobj::{Access, Security, Timeout};

use crate::case::{Remark, Role, Test, linux_test, test};
use crate::kinds::{self, KINDS};
use crate::objects::{Objects, PAGE};
use crate::stage::Stage;

pub(super) const TESTS: &[Test] = &[
    test!(["DA-1"], the_owner_has_every_right_by_default),
    test!(["DA-5"], the_first_handle_has_all_rights_whatever_the_security),
    linux_test!(["DA-12"], security_that_is_given_for_an_existing_object_changes_nothing),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["DA-2"], "not tested: it needs two users; `Security::mode(0o666)` says it"),
    Remark::new(
        &["DA-3"],
        "does not hold: the owner cannot be shut out, a `Security` always lets it in; that others have nothing is the default",
    ),
    Remark::new(
        &["DA-4"],
        "does not hold: READ_CONTROL and WRITE_DAC are no rights of `Access`, and their bits are refused with 5; security is fixed at creation",
    ),
    Remark::new(
        &["DA-6"],
        "does not hold: a `Security` has no order; a denial of a user always wins. On Linux the most specific entry decides, and a denial of a \
         group loses to another group of the same user; on Windows denials come before grants",
    ),
    Remark::new(
        &["DA-7"],
        "does not hold on Linux for creating: who may only read gets an existing mapping for reading, and not 5. Not tested: it needs two users",
    ),
    Remark::new(
        &["DA-8"],
        "not tested: it needs two users; said as a grant to read, since a denial takes all rights",
    ),
    Remark::new(&["DA-9"], "not tested: it needs two users"),
    Remark::new(
        &["DA-10"],
        "does not hold on Linux: every use of an event writes, so who may wait for it may set it; only a handle that was opened for one refuses \
         the other. On Windows not tested: it needs two users",
    ),
    Remark::new(
        &["DA-11"],
        "not tested: it needs two users; on Linux the kernel checks who opens it again, and a descriptor that is passed on carries its rights",
    ),
];

pub(super) const NOTES: &[Remark] =
    &[Remark::new(&["DA-1"], "that others have nothing is not tested: it needs two users")];

fn the_owner_has_every_right_by_default(stage: &Stage) {
    for kind in KINDS {
        let held = kinds::create(stage, kind, kind.as_str()).unwrap();
        let opened = kinds::open(stage, kind, kind.as_str(), Access::ALL).unwrap();
        assert_eq!(opened.access(), held.access(), "{kind}");
        let mut same_user = stage.child("opens", &[kind.as_str(), kind.as_str()]);
        same_user.expect("opened");
    }
}

#[cfg(target_os = "linux")]
fn security_that_is_given_for_an_existing_object_changes_nothing(stage: &Stage) {
    let held = stage.events().create("n").unwrap();
    let again = stage.events().security(Security::mode(0o666)).create("n").unwrap();
    assert!(again.existed());
    assert_eq!(stage.namespace().inspect("n").unwrap().mode, 0o600);
    drop((held, again));
    let _open = stage.events().security(Security::mode(0o666)).create("n").unwrap();
    assert_eq!(stage.namespace().inspect("n").unwrap().mode, 0o666, "a new one has it");
}

fn the_first_handle_has_all_rights_whatever_the_security(stage: &Stage) {
    for mode in [0, 0o600, 0o004, 0o666] {
        let name = format!("memory {mode:o}");
        let mapping =
            stage.mappings().size(PAGE as u64).security(Security::mode(mode)).create(&name).unwrap();
        assert_eq!(mapping.access(), stage.memory("other", PAGE as u64).access());
        assert!(mapping.map_mut().is_ok() && mapping.map_copy().is_ok());
        let event = stage.events().security(Security::mode(mode)).create(&format!("event {mode:o}")).unwrap();
        event.set().unwrap();
        assert!(event.wait(Timeout::NOW).unwrap() && event.state().is_ok());
    }
}
