//! What an error of Windows means.

use std::io;

use windows_sys::Win32::Foundation as win32;

use super::Code;
use crate::error::{Attempt, Error, ErrorKind};

/// The error of the call that has just failed.
pub(super) fn last_error() -> Code {
    // The standard library reads `GetLastError`, whose numbers are not negative.
    io::Error::last_os_error().raw_os_error().unwrap_or_default() as u32
}

impl Attempt<'_> {
    /// An error of the system, sorted into the kind that a caller can act on. Its number is told in any case.
    pub(crate) fn os(&self, doing: &'static str, code: Code) -> Error {
        let kind = kind(code);
        let error = self.fails(kind, doing).with_source(io::Error::from_raw_os_error(code as i32));
        match remedy(kind) {
            Some(remedy) => error.with_remedy(remedy),
            None => error,
        }
    }
}

/// What helps against an error of the system, as far as its kind alone says.
fn remedy(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::OutOfMemory => Some("ask for less"),
        ErrorKind::CommitLimit => Some("ask for less, or reserve it and commit parts"),
        ErrorKind::NoResources => Some("close handles, or ask for less"),
        ErrorKind::DiskFull => Some("make room on its file system, or ask for less"),
        ErrorKind::EmptyFile => Some("give a size, or write something into the file first"),
        ErrorKind::NotMappable => Some("give a regular file"),
        ErrorKind::PrivilegeNotHeld => {
            Some("have the user granted \"Lock pages in memory\", or use ordinary pages")
        }
        _ => None,
    }
}

fn kind(code: Code) -> ErrorKind {
    match code {
        win32::ERROR_FILE_NOT_FOUND => ErrorKind::NotFound,
        win32::ERROR_PATH_NOT_FOUND => ErrorKind::PathNotFound,
        win32::ERROR_ACCESS_DENIED => ErrorKind::AccessDenied,
        win32::ERROR_INVALID_HANDLE => ErrorKind::WrongKind,
        win32::ERROR_NOT_ENOUGH_MEMORY | win32::ERROR_OUTOFMEMORY => ErrorKind::OutOfMemory,
        win32::ERROR_NOT_SUPPORTED | win32::ERROR_CALL_NOT_IMPLEMENTED => ErrorKind::NotSupported,
        win32::ERROR_INVALID_PARAMETER
        | win32::ERROR_INVALID_ACL
        | win32::ERROR_INVALID_SID
        | win32::ERROR_INVALID_SECURITY_DESCR => ErrorKind::InvalidParameter,
        win32::ERROR_DISK_FULL => ErrorKind::DiskFull,
        win32::ERROR_INVALID_NAME | win32::ERROR_FILENAME_EXCED_RANGE => ErrorKind::InvalidName,
        win32::ERROR_BAD_PATHNAME => ErrorKind::BadPathname,
        win32::ERROR_ALREADY_EXISTS => ErrorKind::AlreadyExists,
        win32::ERROR_BAD_EXE_FORMAT => ErrorKind::NotMappable,
        win32::ERROR_NOT_OWNER => ErrorKind::NotOwner,
        win32::ERROR_TOO_MANY_POSTS => ErrorKind::TooManyPosts,
        win32::ERROR_INVALID_ADDRESS => ErrorKind::InvalidAddress,
        win32::ERROR_MUTANT_LIMIT_EXCEEDED => ErrorKind::TooDeep,
        win32::ERROR_NOACCESS => ErrorKind::NotCommitted,
        win32::ERROR_SWAPERROR => ErrorKind::Truncated,
        win32::ERROR_FILE_INVALID => ErrorKind::EmptyFile,
        win32::ERROR_MAPPED_ALIGNMENT => ErrorKind::Misaligned,
        win32::ERROR_USER_MAPPED_FILE => ErrorKind::StillMapped,
        win32::ERROR_PRIVILEGE_NOT_HELD => ErrorKind::PrivilegeNotHeld,
        win32::ERROR_NO_SYSTEM_RESOURCES
        | win32::ERROR_NOT_ENOUGH_QUOTA
        | win32::ERROR_WORKING_SET_QUOTA
        | win32::ERROR_PAGEFILE_QUOTA => ErrorKind::NoResources,
        win32::ERROR_COMMITMENT_LIMIT => ErrorKind::CommitLimit,
        _ => ErrorKind::Other,
    }
}
