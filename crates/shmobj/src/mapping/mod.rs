//! File mappings: memory, or a file, that several processes share by naming it.
//!
//! A [`FileMapping`] is a handle. The object has its name while somebody, in any process, has a handle, and its
//! memory while somebody has a handle or a view. It mirrors [File
//! Mapping](https://learn.microsoft.com/windows/win32/memory/file-mapping).

mod options;
mod protection;
#[cfg(target_os = "linux")]
mod seal;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use options::MappingOptions;
pub use protection::{Allocation, LargePages, Protection};

use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::sys::mapping::Mapping;
use crate::view::{CopyOnWrite, ReadOnly, ReadWrite, View, ViewOptions};

/// A handle to a file mapping object.
///
/// The last handle that goes, by drop, exit or SIGKILL, frees the name; the last view frees the memory.
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let namespace = shmobj::Namespace::at(directory.path());
/// use shmobj::{Access, FileMapping};
///
/// // One process creates it ...
/// let mapping = FileMapping::options().namespace(&namespace).size(64 << 20).create("frames")?;
/// let view = mapping.map_mut()?;
/// view.write_at(0, b"hello")?;
///
/// // ... and another one opens it.
/// let mapping = FileMapping::options().namespace(&namespace).open("frames", Access::READ)?;
/// let view = mapping.map()?;
/// let mut greeting = [0; 5];
/// view.read_at(0, &mut greeting)?;
/// assert_eq!(&greeting, b"hello");
/// # Ok(()) }
/// ```
#[doc(alias = "CreateFileMapping")]
pub struct FileMapping {
    mapping: Mapping,
    name: Arc<str>,
    access: Access,
    existed: bool,
}

impl FileMapping {
    /// Options for creating one, or for opening one in a namespace of one's own.
    pub fn options<'a>() -> MappingOptions<'a> {
        MappingOptions::default()
    }

    /// Opens the mapping of this name in the process's default namespace, with the rights that are asked for.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound): nobody holds an object of this name. [`WrongKind`](ErrorKind::WrongKind): it is
    /// of another kind, or the name is empty. [`AccessDenied`](ErrorKind::AccessDenied): the rights are not granted, or none
    /// was asked for. [`Unreachable`](ErrorKind::Unreachable): it is held, but this process cannot see by whom.
    /// [`Corrupt`](ErrorKind::Corrupt): what stands under the name is not an entry.
    /// The errors of names, see [`Namespace`](crate::Namespace).
    ///
    /// # Crashes
    /// The object lives on when its creator dies, as long as another process has a handle. When the last of them dies, the
    /// name is free and the memory the kernel's.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), shmobj::Error> {
    /// use shmobj::{Access, FileMapping};
    /// let mapping = FileMapping::open("frames", Access::READ)?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "OpenFileMapping")]
    pub fn open(name: &str, access: Access) -> Result<Self> {
        Self::options().open(name, access)
    }

    fn new(mapping: Mapping, name: &str, access: Access, existed: bool) -> Self {
        Self { mapping, name: name.into(), access: access & Access::MAPPING, existed }
    }

    /// The name as it was given; empty for an unnamed mapping.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The size in bytes: memory in whole pages, a file as long as it was mapped.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.mapping.size()
    }

    /// The size of its pages in bytes: the system's, or that of the large pages it is made of.
    #[must_use]
    pub fn page_size(&self) -> u64 {
        self.mapping.page_size()
    }

    /// What views of the object may do, whatever this handle's access is.
    ///
    /// # Windows
    /// The system does not tell that of an object which existed. It is [`ReadWrite`](Protection::ReadWrite) if a writable view can be mapped, and otherwise
    /// [`ReadOnly`](Protection::ReadOnly): so never [`WriteCopy`](Protection::WriteCopy), which means the same, and `ReadOnly` also for a handle that may not write.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.mapping.protection()
    }

    /// The rights of this handle.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether its memory is committed or reserved.
    #[must_use]
    pub fn allocation(&self) -> Allocation {
        if self.mapping.is_reserved() { Allocation::Reserve } else { Allocation::Commit }
    }

    /// Whether it maps a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.mapping.is_file()
    }

    /// Whether the object existed before this handle: `ERROR_ALREADY_EXISTS` after `CreateFileMapping`. Who gets
    /// `false` is the one to initialise it. True of duplicates, and of handles that another process handed over.
    #[must_use]
    #[doc(alias = "ERROR_ALREADY_EXISTS")]
    pub fn existed(&self) -> bool {
        self.existed
    }

    /// Whether two handles lead to the same object.
    #[must_use]
    #[doc(alias = "CompareObjectHandles")]
    pub fn is_same_object(&self, other: &Self) -> bool {
        self.mapping.is_same_object(&other.mapping)
    }

    /// Another handle to the mapping, with the same rights.
    ///
    /// # Errors
    /// [`NoResources`](ErrorKind::NoResources): there is no room for another handle; on Linux, the process has too many descriptors.
    #[doc(alias = "DuplicateHandle")]
    pub fn try_clone(&self) -> Result<Self> {
        self.try_clone_with(self.access)
    }

    /// Another handle to the mapping, with these rights: mostly fewer, before it is handed on. Rights that this handle does not have
    /// are granted if an open would grant them.
    ///
    /// # Errors
    /// [`AccessDenied`](ErrorKind::AccessDenied): the object does not grant them, or mappings have no such right.
    ///
    /// ```
    /// # fn main() -> Result<(), shmobj::Error> {
    /// use shmobj::{Access, FileMapping};
    /// let mapping = FileMapping::options().size(4096).create_unnamed()?;
    /// let reader = mapping.try_clone_with(Access::READ)?;
    /// assert!(reader.map().is_ok() && reader.map_mut().is_err());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "DuplicateHandle")]
    pub fn try_clone_with(&self, access: Access) -> Result<Self> {
        let attempt = self.attempt("duplicate");
        if access != Access::ALL && !Access::MAPPING.contains(access) {
            return Err(attempt
                .fails(ErrorKind::AccessDenied, "a right that mappings do not have is asked for") // DH-6
                .with_remedy("ask for Access::READ, Access::READ_WRITE or Access::QUERY"));
        }
        let access = access & Access::MAPPING;
        // More than this handle has is asked of the object, as an open would (DH-3).
        let more = !self.access.contains(access);
        let mapping = self.mapping.duplicate(&attempt, access, more)?;
        Ok(Self { mapping, name: self.name.clone(), access, existed: true })
    }

    /// A read-only view of all of it.
    ///
    /// # Errors
    /// Those of [`ViewOptions::map`].
    #[doc(alias = "MapViewOfFile")]
    pub fn map(&self) -> Result<View<ReadOnly>> {
        self.view().map()
    }

    /// A view of all of it that can be written, and is shared.
    ///
    /// # Errors
    /// Those of [`ViewOptions::map_mut`].
    #[doc(alias = "MapViewOfFile")]
    pub fn map_mut(&self) -> Result<View<ReadWrite>> {
        self.view().map_mut()
    }

    /// A view of all of it whose writes are private, page by page (`FILE_MAP_COPY`).
    ///
    /// # Errors
    /// Those of [`ViewOptions::map_copy`].
    #[doc(alias = "MapViewOfFile")]
    pub fn map_copy(&self) -> Result<View<CopyOnWrite>> {
        self.view().map_copy()
    }

    /// Options for a view of a part, at an address, or faulted in beforehand.
    pub fn view(&self) -> ViewOptions<'_> {
        ViewOptions::new(self)
    }

    /// Commits the pages of a byte range of reserved memory, for all processes and views. What was committed keeps its
    /// contents. On committed memory it does nothing.
    ///
    /// # Errors
    /// [`InvalidAddress`](ErrorKind::InvalidAddress): the range leaves the mapping. [`CommitLimit`](ErrorKind::CommitLimit):
    /// there is no room. [`AccessDenied`](ErrorKind::AccessDenied): the mapping is a file's, or the handle cannot write.
    ///
    /// # Crashes
    /// Killed in the middle, some of the pages are committed; committing the range again does the rest.
    ///
    /// ```
    /// # fn main() -> Result<(), shmobj::Error> {
    /// use shmobj::{Allocation, FileMapping};
    /// let mapping =
    ///     FileMapping::options().size(1 << 33).allocation(Allocation::Reserve).create_unnamed()?;
    /// let view = mapping.view().offset(1 << 32).len(8192).map_mut()?;
    /// assert!(view.write_at(0, b"x").is_err());
    /// mapping.commit((1 << 32)..(1 << 32) + 4096)?;
    /// # #[cfg(windows)] // Wine lets each view of a part know only what was committed through it
    /// # view.commit(0, 4096)?;
    /// view.write_at(0, b"x")?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "VirtualAlloc")]
    pub fn commit(&self, range: Range<u64>) -> Result<()> {
        if range.end < range.start {
            return Err(self
                .attempt("commit")
                .fails(ErrorKind::InvalidParameter, "the range ends before it starts")
                .with_remedy("give a range that starts first"));
        }
        self.mapping.commit(&self.attempt("commit"), self.access.contains(Access::WRITE), range)
    }

    /// A handle that came from another process.
    pub(crate) fn arrived(mapping: Mapping, name: String, access: Access) -> Self {
        Self::new(mapping, &name, access, true)
    }

    pub(crate) fn attempt(&self, verb: &'static str) -> Attempt<'_> {
        Attempt { verb, subject: Kind::FileMapping.as_str(), name: &self.name }
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    pub(crate) fn inner(&self) -> &Mapping {
        &self.mapping
    }
}

crate::transfer::transfer!(FileMapping);

impl fmt::Debug for FileMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileMapping")
            .field("name", &self.name)
            .field("size", &self.size())
            .field("protection", &self.protection())
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}
