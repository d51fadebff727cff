//! Jobs, with processes that are really killed, and that really try to get out.
//!
//! Each test is about both mechanisms, guardians alone and control groups, if the machine has them. What is left is counted through
//! /proc: all processes of a test have a mark.

mod bombs;
mod both_guardians;
mod escapes;
mod holders;
mod hostile_board;
mod idle;
mod killed;
mod many;
mod spawners;
mod steps;

use shmobj_tests::lab::Lab;

/// Does the same for each mechanism.
fn each(test: &str, act: impl Fn(&Lab)) {
    Lab::each(env!("CARGO_BIN_EXE_puppet"), test, act);
}
