//! Where a view goes: its address, and mapping and unmapping it.
//!
//! Views start at multiples of 64 KiB as on Windows (MV-12), those with huge pages where a huge page of the data would
//! start. The kernel is told where the last view was, and so mostly gets it right with one system call; where it does
//! not, a place is found by reserving more than is needed, given back, and then taken unless somebody was quicker.
//! Nothing is ever mapped over what exists.
#![allow(unsafe_code)] // changes the address space

use std::os::fd::OwnedFd;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};

/// The allocation granularity of Windows.
pub(crate) const GRANULARITY: usize = 64 << 10;
/// The size of a transparent huge page on the architectures where this matters.
const HUGE: usize = 2 << 20;

/// Where a mapping is to start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Placement {
    /// At this address, if nothing is there (MV-14, MV-15).
    Exactly(usize),
    /// At any address that is `remainder` modulo `alignment`.
    Aligned { alignment: usize, remainder: usize },
    /// Where the kernel likes; it knows the rules of large pages.
    Kernel,
}

impl Placement {
    /// Any good address for data from `offset` on.
    pub(crate) fn anywhere(huge: bool, offset: u64) -> Self {
        if huge {
            return Self::Aligned { alignment: HUGE, remainder: (offset % HUGE as u64) as usize };
        }
        Self::Aligned { alignment: GRANULARITY, remainder: 0 }
    }
}

/// Just below the last view: the next one is likely to fit there.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Maps a range of a file.
pub(crate) fn map(
    length: usize,
    placement: Placement,
    prot: ProtFlags,
    flags: MapFlags,
    fd: &OwnedFd,
    offset: u64,
) -> Result<NonNull<u8>, Errno> {
    let at = |address: usize, flags: MapFlags| {
        // SAFETY: without MAP_FIXED the kernel only takes free addresses.
        let base = unsafe {
            rustix::mm::mmap(ptr::without_provenance_mut(address), length, prot, flags, fd, offset)
        };
        NonNull::new(base?.cast::<u8>()).ok_or(Errno::NOMEM)
    };
    match placement {
        Placement::Kernel => at(0, flags),
        Placement::Exactly(address) => {
            let base = at(address, flags | MapFlags::FIXED_NOREPLACE)?;
            if base.as_ptr().addr() != address {
                unmap(base, length); // before Linux 4.17 the flag is unknown and the address only a wish
                return Err(Errno::EXIST);
            }
            Ok(base)
        }
        Placement::Aligned { alignment, remainder } => {
            if alignment == GRANULARITY {
                let base = at(NEXT.load(Ordering::Relaxed), flags)?;
                if base.as_ptr().addr() % alignment == remainder {
                    expect_next_below(base, length);
                    return Ok(base);
                }
                unmap(base, length);
            }
            // Somebody else may take the place that was found before we have it: then another one is looked for.
            loop {
                let address = find_aligned(length, alignment, remainder)?;
                match at(address, flags | MapFlags::FIXED_NOREPLACE) {
                    Ok(base) if base.as_ptr().addr() == address => {
                        expect_next_below(base, length);
                        return Ok(base);
                    }
                    Ok(elsewhere) => unmap(elsewhere, length),
                    Err(Errno::EXIST) => {}
                    Err(errno) => return Err(errno),
                }
            }
        }
    }
}

/// An address with the wanted alignment where nothing is: reserves more than is needed, and gives all of it back.
fn find_aligned(length: usize, alignment: usize, remainder: usize) -> Result<usize, Errno> {
    let reserved = length.checked_add(alignment).ok_or(Errno::NOMEM)?;
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: a new mapping at an address that the kernel chooses.
    let start = unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), reserved, ProtFlags::empty(), flags) }?;
    let start = start.addr();
    unmap_range(start, start + reserved.next_multiple_of(rustix::param::page_size()));
    Ok((start - remainder).next_multiple_of(alignment) + remainder)
}

fn expect_next_below(base: NonNull<u8>, length: usize) {
    let room = length.next_multiple_of(GRANULARITY);
    let next = (base.as_ptr().addr() / GRANULARITY * GRANULARITY).saturating_sub(room);
    NEXT.store(next, Ordering::Relaxed);
}

/// Unmaps a range.
pub(crate) fn unmap(base: NonNull<u8>, length: usize) {
    let address = base.as_ptr().addr();
    unmap_range(address, address + length.next_multiple_of(rustix::param::page_size()));
}

/// Unmaps a view whose place the system chose, and remembers it for the next one.
pub(crate) fn unmap_and_reuse(base: NonNull<u8>, length: usize) {
    unmap(base, length);
    if base.as_ptr().addr() % GRANULARITY == 0 {
        NEXT.store(base.as_ptr().addr(), Ordering::Relaxed);
    }
}

fn unmap_range(start: usize, end: usize) {
    if start < end {
        // SAFETY: only called with ranges that this module mapped and that nobody uses any more.
        let _ = unsafe { rustix::mm::munmap(ptr::without_provenance_mut(start), end - start) };
    }
}

/// Asks for transparent huge pages. Where the system has none, this does nothing.
pub(crate) fn want_huge_pages(base: NonNull<u8>, length: usize) {
    // SAFETY: changes how the range is backed, not what it contains.
    let _ = unsafe { rustix::mm::madvise(base.as_ptr().cast(), length, Advice::LinuxHugepage) };
}
