//! The options with which a job is created or opened.

use std::time::Duration;

use super::{Breakaway, Job, Limits};
use crate::error::{Attempt, Result};
use crate::handle::Creation;
use crate::kind::Kind;
use crate::sys::contract::{Initial, Intent};

/// Options for a new job, or for opening one: see [`Job::options`].
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until `create`, `create_new`, `create_unnamed` or `open` is called"]
pub struct JobOptions<'a> {
    limits: Limits,
    pub(super) creation: Creation<'a>,
}

impl JobOptions<'_> {
    /// All limits at once.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether all processes end when the last handle to the job goes. They do not by default.
    pub fn kill_on_close(mut self, kill: bool) -> Self {
        self.limits = self.limits.kill_on_close(kill);
        self
    }

    /// How many processes there may be at a time; at least 1.
    pub fn max_processes(mut self, processes: u32) -> Self {
        self.limits = self.limits.max_processes(processes);
        self
    }

    /// Bytes of memory that all processes together may use.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.limits = self.limits.memory(bytes);
        self
    }

    /// Bytes of memory that each process may use.
    pub fn process_memory(mut self, bytes: u64) -> Self {
        self.limits = self.limits.process_memory(bytes);
        self
    }

    /// Processor time that all processes together may use.
    pub fn cpu_time(mut self, time: Duration) -> Self {
        self.limits = self.limits.cpu_time(time);
        self
    }

    /// Processor time that each process may use.
    pub fn process_cpu_time(mut self, time: Duration) -> Self {
        self.limits = self.limits.process_cpu_time(time);
        self
    }

    /// Whether members may start processes outside.
    pub fn breakaway(mut self, breakaway: Breakaway) -> Self {
        self.limits = self.limits.breakaway(breakaway);
        self
    }

    pub(super) fn make(&self, name: &str, intent: Intent) -> Result<Job> {
        self.limits.check(&Attempt { verb: "create", subject: Kind::Job.as_str(), name })?;
        self.creation.make(Kind::Job, name, Initial::Job { limits: self.limits }, intent).map(Job)
    }
}
