//! Objects that reach this process by a descriptor instead of by their name.
//!
//! The description already carries the lock of a handle: whoever passed it on made it so, and the kernel counts it wherever it
//! goes. What it leads to is looked at as if an enemy had sent it; an enemy who keeps a copy of the description can
//! take the lock off it, and thereby lets *this* object die early, which is no more than who may open it can do anyway.
//!
//! Killed anywhere in here: the description goes with the process, and the lock with it (L4).

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::fs::{AtFlags, FlockOperation, OFlags};
use rustix::io::Errno;

use super::lifecycle::{corrupt, read_overflow};
use super::page::{HEAD_BYTES, Header};
use super::patience::{Obstacle, given_up};
use super::{Home, Object, Pages, is_regular, registry, try_lock};
use crate::error::{Attempt, ErrorKind, Result};
use crate::name::{Scope, UNNAMED_PREFIX};
use crate::sys::linux::namespace::{Directory, FileKey, Place, filename};
use crate::sys::linux::proc;
use crate::test_hooks::step;

/// Where the global names are.
const EVERYBODYS: &str = "/dev/shm";

/// An object that came by a descriptor, and the name by which it can be opened.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) object: Arc<Object>,
    pub(crate) name: String,
}

/// How often a lock is tried that only somebody who is just closing the object can keep from us, for microseconds. A message of an
/// enemy can bring 64 entries that stay locked.
const TRIES: usize = 50;

/// Whether a descriptor is on a file system that answers: tmpfs, or one that is mounted here and is neither remote nor a process.
/// A process that sends a file of a file system of its own could keep us waiting for ever.
pub(crate) fn answers(fd: &OwnedFd) -> bool {
    const REMOTE: [&str; 8] = ["nfs", "cifs", "smb", "ceph", "9p", "afs", "virtiofs", "lustre"];
    // Only shared memory knows seals.
    rustix::fs::fcntl_get_seals(fd).is_ok()
        || proc::file_system(fd).is_some_and(|name| {
            !name.starts_with("fuse") && !REMOTE.iter().any(|remote| name.starts_with(remote))
        })
}

/// Takes a description of a named object's entry. If this process has the object already, ours is kept and the given
/// one closed.
pub(crate) fn adopt(attempt: &Attempt<'_>, entry: OwnedFd) -> Result<Adopted> {
    let os = |doing| move |errno| attempt.os(doing, errno);
    if !answers(&entry) {
        return Err(corrupt(attempt, &"it is on a file system that has no entries"));
    }
    let stat = rustix::fs::fstat(&entry).map_err(os("looking at its entry"))?;
    if !is_regular(&stat) {
        return Err(corrupt(attempt, &"it is not a regular file"));
    }
    // Before it is locked: a descriptor of something else may carry a lock that ours would turn into another.
    let mut head = [0; HEAD_BYTES];
    let bytes = rustix::io::pread(&entry, &mut head, 0).map_err(os("reading its entry"))?;
    let page_size = rustix::param::page_size();
    let flawed = |flaw| corrupt(attempt, &flaw);
    let (header, texts) = Header::parse(&head[..bytes], stat.st_size as u64, page_size).map_err(flawed)?;
    let overflow = read_overflow(texts, &entry, page_size).map_err(os("reading its entry"))?;
    let (base, path) = texts.read(&head[..bytes], &overflow).map_err(flawed)?;
    if base.is_empty() {
        return Err(corrupt(attempt, &"it has no name"));
    }
    let mut tries = TRIES;
    while !try_lock(&entry, FlockOperation::NonBlockingLockShared).map_err(os("locking its entry"))? {
        tries -= 1;
        if tries == 0 {
            return Err(given_up(attempt, Obstacle::Locked));
        }
        std::thread::yield_now();
    }
    step("adopt: lock shared");
    // Only now: whoever has no lock may see the object die (L2).
    let stat = rustix::fs::fstat(&entry).map_err(os("looking at its entry"))?;
    if stat.st_nlink == 0 {
        return Err(attempt
            .fails(ErrorKind::NotFound, "the object was destroyed: its last handle is gone")
            .with_remedy("hand it on while a handle is open"));
    }
    let key = FileKey::from(&stat);
    let (home, scope) = home_of(attempt, &entry, key, &base);
    let name = if base.starts_with(UNNAMED_PREFIX) {
        String::new()
    } else if scope == Scope::Global {
        format!("Global\\{base}")
    } else {
        base
    };
    let object = registry::find(key).unwrap_or_else(|| {
        registry::adopt(Object {
            lock: Some(entry),
            key,
            home: home.map_or_else(OnceLock::new, OnceLock::from),
            header,
            path,
            owner: stat.st_uid,
            data: Mutex::default(),
            pages: Pages::default(),
        })
    });
    Ok(Adopted { object, name })
}

/// Closes a description that may hold an object, as the last handle would: its lock may have kept the last holder from finding
/// itself the last (L5).
pub(crate) fn let_go(fd: OwnedFd) {
    let attempt = Attempt { verb: "close", subject: "handle", name: "" };
    if rustix::fs::fcntl_getfl(&fd).is_ok_and(|flags| !flags.contains(OFlags::PATH)) {
        drop(adopt(&attempt, fd));
    }
}

/// Where the entry stands, if this process can reach it there: in another mount namespace, or in a directory that is
/// closed to this user, it cannot. Then its last close leaves the entry to whoever meets it next.
///
/// The link tells the directory. It tells the file only of descriptions that were opened by name: that of the entry's maker
/// was made without one (`O_TMPFILE`), and says so for ever.
fn home_of(attempt: &Attempt<'_>, entry: &OwnedFd, key: FileKey, base: &str) -> (Option<Home>, Scope) {
    let Some(path) = proc::target(&proc::own_descriptor(entry)).map(PathBuf::from) else {
        return (None, Scope::Local);
    };
    let (Some(parent), Some(link)) = (path.parent(), path.file_name()) else { return (None, Scope::Local) };
    let scopes: &[Scope] = match parent == Path::new(EVERYBODYS) {
        true => &[Scope::Global, Scope::Local],
        false => &[Scope::Local],
    };
    let directory = directory_of(attempt, parent);
    for &scope in scopes {
        let file = filename::encode(scope, base);
        let home = directory.clone().and_then(|directory| find(directory, file.clone(), key));
        if home.is_some() || link.as_bytes() == file.as_bytes() {
            return (home, scope);
        }
    }
    (None, Scope::Local)
}

fn find(directory: Arc<Directory>, file: CString, key: FileKey) -> Option<Home> {
    let stat: Result<_, Errno> = rustix::fs::statat(&directory, &*file, AtFlags::SYMLINK_NOFOLLOW);
    (FileKey::from(&stat.ok()?) == key).then_some(Home { directory, file })
}

/// The directory, if it obeys the rules of a private namespace. The last one is kept open: handles come together.
fn directory_of(attempt: &Attempt<'_>, path: &Path) -> Option<Arc<Directory>> {
    static LAST: Mutex<Option<Place>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.as_ref().is_none_or(|place| place.path() != path) {
        *last = Some(Place::at(path.to_owned()));
    }
    last.as_ref()?.directory(attempt, false).ok()?
}
