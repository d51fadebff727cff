//! A process that was started, whoever started it.

use std::io;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};

use shmobj::{Job, Result, job};

/// The standard library's child, or a job's.
#[derive(Debug)]
pub(super) enum Started {
    Child(Child),
    Member(job::Child),
}

/// Wine at times cannot start a process on a busy machine, and says so with `ERROR_INTERNAL_ERROR`, which no system means otherwise here.
const NOT_STARTED_BY_WINE: u32 = 1359;
/// How often a start is tried.
const TRIES: usize = 4;

/// Tries again what Wine could not do.
fn tried<T, E>(
    mut start: impl FnMut() -> std::result::Result<T, E>,
    code: impl Fn(&E) -> Option<u32>,
) -> std::result::Result<T, E> {
    let mut tries = 1;
    loop {
        match start() {
            Err(error) if tries < TRIES && code(&error) == Some(NOT_STARTED_BY_WINE) => tries += 1,
            outcome => return outcome,
        }
    }
}

impl Started {
    /// In the way of the standard library.
    pub(super) fn child(command: &mut Command) -> io::Result<Self> {
        let code = |error: &io::Error| error.raw_os_error().map(|code| code as u32);
        tried(|| command.spawn(), code).map(Self::Child)
    }

    /// In a job.
    pub(super) fn member(job: &Job, command: &mut Command) -> Result<Self> {
        tried(|| job.spawn(command), |error| Some(error.win32_code())).map(Self::Member)
    }

    /// Outside of a job.
    pub(super) fn outsider(job: &Job, command: &mut Command) -> Result<Self> {
        tried(|| job.spawn_breakaway(command), |error| Some(error.win32_code())).map(Self::Member)
    }

    pub(super) fn id(&self) -> u32 {
        match self {
            Self::Child(child) => child.id(),
            Self::Member(child) => child.id(),
        }
    }

    /// Its standard input and output, which are pipes.
    pub(super) fn pipes(&mut self) -> (ChildStdin, ChildStdout) {
        let (input, output) = match self {
            Self::Child(child) => (child.stdin.take(), child.stdout.take()),
            Self::Member(child) => (child.stdin.take(), child.stdout.take()),
        };
        (input.expect("a pipe"), output.expect("a pipe"))
    }

    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        match self {
            Self::Child(child) => child.try_wait(),
            Self::Member(child) => child.try_wait().map_err(io::Error::other),
        }
    }

    /// Ends it, and waits until it is gone. It may have ended by itself.
    pub(super) fn end(&mut self) {
        match self {
            Self::Child(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
            Self::Member(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}
