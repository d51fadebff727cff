//! The command that runs while something is held.
//!
//! `unsafe` is here because what runs between `fork` and `exec` may do nothing that is not async-signal-safe, which the
//! compiler cannot check.

#![allow(unsafe_code)]

use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitCode, ExitStatus};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal, setsid};

use crate::signals::Signals;
use crate::{Place, output};

/// What `env` and shells say of a command that is there and cannot be run, and of one that is not there.
const CANNOT_RUN: u8 = 126;
const NOT_THERE: u8 = 127;

/// Runs the command, and ends as it ends.
///
/// A signal that a process sends to us is passed on, and the command decides what to do about it. One that comes from
/// the terminal (Ctrl-C) has reached the command already, and passed on it would have it twice.
pub(super) fn run(mut command: Command, signals: &Signals) -> anyhow::Result<ExitCode> {
    if let Some(caught) = signals.next() {
        // It came before there was a command to have it.
        return Ok(code_of_signal(caught.signal).into());
    }
    signals.catch_also(&[libc::SIGCHLD])?;
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(cannot_run(&command, &error)),
    };
    let pid = Pid::from_child(&child);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(code(status).into());
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

/// Becomes the command. Returns only if it cannot be run.
pub(super) fn replace(mut command: Command) -> ExitCode {
    let error = command.exec();
    cannot_run(&command, &error)
}

/// Says why a command cannot be run, and ends as `env` and shells do.
pub(super) fn cannot_run(command: &Command, error: &io::Error) -> ExitCode {
    output::message(&format!("cannot run {:?}: {error}", command.get_program()));
    let not_there = error.kind() == io::ErrorKind::NotFound;
    if not_there { NOT_THERE } else { CANNOT_RUN }.into()
}

/// The command of a command line. It looks names up where `--dir` says, unless it decides otherwise: it has `SHMOBJ_DIR`.
/// `None` if there is none.
pub(super) fn command(place: &Place, words: &[OsString]) -> anyhow::Result<Option<Command>> {
    let [program, arguments @ ..] = words else { return Ok(None) };
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(dir) = &place.dir {
        command.env("SHMOBJ_DIR", std::path::absolute(dir)?);
    }
    Ok(Some(command))
}

/// Has the kernel kill the process that is started with this if the thread that starts it ends before it, however it ends.
pub(super) fn die_with_us(command: &mut Command) {
    let parent = getpid();
    let prepare = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        match getppid() {
            // Gone before the kernel was told.
            Some(now) if now != parent => Err(Errno::SRCH.into()),
            // None: a parent that is outside of this PID namespace.
            _ => Ok(()),
        }
    };
    // SAFETY: the closure makes two system calls, allocates nothing and takes no lock.
    unsafe { command.pre_exec(prepare) };
}

/// Has the process that is started with this leave for a session of its own, as daemons do.
pub(super) fn in_own_session(command: &mut Command) {
    let prepare = || Ok(setsid().map(|_| ())?);
    // SAFETY: the closure makes a system call, allocates nothing and takes no lock.
    unsafe { command.pre_exec(prepare) };
}

/// The code of who is ended by a signal, as shells say it.
pub(super) fn code_of_signal(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(1)
}

/// The command's own code, or that of the signal that ended it.
pub(super) fn code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (_, Some(signal)) => code_of_signal(signal),
        (code, None) => code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
    }
}
