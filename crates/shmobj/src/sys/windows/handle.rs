//! Handles, and what making and opening objects of all kinds have in common.
#![allow(unsafe_code)] // calls the system, and owns the handles that it gives

use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::ptr::null;

use windows_sys::Win32::Foundation::{
    CompareObjectHandles, DUPLICATE_SAME_ACCESS, DuplicateHandle, ERROR_ACCESS_DENIED, ERROR_ALREADY_EXISTS,
    ERROR_FILE_NOT_FOUND, ERROR_INVALID_HANDLE, ERROR_PATH_NOT_FOUND, HANDLE, NO_ERROR, SetLastError,
};
use windows_sys::Win32::System::JobObjects::OpenJobObjectW;
use windows_sys::Win32::System::Memory::OpenFileMappingW;
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, OpenEventW, OpenMutexW, OpenSemaphoreW, OpenWaitableTimerW,
};

use super::error::last_error;
use super::{Code, rights};
use crate::access::Access;
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::kind::Kind;
use crate::sys::contract::Intent;

/// What a create does, and an open.
const CREATING: &str = "creating it";
const OPENING: &str = "opening it";

/// Takes what a call has returned: a handle of our own, or nothing.
pub(super) fn owned(handle: HANDLE) -> Result<OwnedHandle, Code> {
    if handle.is_null() {
        return Err(last_error());
    }
    // SAFETY: the caller passes what a call has just made for this process.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Takes what a create has returned. Creates of names always tell by the last error whether the object existed (C-5).
pub(super) fn created(
    attempt: &Attempt<'_>,
    kind: Kind,
    name: Option<&[u16]>,
    intent: Intent,
    create: impl FnOnce() -> HANDLE,
) -> Result<(OwnedHandle, bool)> {
    // SAFETY: has no preconditions. Whatever else is loaded into this process may forget to set it.
    unsafe { SetLastError(NO_ERROR) };
    let handle = create();
    let code = last_error();
    let handle = owned(handle).map_err(|_| refused(attempt, kind, name, CREATING, code))?;
    let existed = name.is_some() && code == ERROR_ALREADY_EXISTS;
    if existed {
        there_already(attempt, intent)?;
    }
    Ok((handle, existed))
}

/// Whether an object that exists will do.
fn there_already(attempt: &Attempt<'_>, intent: Intent) -> Result<()> {
    if intent != Intent::CreateNew {
        return Ok(());
    }
    Err(attempt
        .fails(ErrorKind::AlreadyExists, "an object of this name exists")
        .with_remedy("open it, or choose another name"))
}

/// The object of this name with these rights, if it exists.
///
/// The system makes a whole section, and extends its file, before it looks whether the name is taken. So a create looks first, to
/// leave the file of a caller untouched whose name exists (AE-5); unless somebody else creates it in between.
pub(super) fn existing(
    attempt: &Attempt<'_>,
    kind: Kind,
    name: &[u16],
    intent: Intent,
    access: Access,
) -> Result<Option<OwnedHandle>> {
    match open_or_code(kind, name, access) {
        Ok(handle) => there_already(attempt, intent).map(|()| Some(handle)),
        Err(ERROR_FILE_NOT_FOUND) => Ok(None),
        Err(code) => Err(refused(attempt, kind, Some(name), OPENING, code)),
    }
}

/// Opens an object with these rights, and with the right to ask what it is like where it grants that.
pub(super) fn open(attempt: &Attempt<'_>, kind: Kind, name: &[u16], access: Access) -> Result<OwnedHandle> {
    open_or_code(kind, name, access).map_err(|code| refused(attempt, kind, Some(name), OPENING, code))
}

fn open_or_code(kind: Kind, name: &[u16], access: Access) -> Result<OwnedHandle, Code> {
    let mask = rights::mask(kind, access);
    let wider = if mask == 0 { 0 } else { rights::with_query(kind, mask) }; // no right at all is refused (OP-4)
    match open_with(kind, name, wider) {
        // Somebody else's list may grant everything but that; what was asked for has to be there.
        Err(ERROR_ACCESS_DENIED) if mask & rights::query(kind) == 0 => open_with(kind, name, mask),
        opened => opened,
    }
}

fn open_with(kind: Kind, name: &[u16], mask: u32) -> Result<OwnedHandle, Code> {
    debug_assert_eq!(name.last(), Some(&0), "a name ends with 0");
    let open = match kind {
        Kind::FileMapping => OpenFileMappingW,
        Kind::Mutex => OpenMutexW,
        Kind::Event => OpenEventW,
        Kind::Semaphore => OpenSemaphoreW,
        Kind::WaitableTimer => OpenWaitableTimerW,
        Kind::Job => OpenJobObjectW,
    };
    // SAFETY: the name ends with 0.
    owned(unsafe { open(mask, 0, name.as_ptr()) })
}

/// The error of a create or an open, in words.
fn refused(
    attempt: &Attempt<'_>,
    kind: Kind,
    name: Option<&[u16]>,
    doing: &'static str,
    code: Code,
) -> Error {
    match (code, name) {
        (ERROR_FILE_NOT_FOUND, Some(_)) => attempt
            .fails(ErrorKind::NotFound, "no object has this name")
            .with_remedy("create it, or see whether who made it still runs"),
        (ERROR_PATH_NOT_FOUND, Some(_)) => {
            attempt.fails(ErrorKind::PathNotFound, "there is no such namespace")
        }
        (ERROR_INVALID_HANDLE, Some(name)) => {
            let belongs = match kind_of(kind, name) {
                Some(other) => format!("the name belongs to {}", other.with_article()),
                None if doing == CREATING && kind == Kind::FileMapping => {
                    "the name belongs to an object of another kind, or what was given is no file".to_owned() // CF-5
                }
                None => "the name belongs to an object of another kind".to_owned(),
            };
            attempt.fails(ErrorKind::WrongKind, belongs).with_remedy("choose another name")
        }
        // One number for three things that can be the matter with a create.
        (ERROR_ACCESS_DENIED, _) if doing == CREATING && kind == Kind::FileMapping => attempt
            .fails(
                ErrorKind::AccessDenied,
                "its file is not open for what the protection needs, or the name's object does not grant all rights, \
                 or nobody but a service may create global mappings",
            )
            .with_remedy("open the file for that, open the object with fewer rights, or choose a local name"),
        (ERROR_ACCESS_DENIED, Some(_)) => attempt
            .fails(
                ErrorKind::AccessDenied,
                "the object, or the file, does not grant these rights, or none was asked for",
            )
            .with_remedy("ask for fewer, or have them granted"),
        _ => attempt.os(doing, code),
    }
}

/// The kind of object that has a name: of one that is not `than`.
fn kind_of(than: Kind, name: &[u16]) -> Option<Kind> {
    let exists = |kind| match open_with(kind, name, rights::with_query(kind, 0)) {
        Ok(_) => true,
        Err(code) => code == ERROR_ACCESS_DENIED,
    };
    Kind::ALL.into_iter().find(|&kind| kind != than && exists(kind))
}

/// Another handle of this process to the object, with these rights: a part of those that this one has, or others that the object grants.
pub(super) fn duplicate(handle: BorrowedHandle<'_>, kind: Kind, access: Access) -> Result<OwnedHandle, Code> {
    let mask = rights::mask(kind, access);
    let with = |mask| {
        duplicate_for(handle, current_process(), mask, 0).map(|handle| {
            // SAFETY: made for this process.
            unsafe { OwnedHandle::from_raw_handle(handle) }
        })
    };
    with(mask | rights::query(kind)).or_else(|_| with(mask))
}

/// A handle of another process (or of this one) to the object.
pub(super) fn duplicate_for(
    handle: BorrowedHandle<'_>,
    process: BorrowedHandle<'_>,
    mask: u32,
    options: u32,
) -> Result<HANDLE, Code> {
    between(current_process(), handle.as_raw_handle(), process, mask, options)
}

/// A handle of this process to what another process has.
pub(super) fn fetch(process: BorrowedHandle<'_>, handle: HANDLE) -> Result<OwnedHandle, Code> {
    between(process, handle, current_process(), 0, DUPLICATE_SAME_ACCESS).and_then(owned)
}

fn between(
    from: BorrowedHandle<'_>,
    handle: HANDLE,
    to: BorrowedHandle<'_>,
    mask: u32,
    options: u32,
) -> Result<HANDLE, Code> {
    let mut made = std::ptr::null_mut();
    // SAFETY: the processes are open; a handle that is none is an error.
    let done = unsafe {
        DuplicateHandle(from.as_raw_handle(), handle, to.as_raw_handle(), &raw mut made, mask, 0, options)
    };
    if done == 0 { Err(last_error()) } else { Ok(made) }
}

/// This process.
pub(super) fn current_process() -> BorrowedHandle<'static> {
    // SAFETY: has no preconditions.
    let pseudo = unsafe { GetCurrentProcess() };
    // SAFETY: a pseudo handle, which is always valid and never closed.
    unsafe { BorrowedHandle::borrow_raw(pseudo) }
}

/// Whether two handles lead to one object.
pub(super) fn is_same(one: impl AsHandle, other: impl AsHandle) -> bool {
    let (one, other) = (one.as_handle().as_raw_handle(), other.as_handle().as_raw_handle());
    // SAFETY: both are open.
    unsafe { CompareObjectHandles(one, other) != 0 }
}

/// The name as a call takes it: null for an unnamed object.
pub(super) fn pointer(name: Option<&[u16]>) -> *const u16 {
    name.map_or(null(), <[u16]>::as_ptr)
}
