//! Jobs on Linux.

use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::time::Duration;

use super::sync::Synchronizer;
use crate::error::{Attempt, ErrorKind, Result};
use crate::job::{Limits, Notification, Usage};

pub(crate) type Pipes = (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>);

#[derive(Debug)]
pub(crate) struct Child {}

impl Child {
    pub(crate) fn id(&self) -> u32 {
        0
    }
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        unreachable!()
    }
    pub(crate) fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        unreachable!()
    }
    pub(crate) fn kill(&mut self) -> Result<()> {
        unreachable!()
    }
}

pub(crate) fn spawn(
    _job: &Synchronizer,
    attempt: &Attempt<'_>,
    _command: &mut Command,
) -> Result<(Child, Pipes)> {
    Err(attempt.fails(ErrorKind::NotSupported, "not yet"))
}

pub(crate) fn spawn_breakaway(
    _job: &Synchronizer,
    attempt: &Attempt<'_>,
    _command: &mut Command,
) -> Result<(Child, Pipes)> {
    Err(attempt.fails(ErrorKind::NotSupported, "not yet"))
}

pub(crate) fn assign(_job: &Synchronizer, attempt: &Attempt<'_>, _pid: u32) -> Result<()> {
    Err(attempt.fails(ErrorKind::NotSupported, "not yet"))
}

pub(crate) fn terminate(_job: &Synchronizer, attempt: &Attempt<'_>, _code: u32) -> Result<()> {
    Err(attempt.fails(ErrorKind::NotSupported, "not yet"))
}

pub(crate) fn processes(_job: &Synchronizer, attempt: &Attempt<'_>) -> Result<Vec<u32>> {
    Err(attempt.fails(ErrorKind::NotSupported, "not yet"))
}

pub(crate) fn contains(_job: &Synchronizer, attempt: &Attempt<'_>, _pid: u32) -> Result<bool> {
    Err(attempt.fails(ErrorKind::NotSupported, "not yet"))
}

pub(crate) fn usage(_job: &Synchronizer, attempt: &Attempt<'_>) -> Result<Usage> {
    Err(attempt.fails(ErrorKind::NotSupported, "not yet"))
}

pub(crate) fn limits(_job: &Synchronizer, attempt: &Attempt<'_>) -> Result<Limits> {
    Err(attempt.fails(ErrorKind::NotSupported, "not yet"))
}

pub(crate) fn set_limits(_job: &Synchronizer, attempt: &Attempt<'_>, _limits: &Limits) -> Result<()> {
    Err(attempt.fails(ErrorKind::NotSupported, "not yet"))
}

pub(crate) fn freeze(_job: &Synchronizer, attempt: &Attempt<'_>, _frozen: bool) -> Result<()> {
    Err(attempt.fails(ErrorKind::NotSupported, "not yet"))
}

pub(crate) fn mechanism() -> crate::job::Mechanism {
    crate::job::Mechanism::Guardians { reason: "not yet".into() }
}

/// Where a job's notifications come from.
#[derive(Debug)]
pub(crate) struct Port {}

impl Port {
    pub(crate) fn open(_job: &Synchronizer, attempt: &Attempt<'_>) -> Result<Self> {
        Err(attempt.fails(ErrorKind::NotSupported, "not yet"))
    }

    /// Waits for so long for something to happen, and tells it. False: nothing will happen any more.
    pub(crate) fn wait(&mut self, _patience: Duration, _tell: impl FnMut(Notification)) -> bool {
        false
    }
}
