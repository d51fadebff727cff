//! The processes that are in a job.

use std::mem::{offset_of, size_of};
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, OwnedHandle};
use std::ptr::null_mut;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER, ERROR_MORE_DATA, ERROR_NOT_ENOUGH_QUOTA,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, IsProcessInJob, JOBOBJECT_BASIC_PROCESS_ID_LIST, JobObjectBasicProcessIdList,
    QueryInformationJobObject, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    GetProcessId, OpenProcess, PROCESS_QUERY_INFORMATION, PROCESS_QUERY_LIMITED_INFORMATION,
    PROCESS_SET_QUOTA, PROCESS_TERMINATE,
};

use super::limits::Accounting;
use super::{Code, done, query};
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::sys::windows::sync::Synchronizer;
use crate::sys::windows::{handle, nt};

pub(crate) fn assign(job: &Synchronizer, attempt: &Attempt<'_>, pid: u32) -> Result<()> {
    let rights = PROCESS_SET_QUOTA | PROCESS_TERMINATE | PROCESS_QUERY_LIMITED_INFORMATION;
    let process = open(attempt, pid, rights)?;
    // SAFETY: both handles are open.
    done(unsafe { AssignProcessToJobObject(job.handle().as_raw_handle(), process.as_raw_handle()) })
        .map_err(|code| refused(attempt, "putting the process into it", code))
}

/// Why a process does not come into a job.
pub(super) fn refused(attempt: &Attempt<'_>, doing: &'static str, code: Code) -> Error {
    match code {
        ERROR_NOT_ENOUGH_QUOTA => attempt
            .fails(ErrorKind::Quota, "it has as many processes as it may have") // JA-11
            .with_remedy("wait until one has ended, or set a higher limit"),
        ERROR_ACCESS_DENIED => attempt
            .fails(
                ErrorKind::AccessDenied,
                "the process has ended, or is in a job that this one cannot be inside of, or the handle does not permit it",
            ) // JA-5, JA-6, JA-8
            .with_remedy("use a job that has had no other processes"),
        code => attempt.os(doing, code),
    }
}

fn open(attempt: &Attempt<'_>, pid: u32, rights: u32) -> Result<OwnedHandle> {
    let none = || {
        attempt
            .fails(ErrorKind::InvalidParameter, format!("there is no process {pid}"))
            .with_remedy("give the number of a running process")
    };
    // SAFETY: has no preconditions.
    let process = handle::owned(unsafe { OpenProcess(rights, 0, pid) }).map_err(|code| match code {
        ERROR_INVALID_PARAMETER => none(),
        code => attempt.os("opening the process", code),
    })?;
    // The last two bits of a number mean nothing to the system: it opens another process.
    // SAFETY: an open handle with the right to ask.
    if unsafe { GetProcessId(process.as_raw_handle()) } == pid { Ok(process) } else { Err(none()) }
}

pub(crate) fn contains(job: &Synchronizer, attempt: &Attempt<'_>, pid: u32) -> Result<bool> {
    // Windows is content with the lesser right, Wine 8 is not.
    let process = open(attempt, pid, PROCESS_QUERY_INFORMATION)
        .or_else(|_| open(attempt, pid, PROCESS_QUERY_LIMITED_INFORMATION))?;
    is_in(process.as_handle(), job).map_err(|code| attempt.os("asking whether the process is in it", code))
}

pub(super) fn is_in(process: BorrowedHandle<'_>, job: &Synchronizer) -> Result<bool, Code> {
    let mut is_in = 0;
    // SAFETY: both handles are open, and the answer has a place.
    done(unsafe { IsProcessInJob(process.as_raw_handle(), job.handle().as_raw_handle(), &raw mut is_in) })?;
    Ok(is_in != 0)
}

type List = JOBOBJECT_BASIC_PROCESS_ID_LIST;
/// How many places in front of the numbers the two counts take.
const HEADER: usize = offset_of!(List, ProcessIdList) / size_of::<usize>();

pub(crate) fn processes(job: &Synchronizer, attempt: &Attempt<'_>) -> Result<Vec<u32>> {
    let mut room = 64;
    loop {
        let mut answer = vec![0_usize; HEADER + room];
        let bytes = size_of_val(answer.as_slice()) as u32;
        let raw = job.handle().as_raw_handle();
        let to = answer.as_mut_ptr().cast();
        // SAFETY: the system writes at most so many bytes, which are there.
        let told = done(unsafe {
            QueryInformationJobObject(raw, JobObjectBasicProcessIdList, to, bytes, null_mut())
        });
        // SAFETY: the buffer is larger than that, and aligned for it; every bit pattern is a value.
        let header = unsafe { answer.as_ptr().cast::<List>().read() };
        match told {
            Ok(()) => {
                let listed = (header.NumberOfProcessIdsInList as usize).min(room);
                return Ok(answer[HEADER..][..listed].iter().map(|&pid| pid as u32).collect());
            }
            // More may come until the next look.
            Err(ERROR_MORE_DATA) => room = (header.NumberOfAssignedProcesses as usize).max(room) * 2, // JI-3
            Err(code) => return Err(attempt.os("asking for its processes", code)),
        }
    }
}

/// For how long processes that have been ended may stay.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn terminate(job: &Synchronizer, attempt: &Attempt<'_>, code: u32) -> Result<()> {
    // SAFETY: the handle is open.
    done(unsafe { TerminateJobObject(job.handle().as_raw_handle(), code) })
        .map_err(|code| attempt.os("ending its processes", code))?;
    // It has ended them when it returns, but each is in the job until its last thread has gone (JQ-8).
    let begun = Instant::now();
    let mut pause = Duration::from_micros(100);
    // A handle without the right to ask cannot find out, and trusts the system.
    while query::<Accounting>(job.handle()).is_ok_and(|told| told.ActiveProcesses > 0) {
        if begun.elapsed() > PATIENCE {
            return Err(attempt
                .fails(ErrorKind::Stalled, "some of its processes have not ended, or others have come")
                .with_remedy("see what keeps them: a driver, or who starts processes in it"));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    Ok(())
}

pub(crate) fn freeze(job: &Synchronizer, attempt: &Attempt<'_>, frozen: bool) -> Result<()> {
    nt::freeze(job.handle(), frozen).map_err(|code| match code {
        ERROR_ACCESS_DENIED => attempt.os("stopping its processes, or letting them go", code),
        // What the system says of a request that it does not know differs between versions.
        _ => attempt.fails(ErrorKind::NotSupported, "this version of Windows cannot"),
    })
}
