//! `single_instance`.

use std::thread;
use std::time::Duration;

use crate::support::{Place, Program};

const SINGLE_INSTANCE: &str = env!("CARGO_BIN_EXE_single_instance");
const HANDED_OVER: &str = "handed over to the instance that runs";

#[test]
fn the_second_start_hands_its_arguments_to_the_first_and_ends() {
    let place = Place::new();
    let first = place.start(SINGLE_INSTANCE, &["letter.txt"]);
    assert_eq!(first.line(), "this is the one instance");
    assert_eq!(first.line(), "opening letter.txt");
    assert_eq!(place.run(SINGLE_INSTANCE, &["photo.png", "a song.ogg"]), [HANDED_OVER]);
    assert_eq!(first.line(), "opening photo.png");
    assert_eq!(first.line(), "opening a song.ogg");
    assert_eq!(place.run(SINGLE_INSTANCE, &["--quit"]), [HANDED_OVER]);
    assert_eq!(first.succeeds(), [""; 0]);
    place.assert_empty();
}

#[test]
fn each_argument_arrives_as_it_is() {
    let place = Place::new();
    let first = place.start(SINGLE_INSTANCE, &[]);
    first.line();
    assert_eq!(place.run(SINGLE_INSTANCE, &["two\nlines", "", "--quit"]), [HANDED_OVER]);
    place.run(SINGLE_INSTANCE, &["--quit"]);
    assert_eq!(first.succeeds(), ["opening two", "lines", "opening ", "opening --quit"]);
    place.assert_empty();
}

#[test]
fn who_has_too_much_to_say_is_told_so_and_the_instance_goes_on() {
    let place = Place::new();
    let first = place.start(SINGLE_INSTANCE, &[]);
    first.line();
    // As many letters as a command line of Windows takes, of three bytes each.
    let complaint = place.start(SINGLE_INSTANCE, &[&"€".repeat(30_000)]).fails();
    assert_eq!(
        complaint.trim_end(),
        "single_instance: the arguments make a letter of 90008 bytes, and 65520 fit into the box"
    );
    place.run(SINGLE_INSTANCE, &["--quit"]);
    assert_eq!(first.succeeds(), [""; 0]);
    place.assert_empty();
}

#[test]
fn of_many_that_start_at_once_each_is_heard_once() {
    let place = Place::new();
    let first = place.start(SINGLE_INSTANCE, &[]);
    assert_eq!(first.line(), "this is the one instance");
    let names: Vec<_> = (0..8).map(|number| format!("{number}.txt")).collect();
    let others: Vec<_> = names.iter().map(|name| place.start(SINGLE_INSTANCE, &[name])).collect();
    for other in others {
        assert_eq!(other.succeeds(), [HANDED_OVER]);
    }
    place.run(SINGLE_INSTANCE, &["--quit"]);
    let mut opened = first.succeeds();
    opened.sort();
    assert_eq!(opened, names.iter().map(|name| format!("opening {name}")).collect::<Vec<_>>());
    place.assert_empty();
}

#[test]
fn a_standby_takes_over_when_the_instance_is_killed_and_is_told() {
    let place = Place::new();
    let mut first = place.start(SINGLE_INSTANCE, &[]);
    assert_eq!(first.line(), "this is the one instance");
    let standby = place.start(SINGLE_INSTANCE, &["--standby"]);
    assert_eq!(standby.line(), "waiting for the instance to end");
    first.kill();
    assert_eq!(standby.line(), "the instance was killed; this is the next one");
    assert_eq!(place.run(SINGLE_INSTANCE, &["photo.png"]), [HANDED_OVER]);
    assert_eq!(standby.line(), "opening photo.png");
    place.run(SINGLE_INSTANCE, &["--quit"]);
    standby.succeeds();
    place.assert_empty();
}

#[test]
fn a_standby_is_told_that_the_instance_ended_in_order() {
    let place = Place::new();
    let first = place.start(SINGLE_INSTANCE, &[]);
    first.line();
    let standby = place.start(SINGLE_INSTANCE, &["--standby"]);
    standby.line();
    place.run(SINGLE_INSTANCE, &["--quit"]);
    first.succeeds();
    assert_eq!(standby.line(), "this is the one instance");
    place.run(SINGLE_INSTANCE, &["--quit"]);
    standby.succeeds();
    place.assert_empty();
}

#[test]
fn after_a_kill_with_nobody_left_the_next_start_is_the_instance() {
    let place = Place::new();
    for _ in 0..2 {
        let mut first = place.start(SINGLE_INSTANCE, &[]);
        assert_eq!(first.line(), "this is the one instance");
        first.kill();
    }
    assert_eq!(place.run(SINGLE_INSTANCE, &["--quit"]), ["this is the one instance"]);
    place.assert_empty();
}

#[test]
fn whoever_is_killed_every_argument_is_opened_by_somebody() {
    let place = Place::new();
    for milliseconds in 0..10 {
        let mut first = place.start(SINGLE_INSTANCE, &[]);
        first.line();
        let mut others: Vec<_> =
            (0..6).map(|number| place.start(SINGLE_INSTANCE, &[&format!("{number}.txt")])).collect();
        thread::sleep(Duration::from_millis(milliseconds));
        first.kill();
        let mut lines = first.rest();
        // Whoever has become the instance is asked to end, until nobody is left that could.
        loop {
            lines.extend(place.run(SINGLE_INSTANCE, &["--quit"]));
            if !others.iter_mut().any(Program::is_running) {
                break;
            }
        }
        lines.extend(others.into_iter().flat_map(Program::succeeds));
        for number in 0..6 {
            assert!(lines.contains(&format!("opening {number}.txt")), "{number}.txt: {lines:#?}");
        }
    }
    place.assert_empty();
}
