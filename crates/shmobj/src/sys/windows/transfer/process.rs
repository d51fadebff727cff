//! Handles that go from one process directly into another (`DuplicateHandle`).
#![allow(unsafe_code)] // calls the system

use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle, RawHandle};

use windows_sys::Win32::Foundation::{
    DUPLICATE_SAME_ACCESS, ERROR_ACCESS_DENIED, ERROR_INVALID_HANDLE, ERROR_INVALID_PARAMETER,
};
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_DUP_HANDLE, PROCESS_QUERY_LIMITED_INFORMATION,
};

use super::{Carried, of_handle};
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::sys::contract::Arrived;
use crate::sys::windows::{Code, handle};
use crate::transfer::sealed::Parts;

/// A process that handles can be taken from, and given to.
pub(super) fn open(pid: u32) -> Result<OwnedHandle, Code> {
    // SAFETY: has no preconditions.
    handle::owned(unsafe { OpenProcess(PROCESS_DUP_HANDLE | PROCESS_QUERY_LIMITED_INFORMATION, 0, pid) })
}

/// Takes what another process has behind a handle.
pub(crate) fn duplicate(attempt: &Attempt<'_>, pid: u32, raw: RawHandle) -> Result<Arrived> {
    let process = open(pid).map_err(|code| refused(attempt, pid, code))?;
    let fetched = handle::fetch(process.as_handle(), raw).map_err(|code| match code {
        ERROR_INVALID_HANDLE => attempt
            .fails(ErrorKind::WrongKind, format!("process {pid} has no handle {:#x}", raw.addr())) // DH-7
            .with_remedy("give an open handle there"),
        code => refused(attempt, pid, code),
    })?;
    of_handle(attempt, fetched)
}

/// Makes a handle in another process; nobody but that process can close it.
pub(crate) fn give(attempt: &Attempt<'_>, pid: u32, parts: Parts<'_>) -> Result<RawHandle> {
    let process = open(pid).map_err(|code| refused(attempt, pid, code))?;
    handle::duplicate_for(Carried::from(parts).handle, process.as_handle(), 0, DUPLICATE_SAME_ACCESS)
        .map_err(|code| refused(attempt, pid, code))
}

/// Another handle of this process, with the same rights.
pub(crate) fn own(attempt: &Attempt<'_>, handle: BorrowedHandle<'_>) -> Result<OwnedHandle> {
    handle.try_clone_to_owned().map_err(|error| {
        attempt.fails(ErrorKind::NoResources, "the process has no room for another handle").with_source(error)
    })
}

fn refused(attempt: &Attempt<'_>, pid: u32, code: Code) -> Error {
    match code {
        ERROR_INVALID_PARAMETER => attempt
            .fails(ErrorKind::WrongKind, format!("there is no process {pid}")) // DH-8
            .with_remedy("give the number of a running process"),
        ERROR_ACCESS_DENIED => attempt
            .fails(
                ErrorKind::AccessDenied,
                format!("process {pid} has ended, or this user may not handle its handles"),
            ) // DH-9, DH-10
            .with_remedy("run both as the same user"),
        code => attempt.os("reaching the process", code),
    }
}
