//! Replacing pages that are gone. All of this runs in the signal handler: system calls, loads and stores only.
#![allow(unsafe_code)] // maps over memory of ours

use std::ffi::c_void;
use std::ptr::{self, with_exposed_provenance_mut};

use rustix::io::Errno;
use rustix::mm::{MapFlags, MremapFlags, ProtFlags};

use super::Filling;
use super::table::{self, Found};
use crate::sys::linux::sync::words::Words;

/// Puts private memory where a page of a protected range is gone. False: that is not so, or it cannot be done.
///
/// Two threads may fault on one page, and the second replaces what the first has written since: it was of no use to anybody.
pub(super) fn page_of(address: usize) -> bool {
    let Some(found) = table::find(address) else { return false };
    match found.filling {
        Filling::Words => words(found.range.start).is_ok(),
        Filling::ReadOnly => zeros(&found, address, ProtFlags::READ).is_ok(),
        Filling::Zeros => zeros(&found, address, ProtFlags::READ | ProtFlags::WRITE).is_ok(),
    }
}

/// Zeros in place of the page. A view that is touched here and there must not use up the process's mappings, of which
/// each fault may take two: so each takes twice as many pages as the one before, up to the end of the view.
fn zeros(found: &Found, address: usize, prot: ProtFlags) -> Result<(), Errno> {
    let page = rustix::param::page_size();
    let start = address / page * page;
    // Before the page is there: whoever copies zeros out of it finds that it is lost.
    let faults = found.slot.lose(start);
    let wanted = page.checked_shl(faults).filter(|&wanted| wanted >> faults == page).unwrap_or(usize::MAX);
    let rest = found.range.end - start;
    let put = |length| {
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: a part of a range that is mapped, as it was touched just now by a thread that keeps it. Who refers to it expects it to
        // change at any time.
        unsafe { rustix::mm::mmap_anonymous(with_exposed_provenance_mut(start), length, prot, flags) }
    };
    put(rest.min(wanted)).or_else(|_| put(page.min(rest))).map(drop)
}

/// The words of an object that is gone, in place of its page, in one step: in between, a page of zeros would be a free mutex.
fn words(start: usize) -> Result<(), Errno> {
    let page = rustix::param::page_size();
    let target = with_exposed_provenance_mut::<c_void>(start);
    let prot = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address that the kernel chooses touches no existing memory.
    let new = unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), page, prot, MapFlags::PRIVATE) };
    if let Ok(new) = new {
        write_gone(new, page);
        // SAFETY: from a page that only this handler knows, to one of ours that is mapped, as it was touched just now.
        if unsafe { rustix::mm::mremap_fixed(new, page, page, MremapFlags::MAYMOVE, target) }.is_ok() {
            return Ok(());
        }
        // SAFETY: still known to this handler only.
        let _ = unsafe { rustix::mm::munmap(new, page) };
    }
    // The process has as many mappings as it may. This takes no further one; what another thread does between the two steps is
    // done to private memory.
    // SAFETY: the page is ours, and mapped.
    let put = unsafe { rustix::mm::mmap_anonymous(target, page, prot, MapFlags::PRIVATE | MapFlags::FIXED) };
    put.map(|new| write_gone(new, page))
}

/// Writes the words into a page of private memory, word by word: other threads may look.
fn write_gone(page: *mut c_void, bytes: usize) {
    // SAFETY: the end of the page.
    let words = unsafe { page.byte_add(bytes - size_of::<Words>()) };
    // SAFETY: aligned, mapped, and made of atomics.
    unsafe { &*words.cast::<Words>() }.become_gone();
}
