//! `shmobj lock` whose process is killed with SIGKILL while its command runs.

use std::process::Stdio;

use crate::support::{Place, Process, has_ended, one_line, piped, text, until};

/// A lock whose command runs, and that command.
fn locked(place: &Place) -> (Process, u32) {
    let mut locker = piped(&mut place.command(&["lock", "n", "--", "sh", "-c", "echo $$; exec sleep 60"]));
    let command = locker.line().parse().unwrap();
    (locker, command)
}

#[test]
fn its_command_is_killed_as_well() {
    let place = Place::new();
    let (locker, command) = locked(&place);
    assert!(!has_ended(command));
    locker.crash();
    until(|| has_ended(command));
}

#[test]
fn the_next_one_is_told_and_the_one_after_that_is_not() {
    let place = Place::new();
    let _keeper = place.hold_a("mutex", &["n"]);
    locked(&place).0.crash();
    let told = ["lock", "n", "--", "sh", "-c", "echo ${SHMOBJ_ABANDONED-no}"];
    let output = place.run(&told);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "1\n".to_owned()));
    let said = one_line(&output.stderr);
    assert!(said.starts_with(r#"shmobj: mutex "n" was abandoned: its former owner ended"#), "{said}");
    // Also when it runs under another lock that was abandoned.
    let output = place.command(&told).env("SHMOBJ_ABANDONED", "1").output().unwrap();
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("no\n".to_owned(), String::new()));
}

#[test]
fn one_that_waits_gets_the_mutex_and_is_told() {
    let place = Place::new();
    let (locker, command) = locked(&place);
    let script = "echo ${SHMOBJ_ABANDONED-no}";
    let mut next = piped(place.command(&["lock", "n", "--", "sh", "-c", script]).stderr(Stdio::piped()));
    place.until_waited_for("n");
    locker.crash();
    assert_eq!(next.line(), "1");
    assert_eq!(next.wait().code(), Some(0));
    assert!(next.stderr().contains("was abandoned"));
    until(|| has_ended(command));
}

#[test]
fn with_nobody_else_the_name_is_free_and_nothing_is_left() {
    let place = Place::new();
    locked(&place).0.crash();
    assert!(place.error(&["stat", "n"]).contains("no object has this name"));
    let output = place.run(&["lock", "n", "--", "true"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn one_that_is_killed_while_it_waits_leaves_no_trace() {
    let place = Place::new();
    let _keeper = place.hold_a("mutex", &["n"]);
    let (_locker, _) = locked(&place);
    let owner = place.state("n");
    let waiting = piped(&mut place.command(&["lock", "n", "--", "echo", "ran"]));
    place.until_waited_for("n");
    waiting.crash();
    assert_eq!(place.state("n"), owner);
}
