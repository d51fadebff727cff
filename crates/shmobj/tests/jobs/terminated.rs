//! Jobs whose processes are ended, and the signalled state.

use shmobj::wait::{self, Waited};
use shmobj::{Reset, State, Timeout};

use crate::common::Place;
use crate::common::sleeper::{LONG, SHORT, Sleeper, until};
use crate::peers::start;

/// JT-1.
#[test]
fn all_end_with_the_code_that_is_given() {
    let place = Place::new();
    let job = place.job("n");
    let (mut one, first) = start(&place, &job, "has a child");
    let (mut other, second) = start(&place, &job, "stays");
    first.hears();
    second.hears();
    job.terminate(3).unwrap();
    assert_eq!(job.usage().unwrap().active_processes, 0, "they have ended when it returns");
    assert_eq!(job.processes().unwrap(), []);
    assert_eq!((one.wait().unwrap().code(), other.wait().unwrap().code()), (Some(3), Some(3)));
    first.is_silenced();
    second.is_silenced();
}

/// JT-2, JT-4.
#[test]
fn a_job_is_signalled_once_it_was_terminated_and_can_be_used_again() {
    let place = Place::new();
    let job = place.job("n");
    assert_eq!(job.state().unwrap(), State::Job { signaled: false });
    assert!(!job.wait(Timeout::NOW).unwrap());
    let (_child, voice) = start(&place, &job, "stays");
    assert!(!job.wait(Timeout::NOW).unwrap());
    job.terminate(1).unwrap();
    voice.is_silenced();
    for _ in 0..2 {
        assert!(job.wait(Timeout::NOW).unwrap(), "a wait takes nothing");
        assert_eq!(job.state().unwrap(), State::Job { signaled: true });
    }
    let (mut child, voice) = start(&place, &job, "stays");
    assert_eq!(voice.hears_number(), child.id());
    assert!(job.wait(Timeout::NOW).unwrap() && job.contains(child.id()).unwrap());
    job.terminate(2).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert!(job.wait(Timeout::NOW).unwrap());
}

/// JT-3.
#[test]
fn a_job_without_processes_is_signalled_too() {
    let place = Place::new();
    for name in ["n", ""] {
        let job = place.job(name);
        job.terminate(1).unwrap();
        assert!(job.wait(Timeout::NOW).unwrap());
    }
}

/// JT-5.
#[test]
fn a_job_whose_processes_end_by_themselves_is_not_signalled() {
    let place = Place::new();
    let job = place.job("n");
    let (mut child, voice) = start(&place, &job, "stays");
    voice.ends();
    assert!(child.wait().unwrap().success());
    until("it is out of the job", || job.processes().unwrap().is_empty());
    assert!(!job.wait(SHORT).unwrap());
    assert_eq!(job.state().unwrap(), State::Job { signaled: false });
}

#[test]
fn who_waits_for_a_job_is_woken_when_it_is_terminated() {
    let place = Place::new();
    let job = place.job("n");
    let event = place.event("event", Reset::Auto);
    let (_child, voice) = start(&place, &job, "stays");
    std::thread::scope(|scope| {
        let one = Sleeper::asleep(scope, || job.wait(LONG).unwrap());
        let any = Sleeper::asleep(scope, || wait::any(&[&event, &job], LONG).unwrap());
        let all = Sleeper::asleep(scope, || wait::all(&[&event, &job], LONG).unwrap());
        job.terminate(1).unwrap();
        assert!(one.outcome());
        assert_eq!(any.outcome(), Waited::Signaled(1));
        event.set().unwrap();
        assert_eq!(all.outcome(), wait::WaitedAll::Signaled);
    });
    voice.is_silenced();
}

#[test]
fn another_handle_to_the_job_ends_it_as_well() {
    let place = Place::new();
    let job = place.job("n");
    let (mut child, voice) = start(&place, &job, "stays");
    place.jobs().open("n", shmobj::Access::TERMINATE).unwrap().terminate(8).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(8));
    assert!(job.wait(LONG).unwrap());
    voice.is_silenced();
}

#[test]
fn a_process_can_end_the_job_that_it_is_in() {
    let place = Place::new();
    let job = place.job("n");
    let (_other, silent) = start(&place, &job, "stays");
    let (mut child, mut voice) = start(&place, &job, "terminates");
    voice.say("now");
    assert_eq!(child.wait().unwrap().code(), Some(5));
    voice.is_silenced();
    silent.is_silenced();
    assert!(job.wait(LONG).unwrap());
}
