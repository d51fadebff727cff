//! Named objects: their entries, their handles, and the life between the first and the last of these.
//!
//! **A handle is an open file description that carries `flock(LOCK_SH)` on the entry.** The kernel counts open file
//! descriptions across `dup`, `fork`, `exec` and death, so the lock *is* the handle count. All handles of one
//! process to one object share one description through the registry: a lock costs every other holder time.
//!
//! | invariant | |
//! |---|---|
//! | **L1** | only a holder of `LOCK_EX` on an entry unlinks it, and only while the name means it |
//! | **L2** | an object with a live handle is never unlinked |
//! | **L3** | two live objects never have the same name |
//! | **L4** | after a crash at any instruction the name is usable again at the next create or open |
//! | **L5** | when everybody has closed and nobody was killed, nothing is left |
//! | **D1** | a data file is linked after its entry and unlinked before it, so none is ever left alone |
//! | **D2** | nobody uses an object without its data |
//!
//! The crate `shmobj-models` explores the protocol of [`lifecycle`] exhaustively against them.

pub(crate) mod adopt;
pub(crate) mod lifecycle;
pub(crate) mod page;
pub(crate) mod patience;
mod registry;
pub(crate) mod shared_page;
pub(crate) mod sweep;
pub(crate) mod unborn;

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::data::Attached;
use super::fork::Operation;
use super::namespace::{Directory, FileKey};
use super::proc;
use crate::test_hooks::step;
use page::{Header, Hint};
use shared_page::SharedPage;

/// An object that this process holds: one per process and object, shared by all of the process's handles.
#[derive(Debug)]
pub(crate) struct Object {
    /// The description with the lock. `None` only while the object is being dropped.
    lock: Option<OwnedFd>,
    key: FileKey,
    home: OnceLock<Home>,
    pub(crate) header: Header,
    /// The path of a mapped file, as the entry had it when it was opened.
    pub(crate) path: Vec<u8>,
    /// Who owns the entry; data beside it must have the same owner.
    pub(crate) owner: u32,
    data: Mutex<Attached>,
    pages: Pages,
}

/// Where an object's entry stands. A process that was handed the object may be unable to reach it; then others reclaim the entry.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    directory: Arc<Directory>,
    file: CString,
}

/// An object's page, mapped at most once with each right.
#[derive(Debug, Default)]
struct Pages {
    read_only: OnceLock<Arc<SharedPage>>,
    read_write: OnceLock<Arc<SharedPage>>,
}

impl Pages {
    fn get(&self, writable: bool) -> Option<&Arc<SharedPage>> {
        if writable { self.read_write.get() } else { self.read_only.get() }
    }

    fn put(&self, page: SharedPage) -> &Arc<SharedPage> {
        let place = if page.is_writable() { &self.read_write } else { &self.read_only };
        place.get_or_init(|| Arc::new(page))
    }
}

impl Object {
    pub(crate) fn entry(&self) -> BorrowedFd<'_> {
        // The lock is taken out only in `drop`, when no other reference exists.
        self.lock.as_ref().expect("an object in use has its lock").as_fd()
    }

    pub(crate) fn key(&self) -> FileKey {
        self.key
    }

    pub(crate) fn directory(&self) -> Option<&Directory> {
        self.home.get().map(|home| &*home.directory)
    }

    /// Where the entry stands.
    pub(crate) fn place(&self) -> Option<(&Directory, &CStr)> {
        self.home.get().map(|home| (&*home.directory, &*home.file))
    }

    pub(crate) fn data(&self) -> MutexGuard<'_, Attached> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The object's page, mapped once per process, for the words that processes share.
    pub(crate) fn page(&self, writable: bool) -> Result<&Arc<SharedPage>, Errno> {
        match self.pages.get(writable) {
            Some(page) => Ok(page),
            None => Ok(self.pages.put(SharedPage::map(&self.open_again(writable)?, writable)?)),
        }
    }

    /// Maps the page through a description that came with the handle, unless it is mapped already.
    pub(crate) fn map_page(&self, fd: &OwnedFd, writable: bool) -> Result<(), Errno> {
        if self.pages.get(writable).is_none() {
            self.pages.put(SharedPage::map(fd, writable)?);
        }
        Ok(())
    }

    /// Another description of the entry, without a lock: a mapping keeps its description, and so a lock on it, alive after
    /// close.
    pub(crate) fn open_again(&self, writable: bool) -> Result<OwnedFd, Errno> {
        let access = if writable { OFlags::RDWR } else { OFlags::RDONLY };
        let flags = access | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = match self.home.get() {
            Some(home) => rustix::fs::openat(&home.directory, &*home.file, flags, Mode::empty())?,
            None => {
                let path = proc::own_descriptor(&self.entry());
                rustix::fs::open(path, flags - OFlags::NOFOLLOW, Mode::empty())?
            }
        };
        if FileKey::from(&rustix::fs::fstat(&fd)?) == self.key { Ok(fd) } else { Err(Errno::STALE) }
    }
}

/// Opens what stands under a name in a namespace directory, whatever it is, without following or waiting.
pub(crate) fn open_entry(directory: &Directory, file: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    match rustix::fs::openat(directory, file, flags | OFlags::RDWR, Mode::empty()) {
        // Another user's object that this one may read: enough for a lock and for its data.
        Err(Errno::ACCESS) => rustix::fs::openat(directory, file, flags | OFlags::RDONLY, Mode::empty()),
        opened => opened,
    }
}

/// Takes a lock if it is free now.
pub(crate) fn try_lock(fd: impl AsFd, operation: FlockOperation) -> Result<bool, Errno> {
    match rustix::io::retry_on_intr(|| rustix::fs::flock(&fd, operation)) {
        Ok(()) => Ok(true),
        Err(Errno::AGAIN) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Close: let go of our description first, then probe with a fresh one. Upgrading our own lock instead would
/// succeed while a forked child shares the description, and destroy an object that the child still holds (L2).
///
/// Killed before the probe: the entry stays without a holder, and whoever meets it next reclaims it (L4).
impl Drop for Object {
    fn drop(&mut self) {
        let _operation = Operation::start();
        registry::forget(self);
        drop(std::mem::take(&mut self.pages));
        // Before the probe needs a descriptor.
        drop(std::mem::take(&mut *self.data()));
        step("close: before the lock is released");
        self.lock = None;
        step("close: lock released");
        // Nobody is told: whatever fails here leaves an entry without holders, as a crash does.
        let Some(Home { directory, file }) = self.home.get() else { return };
        let Ok(probe) = open_entry(directory, file) else { return };
        step("close: probe opened");
        if let Ok(true) = try_lock(&probe, FlockOperation::NonBlockingLockExclusive) {
            step("close: probe has the lock");
            let _ = sweep::destroy(directory, file, &probe, Some((self.key, &self.header)));
        }
    }
}

/// Writes a hint. It is only a hint: a failure, a race or a crash costs somebody a scan.
pub(crate) fn write_hint(entry: impl AsFd, number: usize, hint: Hint) {
    let _ = rustix::io::pwrite(entry, &hint.to_bytes(), Hint::offset(number));
}

/// Whether this is a regular file: the only thing that can be an entry.
pub(crate) fn is_regular(stat: &rustix::fs::Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::registry;
    use crate::FileMapping;
    use crate::namespace::Namespace;

    #[test]
    fn all_handles_of_a_process_share_one_object_and_one_mapping_of_its_page() {
        let directory = tempfile::tempdir().unwrap();
        let namespace = Namespace::at(directory.path());
        let options = FileMapping::options().namespace(&namespace).size(4096);
        let one = options.create("n").unwrap();
        let two = options.create("n").unwrap();
        assert!(one.is_same_object(&two));
        let object = one.inner().object().unwrap();
        let other = two.inner().object().unwrap();
        let page = object.page(true).unwrap();
        assert!(std::ptr::eq(page.words(), other.page(true).unwrap().words()));
        page.words().cell.store(7, Ordering::Relaxed);
        assert_eq!(other.page(false).unwrap().words().cell.load(Ordering::Relaxed), 7);

        let key = object.key;
        drop(one);
        assert!(registry::find(key).is_some());
        drop(two);
        assert!(registry::find(key).is_none());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "the mapped page kept the lock");
    }
}
