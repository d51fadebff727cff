//! Frozen memory in this process's address space.
//!
//! It is mapped private and read-only. A shared mapping through a writable description of a write-sealed memfd is refused
//! before Linux 6.7 (and by some kernels after it), and a read-only description cannot always be had: it needs /proc, and the
//! memory's mode. A private mapping needs neither. The two differ only when the memory or the mapping is written, and
//! neither ever is. Its pages are those of the memfd: nothing is copied.
#![allow(unsafe_code)] // hands out a slice over memory that it mapped

use std::ptr::NonNull;
use std::slice;

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use super::place::{self, Placement};
use crate::error::{Attempt, ErrorKind, Result};
use crate::sys::linux::data::{Data, flags, seals};

/// A mapping of all of the data, which are frozen (F1): the memory at `base` is readable for `length` bytes and never
/// changes, until this is dropped.
#[derive(Debug)]
pub(crate) struct Frozen {
    base: NonNull<u8>,
    length: usize,
}

// SAFETY: it owns its mapping, and memory that nobody changes can be read by any thread.
unsafe impl Send for Frozen {}
// SAFETY: as above.
unsafe impl Sync for Frozen {}

impl Frozen {
    /// Maps the data, if the kernel says that they are frozen and complete.
    pub(crate) fn map(attempt: &Attempt<'_>, data: &Data) -> Result<Self> {
        seals::verify(attempt, data)?;
        let too_large = || {
            attempt
                .fails(ErrorKind::OutOfMemory, "there is no room for it in the address space")
                .with_remedy("unmap others, or raise vm.max_map_count")
        };
        // No slice is longer than that.
        let length = isize::try_from(data.size).map_err(|_| too_large())?.unsigned_abs();
        let huge = data.has(flags::TRANSPARENT);
        let placement = Placement::anywhere(huge, 0);
        let base = place::map(length, placement, ProtFlags::READ, MapFlags::PRIVATE, &data.fd, 0);
        let base = base.map_err(|errno| match errno {
            Errno::NOMEM => too_large().with_source(errno),
            errno => attempt.os("mapping it", errno),
        })?;
        if huge {
            place::want_huge_pages(base, length);
        }
        Ok(Self { base, length })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: by F1. `seals::verify` found, in this order, that the memory can be neither written nor cut by anybody, through
        // any descriptor or mapping there is or will be, nor lose a page, and that all of it is there; only then it was
        // mapped. This mapping is private and read-only, so no page of it is ever replaced by a copy; nobody else knows its
        // address, and it is unmapped only when this is dropped, which the lifetime outlives. The length fits isize. (Debuggers
        // and /proc/<pid>/mem can write any memory of a process, also this.)
        unsafe { slice::from_raw_parts(self.base.as_ptr(), self.length) }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        place::unmap_and_reuse(self.base, self.length);
    }
}
