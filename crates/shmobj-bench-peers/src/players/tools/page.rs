//! A page that all players of a contender share, made by the conductor: the file `page` in their directory.
//!
//! | offset | what | who writes |
//! |---:|---|---|
//! | 0 | what a contended lock protects: 8 bytes, each holder adds 1; the conductor compares it with what was answered | who has the lock |
//! | 64 | being woken: the number of the turn in which role 0 is about to sleep | role 0 |
//! | 128 | being woken: when role 1 signalled | role 1 |
//! | 192 | for whatever else a contender has to agree on: a word for each 64 bytes, and from 2048 on what is larger | |
#![allow(unsafe_code)] // hands out references into shared memory

use std::sync::atomic::AtomicU64;

use crate::players::Stage;

/// The page, mapped until the process ends.
#[derive(Clone, Copy)]
pub(crate) struct Page(*mut u8);

pub(crate) const PAGE: usize = 4096;

impl Page {
    /// # Panics
    /// There is none.
    pub(crate) fn of(stage: &Stage) -> Self {
        let file = std::fs::File::options().read(true).write(true).open(stage.directory.join("page"));
        Self(map(&file.expect("the conductor's page")))
    }

    /// Adds one to what is protected, without an atomic. The caller has the lock.
    pub(crate) fn count(self) {
        let counter = self.0.cast::<u64>();
        // SAFETY: mapped for ever, and aligned.
        let seen = unsafe { counter.read_volatile() };
        // SAFETY: as above.
        unsafe { counter.write_volatile(seen + 1) };
    }

    /// Half of the page, for what is larger than a word.
    #[cfg(target_os = "linux")]
    pub(crate) fn room(self) -> *mut u8 {
        // SAFETY: inside the page.
        unsafe { self.0.add(PAGE / 2) }
    }

    /// The word of that number; each has a cache line of its own, and number 0 is what is protected.
    pub(crate) fn word(self, number: usize) -> &'static AtomicU64 {
        assert!(number > 0 && number < PAGE / 2 / 64);
        // SAFETY: inside the page.
        let word = unsafe { self.0.add(number * 64) };
        // SAFETY: mapped for ever, aligned, and used as atomics only.
        unsafe { &*word.cast::<AtomicU64>() }
    }
}

/// A word at the beginning of a page that all players of the contender share, and nothing else is on.
#[cfg(target_os = "linux")]
pub(crate) fn word_in_file(stage: &Stage, number: u64) -> &'static AtomicU64 {
    let path = stage.directory.join(format!("word-{number}"));
    let file = std::fs::File::options().read(true).write(true).create(true).truncate(false).open(path);
    let file = file.expect("a file");
    file.set_len(PAGE as u64).expect("a page");
    // SAFETY: mapped for ever, aligned, and used as an atomic only.
    unsafe { &*map(&file).cast::<AtomicU64>() }
}

#[cfg(target_os = "linux")]
fn map(file: &std::fs::File) -> *mut u8 {
    use std::os::fd::AsRawFd;
    let (null, prot) = (std::ptr::null_mut(), libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a new mapping at an address that the kernel chooses.
    let base = unsafe { libc::mmap(null, PAGE, prot, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    assert_ne!(base, libc::MAP_FAILED, "the page is mapped");
    base.cast()
}

#[cfg(windows)]
fn map(file: &std::fs::File) -> *mut u8 {
    let mapping =
        ::shmobj::FileMapping::options().file(file).create_unnamed().expect("a mapping of the page");
    let view = mapping.map_mut().expect("a view of the page");
    let base = view.as_mut_ptr();
    std::mem::forget((view, mapping));
    base
}
