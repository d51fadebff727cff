//! Finding an object's data through those who hold it.
//!
//! The entry lists hints: holders' processes and descriptor numbers. They may be stale, full or wrong; the authority is
//! a scan of `/proc/*/fd`. What is found is opened through /proc, which makes a description of our own that the
//! kernel has checked against the file's mode, and then verified: device, inode, and the object id in a memfd's name.
//! A hint is looked at before it is opened, because opening a stranger's pipe or device could do something.
//!
//! Another user's entry may claim that a file of ours, or of a third user, is its data. So what is found for an entry
//! that is neither ours nor root's must belong to the entry's owner.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{file, key_of, memfd, open_flags};
use crate::sys::linux::namespace::FileKey;
use crate::sys::linux::object::page::{HINTS, Header, Hint, Storage};
use crate::sys::linux::object::{Object, is_regular};
use crate::sys::linux::proc;
use crate::test_hooks::{Fault, is_forced};

/// What a search came to.
#[derive(Debug)]
pub(crate) enum Search {
    Found(Found),
    /// Nobody visible has it. Only `LOCK_EX` on the entry can say whether nobody has it at all.
    NotFound,
    /// It was found, and its mode does not let this process open it.
    Denied,
}

/// A descriptor that was verified to be the object's data.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) fd: OwnedFd,
    pub(crate) stat: Stat,
}

/// Looks for the data of a memfd or of a mapped file. `head` is the entry's, with its hints.
pub(crate) fn find(object: &Object, head: &[u8], writable: bool) -> Search {
    let Object { header, path, owner, .. } = object;
    let wanted = Wanted { header, owner: *owner, prefix: memfd::link_prefix(header.id), writable };
    let mut denied = false;
    let mut note = |errno| denied |= matches!(errno, Errno::ACCESS | Errno::ROFS | Errno::PERM);
    if !is_forced(Fault::Hints) {
        for (_, hint) in Header::hints(head) {
            match wanted.follow(hint) {
                Ok(found) => return Search::Found(found),
                Err(errno) => note(errno),
            }
        }
    }
    for pid in proc::processes() {
        // Not "denied": another user's process is closed to us, and says nothing about the data.
        let Ok(holder) = Holder::open(pid) else { continue };
        for fd in proc::descriptors(pid) {
            match wanted.open(&holder, fd) {
                Ok(found) => {
                    holder.remember();
                    return Search::Found(found);
                }
                Err(errno) => note(errno),
            }
        }
    }
    if header.storage == Storage::File && !path.is_empty() {
        match file::open_path(path, writable).and_then(|fd| verify(fd, header, *owner)) {
            Ok(found) => return Search::Found(found),
            Err(errno) => note(errno),
        }
    }
    if denied { Search::Denied } else { Search::NotFound }
}

struct Wanted<'a> {
    header: &'a Header,
    owner: u32,
    prefix: String,
    writable: bool,
}

impl Wanted<'_> {
    /// Opens what a hint leads to, if that is the data.
    fn follow(&self, hint: Hint) -> Result<Found, Errno> {
        if let Some(last) = Holder::last(hint.pid) {
            // If it has not, perhaps it died and its number leads to another process now.
            if let Ok(found) = self.open(&last, hint.fd) {
                last.remember();
                return Ok(found);
            }
        }
        let holder = Holder::open(hint.pid)?;
        let found = self.open(&holder, hint.fd)?;
        holder.remember();
        Ok(found)
    }

    /// Opens a holder's descriptor if it looks like the data.
    fn open(&self, holder: &Holder, fd: u32) -> Result<Found, Errno> {
        let name = fd.to_string();
        if !self.looks_right(holder, &name)? {
            return Err(Errno::STALE);
        }
        let fd = rustix::fs::openat(&holder.descriptors, &*name, open_flags(self.writable), Mode::empty())?;
        verify(fd, self.header, self.owner)
    }

    /// Without opening it.
    fn looks_right(&self, holder: &Holder, name: &str) -> Result<bool, Errno> {
        Ok(match self.header.storage {
            Storage::Memfd => {
                // As long as the longest link that a memfd of ours can have.
                let mut link = [0; 320];
                let Ok(bytes) = rustix::fs::readlinkat_raw(&holder.descriptors, name, &mut link[..]) else {
                    return Err(Errno::STALE);
                };
                link[..bytes].starts_with(self.prefix.as_bytes())
            }
            Storage::File => rustix::fs::statat(&holder.descriptors, name, AtFlags::empty())
                .is_ok_and(|stat| FileKey::from(&stat) == key_of(self.header)),
            Storage::None | Storage::Beside => false,
        })
    }
}

/// A process that may hold the data. Its directory of descriptors stays that process's, also when its number is used
/// again. It is kept open from one search to the next: whoever opens one object of a process often opens more.
#[derive(Debug)]
struct Holder {
    pid: u32,
    descriptors: OwnedFd,
}

static LAST: Mutex<Option<Holder>> = Mutex::new(None);

impl Holder {
    fn open(pid: u32) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptors = rustix::fs::open(proc::descriptors_of(pid), flags, Mode::empty())?;
        Ok(Self { pid, descriptors })
    }

    /// The one that was remembered, if it has this number; another thread finds none meanwhile.
    fn last(pid: u32) -> Option<Self> {
        LAST.lock().unwrap_or_else(PoisonError::into_inner).take_if(|holder| holder.pid == pid)
    }

    fn remember(self) {
        let former = LAST.lock().unwrap_or_else(PoisonError::into_inner).replace(self);
        drop(former);
    }
}

/// Makes sure that a descriptor is the data of an object whose entry belongs to `owner`.
pub(crate) fn verify(fd: OwnedFd, header: &Header, owner: u32) -> Result<Found, Errno> {
    let stat = rustix::fs::fstat(&fd)?;
    let trusted = || owner == 0 || owner == rustix::process::geteuid().as_raw();
    let right = is_regular(&stat) && FileKey::from(&stat) == key_of(header);
    if right && (stat.st_uid == owner || trusted()) { Ok(Found { fd, stat }) } else { Err(Errno::STALE) }
}

/// The number under which this process leaves its hint: an empty one near its own number, or that one itself.
pub(crate) fn hint_number(head: &[u8], pid: u32) -> usize {
    let mut taken = [false; HINTS];
    Header::hints(head).for_each(|(number, _)| taken[number] = true);
    let own = pid as usize % HINTS;
    (0..HINTS).map(|step| (own + step) % HINTS).find(|&number| !taken[number]).unwrap_or(own)
}

/// The hint that this process, of the given number, can hand out the data.
pub(crate) fn hint(pid: u32, fd: &OwnedFd) -> Hint {
    Hint { pid, fd: fd.as_raw_fd() as u32 }
}

/// Whether somebody would look for such data through their holders.
pub(crate) fn hints_are_used(storage: Storage) -> bool {
    matches!(storage, Storage::Memfd | Storage::File) && !is_forced(Fault::Hints)
}
