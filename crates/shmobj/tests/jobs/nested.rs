//! Jobs inside of jobs.

use shmobj::Access;

use crate::common::Place;
use crate::common::sleeper::until;
use crate::peers::{Voice, start};

/// The number of the process that the inner job has.
fn inside(voice: &Voice) -> u32 {
    let mut told = [voice.hears(), voice.hears()];
    told.sort();
    told[1].strip_prefix("inside ").unwrap().parse().unwrap()
}

/// JA-3, JC-7, JI-4, JQ-7.
#[test]
fn a_process_of_an_inner_job_is_in_the_outer_one_too() {
    let place = Place::new();
    let outer = place.job("n");
    let (child, voice) = start(&place, &outer, "nests");
    let member = inside(&voice);
    let inner = place.jobs().open("inner", Access::ALL).unwrap();
    assert!(inner.contains(member).unwrap() && outer.contains(member).unwrap());
    assert!(!inner.contains(child.id()).unwrap());
    assert_eq!(inner.processes().unwrap(), [member]);
    let mut listed = outer.processes().unwrap();
    listed.sort_unstable();
    let mut expected = [member, child.id()];
    expected.sort_unstable();
    assert_eq!(listed, expected);
    assert_eq!(outer.usage().unwrap().active_processes, 2);
    assert_eq!(inner.usage().unwrap().active_processes, 1);
    voice.ends();
}

/// JT-9.
#[test]
fn the_outer_job_goes_on_when_the_inner_one_is_terminated() {
    let place = Place::new();
    let outer = place.job("n");
    let (mut child, voice) = start(&place, &outer, "nests");
    inside(&voice);
    let inner = place.jobs().open("inner", Access::ALL).unwrap();
    inner.terminate(1).unwrap();
    assert_eq!(inner.processes().unwrap(), []);
    until("the outer one has one", || outer.processes().unwrap() == [child.id()]);
    assert_eq!(child.try_wait().unwrap(), None);
    assert!(!outer.wait(shmobj::Timeout::NOW).unwrap());
    voice.ends();
    assert!(child.wait().unwrap().success());
}

/// JT-1, JT-9.
#[test]
fn the_inner_job_ends_with_the_outer_one() {
    let place = Place::new();
    let outer = place.job("n");
    let (mut child, voice) = start(&place, &outer, "nests");
    inside(&voice);
    let inner = place.jobs().open("inner", Access::ALL).unwrap();
    outer.terminate(6).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6));
    voice.is_silenced();
    assert_eq!(inner.processes().unwrap(), []);
}

/// JL-3.
#[test]
fn the_inner_job_ends_when_the_outer_one_is_closed() {
    let place = Place::new();
    let outer = place.jobs().kill_on_close(true).create("n").unwrap();
    let (_child, voice) = start(&place, &outer, "nests");
    inside(&voice);
    let inner = place.jobs().open("inner", Access::QUERY).unwrap();
    drop(outer);
    voice.is_silenced();
    until("nobody is left", || inner.processes().unwrap().is_empty());
}
