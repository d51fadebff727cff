//! The one error type: what was tried, on which object, what is the matter, and what to do about it.
//!
//! An [`Error`] prints as one sentence that a person can act on:
//! `cannot open file mapping "frames": the name belongs to an event; open it as an event or choose another name`.
//! Programs look at [`Error::kind`]; ported programs at [`Error::win32_code`], the number that `GetLastError`
//! gives for the same mistake on Windows.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// The result of every operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in terms that a program can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No object has this name. Win32: `ERROR_FILE_NOT_FOUND` (2).
    NotFound,
    /// The name has an unknown prefix, or a backslash where none may be. Win32: `ERROR_PATH_NOT_FOUND` (3).
    PathNotFound,
    /// The object, its handle or the file does not permit it. Win32: `ERROR_ACCESS_DENIED` (5).
    AccessDenied,
    /// The name belongs to an object of another kind, or to none that can be opened. Win32:
    /// `ERROR_INVALID_HANDLE` (6).
    WrongKind,
    /// More address space or memory than there can be, or a read-only file that is too short. Win32:
    /// `ERROR_NOT_ENOUGH_MEMORY` (8).
    OutOfMemory,
    /// This system cannot do it. Win32: `ERROR_NOT_SUPPORTED` (50).
    NotSupported,
    /// An argument that is never right. Win32: `ERROR_INVALID_PARAMETER` (87).
    InvalidParameter,
    /// The file system is full. Win32: `ERROR_DISK_FULL` (112).
    DiskFull,
    /// The name is empty behind its prefix, too long, or contains a NUL on Windows. Win32: `ERROR_INVALID_NAME` (123).
    InvalidName,
    /// The name starts with a backslash. Win32: `ERROR_BAD_PATHNAME` (161).
    BadPathname,
    /// The thread does not own the mutex that it releases. Win32: `ERROR_NOT_OWNER` (288).
    NotOwner,
    /// The semaphore's count would exceed its maximum. Win32: `ERROR_TOO_MANY_POSTS` (298).
    TooManyPosts,
    /// The thread owns the mutex as often as it can. Win32: `ERROR_MUTANT_LIMIT_EXCEEDED` (587).
    TooDeep,
    /// Another process is in the middle of deciding about the object, and does not go on. On Linux only. Win32: `ERROR_TIMEOUT` (1460).
    Stalled,
    /// `create_new` found an object of this name. Win32: `ERROR_ALREADY_EXISTS` (183).
    AlreadyExists,
    /// The file is a directory, a pipe or a device, and cannot be mapped. Win32: `ERROR_BAD_EXE_FORMAT` (193).
    NotMappable,
    /// The address or range does not belong to the view, or the wanted address is taken. Win32:
    /// `ERROR_INVALID_ADDRESS` (487).
    InvalidAddress,
    /// The memory is reserved and not committed. Win32: `ERROR_NOACCESS` (998).
    NotCommitted,
    /// The file under the view became shorter, or its disk is full or has failed: the bytes are not there. Win32:
    /// `ERROR_SWAPERROR` (999).
    Truncated,
    /// The file is empty, and no size was given. Win32: `ERROR_FILE_INVALID` (1006).
    EmptyFile,
    /// Offset, address or size is not a multiple of what it has to be. Win32: `ERROR_MAPPED_ALIGNMENT` (1132).
    Misaligned,
    /// The entry in the namespace directory is not what this version of the library wrote, or somebody wrote nonsense into it. On Linux only. Win32:
    /// `ERROR_FILE_CORRUPT` (1392).
    Corrupt,
    /// The system has no resources of this sort: huge pages, descriptors, mappings. Win32:
    /// `ERROR_NO_SYSTEM_RESOURCES` (1450).
    NoResources,
    /// The job has as many processes as it may have. Win32: `ERROR_NOT_ENOUGH_QUOTA` (1816).
    Quota,
    /// The user has not the privilege for it: large pages need `SeLockMemoryPrivilege` on Windows. Win32:
    /// `ERROR_PRIVILEGE_NOT_HELD` (1314).
    PrivilegeNotHeld,
    /// Somebody still has a view of the memory that can write. Win32: `ERROR_USER_MAPPED_FILE` (1224).
    StillMapped,
    /// The memory is not frozen, or not all there: see `FileMapping::frozen`. On Linux only. Win32 has no frozen memory;
    /// `ERROR_INVALID_STATE` (5023).
    NotFrozen,
    /// There is not enough memory to commit. Win32: `ERROR_COMMITMENT_LIMIT` (1455).
    CommitLimit,
    /// Somebody holds the object, but its memory cannot be reached from this process. On Linux only. Win32:
    /// `ERROR_ACCESS_DENIED` (5).
    Unreachable,
    /// The namespace directory is missing, belongs to somebody else, or is open to others. On Linux only. Win32:
    /// `ERROR_ACCESS_DENIED` (5).
    BadNamespace,
    /// The system refused for a reason that has no better name here; see [`std::error::Error::source`]. Win32:
    /// `ERROR_GEN_FAILURE` (31).
    Other,
}

impl ErrorKind {
    /// The number that `GetLastError` gives on Windows for this kind of error.
    #[must_use]
    pub const fn win32_code(self) -> u32 {
        match self {
            Self::NotFound => 2,
            Self::PathNotFound => 3,
            Self::AccessDenied | Self::Unreachable | Self::BadNamespace => 5,
            Self::WrongKind => 6,
            Self::OutOfMemory => 8,
            Self::Other => 31,
            Self::NotSupported => 50,
            Self::InvalidParameter => 87,
            Self::DiskFull => 112,
            Self::InvalidName => 123,
            Self::BadPathname => 161,
            Self::AlreadyExists => 183,
            Self::NotOwner => 288,
            Self::TooManyPosts => 298,
            Self::TooDeep => 587,
            Self::Stalled => 1460,
            Self::NotMappable => 193,
            Self::InvalidAddress => 487,
            Self::NotCommitted => 998,
            Self::Truncated => 999,
            Self::EmptyFile => 1006,
            Self::Misaligned => 1132,
            Self::Corrupt => 1392,
            Self::NoResources => 1450,
            Self::CommitLimit => 1455,
            Self::Quota => 1816,
            Self::PrivilegeNotHeld => 1314,
            Self::StillMapped => 1224,
            Self::NotFrozen => 5023,
        }
    }

    const fn io_kind(self) -> io::ErrorKind {
        match self {
            Self::NotFound | Self::PathNotFound => io::ErrorKind::NotFound,
            Self::AccessDenied | Self::Unreachable | Self::BadNamespace => io::ErrorKind::PermissionDenied,
            Self::OutOfMemory | Self::CommitLimit | Self::NoResources => io::ErrorKind::OutOfMemory,
            Self::NotSupported => io::ErrorKind::Unsupported,
            Self::DiskFull => io::ErrorKind::StorageFull,
            Self::AlreadyExists => io::ErrorKind::AlreadyExists,
            Self::Corrupt => io::ErrorKind::InvalidData,
            Self::Truncated => io::ErrorKind::UnexpectedEof,
            Self::NotOwner | Self::PrivilegeNotHeld => io::ErrorKind::PermissionDenied,
            Self::Stalled => io::ErrorKind::TimedOut,
            Self::StillMapped => io::ErrorKind::ResourceBusy,
            Self::Quota => io::ErrorKind::QuotaExceeded,
            Self::Other => io::ErrorKind::Other,
            _ => io::ErrorKind::InvalidInput,
        }
    }
}

/// What was tried, on which object, what is the matter, and what to do.
///
/// ```
/// use shmobj::{Access, ErrorKind, FileMapping};
///
/// let error = FileMapping::open("Local\\no such object", Access::READ).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert_eq!(error.win32_code(), 2);
/// let io: std::io::Error = error.into();
/// assert_eq!(io.kind(), std::io::ErrorKind::NotFound);
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    tried: &'static str,
    object: String,
    matter: Cow<'static, str>,
    remedy: Option<Cow<'static, str>>,
    source: Option<io::Error>,
}

impl Error {
    /// What went wrong, for a program.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The object that was meant, as in `file mapping "frames"`.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.0.object
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.0.remedy.as_deref()
    }

    /// The number that `GetLastError` gives on Windows for the same mistake; there, the one that it gave.
    #[must_use]
    #[doc(alias = "GetLastError")]
    pub fn win32_code(&self) -> u32 {
        #[cfg(windows)]
        if let Some(code) = self.0.source.as_ref().and_then(io::Error::raw_os_error) {
            return code as u32;
        }
        self.0.kind.win32_code()
    }

    pub(crate) fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<io::Error>) -> Self {
        self.0.source = Some(source.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { tried, object, matter, remedy, source, .. } = &*self.0;
        write!(f, "cannot {tried} {object}: {matter}")?;
        if let Some(source) = source {
            write!(f, " ({source})")?;
        }
        if let Some(remedy) = remedy {
            write!(f, "; {remedy}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|e| e as _)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match (error.0.kind, &error.0.source) {
            (ErrorKind::Other, Some(source)) => source.kind(), // such as a socket that would block
            (kind, _) => kind.io_kind(),
        };
        Self::new(kind, error)
    }
}

/// An operation on an object: what every error about it has in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    /// A verb in the infinitive: `open`, `create`, `map`.
    pub(crate) verb: &'static str,
    /// What it is tried on: a kind of object, mostly.
    pub(crate) subject: &'static str,
    /// The name as the caller gave it; empty for an unnamed object.
    pub(crate) name: &'a str,
}

impl Attempt<'_> {
    /// An error of the standard library's.
    pub(crate) fn fails_by(&self, error: io::Error, doing: &'static str) -> Error {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => ErrorKind::AccessDenied,
            io::ErrorKind::OutOfMemory => ErrorKind::OutOfMemory,
            io::ErrorKind::WouldBlock => ErrorKind::NoResources, // no more processes or threads (EAGAIN)
            io::ErrorKind::InvalidInput => ErrorKind::InvalidParameter,
            _ => ErrorKind::Other,
        };
        self.fails(kind, doing).with_source(error)
    }

    pub(crate) fn fails(&self, kind: ErrorKind, matter: impl Into<Cow<'static, str>>) -> Error {
        let object = if self.name.is_empty() {
            match self.subject.strip_prefix("the ") {
                Some(_) => self.subject.to_owned(), // not an object, but something that is there once
                None => format!("unnamed {}", self.subject),
            }
        } else {
            format!("{} {:?}", self.subject, Shortened(self.name))
        };
        Error(Box::new(Inner {
            kind,
            tried: self.verb,
            object,
            matter: matter.into(),
            remedy: None,
            source: None,
        }))
    }
}

/// A name as errors show it: whole up to 80 characters, then its beginning.
struct Shortened<'a>(&'a str);

impl fmt::Debug for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(80) {
            None => fmt::Debug::fmt(self.0, f),
            Some((end, _)) => {
                fmt::Debug::fmt(&self.0[..end], f)?;
                write!(f, "... ({} bytes)", self.0.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    #[test]
    fn an_error_says_what_was_tried_on_what_why_and_what_to_do() {
        let attempt = Attempt { verb: "open", subject: Kind::FileMapping.as_str(), name: "frames" };
        let error = attempt
            .fails(ErrorKind::WrongKind, "the name belongs to an event")
            .with_remedy("open it as an event");
        assert_eq!(
            error.to_string(),
            r#"cannot open file mapping "frames": the name belongs to an event; open it as an event"#
        );
        assert_eq!(error.win32_code(), 6);
        assert_eq!(error.object(), r#"file mapping "frames""#);
    }

    #[test]
    fn a_very_long_name_is_shortened_in_errors() {
        let name = "ö".repeat(30_000);
        let attempt = Attempt { verb: "open", subject: Kind::Mutex.as_str(), name: &name };
        let text = attempt.fails(ErrorKind::NotFound, "no such object").to_string();
        assert!(text.len() < 300, "{text}");
        assert!(text.contains("(60000 bytes)"), "{text}");
    }

    #[test]
    fn an_io_error_keeps_the_sentence_and_the_kind() {
        let attempt = Attempt { verb: "create", subject: Kind::FileMapping.as_str(), name: "" };
        let io: io::Error = attempt.fails(ErrorKind::CommitLimit, "no memory").into();
        assert_eq!(io.kind(), io::ErrorKind::OutOfMemory);
        assert_eq!(io.to_string(), "cannot create unnamed file mapping: no memory");
    }
}
