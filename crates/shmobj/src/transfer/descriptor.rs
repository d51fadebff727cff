//! Handles and the descriptors that they consist of.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::Transfer;
use super::sealed::Sealed as _;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::sys::transfer;
use crate::{Event, FileMapping, Job, Mutex, Semaphore, WaitableTimer};

/// Duplicates a handle that another process has, by the number of its descriptor there: that of
/// [`AsFd`] of any kind of handle.
///
/// The kernel lets a process do that which could also trace the other one: the same user, and no stricter rule in the way (Yama, a
/// container's profile). The rights are those of the descriptor, which handles of one process share: perhaps more than those of the other
/// handle. That stays open: only its own process can close it.
///
/// # Errors
/// [`AccessDenied`](ErrorKind::AccessDenied): the kernel does not let this process look into the other one; the error says what would.
/// [`WrongKind`](ErrorKind::WrongKind): there is no such process or descriptor, or it is something else.
/// [`NotSupported`](ErrorKind::NotSupported): Linux before 5.6, or a filter of system calls.
///
/// # Crashes
/// The object lives as long as either process has a handle.
#[doc(alias = "DuplicateHandle")]
pub fn duplicate_from<T: Transfer>(pid: u32, descriptor: RawFd) -> Result<T> {
    let attempt = Attempt { verb: "duplicate", subject: "the handle", name: "" };
    let Some(kind) = T::kind() else { return Err(which_kind(&attempt)) };
    let attempt = Attempt { subject: kind.as_str(), ..attempt };
    T::from_any(transfer::process::duplicate(&attempt, kind, pid, descriptor)?.into())
}

/// Makes a handle of a descriptor.
pub(crate) fn from_raw<T: Transfer>(descriptor: OwnedFd) -> Result<T> {
    let attempt = Attempt { verb: "adopt", subject: "the handle", name: "" };
    let Some(kind) = T::kind() else { return Err(which_kind(&attempt)) };
    let attempt = Attempt { subject: kind.as_str(), ..attempt };
    T::from_any(transfer::of_descriptor(&attempt, kind, descriptor)?.into())
}

fn which_kind(attempt: &Attempt<'_>) -> crate::Error {
    attempt
        .fails(ErrorKind::InvalidParameter, "memory does not tell which kind of handle it is of")
        .with_remedy("ask for a kind")
}

/// The memory, or the file, for libraries that map or pass on descriptors. It carries no name: as long as it is open the
/// memory lives, and a mapping made of it alone is unnamed. [`pack`](super::pack) keeps the whole.
///
/// It may be written if the handle may, and also by the handle that made the object. Whoever is to have no more than a handle's rights gets
/// what `OwnedFd::try_from`, [`send`](super::send) or [`pack`](super::pack) makes of it.
impl AsFd for FileMapping {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner().data().fd.as_fd()
    }
}

impl AsRawFd for FileMapping {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

macro_rules! descriptors {
    ($($Object:ident),*) => {$(
        /// The descriptor that keeps the object: as long as it, or a copy of it, is open, the object lives and has its name.
        ///
        /// All handles of a process share it, so it may grant more than this one. Whoever is to have no more gets what
        /// `OwnedFd::try_from`, [`send`](super::send) or [`pack`](super::pack) makes of it.
        impl AsFd for $Object {
            fn as_fd(&self) -> BorrowedFd<'_> {
                use crate::wait::sealed::Sealed as _;
                transfer::descriptor(&self.handle().object)
            }
        }

        impl AsRawFd for $Object {
            fn as_raw_fd(&self) -> RawFd {
                self.as_fd().as_raw_fd()
            }
        }
    )*};
}

descriptors!(Mutex, Event, Semaphore, WaitableTimer, Job);

macro_rules! into_descriptor {
    ($($Object:ident),*) => {$(
        /// One descriptor that `TryFrom` makes into a handle again, with the rights that the handle has now and that the kernel knows. A
        /// mapping's is its memory, without the name; see [`pack`](super::pack). Closing it is not the close of a handle: an entry is then left to
        /// the next reclaim, as after a crash.
        impl TryFrom<$Object> for OwnedFd {
            type Error = crate::Error;

            fn try_from(handle: $Object) -> Result<Self> {
                let carried = transfer::carry(&super::attempt(&handle, "take apart"), handle.parts())?;
                let one = if Kind::$Object == Kind::FileMapping { carried.mapped } else { carried.lock.or(carried.mapped) };
                one.ok_or_else(|| which_kind(&Attempt { verb: "take apart", subject: "the handle", name: "" }))
            }
        }
    )*};
}

into_descriptor!(FileMapping, Mutex, Event, Semaphore, WaitableTimer, Job);
