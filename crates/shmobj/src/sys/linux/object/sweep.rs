//! Reclaiming what crashed holders left: entries without a holder.
//!
//! Whoever obtains `LOCK_EX` on an entry has proof that nobody holds the object, and destroys it: nothing takes that
//! lock only to look. So an entry without a holder is no object to anybody, and listing, creating and opening all
//! reclaim it.
//!
//! Every create also looks at a few entries besides its own, so that garbage under random names cannot pile up: the
//! first create of a process, every [`EVERY`]th after it, and the next one after each find. It never lists the
//! directory: it goes on where it stopped, from a random place at first.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, RawDir, SeekFrom, Stat};
use rustix::io::Errno;

use super::page::{Flaw, Frozen, Header, Id, Storage};
use super::{is_regular, open_entry, try_lock};
use crate::sys::linux::data::beside;
use crate::sys::linux::fork::Operation;
use crate::sys::linux::namespace::{Directory, FileKey, filename};
use crate::test_hooks::step;

/// Entries looked at in one go.
const BATCH: usize = 16;
/// Names read in one go, since strangers can have names in the global directory.
const NAMES: usize = 256;
/// Of so many creates one looks.
const EVERY: u32 = 16;

/// Where the search stands, per process and directory.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    creates_until_next: u32,
    /// The directory's own position; `None` before the first look.
    position: Option<u64>,
}

/// Why an entry that nobody holds was left in place.
#[derive(Debug)]
pub(crate) enum Left {
    /// It is not ours, or damaged beyond knowing what belongs to it.
    Flawed(Flaw),
    /// Only its owner may remove it: the directory is sticky.
    NotPermitted,
    System(Errno),
}

impl From<Errno> for Left {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::PERM | Errno::ACCESS | Errno::ROFS => Self::NotPermitted,
            errno => Self::System(errno),
        }
    }
}

/// Removes an entry on which the caller holds `LOCK_EX`, and its data file. `Ok(false)`: somebody else had removed it.
///
/// What the name means under the lock it means until we unlink it: only a holder of the lock does that (L1), and nothing renames
/// entries. The data file
/// goes first (D1): killed in between, the entry is still there for the next one to finish.
///
/// `known` is the object that the caller expects: its entry need not be read again.
pub(crate) fn destroy(
    directory: &Directory,
    file: &CStr,
    entry: &OwnedFd,
    known: Option<(FileKey, &Header)>,
) -> Result<bool, Left> {
    let stat = rustix::fs::fstat(entry)?;
    if !is_regular(&stat) {
        return Err(Left::Flawed(Flaw::NotAnEntry));
    }
    if !is_under_name(directory, file, &stat)? {
        return Ok(false);
    }
    let (id, storage) = match known {
        Some((key, header)) if key == FileKey::from(&stat) => (header.id, header.storage),
        // What died while it was made where O_TMPFILE is missing may have no contents yet, and a deposit has others; the name
        // says what it is.
        _ if filename::is_passing(file.to_bytes()) => (Id::default(), Storage::None),
        _ => {
            let mut head = [0; 64];
            let bytes = rustix::io::pread(entry, &mut head, 0)?;
            let frozen = Frozen::parse(&head[..bytes]).map_err(Left::Flawed)?;
            (frozen.id, frozen.storage)
        }
    };
    if storage == Storage::Beside {
        beside::remove(directory, id, stat.st_uid)?;
        step("destroy: data file removed");
    }
    match rustix::fs::unlinkat(directory, file, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether an entry still stands under the name it was opened by.
///
/// A link count of 1 does not say so: whoever may write an entry can give it a second name, which is the one that is left when the
/// first is gone. So the name is looked up.
pub(crate) fn is_under_name(directory: &Directory, file: &CStr, stat: &Stat) -> Result<bool, Errno> {
    match stat.st_nlink {
        0 => Ok(false),
        _ => match rustix::fs::statat(directory, file, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok(FileKey::from(&named) == FileKey::from(stat)),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        },
    }
}

/// What became of an entry that was looked at.
#[derive(Debug)]
pub(crate) enum Found {
    /// Somebody holds the object.
    Held,
    /// Nobody held it, and it is removed.
    Reclaimed,
    /// It vanished meanwhile.
    Gone,
    /// Nobody holds it, and it had to stay.
    Left(Left),
    /// It cannot be opened.
    Closed(Errno),
}

/// Looks at one entry, and reclaims it if nobody holds it.
pub(crate) fn look(directory: &Directory, file: &CStr) -> (Found, Option<OwnedFd>) {
    let _operation = Operation::start();
    let entry = match open_entry(directory, file) {
        Ok(entry) => entry,
        Err(Errno::NOENT) => return (Found::Gone, None),
        Err(errno) => return (Found::Closed(errno), None),
    };
    let found = match try_lock(&entry, FlockOperation::NonBlockingLockExclusive) {
        Ok(true) => match destroy(directory, file, &entry, None) {
            Ok(true) => Found::Reclaimed,
            Ok(false) => Found::Gone,
            Err(left) => Found::Left(left),
        },
        Ok(false) => Found::Held,
        Err(errno) => Found::Left(errno.into()),
    };
    (found, Some(entry))
}

/// Calls `visit` with the file name of every entry from a position on, until it returns false or so many names were
/// read. Returns the position to go on from; `None` at the end.
pub(crate) fn visit_entries(
    directory: &Directory,
    from: u64,
    mut names: usize,
    mut visit: impl FnMut(&CStr) -> bool,
) -> Result<Option<u64>, Errno> {
    let listing = rustix::fs::openat(
        directory,
        c".",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    if from != 0 {
        rustix::fs::seek(&listing, SeekFrom::Start(from))?;
    }
    let prefix = filename::prefix(directory.scope).as_bytes();
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(listing.as_fd(), &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let ours = filename::is_passing(name) || (name.starts_with(prefix) && !name.starts_with(b"."));
        let may_be_file = matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown);
        names -= 1;
        let go_on = !(ours && may_be_file) || visit(entry.file_name());
        if !go_on || names == 0 {
            return Ok(Some(entry.next_entry_cookie()));
        }
    }
    Ok(None)
}

/// The look of a create at its neighbours. Nothing here can fail the create.
pub(crate) fn sweep_some(directory: &Directory) {
    // Another thread that is sweeping does it for us as well.
    let Ok(mut sweep) = directory.sweep.try_lock() else { return };
    if sweep.creates_until_next > 0 {
        sweep.creates_until_next -= 1;
        return;
    }
    let from = sweep.position.unwrap_or_else(somewhere);
    let mut looked_at = 0;
    let mut reclaimed = 0;
    let visited = visit_entries(directory, from, NAMES, |file| {
        if let (Found::Reclaimed, _) = look(directory, file) {
            reclaimed += 1;
        }
        looked_at += 1;
        looked_at < BATCH
    });
    sweep.position = Some(visited.ok().flatten().unwrap_or(0));
    sweep.creates_until_next = if reclaimed > 0 { 0 } else { EVERY - 1 };
}

/// A random position: any number of digits is equally likely, since a directory's size is not known. A position
/// that does not exist is the end, after which the search starts at the beginning.
fn somewhere() -> u64 {
    let mut random = [0; 9];
    if rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::NONBLOCK).is_err() {
        return 0;
    }
    let (digits, value) = (random[8] % 24, u64::from_le_bytes(std::array::from_fn(|index| random[index])));
    value & ((1 << digits) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Attempt;
    use crate::sys::linux::namespace::Place;

    /// Found by review: a second name, which whoever may write an entry can give it, made a dead entry look alive, and its last holder
    /// removed the entry of the object that had the name by then.
    #[test]
    fn an_entry_with_a_second_name_does_not_stand_for_the_next_one_of_its_first_name() {
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (directory.path().join("n"), directory.path().join("elsewhere"));
        std::fs::write(&first, "dead").unwrap();
        let dead = OwnedFd::from(std::fs::File::open(&first).unwrap());
        std::fs::hard_link(&first, &second).unwrap();
        std::fs::remove_file(&first).unwrap();
        let attempt = Attempt { verb: "open", subject: "event", name: "n" };
        let place = Place::at(directory.path().to_owned()).directory(&attempt, false).unwrap().unwrap();
        assert!(matches!(destroy(&place, c"n", &dead, None), Ok(false)), "nobody has taken the name yet");
        std::fs::write(&first, "alive").unwrap();
        assert!(matches!(destroy(&place, c"n", &dead, None), Ok(false)));
        assert_eq!(std::fs::read(&first).unwrap(), b"alive");
    }
}
