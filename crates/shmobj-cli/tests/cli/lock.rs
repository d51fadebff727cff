//! `shmobj lock`, while nobody is killed.

use std::fs;
use std::process::Stdio;

use rustix::process::Signal;

use crate::support::{Place, one_line, piped, started, text};

#[test]
fn lock_ends_as_its_command_ends() {
    let place = Place::new();
    for code in [0, 1, 7, 124, 255] {
        let output = place.run(&["lock", "n", "--", "sh", "-c", &format!("exit {code}")]);
        assert_eq!(output.status.code(), Some(code));
        assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    }
    for (signal, code) in [("KILL", 137), ("TERM", 143)] {
        let output = place.run(&["lock", "n", "--", "sh", "-c", &format!("kill -{signal} $$")]);
        assert_eq!(output.status.code(), Some(code));
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn commands_under_one_lock_run_one_at_a_time() {
    let place = Place::new();
    let file = place.file("count");
    fs::write(&file, "0").unwrap();
    let script = format!("n=$(cat '{0}'); sleep 0.01; echo $((n + 1)) > '{0}'", file.display());
    let mut lockers: Vec<_> =
        (0..8).map(|_| started(&mut place.command(&["lock", "n", "--", "sh", "-c", &script]))).collect();
    for locker in &mut lockers {
        assert_eq!(locker.wait().code(), Some(0));
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "8\n");
}

#[test]
fn a_lock_that_is_not_to_be_had_in_time_ends_with_124_and_says_who_has_it() {
    let place = Place::new();
    let owner = place.hold_a("mutex", &["n", "--locked"]);
    for timeout in ["0s", "20ms"] {
        let output = place.run(&["lock", "n", "--timeout", timeout, "--", "echo", "alone"]);
        assert_eq!(output.status.code(), Some(124));
        assert!(output.stdout.is_empty(), "the command ran");
        let expected = format!("within {timeout}: it is owned by shmobj ({})", owner.pid());
        assert!(one_line(&output.stderr).ends_with(&expected), "{}", text(&output.stderr));
    }
}

#[test]
fn the_command_finds_the_mutex_by_name_and_owned_by_lock() {
    let place = Place::new();
    let script = r#""$SHMOBJ" stat n; "$SHMOBJ" lock n --timeout 0 -- true; echo $?"#;
    let mut command = place.command(&["lock", "n", "--", "sh", "-c", script]);
    let output = command.env("SHMOBJ", crate::support::SHMOBJ).output().unwrap();
    let said = text(&output.stdout);
    assert!(said.contains("state       owned by shmobj (") && said.ends_with("124\n"), "{said}");
}

#[test]
fn a_command_that_cannot_be_run_is_126_or_127_and_the_mutex_is_released() {
    let place = Place::new();
    let _keeper = place.hold_a("mutex", &["n"]);
    let output = place.run(&["lock", "n", "--", "/nowhere/to be found"]);
    assert_eq!(output.status.code(), Some(127), "{}", text(&output.stderr));
    let output = place.run(&["lock", "n", "--", "/"]);
    assert_eq!(output.status.code(), Some(126));
    assert!(text(&output.stderr).contains(r#"shmobj: cannot run "/""#), "{}", text(&output.stderr));
    assert_eq!(place.state("n"), serde_json::json!({"owner": null, "abandoned": false}));
}

#[test]
fn a_signal_that_a_process_sends_is_passed_on_and_the_command_decides() {
    let place = Place::new();
    let _keeper = place.hold_a("mutex", &["n"]);
    for (signal, name) in [(Signal::TERM, "TERM"), (Signal::INT, "INT"), (Signal::HUP, "HUP")] {
        let script = format!("trap 'exit 5' {name}; echo ready; while :; do sleep 0.02; done");
        let mut locker = piped(&mut place.command(&["lock", "n", "--", "sh", "-c", &script]));
        assert_eq!(locker.line(), "ready");
        locker.signal(signal);
        assert_eq!(locker.wait().code(), Some(5), "{name}");
        assert_eq!(place.state("n"), serde_json::json!({"owner": null, "abandoned": false}));
    }
}

#[test]
fn a_signal_ends_lock_while_it_waits_and_nothing_is_taken() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129), (Signal::QUIT, 131)] {
        let place = Place::new();
        let mut owner = place.hold_a("mutex", &["n", "--locked"]);
        let _keeper = place.hold_a("mutex", &["n"]);
        let mut waiting = piped(place.command(&["lock", "n", "--", "echo", "ran"]).stderr(Stdio::piped()));
        place.until_waited_for("n");
        waiting.signal(signal);
        assert_eq!(waiting.wait().code(), Some(code));
        assert_eq!((waiting.line(), waiting.stderr()), (String::new(), String::new()));
        owner.signal(Signal::TERM);
        owner.wait();
        assert_eq!(place.state("n"), serde_json::json!({"owner": null, "abandoned": false}));
    }
}

#[test]
fn an_object_of_another_kind_is_an_error_in_one_line() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n"]);
    let error = place.error(&["lock", "n", "--", "echo", "ran"]);
    assert!(error.contains("the name belongs to an event"), "{error}");
    let error = place.error(&["lock", "nowhere\\n", "--", "echo", "ran"]);
    assert!(error.contains("there is no namespace \"nowhere\""), "{error}");
}
