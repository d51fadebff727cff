//! What the processes of a job may use, and what they have used.

use std::os::windows::io::BorrowedHandle;
use std::time::Duration;

use windows_sys::Win32::System::JobObjects::{
    JOB_OBJECT_LIMIT, JOB_OBJECT_LIMIT_ACTIVE_PROCESS, JOB_OBJECT_LIMIT_BREAKAWAY_OK,
    JOB_OBJECT_LIMIT_JOB_MEMORY, JOB_OBJECT_LIMIT_JOB_TIME, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOB_OBJECT_LIMIT_PROCESS_MEMORY, JOB_OBJECT_LIMIT_PROCESS_TIME, JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK,
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION, JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JOBOBJECTINFOCLASS,
    JobObjectBasicAccountingInformation, JobObjectExtendedLimitInformation,
};

use super::{Code, Information, query};
use crate::error::{Attempt, Result};
use crate::job::{Breakaway, Limits, Usage};
use crate::sys::windows::sync::Synchronizer;

type Extended = JOBOBJECT_EXTENDED_LIMIT_INFORMATION;
pub(super) type Accounting = JOBOBJECT_BASIC_ACCOUNTING_INFORMATION;

impl Information for Extended {
    const CLASS: JOBOBJECTINFOCLASS = JobObjectExtendedLimitInformation;
}

impl Information for Accounting {
    const CLASS: JOBOBJECTINFOCLASS = JobObjectBasicAccountingInformation;
}

pub(crate) fn usage(job: &Synchronizer, attempt: &Attempt<'_>) -> Result<Usage> {
    let failed = |code| attempt.os("asking what its processes have used", code);
    let told: Accounting = query(job.handle()).map_err(failed)?;
    let extended: Extended = query(job.handle()).map_err(failed)?;
    Ok(Usage {
        user_time: duration(told.TotalUserTime),
        system_time: duration(told.TotalKernelTime),
        peak_memory: extended.PeakJobMemoryUsed as u64,
        active_processes: told.ActiveProcesses,
        total_processes: told.TotalProcesses.into(),
        terminated_processes: told.TotalTerminatedProcesses.into(),
    })
}

pub(crate) fn limits(job: &Synchronizer, attempt: &Attempt<'_>) -> Result<Limits> {
    query(job.handle()).map(|told| read(&told)).map_err(|code| attempt.os("asking for its limits", code))
}

pub(crate) fn set_limits(job: &Synchronizer, attempt: &Attempt<'_>, limits: &Limits) -> Result<()> {
    set(job.handle(), limits).map_err(|code| attempt.os("setting its limits", code))
}

fn set(job: BorrowedHandle<'_>, limits: &Limits) -> Result<(), Code> {
    super::set(job, &written(limits))
}

fn breakaway_of(flags: JOB_OBJECT_LIMIT) -> Breakaway {
    if flags & JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK != 0 {
        Breakaway::Silent
    } else if flags & JOB_OBJECT_LIMIT_BREAKAWAY_OK != 0 {
        Breakaway::Allowed
    } else {
        Breakaway::Denied
    }
}

/// Limits as the system takes them: a flag says whether a number counts.
fn written(limits: &Limits) -> Extended {
    let mut told = Extended::default();
    let basic = &mut told.BasicLimitInformation;
    let mut flags = match limits.breakaway {
        Breakaway::Denied => 0,
        Breakaway::Allowed => JOB_OBJECT_LIMIT_BREAKAWAY_OK,
        Breakaway::Silent => JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK,
    };
    if limits.kill_on_close {
        flags |= JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    }
    if let Some(processes) = limits.max_processes {
        flags |= JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
        basic.ActiveProcessLimit = processes;
    }
    if let Some(time) = limits.cpu_time {
        flags |= JOB_OBJECT_LIMIT_JOB_TIME;
        basic.PerJobUserTimeLimit = units(time);
    }
    if let Some(time) = limits.process_cpu_time {
        flags |= JOB_OBJECT_LIMIT_PROCESS_TIME;
        basic.PerProcessUserTimeLimit = units(time);
    }
    if let Some(bytes) = limits.memory {
        flags |= JOB_OBJECT_LIMIT_JOB_MEMORY;
        told.JobMemoryLimit = bytes as usize;
    }
    if let Some(bytes) = limits.process_memory {
        flags |= JOB_OBJECT_LIMIT_PROCESS_MEMORY;
        told.ProcessMemoryLimit = bytes as usize;
    }
    told.BasicLimitInformation.LimitFlags = flags;
    told
}

fn read(told: &Extended) -> Limits {
    let basic = &told.BasicLimitInformation;
    let has = |flag| basic.LimitFlags & flag != 0;
    Limits {
        kill_on_close: has(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE),
        max_processes: has(JOB_OBJECT_LIMIT_ACTIVE_PROCESS).then_some(basic.ActiveProcessLimit),
        memory: has(JOB_OBJECT_LIMIT_JOB_MEMORY).then_some(told.JobMemoryLimit as u64),
        process_memory: has(JOB_OBJECT_LIMIT_PROCESS_MEMORY).then_some(told.ProcessMemoryLimit as u64),
        cpu_time: has(JOB_OBJECT_LIMIT_JOB_TIME).then(|| duration(basic.PerJobUserTimeLimit)),
        process_cpu_time: has(JOB_OBJECT_LIMIT_PROCESS_TIME).then(|| duration(basic.PerProcessUserTimeLimit)),
        breakaway: breakaway_of(basic.LimitFlags),
    }
}

/// A time as the system counts it, in 100 ns: rounded up, so that no limit becomes none. 29,000 years are for ever.
fn units(time: Duration) -> i64 {
    i64::try_from(time.as_nanos().div_ceil(100)).unwrap_or(i64::MAX)
}

fn duration(units: i64) -> Duration {
    const SECOND: u64 = 10_000_000;
    let units = u64::try_from(units).unwrap_or(0);
    Duration::new(units / SECOND, (units % SECOND) as u32 * 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_they_were_written() {
        let mut all = Limits::new()
            .kill_on_close(true)
            .max_processes(7)
            .memory(5 << 30)
            .process_memory(1 << 20)
            .cpu_time(Duration::from_millis(1500))
            .process_cpu_time(Duration::from_secs(3));
        for breakaway in [Breakaway::Denied, Breakaway::Allowed, Breakaway::Silent] {
            all.breakaway = breakaway;
            let one = Limits::new().breakaway(breakaway);
            assert_eq!((read(&written(&all)), read(&written(&one))), (all, one));
        }
        assert_eq!(written(&Limits::new()).BasicLimitInformation.LimitFlags, 0);
        assert_eq!(written(&all).BasicLimitInformation.LimitFlags, 0x330e);
        assert_eq!(written(&all).BasicLimitInformation.PerJobUserTimeLimit, 15_000_000);
    }

    #[test]
    fn no_time_is_lost() {
        assert_eq!(units(Duration::from_nanos(1)), 1);
        assert_eq!(units(Duration::MAX), i64::MAX);
        assert_eq!(duration(15_000_001), Duration::from_nanos(1_500_000_100));
        assert_eq!(duration(-1), Duration::ZERO);
        assert!(duration(i64::MAX) > Duration::from_secs(900_000_000_000));
    }
}
