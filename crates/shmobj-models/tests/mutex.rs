//! The mutex word: every state keeps the invariants, and every broken rule is noticed.
#![expect(clippy::print_stdout, reason = "the number of states is part of the result")]

use shmobj_models::mutex::{Fault, M1, M2, M3, M4, M5, Mutex, Scene};
use shmobj_models::{explore, find_path};
use stateright::Checker;

/// Visits every state; all invariants hold, and what must be possible is.
fn assert_correct(scene: Scene) {
    let checker = explore(Mutex { scene, fault: None });
    println!("{scene:?}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

/// Looks for a way to break `property`, and returns it in words.
fn assert_breaks(fault: Fault, scene: Scene, property: &'static str) -> Vec<String> {
    let model = Mutex { scene, fault: Some(fault) };
    let path = find_path(&model, property);
    let path = path.unwrap_or_else(|| panic!("{fault:?} with {scene:?} is harmless to {property:?}"));
    let story = model.tell(path);
    println!("{fault:?}, {scene:?}: breaks {property:?} in {} actions", story.len());
    story
}

fn kills(story: &[String]) -> usize {
    story.iter().filter(|line| line.contains("is killed")).count()
}

#[test]
fn three_threads_that_lock_twice_keep_every_invariant() {
    assert_correct(Scene::Three);
}

#[test]
fn four_threads_keep_every_invariant() {
    assert_correct(Scene::Four);
}

#[test]
fn threads_that_exit_as_owners_keep_every_invariant() {
    assert_correct(Scene::Exit);
}

#[test]
fn lockers_that_give_up_keep_every_invariant() {
    assert_correct(Scene::Timed);
}

#[test]
fn waiters_for_several_objects_keep_every_invariant() {
    assert_correct(Scene::Several);
}

/// The unlocker, or the sleeper that it woke, is killed after a stranger took the word without WAITERS.
#[test]
fn an_unlock_that_drops_waiters_loses_a_wake_up() {
    assert_breaks(Fault::UnlockDropsWaiters, Scene::Three, M3);
    assert_breaks(Fault::UnlockDropsWaiters, Scene::Four, M3);
}

#[test]
fn waiters_cleared_without_waking_all_lose_a_wake_up() {
    assert_breaks(Fault::ClearByCas, Scene::Three, M3);
}

#[test]
fn a_taker_that_drops_waiters_loses_a_wake_up() {
    assert_breaks(Fault::TakerDropsWaiters, Scene::Three, M3);
}

#[test]
fn a_sleeper_without_pending_takes_its_wake_to_the_grave() {
    let story = assert_breaks(Fault::NoPendingAsleep, Scene::Three, M3);
    assert!(kills(&story) >= 2, "{story:#?}");
}

#[test]
fn a_word_taken_without_pending_stays_with_the_dead() {
    assert_breaks(Fault::NoPendingWhileTaking, Scene::Three, M4);
    assert_breaks(Fault::LateList, Scene::Three, M4);
    assert_breaks(Fault::NoPendingWhileUnlocking, Scene::Three, M4);
}

#[test]
fn a_token_written_or_read_at_the_wrong_time_tells_of_the_wrong_deaths() {
    assert_breaks(Fault::TokenKept, Scene::Three, M2);
    assert_breaks(Fault::TokenFirst, Scene::Three, M2);
    assert_breaks(Fault::TokenIgnored, Scene::Three, M2);
    assert_breaks(Fault::ExitClearsToken, Scene::Exit, M2);
}

#[test]
fn a_waiter_for_several_objects_that_does_not_pass_a_wake_on_loses_it() {
    let story = assert_breaks(Fault::NoPassOn, Scene::Several, M5);
    assert!(kills(&story) <= 1, "{story:#?}");
}

#[test]
fn one_wake_is_not_enough_where_a_sleeper_waits_for_several_objects() {
    assert_breaks(Fault::MultiIgnored, Scene::Several, M5);
}

#[test]
fn a_sleep_without_a_limit_is_one_for_ever_where_a_sleeper_waits_for_several_objects() {
    let story = assert_breaks(Fault::SleepWithoutLimit, Scene::Several, M3);
    assert!(kills(&story) >= 2, "{story:#?}");
}

#[test]
fn waiters_that_can_make_no_barrier_keep_every_invariant_with_short_sleeps() {
    assert_correct(Scene::Unfenced);
}

#[test]
fn a_store_that_others_do_not_see_yet_strands_who_sleeps_without_a_barrier_of_its_own() {
    let story = assert_breaks(Fault::NoBarrier, Scene::Three, M5);
    assert!(kills(&story) <= 1, "{story:#?}");
    assert_breaks(Fault::OthersBarrier, Scene::Timed, M5);
}

#[test]
fn a_store_without_a_look_behind_it_strands_who_came_before_it() {
    let story = assert_breaks(Fault::NoLookBehindStore, Scene::Three, M5);
    assert!(kills(&story) <= 1, "{story:#?}");
    let story = assert_breaks(Fault::StoreForEver, Scene::Three, M5);
    assert!(kills(&story) <= 1, "{story:#?}");
}

#[test]
fn a_store_without_pending_takes_its_wake_to_the_grave() {
    let story = assert_breaks(Fault::NoPendingAtStore, Scene::Three, M5);
    assert!(kills(&story) <= 1, "{story:#?}");
}

#[test]
fn waiters_that_a_dead_owners_store_erased_are_missed_by_who_believes_the_word() {
    let story = assert_breaks(Fault::WaitersBelieved, Scene::Three, M5);
    assert!(kills(&story) <= 1, "{story:#?}");
    let story = assert_breaks(Fault::PassOnByWaiters, Scene::Several, M5);
    assert!(kills(&story) <= 1, "{story:#?}");
}

#[test]
fn a_sleep_without_a_limit_during_the_change_is_one_for_ever_after_two_deaths() {
    let story = assert_breaks(Fault::LongSleepInChange, Scene::Three, M3);
    assert!(kills(&story) >= 2, "{story:#?}");
}

#[test]
fn a_sleeper_with_the_owners_number_gives_the_mutex_away_when_it_dies() {
    assert_breaks(Fault::EqualTids, Scene::Three, M1);
}
