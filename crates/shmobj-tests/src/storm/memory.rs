//! Words that several processes share and that survive every kill: anonymous memory, found through `/proc`. All accesses
//! are sequentially consistent: checks argue about the order of words that different processes write.
#![allow(unsafe_code)] // puts atomics over memory that several processes map

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::AtomicU64;

use rustix::fs::MemfdFlags;
use rustix::mm::{MapFlags, ProtFlags};

/// The mapped words.
#[derive(Debug)]
pub struct Memory {
    words: &'static [AtomicU64],
    /// Keeps the path of the memory good.
    fd: OwnedFd,
}

impl Memory {
    /// So many zeros.
    #[must_use]
    pub fn new(words: usize) -> Self {
        let fd = rustix::fs::memfd_create("shmobj-test-table", MemfdFlags::CLOEXEC).expect("a memfd");
        rustix::fs::ftruncate(&fd, (words * size_of::<AtomicU64>()) as u64).expect("a memfd's size");
        Self::map(fd, words)
    }

    /// So many zeros in a new file, for processes that see another `/proc`.
    ///
    /// # Panics
    /// The file exists.
    #[must_use]
    pub fn in_file(path: &Path, words: usize) -> Self {
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(path).expect("a new file");
        file.set_len((words * size_of::<AtomicU64>()) as u64).expect("a file's size");
        Self::map(file.into(), words)
    }

    /// Those that another process has at this path.
    ///
    /// # Errors
    /// That process is gone.
    pub fn open(path: &str, words: usize) -> std::io::Result<Self> {
        Ok(Self::map(File::options().read(true).write(true).open(path)?.into(), words))
    }

    fn map(fd: OwnedFd, words: usize) -> Self {
        let (bytes, prot) = (words * size_of::<AtomicU64>(), ProtFlags::READ | ProtFlags::WRITE);
        // SAFETY: a new mapping at an address that the kernel chooses.
        let base = unsafe { rustix::mm::mmap(std::ptr::null_mut(), bytes, prot, MapFlags::SHARED, &fd, 0) };
        let base = base.expect("a mapping of the table").cast::<AtomicU64>();
        // SAFETY: as long as the mapping, which is never undone; page-aligned; all processes use atomics on it.
        let words = unsafe { std::slice::from_raw_parts(base, words) };
        Self { words, fd }
    }

    /// Where other processes find it, while this one lives.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.fd.as_raw_fd())
    }

    /// One word.
    pub(super) fn word(&self, number: usize) -> &AtomicU64 {
        &self.words[number]
    }
}
