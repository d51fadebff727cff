//! Section 5.4: handles that children inherit. A child takes them by the roles that parent and child agree on; that is the number
//! of the handle on Windows, and those of descriptors on Linux.

use std::collections::BTreeMap;

use shmobj::transfer::{self, AnyHandle, InheritExt};
use shmobj::{Access, Kind, Reset, Timeout};

use crate::case::{Remark, Role, Test, role, test};
use crate::kinds::{self, KINDS};
use crate::objects::{FAR_AWAY, Objects, PAGE, code};
use crate::owners::own;
use crate::process::{Cue, Process};
use crate::stage::Stage;
use crate::threads::LONG;
use crate::touch;

pub(super) const TESTS: &[Test] = &[
    test!(["IH-1", "IH-2"], a_child_has_what_it_inherits_with_its_rights),
    test!(["IH-2"], a_child_can_hand_on_what_it_inherited),
    test!(["IH-3", "IH-4"], a_child_has_nothing_that_it_did_not_inherit),
    test!(["IH-5"], a_child_has_no_more_than_its_command_was_given).but_windows(
        "a child that is started meanwhile inherits as well what another command was given",
        "the child does not have it",
    ),
    test!(["IH-6"], views_are_not_inherited),
    test!(["IH-7"], what_the_parent_does_afterwards_does_not_matter),
    test!(["IH-9"], an_inherited_handle_keeps_the_name),
    test!(["IH-10"], closing_in_one_process_closes_nothing_in_the_other),
    test!(["IH-11"], owning_a_mutex_is_not_inherited),
];

pub(super) const ROLES: &[Role] = &[role!(heir), role!(touches), role!(hands_on)];

pub(super) const REASONS: &[Remark] =
    &[Remark::new(&["IH-8"], "there are no pseudo handles, and the library chooses the numbers of handles")];

pub(super) const NOTES: &[Remark] =
    &[Remark::new(&["IH-1", "IH-2"], "handles have no flags: a command is given what its children inherit")];

/// Takes what it is told to take, and does things to it. Answers with Win32 codes.
fn heir(cue: &Cue) {
    let mut handles: BTreeMap<String, AnyHandle> = BTreeMap::new();
    loop {
        let order = cue.hear();
        let (verb, role) = order.split_once(' ').expect("a verb and a role");
        cue.say(match (verb, handles.get(role)) {
            ("take", _) => match transfer::inherited::<AnyHandle>(role) {
                Ok(handle) => {
                    let answer = format!("{} {:?}", handle.kind(), handle.access());
                    handles.insert(role.to_owned(), handle);
                    answer
                }
                Err(error) => error.win32_code().to_string(),
            },
            ("drop", Some(_)) => {
                handles.remove(role);
                "dropped".to_owned()
            }
            ("set", Some(AnyHandle::Event(event))) => code(event.set()).to_string(),
            ("wait", Some(AnyHandle::Event(event))) => event.wait(LONG).unwrap().to_string(),
            ("lock", Some(AnyHandle::Mutex(mutex))) => {
                mutex.try_lock().unwrap().map(std::mem::forget).is_some().to_string()
            }
            ("release", Some(AnyHandle::Mutex(mutex))) => code(mutex.release()).to_string(),
            ("read", Some(AnyHandle::FileMapping(mapping))) => {
                String::from_utf8(mapping.map().unwrap().read_vec(0, 2).unwrap()).unwrap()
            }
            ("may write", Some(AnyHandle::FileMapping(mapping))) => code(mapping.map_mut()).to_string(),
            other => panic!("what is {other:?}?"),
        });
    }
}

/// What an heir says when it takes this.
fn taken(handle: &AnyHandle) -> String {
    format!("{} {:?}", handle.kind(), handle.access())
}

#[track_caller]
fn start(stage: &Stage, inherits: &[(&str, &AnyHandle)]) -> Process {
    stage.child_with("heir", &[], |command| {
        for (role, handle) in inherits {
            command.inherit(role, *handle).unwrap();
        }
    })
}

fn event(stage: &Stage, name: &str) -> AnyHandle {
    stage.event(name, Reset::Auto).into()
}

fn wait_for(event: &AnyHandle) -> bool {
    let AnyHandle::Event(event) = event else { panic!("it is an event") };
    event.wait(LONG).unwrap()
}

fn a_child_has_what_it_inherits_with_its_rights(stage: &Stage) {
    for kind in KINDS {
        let named = kinds::create(stage, kind, kind.as_str()).unwrap();
        let unnamed = kinds::create(stage, kind, "").unwrap();
        let narrow = match kind {
            Kind::FileMapping => Access::READ,
            _ => Access::SYNCHRONIZE,
        };
        let narrow = named.try_clone_with(narrow).unwrap();
        let mut child = start(stage, &[("named", &named), ("unnamed", &unnamed), ("narrow", &narrow)]);
        for (role, handle) in [("unnamed", &unnamed), ("narrow", &narrow), ("named", &named)] {
            assert_eq!(child.ask(&format!("take {role}")), taken(handle), "{kind}, {role}");
        }
    }
    // It is the same object.
    let event = event(stage, "");
    let mut child = start(stage, &[("event", &event)]);
    assert_eq!(child.ask("take event"), taken(&event));
    assert_eq!(child.ask("set event"), "0");
    assert!(wait_for(&event));
}

fn a_child_can_hand_on_what_it_inherited(stage: &Stage) {
    let event = event(stage, "");
    let mut child = stage.child_with("hands_on", &[], |command| {
        command.inherit("event", &event).unwrap();
    });
    child.expect("the grandchild has set it");
    assert!(wait_for(&event));
}

/// Lets a child of its own inherit what it has inherited, and set it.
fn hands_on(cue: &Cue) {
    let event: AnyHandle = transfer::inherited("event").unwrap();
    let mut child = Process::start("inherit", "heir", &cue.path(""), &[], |command| {
        command.inherit("event", &event).unwrap();
    });
    assert_eq!(child.ask("take event"), taken(&event));
    assert_eq!(child.ask("set event"), "0");
    cue.say("the grandchild has set it");
}

fn a_child_has_nothing_that_it_did_not_inherit(stage: &Stage) {
    for kind in KINDS {
        let named = kinds::create(stage, kind, "n").unwrap();
        let mut child = stage.child("heir", &[]);
        assert_eq!(child.ask("take n"), "2", "{kind}: nothing was inherited");
        drop(named);
        assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 2, "{kind}: the child does not have it");
    }
    let (given, kept) = (event(stage, "given"), event(stage, "kept"));
    let mut child = start(stage, &[("given", &given)]);
    assert_eq!(child.ask("take kept"), "2");
    assert_eq!(child.ask("take given"), taken(&given));
    drop((given, kept));
    assert_eq!(code(stage.events().open("kept", Access::ALL)), 2);
    assert_eq!(code(stage.events().open("given", Access::ALL)), 0, "the child has it");
}

fn a_child_has_no_more_than_its_command_was_given(stage: &Stage) {
    let (one, other) = (event(stage, "one"), event(stage, "other"));
    let mut command = std::process::Command::new("never started");
    command.inherit("other", &other).unwrap();
    let mut child = start(stage, &[("one", &one)]);
    assert_eq!(child.ask("take other"), "2");
    assert_eq!(child.ask("take one"), taken(&one));
    drop((command, one, other));
    assert_eq!(code(stage.events().open("other", Access::ALL)), 2, "the child does not have it");
}

fn views_are_not_inherited(stage: &Stage) {
    let mapping = stage.memory("n", PAGE as u64);
    let view = mapping.view().address(FAR_AWAY).map_mut().unwrap();
    assert_eq!(view.as_ptr().addr(), FAR_AWAY);
    view.write_at(0, b"hi").unwrap();
    let inherits = |command: &mut std::process::Command| {
        command.inherit("memory", &mapping).unwrap();
    };
    let mut child = stage.child_with("touches", &[&FAR_AWAY.to_string()], inherits);
    child.expect("hi");
    child.tell("touch");
    child.faults();
}

/// Maps what it has inherited, and then touches the address (argument 0) at which its parent has a view.
fn touches(cue: &Cue) {
    let address: usize = cue.argument(0).parse().unwrap();
    let memory: shmobj::FileMapping = transfer::inherited("memory").unwrap();
    let own = memory.map().unwrap().read_vec(0, 2).unwrap();
    cue.say(String::from_utf8(own).unwrap());
    cue.hear();
    let byte = touch::read(std::ptr::with_exposed_provenance(address));
    cue.say(format!("there is {byte}"));
}

fn what_the_parent_does_afterwards_does_not_matter(stage: &Stage) {
    let unnamed = event(stage, "");
    let expected = taken(&unnamed);
    let mut child = start(stage, &[("event", &unnamed)]);
    drop(unnamed);
    assert_eq!(child.ask("take event"), expected);
    assert_eq!(child.ask("set event"), "0");
    assert_eq!(child.ask("wait event"), "true");
}

fn an_inherited_handle_keeps_the_name(stage: &Stage) {
    for kind in KINDS {
        let parents = kinds::create(stage, kind, "n").unwrap();
        let expected = taken(&parents);
        let mut closes = start(stage, &[("handle", &parents)]);
        let mut is_killed = start(stage, &[("handle", &parents)]);
        assert_eq!(closes.ask("take handle"), expected);
        drop(parents);
        assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 0, "{kind}");
        assert_eq!(closes.ask("drop handle"), "dropped");
        // The other one has it as well, though it has not looked.
        assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 0, "{kind}");
        assert_eq!(is_killed.ask("take handle"), expected);
        is_killed.kill();
        assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 2, "{kind}");
    }
}

fn closing_in_one_process_closes_nothing_in_the_other(stage: &Stage) {
    let (one, other) = (event(stage, "one"), event(stage, "other"));
    let mut child = start(stage, &[("one", &one), ("other", &other)]);
    assert_eq!(child.ask("take one"), taken(&one));
    assert_eq!(child.ask("take other"), taken(&other));
    assert_eq!(child.ask("drop one"), "dropped");
    let AnyHandle::Event(event) = &one else { panic!("it is an event") };
    event.set().unwrap();
    assert!(event.wait(Timeout::NOW).unwrap());
    drop(other);
    assert_eq!((child.ask("set other"), child.ask("wait other")), ("0".to_owned(), "true".to_owned()));
}

fn owning_a_mutex_is_not_inherited(stage: &Stage) {
    let mutex = stage.mutexes().initially_owned(true).create_unnamed().unwrap();
    let handle = mutex.try_clone().unwrap().into();
    let mut child = start(stage, &[("mutex", &handle)]);
    assert_eq!(child.ask("take mutex"), taken(&handle));
    assert_eq!(child.ask("lock mutex"), "false");
    assert_eq!(child.ask("release mutex"), "288");
    mutex.release().unwrap();
    assert_eq!(child.ask("lock mutex"), "true");
    assert!(mutex.try_lock().unwrap().is_none(), "it is the child's");
    assert_eq!(child.ask("release mutex"), "0");
    own(&mutex);
}
