//! The job's lock: who changes what a job consists of.
//!
//! A lock of an open file description on the first byte of the board, apart from the lock that is the handle. The kernel takes it away from who dies. A spawner's passes
//! on to the processes that it forks, and is gone when the last of them has closed the description: then the tree is on the roster, or there is none.
#![allow(unsafe_code)] // fcntl with a command that rustix does not have

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::board::BOARD_AT;
use crate::error::{Attempt, ErrorKind, Result};
use crate::sys::linux::fork::Operation;

/// Held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _description: OwnedFd,
    /// Another thread's child, which does not exec, would have the description for as long as it lives.
    _no_fork: Operation,
}

/// How long somebody else may have it: putting a process into a job takes a few forks.
const PATIENCE: Duration = Duration::from_secs(10);

impl Lock {
    /// `description` must be the caller's alone.
    pub(super) fn take(attempt: &Attempt<'_>, description: OwnedFd) -> Result<Self> {
        let begun = Instant::now();
        loop {
            let no_fork = Operation::start();
            match try_lock(&description) {
                Ok(true) => return Ok(Self { _description: description, _no_fork: no_fork }),
                Ok(false) if begun.elapsed() < PATIENCE => {
                    drop(no_fork);
                    std::thread::sleep(Duration::from_micros(200));
                }
                Ok(false) => {
                    return Err(attempt
                        .fails(ErrorKind::Stalled, "another process is changing it, and does not go on")
                        .with_remedy(
                            "see with `shmobj stat` who holds it, and end or continue that process",
                        ));
                }
                Err(errno) => return Err(attempt.os("locking it", errno)),
            }
        }
    }
}

fn try_lock(description: &OwnedFd) -> Result<bool, Errno> {
    let range = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: BOARD_AT as libc::off_t,
        l_len: 1,
        l_pid: 0,
    };
    // SAFETY: a descriptor of ours, and a whole record.
    let done = unsafe { libc::fcntl(description.as_raw_fd(), libc::F_OFD_SETLK, &raw const range) };
    if done == 0 {
        return Ok(true);
    }
    match Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO) {
        Errno::AGAIN | Errno::ACCESS => Ok(false),
        errno => Err(errno),
    }
}
