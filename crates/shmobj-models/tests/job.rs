//! The guardians of a job: every state keeps the invariants, and every broken rule is noticed.
#![expect(clippy::print_stdout, reason = "the number of states is part of the result")]

use shmobj_models::job::{Fault, J1, J2, J3, J4, J5, J7, Job, Scene};
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
