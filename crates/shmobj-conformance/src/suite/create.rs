//! Section 3.1: creating.

use shmobj::{Access, Mutex, Timeout, transfer};

use crate::case::{Remark, Role, Test, role, test};
use crate::kinds::{self, KINDS};
use crate::objects::{Objects, PAGE, code};
use crate::process::Cue;
use crate::stage::Stage;
use crate::suite::members::member;

pub(super) const TESTS: &[Test] = &[
    test!(["CR-1"], a_new_handle_has_all_rights_of_its_kind),
    test!(["CR-6"], a_file_is_not_touched_when_the_name_exists),
    test!(["CR-7"], what_is_created_without_more_is_for_every_process_of_its_user),
    test!(["CR-7"], what_is_created_without_more_is_inherited_by_nobody),
];

pub(super) const ROLES: &[Role] = &[role!(has_inherited_nothing)];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(
        &["CR-2"],
        "does not hold: creating asks for the rights that the new handle has, and whoever is granted those is let in. Not tested: it needs two users",
    ),
    Remark::new(
        &["CR-3", "CR-4", "CR-5"],
        "cannot be said here: creating grants all rights of the kind; `open` and `try_clone_with` make handles with fewer",
    ),
    Remark::new(&["CR-8", "CR-9"], "`Security` is a type, which cannot be malformed"),
    Remark::new(&["CR-10"], "options have no bits that are not defined"),
];
pub(super) const NOTES: &[Remark] = &[Remark::new(&["CR-1"], "rights are `Access`")];

fn a_new_handle_has_all_rights_of_its_kind(stage: &Stage) {
    let memory = stage.memory("memory", PAGE as u64);
    assert!(memory.access().contains(Access::READ_WRITE | Access::QUERY));
    memory.map_mut().unwrap().write_at(0, b"x").unwrap();
    assert_eq!(memory.map().unwrap().read_vec(0, 1).unwrap(), b"x");

    let event = stage.events().create("event").unwrap();
    assert!(event.access().contains(Access::QUERY | Access::MODIFY | Access::SYNCHRONIZE));
    event.set().unwrap();
    event.state().unwrap();
    assert!(event.wait(Timeout::NOW).unwrap());

    let semaphore = stage.semaphore("semaphore", 0, 1);
    assert!(semaphore.access().contains(Access::QUERY | Access::MODIFY | Access::SYNCHRONIZE));
    semaphore.release(1).unwrap();
    semaphore.state().unwrap();
    assert!(semaphore.wait(Timeout::NOW).unwrap());

    let timer = stage.timers().create("timer").unwrap();
    assert!(timer.access().contains(Access::QUERY | Access::MODIFY | Access::SYNCHRONIZE));
    timer.cancel().unwrap();
    timer.state().unwrap();
    assert!(!timer.wait(Timeout::NOW).unwrap());

    let mutex = stage.mutex("mutex");
    assert!(mutex.access().contains(Access::QUERY | Access::SYNCHRONIZE));
    mutex.state().unwrap();
    drop(mutex.lock().unwrap());

    let job = stage.job("job");
    let rights = Access::QUERY | Access::MODIFY | Access::ASSIGN | Access::TERMINATE | Access::SYNCHRONIZE;
    assert!(job.access().contains(rights));
    job.set_limits(&job.limits().unwrap()).unwrap();
    let process = member(stage, &job);
    job.assign(process.pid()).unwrap();
    job.terminate(1).unwrap();
    assert!(job.wait(Timeout::NOW).unwrap());
}

/// Whatever is the matter with the file: the name may win, or the file's error.
fn a_file_is_not_touched_when_the_name_exists(stage: &Stage) {
    let _memory = stage.memory("n", PAGE as u64);
    let file = stage.file("file", b"short");
    let grown = code(stage.mappings().file(&file).size(100_000).create("n"));
    assert!(matches!(grown, 0 | 5 | 8 | 112), "{grown}");
    assert_eq!(stage.contents("file"), b"short", "it would have had to grow");

    let _event = stage.events().create("event").unwrap();
    let grown = code(stage.mappings().file(&file).size(100_000).create("event"));
    assert_eq!(grown, 6);
    assert_eq!(stage.contents("file"), b"short", "the name is an event's");
}

fn what_is_created_without_more_is_for_every_process_of_its_user(stage: &Stage) {
    for kind in KINDS {
        let _held = kinds::create(stage, kind, kind.as_str()).unwrap();
        stage.child("opens", &[kind.as_str(), kind.as_str()]).expect("opened");
        stage.child("creates", &[kind.as_str(), kind.as_str()]).expect("existed");
    }
}

fn what_is_created_without_more_is_inherited_by_nobody(stage: &Stage) {
    for kind in KINDS {
        let held = kinds::create(stage, kind, "n").unwrap();
        let mut child = stage.child("has_inherited_nothing", &[]);
        child.expect("nothing");
        drop(held);
        assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 2, "{kind}: the child does not hold it");
        child.tell("end");
        child.wait();
    }
}

fn has_inherited_nothing(cue: &Cue) {
    assert_eq!(transfer::roles(), [""; 0]);
    assert_eq!(code(transfer::inherited::<Mutex>("n")), 2);
    cue.say("nothing");
    cue.hear();
}
