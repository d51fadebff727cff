//! Events and semaphores: every state keeps the invariants, and every broken rule is noticed.
#![expect(clippy::print_stdout, reason = "the number of states is part of the result")]

use shmobj_models::cell::{C2, C3, C4, C5, C6, C7, C8, Cell, Fault, Scene};
use shmobj_models::{explore, find_path};
use stateright::Checker;

/// Visits every state; all invariants hold, and what must be possible is.
fn assert_correct(scene: Scene) {
    let checker = explore(Cell { scene, fault: None });
    println!("{scene:?}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

/// Looks for a way to break `property`, and returns it in words.
fn assert_breaks(fault: Fault, scene: Scene, property: &'static str) -> Vec<String> {
    let model = Cell { scene, fault: Some(fault) };
    let path = find_path(&model, property);
    let path = path.unwrap_or_else(|| panic!("{fault:?} with {scene:?} is harmless to {property:?}"));
    let story = model.tell(path);
    println!("{fault:?}, {scene:?}: breaks {property:?} in {} actions", story.len());
    story
}

#[test]
fn single_waiters_for_an_event_keep_every_invariant() {
    [Scene::Singles, Scene::Repeated, Scene::Reset, Scene::Timed].into_iter().for_each(assert_correct);
}

#[test]
fn waiters_for_any_of_two_events_keep_every_invariant() {
    [Scene::Any, Scene::TwoAny, Scene::Elsewhere].into_iter().for_each(assert_correct);
}

#[test]
fn two_signals_for_two_sleepers_stay_two_although_one_takes_another_object() {
    assert_correct(Scene::Kept);
}

#[test]
fn a_manual_reset_event_keeps_every_invariant() {
    [Scene::Manual, Scene::ManualAny].into_iter().for_each(assert_correct);
}

#[test]
fn a_semaphore_keeps_every_invariant() {
    [Scene::Semaphore, Scene::SemaphoreAny, Scene::Full].into_iter().for_each(assert_correct);
}

#[test]
fn without_a_count_of_takes_a_slow_setter_clears_waiters_under_a_sleeper() {
    assert_breaks(Fault::NoSeq, Scene::Repeated, C4);
    assert_breaks(Fault::NoSeq, Scene::Repeated, C3);
}

#[test]
fn a_setter_that_clears_waiters_without_comparing_forgets_sleepers() {
    assert_breaks(Fault::BlindClear, Scene::Repeated, C4);
    assert_breaks(Fault::BlindClear, Scene::Repeated, C3);
    assert_breaks(Fault::BlindClear, Scene::Manual, C4);
}

#[test]
fn a_setter_killed_between_signal_and_wake_leaves_the_sleepers_asleep() {
    let story = assert_breaks(Fault::WakeApart, Scene::Repeated, C3);
    assert!(story.iter().any(|line| line.contains("is killed")), "{story:#?}");
}

#[test]
fn a_wake_before_the_signal_is_a_wake_for_nothing() {
    assert_breaks(Fault::WakeFirst, Scene::Repeated, C3);
}

#[test]
fn without_tickets_two_sets_release_one_of_two_sleepers() {
    assert_breaks(Fault::NoTickets, Scene::Singles, C2);
}

#[test]
fn a_reset_that_takes_tickets_takes_them_from_who_was_woken() {
    assert_breaks(Fault::ResetTakesTickets, Scene::Reset, C2);
}

#[test]
fn one_wake_is_not_enough_where_a_sleeper_waits_for_several() {
    assert_breaks(Fault::MultiIgnored, Scene::Any, C3);
    assert_breaks(Fault::NoMulti, Scene::Any, C3);
    assert_breaks(Fault::NoMulti, Scene::Any, C4);
}

#[test]
fn a_setter_that_does_not_settle_leaves_tickets_that_nobody_was_woken_for() {
    assert_breaks(Fault::NoSettle, Scene::Timed, C5);
}

#[test]
fn a_waiter_for_any_that_returns_no_ticket_leaves_a_signal_that_no_reset_takes() {
    assert_breaks(Fault::TicketKept, Scene::Any, C5);
}

#[test]
fn a_ticket_returned_onto_a_signal_makes_one_of_two() {
    assert_breaks(Fault::TicketReturnedOntoSignal, Scene::Kept, C8);
}

#[test]
fn a_waiter_that_leaves_without_a_last_look_loses_a_signal() {
    assert_breaks(Fault::NoLastLook, Scene::Timed, C3);
}

#[test]
fn without_generations_a_reset_overtakes_who_was_woken_by_the_set() {
    assert_breaks(Fault::NoGeneration, Scene::Manual, C6);
}

#[test]
fn two_releases_at_once_go_above_the_maximum_unless_the_settle_refuses() {
    assert_breaks(Fault::MaximumIgnored, Scene::Full, C7);
}
