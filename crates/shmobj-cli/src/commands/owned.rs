//! Running a command as the owner of a mutex.

use std::process::{Command, ExitCode};

use shmobj::Mutex;

use super::child;
use crate::output;
use crate::signals::Signals;

/// What tells the command that the former owner ended without releasing the mutex.
const ABANDONED: &str = "SHMOBJ_ABANDONED";

/// Runs the command while this thread owns the mutex, and ends as it ends. The command does not outlive the ownership:
/// if this process is killed, so is the command.
pub(super) fn run(
    mut command: Command,
    signals: &Signals,
    mutex: &Mutex,
    was_abandoned: bool,
) -> anyhow::Result<ExitCode> {
    if was_abandoned {
        command.env(ABANDONED, "1");
    } else {
        // That of a lock around this one is not about this one.
        command.env_remove(ABANDONED);
    }
    child::die_with_us(&mut command);
    let code = child::run(command, signals);
    release(mutex);
    code
}

/// Releases what this thread owns. If it cannot, somebody took it away, and the owner was not alone.
pub(super) fn release(mutex: &Mutex) {
    if let Err(error) = mutex.release() {
        output::message(&error.to_string());
    }
}

/// What there is to say when the former owner was killed.
pub(super) fn abandoned(name: &str) -> String {
    format!("mutex {name:?} was abandoned: its former owner ended without releasing it")
}
