//! File mappings: section objects.
#![allow(unsafe_code)] // calls the system

use std::ops::Range;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, OwnedHandle};
use std::sync::OnceLock;

use windows_sys::Win32::Foundation::{ERROR_INVALID_PARAMETER, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Memory::{
    CreateFileMappingW, FILE_MAP_READ, FILE_MAP_WRITE, GetLargePageMinimum, PAGE_READONLY, PAGE_READWRITE,
    PAGE_WRITECOPY, SEC_COMMIT, SEC_FILE, SEC_LARGE_PAGES, SEC_RESERVE,
};
use windows_sys::Win32::System::SystemInformation::{GetSystemInfo, SYSTEM_INFO};

use super::handle::{self, created, pointer};
use super::namespace::Place;
use super::security::Descriptor;
use super::view::{GRANULARITY, Mapped};
use super::{nt, privilege};
use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::mapping::{Allocation, LargePages, Protection};
use crate::name::Name;
use crate::sys::contract::{Intent, MappingWish, Source};

const KIND: Kind = Kind::FileMapping;

/// A handle: it keeps the object, and with it the name, alive.
#[derive(Debug)]
pub(crate) struct Mapping {
    handle: OwnedHandle,
    size: u64,
    /// The `SEC_*` flags.
    attributes: u32,
    /// The system does not tell it of an object that existed; it is then found out when it matters.
    protection: OnceLock<Protection>,
}

impl Mapping {
    /// An object without a name.
    pub(crate) fn unnamed(attempt: &Attempt<'_>, wish: &MappingWish<'_>) -> Result<Self> {
        Self::create(attempt, None, Intent::OpenOrCreate, wish).map(|(mapping, _)| mapping)
    }

    /// The object of this name, made if it does not exist and `wish` says how. Returns whether it existed.
    pub(crate) fn named(
        attempt: &Attempt<'_>,
        place: &Place,
        name: Name<'_>,
        intent: Intent,
        wish: Option<&MappingWish<'_>>,
        access: Access,
    ) -> Result<(Self, bool)> {
        let name = place.name(attempt, name)?;
        let Some(wish) = wish else {
            return Ok((Self::of(attempt, handle::open(attempt, KIND, &name, access)?)?, true));
        };
        match handle::existing(attempt, KIND, &name, intent, access & Access::MAPPING)? {
            Some(handle) => Ok((Self::of(attempt, handle)?, true)),
            None => match Self::create(attempt, Some(&name), intent, wish) {
                // Somebody was quicker, and grants less than a create asks for.
                Err(denied) if denied.kind() == ErrorKind::AccessDenied => {
                    let found = handle::existing(attempt, KIND, &name, intent, access & Access::MAPPING)?;
                    found.map_or(Err(denied), |handle| Ok((Self::of(attempt, handle)?, true)))
                }
                made => made,
            },
        }
    }

    fn create(
        attempt: &Attempt<'_>,
        name: Option<&[u16]>,
        intent: Intent,
        wish: &MappingWish<'_>,
    ) -> Result<(Self, bool)> {
        let protection = match wish.protection {
            Protection::ReadOnly => PAGE_READONLY,
            Protection::ReadWrite => PAGE_READWRITE,
            Protection::WriteCopy => PAGE_WRITECOPY,
        };
        let (file, size, sort) = match wish.source {
            Source::File { file, size } => (file.as_raw_handle(), size, 0),
            Source::Memory { size, allocation, large_pages } => {
                (INVALID_HANDLE_VALUE, size, sort_of(allocation, large_pages))
            }
        };
        if sort & SEC_LARGE_PAGES != 0 {
            privilege::allow_large_pages(); // held, but mostly not enabled; without it the create says so (LP-1)
        }
        let descriptor = match name {
            Some(_) => Descriptor::of(attempt, KIND, wish.security)?,
            None => Descriptor::unnamed(),
        };
        let attributes = descriptor.attributes();
        let (handle, existed) = created(attempt, KIND, name, intent, || {
            // SAFETY: the file is open or none, the attributes and the name, which ends with 0, are there during the call.
            unsafe {
                CreateFileMappingW(
                    file,
                    &raw const attributes,
                    protection | sort,
                    (size >> 32) as u32,
                    size as u32,
                    pointer(name),
                )
            }
        })?;
        let mut mapping = Self::of(attempt, handle)?;
        if !existed {
            mapping.attributes |= sort; // whatever the system tells of it
            mapping.protection.get_or_init(|| wish.protection);
        }
        Ok((mapping, existed))
    }

    /// A handle to an object that exists.
    pub(super) fn of(attempt: &Attempt<'_>, handle: OwnedHandle) -> Result<Self> {
        let told = nt::section(handle.as_handle());
        let (size, attributes) = match told {
            Some(section) => (section.size as u64, section.attributes),
            // Without the right to ask (somebody else's list): what can be mapped tells, in whole pages.
            None => measured(attempt, handle.as_handle())?,
        };
        Ok(Self { handle, size, attributes, protection: OnceLock::new() })
    }

    /// Another handle to the object; rights that this one has not are asked of the object (DH-3).
    pub(crate) fn duplicate(&self, attempt: &Attempt<'_>, access: Access, _more: bool) -> Result<Self> {
        let handle = handle::duplicate(self.handle(), KIND, access)
            .map_err(|code| attempt.os("the object does not grant these rights", code))?;
        let protection = self.protection.clone();
        Ok(Self { handle, size: self.size, attributes: self.attributes, protection })
    }

    pub(crate) fn handle(&self) -> BorrowedHandle<'_> {
        self.handle.as_handle()
    }

    /// What the object permits. Of one that existed it is what a writable view says; a handle that may not write cannot ask, and
    /// for it the object is read-only.
    pub(crate) fn protection(&self) -> Protection {
        if let Some(protection) = self.protection.get() {
            return *protection;
        }
        match Mapped::new(self, FILE_MAP_WRITE, &(0..1), None) {
            Ok(_) => *self.protection.get_or_init(|| Protection::ReadWrite),
            Err(ERROR_INVALID_PARAMETER) => *self.protection.get_or_init(|| Protection::ReadOnly), // 8.3
            Err(_) => Protection::ReadOnly, // as far as this handle knows
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn page_size(&self) -> u64 {
        if self.has_large_pages() { large_page() } else { page() }
    }

    pub(super) fn has_large_pages(&self) -> bool {
        self.attributes & SEC_LARGE_PAGES != 0
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.attributes & SEC_RESERVE != 0 && !self.is_file() // SR-14
    }

    pub(crate) fn is_file(&self) -> bool {
        self.attributes & SEC_FILE != 0
    }

    pub(crate) fn is_same_object(&self, other: &Self) -> bool {
        handle::is_same(&self.handle, &other.handle)
    }

    /// Commits a range of reserved memory, through a view that lasts as long as that takes.
    pub(crate) fn commit(&self, attempt: &Attempt<'_>, may_write: bool, range: Range<u64>) -> Result<()> {
        if self.is_file() {
            return Err(attempt
                .fails(ErrorKind::AccessDenied, "a file's pages are the file's, and cannot be committed") // SR-11
                .with_remedy("only reserved memory needs it"));
        }
        if range.end > self.size {
            let matter = format!("the range ends behind the mapping's {} bytes", self.size);
            return Err(attempt
                .fails(ErrorKind::InvalidAddress, matter)
                .with_remedy("commit inside the mapping")); // SR-7
        }
        if !self.is_reserved() || range.is_empty() {
            return Ok(()); // SR-10
        }
        if !may_write {
            return Err(attempt
                .fails(ErrorKind::AccessDenied, "this handle has no right to write, and committing writes")
                .with_remedy("open the mapping with Access::READ_WRITE"));
        }
        // Wine forgets what was committed up to the end of a view.
        let end = range.end.saturating_add(GRANULARITY).min(self.size);
        let view = Mapped::new(self, FILE_MAP_WRITE, &(range.start..end), None)
            .map_err(|code| attempt.os("mapping it for that", code))?;
        view.commit(attempt, 0, (range.end - range.start) as usize, PAGE_READWRITE)
    }
}

fn sort_of(allocation: Allocation, large_pages: LargePages) -> u32 {
    let large = if large_pages == LargePages::Required { SEC_LARGE_PAGES } else { 0 };
    large
        | match allocation {
            Allocation::Commit => SEC_COMMIT,
            Allocation::Reserve => SEC_RESERVE,
        }
}

/// The size and the attributes of an object that only tells what can be mapped of it. What is reserved must be known, or it would be touched; what
/// is committed once stays so (SR-9).
fn measured(attempt: &Attempt<'_>, handle: BorrowedHandle<'_>) -> Result<(u64, u32)> {
    let whole = |access| Mapped::at(handle, access, 0, 0, None);
    let view = whole(FILE_MAP_READ).or_else(|_| whole(FILE_MAP_WRITE));
    let view = view.map_err(|code| attempt.os("finding out its size", code))?;
    let (length, committed) = view.measured();
    let sort = match committed {
        _ if view.is_of_file() => SEC_FILE,
        true => SEC_COMMIT,
        false => SEC_RESERVE,
    };
    Ok((length as u64, sort))
}

/// The size of an ordinary page.
pub(super) fn page() -> u64 {
    machine().dwPageSize.into()
}

/// The highest address that a process can have.
pub(super) fn highest_address() -> usize {
    machine().lpMaximumApplicationAddress.addr()
}

fn machine() -> SYSTEM_INFO {
    let mut info = SYSTEM_INFO::default();
    // SAFETY: the system fills it in, from memory that this process has.
    unsafe { GetSystemInfo(&raw mut info) };
    info
}

fn large_page() -> u64 {
    // SAFETY: has no preconditions.
    let minimum = unsafe { GetLargePageMinimum() };
    (minimum as u64).max(page())
}
