//! Jobs as `ls`, `stat` and their `--json` describe them: what they permit, what they have used, and their processes.

mod limits;
mod processes;

use std::time::Duration;

use serde::Serialize;
use shmobj::job::Usage;
use shmobj::{Access, Job};

pub(crate) use limits::LimitsDescription;
pub(crate) use processes::ProcessDescription;

use crate::{Place, duration, size};

/// What only the job itself tells, and only to those who may open it.
#[derive(Debug, Serialize)]
pub(crate) struct JobDescription {
    pub(crate) limits: LimitsDescription,
    pub(crate) usage: UsageDescription,
    /// Each behind its parent.
    pub(crate) processes: Vec<ProcessDescription>,
}

/// What its processes have used, also those that have ended.
#[derive(Debug, Serialize)]
pub(crate) struct UsageDescription {
    user_time_ns: u64,
    system_time_ns: u64,
    /// In bytes.
    peak_memory: u64,
    active_processes: u32,
    total_processes: u64,
    /// Those that were ended because of a limit.
    terminated_processes: u64,
}

impl JobDescription {
    /// Asks the job of this name; `None` if it does not let this user, or is gone.
    pub(crate) fn ask(place: &Place, name: &str) -> Option<Self> {
        let job = Job::options().namespace(&place.namespace).open(name, Access::QUERY).ok()?;
        Some(Self {
            limits: LimitsDescription::new(&job.limits().ok()?),
            usage: UsageDescription::new(&job.usage().ok()?),
            processes: processes::tree(&job.processes().ok()?),
        })
    }

    /// What there is to say, each with its key; of the processes their numbers only.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let UsageDescription { user_time_ns, system_time_ns, peak_memory, .. } = self.usage;
        let time = Duration::from_nanos(user_time_ns.saturating_add(system_time_ns));
        vec![
            ("limits", self.limits.words().join(", ")),
            (
                "used",
                format!(
                    "{} of processor time, at most {} of memory",
                    duration::human(time),
                    size::human(peak_memory)
                ),
            ),
            ("processes", self.usage.counts()),
        ]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .collect()
    }

    /// How many processes there are, in few words.
    pub(crate) fn summary(&self) -> String {
        counted(self.processes.len() as u64)
    }
}

impl UsageDescription {
    fn new(usage: &Usage) -> Self {
        Self {
            user_time_ns: nanoseconds(usage.user_time),
            system_time_ns: nanoseconds(usage.system_time),
            peak_memory: usage.peak_memory,
            active_processes: usage.active_processes,
            total_processes: usage.total_processes,
            terminated_processes: usage.terminated_processes,
        }
    }

    fn counts(&self) -> String {
        let counts = format!("{} now, {} in all", self.active_processes, self.total_processes);
        match self.terminated_processes {
            0 => counts,
            ended => format!("{counts}, {ended} ended by a limit"),
        }
    }
}

fn counted(processes: u64) -> String {
    if processes == 1 { "1 process".into() } else { format!("{processes} processes") }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_job_are_said_in_three_lines() {
        let job = JobDescription {
            limits: LimitsDescription::new(&shmobj::job::Limits::new().max_processes(1)),
            usage: UsageDescription {
                user_time_ns: 1_500_000_000,
                system_time_ns: 250_000_000,
                peak_memory: 3 << 20,
                active_processes: 2,
                total_processes: 7,
                terminated_processes: 1,
            },
            processes: Vec::new(),
        };
        let lines = [
            ("limits", "at most 1 process".to_owned()),
            ("used", "1s 750ms of processor time, at most 3 MiB of memory".to_owned()),
            ("processes", "2 now, 7 in all, 1 ended by a limit".to_owned()),
        ];
        assert_eq!(job.lines(), lines);
        assert_eq!(job.summary(), "0 processes");
    }
}
