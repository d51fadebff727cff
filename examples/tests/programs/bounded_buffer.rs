//! `bounded_buffer`.

use std::thread;
use std::time::Duration;

use crate::support::Place;

const BOUNDED_BUFFER: &str = env!("CARGO_BIN_EXE_bounded_buffer");
const FIRST: &str = "3 producers and 2 consumers move 10000 items through 8 slots";

#[test]
fn every_item_arrives_exactly_once_though_a_consumer_is_killed_in_the_middle_of_one() {
    let place = Place::new();
    let lines = place.run(BOUNDED_BUFFER, &[]);
    let [first, middle @ .., last] = &lines[..] else { panic!("{lines:#?}") };
    assert_eq!(first, FIRST);
    assert_eq!(last, "10000 items arrived, and their sum is 50005000, as it should be");

    // The processes print at the same time; this much is certain.
    let [hangs, rest @ ..] = middle else { panic!("{lines:#?}") };
    assert_eq!(hangs, "a consumer hangs in the middle of taking item 10000 out");
    let told: Vec<_> =
        rest.iter().filter(|line| line.ends_with("found the ring abandoned, and goes on")).collect();
    assert_eq!(told.len(), 1, "the next owner is told, and nobody else: {lines:#?}");
    assert!(rest.contains(&"a consumer was killed".to_owned()), "{lines:#?}");
    assert_eq!(rest.len(), 2, "{lines:#?}");
    place.assert_empty();
}

#[test]
fn two_runs_at_the_same_time_do_not_meet() {
    let place = Place::new();
    let runs = [(); 2].map(|()| place.start(BOUNDED_BUFFER, &[]));
    for run in runs {
        let lines = run.succeeds();
        assert_eq!(lines.last().unwrap(), "10000 items arrived, and their sum is 50005000, as it should be");
    }
    place.assert_empty();
}

#[test]
fn the_producers_and_consumers_of_a_killed_overseer_end() {
    let place = Place::new();
    for milliseconds in 0..20 {
        let mut run = place.start(BOUNDED_BUFFER, &[]);
        if cfg!(windows) {
            // There a process is suspended at first, and stays so for ever if its parent is killed in the middle of starting it.
            // When this line comes, all have been started.
            assert_eq!(run.line(), FIRST);
        }
        thread::sleep(Duration::from_millis(milliseconds));
        run.kill();
        // The pipes have their end when the last of them has ended.
        run.rest();
        run.complaints();
    }
}

#[test]
fn a_consumer_that_hangs_ends_with_a_killed_overseer() {
    let place = Place::new();
    // Each time the overseer may be quicker, and kill it itself.
    for _ in 0..10 {
        let mut run = place.start(BOUNDED_BUFFER, &[]);
        assert_eq!(run.line(), FIRST);
        assert_eq!(run.line(), "a consumer hangs in the middle of taking item 10000 out");
        run.kill();
        run.rest();
        run.complaints();
    }
}

#[test]
fn a_process_without_an_overseer_says_so_and_ends() {
    let place = Place::new();
    for role in ["producer", "consumer"] {
        let complaint = place.start(BOUNDED_BUFFER, &[role, "1", "7"]).fails();
        assert_eq!(complaint.trim_end(), "bounded_buffer: the overseer is gone, so this process ends");
    }
    place.assert_empty();
}
