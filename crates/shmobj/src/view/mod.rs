//! Views: a mapping, or a part of it, in this process's memory.
//!
//! Other processes may write the memory at any time, so no view hands out `&[u8]`: there are copies in and out,
//! atomic integers, and raw pointers for those who know better. Memory that nobody can write is [`Frozen`](crate::Frozen).

mod atomic;
mod options;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use atomic::Atomic;
pub use options::ViewOptions;

use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::kind::Kind as ObjectKind;
use crate::sys::view;

/// What a view may do to the memory, in its type.
pub trait Mode: sealed::Sealed {
    #[doc(hidden)]
    const KIND: Kind;
}

/// A mode in which the view's memory can be written.
pub trait Writable: Mode {}

mod sealed {
    pub trait Sealed {}
}

/// The three sorts of view.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    ReadOnly,
    ReadWrite,
    CopyOnWrite,
}

macro_rules! modes {
    ($($(#[$doc:meta])* $mode:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $mode {}
        impl sealed::Sealed for $mode {}
        impl Mode for $mode {
            const KIND: Kind = Kind::$mode;
        }
    )*};
}

modes! {
    /// The view can only be read (`FILE_MAP_READ`).
    ReadOnly,
    /// The view can be written, and everybody sees it (`FILE_MAP_WRITE`).
    ReadWrite,
    /// The view can be written, and nobody else sees it (`FILE_MAP_COPY`).
    CopyOnWrite,
}

impl Writable for ReadWrite {}
impl Writable for CopyOnWrite {}

/// Whether a flush waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flush {
    /// Starts writing back, and returns. On Windows the same as [`Wait`](Self::Wait).
    Start,
    /// Returns when the bytes are handed to the disk. For durability, sync the file as well.
    Wait,
}

/// A mapped range of a [`FileMapping`](crate::FileMapping), unmapped when it is dropped.
///
/// It outlives the handle it was made from: the name goes with the last handle, the memory with the last view.
///
/// Copies of memory run at the speed of `memcpy`. Bytes that another process writes during a copy may come out old or
/// new; agree on a lock.
///
/// # Bytes that are not there
/// The disk or the network behind a *file* can fail, and on Linux anybody who can write the file can make it shorter. A copy then returns an error
/// ([`Truncated`](ErrorKind::Truncated)), while touching the bytes through an atomic or a pointer raises SIGBUS, or on Windows
/// `EXCEPTION_IN_PAGE_ERROR`. Windows lets nobody make a file shorter that is mapped.
///
/// On Linux, memory that is shared with other users or across PID namespaces can be made shorter by any of them, too: an atomic or a pointer then
/// finds private zeros, and copies and further atomics from there on are errors for as long as the view is mapped. (To catch it, a SIGBUS
/// handler is installed with the first such view or named synchronization object, which passes on what is not its own, and a thread's first
/// copy from or to such a view unblocks that signal for it. A thread that blocks it again afterwards, or a program that replaces the
/// handler and does not pass faults on, is not protected.)
///
/// Windows guards the copies of files by a vectored exception handler, which is installed with the first of them and passes on what is not its own.
/// A debugger may stop there first.
#[doc(alias = "MapViewOfFile")]
#[doc(alias = "UnmapViewOfFile")]
pub struct View<M = ReadOnly> {
    view: view::View,
    name: Arc<str>,
    mode: PhantomData<M>,
}

impl<M: Mode> View<M> {
    fn new(view: view::View, name: Arc<str>) -> Self {
        Self { view, name, mode: PhantomData }
    }

    fn attempt(&self, verb: &'static str) -> Attempt<'_> {
        Attempt { verb, subject: ObjectKind::FileMapping.as_str(), name: &self.name }
    }

    /// The length in bytes; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no view is empty")]
    pub fn len(&self) -> usize {
        self.view.length()
    }

    /// The first byte. Other processes may write what it points to, and the bytes of a file [may not be there](View#bytes-that-are-not-there): what it
    /// points to is only for volatile, atomic or otherwise agreed access. Reserved memory is accessible through it where it is committed; on Linux,
    /// where this view has seen that: when it was mapped (the first thousand stretches), by its own commit, or by a copy.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.view.pointer()
    }

    /// Copies bytes out of the view.
    ///
    /// # Errors
    /// [`InvalidAddress`](ErrorKind::InvalidAddress): the range leaves the view. [`NotCommitted`](ErrorKind::NotCommitted): a part
    /// of it is reserved only. [`Truncated`](ErrorKind::Truncated): the file became shorter, or its disk or network failed; the
    /// buffer's contents are then unspecified.
    #[inline]
    pub fn read_at(&self, offset: usize, buffer: &mut [u8]) -> Result<()> {
        self.view.read(&self.attempt("read"), offset, buffer)
    }

    /// Copies bytes out of the view into a new vector.
    ///
    /// # Errors
    /// Those of [`read_at`](Self::read_at).
    pub fn read_vec(&self, offset: usize, length: usize) -> Result<Vec<u8>> {
        self.view.checked(&self.attempt("read"), offset, length)?; // before a buffer of an absurd size is made
        let mut bytes = vec![0; length];
        self.read_at(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// Loads an atomic integer.
    ///
    /// # Errors
    /// Those of [`View::atomic`].
    ///
    /// # Panics
    /// If the order is `Release` or `AcqRel`, as the load of the standard library.
    #[inline]
    #[allow(unsafe_code)] // puts an atomic over checked memory
    pub fn load<A: Atomic>(&self, offset: usize, order: Ordering) -> Result<A::Value> {
        let at = self.aligned::<A>(offset, 1)?;
        // SAFETY: `aligned` found it inside the view and aligned; every bit pattern is a value; all processes use
        // atomics here, and this one only loads, so a read-only page is enough.
        let atomic = unsafe { &*at };
        Ok(atomic.load_value(order))
    }

    /// Commits the pages of a byte range of reserved memory, as [`FileMapping::commit`](crate::FileMapping::commit) does,
    /// with offsets in the view.
    ///
    /// # Errors
    /// Those of [`FileMapping::commit`](crate::FileMapping::commit).
    #[doc(alias = "VirtualAlloc")]
    pub fn commit(&self, offset: usize, length: usize) -> Result<()> {
        self.view.commit(&self.attempt("commit"), offset, length)
    }

    /// Writes what this and other views changed in the whole view back to the file, and waits for it. Memory, read-only and
    /// copy-on-write views have nothing to write.
    ///
    /// Other processes see changes without this. Nothing is lost by unmapping or by a crash of a process; a crash
    /// of the machine loses what was not written back. For durability, sync the file as well.
    ///
    /// # Errors
    /// [`Other`](ErrorKind::Other): the disk failed.
    #[doc(alias = "FlushViewOfFile")]
    pub fn flush(&self) -> Result<()> {
        self.flush_range(0, self.len(), Flush::Wait)
    }

    /// Writes a byte range back; it is widened to whole pages.
    ///
    /// # Errors
    /// [`InvalidAddress`](ErrorKind::InvalidAddress): the range leaves the view. [`Other`](ErrorKind::Other): the disk failed.
    pub fn flush_range(&self, offset: usize, length: usize, flush: Flush) -> Result<()> {
        self.view.flush(&self.attempt("flush"), offset, length, flush)
    }

    /// The address of `count` integers that lie inside the view, aligned, and may be touched.
    #[inline]
    fn aligned<A: Atomic>(&self, offset: usize, count: usize) -> Result<*const A> {
        let bytes = count.saturating_mul(size_of::<A>());
        let at = self.view.checked(&self.attempt("use"), offset, bytes)?;
        if at.addr() % align_of::<A>() != 0 {
            return Err(self.misplaced("the integer is not aligned to its own size"));
        }
        Ok(at.cast_const().cast())
    }

    #[cold]
    fn misplaced(&self, matter: &'static str) -> Error {
        self.attempt("use").fails(ErrorKind::Misaligned, matter).with_remedy(
            "choose an offset that is a multiple of the integer's size, in a view that starts at one",
        )
    }
}

impl<M: Writable> View<M> {
    /// The first byte, for writing. See [`as_ptr`](Self::as_ptr).
    #[must_use]
    pub fn as_mut_ptr(&self) -> *mut u8 {
        self.view.pointer()
    }

    /// Copies bytes into the view.
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at). After [`Truncated`](ErrorKind::Truncated) a part of the bytes may be written.
    ///
    /// # Crashes
    /// Killed in the middle, a part of the bytes is written, in no particular order.
    #[inline]
    pub fn write_at(&self, offset: usize, bytes: &[u8]) -> Result<()> {
        self.view.write(&self.attempt("write"), offset, bytes)
    }

    /// Writes one byte to every place of a range.
    ///
    /// # Errors
    /// Those of [`write_at`](Self::write_at).
    pub fn fill(&self, offset: usize, length: usize, byte: u8) -> Result<()> {
        let attempt = self.attempt("write");
        self.view.checked(&attempt, offset, length)?; // before anything is written
        let pattern = [byte; 4096];
        let mut done = 0;
        while done < length {
            let part = pattern.len().min(length - done);
            self.view.write(&attempt, offset + done, &pattern[..part])?;
            done += part;
        }
        Ok(())
    }

    /// An atomic integer in the view, shared with all processes that map it.
    ///
    /// # Errors
    /// [`InvalidAddress`](ErrorKind::InvalidAddress): it leaves the view. [`Misaligned`](ErrorKind::Misaligned): its address is no multiple
    /// of its size. [`NotCommitted`](ErrorKind::NotCommitted): its page is reserved only. [`Truncated`](ErrorKind::Truncated): on Linux, somebody
    /// made memory that is shared with other users shorter, and this view has met that already.
    ///
    /// # Crashes
    /// Each operation happens or does not. For bytes of a file that are not there, see [`View`](View#bytes-that-are-not-there).
    ///
    /// ```
    /// # fn main() -> Result<(), shmobj::Error> {
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// let view = shmobj::FileMapping::options().size(4096).create_unnamed()?.map_mut()?;
    /// view.atomic::<AtomicU64>(8)?.fetch_add(1, Ordering::Relaxed);
    /// assert_eq!(view.load::<AtomicU64>(8, Ordering::Relaxed)?, 1);
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn atomic<A: Atomic>(&self, offset: usize) -> Result<&A> {
        Ok(&self.atomics(offset, 1)?[0])
    }

    /// Several atomic integers in a row.
    ///
    /// Integers of different sizes over the same bytes, or an atomic beside a copy of the same bytes, do what the hardware does with
    /// such accesses: each is whole, and they mix. The language's memory model does not speak of them.
    ///
    /// # Errors
    /// Those of [`atomic`](Self::atomic).
    #[inline]
    #[allow(unsafe_code)] // puts atomics over checked memory
    pub fn atomics<A: Atomic>(&self, offset: usize, count: usize) -> Result<&[A]> {
        let at = self.aligned::<A>(offset, count)?;
        // SAFETY: `aligned` found all of them inside the view, aligned and accessible; the view outlives the
        // reference; every bit pattern is a value; whoever else has this memory uses atomics, copies that the compiler does
        // not see, or raw pointers on their own responsibility.
        Ok(unsafe { std::slice::from_raw_parts(at, count) })
    }
}

impl<M: Mode> fmt::Debug for View<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("name", &self.name)
            .field("mode", &M::KIND)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
