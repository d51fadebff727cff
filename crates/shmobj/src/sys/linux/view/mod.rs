//! Views: ranges of an object's data in this process's address space.

pub(crate) mod copy;
mod frozen;
pub(crate) mod place;

use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, MsyncFlags, ProtFlags};

use super::data::{Data, commit, flags, seals};
use super::fork::Operation;
use super::guard::{Filling, Protected};
use super::mapping::Mapping;
use super::object::page::Storage;
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::sys::contract::ViewRequest as Request;
use crate::view::{Flush, Kind as ViewKind};
use copy::{Fault, Guard, Side};
pub(crate) use frozen::Frozen;
use place::Placement;

/// How many stretches of committed memory a view of reserved memory opens when it is mapped.
const STRETCHES_AT_FIRST: usize = 1000;

/// A mapped range. It keeps the data, not the object: the name goes with the last handle.
#[derive(Debug)]
pub(crate) struct View {
    data: Arc<Data>,
    kind: ViewKind,
    /// Where the mapping starts, which is in front of the view if its offset is not a page's.
    base: NonNull<u8>,
    mapped: usize,
    /// From the mapping's start to the view's.
    lead: usize,
    length: usize,
    /// The mapping's start in the data.
    offset: u64,
    guard: Guard,
    /// If the data are a file of the object's own that others can truncate. The user's own file is the user's affair.
    protected: Option<Protected>,
    commits: bool,
    at_wanted_address: bool,
    /// For reserved memory: the parts of the mapping that this view may touch. They only grow.
    accessible: Option<Mutex<Vec<Range<usize>>>>,
    /// Whether it is protected or reserved, so that there is more to check than the range.
    is_special: bool,
}

// SAFETY: the view owns its mapping; its memory is reached through copies, atomics and raw pointers only.
#[allow(unsafe_code)]
unsafe impl Send for View {}
// SAFETY: as above; the list of accessible parts has its own lock.
#[allow(unsafe_code)]
unsafe impl Sync for View {}

impl View {
    pub(crate) fn map(attempt: &Attempt<'_>, mapping: &Mapping, request: &Request) -> Result<Self> {
        let data = mapping.data().clone();
        let offset = request.range.start / data.page_size * data.page_size;
        let too_large = |_| {
            attempt
                .fails(ErrorKind::OutOfMemory, "the view is larger than the address space")
                .with_remedy("map a part")
        };
        let lead = usize::try_from(request.range.start - offset).map_err(too_large)?;
        let length = usize::try_from(request.range.end - request.range.start).map_err(too_large)?;
        let mapped = usize::try_from(request.range.end - offset).map_err(too_large)?;
        let mapped = mapped.next_multiple_of(data.page_size as usize);
        let operation = Operation::start(); // no fork while something is set up once per process, or a lock is held
        let reserved = data.has(flags::RESERVE);
        let huge = data.has(flags::TRANSPARENT);
        let placement = match request.address {
            Some(address) => Placement::Exactly(address),
            None if data.has(flags::LARGE_PAGES) => Placement::Kernel,
            None => Placement::anywhere(huge, offset),
        };
        // A page that is not committed must not be touched (SR-2): it has no rights until it is known to be there.
        let prot = if reserved { ProtFlags::empty() } else { protection(request.kind) };
        let sharing =
            if request.kind == ViewKind::CopyOnWrite { MapFlags::PRIVATE } else { MapFlags::SHARED };
        let reader = (request.kind == ViewKind::ReadOnly).then(|| seals::reader(&data)).flatten();
        let fd = reader.as_ref().unwrap_or(&data.fd);
        let base = place::map(mapped, placement, prot, sharing, fd, offset)
            .map_err(|errno| not_mapped(attempt, errno, request, &data))?;
        drop(reader); // before a fork is possible again: a child would keep the memory with it
        let guard = Guard::for_data(data.is_truncatable());
        let accessible = reserved.then(Mutex::default);
        let is_special = reserved || data.storage == Storage::Beside;
        let mut view = Self {
            data,
            kind: request.kind,
            base,
            mapped,
            lead,
            length,
            offset,
            guard,
            protected: None,
            commits: request.commits,
            at_wanted_address: request.address.is_some(),
            accessible,
            is_special,
        };
        // Asked once it is mapped: without rights, the kernel lets a mapping be that may never get the right to write.
        if reserved && request.kind == ViewKind::ReadWrite && seals::refuse_writers(&view.data) {
            return Err(seals::is_closed(attempt));
        }
        if view.data.storage == Storage::Beside {
            let filling = if request.kind == ViewKind::ReadOnly { Filling::ReadOnly } else { Filling::Zeros };
            let protected = Protected::new(base, mapped, filling);
            view.protected = Some(protected.map_err(|errno| attempt.os("protecting the view", errno))?);
        }
        if huge {
            place::want_huge_pages(base, mapped);
        }
        // For pointers, which cannot look. Each stretch takes one of the process's mappings, so a mapping with very many is
        // opened as it is used; what cannot be opened now is an error then.
        let _ = view.open_committed(0..mapped, STRETCHES_AT_FIRST);
        drop(operation);
        if request.prefault {
            view.prefault();
        }
        Ok(view)
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// The view's first byte.
    pub(crate) fn pointer(&self) -> *mut u8 {
        self.base.as_ptr().wrapping_add(self.lead)
    }

    pub(crate) fn read(&self, attempt: &Attempt<'_>, offset: usize, buffer: &mut [u8]) -> Result<()> {
        let from = self.checked(attempt, offset, buffer.len())?;
        #[allow(unsafe_code)]
        // SAFETY: `checked` found the range inside the view, mapped and readable; the buffer is the caller's alone.
        let copied = unsafe { copy::copy(self.guard, Side::Source, buffer.as_mut_ptr(), from, buffer.len()) };
        copied.map_err(|fault| not_copied(attempt, &fault))?;
        self.is_still_shared(attempt, from, buffer.len())
    }

    pub(crate) fn write(&self, attempt: &Attempt<'_>, offset: usize, bytes: &[u8]) -> Result<()> {
        let to = self.checked(attempt, offset, bytes.len())?;
        #[allow(unsafe_code)]
        // SAFETY: as in `read`; the public type that offers writing has a writable view.
        let copied = unsafe { copy::copy(self.guard, Side::Destination, to, bytes.as_ptr(), bytes.len()) };
        copied.map_err(|fault| not_copied(attempt, &fault))?;
        self.is_still_shared(attempt, to, bytes.len())
    }

    /// After a copy: whether all of it was one of shared memory, and none of what took its place.
    fn is_still_shared(&self, attempt: &Attempt<'_>, at: *const u8, length: usize) -> Result<()> {
        match &self.protected {
            Some(protected) if length > 0 && protected.is_lost_below(at.wrapping_add(length)) => {
                Err(not_copied(attempt, &Fault::Gone))
            }
            _ => Ok(()),
        }
    }

    /// The address of a range that lies inside the view and may be touched.
    pub(crate) fn checked(&self, attempt: &Attempt<'_>, offset: usize, length: usize) -> Result<*mut u8> {
        if offset.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(self.outside(attempt, offset, length));
        }
        let at = self.pointer().wrapping_add(offset);
        if self.is_special && length > 0 {
            if self.accessible.is_some() {
                self.ensure_committed(attempt, offset, length)?;
            }
            self.is_still_shared(attempt, at, length)?;
        }
        Ok(at)
    }

    #[cold]
    fn outside(&self, attempt: &Attempt<'_>, offset: usize, length: usize) -> Error {
        attempt
            .fails(
                ErrorKind::InvalidAddress,
                format!("{length} bytes at offset {offset} are not inside the view of {} bytes", self.length),
            )
            .with_remedy("stay below View::len")
    }

    #[cold]
    fn ensure_committed(&self, attempt: &Attempt<'_>, offset: usize, length: usize) -> Result<()> {
        let _operation = Operation::start(); // no fork while the lock on the list is held
        let wanted = self.lead + offset..self.lead + offset + length;
        if self.is_accessible(&wanted) {
            return Ok(());
        }
        // Another process may have committed it since: commitment is the object's, not the view's (SR-4).
        self.open_committed(wanted.clone(), usize::MAX).map_err(|errno| cannot_open(attempt, errno))?;
        if self.is_accessible(&wanted) {
            return Ok(());
        }
        Err(attempt
            .fails(
                ErrorKind::NotCommitted,
                format!("{length} bytes at offset {offset} are reserved and not all committed"),
            )
            .with_remedy("commit the range first"))
    }

    fn is_accessible(&self, wanted: &Range<usize>) -> bool {
        let Some(accessible) = &self.accessible else { return true };
        let accessible = accessible.lock().unwrap_or_else(PoisonError::into_inner);
        let before = accessible.partition_point(|part| part.start <= wanted.start);
        before > 0 && wanted.end <= accessible[before - 1].end
    }

    /// Gives this view its rights on the committed pages of a part of the mapping; on so many stretches at most.
    fn open_committed(&self, part: Range<usize>, most: usize) -> std::result::Result<(), Errno> {
        let Some(accessible) = &self.accessible else { return Ok(()) };
        let page = self.data.page_size as usize;
        let part = part.start / page * page..part.end.next_multiple_of(page).min(self.mapped);
        let in_data = self.offset + part.start as u64..self.offset + part.end as u64;
        let mut accessible = accessible.lock().unwrap_or_else(PoisonError::into_inner);
        for committed in commit::committed(&self.data, in_data).take(most) {
            let start = (committed.start - self.offset) as usize;
            let end = (committed.end - self.offset) as usize;
            let at = self.base.as_ptr().wrapping_add(start);
            #[allow(unsafe_code)]
            // SAFETY: pages of our own mapping get the rights that the view's type promises.
            unsafe { rustix::mm::mprotect(at.cast(), end - start, mprotect(self.kind)) }?;
            insert(&mut accessible, start..end);
        }
        Ok(())
    }

    /// Commits a range of reserved memory and opens it in this view.
    pub(crate) fn commit(&self, attempt: &Attempt<'_>, offset: usize, length: usize) -> Result<()> {
        if offset.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(self.outside(attempt, offset, length)); // SR-7
        }
        let start = self.offset + (self.lead + offset) as u64;
        super::mapping::commit(attempt, &self.data, self.commits, start..start + length as u64)?;
        let _operation = Operation::start();
        self.open_committed(self.lead + offset..self.lead + offset + length, usize::MAX)
            .map_err(|errno| cannot_open(attempt, errno))
    }

    pub(crate) fn flush(
        &self,
        attempt: &Attempt<'_>,
        offset: usize,
        length: usize,
        flush: Flush,
    ) -> Result<()> {
        if offset.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(self.outside(attempt, offset, length)); // FV-3
        }
        if self.kind != ViewKind::ReadWrite || length == 0 {
            return Ok(()); // FV-7
        }
        let page = rustix::param::page_size();
        let start = (self.lead + offset) / page * page;
        let end = self.lead + offset + length;
        let how = match flush {
            Flush::Start => MsyncFlags::ASYNC,
            Flush::Wait => MsyncFlags::SYNC,
        };
        let at = self.base.as_ptr().wrapping_add(start);
        #[allow(unsafe_code)]
        // SAFETY: a range of our own mapping; writing it back changes nothing that a program can see.
        let flushed = unsafe { rustix::mm::msync(at.cast(), end - start, how) };
        flushed.map_err(|errno| attempt.os("writing it back", errno))
    }

    /// A wish: what cannot be touched ahead is touched later.
    fn prefault(&self) {
        let advice = match self.kind {
            ViewKind::ReadOnly => Advice::LinuxPopulateRead,
            ViewKind::ReadWrite | ViewKind::CopyOnWrite => Advice::LinuxPopulateWrite,
        };
        #[allow(unsafe_code)]
        // SAFETY: faults pages of our own mapping in, without changing them.
        let _ = unsafe { rustix::mm::madvise(self.base.as_ptr().cast(), self.mapped, advice) };
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.protected = None; // while it is mapped
        if self.at_wanted_address {
            place::unmap(self.base, self.mapped);
        } else {
            place::unmap_and_reuse(self.base, self.mapped);
        }
    }
}

fn protection(kind: ViewKind) -> ProtFlags {
    match kind {
        ViewKind::ReadOnly => ProtFlags::READ,
        ViewKind::ReadWrite | ViewKind::CopyOnWrite => ProtFlags::READ | ProtFlags::WRITE,
    }
}

fn mprotect(kind: ViewKind) -> rustix::mm::MprotectFlags {
    rustix::mm::MprotectFlags::from_bits_truncate(protection(kind).bits())
}

/// Adds a range to a sorted list of ranges, joining those that touch.
fn insert(ranges: &mut Vec<Range<usize>>, new: Range<usize>) {
    let first = ranges.partition_point(|old| old.end < new.start);
    let behind = ranges.partition_point(|old| old.start <= new.end);
    let joined = ranges[first..behind]
        .iter()
        .fold(new, |joined, old| joined.start.min(old.start)..joined.end.max(old.end));
    ranges.splice(first..behind, [joined]);
}

/// The error for committed pages that this view cannot be given rights on.
#[cold]
fn cannot_open(attempt: &Attempt<'_>, errno: Errno) -> Error {
    attempt
        .fails(ErrorKind::NoResources, "the process has no room for another stretch of committed memory")
        .with_source(errno)
        .with_remedy("commit larger stretches, or raise vm.max_map_count")
}

fn not_mapped(attempt: &Attempt<'_>, errno: Errno, request: &Request, data: &Data) -> Error {
    match (errno, request.address) {
        (Errno::EXIST, Some(address)) => attempt
            .fails(ErrorKind::InvalidAddress, format!("something is already at {address:#x}")) // MV-15
            .with_remedy("choose a free address, or let the system choose"),
        (Errno::NOMEM | Errno::INVAL | Errno::PERM, Some(address)) if beyond_user_space(address, request) => {
            attempt
                .fails(ErrorKind::InvalidParameter, format!("no view can be at {address:#x}")) // MV-16
                .with_remedy("choose an address in user space, or let the system choose")
        }
        (Errno::PERM, _) if request.kind == ViewKind::ReadWrite && seals::refuse_writers(data) => {
            seals::is_closed(attempt)
        }
        (Errno::NOMEM, _) if request.kind == ViewKind::CopyOnWrite => attempt
            .fails(ErrorKind::CommitLimit, "there is not enough memory for the private pages") // MV-23
            .with_source(errno)
            .with_remedy("map a part of it"),
        (Errno::NOMEM, _) => attempt
            .fails(ErrorKind::OutOfMemory, "there is no room for the view in the address space") // MV-11
            .with_source(errno)
            .with_remedy("map a part of it, unmap others, or raise vm.max_map_count"),
        (errno, _) => attempt.os("mapping it", errno),
    }
}

/// Below the lowest address that may be mapped, or above the highest one of a process.
fn beyond_user_space(address: usize, request: &Request) -> bool {
    let length = request.range.end - request.range.start;
    let end = (address as u64).checked_add(length);
    address < place::GRANULARITY || end.is_none_or(|end| end > 0x7fff_ffff_f000)
}

#[cold]
fn not_copied(attempt: &Attempt<'_>, fault: &Fault) -> Error {
    match fault {
        Fault::Gone => attempt
            .fails(
                ErrorKind::Truncated,
                "a part of the data is not there: somebody made the file shorter, or the disk is full",
            )
            .with_remedy("map the file again, and agree on who may change its length"),
        Fault::Refused(errno) => attempt
            .fails(
                ErrorKind::NotSupported,
                "this sandbox refuses process_vm_readv, which copies of files need here",
            )
            .with_source(*errno)
            .with_remedy("permit the system call, or use the view's pointer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_become_one() {
        let mut ranges = Vec::new();
        for new in [0..4, 8..12, 20..24, 4..8] {
            insert(&mut ranges, new);
        }
        assert_eq!(ranges, [0..12, 20..24]);
        insert(&mut ranges, 11..21);
        assert_eq!(ranges, vec![0..24; 1]);
        insert(&mut ranges, 30..31);
        insert(&mut ranges, 26..27);
        assert_eq!(ranges, [0..24, 26..27, 30..31]);
    }
}
