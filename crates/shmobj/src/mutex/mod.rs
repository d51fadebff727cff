//! Mutexes: locks that a thread owns, and that are not left locked when it dies.

mod guard;
mod options;

pub use guard::{Lock, MutexGuard};
pub use options::MutexOptions;

use crate::error::Result;
use crate::handle::{Handle, synchronization_object};
use crate::kind::Kind;
use crate::sys::contract::{Got, Trouble};
use crate::sys::sync::mutex;
use crate::timeout::Timeout;
use crate::wait;

/// A handle to a mutex object: a lock that one thread owns at a time, on this machine.
///
/// A thread may lock it again while it owns it, and releases it as often. When a thread ends, or its process is killed, the
/// next owner gets the lock [`Abandoned`](Lock::Abandoned): what it protects may be half done. It mirrors [Mutex
/// Objects](https://learn.microsoft.com/windows/win32/sync/mutex-objects).
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let namespace = shmobj::Namespace::at(directory.path());
/// use shmobj::{Lock, Mutex};
///
/// let ledger = Mutex::options().namespace(&namespace).create("ledger")?;
/// match ledger.lock()? {
///     Lock::Acquired(_guard) => { /* ... */ }
///     Lock::Abandoned(_guard) => { /* repair, then ... */ }
/// }
/// # Ok(()) }
/// ```
///
/// # Crashes
/// The kernel knows the owner, and tells the next one, exactly once, whatever instruction it was killed at: after it owned the
/// mutex and before it began to release it. What owns is a *thread*: it must release it itself.
///
/// On Linux it takes up to two seconds beyond 2048 mutexes of one thread, and after `exec` by a thread other than the first. A child of
/// `fork` owns nothing, and after `exec` what was owned is abandoned. A thread uses 8 KiB of addresses for each mutex that it has locked
/// lately, and not only for those it owns.
#[doc(alias = "CreateMutex")]
pub struct Mutex(Handle);

synchronization_object!(Mutex, MutexOptions, Kind::Mutex, "mutex", create: "CreateMutex", open: "OpenMutex");

impl Mutex {
    /// Options for creating one, or for opening one in a namespace of one's own.
    pub fn options<'a>() -> MutexOptions<'a> {
        MutexOptions::default()
    }

    /// The mutex of this name in the process's default namespace, created if nobody holds one.
    ///
    /// # Errors
    /// Those of [`MutexOptions::create`].
    #[doc(alias = "CreateMutex")]
    pub fn open_or_create(name: &str) -> Result<Self> {
        Self::options().create(name)
    }

    /// Locks the mutex, for as long as it takes.
    ///
    /// On Linux, if nobody has it, no system call is made.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`SYNCHRONIZE`](crate::Access::SYNCHRONIZE).
    /// [`TooDeep`](crate::ErrorKind::TooDeep): this thread has locked it 2,147,483,647 times.
    #[doc(alias = "WaitForSingleObject")]
    #[inline]
    pub fn lock(&self) -> Result<Lock<'_>> {
        loop {
            if let Some(lock) = self.lock_timeout(Timeout::NEVER)? {
                return Ok(lock);
            }
        }
    }

    /// Locks the mutex if nobody else owns it.
    ///
    /// # Errors
    /// Those of [`lock`](Self::lock).
    #[inline]
    pub fn try_lock(&self) -> Result<Option<Lock<'_>>> {
        self.lock_timeout(Timeout::NOW)
    }

    /// Locks the mutex, unless that takes longer.
    ///
    /// # Errors
    /// Those of [`lock`](Self::lock).
    #[doc(alias = "WaitForSingleObject")]
    #[inline]
    pub fn lock_timeout(&self, timeout: impl Into<Timeout>) -> Result<Option<Lock<'_>>> {
        self.0.require(crate::Access::SYNCHRONIZE, wait::VERB)?;
        if mutex::take_at_once(&self.0.object) {
            return Ok(Some(Lock::Acquired(MutexGuard::new(self))));
        }
        let got = wait::for_handle(&self.0, timeout.into())?;
        Ok(got.map(|got| match got {
            Got::Plainly => Lock::Acquired(MutexGuard::new(self)),
            Got::Abandoned => Lock::Abandoned(MutexGuard::new(self)),
        }))
    }

    /// Releases the mutex once. Guards do that by themselves; this is for locks without one: those of [`wait::any`] and
    /// [`wait::all`], of [`MutexOptions::initially_owned`], and forgotten guards.
    ///
    /// # Errors
    /// [`NotOwner`](crate::ErrorKind::NotOwner): this thread does not own it.
    /// [`Corrupt`](crate::ErrorKind::Corrupt): on Linux, another process wrote into it and took it away; this thread does not own it any more.
    #[doc(alias = "ReleaseMutex")]
    #[inline]
    pub fn release(&self) -> Result<()> {
        self.0.run("release", mutex::release)
    }

    /// A guard for a lock that this thread has without one; dropping it releases the mutex once.
    ///
    /// # Errors
    /// [`NotOwner`](crate::ErrorKind::NotOwner): this thread does not own it; on Windows, or the object does not let this process
    /// ask ([`Access::QUERY`](crate::Access::QUERY)).
    pub fn guard(&self) -> Result<MutexGuard<'_>> {
        if self.depth() == 0 {
            return Err(Trouble::NotOwner.of(&self.0.attempt("guard")));
        }
        Ok(MutexGuard::new(self))
    }

    /// How many times this thread owns the mutex: 0 if it does not; on Windows also if the object does not let this process ask.
    #[must_use]
    pub fn depth(&self) -> u32 {
        mutex::depth(&self.0.object)
    }
}

impl wait::Signal for Mutex {
    fn signal(&self) -> Result<()> {
        self.release()
    }
}
