//! Handles to jobs: names, rights, and how they travel.

use std::process::Stdio;

use shmobj::transfer::{self, AnyHandle, Deposit, InheritExt};
use shmobj::{Access, ErrorKind, Event, Job, Kind, State, Timeout};

use crate::common::{Place, code, error};
use crate::peers::{command, start};
use crate::{EVERYTHING, NOBODY};

/// NS-1, O-1.
#[test]
fn a_job_is_found_by_its_name() {
    let place = Place::new();
    let first = place.jobs().max_processes(9).create("n").unwrap();
    let second = place.jobs().max_processes(3).create("n").unwrap();
    assert_eq!((first.existed(), second.existed()), (false, true));
    assert!(first.is_same_object(&second));
    assert_eq!((second.name(), second.access()), ("n", EVERYTHING));
    let looker = place.jobs().open("n", Access::QUERY).unwrap();
    assert!(looker.is_same_object(&first));
    assert!(!place.job("").is_same_object(&place.job("")));
    assert_eq!(code(place.jobs().create_new("n")), 183);
    drop((first, second, looker));
    assert_eq!(code(place.jobs().open("n", Access::QUERY)), 2);
    assert_eq!(place.entries(), [""; 0]);
}

/// NS-2, NS-3.
#[test]
fn a_name_of_a_job_is_no_name_of_another_kind() {
    let place = Place::new();
    let _job = place.job("n");
    let errors = [
        error(place.events().create("n")),
        error(place.mutexes().create("n")),
        error(place.semaphores().create("n")),
        error(place.timers().create("n")),
        error(place.options().size(4096).create("n")),
        error(place.open("n", Access::QUERY)),
        error(place.events().open("n", Access::QUERY)),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.win32_code()), (ErrorKind::WrongKind, 6), "{error}");
        assert!(error.to_string().contains("a job"), "{error}");
    }
    let _others: [AnyHandle; 5] = [
        place.event("event", shmobj::Reset::Auto).into(),
        place.mutex("mutex").into(),
        place.semaphore("semaphore", 1, 1).into(),
        place.timer("timer", shmobj::Reset::Auto).into(),
        place.memory("mapping", 4096).into(),
    ];
    for name in ["event", "mutex", "semaphore", "timer", "mapping"] {
        assert_eq!(code(place.jobs().create(name)), 6, "{name}");
        assert_eq!(code(place.jobs().create_new(name)), 6, "{name}");
        assert_eq!(code(place.jobs().open(name, Access::ALL)), 6, "{name}");
    }
}

/// OP-3 to OP-5.
#[test]
fn an_opened_handle_has_the_rights_that_were_asked_for() {
    let place = Place::new();
    let _job = place.job("n");
    for access in [
        Access::QUERY,
        Access::MODIFY,
        Access::SYNCHRONIZE,
        Access::ASSIGN,
        Access::TERMINATE,
        Access::ASSIGN | Access::TERMINATE,
        EVERYTHING,
    ] {
        assert_eq!(place.jobs().open("n", access).unwrap().access(), access);
    }
    assert_eq!(place.jobs().open("n", Access::ALL).unwrap().access(), EVERYTHING);
    for access in [Access::empty(), Access::READ, Access::WRITE | Access::ASSIGN] {
        assert_eq!(code(place.jobs().open("n", access)), 5, "{access:?}");
    }
    let _event = place.event("event", shmobj::Reset::Auto);
    for access in [Access::ASSIGN, Access::TERMINATE | Access::SYNCHRONIZE] {
        assert_eq!(code(place.events().open("event", access)), 5, "{access:?}");
    }
}

/// JA-8, JI-11, JT-7.
#[test]
fn a_handle_does_only_what_it_has_the_right_to() {
    let place = Place::new();
    let job = place.job("n");
    let (child, voice) = start(&place, &job, "stays");
    let limits = job.limits().unwrap();
    let own = std::process::id();
    let denied = |with: Access| {
        let job = place.jobs().open("n", with).unwrap();
        let tried = [
            (Access::ASSIGN, code(job.assign(child.id()))),
            (Access::QUERY, code(job.contains(own))),
            (Access::QUERY, code(job.processes())),
            (Access::QUERY, code(job.usage())),
            (Access::QUERY, code(job.limits())),
            (Access::QUERY, code(job.state())),
            (Access::MODIFY, code(job.set_limits(&limits))),
            (Access::SYNCHRONIZE, code(job.wait(Timeout::NOW))),
        ];
        if !with.contains(Access::MODIFY) {
            assert_eq!(code(job.notifications()), 5, "{with:?}");
        }
        for (right, code) in tried {
            assert_eq!(code, if with.contains(right) { 0 } else { 5 }, "{right:?} with {with:?}");
        }
        if !with.contains(Access::ASSIGN) {
            assert_eq!(code(job.spawn(&mut command(&place, "stays"))), 5, "{with:?}");
        }
        if !with.contains(Access::QUERY) {
            assert_eq!(code(job.spawn_breakaway(&mut command(&place, "stays"))), 5, "{with:?}");
        }
        if !with.contains(Access::TERMINATE) {
            assert_eq!(code(job.terminate(1)), 5, "{with:?}");
        }
        if !with.contains(Access::MODIFY) {
            assert_eq!((code(job.freeze()), code(job.thaw())), (5, 5), "{with:?}");
        }
    };
    for right in EVERYTHING.iter() {
        denied(right);
        denied(EVERYTHING - right);
    }
    assert_eq!(job.processes().unwrap(), [child.id()], "nothing has come of it");
    voice.ends();
}

/// What is never right.
#[test]
fn bad_parameters_are_refused() {
    let place = Place::new();
    let job = place.job("n");
    for pid in [0, NOBODY] {
        let refused = [error(job.assign(pid)), error(job.contains(pid))];
        for error in refused {
            assert_eq!(
                (error.kind(), error.win32_code()),
                (ErrorKind::InvalidParameter, 87),
                "{pid}: {error}"
            );
        }
    }
    assert_eq!(code(place.jobs().max_processes(0).create("other")), 87);
    assert_eq!(code(place.jobs().memory(0).create("other")), 87);
    assert_eq!(code(place.jobs().process_memory(0).create_new("other")), 87);
    assert_eq!(code(place.jobs().cpu_time(std::time::Duration::ZERO).create("")), 87);
    assert_eq!(code(job.set_limits(&shmobj::job::Limits::new().max_processes(0))), 87);
    assert_eq!(code(place.jobs().open("other", Access::QUERY)), 2, "no job was made");
}

/// DH-1 to DH-6.
#[test]
fn a_duplicate_is_a_handle_with_rights_of_its_own() {
    let place = Place::new();
    for name in ["n", ""] {
        let job = place.job(name);
        let looker = job.try_clone_with(Access::QUERY).unwrap();
        assert!(looker.is_same_object(&job) && looker.existed());
        assert_eq!(looker.access(), Access::QUERY);
        assert_eq!(code(looker.terminate(1)), 5);
        let ender = looker.try_clone_with(Access::TERMINATE).unwrap(); // DH-3
        ender.terminate(1).unwrap();
        assert_eq!(looker.state().unwrap(), State::Job { signaled: true });
        assert_eq!(code(job.try_clone_with(Access::READ)), 5);
    }
}

#[test]
fn a_job_can_be_inherited() {
    let place = Place::new();
    let job = Job::options().create_unnamed().unwrap();
    let (_child, voice) = start(&place, &job, "stays");
    let mut heir = command(&place, "inherits");
    heir.inherit("the job", &job).unwrap();
    let output = heir.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("> 1") && told.contains("> terminated"), "{told}");
    voice.is_silenced();
    assert!(job.wait(Timeout::NOW).unwrap());
}

/// And not by those that are not promised it: such a handle would keep the job alive (JL-5).
#[test]
fn a_process_in_the_job_does_not_keep_the_job() {
    let place = Place::new();
    let job = place.jobs().kill_on_close(true).create("n").unwrap();
    let (_child, voice) = start(&place, &job, "has a child");
    voice.hears();
    drop(job);
    voice.is_silenced();
}

#[test]
fn a_job_can_be_deposited() {
    let place = Place::new();
    for name in ["n", ""] {
        let job = place.jobs().kill_on_close(true).create(name).unwrap();
        let deposit = Deposit::in_namespace(&place.namespace, &job).unwrap();
        let claimed: AnyHandle = transfer::claim_in(&place.namespace, deposit.token()).unwrap();
        assert_eq!((claimed.kind(), claimed.name()), (Kind::Job, name));
        let claimed = Job::try_from(claimed).unwrap();
        assert!(claimed.is_same_object(&job));
        drop((job, deposit));
        let (_child, voice) = start(&place, &claimed, "stays");
        drop(claimed);
        voice.is_silenced();
    }
    assert_eq!(code(Event::try_from(AnyHandle::from(place.job("")))), 6);
}

#[test]
fn a_job_shows_its_name_and_rights_when_debugged() {
    let place = Place::new();
    let job = place.job("build 42");
    let text = format!("{:?}", job.try_clone_with(Access::TERMINATE).unwrap());
    assert!(text.starts_with("Job") && text.contains("build 42") && text.contains("TERMINATE"), "{text}");
}
