//! One mapping of an object's first page: the memory of the words that processes share.
#![allow(unsafe_code)] // maps memory that other processes write
#![cfg_attr(not(test), allow(dead_code))] // file mappings share no words; the kinds to come do

use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

/// The mapped page. Its bytes are reached only as atomics: every other process may write them at any time.
#[derive(Debug)]
pub(crate) struct SharedPage {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the page is reached only through atomics, which any thread may use.
unsafe impl Send for SharedPage {}
// SAFETY: as above.
unsafe impl Sync for SharedPage {}

impl SharedPage {
    /// `fd` must carry no lock: the mapping keeps its description alive until it is unmapped.
    pub(super) fn map(fd: &OwnedFd) -> Result<Self, Errno> {
        let bytes = rustix::param::page_size();
        if rustix::fs::fstat(fd)?.st_size < bytes as i64 {
            return Err(Errno::INVAL);
        }
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses touches no existing memory.
        let base = unsafe { rustix::mm::mmap(std::ptr::null_mut(), bytes, prot, MapFlags::SHARED, fd, 0) }?;
        let base = NonNull::new(base.cast()).ok_or(Errno::NOMEM)?;
        Ok(Self { base, bytes })
    }

    /// A word of 32 bits. `None` if it would leave the page or is not aligned.
    pub(crate) fn word32(&self, offset: usize) -> Option<&AtomicU32> {
        let at = self.checked(offset, size_of::<AtomicU32>())?;
        // SAFETY: inside the mapping, which lives as long as `self`; aligned; all processes use atomics here.
        Some(unsafe { AtomicU32::from_ptr(at.cast()) })
    }

    /// A word of 64 bits. `None` if it would leave the page or is not aligned.
    pub(crate) fn word64(&self, offset: usize) -> Option<&AtomicU64> {
        let at = self.checked(offset, size_of::<AtomicU64>())?;
        // SAFETY: as in `word32`.
        Some(unsafe { AtomicU64::from_ptr(at.cast()) })
    }

    fn checked(&self, offset: usize, size: usize) -> Option<*mut u8> {
        let inside = offset.checked_add(size).is_some_and(|end| end <= self.bytes);
        // SAFETY: only computed when the word lies inside the mapping.
        (inside && offset % size == 0).then(|| unsafe { self.base.as_ptr().add(offset) })
    }
}

impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no reference into it outlives `self`.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}
