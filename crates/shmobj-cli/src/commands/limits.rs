//! The limits of a job on the command line.

use std::time::Duration;

use shmobj::job::Limits;

use crate::{duration, size};

/// What the processes of a job may use. There is no limit without one.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct LimitArguments {
    /// How many processes there may be at a time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_processes: Option<u32>,
    /// How much memory all processes may use together: bytes, or 512M, 4G.
    #[arg(long, value_name = "SIZE", value_parser = size::parse_limit)]
    memory: Option<u64>,
    /// How much memory each process may use.
    #[arg(long, value_name = "SIZE", value_parser = size::parse_limit)]
    process_memory: Option<u64>,
    /// How much processor time all processes may use together, also those that have ended: 90s, 10m. Then all are ended.
    #[arg(long, value_name = "TIME", value_parser = duration::parse_limit)]
    cpu_time: Option<Duration>,
    /// How much processor time each process may use. Then it is ended.
    #[arg(long, value_name = "TIME", value_parser = duration::parse_limit)]
    process_cpu_time: Option<Duration>,
}

impl LimitArguments {
    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::new();
        limits.max_processes = self.max_processes;
        limits.memory = self.memory;
        limits.process_memory = self.process_memory;
        limits.cpu_time = self.cpu_time;
        limits.process_cpu_time = self.process_cpu_time;
        limits
    }
}
