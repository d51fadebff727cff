//! Finding an object's data through those who hold it.
//!
//! The entry lists hints: holders' processes and descriptor numbers. They may be stale, full or wrong; the authority is
//! a scan of `/proc/*/fd`. What is found is opened through /proc, which makes a description of our own that the
//! kernel has checked against the file's mode, and then verified: device, inode, and the object id in a memfd's name.
//! A hint is looked at before it is opened, because opening a stranger's pipe or device could do something.
//!
//! The creator leaves a hint, and so do the first who open the object. Nobody takes one back: a stale hint costs the
//! next opener a look, and who had to go past one puts the holder in its place that was found.
//!
//! Another user's entry may claim that a file of ours, or of a third user, is its data. So what is found for an entry
//! that is neither ours nor root's must belong to the entry's owner.

use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{LookedAt, file, key_of, memfd, open_flags};
use crate::sys::linux::namespace::FileKey;
use crate::sys::linux::object::page::{HINTS, Header, Hint, Storage};
use crate::sys::linux::object::patience::PATIENCE;
use crate::sys::linux::object::{Object, is_regular, write_hint};
use crate::sys::linux::proc;
use crate::test_hooks::{Fault, is_forced};

/// What a search came to.
#[derive(Debug)]
pub(crate) enum Search {
    /// A descriptor that was verified to be the object's data.
    Found(LookedAt),
    /// Nobody visible has it. Only `LOCK_EX` on the entry can say whether nobody has it at all.
    NotFound,
    /// It was found, and its mode does not let this process open it.
    Denied,
    /// This process has no descriptors or memory left to look for it.
    Failed(Errno),
}

/// With fewer hints than this, who opens an object leaves one.
const ENOUGH_HINTS: usize = 4;

/// Looks for the data of a memfd or of a mapped file. `head` is the entry's, with its hints.
pub(crate) fn find(object: &Object, head: &[u8], writable: bool) -> Search {
    let Object { header, path, owner, .. } = object;
    let wanted = Wanted { header, owner: *owner, prefix: memfd::link_prefix(header.id), writable };
    let mut failures = Failures::default();
    let mut stale = None;
    let hints = || Header::hints(head).filter(|_| !is_forced(Fault::Hints));
    for (number, hint) in hints() {
        match wanted.follow(hint) {
            Ok(found) => {
                match stale {
                    Some(stale) => write_hint(object.entry(), stale, hint),
                    None if hints().count() < ENOUGH_HINTS => leave_hint(object, head, found.fd()),
                    None => {}
                }
                return Search::Found(found);
            }
            Err(errno) => {
                stale = stale.or(Some(number));
                failures.note(errno);
            }
        }
    }
    match scan(&wanted, &mut failures) {
        Some((found, hint)) => {
            write_hint(object.entry(), stale.unwrap_or(0), hint);
            return Search::Found(found);
        }
        // Only an entry that stands where it says: one that somebody handed to us could name any file of ours.
        None if header.storage == Storage::File && !path.is_empty() && object.directory().is_some() => {
            match file::open_path(path, writable).and_then(|fd| verify(fd, header, *owner)) {
                Ok(found) => return Search::Found(found),
                Err(errno) => failures.note(errno),
            }
        }
        None => {}
    }
    match failures {
        Failures { exhausted: Some(errno), .. } => Search::Failed(errno),
        Failures { denied: true, .. } => Search::Denied,
        Failures { .. } => Search::NotFound,
    }
}

/// What failures on the way say, if nothing is found.
#[derive(Default)]
struct Failures {
    denied: bool,
    exhausted: Option<Errno>,
}

impl Failures {
    fn note(&mut self, errno: Errno) {
        match errno {
            Errno::ACCESS | Errno::ROFS | Errno::PERM => self.denied = true,
            Errno::MFILE | Errno::NFILE | Errno::NOMEM => self.exhausted = Some(errno),
            _ => {}
        }
    }
}

/// Looks at every descriptor of every process that this one may look into, for as long as an open has patience.
fn scan(wanted: &Wanted<'_>, failures: &mut Failures) -> Option<(LookedAt, Hint)> {
    let start = Instant::now();
    let processes = match proc::processes() {
        Ok(processes) => processes,
        Err(errno) => {
            failures.note(errno);
            return None;
        }
    };
    for pid in processes.take_while(|_| start.elapsed() < PATIENCE) {
        let opened = Holder::open(pid).and_then(|holder| Ok((holder, proc::descriptors(pid)?)));
        let (holder, descriptors) = match opened {
            Ok(opened) => opened,
            Err(errno) => {
                failures.note(not_about_the_data(errno));
                continue;
            }
        };
        for fd in descriptors {
            match wanted.open(&holder, fd) {
                Ok(found) => {
                    holder.remember();
                    return Some((found, Hint { pid, fd }));
                }
                Err(errno) => failures.note(errno),
            }
        }
    }
    None
}

/// That a process is closed to us says nothing about the rights on the data.
fn not_about_the_data(errno: Errno) -> Errno {
    if matches!(errno, Errno::ACCESS | Errno::PERM) { Errno::STALE } else { errno }
}

/// Leaves the hint that this process has the data, where none is. Two who do this at once may choose one place.
fn leave_hint(object: &Object, head: &[u8], fd: &OwnedFd) {
    let mut taken = [false; HINTS];
    Header::hints(head).for_each(|(number, _)| taken[number] = true);
    if let Some(number) = taken.iter().position(|taken| !taken) {
        let pid = rustix::process::getpid().as_raw_nonzero().get() as u32;
        write_hint(object.entry(), number, Hint::of(pid, fd));
    }
}

struct Wanted<'a> {
    header: &'a Header,
    owner: u32,
    /// What the link of the memfd starts with.
    prefix: String,
    writable: bool,
}

impl Wanted<'_> {
    /// Opens what a hint leads to, if that is the data.
    fn follow(&self, hint: Hint) -> Result<LookedAt, Errno> {
        if let Some(last) = Holder::last(hint.pid) {
            // If it has not, perhaps it died and its number leads to another process now.
            if let Ok(found) = self.open(&last, hint.fd) {
                last.remember();
                return Ok(found);
            }
        }
        let holder = Holder::open(hint.pid).map_err(not_about_the_data)?;
        let found = self.open(&holder, hint.fd)?;
        holder.remember();
        Ok(found)
    }

    /// Opens a holder's descriptor if it looks like the data.
    fn open(&self, holder: &Holder, fd: u32) -> Result<LookedAt, Errno> {
        let name = fd.to_string();
        if !self.looks_right(holder, &name) {
            return Err(Errno::STALE);
        }
        let fd = rustix::fs::openat(&holder.descriptors, &*name, open_flags(self.writable), Mode::empty())?;
        verify(fd, self.header, self.owner)
    }

    /// Without opening it.
    fn looks_right(&self, holder: &Holder, name: &str) -> bool {
        if self.header.storage != Storage::Memfd {
            return proc::key_without_waiting(&holder.descriptors, name) == Some(key_of(self.header));
        }
        // As long as the longest link that a memfd of ours can have. (Asking for device and inode as well would be
        // double: they are compared once it is open.)
        let mut link = [0; 320];
        let bytes = rustix::fs::readlinkat_raw(&holder.descriptors, name, &mut link[..]);
        bytes.is_ok_and(|bytes| link[..bytes].starts_with(self.prefix.as_bytes()))
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
pub(crate) fn verify(fd: OwnedFd, header: &Header, owner: u32) -> Result<LookedAt, Errno> {
    let looked_at = LookedAt::of(fd)?;
    let stat = &looked_at.stat;
    let trusted = || owner == 0 || owner == rustix::process::geteuid().as_raw();
    let right = is_regular(stat) && FileKey::from(stat) == key_of(header);
    if right && (stat.st_uid == owner || trusted()) { Ok(looked_at) } else { Err(Errno::STALE) }
}
