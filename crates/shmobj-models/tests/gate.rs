//! Waits for all of several objects: every state keeps the invariants, and every broken rule is noticed.
#![expect(clippy::print_stdout, reason = "the number of states is part of the result")]

use shmobj_models::gate::{Fault, G1, G2, G3, G4, G5, G6, G7, G8, G9, Gate, Scene};
use shmobj_models::{explore, find_path};
use stateright::Checker;

/// Visits every state; all invariants hold, and what must be possible is.
fn assert_correct(scene: Scene) {
    let checker = explore(Gate { scene, fault: None });
    println!("{scene:?}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

/// Looks for a way to break `property`, and returns it in words.
fn assert_breaks(fault: Fault, scene: Scene, property: &'static str) -> Vec<String> {
    let model = Gate { scene, fault: Some(fault) };
    let path = find_path(&model, property);
    let path = path.unwrap_or_else(|| panic!("{fault:?} with {scene:?} is harmless to {property:?}"));
    let story = model.tell(path);
    println!("{fault:?}, {scene:?}: breaks {property:?} in {} actions", story.len());
    story
}

#[test]
fn a_wait_all_beside_a_single_waiter_keeps_every_invariant() {
    assert_correct(Scene::Single);
}

#[test]
fn two_wait_alls_keep_every_invariant() {
    assert_correct(Scene::Two);
}

#[test]
fn observers_and_resets_keep_every_invariant() {
    [Scene::Observed, Scene::Reset].into_iter().for_each(assert_correct);
}

#[test]
fn a_wait_all_that_gives_up_keeps_every_invariant() {
    assert_correct(Scene::Timed);
}

#[test]
fn a_wait_all_for_a_mutex_keeps_every_invariant() {
    [Scene::Mutex, Scene::MutexObserved, Scene::MutexFirst, Scene::MutexKept]
        .into_iter()
        .for_each(assert_correct);
}

#[test]
fn two_wait_alls_for_a_mutex_keep_every_invariant() {
    assert_correct(Scene::MutexTwo);
}

#[test]
fn who_ignores_locked_takes_what_a_wait_all_has_been_promised() {
    assert_breaks(Fault::TakerIgnoresLocked, Scene::Single, G5);
    assert_breaks(Fault::ResetIgnoresLocked, Scene::Reset, G5);
}

#[test]
fn half_of_a_wait_all_is_seen_without_locked() {
    assert_breaks(Fault::ObserverIgnoresLocked, Scene::Observed, G2);
    assert_breaks(Fault::CommitWithoutLocked, Scene::Observed, G2);
    assert_breaks(Fault::OneByOne, Scene::Observed, G2);
}

#[test]
fn locked_without_a_holder_is_found_when_it_is_not_recovered_or_cleared_late() {
    assert_breaks(Fault::NoRecovery, Scene::Two, G1);
    let story = assert_breaks(Fault::LateClear, Scene::Two, G1);
    assert!(!story.iter().any(|line| line.contains("is killed")), "{story:#?}");
}

#[test]
fn wait_alls_that_lock_in_different_orders_deadlock() {
    assert_breaks(Fault::DifferentOrders, Scene::Two, G3);
    assert_breaks(Fault::DifferentOrders, Scene::Two, G4);
}

#[test]
fn a_gate_that_does_not_wake_all_at_its_release_forgets_sleepers() {
    assert_breaks(Fault::SwapThenWake, Scene::Observed, G3);
    assert_breaks(Fault::WakeOne, Scene::Observed, G3);
}

#[test]
fn a_sleeper_without_pending_takes_its_wake_to_the_grave() {
    assert_breaks(Fault::NoPendingAsleep, Scene::Observed, G3);
}

#[test]
fn a_mutex_confirmed_in_silence_is_a_deadlock_although_nobody_dies() {
    assert_breaks(Fault::SilentCommit, Scene::MutexKept, G3);
}

#[test]
fn a_mutex_given_back_in_silence_leaves_its_lockers_asleep() {
    assert_breaks(Fault::SilentUndo, Scene::MutexFirst, G3);
}

#[test]
fn who_only_looks_and_keeps_the_wake_of_a_mutex_loses_it() {
    assert_breaks(Fault::NoPassOn, Scene::MutexObserved, G3);
}

#[test]
fn a_wait_all_that_sleeps_without_multi_uses_up_the_wake_of_another() {
    assert_breaks(Fault::NoMulti, Scene::Single, G3);
    assert_breaks(Fault::NoMulti, Scene::Single, G7);
}

#[test]
fn a_signal_that_a_wait_all_was_woken_for_stays_a_ticket_if_it_is_not_settled() {
    assert_breaks(Fault::AllIgnored, Scene::Single, G8);
    assert_breaks(Fault::AllNotReread, Scene::Timed, G8);
    assert_breaks(Fault::EarlyClear, Scene::Timed, G8);
}

#[test]
fn a_wait_all_takes_its_mark_off_and_wakes_the_others_for_whom_it_was_too() {
    assert_breaks(Fault::TicketKept, Scene::Timed, G8);
    assert_breaks(Fault::AllKept, Scene::Single, G9);
    assert_breaks(Fault::LeaveWakesNobody, Scene::Two, G7);
}

#[test]
fn a_token_written_before_the_mutex_is_taken_tells_of_the_wrong_deaths() {
    assert_breaks(Fault::TokenFirst, Scene::Mutex, G6);
}
