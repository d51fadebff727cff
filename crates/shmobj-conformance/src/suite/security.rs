//! Section 4.5: who may open an object.
//!
//! A test is one user. On Linux that is the owner, whom nobody can deny anything; on Windows an owner can be denied, and so is here.

use shmobj::Access;
#[cfg(target_os = "linux")]
use shmobj::Security;
#[cfg(windows)]
use shmobj::{Principal, Security, Sid, Timeout};

use crate::case::{Remark, Role, Test, linux_test, test, windows_test};
use crate::kinds::{self, KINDS};
use crate::objects::Objects;
#[cfg(windows)]
use crate::objects::{PAGE, code};
use crate::stage::Stage;

pub(super) const TESTS: &[Test] = &[
    test!(["DA-1"], the_owner_has_every_right_by_default),
    windows_test!(["DA-3", "DA-5"], what_denies_everybody_denies_all_but_the_first_handle),
    windows_test!(["DA-6"], a_denial_wins_over_a_right),
    windows_test!(["DA-11"], a_duplicate_with_more_rights_is_checked_against_the_objects_list),
    linux_test!(["DA-12"], security_that_is_given_for_an_existing_object_changes_nothing),
    windows_test!(["DA-12"], security_that_is_given_for_an_existing_object_is_ignored),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(
        &["DA-2", "DA-7", "DA-8", "DA-9"],
        "the owner has every right, so that it needs two users: on Linux crates/shmobj-tests/tests/users has them",
    ),
    Remark::new(
        &["DA-10"],
        "the owner has every right, so that it needs two users; and on Linux who may wait for an event may set it",
    ),
    Remark::new(&["DA-4"], "READ_CONTROL and WRITE_DAC are no rights of this library: security is fixed at creation"),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["DA-1"], "that others have nothing needs two users: on Linux crates/shmobj-tests/tests/users has them"),
    Remark::new(
        &["DA-3", "DA-5", "DA-6", "DA-11"],
        "lists of Windows are not those of Linux, where the owner cannot be denied; the empty list is a denial of everybody",
    ),
];

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

#[cfg(windows)]
fn everybody() -> Principal {
    Principal::Sid("S-1-1-0".parse::<Sid>().unwrap())
}

/// Everybody who has logged on, and so this process's user.
#[cfg(windows)]
fn authenticated_users() -> Principal {
    Principal::Sid("S-1-5-11".parse::<Sid>().unwrap())
}

/// Nobody may open it any more.
#[cfg(windows)]
fn for_nobody() -> Security {
    Security::OWNER_ONLY.grant(everybody(), Access::empty())
}

#[cfg(windows)]
fn what_denies_everybody_denies_all_but_the_first_handle(stage: &Stage) {
    let mapping = stage.mappings().size(PAGE as u64).security(for_nobody()).create("memory").unwrap();
    for access in [Access::READ, Access::WRITE, Access::READ_WRITE, Access::ALL] {
        assert_eq!(code(stage.open("memory", access)), 5, "{access:?}");
    }
    assert_eq!(code(stage.mappings().size(PAGE as u64).create("memory")), 5);
    assert!(mapping.map_mut().is_ok() && mapping.map().is_ok(), "the first handle has all that was asked for");
    let event = stage.events().security(for_nobody()).create("event").unwrap();
    for access in [Access::SYNCHRONIZE, Access::MODIFY, Access::QUERY, Access::ALL] {
        assert_eq!(code(stage.events().open("event", access)), 5, "{access:?}");
    }
    assert_eq!(code(stage.events().create("event")), 5);
    event.set().unwrap();
    assert!(event.wait(Timeout::NOW).unwrap());
}

#[cfg(windows)]
fn a_denial_wins_over_a_right(stage: &Stage) {
    let security = for_nobody().grant(authenticated_users(), Access::ALL);
    let _event = stage.events().security(security).create("denied").unwrap();
    assert_eq!(code(stage.events().open("denied", Access::SYNCHRONIZE)), 5);
    let security = Security::OWNER_ONLY.grant(authenticated_users(), Access::ALL);
    let _event = stage.events().security(security).create("granted").unwrap();
    assert_eq!(code(stage.events().open("granted", Access::ALL)), 0);
}

#[cfg(windows)]
fn a_duplicate_with_more_rights_is_checked_against_the_objects_list(stage: &Stage) {
    let event = stage.events().security(for_nobody()).create("event").unwrap();
    let waiting = event.try_clone_with(Access::SYNCHRONIZE).unwrap();
    assert_eq!(code(waiting.try_clone_with(Access::SYNCHRONIZE | Access::MODIFY)), 5);
    assert_eq!(code(waiting.try_clone()), 0, "what it has is not looked up");
    let mapping = stage.mappings().size(PAGE as u64).security(for_nobody()).create("memory").unwrap();
    let reader = mapping.try_clone_with(Access::READ).unwrap();
    assert_eq!(code(reader.try_clone_with(Access::READ_WRITE)), 5);
    assert_eq!(code(mapping.try_clone_with(Access::READ_WRITE)), 0);
}

#[cfg(windows)]
fn security_that_is_given_for_an_existing_object_is_ignored(stage: &Stage) {
    let _held = stage.events().create("n").unwrap();
    let again = stage.events().security(for_nobody()).create("n").unwrap();
    assert!(again.existed());
    assert_eq!(code(stage.events().open("n", Access::ALL)), 0, "nobody is denied");
}
