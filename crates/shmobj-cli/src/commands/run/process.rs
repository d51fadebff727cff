//! A process in a job, as one that starts it waits for it: it is not our child.

use std::error::Error as _;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::bail;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use shmobj::job::Child;
use shmobj::{ErrorKind, Job};

use crate::commands::child;
use crate::signals::{Caught, Signals};

/// How often to look for the exit code of a process that has ended: its guardian tells it a moment later.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How long the kernel may take to end what was killed.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Process {
    child: Child,
    /// `None`: it has ended.
    pidfd: Option<OwnedFd>,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Ended(ExitStatus),
    Signal(Caught),
    TimedOut,
}

impl Process {
    pub(super) fn start(job: &Job, command: &mut Command) -> shmobj::Result<Self> {
        let child = job.spawn(command)?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pidfd = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        // The number can belong to another process, if this one has ended already.
        let pidfd = pidfd.filter(|_| job.contains(child.id()).unwrap_or(false));
        Ok(Self { child, pidfd })
    }

    /// Waits until it ends, or a signal comes, or the time is up.
    pub(super) fn wait(&mut self, signals: &Signals, deadline: Option<Instant>) -> anyhow::Result<End> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(End::Ended(status));
            }
            if let Some(caught) = signals.next() {
                return Ok(End::Signal(caught));
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(End::TimedOut);
            }
            match &self.pidfd {
                Some(pidfd) => {
                    if signals.wait_with(Some(pidfd.as_fd()), left)? {
                        self.pidfd = None;
                    }
                }
                None => {
                    signals.wait_with(None, Some(left.map_or(LOOK_EVERY, |left| left.min(LOOK_EVERY))))?;
                }
            }
        }
    }

    /// Sends it a signal, if it has not ended.
    pub(super) fn signal(&self, signal: i32) {
        if let (Some(pidfd), Some(signal)) = (&self.pidfd, Signal::from_named_raw(signal)) {
            let _ = pidfd_send_signal(pidfd, signal);
        }
    }

    /// Kills it if it has not ended, and returns when it has.
    pub(super) fn end(self) -> anyhow::Result<()> {
        let Some(pidfd) = self.pidfd else { return Ok(()) };
        match pidfd_send_signal(&pidfd, Signal::KILL) {
            Ok(()) => {}
            Err(Errno::SRCH) => return Ok(()),
            Err(errno) => return Err(io::Error::from(errno).into()),
        }
        let deadline = Timespec::try_from(PATIENCE).ok();
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], deadline.as_ref()) {
            Ok(0) => bail!("process {} does not end, though it was killed", self.child.id()),
            // Interrupted by a signal that wants the same: what was killed ends without being watched.
            _ => Ok(()),
        }
    }
}

/// Ends as `env` and shells do if a command is not there, or cannot be run.
pub(super) fn cannot_start(command: &Command, error: shmobj::Error) -> anyhow::Result<ExitCode> {
    if error.kind() == ErrorKind::NotSupported {
        return Err(error.into());
    }
    // What the system said of the program, if it did, is all that there is to say.
    match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(said) => Ok(child::cannot_run(command, said)),
        None => Ok(child::cannot_run(command, &error.into())),
    }
}
