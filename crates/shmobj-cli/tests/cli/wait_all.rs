//! `shmobj wait --all`.

use crate::support::{Place, one_line, piped, text};

#[test]
fn all_are_taken_at_once_and_all_names_printed() {
    let place = Place::new();
    let _event = place.hold_a("event", &["e", "--signaled"]);
    let _semaphore = place.hold_a("semaphore", &["s", "--initial", "2"]);
    let _timer = place.hold_a("timer", &["t", "--due", "0"]);
    let _mutex = place.hold_a("mutex", &["m"]);
    assert_eq!(text(&place.stdout(&["wait", "--all", "e", "s", "t", "m"])), "e\ns\nt\nm\n");
    assert_eq!(place.state("e")["signaled"], false);
    assert_eq!(place.state("s")["count"], 1);
    assert_eq!(place.state("t")["signaled"], false);
    assert!(place.state("m")["owner"].is_null(), "released again");
}

#[test]
fn nothing_is_taken_before_all_are_signaled() {
    let place = Place::new();
    let _event = place.hold_a("event", &["e"]);
    let _semaphore = place.hold_a("semaphore", &["s", "--initial", "2"]);
    let output = place.run(&["wait", "s", "e", "--all", "--timeout", "20ms"]);
    assert_eq!(output.status.code(), Some(124));
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    assert_eq!(place.state("s")["count"], 2);
    let mut waiting = piped(&mut place.command(&["wait", "s", "e", "--all"]));
    place.until_waited_for("e");
    assert_eq!(place.state("s")["count"], 2);
    place.stdout(&["set", "e"]);
    assert_eq!((waiting.line(), waiting.line()), ("s".to_owned(), "e".to_owned()));
    assert_eq!(place.state("s")["count"], 1);
}

#[test]
fn abandoned_mutexes_among_them_are_said_on_stderr() {
    let place = Place::new();
    let _keeper = place.hold_a("mutex", &["m"]);
    let _event = place.hold_a("event", &["e", "--signaled"]);
    place.hold_a("mutex", &["m", "--locked"]).crash();
    let output = place.run(&["wait", "--all", "e", "m"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "e\nm\n".to_owned()));
    assert!(one_line(&output.stderr).starts_with(r#"shmobj: mutex "m" was abandoned"#));
    assert_eq!(place.state("m"), serde_json::json!({"owner": null, "abandoned": false}));
}

#[test]
fn a_name_that_is_given_twice_cannot_be_taken_twice() {
    let place = Place::new();
    let _semaphore = place.hold_a("semaphore", &["s", "--initial", "2"]);
    for twice in ["s", "Local\\s"] {
        let error = place.error(&["wait", "--all", "s", twice]);
        assert!(error.contains("it is given twice") && error.ends_with("give each object once"), "{error}");
    }
    assert_eq!(place.state("s")["count"], 2);
}
