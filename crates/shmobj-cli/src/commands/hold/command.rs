//! The command that runs while an object is held.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitCode, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};

use crate::signals::Signals;
use crate::{Place, output};

/// What `env` and shells say of a command that is there and cannot be run, and of one that is not there.
const CANNOT_RUN: u8 = 126;
const NOT_THERE: u8 = 127;

/// Runs the command, and ends as it ends.
///
/// A signal that a process sends to us is passed on, and the command decides what to do about it. One that comes from
/// the terminal (Ctrl-C) has reached the command already, and passed on it would have it twice.
///
/// The command looks names up where `--dir` says, unless it decides otherwise: it has `SHMOBJ_DIR`.
pub(super) fn run(
    place: &Place,
    program: &OsStr,
    arguments: &[OsString],
    signals: &Signals,
) -> anyhow::Result<ExitCode> {
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(dir) = &place.dir {
        command.env("SHMOBJ_DIR", std::path::absolute(dir)?);
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            output::message(&format!("cannot run {program:?}: {error}"));
            let not_there = error.kind() == io::ErrorKind::NotFound;
            return Ok(if not_there { NOT_THERE } else { CANNOT_RUN }.into());
        }
    };
    let pid = Pid::from_child(&child);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(code(status));
        }
        let caught = signals.wait()?;
        // Not waited for yet, so the number is still the child's.
        if let (true, Some(signal)) = (caught.by_process, Signal::from_named_raw(caught.signal)) {
            if signal != Signal::CHILD {
                let _ = kill_process(pid, signal);
            }
        }
    }
}

/// The command's own code, or 128 and the signal that ended it, as shells say it.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
