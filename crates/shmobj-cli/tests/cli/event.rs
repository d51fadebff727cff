//! `shmobj set`, `shmobj reset` and `shmobj pulse`.

use crate::support::{Place, piped};

#[test]
fn set_and_reset_change_an_event() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n", "--manual-reset"]);
    assert_eq!(place.stdout(&["set", "n"]), b"");
    assert_eq!(place.state("n")["signaled"], true);
    assert_eq!(place.stdout(&["reset", "n"]), b"");
    assert_eq!(place.state("n")["signaled"], false);
}

#[test]
fn set_wakes_who_waits_in_another_process() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n"]);
    let mut waiting = piped(&mut place.command(&["wait", "n"]));
    place.until_waited_for("n");
    place.stdout(&["set", "n"]);
    assert_eq!(waiting.line(), "n");
    assert_eq!(waiting.wait().code(), Some(0));
    assert_eq!(place.state("n")["signaled"], false, "one wait resets it");
}

#[test]
fn pulse_lets_everybody_through_a_manual_event_and_leaves_it_reset() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n", "--manual-reset"]);
    let mut waiting = piped(&mut place.command(&["wait", "n"]));
    place.until_waited_for("n");
    place.stdout(&["pulse", "n"]);
    assert_eq!(waiting.line(), "n");
    assert_eq!(place.state("n")["signaled"], false);
    assert_eq!(place.run(&["wait", "n", "--timeout", "0"]).status.code(), Some(124));
}

#[test]
fn what_is_no_event_is_an_error_in_one_line() {
    let place = Place::new();
    let _semaphore = place.hold_a("semaphore", &["s"]);
    for verb in ["set", "reset", "pulse"] {
        let error = place.error(&[verb, "s"]);
        assert!(
            error.starts_with(r#"shmobj: cannot open event "s": the name belongs to a semaphore"#),
            "{error}"
        );
        let error = place.error(&[verb, "n"]);
        assert!(error.starts_with(r#"shmobj: cannot open event "n": no object has this name"#), "{error}");
    }
}
