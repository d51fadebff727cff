//! What happens in a job: the messages of its completion port. A job has one port at a time (JP-1).

use std::os::windows::io::{AsHandle, AsRawHandle, OwnedHandle};
use std::ptr::null_mut;
use std::time::Duration;

use windows_sys::Win32::Foundation::{ERROR_INVALID_PARAMETER, INVALID_HANDLE_VALUE, WAIT_TIMEOUT};
use windows_sys::Win32::System::IO::{CreateIoCompletionPort, GetQueuedCompletionStatus, OVERLAPPED};
use windows_sys::Win32::System::JobObjects::{
    JOBOBJECT_ASSOCIATE_COMPLETION_PORT, JOBOBJECTINFOCLASS, JobObjectAssociateCompletionPortInformation,
};
use windows_sys::Win32::System::SystemServices::{
    JOB_OBJECT_MSG_ABNORMAL_EXIT_PROCESS, JOB_OBJECT_MSG_ACTIVE_PROCESS_LIMIT,
    JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO, JOB_OBJECT_MSG_END_OF_JOB_TIME, JOB_OBJECT_MSG_END_OF_PROCESS_TIME,
    JOB_OBJECT_MSG_EXIT_PROCESS, JOB_OBJECT_MSG_JOB_MEMORY_LIMIT, JOB_OBJECT_MSG_NEW_PROCESS,
    JOB_OBJECT_MSG_PROCESS_MEMORY_LIMIT,
};

use super::{Information, set};
use crate::error::{Attempt, ErrorKind, Result};
use crate::job::{Limit, Notification};
use crate::sys::windows::error::last_error;
use crate::sys::windows::handle;
use crate::sys::windows::sync::{Deadline, Synchronizer};

type Association = JOBOBJECT_ASSOCIATE_COMPLETION_PORT;

impl Information for Association {
    const CLASS: JOBOBJECTINFOCLASS = JobObjectAssociateCompletionPortInformation;
}

/// Where a job's notifications come from.
///
/// A process that is killed while it listens takes the port with it, but not the association: the job goes on telling a port that
/// nobody reads, and no other process can listen to it any more. The system offers nothing against that.
#[derive(Debug)]
pub(crate) struct Port {
    port: OwnedHandle,
    /// To take the port away from it in the end.
    job: OwnedHandle,
}

impl Port {
    pub(crate) fn open(job: &Synchronizer, attempt: &Attempt<'_>) -> Result<Self> {
        // SAFETY: makes a port that belongs to no file.
        let made = unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, null_mut(), 0, 1) };
        let port = handle::owned(made).map_err(|code| attempt.os("making a completion port", code))?;
        let kept = job.handle().try_clone_to_owned().map_err(|error| {
            attempt
                .fails(ErrorKind::NoResources, "the process has no room for another handle")
                .with_source(error)
        })?;
        let association = Association { CompletionKey: null_mut(), CompletionPort: port.as_raw_handle() };
        set(job.handle(), &association).map_err(|code| match code {
            ERROR_INVALID_PARAMETER => attempt
                .fails(ErrorKind::InvalidParameter, "somebody listens to it already, and it tells only one")
                .with_remedy("drop the other `Notifications` first"), // JP-1
            code => attempt.os("giving it a completion port", code),
        })?;
        Ok(Self { port, job: kept })
    }

    /// Waits for so long for something to happen, and tells it. False: nothing will happen any more.
    pub(crate) fn wait(&mut self, patience: Duration, mut tell: impl FnMut(Notification)) -> bool {
        let (mut message, mut key) = (0, 0);
        let mut about: *mut OVERLAPPED = null_mut();
        let nanoseconds = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
        let milliseconds = Deadline::after(nanoseconds).milliseconds();
        let port = self.port.as_raw_handle();
        // SAFETY: the port is open, and all three answers have a place.
        let got = unsafe {
            GetQueuedCompletionStatus(port, &raw mut message, &raw mut key, &raw mut about, milliseconds)
        };
        if got == 0 {
            return last_error() == WAIT_TIMEOUT;
        }
        if let Some(notification) = notification(message, about.addr() as u32) {
            tell(notification);
        }
        true
    }
}

/// What a message means (section 19.7). It is about a process, or none.
fn notification(message: u32, pid: u32) -> Option<Notification> {
    Some(match message {
        JOB_OBJECT_MSG_NEW_PROCESS => Notification::Started(pid),
        JOB_OBJECT_MSG_EXIT_PROCESS | JOB_OBJECT_MSG_ABNORMAL_EXIT_PROCESS => Notification::Ended(pid), // one of both
        JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO => Notification::Empty,
        JOB_OBJECT_MSG_ACTIVE_PROCESS_LIMIT => Notification::Limit(Limit::Processes),
        JOB_OBJECT_MSG_JOB_MEMORY_LIMIT => Notification::Limit(Limit::Memory),
        JOB_OBJECT_MSG_PROCESS_MEMORY_LIMIT => Notification::Limit(Limit::ProcessMemory(pid)),
        JOB_OBJECT_MSG_END_OF_PROCESS_TIME => Notification::Limit(Limit::ProcessCpuTime(pid)),
        // Told only of jobs that another program has asked to tell it instead of ending the processes.
        JOB_OBJECT_MSG_END_OF_JOB_TIME => Notification::Limit(Limit::CpuTime),
        _ => return None, // limits that are not this library's
    })
}

impl Drop for Port {
    fn drop(&mut self) {
        let none = Association { CompletionKey: null_mut(), CompletionPort: null_mut() };
        let _ = set(self.job.as_handle(), &none); // Windows 7 has no such thing, and the port just ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_headers() {
        let told: Vec<_> = (0..13).filter_map(|message| notification(message, 4)).collect();
        let expected = [
            Notification::Limit(Limit::CpuTime),
            Notification::Limit(Limit::ProcessCpuTime(4)),
            Notification::Limit(Limit::Processes),
            Notification::Empty,
            Notification::Started(4),
            Notification::Ended(4),
            Notification::Ended(4),
            Notification::Limit(Limit::ProcessMemory(4)),
            Notification::Limit(Limit::Memory),
        ];
        assert_eq!(told, expected);
    }
}
