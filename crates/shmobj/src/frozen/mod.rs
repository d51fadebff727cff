//! Frozen memory: shared memory that nobody can change any more, so that it can be what other shared memory is not, a
//! plain `&[u8]`.
//!
//! It has no counterpart in Win32: there a section that is mapped writable anywhere can be written.
#![allow(unsafe_code)] // puts references to other types over checked bytes

mod any_bits;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

pub use any_bits::AnyBits;

use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::kind::Kind;
use crate::sys::view;

/// The bytes of a [`FileMapping`](crate::FileMapping) that is frozen: see [`FileMapping::freeze`](crate::FileMapping::freeze)
/// and [`FileMapping::frozen`](crate::FileMapping::frozen).
///
/// No process, not this one and not a hostile one, can change them: the kernel has sealed the memory, so this dereferences
/// to `&[u8]`. All of the mapping is there, in whole pages, and nothing is copied. Clones share one view. It lives on its own: when the last
/// handle goes the name is free, and the memory stays until the last view of it goes.
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let namespace = shmobj::Namespace::at(directory.path());
/// use shmobj::{Access, FileMapping};
///
/// // One process fills it and freezes it ...
/// let mapping =
///     FileMapping::options().namespace(&namespace).size(1 << 20).sealable(true).create("table")?;
/// mapping.map_mut()?.write_at(0, b"hello")?;
/// mapping.freeze()?;
///
/// // ... and others use it as if it were their own.
/// let table = FileMapping::options().namespace(&namespace).open("table", Access::READ)?.frozen()?;
/// assert_eq!(&table[..5], b"hello");
/// assert_eq!(std::str::from_utf8(&table[..5]).unwrap(), "hello");
/// assert_eq!(table.slice_at::<u32>(8, 100)?, [0; 100]);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Frozen {
    memory: Arc<view::Frozen>,
    name: Arc<str>,
}

impl Frozen {
    pub(crate) fn new(memory: view::Frozen, name: Arc<str>) -> Self {
        Self { memory: Arc::new(memory), name }
    }

    /// The name of the mapping that it was made from; empty for an unnamed one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A value in the memory, at an offset in bytes.
    ///
    /// # Errors
    /// [`InvalidAddress`](ErrorKind::InvalidAddress): it is not inside. [`Misaligned`](ErrorKind::Misaligned): its address is no
    /// multiple of its alignment.
    ///
    /// ```
    /// # fn main() -> Result<(), shmobj::Error> {
    /// let mapping = shmobj::FileMapping::options().size(4096).sealable(true).create_unnamed()?;
    /// mapping.map_mut()?.write_at(8, &1.5_f64.to_ne_bytes())?;
    /// let frozen = mapping.freeze()?;
    /// assert_eq!(*frozen.as_ref_at::<f64>(8)?, 1.5);
    /// assert!(frozen.as_ref_at::<f64>(7).is_err());
    /// # Ok(()) }
    /// ```
    pub fn as_ref_at<T: AnyBits>(&self, offset: usize) -> Result<&T> {
        let at = self.placed::<T>(offset, 1)?;
        // SAFETY: `placed` found it inside the bytes and aligned; they never change and live as long as `self`; every bit
        // pattern is a value, and `Copy` types have no interior mutability.
        Ok(unsafe { &*at })
    }

    /// Several values in a row, from an offset in bytes on.
    ///
    /// # Errors
    /// Those of [`as_ref_at`](Self::as_ref_at).
    pub fn slice_at<T: AnyBits>(&self, offset: usize, count: usize) -> Result<&[T]> {
        let at = self.placed::<T>(offset, count)?;
        // SAFETY: as in `as_ref_at`, for all of them; together they are not longer than the bytes.
        Ok(unsafe { std::slice::from_raw_parts(at, count) })
    }

    /// The address of so many values that are inside, and aligned.
    fn placed<T>(&self, offset: usize, count: usize) -> Result<*const T> {
        let end = size_of::<T>().checked_mul(count).and_then(|bytes| offset.checked_add(bytes));
        let Some(bytes) = end.and_then(|end| self.get(offset..end)) else {
            return Err(self.refuse(
                ErrorKind::InvalidAddress,
                format!("what is wanted at offset {offset} is not inside its {} bytes", self.len()),
                "stay below its length",
            ));
        };
        let at = bytes.as_ptr().cast::<T>();
        if !at.is_aligned() {
            return Err(self.refuse(
                ErrorKind::Misaligned,
                format!("offset {offset} is not aligned for the type"),
                "choose an offset that is a multiple of the type's alignment",
            ));
        }
        Ok(at)
    }

    #[cold]
    fn refuse(&self, kind: ErrorKind, matter: String, remedy: &'static str) -> Error {
        let attempt = Attempt { verb: "use", subject: Kind::FileMapping.as_str(), name: &self.name };
        attempt.fails(kind, matter).with_remedy(remedy)
    }
}

impl Deref for Frozen {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.memory.bytes()
    }
}

impl AsRef<[u8]> for Frozen {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Frozen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frozen").field("name", &self.name).field("len", &self.len()).finish_non_exhaustive()
    }
}
