//! `shmobj sem`.

use std::fs;
use std::process::Stdio;

use rustix::process::Signal;
use shmobj::{Mutex, Namespace};

use crate::support::{Place, has_ended, one_line, piped, started, text, until};

#[test]
fn at_most_so_many_commands_run_at_a_time_each_with_a_slot_of_its_own() {
    let place = Place::new();
    // Two commands with the same slot at the same time, or one with a fourth slot, find no directory to make.
    let directory = place.file("slots");
    for slot in ["0", "1", "2"] {
        fs::create_dir_all(directory.join(slot)).unwrap();
    }
    let script =
        format!("cd '{}/'$SHMOBJ_SLOT && mkdir taken && sleep 0.02 && rmdir taken", directory.display());
    let mut holders: Vec<_> = (0..12)
        .map(|_| started(&mut place.command(&["sem", "n", "--max", "3", "--", "sh", "-c", &script])))
        .collect();
    for holder in &mut holders {
        assert_eq!(holder.wait().code(), Some(0));
    }
    assert!(place.error(&["stat", "n"]).contains("no object has this name"));
}

#[test]
fn sem_ends_as_its_command_ends() {
    let place = Place::new();
    let sem = |script: &str| place.run(&["sem", "n", "--max", "2", "--", "sh", "-c", script]);
    assert_eq!(sem("exit 7").status.code(), Some(7));
    assert_eq!(sem("kill -KILL $$").status.code(), Some(137));
    assert_eq!(text(&sem("echo $SHMOBJ_SLOT ${SHMOBJ_ABANDONED-no}").stdout), "0 no\n");
    assert_eq!(place.run(&["sem", "n", "--max", "2", "--", "/nowhere"]).status.code(), Some(127));
}

#[test]
fn a_slot_comes_back_when_its_holder_is_killed() {
    let place = Place::new();
    let sem = ["sem", "n", "--max", "1", "--", "sh", "-c"];
    let mut holder = piped(&mut place.command(&[&sem[..], &["echo $$; exec sleep 60"]].concat()));
    let command: u32 = holder.line().parse().unwrap();
    let script = "echo $SHMOBJ_SLOT ${SHMOBJ_ABANDONED-no}";
    let mut next = piped(place.command(&[&sem[..], &[script]].concat()).stderr(Stdio::piped()));
    place.until_waited_for("n/slot-0");
    assert!(!has_ended(command));
    holder.crash();
    assert_eq!(next.line(), "0 1");
    assert_eq!(next.wait().code(), Some(0));
    let said = next.stderr();
    assert!(said.starts_with(r#"shmobj: slot 0 of "n" was abandoned"#), "{said}");
    until(|| has_ended(command));
}

#[test]
fn who_has_which_slot_is_listed() {
    let place = Place::new();
    let mut holder =
        piped(&mut place.command(&["sem", "n", "--max", "2", "--", "sh", "-c", "echo; exec sleep 60"]));
    holder.line();
    assert_eq!(place.state("n"), serde_json::json!({"count": 2, "max": 2}));
    assert_eq!(place.state("n/slot-0")["owner"]["pid"], holder.pid());
    assert!(place.state("n/slot-1")["owner"].is_null());
}

#[test]
fn everybody_has_to_say_the_same_maximum() {
    let place = Place::new();
    let mut holder =
        piped(&mut place.command(&["sem", "n", "--max", "2", "--", "sh", "-c", "echo; exec sleep 60"]));
    holder.line();
    let error = place.error(&["sem", "n", "--max", "3", "--", "true"]);
    assert!(error.contains("in use with one of 2; say --max 2 or choose another name"), "{error}");
    holder.crash();
    // Nobody uses it any more: another maximum is as good as the first.
    assert_eq!(place.run(&["sem", "n", "--max", "3", "--", "true"]).status.code(), Some(0));
}

#[test]
fn without_a_slot_in_time_it_ends_with_124() {
    let place = Place::new();
    let mut holder =
        piped(&mut place.command(&["sem", "n", "--max", "1", "--", "sh", "-c", "echo; exec sleep 60"]));
    holder.line();
    let output = place.run(&["sem", "n", "--max", "1", "--timeout", "20ms", "--", "echo", "ran"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(124), String::new()));
    let said = one_line(&output.stderr);
    assert!(said.starts_with(r#"shmobj: cannot get a slot of "n" within 20ms: all 1 are taken"#), "{said}");
}

#[test]
fn the_most_slots_can_all_be_taken_and_waited_for() {
    let place = Place::new();
    let sem = ["sem", "n", "--max", "128"];
    let namespace = Namespace::at(place.path());
    let options = Mutex::options().namespace(&namespace).initially_owned(true);
    let slots: Vec<Mutex> =
        (0..128).map(|slot| options.create_new(&format!("n/slot-{slot}")).unwrap()).collect();
    let mut interrupted = piped(&mut place.command(&[&sem[..], &["--", "echo", "ran"]].concat()));
    place.until_waited_for("n/slot-127");
    interrupted.signal(Signal::TERM);
    assert_eq!((interrupted.wait().code(), interrupted.line()), (Some(143), String::new()));

    let output = place.run(&[&sem[..], &["--timeout", "150ms", "--", "true"]].concat());
    assert_eq!(output.status.code(), Some(124), "{}", text(&output.stderr));

    let mut last = piped(&mut place.command(&[&sem[..], &["--", "sh", "-c", "echo $SHMOBJ_SLOT"]].concat()));
    slots[127].release().unwrap();
    assert_eq!(last.line(), "127");
    for slot in &slots[..127] {
        slot.release().unwrap();
    }
}

#[test]
fn an_object_of_another_kind_is_an_error_in_one_line() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n"]);
    let error = place.error(&["sem", "n", "--max", "2", "--", "true"]);
    assert!(error.contains("the name belongs to an event"), "{error}");
}
