//! Section 1: objects, handles and views.

use shmobj::{Access, Lock};

use crate::case::{Remark, Role, Test, role, test};
use crate::kinds::{self, KINDS};
use crate::objects::{FAR_AWAY, Objects, PAGE, code};
use crate::process::Cue;
use crate::stage::Stage;
use crate::threads::LONG;
use crate::touch;

pub(super) const TESTS: &[Test] = &[
    test!(["O-1"], an_object_outlives_its_creator_and_each_handle_has_rights_of_its_own),
    test!(["O-3"], the_name_ends_with_the_last_handle_and_the_memory_with_the_last_view),
    test!(["O-4"], no_object_is_permanent),
    test!(["O-5"], a_process_that_ends_leaves_its_handles_its_views_and_its_mutexes),
    test!(["O-8"], handles_and_views_are_closed_in_any_order),
];

pub(super) const ROLES: &[Role] = &[role!(makes_memory_and_a_mutex)];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["O-2"], "a handle is a value, and not a number that could be passed"),
    Remark::new(&["O-6"], "a wait borrows its handle, so nobody can close it meanwhile"),
    Remark::new(
        &["O-7"],
        "cannot be said here: an object's security is fixed when it is made, so nothing changes that a handle's rights could outlast",
    ),
    Remark::new(&["O-9"], "there is no operation that names or renames an object"),
];
pub(super) const NOTES: &[Remark] = &[
    Remark::new(
        &["O-3"],
        "handles and views are tested; a wait borrows its handle, so no waiter is there without one",
    ),
    Remark::new(&["O-5"], "in which order it happens is not seen"),
];

/// Has memory, a view of it and a mutex that it owns; ends as it is told.
fn makes_memory_and_a_mutex(cue: &Cue) {
    let memory = cue.memory("memory", PAGE as u64);
    let view = memory.map_mut().unwrap();
    view.write_at(0, b"here").unwrap();
    let mutex = cue.mutex("mutex");
    let _event = cue.events().create("event").unwrap();
    let _guard = mutex.lock().unwrap();
    cue.say("ready");
    match cue.hear().as_str() {
        // The guard would release the mutex.
        "exit" => std::process::exit(0),
        "crash" => _ = touch::read(std::ptr::without_provenance(FAR_AWAY)),
        other => panic!("what is {other}?"),
    }
}

fn an_object_outlives_its_creator_and_each_handle_has_rights_of_its_own(stage: &Stage) {
    let mut creator = stage.child("makes_memory_and_a_mutex", &[]);
    creator.expect("ready");
    let all = stage.open("memory", Access::ALL).unwrap();
    let reader = stage.open("memory", Access::READ).unwrap();
    creator.kill();
    assert!(all.is_same_object(&reader));
    let view = all.map_mut().unwrap();
    assert_eq!(view.read_vec(0, 4).unwrap(), b"here");
    view.write_at(0, b"HERE").unwrap();
    assert_eq!(reader.map().unwrap().read_vec(0, 4).unwrap(), b"HERE");
    assert_eq!(code(reader.map_mut()), 5);
    assert!(stage.open("memory", Access::ALL).is_ok(), "it has its name");
}

fn the_name_ends_with_the_last_handle_and_the_memory_with_the_last_view(stage: &Stage) {
    let memory = stage.memory("n", PAGE as u64);
    let one = memory.map_mut().unwrap();
    let other = memory.map().unwrap();
    drop(memory);
    assert_eq!(code(stage.open("n", Access::READ)), 2);
    one.write_at(10, b"still here").unwrap();
    assert_eq!(other.read_vec(10, 10).unwrap(), b"still here");
    drop(one);
    assert_eq!(other.read_vec(10, 10).unwrap(), b"still here");
}

fn no_object_is_permanent(stage: &Stage) {
    for kind in KINDS {
        drop(kinds::create(stage, kind, "n").unwrap());
        assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 2, "{kind}");
        let mut other = stage.child("creates", &[kind.as_str(), "n"]);
        other.expect("new");
        assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 0, "{kind}");
        other.tell("drop it");
        other.expect("dropped");
        assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 2, "{kind}, while its creator lives");
    }
}

fn a_process_that_ends_leaves_its_handles_its_views_and_its_mutexes(stage: &Stage) {
    for ends in ["exit", "crash", "killed"] {
        let mut process = stage.child("makes_memory_and_a_mutex", &[]);
        process.expect("ready");
        let mutex = stage.mutexes().open("mutex", Access::ALL).unwrap();
        assert!(mutex.try_lock().unwrap().is_none(), "the process owns it");
        match ends {
            "exit" => {
                process.tell(ends);
                process.wait();
            }
            "crash" => {
                process.tell(ends);
                process.faults();
            }
            _ => process.kill(),
        }
        assert_eq!(code(stage.open("memory", Access::READ)), 2, "{ends}");
        assert_eq!(code(stage.events().open("event", Access::ALL)), 2, "{ends}");
        let lock = mutex.lock_timeout(LONG).unwrap().expect("nobody owns it");
        assert!(matches!(lock, Lock::Abandoned(_)), "{ends}");
        let anew = stage.memory("memory", PAGE as u64);
        assert!(!anew.existed());
        assert_eq!(anew.map().unwrap().read_vec(0, 4).unwrap(), [0; 4], "its memory is gone");
    }
}

fn handles_and_views_are_closed_in_any_order(stage: &Stage) {
    let memory = stage.memory("n", PAGE as u64);
    let view = memory.map_mut().unwrap();
    view.write_at(0, b"kept").unwrap();
    drop(view);
    assert_eq!(memory.map().unwrap().read_vec(0, 4).unwrap(), b"kept", "the handle is open");
    let view = memory.map().unwrap();
    let second = memory.try_clone().unwrap();
    drop(memory);
    assert_eq!(view.read_vec(0, 4).unwrap(), b"kept");
    assert_eq!(second.map().unwrap().read_vec(0, 4).unwrap(), b"kept");
    drop(second);
    assert_eq!(view.read_vec(0, 4).unwrap(), b"kept", "no handle is open");
}
