//! What the processes of a job may use, and have used.

use std::time::Duration;

use shmobj::job::{Breakaway, Limits, Usage};
use shmobj::{ErrorKind, Timeout};

use crate::common::sleeper::{LONG, SHORT, until};
use crate::common::{Place, code, error, on_wine};
use crate::peers::{command, start};

fn all() -> Limits {
    Limits::new()
        .kill_on_close(true)
        .max_processes(64)
        .memory(4 << 30)
        .process_memory(1 << 30)
        .cpu_time(Duration::from_secs(1000))
        .process_cpu_time(Duration::from_millis(500_500))
        .breakaway(Breakaway::Allowed)
}

/// JI-13.
#[test]
fn limits_are_told_as_they_were_set() {
    if on_wine() {
        return; // it tells none
    }
    let place = Place::new();
    for name in ["n", ""] {
        let job = place.job(name);
        assert_eq!(job.limits().unwrap(), Limits::new());
        job.set_limits(&all()).unwrap();
        assert_eq!(job.limits().unwrap(), all());
        job.set_limits(&Limits::new().breakaway(Breakaway::Silent)).unwrap();
        assert_eq!(job.limits().unwrap(), Limits::new().breakaway(Breakaway::Silent), "all are replaced");
        let made = place.jobs().limits(all()).create("").unwrap();
        assert_eq!(made.limits().unwrap(), all());
    }
}

/// AE-10: the limits of a job that exists are what they are.
#[test]
fn a_create_changes_no_limits_of_a_job_that_exists() {
    if on_wine() {
        return; // it tells none
    }
    let place = Place::new();
    let job = place.jobs().kill_on_close(true).create("n").unwrap();
    let before = job.limits().unwrap();
    assert!(before.kill_on_close);
    let again = place.jobs().limits(all().kill_on_close(false)).create("n").unwrap();
    assert!(again.existed());
    assert_eq!((again.limits().unwrap(), job.limits().unwrap()), (before, before));
}

/// JQ-4 to JQ-6.
#[test]
fn processes_are_counted() {
    let place = Place::new();
    let job = place.job("n");
    let counts = |usage: Usage| (usage.active_processes, usage.total_processes, usage.terminated_processes);
    assert_eq!(counts(job.usage().unwrap()), (0, 0, 0));
    let (mut child, voice) = start(&place, &job, "stays");
    assert_eq!(counts(job.usage().unwrap()), (1, 1, 0));
    voice.ends();
    child.wait().unwrap();
    until("it is out of the job", || counts(job.usage().unwrap()) == (0, 1, 0));
    let (_child, voice) = start(&place, &job, "stays");
    assert_eq!(counts(job.usage().unwrap()), (1, 2, 0));
    job.terminate(1).unwrap();
    assert_eq!(counts(job.usage().unwrap()), (0, 2, 0), "ended, but not because of a limit");
    voice.is_silenced();
}

#[test]
fn what_members_start_is_counted_too() {
    let place = Place::new();
    let job = place.job("n");
    let (_child, voice) = start(&place, &job, "has a child");
    voice.hears();
    let usage = job.usage().unwrap();
    assert_eq!((usage.active_processes, usage.total_processes), (2, 2));
    job.terminate(1).unwrap();
    let usage = job.usage().unwrap();
    assert_eq!(usage.active_processes, 0);
    // On Linux, as far as they were seen.
    assert!(usage.total_processes == 2 || cfg!(target_os = "linux"), "{usage:?}");
    voice.is_silenced();
}

/// JQ-1.
#[test]
fn time_and_memory_are_counted_also_of_those_that_have_ended() {
    if on_wine() {
        return; // it counts neither
    }
    let place = Place::new();
    let job = place.job("n");
    let (mut child, voice) = start(&place, &job, "works");
    let used = || job.usage().unwrap();
    until("its time is counted", || used().user_time > Duration::from_millis(30));
    assert!(used().peak_memory > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    until("it is out of the job", || used().active_processes == 0);
    let after = used();
    assert!(after.user_time > Duration::from_millis(30) && after.peak_memory > 0, "{after:?}");
    voice.is_silenced();
}

/// JA-11.
#[test]
fn a_job_has_no_more_processes_than_it_may_have() {
    if on_wine() {
        return; // it counts none
    }
    let place = Place::new();
    let job = place.jobs().max_processes(2).create("n").unwrap();
    let (mut first, one) = start(&place, &job, "stays");
    let (_second, other) = start(&place, &job, "stays");
    let refused = error(job.spawn(&mut command(&place, "stays")));
    assert_eq!((refused.kind(), refused.win32_code()), (ErrorKind::Quota, 1816), "{refused}");
    assert!(refused.remedy().is_some());
    assert_eq!(job.usage().unwrap().active_processes, 2);
    one.ends();
    first.wait().unwrap();
    until("there is room", || job.usage().unwrap().active_processes == 1);
    let (_third, another) = start(&place, &job, "stays");
    job.set_limits(&Limits::new()).unwrap();
    let (_fourth, last) = start(&place, &job, "stays");
    for voice in [other, another, last] {
        voice.ends();
    }
}

#[test]
fn processes_do_not_get_more_memory_than_they_may_have() {
    if on_wine() {
        return; // it limits none
    }
    let place = Place::new();
    for limits in [Limits::new().process_memory(128 << 20), Limits::new().memory(128 << 20)] {
        let job = place.jobs().limits(limits).create("").unwrap();
        let (mut child, voice) = start(&place, &job, "eats");
        voice.is_silenced();
        assert!(!child.wait().unwrap().success(), "{limits:?}");
    }
}

#[test]
fn processes_do_not_get_more_time_than_they_may_have() {
    if on_wine() {
        return; // it limits none
    }
    let place = Place::new();
    let limits = Limits::new().process_cpu_time(Duration::from_millis(200));
    let job = place.jobs().limits(limits).create("n").unwrap();
    let (_idle, idler) = start(&place, &job, "stays");
    let (mut child, voice) = start(&place, &job, "works");
    voice.is_silenced();
    assert!(!child.wait().unwrap().success());
    assert!(!job.wait(SHORT).unwrap(), "only that one was ended");
    idler.ends();
}

/// JT-6.
#[test]
fn a_job_does_not_get_more_time_than_it_may_have() {
    if on_wine() {
        return; // it limits none
    }
    let place = Place::new();
    let job = place.jobs().cpu_time(Duration::from_millis(200)).create("n").unwrap();
    let (mut idle, idler) = start(&place, &job, "stays");
    let (mut child, voice) = start(&place, &job, "works");
    assert!(job.wait(LONG).unwrap());
    voice.is_silenced();
    idler.is_silenced();
    let expected = if cfg!(windows) { 1816 } else { 1816 & 0xff };
    for child in [&mut child, &mut idle] {
        assert_eq!(child.wait().unwrap().code(), Some(expected));
    }
    assert!(job.usage().unwrap().terminated_processes > 0);
}

#[test]
fn the_processes_of_a_job_can_be_stopped_and_go_on() {
    let place = Place::new();
    let job = place.job("n");
    let (_child, mut voice) = start(&place, &job, "answers");
    assert_eq!(voice.hears(), "here");
    match job.freeze() {
        Err(error) if cfg!(windows) => {
            assert_eq!((error.kind(), error.win32_code()), (ErrorKind::NotSupported, 50), "{error}");
            assert_eq!(code(job.thaw()), 50);
            return voice.ends();
        }
        frozen => frozen.unwrap(),
    }
    voice.say("are you there");
    assert!(voice.hears_nothing(SHORT), "it stands still");
    job.thaw().unwrap();
    assert_eq!(voice.hears(), "are you there");
    job.freeze().unwrap();
    job.terminate(1).unwrap();
    voice.is_silenced();
    assert!(job.wait(Timeout::NOW).unwrap());
}
