//! The options with which a mapping is created or opened.

#[cfg(target_os = "linux")]
use std::os::fd::AsFd;
#[cfg(windows)]
use std::os::windows::io::AsHandle;

use super::{Allocation, FileMapping, LargePages, Protection};
use crate::access::Access;
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::kind::Kind;
use crate::name::Name;
use crate::namespace::Namespace;
use crate::security::Security;
use crate::sys::BorrowedFile;
use crate::sys::contract::{Intent, MappingWish, Source};
use crate::sys::mapping::Mapping;

/// Options for a new mapping, or for opening one: see [`FileMapping::options`].
///
/// Size, file, protection, allocation, large pages, security and sealing apply to the object that is made; if the name exists,
/// they are ignored and the existing object is opened, as on Windows.
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until `create`, `create_new`, `create_unnamed` or `open` is called"]
pub struct MappingOptions<'a> {
    size: u64,
    file: Option<BorrowedFile<'a>>,
    protection: Protection,
    allocation: Allocation,
    large_pages: LargePages,
    security: Security,
    #[cfg(target_os = "linux")]
    across_pid_namespaces: bool,
    #[cfg(target_os = "linux")]
    sealable: bool,
    namespace: Option<&'a Namespace>,
}

impl<'a> MappingOptions<'a> {
    /// The size in bytes. Memory is rounded up to whole pages and needs one; a file is mapped at its length without
    /// one, and extended to it if it is longer.
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = bytes;
        self
    }

    /// Maps this file instead of memory. It stays open for as long as the mapping lives; closing the caller's
    /// descriptor does not matter, and its position does not change. (On Windows this takes `AsHandle`, and nobody can make a mapped file shorter.)
    ///
    /// A lock of the caller's on the file (`fcntl`) ends when the mapping closes its own descriptor, or hands it on: that is the
    /// kernel's rule for such locks.
    #[cfg(target_os = "linux")]
    pub fn file(mut self, file: &'a impl AsFd) -> Self {
        self.file = Some(file.as_fd());
        self
    }

    /// Maps this file instead of memory. It stays open for as long as the mapping lives; closing the caller's
    /// handle does not matter, and its position does not change. As long as it is mapped, nobody can make it shorter.
    #[cfg(windows)]
    pub fn file(mut self, file: &'a impl AsHandle) -> Self {
        self.file = Some(file.as_handle());
        self
    }

    /// What views may do. Read and write by default.
    pub fn protection(mut self, protection: Protection) -> Self {
        self.protection = protection;
        self
    }

    /// When memory is allocated. All of it at once by default.
    pub fn allocation(mut self, allocation: Allocation) -> Self {
        self.allocation = allocation;
        self
    }

    /// Whether memory is made of large pages. Ordinary ones by default.
    pub fn large_pages(mut self, large_pages: LargePages) -> Self {
        self.large_pages = large_pages;
        self
    }

    /// Who else may open the object: nobody but its owner by default. See [`Security`].
    pub fn security(mut self, security: Security) -> Self {
        self.security = security;
        self
    }

    /// Keeps the memory in a file beside the entry, so that the owner's processes in other PID namespaces (containers
    /// that share the namespace directory) find it. It counts against that file system's size, and what a crash leaves keeps
    /// its memory until the entry is reclaimed.
    ///
    /// On Windows it changes nothing: there every process of the session finds it.
    #[cfg_attr(windows, allow(unused_mut, unused_variables))]
    pub fn across_pid_namespaces(mut self, yes: bool) -> Self {
        #[cfg(target_os = "linux")]
        {
            self.across_pid_namespaces = yes;
        }
        self
    }

    /// Makes memory that can be sealed later: frozen for ever ([`FileMapping::freeze`]), or closed to further writers
    /// ([`FileMapping::seal_writes`]). Whoever may write it may then do either. Memory that is not sealable can never be
    /// sealed, by nobody; that no process can change its size holds for both.
    ///
    /// Only memory that its owner alone may open can be sealed: with a file, other users, other PID namespaces or the large pages of the
    /// system's pool, creating is [`NotSupported`](ErrorKind::NotSupported).
    #[cfg(target_os = "linux")]
    pub fn sealable(mut self, yes: bool) -> Self {
        self.sealable = yes;
        self
    }

    /// Looks the name up here instead of in the process's default namespace.
    pub fn namespace(mut self, namespace: &'a Namespace) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// Creates the mapping, or opens the one that has the name: ask [`FileMapping::existed`] which. The empty name
    /// creates an unnamed object. The handle's access follows the protection.
    ///
    /// All or nothing, in one atomic step: of several processes that create one name at the same time, one makes the
    /// object, and none ever sees it half-made. A name that existed leaves a file untouched; of several that create one at the same
    /// time over files of their own, each may have extended its file.
    ///
    /// # Errors
    /// [`InvalidParameter`](ErrorKind::InvalidParameter): no size and no file, or options that exclude each other.
    /// [`NotSupported`](ErrorKind::NotSupported): memory that cannot be sealed, or large pages that cannot be shared, are asked for.
    /// [`WrongKind`](ErrorKind::WrongKind): the name belongs to an object of another kind.
    /// [`CommitLimit`](ErrorKind::CommitLimit), [`DiskFull`](ErrorKind::DiskFull), [`OutOfMemory`](ErrorKind::OutOfMemory),
    /// [`NoResources`](ErrorKind::NoResources): there is no room.
    /// [`PrivilegeNotHeld`](ErrorKind::PrivilegeNotHeld): large pages on Windows, for a user who may not lock pages in memory.
    /// [`AccessDenied`](ErrorKind::AccessDenied): the file is not open for what the protection needs, or the existing object
    /// does not grant it; on Windows also `Global\` names, outside services and without `SeCreateGlobalPrivilege`. [`EmptyFile`](ErrorKind::EmptyFile), [`NotMappable`](ErrorKind::NotMappable): the file cannot be mapped.
    /// [`NotSupported`](ErrorKind::NotSupported): on Linux the security names users or groups, and the namespace directory's file system
    /// keeps no access control lists.
    /// The errors of names, see [`Namespace`].
    ///
    /// # Crashes
    /// Killed before the object has its name: nothing is left. After it: the name is free again at the next create or open.
    ///
    /// ```
    /// # fn main() -> Result<(), shmobj::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let namespace = shmobj::Namespace::at(directory.path());
    /// use shmobj::FileMapping;
    /// let mapping = FileMapping::options().namespace(&namespace).size(1 << 20).create("frames")?;
    /// assert!(!mapping.existed());
    /// assert_eq!(mapping.size(), 1 << 20);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "CreateFileMapping")]
    pub fn create(&self, name: &str) -> Result<FileMapping> {
        self.make(name, Intent::OpenOrCreate)
    }

    /// Creates the mapping; an existing one is an error.
    ///
    /// # Errors
    /// [`AlreadyExists`](ErrorKind::AlreadyExists), and those of [`create`](Self::create).
    pub fn create_new(&self, name: &str) -> Result<FileMapping> {
        self.make(name, Intent::CreateNew)
    }

    /// Creates a mapping without a name: only this process, and whom it hands it to, can use it.
    ///
    /// # Errors
    /// Those of [`create`](Self::create) that are not about names.
    ///
    /// # Crashes
    /// The kernel frees it with the process.
    pub fn create_unnamed(&self) -> Result<FileMapping> {
        self.make("", Intent::OpenOrCreate)
    }

    /// Opens an existing mapping: [`FileMapping::open`] with a namespace of one's own.
    ///
    /// # Errors
    /// Those of [`FileMapping::open`].
    pub fn open(&self, name: &str, access: Access) -> Result<FileMapping> {
        let attempt = Attempt { verb: "open", subject: Kind::FileMapping.as_str(), name };
        let parsed = Name::parse(&attempt)?.ok_or_else(|| {
            attempt
                .fails(ErrorKind::WrongKind, "an unnamed object cannot be opened")
                .with_remedy("give its name") // OP-2
        })?;
        let namespace = Namespace::or_default(self.namespace);
        let place = namespace.place(parsed.scope);
        let (mapping, _) = Mapping::named(&attempt, place, parsed, Intent::Open, None, access)?;
        if access != Access::ALL && (access.is_empty() || !Access::MAPPING.contains(access)) {
            return Err(attempt
                .fails(ErrorKind::AccessDenied, "no right, or one that mappings do not have, is asked for") // OP-4, OP-5
                .with_remedy("ask for Access::READ or Access::READ_WRITE"));
        }
        Ok(FileMapping::new(mapping, name, access, true))
    }

    fn make(&self, name: &str, intent: Intent) -> Result<FileMapping> {
        let attempt = Attempt { verb: "create", subject: Kind::FileMapping.as_str(), name };
        let wish = self.wish(&attempt)?;
        let access = match self.protection {
            Protection::ReadWrite => Access::ALL,
            Protection::ReadOnly | Protection::WriteCopy => Access::QUERY | Access::READ,
        };
        let Some(parsed) = Name::parse(&attempt)? else {
            return Ok(FileMapping::new(Mapping::unnamed(&attempt, &wish)?, name, access, false));
        };
        let namespace = Namespace::or_default(self.namespace);
        let place = namespace.place(parsed.scope);
        let (mapping, existed) = Mapping::named(&attempt, place, parsed, intent, Some(&wish), access)?;
        Ok(FileMapping::new(mapping, name, access, existed))
    }

    /// The checks that need no object, which come first (3.1 step 1, AE-4).
    fn wish(&self, attempt: &Attempt<'_>) -> Result<MappingWish<'_>> {
        let invalid = |matter: &'static str, remedy: &'static str| -> Result<MappingWish<'_>, Error> {
            Err(attempt.fails(ErrorKind::InvalidParameter, matter).with_remedy(remedy))
        };
        let reserve = self.allocation == Allocation::Reserve;
        if self.large_pages == LargePages::Required && (reserve || self.file.is_some()) {
            return invalid(
                "large pages are neither reserved nor a file's",
                "commit memory, or do without large pages",
            );
        }
        #[cfg(target_os = "linux")]
        if self.sealable && (self.large_pages == LargePages::Required || self.file.is_some()) {
            return Err(attempt
                .fails(
                    ErrorKind::NotSupported,
                    "neither a file nor large pages of the system's pool can be sealed",
                )
                .with_remedy(
                    "make memory of ordinary or transparent huge pages, or leave sealable(true) away",
                ));
        }
        let source = match self.file {
            Some(file) => Source::File { file, size: self.size },
            None if self.size == 0 => {
                return invalid("neither a size nor a file was given", "give a size in bytes");
            }
            None => {
                Source::Memory { size: self.size, allocation: self.allocation, large_pages: self.large_pages }
            }
        };
        Ok(MappingWish {
            source,
            protection: self.protection,
            security: &self.security,
            #[cfg(target_os = "linux")]
            across_pid_namespaces: self.across_pid_namespaces,
            #[cfg(target_os = "linux")]
            sealable: self.sealable,
        })
    }
}
