//! The C library's mutexes and semaphores, shared between processes.
#![allow(unsafe_code)] // foreign functions are what is compared with

use std::mem::MaybeUninit;

use super::shared::Shared;

/// What a mutex is made for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Nothing but sharing.
    Plain,
    /// What the library's mutexes can do: outlive an owner, and be locked twice.
    RobustRecursive,
}

/// A mutex in shared memory.
#[derive(Clone, Copy)]
pub(crate) struct PthreadMutex(*mut libc::pthread_mutex_t);

impl PthreadMutex {
    /// One that another process has made.
    pub(crate) fn at(shared: Shared, page: usize) -> Self {
        Self(shared.page(page).cast())
    }

    /// A new one.
    pub(crate) fn make(shared: Shared, page: usize, sort: Sort) -> Self {
        let this = Self::at(shared, page);
        let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: there is room for them.
        ok(unsafe { libc::pthread_mutexattr_init(attributes) });
        // SAFETY: they are initialized.
        ok(unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) });
        if sort == Sort::RobustRecursive {
            // SAFETY: as above.
            ok(unsafe { libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST) });
            // SAFETY: as above.
            ok(unsafe { libc::pthread_mutexattr_settype(attributes, libc::PTHREAD_MUTEX_RECURSIVE) });
        }
        // SAFETY: a page is room enough, and aligned.
        ok(unsafe { libc::pthread_mutex_init(this.0, attributes) });
        this
    }

    /// True: its owner has died, and the caller has it now, as if nothing had been.
    pub(crate) fn lock(self) -> bool {
        // SAFETY: the mutex is initialized.
        let result = unsafe { libc::pthread_mutex_lock(self.0) };
        let died = result == libc::EOWNERDEAD;
        if died {
            // SAFETY: the caller has it.
            ok(unsafe { libc::pthread_mutex_consistent(self.0) });
        } else {
            ok(result);
        }
        died
    }

    pub(crate) fn unlock(self) {
        // SAFETY: the mutex is initialized, and the caller has it.
        ok(unsafe { libc::pthread_mutex_unlock(self.0) });
    }
}

/// A counting semaphore in shared memory.
#[derive(Clone, Copy)]
pub(crate) struct PosixSemaphore(*mut libc::sem_t);

impl PosixSemaphore {
    /// A new one.
    pub(crate) fn make(shared: Shared, page: usize, count: u32) -> Self {
        let this = Self(shared.page(page).cast());
        // SAFETY: a page is room enough, and aligned.
        ok(unsafe { libc::sem_init(this.0, 1, count) });
        this
    }

    pub(crate) fn wait(self) {
        // SAFETY: the semaphore is initialized.
        ok(unsafe { libc::sem_wait(self.0) });
    }

    pub(crate) fn post(self) {
        // SAFETY: as above.
        ok(unsafe { libc::sem_post(self.0) });
    }
}

fn ok(result: i32) {
    assert_eq!(result, 0, "{}", std::io::Error::from_raw_os_error(result));
}
