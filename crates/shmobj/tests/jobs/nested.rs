//! Jobs inside of jobs.

use shmobj::Access;
use shmobj::job::Breakaway;

use crate::common::Place;
use crate::common::sleeper::until;
use crate::peers::{INNER_PERMITS, OUT_OF, Voice, command, start};

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

/// JC-3: the way out leads through all jobs that permit it, and ends at the first that does not.
#[test]
fn who_is_to_be_outside_is_outside_of_all_jobs_that_permit_it() {
    for (outer_permits, inner_permits, out_of, expected) in [
        (true, true, "n", Ok((false, false))),
        (true, true, "inner", Ok((false, false))),
        (false, true, "inner", Ok((true, false))),
        (false, true, "n", Err("5")),
        (true, false, "n", Err("5")),
        (true, false, "inner", Err("5")),
        (false, false, "n", Err("5")),
    ] {
        let row = format!("outer {outer_permits}, inner {inner_permits}, out of {out_of}");
        let place = Place::new();
        let breakaway = if outer_permits { Breakaway::Allowed } else { Breakaway::Denied };
        let outer = place.jobs().breakaway(breakaway).create("n").unwrap();
        let mut nest = command(&place, "nests who breaks away");
        nest.env(OUT_OF, out_of);
        if inner_permits {
            nest.env(INNER_PERMITS, "yes");
        }
        let mut child = outer.spawn(&mut nest).unwrap();
        let voice = Voice::of(child.stdin.take(), child.stdout.take());
        let first = voice.hears();
        let told = if expected.is_ok() { vec![first, voice.hears()] } else { vec![first] };
        let inner = place.jobs().open("inner", Access::QUERY).unwrap();
        match expected {
            Err(code) => assert_eq!(told, [code], "{row}"),
            Ok(expected) => {
                let outside =
                    told.iter().find_map(|told| told.strip_prefix("outside ")).expect("it is let out");
                let outside = outside.parse().unwrap();
                let is_in = (outer.contains(outside).unwrap(), inner.contains(outside).unwrap());
                assert_eq!(is_in, expected, "{row}");
            }
        }
        voice.ends();
    }
}
