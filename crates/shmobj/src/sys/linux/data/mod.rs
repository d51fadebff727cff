//! The data of a file mapping: a descriptor whose memory the kernel frees when nobody has it any more.
//!
//! | storage | who can reach it | what frees it |
//! |---|---|---|
//! | [`memfd`]: sealed memory | processes of the same user, through a holder's `/proc/<pid>/fd` | the last descriptor or view |
//! | [`file`]: the user's own file | who may open the file | nobody; the file is the user's |
//! | [`beside`]: a file on tmpfs, named by the object id | whom its mode lets | the last handle unlinks it; a crash leaves it to the next reclaim |
//!
//! Views map these descriptors, never the one with the lock: the name goes with the last handle, the memory with
//! the last view.

pub(crate) mod beside;
pub(crate) mod capacity;
pub(crate) mod commit;
pub(crate) mod file;
pub(crate) mod find;
pub(crate) mod memfd;
pub(crate) mod seals;

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, SealFlags, Stat};
use rustix::io::Errno;

use super::namespace::FileKey;
use super::object::page::{Flaw, Header, Storage};
use super::proc;

/// Bits of the entry's flags.
pub(crate) mod flags {
    /// Pages are committed one by one.
    pub(crate) const RESERVE: u32 = 1;
    /// Pages of the huge page pool.
    pub(crate) const LARGE_PAGES: u32 = 2;
    /// Transparent huge pages are asked for.
    pub(crate) const TRANSPARENT: u32 = 4;
    pub(crate) const ALL: u32 = RESERVE | LARGE_PAGES | TRANSPARENT;
}

/// A descriptor of an object's data.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) fd: OwnedFd,
    pub(crate) writable: bool,
    pub(crate) storage: Storage,
    /// The mapping's size in bytes: whole pages of memory, or a file's exact length when it was mapped.
    pub(crate) size: u64,
    /// See [`flags`].
    pub(crate) flags: u32,
    /// The size of its pages: the system's, or that of the huge page pool.
    pub(crate) page_size: u64,
}

impl Data {
    /// Whether somebody can make the data shorter, so that touching it raises SIGBUS.
    ///
    /// Nobody can shorten a sealed memfd. Holes can be punched into it, and are filled again when they are touched; from
    /// the huge page pool perhaps not.
    pub(crate) fn is_truncatable(&self) -> bool {
        self.storage != Storage::Memfd || self.has(flags::LARGE_PAGES)
    }

    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Takes a descriptor that was found for an object, after a look at what the object promises of it.
    pub(crate) fn adopt(looked_at: LookedAt, writable: bool, header: &Header) -> Result<Self, Flaw> {
        let is_large = looked_at.is_of_huge_page_pool();
        let LookedAt { fd, seals, stat } = looked_at;
        if header.storage == Storage::Memfd {
            // What lets views read it without a guard: nobody can make it shorter.
            let seals = seals.map_err(|_| Flaw::Field("data"))?;
            if !seals.contains(SealFlags::SHRINK) {
                return Err(Flaw::Field("seal"));
            }
        }
        if header.storage != Storage::File && (stat.st_size as u64) < header.size {
            return Err(Flaw::Field("size"));
        }
        if header.flags & !flags::ALL != 0 {
            return Err(Flaw::Field("flags"));
        }
        // The kernel rounds mappings of the huge page pool up to its pages: who does not know that they are would map
        // over what is behind.
        let large = header.flags & flags::LARGE_PAGES != 0;
        if large && header.storage != Storage::Memfd {
            return Err(Flaw::Field("flags"));
        }
        if is_large != Ok(large) {
            return Err(Flaw::Field("pages"));
        }
        if header.storage == Storage::Beside {
            beside::keep(&fd).map_err(|_| Flaw::Field("data"))?;
        }
        let page_size = page_size(&stat, header.flags);
        Ok(Self { fd, writable, storage: header.storage, size: header.size, flags: header.flags, page_size })
    }

    /// Whether two descriptors lead to one file or memory.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (rustix::fs::fstat(&self.fd), rustix::fs::fstat(&other.fd)) {
            (Ok(one), Ok(two)) => FileKey::from(&one) == FileKey::from(&two),
            _ => false,
        }
    }

    /// The same data with other rights, if the file's mode grants them.
    pub(crate) fn reopened(&self, writable: bool) -> Result<Self, Errno> {
        let fd = open_again(&self.fd, writable)?;
        let Self { storage, size, flags, page_size, .. } = *self;
        Ok(Self { fd, writable, storage, size, flags, page_size })
    }

    /// Another descriptor of the same data with other rights, if the file's mode grants them.
    pub(crate) fn reopen(&self, writable: bool, header: &Header, owner: u32) -> Result<LookedAt, Errno> {
        find::verify(open_again(&self.fd, writable)?, header, owner)
    }
}

/// A descriptor, and what the kernel says of what it leads to.
#[derive(Debug)]
pub(crate) struct LookedAt {
    fd: OwnedFd,
    /// Only the kernel's own memory knows seals; other file systems may not answer.
    seals: Result<SealFlags, Errno>,
    pub(crate) stat: Stat,
}

impl LookedAt {
    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// The seals are asked for first: a size that was read before could have been cut down since.
    pub(crate) fn of(fd: OwnedFd) -> Result<Self, Errno> {
        let seals = rustix::fs::fcntl_get_seals(&fd);
        let stat = rustix::fs::fstat(&fd)?;
        Ok(Self { fd, seals, stat })
    }

    /// Whether its pages come from the huge page pool. Files there have blocks of the pool's pages, so one with the system's
    /// is not among them, and the file system need not be asked.
    #[allow(clippy::unnecessary_cast)] // the width of this field differs between the architectures
    fn is_of_huge_page_pool(&self) -> Result<bool, Errno> {
        let block = self.stat.st_blksize as u64;
        if self.seals.is_err() || block == rustix::param::page_size() as u64 {
            return Ok(false);
        }
        is_of_huge_page_pool(&self.fd)
    }
}

/// Another description of what a descriptor leads to, if the file's mode grants the rights. It carries no lock.
pub(crate) fn open_again(fd: &OwnedFd, writable: bool) -> Result<OwnedFd, Errno> {
    rustix::fs::open(proc::own_descriptor(fd), open_flags(writable), Mode::empty())
}

/// Whether a descriptor may be written, as well as read.
pub(crate) fn is_writable(fd: &OwnedFd) -> bool {
    rustix::fs::fcntl_getfl(fd).is_ok_and(|flags| flags & OFlags::RWMODE == OFlags::RDWR)
}

/// How data are opened. Never waits, never becomes a terminal, whatever a stale hint leads to.
pub(crate) fn open_flags(writable: bool) -> OFlags {
    let access = if writable { OFlags::RDWR } else { OFlags::RDONLY };
    access | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY
}

/// Whether a file's pages come from the huge page pool.
pub(crate) fn is_of_huge_page_pool(fd: &OwnedFd) -> Result<bool, Errno> {
    const HUGETLBFS: u64 = 0x9584_58f6;
    // Only the kernel's own memory knows seals; other file systems may not answer.
    if rustix::fs::fcntl_get_seals(fd).is_err() {
        return Ok(false);
    }
    #[allow(clippy::unnecessary_cast)] // the width of this field differs between the architectures
    Ok(rustix::fs::fstatfs(fd)?.f_type as u64 & 0xffff_ffff == HUGETLBFS)
}

/// hugetlbfs tells the size of its pages as the preferred block size.
#[allow(clippy::unnecessary_cast)] // the width of this field differs between the architectures
pub(crate) fn page_size(stat: &Stat, flags: u32) -> u64 {
    let system = rustix::param::page_size() as u64;
    if flags & self::flags::LARGE_PAGES != 0 { (stat.st_blksize as u64).max(system) } else { system }
}

/// What an object of this process has of its data. It is kept until the last handle goes, for the other handles.
#[derive(Debug, Default)]
pub(crate) struct Attached {
    pub(crate) read_only: Option<Arc<Data>>,
    pub(crate) read_write: Option<Arc<Data>>,
}

impl Attached {
    pub(crate) fn new(data: Arc<Data>) -> Self {
        let mut attached = Self::default();
        attached.put(data);
        attached
    }

    pub(crate) fn put(&mut self, data: Arc<Data>) {
        if data.writable {
            self.read_write = Some(data);
        } else {
            self.read_only = Some(data);
        }
    }

    /// The data with at least the wanted rights.
    pub(crate) fn get(&self, writable: bool) -> Option<Arc<Data>> {
        let enough = if writable { &self.read_write } else { &self.read_only };
        enough.as_ref().or(self.read_write.as_ref()).cloned()
    }

    pub(crate) fn any(&self) -> Option<Arc<Data>> {
        self.read_write.as_ref().or(self.read_only.as_ref()).cloned()
    }
}

/// The identity of an object's data as its entry tells it.
pub(crate) fn key_of(header: &Header) -> FileKey {
    FileKey { dev: header.data_dev, ino: header.data_ino }
}
