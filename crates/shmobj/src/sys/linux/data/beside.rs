//! A data file beside the entry, for memory that others than its owner may open.
//!
//! It has the object's rights, and is named by the object id. It is linked after its entry and unlinked before it (D1),
//! so it is never left alone; but what a crash leaves keeps its memory until somebody reclaims the entry.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{Data, commit, flags, key_of, open_flags};
use crate::error::{Attempt, ErrorKind, Result};
use crate::sys::linux::acl::{self, Acl};
use crate::sys::linux::namespace::{Directory, FileKey, filename};
use crate::sys::linux::object::page::{Header, Id, Storage};
use crate::sys::linux::object::unborn::Unborn;
use crate::sys::linux::object::{is_regular, try_lock};

use super::capacity;

/// A data file that has no name yet.
#[derive(Debug)]
pub(crate) struct Unlinked {
    data: Arc<Data>,
    unborn: Unborn,
}

impl Unlinked {
    pub(crate) fn link(&self, directory: &Directory, id: Id) -> Result<(), Errno> {
        let name = std::ffi::CString::new(name(id)).map_err(|_| Errno::INVAL)?;
        self.unborn.give_name(self.data.fd.as_fd(), directory, &name)
    }
}

fn name(id: Id) -> String {
    format!("{}{id}", filename::DATA_PREFIX)
}

/// Makes the data of a mapping.
pub(crate) fn create(
    attempt: &Attempt<'_>,
    directory: &Directory,
    size: u64,
    flags: u32,
    acl: &Acl,
) -> Result<(Arc<Data>, Unlinked)> {
    let os = |doing| move |errno| attempt.os(doing, errno);
    let page_size = rustix::param::page_size() as u64;
    let size = capacity::rounded(attempt, size, page_size)?;
    let (unborn, fd) = Unborn::make(directory).map_err(os("making its data file"))?;
    keep(&fd).map_err(os("locking its data file"))?;
    acl::give(attempt, directory, &fd, acl)?;
    let data = Data { fd, writable: true, storage: Storage::Beside, size, flags, page_size };
    if data.has(flags::RESERVE) {
        rustix::fs::ftruncate(&data.fd, size).map_err(|errno| capacity::exhausted(attempt, size, errno))?;
    } else {
        capacity::check(attempt, size)?;
        check_room(attempt, directory, size)?;
        commit::everything(attempt, &data)?;
    }
    let data = Arc::new(data);
    Ok((data.clone(), Unlinked { data, unborn }))
}

/// Refuses what is larger than the file system, before filling it to the brim.
fn check_room(attempt: &Attempt<'_>, directory: &Directory, size: u64) -> Result<()> {
    let Ok(system) = rustix::fs::fstatvfs(directory) else { return Ok(()) };
    // A tmpfs without a limit reports no blocks at all.
    let room = system.f_bavail.saturating_mul(system.f_frsize);
    if system.f_blocks != 0 && size > room {
        return Err(attempt
            .fails(
                ErrorKind::CommitLimit,
                format!("{size} bytes are to be committed, and the namespace directory has room for {room}"),
            )
            .with_remedy(
                "make the file system larger (mount -o remount,size=...), or do not share it with others",
            ));
    }
    Ok(())
}

/// Opens the data of an object. NOENT: its creator has not come that far, or it is being destroyed.
pub(crate) fn open(directory: &Directory, id: Id, writable: bool) -> Result<OwnedFd, Errno> {
    let flags = open_flags(writable) | OFlags::NOFOLLOW;
    rustix::fs::openat(directory, name(id), flags, Mode::empty())
}

/// Who may open the data of an object, told even to those who may not. `None`: they are not there, or not the entry's.
pub(crate) fn acl(directory: &Directory, header: &Header, owner: u32) -> Option<Acl> {
    // A descriptor that only names the file needs no right to it, and opens no device that somebody put there.
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(directory, name(header.id), flags, Mode::empty()).ok()?;
    let stat = rustix::fs::fstat(&fd).ok()?;
    let is_it = is_regular(&stat) && stat.st_uid == owner && FileKey::from(&stat) == key_of(header);
    is_it.then(|| acl::read(&fd, stat.st_mode))
}

/// Marks the data as used for as long as a handle or a view has this description: see [`give_back_memory`].
pub(crate) fn keep(fd: &OwnedFd) -> Result<(), Errno> {
    if try_lock(fd, FlockOperation::NonBlockingLockShared)? { Ok(()) } else { Err(Errno::AGAIN) }
}

/// Removes the data file of an entry that is being destroyed. The id stands in a page that a hostile owner can
/// scribble on: only a file of the entry's own owner is removed, so that no other user's object is damaged.
pub(crate) fn remove(directory: &Directory, id: Id, owner: u32) -> Result<(), Errno> {
    let name = name(id);
    match rustix::fs::statat(directory, &*name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if stat.st_uid == owner => {}
        Ok(_) | Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    }
    match rustix::fs::unlinkat(directory, &*name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        removed => {
            if matches!(removed, Err(Errno::PERM | Errno::ACCESS)) {
                give_back_memory(directory, &name, owner);
            }
            removed
        }
    }
}

/// The directory is sticky and the file another user's, so it has to stay. Its memory need not, if its mode lets us
/// write and nobody has a view of it: that is what the lock on it says. The caller holds `LOCK_EX` on the entry, so
/// nobody has a handle, and nobody can get one meanwhile.
fn give_back_memory(directory: &Directory, name: &str, owner: u32) {
    let flags = open_flags(true) | OFlags::NOFOLLOW;
    if let Ok(fd) = rustix::fs::openat(directory, name, flags, Mode::empty()) {
        // The owner may have put a link to somebody else's file there meanwhile.
        let is_theirs = |stat: Stat| is_regular(&stat) && stat.st_uid == owner && stat.st_nlink == 1;
        if !rustix::fs::fstat(&fd).is_ok_and(is_theirs) {
            return;
        }
        if let Ok(true) = try_lock(&fd, FlockOperation::NonBlockingLockExclusive) {
            let _ = rustix::fs::ftruncate(&fd, 0);
        }
    }
}
