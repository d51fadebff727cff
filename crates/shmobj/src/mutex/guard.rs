//! Guards: a lock as a value.

use std::marker::PhantomData;

use super::Mutex;

/// How a mutex was locked.
#[derive(Debug)]
#[must_use = "dropping it releases the mutex at once"]
pub enum Lock<'a> {
    /// Nothing special.
    Acquired(MutexGuard<'a>),
    /// Its owner ended without releasing it: what it protects may be half done, and has to be looked at. The next owner is
    /// not told again.
    #[doc(alias = "WAIT_ABANDONED")]
    Abandoned(MutexGuard<'a>),
}

impl<'a> Lock<'a> {
    /// The guard, however it was got: for what cannot be half done.
    pub fn into_guard(self) -> MutexGuard<'a> {
        match self {
            Self::Acquired(guard) | Self::Abandoned(guard) => guard,
        }
    }

    /// Whether the former owner ended without releasing it.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        matches!(self, Self::Abandoned(_))
    }
}

/// Owns a mutex once, and releases it when it is dropped. It stays in its thread, as ownership does.
///
/// If the mutex was released by hand meanwhile, or (on Linux) another process took it away, dropping it does nothing; call
/// [`Mutex::release`] to learn of that.
///
/// ```compile_fail
/// # let mutex = shmobj::Mutex::options().create_unnamed().unwrap();
/// let lock = mutex.lock().unwrap();
/// std::thread::scope(|scope| { scope.spawn(move || drop(lock)); });
/// ```
#[derive(Debug)]
#[must_use = "dropping it releases the mutex at once"]
pub struct MutexGuard<'a> {
    mutex: &'a Mutex,
    in_its_thread: PhantomData<*const ()>,
}

impl<'a> MutexGuard<'a> {
    pub(super) fn new(mutex: &'a Mutex) -> Self {
        Self { mutex, in_its_thread: PhantomData }
    }

    /// The mutex that it owns.
    #[must_use]
    pub fn mutex(&self) -> &'a Mutex {
        self.mutex
    }
}

impl Drop for MutexGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        let _ = self.mutex.release();
    }
}
