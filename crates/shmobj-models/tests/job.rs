//! The guardians of a job: every state keeps the invariants, and every broken rule is noticed.
#![expect(clippy::print_stdout, reason = "the number of states is part of the result")]

use shmobj_models::job::{BOTH_DIED, Fault, J1, J2, J3, J4, J5, J7, J8, Job, Scene};
use shmobj_models::lifecycle::{L1, L2, L4, L5};
use shmobj_models::{explore, find_path, shortest_path};
use stateright::Checker;

/// Visits every state; all invariants hold, and what must be possible is.
fn assert_correct(scene: Scene) {
    let checker = explore(Job { scene, fault: None });
    println!("{scene:?}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

/// Looks for a way to break `property`, and returns it in words.
fn assert_breaks(fault: Fault, scene: Scene, property: &'static str) -> Vec<String> {
    let model = Job { scene, fault: Some(fault) };
    let path = find_path(&model, property);
    let path = path.unwrap_or_else(|| panic!("{fault:?} with {scene:?} is harmless to {property:?}"));
    let story = model.tell(path);
    println!("{fault:?}, {scene:?}: breaks {property:?} in {} actions", story.len());
    story
}

/// Visits every state of the model with a broken rule; these invariants hold nevertheless.
fn assert_keeps(fault: Fault, scene: Scene, properties: &[&'static str]) {
    let checker = explore(Job { scene, fault: Some(fault) });
    println!("{fault:?}, {scene:?}: {} states", checker.unique_state_count());
    for property in properties {
        checker.assert_no_discovery(property);
    }
}

#[test]
fn a_tree_whose_job_kills_on_close_keeps_every_invariant() {
    assert_correct(Scene::Tree);
}

#[test]
fn a_tree_that_outlives_its_job_keeps_every_invariant() {
    assert_correct(Scene::Spared);
}

#[test]
fn a_name_that_is_opened_meanwhile_keeps_every_invariant() {
    assert_correct(Scene::Named);
}

#[test]
fn a_name_that_is_opened_beside_a_tree_that_goes_on_keeps_every_invariant() {
    assert_correct(Scene::NamedSpared);
}

#[test]
fn an_entry_that_the_guardian_may_not_unlink_keeps_every_invariant() {
    assert_correct(Scene::Foreign);
}

#[test]
fn a_job_that_is_terminated_keeps_every_invariant() {
    assert_correct(Scene::Terminated);
}

#[test]
fn a_lower_guardian_that_is_late_to_ask_for_its_parents_death_is_never_told() {
    let story = assert_breaks(Fault::LowerTrustsItsParent, Scene::Spared, J2);
    assert!(story.iter().any(|line| line == "K1 is killed"), "{story:#?}");
}

#[test]
fn a_lower_guardian_that_dies_with_the_upper_one_lets_orphans_go() {
    assert_breaks(Fault::LowerDiesWithUpper, Scene::Spared, J2);
}

#[test]
fn orphans_of_a_killed_guardian_are_lost_unless_the_upper_one_is_a_subreaper_in_time() {
    assert_breaks(Fault::UpperNoSubreaper, Scene::Spared, J2);
    assert_breaks(Fault::UpperSubreaperLate, Scene::Spared, J2);
}

/// They go to K1, which takes the end of K2 for its death.
#[test]
fn orphans_that_miss_the_lower_guardian_are_killed_while_the_job_is_held() {
    for fault in [Fault::LowerNoSubreaper, Fault::LowerSubreaperLate, Fault::LowerEndsWithChild] {
        let story = assert_breaks(fault, Scene::Spared, J3);
        assert!(!story.iter().any(|line| line.ends_with("is killed")), "{story:#?}");
    }
}

#[test]
fn a_flag_that_is_set_before_the_guardian_sleeps_is_not_seen() {
    assert_breaks(Fault::HandlerSetsFlag, Scene::Spared, J2);
    assert_breaks(Fault::HandlerSetsFlag, Scene::Spared, J5);
}

#[test]
fn a_guardian_that_does_not_wait_for_the_other_one_lets_a_tree_go() {
    assert_breaks(Fault::UpperLeavesEarly, Scene::Tree, J2);
}

#[test]
fn members_that_are_forked_during_the_killing_are_missed_by_who_looks_once() {
    assert_breaks(Fault::KillOnce, Scene::Tree, J1);
    assert_breaks(Fault::KillOnce, Scene::Spared, J2);
    assert_breaks(Fault::KillChildOnly, Scene::Spared, J2);
}

#[test]
fn the_first_process_outlives_both_guardians_unless_it_asks_and_looks() {
    assert_breaks(Fault::ChildOutlives, Scene::Spared, J7);
    assert_breaks(Fault::ChildTrustsItsParent, Scene::Spared, J7);
}

#[test]
fn a_handle_that_a_guardian_or_its_child_keeps_holds_the_job_for_ever() {
    for fault in [Fault::UpperKeepsHandle, Fault::ChildKeepsHandle] {
        assert_breaks(fault, Scene::Tree, J1);
        assert_breaks(fault, Scene::Spared, J5);
    }
}

#[test]
fn the_lock_of_two_killed_guardians_stays_if_a_member_shares_it() {
    assert_breaks(Fault::LockSharedWithChild, Scene::Spared, L4);
}

#[test]
fn a_guardian_that_lets_go_of_the_handle_before_it_has_the_entry_may_find_none() {
    assert_breaks(Fault::UpperOpensLate, Scene::Tree, J1);
}

/// The last closer takes it for a holder, or somebody opens what is about to be ended.
#[test]
fn a_guardian_that_has_the_lock_and_spares_the_entry_leaves_it_behind() {
    assert_breaks(Fault::UpperSparesEntry, Scene::Spared, J4);
    assert_breaks(Fault::UpperSparesEntry, Scene::Spared, L5);
    assert_breaks(Fault::UpperSparesEntry, Scene::Named, J3);
}

#[test]
fn a_guardian_that_unlinks_by_name_only_hits_another_object() {
    assert_breaks(Fault::UnlinkByNameOnly, Scene::NamedSpared, L1);
    assert_breaks(Fault::UnlinkByNameOnly, Scene::NamedSpared, L2);
}

#[test]
fn a_guardian_that_leaves_without_a_probe_leaves_the_entry_behind() {
    let story = assert_breaks(Fault::NoProbeAtEnd, Scene::Spared, L5);
    assert!(!story.iter().any(|line| line.ends_with("is killed")), "{story:#?}");
}

/// Elsewhere the lock is that of an entry without a name, which nobody can want.
#[test]
fn a_guardian_that_keeps_the_lock_of_what_it_may_not_unlink_blocks_the_name() {
    assert_breaks(Fault::UpperKeepsLock, Scene::Foreign, L4);
    assert_keeps(Fault::UpperKeepsLock, Scene::Spared, &[J1, J2, J3, J4, J5, J7, L1, L2, L4, L5]);
}

#[test]
fn a_terminate_meets_every_tree_or_is_known_to_it() {
    assert_breaks(Fault::EnrolledLate, Scene::Terminated, J8);
    assert_breaks(Fault::EndsNotedFirst, Scene::Terminated, J3);
}

#[test]
fn the_shortest_way_to_outlive_both_guardians_is_a_detached_process() {
    let model = Job { scene: Scene::Spared, fault: None };
    let story = shortest_path(&model, BOTH_DIED).map(|path| model.tell(path)).unwrap_or_default();
    assert!(story.iter().any(|line| line.starts_with("P forks D") || line.starts_with("P double-forks D")));
    assert_eq!(story.iter().filter(|line| line.ends_with("is killed")).count(), 2, "{story:#?}");
}
