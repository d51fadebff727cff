//! The limits of a job, as people and JSON read them.

use serde::Serialize;
use shmobj::job::{Breakaway, Limits};

use crate::{duration, size};

/// What the processes of a job may use; null is no limit.
#[derive(Debug, Serialize)]
pub(crate) struct LimitsDescription {
    kill_on_close: bool,
    max_processes: Option<u32>,
    /// In bytes, of all processes together, and of each.
    memory: Option<u64>,
    process_memory: Option<u64>,
    /// Likewise.
    cpu_time_ns: Option<u64>,
    process_cpu_time_ns: Option<u64>,
    /// `denied`, `allowed` or `silent`.
    breakaway: &'static str,
}

impl LimitsDescription {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            kill_on_close: limits.kill_on_close,
            max_processes: limits.max_processes,
            memory: limits.memory,
            process_memory: limits.process_memory,
            cpu_time_ns: limits.cpu_time.map(super::nanoseconds),
            process_cpu_time_ns: limits.process_cpu_time.map(super::nanoseconds),
            breakaway: match limits.breakaway {
                Breakaway::Denied => "denied",
                Breakaway::Allowed => "allowed",
                Breakaway::Silent => "silent",
                _ => "unknown",
            },
        }
    }

    /// Each limit in a few words; none if there is none.
    pub(crate) fn words(&self) -> Vec<String> {
        let time = |nanoseconds| duration::exact(std::time::Duration::from_nanos(nanoseconds));
        let at_most = |what: String| format!("at most {what}");
        [
            self.kill_on_close.then(|| "kill on close".to_owned()),
            self.max_processes.map(|processes| at_most(super::counted(processes.into()))),
            self.memory.map(|bytes| at_most(format!("{} of memory", size::human(bytes)))),
            self.process_memory.map(|bytes| at_most(format!("{} of memory each", size::human(bytes)))),
            self.cpu_time_ns.map(|ns| at_most(format!("{} of processor time", time(ns)))),
            self.process_cpu_time_ns.map(|ns| at_most(format!("{} of processor time each", time(ns)))),
            (self.breakaway != "denied").then(|| format!("breakaway {}", self.breakaway)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn words(limits: Limits) -> Vec<String> {
        LimitsDescription::new(&limits).words()
    }

    #[test]
    fn each_limit_has_its_words() {
        assert_eq!(words(Limits::new()), [""; 0]);
        let limits =
            Limits::new().kill_on_close(true).max_processes(64).memory(4 << 30).process_memory(1 << 30);
        assert_eq!(
            words(limits),
            [
                "kill on close",
                "at most 64 processes",
                "at most 4 GiB of memory",
                "at most 1 GiB of memory each"
            ]
        );
        let limits = Limits::new()
            .cpu_time(Duration::from_secs(90))
            .process_cpu_time(Duration::from_millis(100))
            .breakaway(Breakaway::Silent);
        assert_eq!(
            words(limits),
            ["at most 1m 30s of processor time", "at most 100ms of processor time each", "breakaway silent"]
        );
    }
}
