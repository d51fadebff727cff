//! Section 13: how long names and contents live.

use std::time::Duration;

use shmobj::transfer::{self, AnyHandle, InheritExt};
use shmobj::{Access, Due, Lock, Timeout};

use crate::case::{Remark, Role, Test, role, test};
use crate::kinds::{self, KINDS};
use crate::objects::{Objects, PAGE, code};
use crate::process::Cue;
use crate::stage::Stage;
use crate::threads::{LONG, SHORT};

pub(super) const TESTS: &[Test] = &[
    test!(["LT-1", "LT-2", "LT-3"], a_name_ends_with_its_last_handle_and_memory_with_its_last_view),
    test!(["LT-1"], the_name_of_a_mapped_file_ends_with_its_last_handle),
    test!(["LT-4"], a_view_of_another_process_does_not_keep_the_name),
    test!(["LT-5"], what_somebody_holds_outlives_its_creator),
    test!(["LT-5"], what_is_in_memory_that_somebody_holds_outlives_its_creator),
    test!(["LT-6"], a_handle_that_a_child_inherited_keeps_the_name),
    test!(["LT-7"], the_name_is_gone_when_the_process_is_that_held_it),
    test!(["LT-8"], a_handle_that_its_process_knows_nothing_of_keeps_the_name),
    test!(["LT-9"], memory_without_handles_and_views_is_gone),
    test!(["LT-10"], what_was_written_into_a_file_is_there_and_the_file_is_free),
    test!(["LT-11"], a_file_and_its_mapping_are_closed_in_any_order),
    test!(["LT-13"], a_timer_that_is_closed_while_it_runs_is_gone),
    test!(["LT-15"], a_mutex_goes_with_its_owner_who_had_the_only_handle),
];

pub(super) const ROLES: &[Role] = &[
    role!(maps_and_closes),
    role!(writes_into_memory),
    role!(takes_what_it_inherited),
    role!(knows_of_nothing),
    role!(owns_a_mutex),
];

pub(super) const REASONS: &[Remark] =
    &[Remark::new(&["LT-12"], "a wait borrows its handle, so nobody can close it meanwhile")];
pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["LT-8"], "the handle is one that a child has inherited and never asked for"),
    Remark::new(&["LT-9"], "that the memory is the system's again is not seen through the interface"),
    Remark::new(
        &["LT-10"],
        "that the file is free is tested by making it shorter, which on Linux is never refused",
    ),
];

fn a_name_ends_with_its_last_handle_and_memory_with_its_last_view(stage: &Stage) {
    let memory = stage.memory("n", PAGE as u64);
    let view = memory.map_mut().unwrap();
    view.write_at(0, b"old").unwrap();
    drop(memory);
    assert_eq!(code(stage.open("n", Access::READ)), 2);

    let anew = stage.memory("n", PAGE as u64);
    assert!(!anew.existed());
    let other = anew.map_mut().unwrap();
    assert_eq!(other.read_vec(0, 3).unwrap(), [0; 3]);
    other.write_at(0, b"new").unwrap();

    assert_eq!(view.read_vec(0, 3).unwrap(), b"old");
    view.write_at(0, b"OLD").unwrap();
    assert_eq!(other.read_vec(0, 3).unwrap(), b"new");
}

fn the_name_of_a_mapped_file_ends_with_its_last_handle(stage: &Stage) {
    let file = stage.file("file", b"contents");
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let view = mapping.map().unwrap();
    drop(mapping);
    assert_eq!(code(stage.open("n", Access::READ)), 2);
    assert_eq!(view.read_vec(0, 8).unwrap(), b"contents");
}

/// Opens memory, maps it and closes the handle. Tells what it sees.
fn maps_and_closes(cue: &Cue) {
    let view = cue.open("n", Access::READ_WRITE).unwrap().map_mut().unwrap();
    cue.say("mapped");
    loop {
        cue.hear();
        cue.say(String::from_utf8(view.read_vec(0, 3).unwrap()).unwrap());
    }
}

fn a_view_of_another_process_does_not_keep_the_name(stage: &Stage) {
    let memory = stage.memory("n", PAGE as u64);
    memory.map_mut().unwrap().write_at(0, b"old").unwrap();
    let mut other = stage.child("maps_and_closes", &[]);
    other.expect("mapped");
    drop(memory);
    assert_eq!(code(stage.open("n", Access::READ)), 2);
    let anew = stage.memory("n", PAGE as u64);
    assert!(!anew.existed());
    let view = anew.map_mut().unwrap();
    assert_eq!(view.read_vec(0, 3).unwrap(), [0; 3]);
    view.write_at(0, b"new").unwrap();
    assert_eq!(other.ask("what do you see?"), "old");
}

fn what_somebody_holds_outlives_its_creator(stage: &Stage) {
    for kind in KINDS {
        for killed in [false, true] {
            let mut creator = stage.child("creates", &[kind.as_str(), "n"]);
            creator.expect("new");
            let held = kinds::open(stage, kind, "n", Access::ALL).unwrap();
            if killed {
                creator.kill();
            } else {
                creator.tell("drop it");
                creator.expect("dropped");
                creator.tell("end");
                creator.wait();
            }
            let again = kinds::create(stage, kind, "n").unwrap();
            assert!(kinds::existed(&again), "{kind}, killed: {killed}");
            assert!(transfer::same_object(&held, &again), "{kind}, killed: {killed}");
        }
    }
}

/// Creates memory, writes into it, and keeps it until it ends.
fn writes_into_memory(cue: &Cue) {
    let memory = cue.memory("n", PAGE as u64);
    memory.map_mut().unwrap().write_at(100, b"data").unwrap();
    cue.say("written");
    cue.hear();
    std::mem::forget(memory);
}

fn what_is_in_memory_that_somebody_holds_outlives_its_creator(stage: &Stage) {
    for killed in [false, true] {
        let mut creator = stage.child("writes_into_memory", &[]);
        creator.expect("written");
        let held = stage.open("n", Access::READ).unwrap();
        if killed {
            creator.kill();
        } else {
            creator.tell("end");
            creator.wait();
        }
        let opened = stage.open("n", Access::READ).unwrap();
        for mapping in [held, opened] {
            assert_eq!(mapping.map().unwrap().read_vec(100, 4).unwrap(), b"data", "killed: {killed}");
        }
    }
}

/// Takes the handle for the role `held`; closes it if it is told so, and otherwise ends with it.
fn takes_what_it_inherited(cue: &Cue) {
    let handle: AnyHandle = transfer::inherited("held").unwrap();
    cue.say("taken");
    match cue.hear().as_str() {
        "close it" => {
            drop(handle);
            cue.say("closed");
            cue.hear();
        }
        _ => std::mem::forget(handle),
    }
}

fn a_handle_that_a_child_inherited_keeps_the_name(stage: &Stage) {
    for kind in KINDS {
        for ends in ["closes", "exits", "is killed"] {
            let held = kinds::create(stage, kind, "n").unwrap();
            let mut child = stage.child_with("takes_what_it_inherited", &[], |command| {
                command.inherit("held", &held).unwrap();
            });
            child.expect("taken");
            drop(held);
            assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 0, "{kind}");
            match ends {
                "closes" => {
                    child.tell("close it");
                    child.expect("closed");
                    assert_eq!(
                        code(kinds::open(stage, kind, "n", Access::ALL)),
                        2,
                        "{kind}: the child {ends}"
                    );
                }
                "exits" => {
                    child.tell("end");
                    child.wait();
                }
                _ => child.kill(),
            }
            assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 2, "{kind}: the child {ends}");
        }
    }
}

fn the_name_is_gone_when_the_process_is_that_held_it(stage: &Stage) {
    for kind in KINDS {
        for _ in 0..5 {
            let mut holder = stage.child("creates", &[kind.as_str(), "n"]);
            holder.expect("new");
            assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 0, "{kind}");
            holder.kill();
            assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 2, "{kind}");
            assert!(!kinds::existed(&kinds::create(stage, kind, "n").unwrap()), "{kind}");
        }
    }
}

fn knows_of_nothing(cue: &Cue) {
    cue.say("ready");
    cue.hear();
}

fn a_handle_that_its_process_knows_nothing_of_keeps_the_name(stage: &Stage) {
    for kind in KINDS {
        let held = kinds::create(stage, kind, "n").unwrap();
        let mut child = stage.child_with("knows_of_nothing", &[], |command| {
            command.inherit("held", &held).unwrap();
        });
        child.expect("ready");
        drop(held);
        assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 0, "{kind}");
        child.tell("end");
        child.wait();
        assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 2, "{kind}");
    }
}

fn memory_without_handles_and_views_is_gone(stage: &Stage) {
    for first_goes_the_view in [false, true] {
        let memory = stage.memory("n", PAGE as u64);
        let view = memory.map_mut().unwrap();
        view.fill(0, PAGE, 0xA5).unwrap();
        if first_goes_the_view {
            drop(view);
            drop(memory);
        } else {
            drop(memory);
            drop(view);
        }
        let anew = stage.memory("n", PAGE as u64);
        assert!(!anew.existed());
        assert_eq!(anew.map().unwrap().read_vec(0, PAGE).unwrap(), [0; PAGE]);
    }
}

fn what_was_written_into_a_file_is_there_and_the_file_is_free(stage: &Stage) {
    let file = stage.file("file", &[b'.'; 2 * PAGE]);
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let view = mapping.map_mut().unwrap();
    view.write_at(5000, b"written").unwrap();
    drop((view, mapping));
    assert_eq!(stage.contents("file")[5000..5007], *b"written");
    file.set_len(10).expect("nobody maps it");
    assert_eq!(stage.contents("file"), [b'.'; 10]);
}

fn a_file_and_its_mapping_are_closed_in_any_order(stage: &Stage) {
    let file = stage.file("first", b"first");
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    drop(file);
    assert_eq!(mapping.map().unwrap().read_vec(0, 5).unwrap(), b"first");
    assert!(stage.open("n", Access::READ).is_ok());

    let file = stage.file("second", b"second");
    drop(stage.mappings().file(&file).create("other").unwrap());
    assert_eq!(file.metadata().unwrap().len(), 6);
    assert_eq!(stage.mappings().file(&file).create("other").unwrap().size(), 6);
}

fn a_timer_that_is_closed_while_it_runs_is_gone(stage: &Stage) {
    let timer = stage.timers().create("n").unwrap();
    timer.set(Due::after(Duration::from_millis(20)), None).unwrap();
    drop(timer);
    let anew = stage.timers().create("n").unwrap();
    assert!(!anew.existed());
    assert!(!anew.wait(SHORT).unwrap(), "nobody has set this one");
    assert!(!anew.wait(Timeout::NOW).unwrap());
}

/// Creates a mutex and owns it until it is killed, or told to end without releasing it.
fn owns_a_mutex(cue: &Cue) {
    let mutex = cue.mutexes().initially_owned(true).create("n").unwrap();
    assert!(!mutex.existed());
    cue.say("owned");
    cue.hear();
    std::process::exit(0);
}

fn a_mutex_goes_with_its_owner_who_had_the_only_handle(stage: &Stage) {
    for killed in [false, true] {
        let mut owner = stage.child("owns_a_mutex", &[]);
        owner.expect("owned");
        if killed {
            owner.kill();
        } else {
            owner.tell("end");
            owner.wait();
        }
        let anew = stage.mutex("n");
        assert!(!anew.existed(), "killed: {killed}");
        let lock = anew.lock_timeout(LONG).unwrap().expect("nobody owns it");
        assert!(matches!(lock, Lock::Acquired(_)), "killed: {killed}");
    }
}
