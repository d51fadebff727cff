//! Memory that the processes of a measurement share without the library: a file, mapped.
#![allow(unsafe_code)] // maps memory, and hands out references into it

use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64};

pub(crate) const PAGE: usize = 4096;
const PAGES: usize = 128;

/// Some pages, all zero at first. They stay mapped for as long as the process.
#[derive(Clone, Copy)]
pub(crate) struct Shared(*mut u8);

impl Shared {
    /// The file of this name, made by whoever comes first.
    pub(crate) fn at(path: &Path) -> Self {
        let file = std::fs::File::options().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.expect("a file");
        file.set_len((PAGES * PAGE) as u64).expect("room");
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let (null, fd) = (std::ptr::null_mut(), file.as_raw_fd());
        // SAFETY: a new mapping at an address that the kernel chooses.
        let base = unsafe { libc::mmap(null, PAGES * PAGE, prot, libc::MAP_SHARED, fd, 0) };
        assert_ne!(base, libc::MAP_FAILED);
        Self(base.cast())
    }

    /// Where a page begins.
    pub(crate) fn page(self, number: usize) -> *mut u8 {
        assert!(number < PAGES);
        // SAFETY: inside the mapping.
        unsafe { self.0.add(number * PAGE) }
    }

    /// The word at the end of a page where the library's objects have theirs.
    pub(crate) fn word(self, page: usize) -> &'static AtomicU32 {
        // SAFETY: inside the page.
        let word = unsafe { self.page(page).add(PAGE - 64) };
        // SAFETY: mapped for ever, aligned, and used as atomics only.
        unsafe { &*word.cast::<AtomicU32>() }
    }

    /// The same as 64 bits.
    pub(crate) fn long(self, page: usize) -> &'static AtomicU64 {
        // SAFETY: inside the page.
        let word = unsafe { self.page(page).add(PAGE - 64) };
        // SAFETY: as above.
        unsafe { &*word.cast::<AtomicU64>() }
    }

    /// Adds one to some words that are not atomic. The caller has the lock.
    pub(crate) fn increment(self, page: usize, words: usize) {
        let first = self.page(page).cast::<u64>();
        for index in 0..words {
            // SAFETY: the page is longer than that.
            let word = unsafe { first.add(index) };
            // SAFETY: as above, and nobody else is between the read and the write.
            let value = unsafe { word.read_volatile() };
            // SAFETY: as above.
            unsafe { word.write_volatile(value + 1) };
        }
    }

    /// Takes what was counted there.
    pub(crate) fn take_count(self, page: usize, words: usize) -> Vec<u64> {
        let first = self.page(page).cast::<u64>();
        let take = |index| {
            // SAFETY: the page is longer than that.
            let word = unsafe { first.add(index) };
            // SAFETY: as above, and nobody counts now.
            unsafe { word.replace(0) }
        };
        (0..words).map(take).collect()
    }
}
