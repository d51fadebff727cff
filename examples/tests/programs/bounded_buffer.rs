//! `bounded_buffer`.

use crate::support::Place;

const BOUNDED_BUFFER: &str = env!("CARGO_BIN_EXE_bounded_buffer");

#[test]
fn every_item_arrives_exactly_once_though_a_consumer_is_killed_in_the_middle_of_one() {
    let place = Place::new();
    let lines = place.run(BOUNDED_BUFFER, &[]);
    let [first, middle @ .., last] = &lines[..] else { panic!("{lines:#?}") };
    assert_eq!(first, "3 producers and 2 consumers move 10000 items through 8 slots");
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
fn a_process_whose_run_is_over_says_so_and_waits_for_nobody() {
    let place = Place::new();
    for role in ["producer", "consumer"] {
        let complaint = place.start(BOUNDED_BUFFER, &[role, "1"]).fails();
        assert_eq!(complaint.trim_end(), "bounded_buffer: the run that this process belongs to is over");
    }
    place.assert_empty();
}
