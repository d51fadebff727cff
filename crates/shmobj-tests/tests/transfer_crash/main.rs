//! Processes are killed at every stage of a handle's journey, on either end. Afterwards no count of handles is wrong: the object
//! and its name live exactly as long as a surviving process has a handle, or a message with one waits for a surviving process.

mod deposits;
mod duplicates;
mod inheritance;
mod parcels;
mod sockets;

use std::collections::BTreeSet;

use shmobj_tests::puppet::Puppet;
use shmobj_tests::scene::Scene;
use shmobj_tests::steps;

const PROGRAM: &str = env!("CARGO_BIN_EXE_puppet");

/// Has a process die at a step of a command.
#[track_caller]
fn dies(victim: &mut Puppet, step: &str, command: &str) {
    victim.does(format!("arm die 1 {step}"));
    assert!(victim.dies_of(command), "`{command}` never passed `{step}`");
}

/// A named object is adopted; an unnamed one is only received.
fn arrivals(scene: &Scene) -> &'static [&'static str] {
    if scene.is_named() { &["transfer: received", "adopt: lock shared"] } else { &["transfer: received"] }
}

#[test]
fn every_step_is_crashed_at_by_some_test() {
    let crashed = [sockets::STEPS, deposits::STEPS, duplicates::STEPS];
    let crashed: BTreeSet<&str> = crashed.into_iter().flatten().copied().collect();
    assert_eq!(crashed, steps::OF_TRANSFER.into_iter().collect());
}
