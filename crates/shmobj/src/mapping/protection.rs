//! What a mapping object permits, and how its memory is allocated.

/// What views of a mapping object may do, fixed when it is created (`flProtect` of `CreateFileMapping`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protection {
    /// Read-only and copy-on-write views (`PAGE_READONLY`). A file needs to be open for reading only.
    ReadOnly,
    /// Every sort of view (`PAGE_READWRITE`). A file needs to be open for reading and writing.
    #[default]
    ReadWrite,
    /// The same as [`ReadOnly`](Self::ReadOnly) (`PAGE_WRITECOPY`).
    WriteCopy,
}

impl Protection {
    /// The Win32 number, which also stands in entries.
    #[cfg(target_os = "linux")]
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::ReadOnly => 0x02,
            Self::ReadWrite => 0x04,
            Self::WriteCopy => 0x08,
        }
    }

    /// The checked way back.
    #[cfg(target_os = "linux")]
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        [Self::ReadOnly, Self::ReadWrite, Self::WriteCopy].into_iter().find(|this| this.number() == number)
    }
}

/// When the memory of a mapping is allocated. A mapped file is its own allocation, and ignores this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Allocation {
    /// All of it when the object is created (`SEC_COMMIT`): no space is an error then, and never a fault later.
    #[default]
    Commit,
    /// Only what is committed explicitly, see [`FileMapping::commit`](crate::FileMapping::commit)
    /// (`SEC_RESERVE`). The size costs nothing on Linux, and 8 bytes of the system's memory for each page on Windows. Touching what is
    /// not committed is an error of copies, and a fault (SIGSEGV, or an access violation) through pointers.
    Reserve,
}

/// Whether memory is made of large pages. A mapped file ignores this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LargePages {
    /// Pages of the ordinary size.
    #[default]
    No,
    /// Transparent huge pages where the system gives them to shared memory, ordinary pages otherwise (on Windows always).
    ///
    /// On Linux that is decided by `/sys/kernel/mm/transparent_hugepage/shmem_enabled` for memory that only its owner
    /// may open, and by the `huge=` option of the namespace directory's tmpfs; `shmobj doctor` tells. Views are aligned so that
    /// they are used. Committed memory is zeroed when the object is created.
    Transparent,
    /// Large pages, locked in memory (`SEC_LARGE_PAGES`), or an error. The size must be a multiple of a large page. On Linux they come
    /// from the system's huge page pool; on Windows the user needs the privilege to lock pages in memory.
    Required,
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_windows() {
        assert_eq!(Protection::from_number(2), Some(Protection::ReadOnly));
        assert_eq!(Protection::from_number(4), Some(Protection::ReadWrite));
        assert_eq!(Protection::from_number(8), Some(Protection::WriteCopy));
        assert_eq!(Protection::from_number(6), None);
        assert_eq!(Protection::from_number(0), None);
    }
}
