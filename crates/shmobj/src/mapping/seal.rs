//! Sealing memory: against all changes, or against further writers. The kernel enforces both, also among processes of
//! one user.

use super::FileMapping;
use crate::error::{Attempt, Result};
use crate::frozen::Frozen;
use crate::sys::{seals, view};
use crate::view::{Kind, ReadWrite, View};

impl FileMapping {
    /// Freezes the memory, so that nobody can ever change it again, in any process; and gives its bytes.
    ///
    /// The mapping must be [sealable](super::MappingOptions::sealable), and nobody may have a view of it that can write: drop them
    /// first. Read-only and copy-on-write views do not matter, and go on. Handles that may write can then only read.
    /// What is frozen already stays so, and this succeeds. It fills pages that nobody has touched yet with zeros.
    /// Win32 has nothing like it.
    ///
    /// # Errors
    /// [`StillMapped`](crate::ErrorKind::StillMapped): somebody has a view that can write, this process and its forked
    /// children included. [`NotSupported`](crate::ErrorKind::NotSupported): it is not sealable, or a file.
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not both [`Access::READ`](crate::Access::READ) and
    /// [`Access::WRITE`](crate::Access::WRITE), or [`seal_writes`](Self::seal_writes) was quicker.
    /// [`InvalidParameter`](crate::ErrorKind::InvalidParameter): the object's protection is read-only.
    /// [`NotCommitted`](crate::ErrorKind::NotCommitted): parts of reserved memory are not committed.
    /// [`OutOfMemory`](crate::ErrorKind::OutOfMemory): there is no room in the address space; it is frozen all the same.
    ///
    /// # Crashes
    /// One atomic step: killed before it, nothing has happened (pages may have been filled); killed after it, it is frozen.
    ///
    /// ```
    /// # fn main() -> Result<(), shmobj::Error> {
    /// let mapping = shmobj::FileMapping::options().size(4096).sealable(true).create_unnamed()?;
    /// let view = mapping.map_mut()?;
    /// view.write_at(0, b"for ever")?;
    /// assert_eq!(mapping.freeze().unwrap_err().win32_code(), 1224); // the view can write
    /// drop(view);
    /// let frozen = mapping.freeze()?;
    /// assert_eq!(&frozen[..8], b"for ever");
    /// assert!(mapping.map_mut().is_err());
    /// # Ok(()) }
    /// ```
    pub fn freeze(&self) -> Result<Frozen> {
        let attempt = self.attempt("freeze");
        self.view().check_rights(&attempt, Kind::ReadOnly)?;
        self.view().check_rights(&attempt, Kind::ReadWrite)?;
        seals::freeze(&attempt, self.inner().data())?;
        self.frozen_as(&attempt)
    }

    /// The bytes of memory that is frozen, for whoever has opened or received it.
    ///
    /// The guarantee holds against a hostile creator as well: what counts is what the kernel says about the memory behind this
    /// handle, now: sealed against writing and cutting, and all there.
    ///
    /// # Errors
    /// [`NotFrozen`](crate::ErrorKind::NotFrozen): it is not, or a part of it is not there.
    /// [`NotSupported`](crate::ErrorKind::NotSupported): it is a file, shared with other users, or made of large pages.
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has no [`Access::READ`](crate::Access::READ).
    /// [`OutOfMemory`](crate::ErrorKind::OutOfMemory): there is no room in the address space.
    ///
    /// ```
    /// # fn main() -> Result<(), shmobj::Error> {
    /// use shmobj::ErrorKind;
    /// let mapping = shmobj::FileMapping::options().size(4096).sealable(true).create_unnamed()?;
    /// assert_eq!(mapping.frozen().unwrap_err().kind(), ErrorKind::NotFrozen);
    /// mapping.freeze()?;
    /// assert_eq!(mapping.frozen()?[..4], [0; 4]);
    /// # Ok(()) }
    /// ```
    pub fn frozen(&self) -> Result<Frozen> {
        let attempt = self.attempt("use as frozen");
        self.view().check_rights(&attempt, Kind::ReadOnly)?;
        self.frozen_as(&attempt)
    }

    fn frozen_as(&self, attempt: &Attempt<'_>) -> Result<Frozen> {
        let memory = view::Frozen::map(attempt, self.inner().data())?;
        Ok(Frozen::new(memory, self.shared_name()))
    }

    /// Maps a view of all of it that can be written, and closes the memory to all further writers: no process, this one
    /// included, can map another view that writes. Readers come and go.
    ///
    /// So one process writes what many read, and the kernel keeps those from writing, also processes of the same user. Writable
    /// views that were mapped before stay, whoever has them, and a forked child inherits them: do this before others have any. Of several
    /// who do it at the same time one succeeds. When the last writable view is gone nobody can write any more; still the memory is
    /// not [frozen](Self::frozen), since nobody can know that the last one is gone, and it cannot be frozen.
    ///
    /// Handles that may write still open, and mapping with them for writing is [`AccessDenied`](crate::ErrorKind::AccessDenied):
    /// the kernel decides when a view is mapped, since the seal can come at any time.
    ///
    /// # Errors
    /// Those of [`map_mut`](Self::map_mut). [`NotSupported`](crate::ErrorKind::NotSupported): it is not
    /// [sealable](super::MappingOptions::sealable), or a file. [`AccessDenied`](crate::ErrorKind::AccessDenied): it is
    /// sealed already. [`NotCommitted`](crate::ErrorKind::NotCommitted): parts of reserved memory are not committed, and could never be.
    ///
    /// # Crashes
    /// One atomic step: killed before it, nothing has happened. Killed after it, the view is gone with the process: others who
    /// hold the object can read it, and nobody can write it.
    ///
    /// ```
    /// # fn main() -> Result<(), shmobj::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let namespace = shmobj::Namespace::at(directory.path());
    /// use shmobj::{Access, FileMapping};
    /// let mapping =
    ///     FileMapping::options().namespace(&namespace).size(4096).sealable(true).create("prices")?;
    /// let view = mapping.seal_writes()?;
    /// view.write_at(0, b"42")?;
    ///
    /// let prices = FileMapping::options().namespace(&namespace).open("prices", Access::READ_WRITE)?;
    /// assert_eq!(prices.map()?.read_vec(0, 2)?, b"42");
    /// assert!(prices.map_mut().is_err());
    /// # Ok(()) }
    /// ```
    pub fn seal_writes(&self) -> Result<View<ReadWrite>> {
        let attempt = self.attempt("seal");
        self.view().check_rights(&attempt, Kind::ReadWrite)?;
        let data = self.inner().data();
        seals::check_sealable(&attempt, data)?;
        seals::check_committed(&attempt, data)?;
        let view = self.map_mut()?;
        seals::close_to_writers(&attempt, data)?;
        Ok(view)
    }
}
