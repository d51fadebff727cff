//! The C library's robust mutexes, in a file that processes share, beside ours in one thread.
//!
//! ```text
//! c-make PATH COUNT       c-map PATH      c-lock NUMBER      c-unlock NUMBER      c-look NUMBER
//! ```
//! `c-look` locks, if that is possible at once, and answers `free`, `owner-died` or `busy`.
#![allow(unsafe_code)] // calls the C library's functions on shared memory

use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use rustix::mm::{MapFlags, ProtFlags};
use shmobj::Namespace;

use super::{Failure, Outcome, Words, misled};

pub(super) fn obey(
    command: &str,
    words: &mut Words<'_>,
    _namespace: &dyn Fn() -> Namespace,
) -> Option<Outcome> {
    Some(match command {
        "c-make" => make(words),
        "c-map" => words.next().and_then(map),
        "c-lock" | "c-unlock" | "c-look" => {
            words.number().and_then(mutex).and_then(|mutex| operate(command, mutex))
        }
        _ => return None,
    })
}

type Robust = libc::pthread_mutex_t;

/// Where the file is mapped in this process; 0: nowhere.
static MAPPED: AtomicUsize = AtomicUsize::new(0);

const MOST: usize = 4096 / size_of::<Robust>();

fn map(path: &str) -> Outcome {
    let file = File::options().read(true).write(true).open(path).map_err(misled)?;
    let prot = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address that the kernel chooses.
    let base = unsafe { rustix::mm::mmap(std::ptr::null_mut(), 4096, prot, MapFlags::SHARED, &file, 0) };
    MAPPED.store(base.map_err(misled)?.expose_provenance(), SeqCst);
    Ok(String::new())
}

fn mutex(number: usize) -> Result<*mut Robust, Failure> {
    let base = std::ptr::with_exposed_provenance_mut::<Robust>(MAPPED.load(SeqCst));
    if base.is_null() || number >= MOST {
        return Err(misled(format!("no mutex {number}")));
    }
    Ok(base.wrapping_add(number))
}

fn checked(code: i32) -> Result<(), Failure> {
    if code == 0 { Ok(()) } else { Err(misled(std::io::Error::from_raw_os_error(code))) }
}

fn make(words: &mut Words<'_>) -> Outcome {
    let (path, count): (_, usize) = (words.next()?, words.number()?);
    let file = File::options().read(true).write(true).create_new(true).open(path).map_err(misled)?;
    file.set_len(4096).map_err(misled)?;
    map(path)?;
    // SAFETY: all bytes may be zero before it is initialised.
    let mut attributes: libc::pthread_mutexattr_t = unsafe { std::mem::zeroed() };
    // SAFETY: ours, and not yet initialised.
    checked(unsafe { libc::pthread_mutexattr_init(&mut attributes) })?;
    // SAFETY: initialised.
    checked(unsafe { libc::pthread_mutexattr_setpshared(&mut attributes, libc::PTHREAD_PROCESS_SHARED) })?;
    // SAFETY: initialised.
    checked(unsafe { libc::pthread_mutexattr_setrobust(&mut attributes, libc::PTHREAD_MUTEX_ROBUST) })?;
    for number in 0..count {
        // SAFETY: in the mapping, which is never undone, and nobody uses it yet.
        checked(unsafe { libc::pthread_mutex_init(mutex(number)?, &attributes) })?;
    }
    Ok(String::new())
}

fn operate(command: &str, mutex: *mut Robust) -> Outcome {
    // SAFETY (all calls): a mutex in the mapping, which is never undone, initialised by the process that made the file.
    match command {
        // SAFETY: as above.
        "c-lock" => checked(unsafe { libc::pthread_mutex_lock(mutex) })?,
        // SAFETY: as above.
        "c-unlock" => checked(unsafe { libc::pthread_mutex_unlock(mutex) })?,
        _ => {
            // SAFETY: as above.
            return Ok(match unsafe { libc::pthread_mutex_trylock(mutex) } {
                0 => "free",
                libc::EOWNERDEAD => {
                    // SAFETY: locked by this thread.
                    checked(unsafe { libc::pthread_mutex_consistent(mutex) })?;
                    "owner-died"
                }
                libc::EBUSY => "busy",
                other => return Err(misled(std::io::Error::from_raw_os_error(other))),
            }
            .to_owned());
        }
    }
    Ok(String::new())
}
