//! `shmobj release`, and waiting for a semaphore.

use crate::support::{Place, piped, text};

#[test]
fn release_adds_and_prints_the_count_before() {
    let place = Place::new();
    let _semaphore = place.hold_a("semaphore", &["n", "--initial", "1", "--max", "4"]);
    assert_eq!(text(&place.stdout(&["release", "n"])), "1\n");
    assert_eq!(text(&place.stdout(&["release", "n", "2"])), "2\n");
    assert_eq!(place.state("n")["count"], 4);
}

#[test]
fn each_wait_takes_one_and_each_release_lets_one_through() {
    let place = Place::new();
    let _semaphore = place.hold_a("semaphore", &["n", "--initial", "1", "--max", "4"]);
    assert_eq!(text(&place.stdout(&["wait", "n"])), "n\n");
    assert_eq!(place.run(&["wait", "n", "--timeout", "0"]).status.code(), Some(124));
    let mut waiting = [0, 1].map(|_| piped(&mut place.command(&["wait", "n"])));
    place.until_waited_for("n");
    assert_eq!(text(&place.stdout(&["release", "n", "2"])), "0\n");
    for waiting in &mut waiting {
        assert_eq!(waiting.wait().code(), Some(0));
    }
    assert_eq!(place.state("n")["count"], 0);
}

#[test]
fn more_than_the_maximum_is_an_error_and_changes_nothing() {
    let place = Place::new();
    let _semaphore = place.hold_a("semaphore", &["n", "--initial", "3", "--max", "4"]);
    let error = place.error(&["release", "n", "2"]);
    assert!(error.contains("its count is 3") && error.contains("its maximum of 4"), "{error}");
    assert_eq!(place.state("n")["count"], 3);
}

#[test]
fn a_mutex_is_not_released_by_others() {
    let place = Place::new();
    let _owner = place.hold_a("mutex", &["n", "--locked"]);
    let error = place.error(&["release", "n"]);
    assert!(
        error.starts_with(r#"shmobj: cannot open semaphore "n": the name belongs to a mutex"#),
        "{error}"
    );
    assert!(place.error(&["release", "m"]).contains("no object has this name"));
}
