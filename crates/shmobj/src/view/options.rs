//! The options with which a view is mapped.

use super::{CopyOnWrite, Kind, Mode, ReadOnly, ReadWrite, View};
use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::mapping::{FileMapping, Protection};
use crate::sys::contract::ViewRequest;
use crate::sys::view;

/// Addresses that one asks for are multiples of this, as on Windows.
const GRANULARITY: u64 = 64 << 10;

/// Options for a view: see [`FileMapping::view`].
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `map`, `map_mut` or `map_copy` is called"]
pub struct ViewOptions<'a> {
    mapping: &'a FileMapping,
    offset: u64,
    length: Option<u64>,
    address: Option<usize>,
    prefault: bool,
}

impl<'a> ViewOptions<'a> {
    pub(crate) fn new(mapping: &'a FileMapping) -> Self {
        Self { mapping, offset: 0, length: None, address: None, prefault: false }
    }

    /// Where the view starts in the mapping, in bytes. Any offset is good: it is aligned inside.
    pub fn offset(mut self, bytes: u64) -> Self {
        self.offset = bytes;
        self
    }

    /// How long the view is, in bytes. To the end of the mapping by default.
    pub fn len(mut self, bytes: u64) -> Self {
        self.length = Some(bytes);
        self
    }

    /// The address at which the view is to start, or fail (`MapViewOfFileEx`). Address and offset must be multiples of 64 KiB,
    /// and nothing may be mapped in the range; nothing is ever replaced or moved.
    #[doc(alias = "MapViewOfFileEx")]
    pub fn address(mut self, address: usize) -> Self {
        self.address = (address != 0).then_some(address); // MV-12
        self
    }

    /// Makes the kernel fault all pages in now, so that the first touch of each is fast. A wish: what cannot be
    /// faulted in now is faulted in later, and so are a file's pages on Windows.
    ///
    /// On Linux this makes the private copies of a copy-on-write view: its pages then show nothing that others write later.
    pub fn prefault(mut self, yes: bool) -> Self {
        self.prefault = yes;
        self
    }

    /// Maps a read-only view.
    ///
    /// # Errors
    /// [`AccessDenied`](ErrorKind::AccessDenied): the handle has no [`Access::READ`], or the range leaves the mapping.
    /// [`InvalidParameter`](ErrorKind::InvalidParameter): a length of 0, or a range that overflows.
    /// [`Misaligned`](ErrorKind::Misaligned), [`InvalidAddress`](ErrorKind::InvalidAddress): the wanted address is no multiple of
    /// 64 KiB, or taken. [`OutOfMemory`](ErrorKind::OutOfMemory): there is no room in the address space.
    ///
    /// # Crashes
    /// A view ends with its process. Whoever else has the object or a view of it notices nothing.
    #[doc(alias = "MapViewOfFile")]
    pub fn map(&self) -> Result<View<ReadOnly>> {
        self.map_as()
    }

    /// Maps a view that can be written, and is shared.
    ///
    /// # Errors
    /// Those of [`map`](Self::map), with [`Access::WRITE`]; [`AccessDenied`](ErrorKind::AccessDenied) also if the memory is sealed
    /// against writing (`FileMapping::freeze`, on Linux); [`InvalidParameter`](ErrorKind::InvalidParameter) also if the
    /// object is read-only though the handle could write.
    #[doc(alias = "MapViewOfFile")]
    pub fn map_mut(&self) -> Result<View<ReadWrite>> {
        self.map_as()
    }

    /// Maps a view whose writes are private: a page is copied when it is first written, and others show what everybody shares.
    ///
    /// # Errors
    /// Those of [`map`](Self::map); [`CommitLimit`](ErrorKind::CommitLimit) if there is no memory for private pages, which Windows sets
    /// aside for the whole view.
    #[doc(alias = "FILE_MAP_COPY")]
    pub fn map_copy(&self) -> Result<View<CopyOnWrite>> {
        self.map_as()
    }

    fn map_as<M: Mode>(&self) -> Result<View<M>> {
        let attempt = self.mapping.attempt("map");
        self.check_rights(&attempt, M::KIND)?;
        let range = self.checked_range(&attempt)?;
        self.check_address(&attempt)?;
        let request = ViewRequest {
            kind: M::KIND,
            range,
            address: self.address,
            prefault: self.prefault,
            commits: self.mapping.access().contains(Access::WRITE),
        };
        let view = view::View::map(&attempt, self.mapping.inner(), &request)?;
        Ok(View::new(view, self.mapping.shared_name()))
    }

    /// The two independent tests of every view: the handle's rights, then the object's protection (8.3).
    pub(crate) fn check_rights(&self, attempt: &Attempt<'_>, kind: Kind) -> Result<()> {
        let (right, word) = match kind {
            Kind::ReadWrite => (Access::WRITE, "WRITE"),
            Kind::ReadOnly | Kind::CopyOnWrite => (Access::READ, "READ"),
        };
        if !self.mapping.access().contains(right) {
            return Err(attempt
                .fails(ErrorKind::AccessDenied, format!("the handle has no right Access::{word}"))
                .with_remedy("open it with the rights that the view needs"));
        }
        if kind == Kind::ReadWrite && self.mapping.protection() != Protection::ReadWrite {
            return Err(attempt
                .fails(ErrorKind::InvalidParameter, "the object is read-only, whatever the handle may do")
                .with_remedy("map it read-only or copy-on-write, or create it read-write"));
        }
        Ok(())
    }

    fn checked_range(&self, attempt: &Attempt<'_>) -> Result<std::ops::Range<u64>> {
        let size = self.mapping.size();
        let end = match self.length {
            Some(0) => {
                return Err(attempt
                    .fails(ErrorKind::InvalidParameter, "a view of 0 bytes is none")
                    .with_remedy("leave the length away to map to the end"));
            }
            // MV-10
            Some(length) => {
                let end = self.offset.checked_add(length);
                end.filter(|end| end.checked_next_multiple_of(GRANULARITY).is_some()).ok_or_else(|| {
                    attempt
                        .fails(ErrorKind::InvalidParameter, "offset and length are more than 64 bits can say")
                        .with_remedy("leave the length away to map to the end")
                })?
            }
            None => size,
        };
        if self.offset >= size || end > size {
            let matter = format!("bytes {} to {end} are not inside the mapping of {size} bytes", self.offset);
            return Err(attempt.fails(ErrorKind::AccessDenied, matter).with_remedy("map a range inside")); // MV-6, MV-8
        }
        Ok(self.offset..end)
    }

    fn check_address(&self, attempt: &Attempt<'_>) -> Result<()> {
        let Some(address) = self.address else { return Ok(()) };
        let unit = GRANULARITY.max(self.mapping.page_size());
        if address as u64 % unit != 0 || self.offset % unit != 0 {
            return Err(attempt
                .fails(
                    ErrorKind::Misaligned,
                    format!("address {address:#x} or offset {} is no multiple of {unit}", self.offset),
                )
                .with_remedy("align both, or let the system choose the address")); // MV-13
        }
        Ok(())
    }
}
