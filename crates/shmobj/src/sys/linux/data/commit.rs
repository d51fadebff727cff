//! Committing memory: every page is allocated now, so that "no space" is an error and never a SIGBUS later.
//!
//! What is committed is known to the kernel alone: a page of the memfd that has contents (`SEEK_DATA`) is committed,
//! a hole is not. So commitment is a property of the object, seen by all processes, and survives any crash; killed
//! in the middle, a commit is done for some of the pages and can be repeated.
#![allow(unsafe_code)] // maps and unmaps ranges of its own, and touches committed pages

use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};

use super::{Data, capacity, flags};
use crate::error::{Attempt, ErrorKind, Result};
use crate::sys::linux::view::place::{self, Placement};
use crate::test_hooks::step;

/// Allocated in one system call: a signal makes the kernel undo and repeat at most this much.
const CHUNK: u64 = 64 << 20;

/// Allocates all of a new object's memory, and gives it its size.
pub(crate) fn everything(attempt: &Attempt<'_>, data: &Data) -> Result<()> {
    if data.has(flags::LARGE_PAGES) {
        return large_pages(attempt, data);
    }
    capacity::check(attempt, data.size)?;
    let exhausted = |errno| capacity::exhausted(attempt, data.size, errno);
    if data.has(flags::TRANSPARENT) {
        rustix::fs::ftruncate(&data.fd, data.size).map_err(exhausted)?;
        return populate(data, 0..data.size).map_err(exhausted);
    }
    allocate(data, 0..data.size).map_err(exhausted)
}

/// Commits the pages of a range of reserved memory (SR-3 to SR-6). What was committed keeps its contents.
pub(crate) fn range(attempt: &Attempt<'_>, data: &Data, range: Range<u64>) -> Result<()> {
    let pages = range.start / data.page_size * data.page_size..range.end.next_multiple_of(data.page_size);
    let missing: u64 = holes(data, pages.clone()).map(|hole| hole.end - hole.start).sum();
    capacity::check(attempt, missing)?;
    let exhausted = |errno| capacity::exhausted(attempt, missing, errno);
    for hole in holes(data, pages) {
        // Without huge pages, allocating first turns "no space" into an error of this call (SR-12).
        if !data.has(flags::TRANSPARENT) {
            allocate(data, hole.clone()).map_err(exhausted)?;
        }
        step("commit: pages allocated");
        populate(data, hole).map_err(exhausted)?;
    }
    Ok(())
}

/// Gives contents to pages that were allocated when the object was created, and that nobody has touched since: until
/// then they look like holes.
pub(crate) fn contents(attempt: &Attempt<'_>, data: &Data) -> Result<()> {
    for hole in holes(data, 0..data.size) {
        let bytes = hole.end - hole.start;
        read_in(data, hole).map_err(|errno| capacity::exhausted(attempt, bytes, errno))?;
    }
    Ok(())
}

/// Whether every page has contents.
pub(crate) fn is_complete(data: &Data) -> bool {
    seek(data, SeekFrom::Hole(0)).is_some_and(|end| end >= data.size)
}

/// The committed parts of a range.
pub(crate) fn committed(data: &Data, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = seek(data, SeekFrom::Data(at)).unwrap_or(range.end);
        if start >= range.end {
            return None;
        }
        let end = seek(data, SeekFrom::Hole(start)).unwrap_or(range.end).min(range.end);
        at = end;
        Some(start..end)
    })
}

fn holes(data: &Data, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
    let mut at = range.start;
    let mut committed = committed(data, range.clone());
    let mut ended = false;
    std::iter::from_fn(move || {
        while !ended {
            let next = committed.next();
            ended = next.is_none();
            let next = next.unwrap_or(range.end..range.end);
            let hole = at..next.start;
            at = next.end;
            if !hole.is_empty() {
                return Some(hole);
            }
        }
        None
    })
}

/// The descriptor's position is nobody's: every call names its own.
fn seek(data: &Data, to: SeekFrom) -> Option<u64> {
    rustix::fs::seek(&data.fd, to).ok()
}

fn allocate(data: &Data, range: Range<u64>) -> Result<(), Errno> {
    let mut at = range.start;
    while at < range.end {
        let bytes = CHUNK.min(range.end - at);
        rustix::io::retry_on_intr(|| rustix::fs::fallocate(&data.fd, FallocateFlags::empty(), at, bytes))?;
        at += bytes;
    }
    Ok(())
}

/// Gives every page of a range contents, in huge pages where that is wanted and possible.
fn populate(data: &Data, range: Range<u64>) -> Result<(), Errno> {
    let length = usize::try_from(range.end - range.start).map_err(|_| Errno::NOMEM)?;
    let placement = Placement::anywhere(data.has(flags::TRANSPARENT), range.start);
    let base = place::map(
        length,
        placement,
        ProtFlags::READ | ProtFlags::WRITE,
        MapFlags::SHARED,
        &data.fd,
        range.start,
    )?;
    if data.has(flags::TRANSPARENT) {
        place::want_huge_pages(base, length);
    }
    // SAFETY: the range was mapped just now and nobody else knows it.
    let populated =
        match unsafe { rustix::mm::madvise(base.as_ptr().cast(), length, Advice::LinuxPopulateWrite) } {
            Err(Errno::INVAL) => {
                touch(base, length); // before Linux 5.14; allocated, so it cannot fail
                Ok(())
            }
            populated => populated,
        };
    place::unmap(base, length);
    populated
}

/// Gives every page of a range contents by reading it, which is not in the way of somebody who seals the memory meanwhile.
fn read_in(data: &Data, range: Range<u64>) -> Result<(), Errno> {
    let length = usize::try_from(range.end - range.start).map_err(|_| Errno::NOMEM)?;
    let placement = Placement::anywhere(false, range.start);
    let base = place::map(length, placement, ProtFlags::READ, MapFlags::PRIVATE, &data.fd, range.start)?;
    // SAFETY: the range was mapped just now and nobody else knows it.
    let read = unsafe { rustix::mm::madvise(base.as_ptr().cast(), length, Advice::LinuxPopulateRead) };
    place::unmap(base, length);
    match read {
        Err(Errno::INVAL) => populate(data, range), // before Linux 5.14
        read => read,
    }
}

/// Makes the kernel give every page contents without changing them, whatever others write meanwhile.
fn touch(base: NonNull<u8>, length: usize) {
    for offset in (0..length).step_by(rustix::param::page_size()) {
        // SAFETY: inside the mapping.
        let word = unsafe { base.as_ptr().add(offset) };
        // SAFETY: page-aligned and mapped; other processes may write it, which is why it is an atomic.
        let word = unsafe { AtomicU32::from_ptr(word.cast()) };
        word.fetch_or(0, Ordering::Relaxed);
    }
}

fn large_pages(attempt: &Attempt<'_>, data: &Data) -> Result<()> {
    let allocated = rustix::fs::ftruncate(&data.fd, data.size).and_then(|()| allocate(data, 0..data.size));
    allocated.map_err(|errno| {
        let wanted = data.size / data.page_size;
        let kib = data.page_size / 1024;
        let pool = format!("/sys/kernel/mm/hugepages/hugepages-{kib}kB");
        let read = |file: &str| std::fs::read_to_string(format!("{pool}/{file}"));
        let free =
            read("free_hugepages").map_or_else(|_| "an unknown number".into(), |text| text.trim().to_owned());
        attempt
            .fails(
                ErrorKind::NoResources,
                format!(
                    "{wanted} large pages of {kib} KiB are needed, and {free} are free in the system's pool"
                ),
            )
            .with_source(errno)
            .with_remedy(format!(
                "raise {pool}/nr_hugepages (vm.nr_hugepages), or use transparent huge pages"
            ))
    })
}
