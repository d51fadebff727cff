//! Finding an object's data through those who hold it.
//!
//! The entry lists hints: holders' processes and descriptor numbers. They may be stale, full or wrong; the authority is
//! a scan of `/proc/*/fd`. What is found is opened through /proc, which makes a description of our own that the
//! kernel has checked against the file's mode, and then verified: device, inode, and the object id in a memfd's name.
//! A hint is looked at before it is opened, because opening a stranger's pipe or device could do something.
//!
//! Another user's entry may claim that a file of ours, or of a third user, is its data. So what is found for an entry
//! that is neither ours nor root's must belong to the entry's owner.

use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode};
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
    Found(OwnedFd),
    /// Nobody visible has it. Only `LOCK_EX` on the entry can say whether nobody has it at all.
    NotFound,
    /// It was found, and its mode does not let this process open it.
    Denied,
}

/// Looks for the data of a memfd or of a mapped file. `head` is the entry's, with its hints.
pub(crate) fn find(object: &Object, head: &[u8], writable: bool) -> Search {
    let Object { header, path, owner, .. } = object;
    let wanted = Wanted { header, owner: *owner, prefix: memfd::link_prefix(header.id), writable };
    let mut denied = false;
    let mut search = |pid, fd| match wanted.open(pid, fd) {
        Ok(fd) => Some(fd),
        Err(errno) => {
            denied |= errno == Errno::ACCESS || errno == Errno::ROFS || errno == Errno::PERM;
            None
        }
    };
    if !is_forced(Fault::Hints) {
        if let Some(fd) = Header::hints(head).find_map(|(_, hint)| search(hint.pid, hint.fd)) {
            return Search::Found(fd);
        }
    }
    for pid in proc::processes() {
        if let Some(fd) = proc::descriptors(pid).find_map(|fd| search(pid, fd)) {
            return Search::Found(fd);
        }
    }
    if header.storage == Storage::File && !path.is_empty() {
        match file::open_path(path, writable) {
            Ok(fd) if verify(&fd, header, *owner) => return Search::Found(fd),
            Err(Errno::ACCESS | Errno::ROFS | Errno::PERM) => denied = true,
            _ => {}
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
    /// Opens a holder's descriptor if it looks like the data. Every other error means: it is something else.
    fn open(&self, pid: u32, fd: u32) -> Result<OwnedFd, Errno> {
        let path = proc::descriptor(pid, fd);
        if !self.looks_right(&path) {
            return Err(Errno::STALE);
        }
        let fd = rustix::fs::open(&*path, open_flags(self.writable), Mode::empty())?;
        verify(&fd, self.header, self.owner).then_some(fd).ok_or(Errno::STALE)
    }

    /// Without opening it.
    fn looks_right(&self, path: &str) -> bool {
        match self.header.storage {
            Storage::Memfd => {
                // As long as the longest link that a memfd of ours can have.
                let mut link = [0; 320];
                match rustix::fs::readlinkat_raw(CWD, path, &mut link[..]) {
                    Ok(bytes) => link[..bytes].starts_with(self.prefix.as_bytes()),
                    Err(_) => false,
                }
            }
            Storage::File => {
                rustix::fs::stat(path).is_ok_and(|stat| FileKey::from(&stat) == key_of(self.header))
            }
            Storage::None | Storage::Beside => false,
        }
    }
}

/// Whether a descriptor is the data of an object whose entry belongs to `owner`.
pub(crate) fn verify(fd: &OwnedFd, header: &Header, owner: u32) -> bool {
    let trusted = owner == 0 || owner == rustix::process::geteuid().as_raw();
    rustix::fs::fstat(fd).is_ok_and(|stat| {
        is_regular(&stat) && FileKey::from(&stat) == key_of(header) && (trusted || stat.st_uid == owner)
    })
}

/// The number under which this process leaves its hint: an empty one near its own number, or that one itself.
pub(crate) fn hint_number(head: &[u8], pid: u32) -> usize {
    let mut taken = [false; HINTS];
    Header::hints(head).for_each(|(number, _)| taken[number] = true);
    let own = pid as usize % HINTS;
    (0..HINTS).map(|step| (own + step) % HINTS).find(|&number| !taken[number]).unwrap_or(own)
}

/// The hint that this process can hand out the data.
pub(crate) fn own_hint(fd: &OwnedFd) -> Option<Hint> {
    use std::os::fd::AsRawFd;
    if is_forced(Fault::Hints) {
        return None;
    }
    let pid = rustix::process::getpid().as_raw_nonzero().get() as u32;
    Some(Hint { pid, fd: fd.as_raw_fd() as u32 })
}
