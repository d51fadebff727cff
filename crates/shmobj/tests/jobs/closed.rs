//! What becomes of the processes when the last handle to a job goes.

use shmobj::{Access, Job};

use crate::common::{Place, code, on_wine};
use crate::peers::{start, start_outside};

/// JL-4.
#[test]
fn all_end_when_the_last_handle_is_closed_if_that_was_asked_for() {
    let place = Place::new();
    for name in ["n", ""] {
        let job = place.jobs().kill_on_close(true).create(name).unwrap();
        let (mut child, voice) = start(&place, &job, "has a child");
        let grandchild = voice.hears_number();
        let second = job.try_clone().unwrap();
        drop(job);
        assert!(second.contains(grandchild).unwrap(), "there is another handle");
        drop(second);
        voice.is_silenced();
        assert!(child.wait().is_ok());
    }
    if !on_wine() {
        assert_eq!(place.entries(), [""; 0]); // there the name stays as long as a process does, or a handle to one
    }
}

/// JL-4.
#[test]
fn all_end_when_who_held_the_job_is_killed() {
    let place = Place::new();
    let (mut holder, voice) = start_outside(&place, "holds a job");
    let mut told = [voice.hears(), voice.hears()];
    told.sort();
    let member: u32 = told[1].strip_prefix("holds ").unwrap().parse().unwrap();
    let job = place.jobs().open("n", Access::QUERY).unwrap();
    assert_eq!(job.processes().unwrap(), [member]);
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(job.processes().unwrap(), [member], "this process has a handle");
    drop(job);
    voice.is_silenced();
}

#[test]
fn all_end_when_the_only_holder_is_killed() {
    let place = Place::new();
    let (mut holder, voice) = start_outside(&place, "holds a job");
    voice.hears();
    voice.hears();
    holder.kill().unwrap();
    holder.wait().unwrap();
    voice.is_silenced();
    if !on_wine() {
        assert_eq!(code(place.jobs().open("n", Access::QUERY)), 2); // there the name stays as long as a handle to a process
    }
}

/// JL-6.
#[test]
fn they_go_on_when_the_last_handle_is_closed_otherwise() {
    let place = Place::new();
    for name in ["n", ""] {
        let job = place.job(name);
        let (mut child, mut voice) = start(&place, &job, "answers");
        assert_eq!(voice.hears(), "here");
        drop(job);
        voice.say("still here");
        assert_eq!(voice.hears(), "still here");
        assert_eq!(child.try_wait().unwrap(), None);
        voice.say("exit 7");
        assert_eq!(child.wait().unwrap().code(), Some(7));
        voice.is_silenced();
    }
}

/// NS-5: the name is a handle's, and no process's.
#[test]
fn the_name_is_free_when_the_last_handle_is_closed() {
    if on_wine() {
        return; // there it is a process's too
    }
    let place = Place::new();
    let job = place.job("n");
    let (_child, mut voice) = start(&place, &job, "answers");
    assert_eq!(voice.hears(), "here");
    drop(job);
    assert_eq!(code(place.jobs().open("n", Access::QUERY)), 2);
    let other = place.jobs().create_new("n").unwrap();
    assert_eq!(other.processes().unwrap(), []);
    voice.say("still here");
    assert_eq!(voice.hears(), "still here");
    other.terminate(1).unwrap();
    voice.say("here again");
    assert_eq!(voice.hears(), "here again");
    voice.ends();
}

#[test]
fn that_all_end_can_be_decided_later() {
    let place = Place::new();
    let job = place.jobs().kill_on_close(true).create("n").unwrap();
    let (_child, mut voice) = start(&place, &job, "answers");
    job.set_limits(&job.limits().unwrap().kill_on_close(false)).unwrap();
    drop(job);
    assert_eq!(voice.hears(), "here");
    voice.say("still here");
    assert_eq!(voice.hears(), "still here");
    voice.ends();
    let job = Job::options().create_unnamed().unwrap();
    let (_child, voice) = start(&place, &job, "stays");
    job.set_limits(&job.limits().unwrap().kill_on_close(true)).unwrap();
    drop(job);
    voice.is_silenced();
}
