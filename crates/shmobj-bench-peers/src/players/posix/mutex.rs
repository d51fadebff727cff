//! The C library's mutexes, shared between processes; `pthread-robust` are those whose next owner is told that one has died.
#![allow(unsafe_code)] // foreign functions are what it is

use std::mem::MaybeUninit;

use super::{due, ok};
use crate::players::tools::page::Page;
use crate::players::tools::{clock, timing};
use crate::players::{Made, Stage};
use crate::protocol::{Answer, RECOVERY};

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    let robust = stage.contender == "pthread-robust";
    let page = Page::of(stage);
    let mutex = Mutex(page.room().cast());
    match stage.operation.as_str() {
        "lock" | "contended" | "recovery" if stage.role == 0 => mutex.initialize(robust),
        "contended" | "recovery" => {}
        _ => return Made::Unsupported,
    }
    match (stage.operation.as_str(), stage.role) {
        ("lock", _) => Made::of(move |count| {
            timing::timed(count, || {
                mutex.lock();
                mutex.unlock();
            })
        }),
        ("contended", _) => Made::of(move |time| {
            timing::throughput(time, || {
                mutex.lock();
                page.count();
                mutex.unlock();
            })
        }),
        (_, 0) => Made::of(move |_| mutex.outlive()),
        _ => {
            mutex.lock();
            Made::of(|_| Answer::Done)
        }
    }
}

/// One in shared memory.
#[derive(Clone, Copy)]
struct Mutex(*mut libc::pthread_mutex_t);

impl Mutex {
    fn initialize(self, robust: bool) {
        let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: there is room for them.
        ok(unsafe { libc::pthread_mutexattr_init(attributes) });
        // SAFETY: they are initialized.
        ok(unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) });
        if robust {
            // SAFETY: as above.
            ok(unsafe { libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST) });
        }
        // SAFETY: half a page is room enough, and aligned.
        ok(unsafe { libc::pthread_mutex_init(self.0, attributes) });
    }

    fn lock(self) {
        // SAFETY: the mutex is initialized.
        ok(unsafe { libc::pthread_mutex_lock(self.0) });
    }

    fn unlock(self) {
        // SAFETY: the mutex is initialized, and the caller has it.
        ok(unsafe { libc::pthread_mutex_unlock(self.0) });
    }

    fn outlive(self) -> Answer {
        let due = due(RECOVERY);
        // SAFETY: the mutex is initialized.
        let result = unsafe { libc::pthread_mutex_timedlock(self.0, &raw const due) };
        match result {
            libc::ETIMEDOUT => Answer::TimedOut,
            libc::EOWNERDEAD => Answer::Got { at: clock::now(), abandoned: true },
            result => {
                ok(result);
                Answer::Got { at: clock::now(), abandoned: false }
            }
        }
    }
}
