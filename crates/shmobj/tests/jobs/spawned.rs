//! Processes that are started in a job.

use std::process::{Command, Stdio};

use shmobj::job::Breakaway;
use shmobj::{Access, ErrorKind, Job};

use crate::common::sleeper::until;
use crate::common::{Place, code, error};
use crate::peers::{Voice, command, start};

/// JC-6.
#[test]
fn a_process_is_in_its_job_from_its_beginning() {
    let place = Place::new();
    let job = place.job("n");
    let (child, voice) = start(&place, &job, "looks");
    assert_eq!(voice.hears(), "true");
    assert!(job.contains(child.id()).unwrap());
    assert!(!job.contains(std::process::id()).unwrap(), "who starts it is not in it");
    voice.ends();
}

#[test]
fn its_input_and_output_are_what_the_command_says() {
    let place = Place::new();
    let job = place.job("n");
    let mut loud = command(&place, "shouts");
    let child = job.spawn(loud.stdin(Stdio::null()).stderr(Stdio::piped())).unwrap();
    assert!(child.stdin.is_none() && child.stdout.is_some() && child.stderr.is_some());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("to the output"), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("to the errors"), "{output:?}");
    let child = job.spawn(loud.stdout(Stdio::null()).stderr(Stdio::null())).unwrap();
    assert!(child.stdout.is_none() && child.stderr.is_none());
    assert!(child.wait_with_output().unwrap().stdout.is_empty(), "the command can be used again");
}

#[test]
fn its_exit_code_is_told() {
    let place = Place::new();
    let job = place.job("n");
    let (mut child, mut voice) = start(&place, &job, "answers");
    assert_eq!(voice.hears(), "here");
    assert_eq!(child.try_wait().unwrap(), None);
    voice.say("exit 7");
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert_eq!(child.wait().unwrap().code(), Some(7), "as often as it is asked for");
    assert_eq!(child.try_wait().unwrap().and_then(|status| status.code()), Some(7));
    until("it is out of the job", || job.processes().unwrap().is_empty());
}

#[test]
fn one_process_can_be_ended_alone() {
    let place = Place::new();
    let job = place.job("n");
    let (mut child, voice) = start(&place, &job, "has a child");
    let grandchild = voice.hears_number();
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    until("it is out of the job", || job.processes().unwrap() == [grandchild]);
    assert!(child.kill().is_ok(), "it has ended already");
    voice.ends();
}

/// JC-1.
#[test]
fn what_a_process_of_the_job_starts_is_in_the_job() {
    let place = Place::new();
    let job = place.job("n");
    let (child, voice) = start(&place, &job, "has a child");
    let grandchild = voice.hears_number();
    assert!(job.contains(grandchild).unwrap());
    let mut expected = [child.id(), grandchild];
    expected.sort_unstable();
    let mut listed = job.processes().unwrap();
    listed.sort_unstable();
    assert_eq!(listed, expected);
    job.terminate(1).unwrap();
    voice.is_silenced();
}

#[test]
fn an_orphan_stays_in_the_job() {
    let place = Place::new();
    let job = place.job("n");
    let (mut child, voice) = start(&place, &job, "leaves a child");
    let mut told = [voice.hears(), voice.hears()];
    told.sort(); // both tell at the same time
    let orphan: u32 = told[1].strip_prefix("left ").unwrap().parse().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(job.contains(orphan).unwrap());
    until("it is alone", || job.processes().unwrap() == [orphan]);
    job.terminate(1).unwrap();
    voice.is_silenced();
}

#[test]
fn many_processes_are_all_listed() {
    let place = Place::new();
    let job = place.job("n");
    let members: Vec<_> = (0..6).map(|_| start(&place, &job, "stays")).collect();
    let mut expected: Vec<u32> = members.iter().map(|(child, _)| child.id()).collect();
    let mut listed = job.processes().unwrap();
    expected.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, expected);
    job.terminate(1).unwrap();
    assert_eq!(job.processes().unwrap(), []);
}

#[test]
fn a_program_that_does_not_exist_is_not_found() {
    let place = Place::new();
    let job = place.job("n");
    let error = error(job.spawn(&mut Command::new(place.path("no such program"))));
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.to_string().starts_with("cannot start a process in job \"n\": "), "{error}");
    until("nothing has come of it", || job.usage().unwrap().active_processes == 0);
}

/// JC-2.
#[test]
fn a_process_does_not_get_out_of_a_job_that_does_not_permit_it() {
    let place = Place::new();
    let job = place.job("n");
    let (_child, voice) = start(&place, &job, "breaks away");
    assert_eq!(voice.hears(), "5");
    voice.ends();
}

/// JC-3.
#[test]
fn a_process_gets_out_of_a_job_that_permits_it() {
    let place = Place::new();
    let job = place.jobs().breakaway(Breakaway::Allowed).create("n").unwrap();
    let (child, voice) = start(&place, &job, "breaks away");
    let mut told = [voice.hears(), voice.hears()];
    told.sort();
    let outside: u32 = told[1].strip_prefix("outside ").unwrap().parse().unwrap();
    assert!(!job.contains(outside).unwrap());
    assert_eq!(job.processes().unwrap(), [child.id()]);
    job.terminate(1).unwrap();
    assert!(!job.contains(outside).unwrap(), "it still runs");
    voice.ends();
}

/// JC-2: without asking for it, what is started there is inside.
#[test]
fn a_job_that_permits_it_keeps_what_does_not_ask() {
    let place = Place::new();
    let job = place.jobs().breakaway(Breakaway::Allowed).create("n").unwrap();
    let (_child, voice) = start(&place, &job, "has a child");
    assert!(job.contains(voice.hears_number()).unwrap());
    voice.ends();
}

/// JC-4.
#[test]
fn a_job_with_silent_breakaway_has_only_what_was_put_into_it() {
    let place = Place::new();
    let job = place.jobs().breakaway(Breakaway::Silent).create("n").unwrap();
    let (child, voice) = start(&place, &job, "has a child");
    let grandchild = voice.hears_number();
    assert!(!job.contains(grandchild).unwrap());
    assert_eq!(job.processes().unwrap(), [child.id()]);
    voice.ends();
}

#[test]
fn what_asks_for_it_gets_out_of_a_job_with_silent_breakaway_too() {
    let place = Place::new();
    let job = place.jobs().breakaway(Breakaway::Silent).create("n").unwrap();
    let (_member, voice) = start(&place, &job, "breaks away");
    let mut told = [voice.hears(), voice.hears()];
    told.sort();
    assert!(told[1].starts_with("outside "), "{told:?}");
    voice.ends();
}

/// JC-5: whoever is not in the job needs no leave of it.
#[test]
fn a_process_that_is_in_no_job_starts_others_outside() {
    for breakaway in [Breakaway::Denied, Breakaway::Allowed, Breakaway::Silent] {
        let place = Place::new();
        let job = place.jobs().breakaway(breakaway).create("n").unwrap();
        let mut outside = job.spawn_breakaway(&mut command(&place, "stays")).unwrap();
        let voice = Voice::of(outside.stdin.take(), outside.stdout.take());
        assert_eq!(voice.hears_number(), outside.id());
        assert!(!job.contains(outside.id()).unwrap());
        voice.ends();
        assert!(outside.wait().unwrap().success());
        assert_eq!(job.usage().unwrap().total_processes, 0, "{breakaway:?}");
    }
}

#[test]
fn an_unnamed_job_works_like_a_named_one() {
    let place = Place::new();
    let job = Job::options().kill_on_close(true).create_unnamed().unwrap();
    assert_eq!((job.name(), job.existed()), ("", false));
    let (mut child, voice) = start(&place, &job, "has a child");
    assert!(job.contains(voice.hears_number()).unwrap());
    job.terminate(4).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    voice.is_silenced();
    assert_eq!(code(place.jobs().open("", Access::ALL)), 6);
}
