//! `shmobj wait` for one object, or any of several.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Place, one_line, piped, text};

#[test]
fn wait_prints_the_first_name_that_is_signaled_and_takes_from_that_one_only() {
    let place = Place::new();
    let _no = place.hold_a("event", &["no"]);
    let _yes = place.hold_a("event", &["yes", "--signaled"]);
    let _some = place.hold_a("semaphore", &["some", "--initial", "1"]);
    let output = place.run(&["wait", "no", "yes", "some"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("yes\n".to_owned(), String::new()));
    assert_eq!(place.state("yes")["signaled"], false);
    assert_eq!(place.state("some")["count"], 1);
    assert_eq!(text(&place.stdout(&["wait", "no", "yes", "some"])), "some\n");
}

#[test]
fn a_wait_whose_time_is_up_ends_with_124_and_says_nothing() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n"]);
    for (timeout, least) in [("0", 0), ("50ms", 50)] {
        let began = Instant::now();
        let output = place.run(&["wait", "n", "--timeout", timeout]);
        assert!(began.elapsed() >= Duration::from_millis(least));
        assert_eq!(output.status.code(), Some(124));
        assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{}", text(&output.stderr));
    }
}

#[test]
fn a_mutex_that_wait_got_is_released_when_it_ends() {
    let place = Place::new();
    let _mutex = place.hold_a("mutex", &["n"]);
    for _ in 0..2 {
        let output = place.run(&["wait", "n"]);
        assert_eq!((text(&output.stdout), text(&output.stderr)), ("n\n".to_owned(), String::new()));
    }
    assert_eq!(place.state("n"), serde_json::json!({"owner": null, "abandoned": false}));
    let _owner = place.hold_a("mutex", &["n", "--locked"]);
    assert_eq!(place.run(&["wait", "n", "--timeout", "10ms"]).status.code(), Some(124));
}

#[test]
fn that_a_mutex_was_abandoned_is_said_on_stderr_and_once() {
    let place = Place::new();
    let _keeper = place.hold_a("mutex", &["n"]);
    let _event = place.hold_a("event", &["e"]);
    place.hold_a("mutex", &["n", "--locked"]).crash();
    let output = place.run(&["wait", "e", "n"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "n\n".to_owned()));
    let said = one_line(&output.stderr);
    assert!(said.starts_with(r#"shmobj: mutex "n" was abandoned"#), "{said}");
    assert!(place.run(&["wait", "n"]).stderr.is_empty());
}

#[test]
fn whoever_waits_gets_the_mutex_when_its_owner_is_killed() {
    let place = Place::new();
    let owner = place.hold_a("mutex", &["n", "--locked"]);
    let mut waiting = piped(place.command(&["wait", "n"]).stderr(Stdio::piped()));
    place.until_waited_for("n");
    owner.crash();
    assert_eq!(waiting.line(), "n");
    assert_eq!(waiting.wait().code(), Some(0));
    assert!(waiting.stderr().contains("was abandoned"));
}

#[test]
fn a_wait_that_is_ended_by_a_signal_takes_nothing() {
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let place = Place::new();
        let _event = place.hold_a("event", &["n"]);
        let mut waiting = piped(&mut place.command(&["wait", "n"]));
        place.until_waited_for("n");
        waiting.signal(signal);
        assert!(!waiting.wait().success(), "{signal:?}");
        place.stdout(&["set", "n"]);
        assert_eq!(text(&place.stdout(&["wait", "n"])), "n\n", "{signal:?}");
    }
}

#[test]
fn the_same_name_may_be_given_several_times() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n", "--signaled"]);
    assert_eq!(text(&place.stdout(&["wait", "n", "n", "Local\\n"])), "n\n");
}

#[test]
fn what_cannot_be_waited_for_is_an_error_in_one_line() {
    let place = Place::new();
    let _mapping = place.hold(&["m", "--size", "4K"]);
    let error = place.error(&["wait", "m"]);
    assert!(
        error.starts_with(r#"shmobj: cannot wait for file mapping "m": it is never signaled"#),
        "{error}"
    );
    let error = place.error(&["wait", "n"]);
    assert!(error.contains(r#""n": no object has this name"#), "{error}");
    let names = ["m"; 129];
    let error = place.error(&[&["wait"][..], &names].concat());
    assert_eq!(error, "shmobj: cannot wait for 129 objects: at most 128 at once");
}

#[test]
fn as_many_objects_as_one_wait_takes_can_be_waited_for() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n"]);
    let _last = place.hold_a("event", &["last", "--signaled"]);
    let names = [&["n"; 127][..], &["last"]].concat();
    assert_eq!(text(&place.stdout(&[&["wait"][..], &names].concat())), "last\n");
}
