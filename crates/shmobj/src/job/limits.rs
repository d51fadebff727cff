//! What the processes of a job may use, and what becomes of them when it is closed.

use std::time::Duration;

use crate::error::{Attempt, ErrorKind, Result};

/// Whether processes that members of a job start may be outside of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Breakaway {
    /// They are in the job, and nothing else is permitted.
    #[default]
    Denied,
    /// They are in the job, unless they are started with [`Job::spawn_breakaway`](super::Job::spawn_breakaway)
    /// (`JOB_OBJECT_LIMIT_BREAKAWAY_OK`).
    Allowed,
    /// They are outside: the job has only those that were started in it or assigned to it (`JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK`).
    Silent,
}

/// What the processes of a job may use, and what becomes of them when it is closed. `None` is no limit.
///
/// What enforces each limit, and how soon, depends on the system: `docs/jobs.md` has a table.
///
/// ```
/// use shmobj::job::Limits;
/// let limits = Limits::new().kill_on_close(true).max_processes(64).memory(4 << 30);
/// assert_eq!(limits.max_processes, Some(64));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "JOBOBJECT_EXTENDED_LIMIT_INFORMATION")]
pub struct Limits {
    /// All processes end when the last handle to the job goes, by close, exit or SIGKILL (`JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE`).
    pub kill_on_close: bool,
    /// How many processes there may be at a time; at least 1 (`JOB_OBJECT_LIMIT_ACTIVE_PROCESS`).
    pub max_processes: Option<u32>,
    /// Bytes of memory of all processes together (`JOB_OBJECT_LIMIT_JOB_MEMORY`).
    pub memory: Option<u64>,
    /// Bytes of memory of each process (`JOB_OBJECT_LIMIT_PROCESS_MEMORY`).
    pub process_memory: Option<u64>,
    /// Processor time of all processes together, from when the limit is set on (`JOB_OBJECT_LIMIT_JOB_TIME`). When it is used up, all are
    /// ended with the code 1816, and the job is signalled.
    pub cpu_time: Option<Duration>,
    /// Processor time of each process; whoever has used it up is ended (`JOB_OBJECT_LIMIT_PROCESS_TIME`).
    pub process_cpu_time: Option<Duration>,
    /// Whether members may start processes outside.
    pub breakaway: Breakaway,
}

impl Limits {
    /// No limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`kill_on_close`](Self::kill_on_close).
    #[must_use]
    pub fn kill_on_close(mut self, kill: bool) -> Self {
        self.kill_on_close = kill;
        self
    }

    /// Sets [`max_processes`](Self::max_processes).
    #[must_use]
    pub fn max_processes(mut self, processes: u32) -> Self {
        self.max_processes = Some(processes);
        self
    }

    /// Sets [`memory`](Self::memory), in bytes.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Sets [`process_memory`](Self::process_memory), in bytes.
    #[must_use]
    pub fn process_memory(mut self, bytes: u64) -> Self {
        self.process_memory = Some(bytes);
        self
    }

    /// Sets [`cpu_time`](Self::cpu_time).
    #[must_use]
    pub fn cpu_time(mut self, time: Duration) -> Self {
        self.cpu_time = Some(time);
        self
    }

    /// Sets [`process_cpu_time`](Self::process_cpu_time).
    #[must_use]
    pub fn process_cpu_time(mut self, time: Duration) -> Self {
        self.process_cpu_time = Some(time);
        self
    }

    /// Sets [`breakaway`](Self::breakaway).
    #[must_use]
    pub fn breakaway(mut self, breakaway: Breakaway) -> Self {
        self.breakaway = breakaway;
        self
    }

    /// Refuses what is never right: a limit of nothing at all.
    pub(super) fn check(&self, attempt: &Attempt<'_>) -> Result<()> {
        let flaws = [
            (self.max_processes == Some(0), "it would permit no process"),
            (self.memory == Some(0) || self.process_memory == Some(0), "it would permit no memory"),
            (
                self.cpu_time == Some(Duration::ZERO) || self.process_cpu_time == Some(Duration::ZERO),
                "it would permit no processor time",
            ),
        ];
        match flaws.into_iter().find(|(is_flawed, _)| *is_flawed) {
            None => Ok(()),
            Some((_, matter)) => Err(attempt
                .fails(ErrorKind::InvalidParameter, matter)
                .with_remedy("give a limit above zero, or leave it away")),
        }
    }
}
