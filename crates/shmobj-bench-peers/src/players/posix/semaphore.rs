//! Named semaphores, `sem_open`; as a lock, one that starts with 1.
#![allow(unsafe_code)] // foreign functions are what it is

use std::ffi::CString;

use super::due;
use crate::players::tools::page::Page;
use crate::players::tools::trips::trips;
use crate::players::tools::{clock, timing};
use crate::players::{Made, Stage};
use crate::protocol::{Answer, RECOVERY};

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    let open = |name, value| Semaphore::open(stage, name, value);
    match (stage.operation.as_str(), stage.role) {
        ("lock", _) => {
            let semaphore = open("lock", 1);
            Made::of(move |count| {
                timing::timed(count, || {
                    semaphore.wait();
                    semaphore.post();
                })
            })
        }
        ("contended", _) => {
            let (semaphore, page) = (open("lock", 1), Page::of(stage));
            Made::of(move |time| {
                timing::throughput(time, || {
                    semaphore.wait();
                    page.count();
                    semaphore.post();
                })
            })
        }
        ("semaphore", _) => {
            let semaphore = open("semaphore", 0);
            Made::of(move |count| {
                timing::timed(count, || {
                    semaphore.post();
                    semaphore.wait();
                })
            })
        }
        ("ping-pong" | "ping-pong-one-core", role) => {
            let (mut send, mut receive) = (open("there", 0), open("back", 0));
            if role == 0 {
                return trips(0, move || {
                    send.post();
                    receive.wait();
                });
            }
            std::mem::swap(&mut send, &mut receive);
            trips(1, move || {
                receive.wait();
                send.post();
            })
        }
        ("recovery", 0) => {
            let semaphore = open("lock", 1);
            Made::of(move |_| semaphore.outlive())
        }
        ("recovery" | "leftovers", _) => {
            let semaphore = open("lock", 1);
            semaphore.wait_if(stage.operation == "recovery");
            Made::of(move |_| {
                let _open = &semaphore;
                Answer::Done
            })
        }
        _ => Made::Unsupported,
    }
}

/// The name goes with the player that has role 0, if that is not killed.
struct Semaphore {
    semaphore: *mut libc::sem_t,
    name: Option<CString>,
}

impl Semaphore {
    fn open(stage: &Stage, name: &str, value: u32) -> Self {
        let name = CString::new(format!("/{}-{name}", stage.prefix)).expect("no NUL");
        // SAFETY: the name is a C string, and the two arguments behind the flags are those of O_CREAT.
        let semaphore = unsafe { libc::sem_open(name.as_ptr(), libc::O_CREAT, 0o600, value) };
        assert_ne!(semaphore, libc::SEM_FAILED, "{}", std::io::Error::last_os_error());
        Self { semaphore, name: (stage.role == 0).then_some(name) }
    }

    fn post(&self) {
        // SAFETY: it is open.
        assert_eq!(unsafe { libc::sem_post(self.semaphore) }, 0);
    }

    fn wait(&self) {
        // SAFETY: it is open.
        assert_eq!(unsafe { libc::sem_wait(self.semaphore) }, 0);
    }

    fn wait_if(&self, wanted: bool) {
        if wanted {
            self.wait();
        }
    }

    fn outlive(&self) -> Answer {
        let due = due(RECOVERY);
        // SAFETY: it is open.
        if unsafe { libc::sem_timedwait(self.semaphore, &raw const due) } == 0 {
            return Answer::Got { at: clock::now(), abandoned: false };
        }
        let error = std::io::Error::last_os_error();
        assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT), "{error}");
        Answer::TimedOut
    }
}

impl Drop for Semaphore {
    fn drop(&mut self) {
        // SAFETY: it is open, and not used any more.
        unsafe { libc::sem_close(self.semaphore) };
        if let Some(name) = &self.name {
            // SAFETY: the name is a C string.
            unsafe { libc::sem_unlink(name.as_ptr()) };
        }
    }
}
