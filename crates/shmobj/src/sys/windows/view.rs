//! Views: ranges of a section in this process's address space.
//!
//! A file under a view cannot become shorter here (TR-1), but its disk or its network can fail, which raises an exception
//! (`EXCEPTION_IN_PAGE_ERROR`) in whoever touches the page; in a copy that is an error: see [`guard`].
#![allow(unsafe_code)] // maps memory, and copies from and to it

use std::ffi::c_void;
use std::hint::black_box;
use std::ops::Range;
use std::os::windows::io::{AsRawHandle, BorrowedHandle};
use std::ptr::{NonNull, null};
use std::sync::atomic::{AtomicU8, Ordering};

use windows_sys::Win32::Foundation::{
    ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_ADDRESS, ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY,
};
use windows_sys::Win32::System::Memory::{
    FILE_MAP_COPY, FILE_MAP_LARGE_PAGES, FILE_MAP_READ, FILE_MAP_WRITE, FlushViewOfFile, MEM_COMMIT,
    MEMORY_BASIC_INFORMATION, MEMORY_MAPPED_VIEW_ADDRESS, MapViewOfFileEx, PAGE_READONLY, PAGE_READWRITE,
    PAGE_WRITECOPY, UnmapViewOfFile, VirtualAlloc, VirtualProtect, VirtualQuery,
};
use windows_sys::Win32::System::ProcessStatus::K32GetMappedFileNameW;

use super::error::last_error;
use super::handle::current_process;
use super::mapping::{Mapping, highest_address, page};
use super::{Code, guard};
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::sys::contract::ViewRequest;
use crate::view::{Flush, Kind as ViewKind};

/// Offsets of views, and their addresses, are multiples of this.
pub(super) const GRANULARITY: u64 = 64 << 10;

unsafe extern "C" {
    /// The C library's, which every program here has.
    fn memcpy(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
}

/// A mapped range. It keeps the memory, not the name: that goes with the last handle.
#[derive(Debug)]
pub(super) struct Mapped {
    base: NonNull<u8>,
    /// From the mapped range's start to what was asked for.
    lead: usize,
}

// SAFETY: it owns its mapping; its memory is reached through copies, atomics and raw pointers only.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// Maps a range of any offset that is inside the mapping.
    pub(super) fn new(
        mapping: &Mapping,
        access: u32,
        range: &Range<u64>,
        address: Option<usize>,
    ) -> Result<Self, Code> {
        let unit = GRANULARITY.max(mapping.page_size());
        let start = range.start / unit * unit;
        let (end, large) = if mapping.has_large_pages() {
            (range.end.next_multiple_of(unit), FILE_MAP_LARGE_PAGES) // LP-6; such a mapping ends with a page
        } else {
            (range.end, 0)
        };
        let length = usize::try_from(end - start).map_err(|_| ERROR_NOT_ENOUGH_MEMORY)?; // MV-11
        if let Some(address) = address {
            let last = address.checked_add(length - 1).filter(|&last| last <= highest_address());
            last.ok_or(ERROR_INVALID_PARAMETER)?; // MV-16
        }
        // To the end, whatever it is: of a file that does not tell its length, only whole pages are known.
        let wanted = if range.end == mapping.size() { 0 } else { length };
        let mut mapped = Self::at(mapping.handle(), access | large, start, wanted, address)?;
        mapped.lead = (range.start - start) as usize; // less than its length
        Ok(mapped)
    }

    /// Maps from an offset that is a multiple of the granularity; a length of 0 is all that follows.
    pub(super) fn at(
        section: BorrowedHandle<'_>,
        access: u32,
        offset: u64,
        length: usize,
        address: Option<usize>,
    ) -> Result<Self, Code> {
        let wanted = address.map_or(null(), std::ptr::with_exposed_provenance::<c_void>);
        let (high, low) = ((offset >> 32) as u32, offset as u32);
        // SAFETY: the section is open. The system replaces nothing: an address that is taken is an error (MV-15).
        let view = unsafe { MapViewOfFileEx(section.as_raw_handle(), access, high, low, length, wanted) };
        let base = NonNull::new(view.Value.cast::<u8>()).ok_or_else(last_error)?;
        Ok(Self { base, lead: 0 })
    }

    fn pointer(&self) -> *mut u8 {
        self.base.as_ptr().wrapping_add(self.lead)
    }

    /// How many bytes there are from its start on, in whole pages, and whether all of them are committed.
    pub(super) fn measured(&self) -> (usize, bool) {
        let (mut length, mut committed) = (0, true);
        while let Some(region) = region(self.base.as_ptr().wrapping_add(length)) {
            if region.AllocationBase != self.base.as_ptr().cast() {
                break;
            }
            length += region.RegionSize;
            committed &= region.State == MEM_COMMIT;
        }
        (length, committed)
    }

    /// Whether it is of a file: then that has a name.
    pub(super) fn is_of_file(&self) -> bool {
        let mut name = [0; 2]; // what does not fit is cut off
        let room = name.len() as u32;
        let process = current_process().as_raw_handle();
        // SAFETY: the system writes at most so many units, and looks at the address only.
        let length =
            unsafe { K32GetMappedFileNameW(process, self.base.as_ptr().cast(), name.as_mut_ptr(), room) };
        length > 0 || last_error() == ERROR_INSUFFICIENT_BUFFER
    }

    /// Commits pages of reserved memory, for everybody (SR-4).
    pub(super) fn commit(
        &self,
        attempt: &Attempt<'_>,
        offset: usize,
        length: usize,
        protection: u32,
    ) -> Result<()> {
        let at = self.pointer().wrapping_add(offset);
        // SAFETY: pages of our own view become accessible, as the view's protection says.
        let done = unsafe { VirtualAlloc(at.cast(), length, MEM_COMMIT, protection) };
        if done.is_null() { Err(attempt.os("committing its memory", last_error())) } else { Ok(()) }
    }

    fn protect(&self, attempt: &Attempt<'_>, offset: usize, length: usize, protection: u32) -> Result<()> {
        let at = self.pointer().wrapping_add(offset);
        let mut before = 0;
        // SAFETY: pages of our own view get the rights that the view was mapped with.
        let done = unsafe { VirtualProtect(at.cast(), length, protection, &raw mut before) };
        if done == 0 { Err(attempt.os("making its memory writable", last_error())) } else { Ok(()) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: our own view, which nobody uses any more.
        unsafe { UnmapViewOfFile(MEMORY_MAPPED_VIEW_ADDRESS { Value: self.base.as_ptr().cast() }) };
    }
}

/// What is at an address.
fn region(at: *const u8) -> Option<MEMORY_BASIC_INFORMATION> {
    let mut told = MEMORY_BASIC_INFORMATION::default();
    // SAFETY: asks about an address without touching it.
    let bytes = unsafe { VirtualQuery(at.cast(), &raw mut told, size_of::<MEMORY_BASIC_INFORMATION>()) };
    (bytes > 0).then_some(told)
}

/// A view of the public sort.
#[derive(Debug)]
pub(crate) struct View {
    mapped: Mapped,
    length: usize,
    kind: ViewKind,
    reserved: bool,
    /// Whether the handle may write, which committing needs.
    commits: bool,
    is_file: bool,
}

impl View {
    pub(crate) fn map(attempt: &Attempt<'_>, mapping: &Mapping, request: &ViewRequest) -> Result<Self> {
        let length = usize::try_from(request.range.end - request.range.start).map_err(|_| {
            attempt
                .fails(ErrorKind::OutOfMemory, "the view is larger than the address space")
                .with_remedy("map a part")
        })?;
        let access = match request.kind {
            ViewKind::ReadOnly => FILE_MAP_READ,
            ViewKind::ReadWrite => FILE_MAP_WRITE,
            ViewKind::CopyOnWrite => FILE_MAP_COPY,
        };
        let mapped = Mapped::new(mapping, access, &request.range, request.address)
            .map_err(|code| not_mapped(attempt, code, request))?;
        let view = Self {
            mapped,
            length,
            kind: request.kind,
            reserved: mapping.is_reserved(),
            commits: request.commits,
            is_file: mapping.is_file(),
        };
        if request.prefault && !view.reserved {
            view.prefault();
        }
        Ok(view)
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// The view's first byte.
    pub(crate) fn pointer(&self) -> *mut u8 {
        self.mapped.pointer()
    }

    pub(crate) fn read(&self, attempt: &Attempt<'_>, offset: usize, buffer: &mut [u8]) -> Result<()> {
        let from = self.checked(attempt, offset, buffer.len())?;
        // SAFETY: `checked` found the range inside the view, mapped and readable; the buffer is the caller's alone.
        let copied = unsafe { self.copy(buffer.as_mut_ptr(), from, buffer.len()) };
        if copied { Ok(()) } else { Err(not_copied(attempt)) }
    }

    pub(crate) fn write(&self, attempt: &Attempt<'_>, offset: usize, bytes: &[u8]) -> Result<()> {
        let to = self.checked(attempt, offset, bytes.len())?;
        // SAFETY: as in `read`; the public type that offers writing has a writable view.
        let copied = unsafe { self.copy(to, bytes.as_ptr(), bytes.len()) };
        if copied { Ok(()) } else { Err(not_copied(attempt)) }
    }

    /// Copies from or to the view; false: a page of its file is not there.
    ///
    /// # Safety
    /// Those of the two ways.
    unsafe fn copy(&self, to: *mut u8, from: *const u8, length: usize) -> bool {
        if self.is_file {
            // SAFETY: the caller's promise.
            return unsafe { guard::copy(to, from, length) };
        }
        // SAFETY: the caller's promise.
        unsafe { copy(to, from, length) };
        true
    }

    /// The address of a range that lies inside the view and may be touched.
    pub(crate) fn checked(&self, attempt: &Attempt<'_>, offset: usize, length: usize) -> Result<*mut u8> {
        self.inside(attempt, offset, length)?;
        let at = self.pointer().wrapping_add(offset);
        if self.reserved && !is_committed(at, length) {
            let matter = format!("{length} bytes at offset {offset} are reserved and not all committed");
            return Err(attempt.fails(ErrorKind::NotCommitted, matter).with_remedy("commit the range first"));
        }
        Ok(at)
    }

    fn inside(&self, attempt: &Attempt<'_>, offset: usize, length: usize) -> Result<()> {
        if offset.checked_add(length).is_some_and(|end| end <= self.length) {
            return Ok(());
        }
        let matter =
            format!("{length} bytes at offset {offset} are not inside the view of {} bytes", self.length);
        Err(attempt.fails(ErrorKind::InvalidAddress, matter).with_remedy("stay below View::len"))
    }

    /// Commits a range of reserved memory.
    pub(crate) fn commit(&self, attempt: &Attempt<'_>, offset: usize, length: usize) -> Result<()> {
        self.inside(attempt, offset, length)?; // SR-7
        if self.is_file {
            return Err(attempt
                .fails(ErrorKind::AccessDenied, "a file's pages are the file's, and cannot be committed") // SR-11
                .with_remedy("only reserved memory needs it"));
        }
        if !self.reserved || length == 0 {
            return Ok(()); // SR-10
        }
        if !self.commits {
            return Err(attempt
                .fails(ErrorKind::AccessDenied, "this handle has no right to write, and committing writes")
                .with_remedy("open the mapping with Access::READ_WRITE"));
        }
        let writes = self.kind == ViewKind::ReadWrite;
        self.mapped.commit(attempt, offset, length, if writes { PAGE_READWRITE } else { PAGE_READONLY })?;
        if self.kind == ViewKind::CopyOnWrite {
            // VirtualAlloc does not take this one.
            self.mapped.protect(attempt, offset, length, PAGE_WRITECOPY)?;
        }
        Ok(())
    }

    /// The system flushes in one way: it writes to the disk's queue, and does not wait for the disk (FV-8).
    pub(crate) fn flush(&self, attempt: &Attempt<'_>, offset: usize, length: usize, _: Flush) -> Result<()> {
        self.inside(attempt, offset, length)?; // FV-3
        if length == 0 || self.kind != ViewKind::ReadWrite {
            return Ok(()); // FV-7
        }
        let at = self.pointer().wrapping_add(offset);
        // SAFETY: a range of our own view; writing it back changes nothing that a program can see.
        let flushed = unsafe { FlushViewOfFile(at.cast(), length) };
        if flushed == 0 { Err(attempt.os("writing it back", last_error())) } else { Ok(()) }
    }

    /// Touches every page: the system has no call that would do as much. Not those of a file, whose disk can fail; and of copies, without
    /// making them.
    fn prefault(&self) {
        if self.is_file {
            return;
        }
        for offset in (0..self.length).step_by(page() as usize) {
            let at = self.pointer().wrapping_add(offset);
            // SAFETY: inside the view, readable, and a byte is always aligned; others may change it meanwhile.
            let byte = unsafe { AtomicU8::from_ptr(at) };
            if self.kind == ViewKind::ReadWrite {
                byte.fetch_or(0, Ordering::Relaxed);
            } else {
                black_box(byte.load(Ordering::Relaxed));
            }
        }
    }
}

/// Copies bytes that other processes may change meanwhile: the compiler does not see the copy, so races with them are not its.
///
/// # Safety
/// `from` must be readable and `to` writable for `length` bytes, and the ranges must not overlap.
unsafe fn copy(to: *mut u8, from: *const u8, length: usize) {
    type Memcpy = unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void;
    let memcpy: Memcpy = black_box(memcpy as Memcpy);
    // SAFETY: the caller's promise.
    unsafe { memcpy(to.cast(), from.cast(), length) };
}

/// Whether all pages of a range are committed.
fn is_committed(at: *const u8, length: usize) -> bool {
    let end = at.addr() + length;
    let mut next = at;
    while next.addr() < end {
        match region(next) {
            Some(region) if region.State == MEM_COMMIT => {
                next = region.BaseAddress.cast::<u8>().cast_const().wrapping_add(region.RegionSize);
            }
            _ => return false,
        }
    }
    true
}

#[cold]
fn not_copied(attempt: &Attempt<'_>) -> Error {
    attempt
        .fails(ErrorKind::Truncated, "a part of the file is not there: its disk, or its network, has failed")
        .with_remedy("see after the file, and map it again")
}

fn not_mapped(attempt: &Attempt<'_>, code: Code, request: &ViewRequest) -> Error {
    match (code, request.address) {
        (ERROR_INVALID_ADDRESS, Some(address)) => attempt
            .fails(ErrorKind::InvalidAddress, format!("something is already at {address:#x}")) // MV-15
            .with_remedy("choose a free address, or let the system choose"),
        (ERROR_INVALID_PARAMETER, Some(address)) => attempt
            .fails(ErrorKind::InvalidParameter, format!("no view can be at {address:#x}")) // MV-16
            .with_remedy("choose an address in user space, or let the system choose"),
        (ERROR_INVALID_PARAMETER, None) if request.kind == ViewKind::ReadWrite => attempt
            .fails(ErrorKind::InvalidParameter, "the object is read-only, whatever the handle may do")
            .with_remedy("map it read-only or copy-on-write, or create it read-write"),
        (code, _) => attempt.os("mapping it", code),
    }
}
