//! Semaphores: counts that threads of several processes take from.

mod options;

pub use options::SemaphoreOptions;

use crate::access::Access;
use crate::error::{ErrorKind, Result};
use crate::handle::{Handle, synchronization_object};
use crate::kind::Kind;
use crate::sys::sync::semaphore;
use crate::timeout::Timeout;
use crate::wait;

/// A handle to a semaphore object: a count between 0 and a maximum. A wait takes one, and a release gives some back.
///
/// Nobody owns what was taken: any thread may release, and what a thread took that is killed is gone, as on Windows. If each unit must
/// come back, use as many mutexes and [`wait::any`](crate::wait::any). It mirrors [Semaphore
/// Objects](https://learn.microsoft.com/windows/win32/sync/semaphore-objects).
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let namespace = shmobj::Namespace::at(directory.path());
/// use shmobj::{Semaphore, Timeout};
///
/// let slots = Semaphore::options().namespace(&namespace).initial(4).max(4).create("slots")?;
/// assert!(slots.wait(Timeout::NOW)?);
/// assert_eq!(slots.release(1)?, 3);
/// assert_eq!(slots.release(1).unwrap_err().win32_code(), 298);
/// # Ok(()) }
/// ```
#[doc(alias = "CreateSemaphore")]
pub struct Semaphore(Handle);

synchronization_object!(Semaphore, SemaphoreOptions, Kind::Semaphore, "semaphore", create: "CreateSemaphore", open: "OpenSemaphore");

impl Semaphore {
    /// Options for creating one, or for opening one in a namespace of one's own.
    pub fn options<'a>() -> SemaphoreOptions<'a> {
        SemaphoreOptions::default()
    }

    /// The largest count: the object's, whatever was asked for (SE-4). On Windows 2,147,483,647 if the object does not let this
    /// process ask.
    #[must_use]
    pub fn max(&self) -> u32 {
        self.0.object.maximum()
    }

    /// Adds `count` to the semaphore, and releases as many waiting threads; returns the count before.
    ///
    /// What sleeping threads are about to take does not count any more. On Linux, without a sleeping thread, no system call is made.
    ///
    /// # Errors
    /// [`TooManyPosts`](ErrorKind::TooManyPosts): the count would exceed the maximum; nothing has changed.
    /// [`InvalidParameter`](ErrorKind::InvalidParameter): `count` is 0.
    /// [`AccessDenied`](ErrorKind::AccessDenied): the handle has not the right [`MODIFY`](Access::MODIFY).
    /// [`Stalled`](ErrorKind::Stalled): more than 8 are released to sleeping threads, and a process that is taking it together with
    /// other objects does not go on.
    ///
    /// # Crashes
    /// Killed in the middle, all of it was released or nothing.
    #[doc(alias = "ReleaseSemaphore")]
    #[inline]
    pub fn release(&self, count: u32) -> Result<u32> {
        self.0.require(Access::MODIFY, "release")?;
        if count == 0 {
            return Err(self.nothing()); // SE-7
        }
        self.0.run("release", |semaphore| semaphore::release(semaphore, count))
    }

    #[cold]
    fn nothing(&self) -> crate::Error {
        self.0
            .attempt("release")
            .fails(ErrorKind::InvalidParameter, "a release of 0 is none")
            .with_remedy("release at least 1")
    }

    /// Waits until the count is not 0, and takes 1. False: not before the time-out, and nothing was taken.
    ///
    /// # Errors
    /// [`AccessDenied`](ErrorKind::AccessDenied): the handle has not the right [`SYNCHRONIZE`](Access::SYNCHRONIZE).
    /// [`Corrupt`](ErrorKind::Corrupt): somebody wrote an impossible count.
    #[doc(alias = "WaitForSingleObject")]
    #[inline]
    pub fn wait(&self, timeout: impl Into<Timeout>) -> Result<bool> {
        self.0.require(Access::SYNCHRONIZE, wait::VERB)?;
        if semaphore::take_at_once(&self.0.object) {
            return Ok(true);
        }
        wait::for_handle(&self.0, timeout.into()).map(|got| got.is_some())
    }
}

impl wait::Signal for Semaphore {
    fn signal(&self) -> Result<()> {
        self.release(1).map(drop)
    }
}
