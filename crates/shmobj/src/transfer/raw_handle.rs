//! Handles of this library, and those of Windows that they consist of.

use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, OwnedHandle, RawHandle};

use super::{Transfer, attempt};
use crate::error::{Attempt, Result};
use crate::sys::transfer;
use crate::{Event, FileMapping, Job, Mutex, Semaphore, WaitableTimer};

/// Duplicates a handle that another process has, by its number there: that of [`AsRawHandle`] of any kind of handle, or one that a
/// program in another language has of such an object. The rights are those of the other handle, which stays open.
///
/// # Errors
/// [`AccessDenied`](crate::ErrorKind::AccessDenied): this user may not take handles out of that process, or it has ended.
/// [`WrongKind`](crate::ErrorKind::WrongKind): there is no such process or handle, or it is of something else.
///
/// # Crashes
/// The object lives as long as either process has a handle.
#[doc(alias = "DuplicateHandle")]
pub fn duplicate_from<T: Transfer>(pid: u32, handle: RawHandle) -> Result<T> {
    let subject = T::kind().map_or("the handle", crate::Kind::as_str);
    let attempt = Attempt { verb: "duplicate", subject, name: "" };
    T::from_any(transfer::process::duplicate(&attempt, pid, handle)?.into())
}

/// Makes a handle in another process, with the rights of this one, and tells its number there. That process makes a handle of this library
/// of it with `OwnedHandle::from_raw_handle` and `try_from`, once it was told the number. Until then nobody can close it: if it is never
/// told, the object lives as long as that process (LT-8).
///
/// # Errors
/// [`AccessDenied`](crate::ErrorKind::AccessDenied): this user may not give that process handles, or it has ended.
/// [`WrongKind`](crate::ErrorKind::WrongKind): there is no such process.
///
/// # Crashes
/// Killed in the middle: the other process has the handle or not.
#[doc(alias = "DuplicateHandle")]
pub fn duplicate_into(pid: u32, handle: &dyn Transfer) -> Result<RawHandle> {
    transfer::process::give(&attempt(handle, "duplicate"), pid, handle.parts())
}

/// Makes a handle of this library.
pub(crate) fn from_raw<T: Transfer>(handle: OwnedHandle) -> Result<T> {
    let subject = T::kind().map_or("the handle", crate::Kind::as_str);
    let attempt = Attempt { verb: "adopt", subject, name: "" };
    T::from_any(transfer::of_handle(&attempt, handle)?.into())
}

/// The section object itself, for other libraries.
impl AsHandle for FileMapping {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.inner().handle()
    }
}

macro_rules! synchronization {
    ($($Object:ident),*) => {$(
        /// The kernel's object itself, for other libraries.
        impl AsHandle for $Object {
            fn as_handle(&self) -> BorrowedHandle<'_> {
                use crate::wait::sealed::Sealed as _;
                self.handle().object.handle()
            }
        }
    )*};
}

synchronization!(Mutex, Event, Semaphore, WaitableTimer, Job);

macro_rules! raw {
    ($($Object:ident),*) => {$(
        impl AsRawHandle for $Object {
            fn as_raw_handle(&self) -> RawHandle {
                self.as_handle().as_raw_handle()
            }
        }

        /// A handle of the object, with the same rights, that belongs to nobody of this library any more.
        impl TryFrom<$Object> for OwnedHandle {
            type Error = crate::Error;

            fn try_from(handle: $Object) -> Result<Self> {
                let attempt = attempt(&handle, "take apart");
                transfer::process::own(&attempt, handle.as_handle())
            }
        }
    )*};
}

raw!(FileMapping, Mutex, Event, Semaphore, WaitableTimer, Job);
