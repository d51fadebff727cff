//! One mapping of an object's first page: the memory of the words that processes share.
#![allow(unsafe_code)] // maps memory that other processes write

use std::os::fd::OwnedFd;
use std::ptr::NonNull;

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use crate::sys::linux::guard::{self, Filling, Protected};
use crate::sys::linux::sync::words::{WORDS_BYTES, Words};

/// The mapped page. Its bytes are reached only as atomics: every other process may write them at any time.
#[derive(Debug)]
pub(crate) struct SharedPage {
    base: NonNull<u8>,
    bytes: usize,
    writable: bool,
    /// If somebody can truncate the file.
    protected: Option<Protected>,
}

// SAFETY: the page is reached only through atomics, which any thread may use.
unsafe impl Send for SharedPage {}
// SAFETY: as above.
unsafe impl Sync for SharedPage {}

impl SharedPage {
    /// `fd` must carry no lock: the mapping keeps its description alive until it is unmapped. A page that is not
    /// writable is for looking at: whoever stores into its words dies of it.
    pub(crate) fn map(fd: &OwnedFd, writable: bool) -> Result<Self, Errno> {
        guard::unblock_once();
        let mut page = Self::map_sealed(fd, writable)?;
        page.protected = Some(Protected::new(page.base, page.bytes, Filling::Words)?);
        Ok(page)
    }

    /// The same for memory that nobody can truncate.
    pub(crate) fn map_sealed(fd: &OwnedFd, writable: bool) -> Result<Self, Errno> {
        let bytes = rustix::param::page_size();
        if rustix::fs::fstat(fd)?.st_size < bytes as i64 {
            return Err(Errno::INVAL);
        }
        let prot = if writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
        // SAFETY: a new mapping at an address that the kernel chooses touches no existing memory.
        let base = unsafe { rustix::mm::mmap(std::ptr::null_mut(), bytes, prot, MapFlags::SHARED, fd, 0) }?;
        let base = NonNull::new(base.cast()).ok_or(Errno::NOMEM)?;
        Ok(Self { base, bytes, writable, protected: None })
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    /// The words at the end of the page.
    #[inline]
    pub(crate) fn words(&self) -> &Words {
        // SAFETY: the last bytes of the mapping, which is at least that long.
        let words = unsafe { self.base.as_ptr().add(self.bytes - WORDS_BYTES) };
        // SAFETY: mapped as long as `self`; aligned, as the page is; made of atomics only, which all processes use.
        unsafe { &*words.cast::<Words>() }
    }
}

impl Drop for SharedPage {
    fn drop(&mut self) {
        self.protected = None; // while it is mapped
        // SAFETY: the mapping is ours, and no reference into it outlives `self`.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}
