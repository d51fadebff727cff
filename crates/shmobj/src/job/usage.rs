//! What the processes of a job have used.

use std::time::Duration;

/// What the processes of a job have used, also those that have ended.
///
/// How exact each figure is on which system is in `docs/jobs.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "JOBOBJECT_BASIC_ACCOUNTING_INFORMATION")]
pub struct Usage {
    /// Processor time in user mode.
    pub user_time: Duration,
    /// Processor time in the kernel.
    pub system_time: Duration,
    /// Bytes of memory that all processes together have used at most, as far as that was seen.
    pub peak_memory: u64,
    /// Processes that are in the job now.
    pub active_processes: u32,
    /// Processes that have ever been in the job, as far as they were seen.
    pub total_processes: u64,
    /// Processes that were ended because they, or the job, went over a limit.
    pub terminated_processes: u64,
}
