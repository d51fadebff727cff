//! Section 5.3: handles made from handles, and handed to other processes.

use shmobj::transfer::{self, Deposit, InheritExt, Transfer};
use shmobj::{Access, Event, Kind, Mutex, Reset, Result, Timeout};

use crate::case::{Remark, Role, Test, role, test, windows_test};
use crate::kinds::{self, KINDS};
use crate::looks::is_set;
use crate::objects::{Objects, PAGE, code};
use crate::process::Cue;
use crate::stage::Stage;
use crate::threads::{LONG, until};

pub(super) const TESTS: &[Test] = &[
    test!(["DH-1"], a_duplicate_has_the_rights_of_its_source),
    test!(["DH-2"], a_duplicate_has_the_fewer_rights_that_are_asked_for),
    test!(["DH-3", "DH-24"], a_duplicate_has_more_rights_if_the_object_grants_them),
    test!(["DH-4"], a_duplicate_can_have_no_right_at_all),
    test!(["DH-5"], all_rights_are_those_of_the_kind),
    test!(["DH-6"], rights_that_the_kind_does_not_have_are_5),
    test!(["DH-7"], what_is_no_handle_there_is_6),
    test!(["DH-8", "DH-11"], a_process_that_is_gone_is_6),
    windows_test!(["DH-10"], a_target_that_has_ended_is_5),
    windows_test!(["DH-22"], a_handle_is_in_the_target_before_anybody_knows),
    test!(["DH-16"], a_duplicate_is_not_inherited_because_its_source_is),
    test!(["DH-20"], a_third_process_hands_a_handle_from_one_to_another),
    test!(["DH-21"], a_duplicate_leads_to_the_same_object),
];

pub(super) const ROLES: &[Role] = &[role!(offers), role!(claims), role!(idles)];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(
        &["DH-9"],
        "there are no handles to processes: a process is named by its number, and the system decides by the user; that needs two users",
    ),
    Remark::new(&["DH-12"], "cannot be said here: the number of the new handle is always returned"),
    Remark::new(
        &["DH-13", "DH-14", "DH-19"],
        "a handle is closed by dropping it, and by nobody else: there is no DUPLICATE_CLOSE_SOURCE",
    ),
    Remark::new(&["DH-15", "DH-17"], "handles have no flags"),
    Remark::new(&["DH-18"], "there are no pseudo handles, and none to processes and threads"),
    Remark::new(&["DH-23"], "duplicating has no options"),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(
        &["DH-3"],
        "that it is refused where the object does not grant it is not tested: it needs two users",
    ),
    Remark::new(&["DH-5"], "of the generic rights there is Access::ALL alone"),
    Remark::new(&["DH-6"], "rights that are not defined, also all bits, and rights that other kinds have"),
    Remark::new(&["DH-7"], "no handle is missing in safe Rust: a number that is none there is tested"),
    Remark::new(&["DH-8"], "processes are named by their numbers"),
    Remark::new(&["DH-10", "DH-22"], "on Linux a process takes handles; nobody can put them there"),
    Remark::new(&["DH-16"], "whether it is inherited is said to the command that starts the child"),
];

/// The number by which other processes take a handle.
#[cfg(target_os = "linux")]
fn number(handle: &impl std::os::fd::AsRawFd) -> String {
    handle.as_raw_fd().to_string()
}

#[cfg(windows)]
fn number(handle: &impl std::os::windows::io::AsRawHandle) -> String {
    handle.as_raw_handle().addr().to_string()
}

/// The handle that another process has under this number.
#[cfg(target_os = "linux")]
fn taken<T: Transfer>(pid: u32, number: &str) -> Result<T> {
    transfer::duplicate_from(pid, number.parse().unwrap())
}

#[cfg(windows)]
fn taken<T: Transfer>(pid: u32, number: &str) -> Result<T> {
    transfer::duplicate_from(pid, std::ptr::without_provenance_mut(number.parse().unwrap()))
}

fn a_duplicate_has_the_rights_of_its_source(stage: &Stage) {
    for kind in KINDS {
        for name in ["n", ""] {
            let source = kinds::create(stage, kind, name).unwrap();
            let duplicate = source.try_clone().unwrap();
            assert_eq!((duplicate.access(), duplicate.name()), (source.access(), name), "{kind}");
            let narrow = source.try_clone_with(Access::QUERY).unwrap();
            assert_eq!(narrow.try_clone().unwrap().access(), Access::QUERY, "{kind}");
        }
    }
    let mapping = stage.memory("memory", PAGE as u64);
    let reader = mapping.try_clone_with(Access::READ).unwrap().try_clone().unwrap();
    assert_eq!((code(reader.map()), code(reader.map_mut())), (0, 5));
}

fn a_duplicate_has_the_fewer_rights_that_are_asked_for(stage: &Stage) {
    for name in ["n", ""] {
        let mapping = stage.memory(name, PAGE as u64);
        let reader = mapping.try_clone_with(Access::READ).unwrap();
        assert_eq!((code(reader.map()), code(reader.map_mut())), (0, 5), "{name:?}");
        assert_eq!(code(mapping.map_mut()), 0, "its source keeps its own");
        drop((mapping, reader));
        let event = stage.event(name, Reset::Auto);
        let waiting = event.try_clone_with(Access::SYNCHRONIZE).unwrap();
        assert_eq!((code(waiting.set()), code(waiting.wait(Timeout::NOW))), (5, 0), "{name:?}");
        let modifying = event.try_clone_with(Access::MODIFY).unwrap();
        assert_eq!((code(modifying.set()), code(modifying.wait(Timeout::NOW))), (0, 5), "{name:?}");
    }
}

fn a_duplicate_has_more_rights_if_the_object_grants_them(stage: &Stage) {
    for name in ["n", ""] {
        let mapping = stage.memory(name, PAGE as u64);
        let reader = mapping.try_clone_with(Access::READ).unwrap();
        assert_eq!(code(reader.try_clone_with(Access::READ_WRITE).unwrap().map_mut()), 0, "{name:?}");
        drop((mapping, reader));
        let event = stage.event(name, Reset::Auto);
        let nothing = event.try_clone_with(Access::empty()).unwrap();
        nothing.try_clone_with(Access::MODIFY).unwrap().set().unwrap();
        assert!(event.wait(Timeout::NOW).unwrap(), "{name:?}");
    }
}

fn a_duplicate_can_have_no_right_at_all(stage: &Stage) {
    for kind in KINDS {
        let source = kinds::create(stage, kind, "n").unwrap();
        let nothing = source.try_clone_with(Access::empty()).unwrap();
        assert_eq!(nothing.access(), Access::empty(), "{kind}");
        drop(source);
        assert!(kinds::existed(&kinds::create(stage, kind, "n").unwrap()), "{kind}: it keeps the object");
    }
    let event = stage.event("event", Reset::Auto).try_clone_with(Access::empty()).unwrap();
    assert_eq!([code(event.set()), code(event.wait(Timeout::NOW)), code(event.state())], [5, 5, 5]);
}

fn all_rights_are_those_of_the_kind(stage: &Stage) {
    for kind in KINDS {
        let source = kinds::create(stage, kind, "n").unwrap();
        let nothing = source.try_clone_with(Access::empty()).unwrap();
        assert_eq!(nothing.try_clone_with(Access::ALL).unwrap().access(), source.access(), "{kind}");
    }
}

fn rights_that_the_kind_does_not_have_are_5(stage: &Stage) {
    for kind in KINDS {
        let source = kinds::create(stage, kind, "n").unwrap();
        let foreign = match kind {
            Kind::FileMapping => [Access::MODIFY, Access::SYNCHRONIZE | Access::READ],
            Kind::Job => [Access::READ, Access::SYNCHRONIZE | Access::WRITE],
            _ => [Access::TERMINATE, Access::SYNCHRONIZE | Access::WRITE],
        };
        let undefined = [u32::MAX, 0x80, 0x8000, 0x8000 | Access::ALL.bits()].map(Access::from_bits_retain);
        for access in foreign.into_iter().chain(undefined) {
            assert_eq!(code(source.try_clone_with(access)), 5, "{kind}, {access:?}");
        }
    }
}

fn what_is_no_handle_there_is_6(stage: &Stage) {
    const NONE: &str = "4000000";
    let this = std::process::id();
    assert_eq!(code(taken::<Event>(this, NONE)), 6);
    let mutex = stage.mutex("n");
    assert_eq!(code(taken::<Mutex>(this, &number(&mutex))), 0);
    assert_eq!(code(taken::<Event>(this, &number(&mutex))), 6, "of another kind");
    let mut other = stage.child("offers", &["other"]);
    other.hear();
    assert_eq!(code(taken::<Event>(other.pid(), NONE)), 6);
}

fn a_process_that_is_gone_is_6(stage: &Stage) {
    let mut offers = stage.child("offers", &["n"]);
    let (pid, number) = (offers.pid(), offers.hear());
    assert_eq!(code(taken::<Event>(pid, &number)), 0);
    // It ends, and is not waited for.
    offers.tell("end");
    until("it is gone", || taken::<Event>(pid, &number).is_err());
    assert_eq!(code(taken::<Event>(pid, &number)), 6, "it has ended");
    offers.wait();
    assert_eq!(code(taken::<Event>(pid, &number)), 6, "there is no such process");
}

/// Makes an event of a name (argument 0), says its number, and keeps it until it is told to end.
fn offers(cue: &Cue) {
    let event = cue.event(cue.argument(0), Reset::Auto);
    cue.say(number(&event));
    if cue.hear() == "wait" {
        cue.say(event.wait(LONG).unwrap().to_string());
        cue.hear();
    }
}

/// Lives until it is told something.
fn idles(cue: &Cue) {
    cue.say("ready");
    cue.hear();
}

#[cfg(windows)]
fn a_target_that_has_ended_is_5(stage: &Stage) {
    let event = stage.event("n", Reset::Auto);
    let mut target = stage.child("idles", &[]);
    target.expect("ready");
    let pid = target.pid();
    assert_eq!(code(transfer::duplicate_into(pid, &event)), 0);
    target.tell("end");
    until("it is gone", || transfer::duplicate_into(pid, &event).is_err());
    assert_eq!(code(transfer::duplicate_into(pid, &event)), 5);
    target.wait();
}

#[cfg(windows)]
fn a_handle_is_in_the_target_before_anybody_knows(stage: &Stage) {
    let event = stage.event("n", Reset::Auto);
    let mut target = stage.child("idles", &[]);
    target.expect("ready");
    let number = transfer::duplicate_into(target.pid(), &event).unwrap();
    drop(event);
    assert_eq!(code(stage.events().open("n", Access::ALL)), 0, "the target keeps it");
    assert_eq!(code(transfer::duplicate_from::<Event>(target.pid(), number)), 0, "it is valid there");
    target.kill();
    assert_eq!(code(stage.events().open("n", Access::ALL)), 2, "it is gone with the target");
}

fn a_duplicate_is_not_inherited_because_its_source_is(stage: &Stage) {
    let event = stage.event("n", Reset::Auto);
    let mut command = std::process::Command::new("never started");
    command.inherit("event", &event).unwrap();
    let duplicate = event.try_clone().unwrap();
    drop((command, event));
    let mut child = stage.child("idles", &[]);
    child.expect("ready");
    assert_eq!(code(stage.events().open("n", Access::ALL)), 0);
    drop(duplicate);
    assert_eq!(code(stage.events().open("n", Access::ALL)), 2, "the child does not have it");
}

fn a_third_process_hands_a_handle_from_one_to_another(stage: &Stage) {
    let mut one = stage.child("offers", &[""]);
    let number = one.hear();
    let event: Event = taken(one.pid(), &number).unwrap();
    let deposit = Deposit::in_namespace(stage.namespace(), &event).unwrap();
    let mut other = stage.child("claims", &[deposit.token()]);
    other.expect("set");
    assert_eq!(one.ask("wait"), "true");
}

/// Claims a deposit (argument 0), an event, and sets it.
fn claims(cue: &Cue) {
    let event: Event = transfer::claim_in(cue.namespace(), cue.argument(0)).unwrap();
    event.set().unwrap();
    cue.say("set");
}

fn a_duplicate_leads_to_the_same_object(stage: &Stage) {
    for name in ["n", ""] {
        let event = stage.event(name, Reset::Auto);
        let duplicate = event.try_clone().unwrap();
        assert!(transfer::same_object(&event, &duplicate));
        duplicate.set().unwrap();
        assert!(is_set(&event), "{name:?}");
        event.reset().unwrap();
        assert!(!is_set(&duplicate), "{name:?}");
        drop(event);
        duplicate.set().unwrap();
        assert!(is_set(&duplicate), "{name:?}: it is a handle of its own");
        drop(duplicate);
        let mapping = stage.memory(name, PAGE as u64);
        let duplicate = mapping.try_clone().unwrap();
        mapping.map_mut().unwrap().write_at(0, b"hi").unwrap();
        assert_eq!(duplicate.map().unwrap().read_vec(0, 2).unwrap(), b"hi");
    }
}
