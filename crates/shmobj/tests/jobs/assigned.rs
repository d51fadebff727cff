//! Running processes that are put into jobs.

use shmobj::ErrorKind;

use crate::common::sleeper::until;
use crate::common::{Place, code, error};
use crate::peers::{start, start_outside};

/// JA-1, JA-2.
#[test]
fn a_running_process_can_be_put_into_a_job() {
    let place = Place::new();
    let job = place.job("n");
    let (mut child, voice) = start_outside(&place, "answers");
    assert_eq!(voice.hears(), "here");
    assert!(!job.contains(child.id()).unwrap());
    job.assign(child.id()).unwrap();
    assert!(job.contains(child.id()).unwrap());
    assert_eq!(job.processes().unwrap(), [child.id()]);
    job.assign(child.id()).unwrap();
    assert_eq!(job.usage().unwrap().active_processes, 1);
    job.terminate(3).unwrap();
    voice.is_silenced();
    let status = child.wait().unwrap();
    assert!(!status.success());
    if cfg!(windows) {
        assert_eq!(status.code(), Some(3));
    }
}

#[test]
fn an_assigned_process_ends_when_the_job_is_closed() {
    let place = Place::new();
    let job = place.jobs().kill_on_close(true).create("n").unwrap();
    let (mut child, voice) = start_outside(&place, "stays");
    job.assign(child.id()).unwrap();
    drop(job);
    voice.is_silenced();
    child.wait().unwrap();
}

#[test]
fn an_assigned_process_leaves_the_job_when_it_ends() {
    let place = Place::new();
    let job = place.job("n");
    let (mut child, voice) = start_outside(&place, "stays");
    job.assign(child.id()).unwrap();
    voice.ends();
    child.wait().unwrap();
    until("it is out of the job", || job.processes().unwrap().is_empty());
    assert_eq!(job.usage().unwrap().total_processes, 1);
}

/// JA-6: its number is still its own, because nobody has waited for it.
#[test]
fn a_process_that_has_ended_cannot_be_put_into_a_job() {
    let place = Place::new();
    let job = place.job("n");
    let (mut child, voice) = start_outside(&place, "stays");
    voice.ends();
    let refused = || match job.assign(child.id()) {
        Err(error) => error.kind() == ErrorKind::AccessDenied,
        Ok(()) => false,
    };
    until("it has ended", refused);
    child.wait().unwrap();
    until("nobody is left", || job.processes().unwrap().is_empty());
}

/// JA-5.
#[test]
fn a_process_of_a_job_cannot_be_put_into_one_that_has_others() {
    let place = Place::new();
    let (one, other) = (place.job("one"), place.job("other"));
    let (child, first) = start(&place, &one, "stays");
    let (_member, second) = start(&place, &other, "stays");
    let error = error(other.assign(child.id()));
    assert_eq!((error.kind(), error.win32_code()), (ErrorKind::AccessDenied, 5), "{error}");
    assert!(error.remedy().is_some());
    assert!(!other.contains(child.id()).unwrap());
    first.ends();
    second.ends();
}

/// JA-3, JA-4.
#[test]
fn a_process_of_a_job_can_be_put_into_a_new_one_which_is_inside_then() {
    let place = Place::new();
    let (outer, inner) = (place.job("outer"), place.job("inner"));
    let (first, one) = start(&place, &outer, "stays");
    let (second, other) = start(&place, &outer, "stays");
    inner.assign(first.id()).unwrap();
    assert!(inner.contains(first.id()).unwrap() && outer.contains(first.id()).unwrap());
    assert!(!inner.contains(second.id()).unwrap());
    inner.assign(second.id()).unwrap();
    assert!(inner.contains(second.id()).unwrap());
    outer.terminate(1).unwrap();
    one.is_silenced();
    other.is_silenced();
    assert_eq!(inner.processes().unwrap(), []);
}

#[test]
fn what_an_assigned_process_starts_is_in_the_job() {
    let place = Place::new();
    let job = place.job("n");
    let (mut child, mut voice) = start_outside(&place, "starts when told");
    job.assign(child.id()).unwrap();
    voice.say("now");
    assert!(job.contains(voice.hears_number()).unwrap());
    job.terminate(1).unwrap();
    voice.is_silenced();
    child.wait().unwrap();
}

/// JA-11: and the process is ended.
#[test]
fn a_process_that_is_one_too_many_is_ended() {
    if crate::common::on_wine() {
        return; // it counts none
    }
    let place = Place::new();
    let job = place.jobs().max_processes(1).create("n").unwrap();
    let (_member, first) = start(&place, &job, "stays");
    let (mut child, second) = start_outside(&place, "stays");
    assert_eq!(code(job.assign(child.id())), 1816);
    second.is_silenced();
    assert!(!child.wait().unwrap().success());
    first.ends();
}
