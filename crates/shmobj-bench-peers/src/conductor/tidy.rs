//! What has been started or made, so that it goes whatever happens: at the end, at a panic, at Ctrl-C.
//!
//! If this process is killed outright, the players die (the kernel sends each SIGKILL when its parent goes), and directories stay.
#![allow(unsafe_code)] // signals are blocked and awaited, which the standard library cannot

use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

#[derive(Default)]
struct Known {
    /// Each player leads a process group.
    groups: Vec<Pid>,
    directories: Vec<PathBuf>,
}

static KNOWN: Mutex<Known> = Mutex::new(Known { groups: Vec::new(), directories: Vec::new() });

fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A player was started.
pub(super) fn started(group: Pid) {
    known().groups.push(group);
}

/// Kills a player and what it started; its leader must not have been waited for yet, so that its number is still its own.
pub(super) fn kill(group: Pid) {
    let mut known = known();
    if let Some(place) = known.groups.iter().position(|other| *other == group) {
        known.groups.swap_remove(place);
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// A directory that goes when this is dropped, and with it what has its name elsewhere.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// A new one in `/dev/shm`.
    pub(super) fn new() -> std::io::Result<Self> {
        let path = PathBuf::from(format!("/dev/shm/peers-{:08x}", fresh()));
        std::fs::create_dir(&path)?;
        known().directories.push(path.clone());
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.0);
        known().directories.retain(|other| *other != self.0);
    }
}

/// A number that nobody else has at this time.
fn fresh() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library's hash maps are seeded by the kernel's random numbers.
    std::collections::hash_map::RandomState::new().build_hasher().finish() as u32
}

fn remove(directory: &Path) {
    let prefix = directory.file_name().unwrap_or_default().to_string_lossy();
    super::left::remove(&prefix);
    let _ = std::fs::remove_dir_all(directory);
}

fn everything() {
    let known = std::mem::take(&mut *known());
    for group in known.groups {
        let _ = kill_process_group(group, Signal::KILL);
    }
    for directory in known.directories {
        remove(&directory);
    }
}

/// Tidies up when this is dropped, also by a panic.
pub(super) struct AtTheEnd;

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        everything();
    }
}

/// Tidies up at SIGINT, SIGTERM and SIGHUP, and exits. No other thread may have been started yet: they would take the signals.
/// Players are not concerned: the standard library starts programs with no signal blocked.
pub(super) fn at_signals() {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: there is room for it.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the set is initialized.
        unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
    }
    // SAFETY: as above.
    let set = unsafe { set.assume_init() };
    // SAFETY: the set is one.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
    std::thread::spawn(move || {
        let mut signal = 0;
        // SAFETY: the set is one, and there is room for the answer.
        if unsafe { libc::sigwait(&raw const set, &raw mut signal) } == 0 {
            everything();
            std::process::exit(128 + signal);
        }
    });
}
