//! Storms over mutexes, events, semaphores and timers: five processes use them in all ways while a killer kills them. What is checked,
//! and why it is sound, stands in `shmobj_tests::storm::sync`.
//!
//! Each storm lasts a few seconds; `SHMOBJ_STORM_SECONDS` makes them as long as one likes. Storms take their turns.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shmobj_tests::storm::length;
use shmobj_tests::storm::sync::{Report, Storm};
use shmobj_tests::system::{is_root_for, note};

/// One storm at a time: two would mostly wait for processors.
static TURN: Mutex<()> = Mutex::new(());

fn rage(storm: &Storm<'_>) -> Report {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let report = storm.rage(env!("CARGO_BIN_EXE_puppet"));
    note(&format!("{storm:?}: {report:?}"));
    report
}

#[track_caller]
fn nothing_is_violated(storm: &Storm<'_>) {
    let report = rage(storm);
    assert_eq!(report.violations, [""; 0], "{report:?}");
    // A storm that did nothing proves nothing. How much it did in its time is the machine's affair.
    assert!(report.operations > 0 && report.kills > 0, "{report:?}");
}

#[test]
fn processes_that_are_killed_again_and_again() {
    nothing_is_violated(&Storm { time: length(5), ..Storm::default() });
}

#[test]
fn processes_of_which_some_have_no_robust_list() {
    nothing_is_violated(&Storm { half_lacking: "robust-list", time: length(1), ..Storm::default() });
}

#[test]
fn processes_without_robust_lists() {
    nothing_is_violated(&Storm { lacking: "robust-list", time: length(1), ..Storm::default() });
}

#[test]
fn processes_that_cannot_sleep_on_several_words() {
    nothing_is_violated(&Storm { lacking: "waitv", time: length(1), ..Storm::default() });
}

#[test]
fn processes_whose_threads_have_equal_numbers() {
    if is_root_for("processes_whose_threads_have_equal_numbers") {
        nothing_is_violated(&Storm { namesakes: true, time: length(1), ..Storm::default() });
    }
}

/// The storm's checks can fail.
#[test]
fn a_storm_notices_who_does_not_lock() {
    let report = rage(&Storm { careless: true, time: Duration::from_secs(1), ..Storm::default() });
    for what in ["TwoOwners", "WrongTotal"] {
        assert!(report.violations.iter().any(|violation| violation.starts_with(what)), "{what}: {report:?}");
    }
}
