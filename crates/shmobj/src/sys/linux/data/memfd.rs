//! Memory that only its owner may open: a sealed memfd.
//!
//! It is named after the object, so that people can read `/proc/<pid>/fd`, and a hint be told from the real thing.
//! Sealed against growing and shrinking: nobody can make a peer take SIGBUS by truncating it. Further [`seals`]
//! are possible only where its creator wanted that. When the last descriptor and view are gone the kernel frees it, also
//! after SIGKILL of everybody.
//!
//! Its mode is for its owner alone: a user who is handed a descriptor that may only read cannot open it again with more rights.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{MemfdFlags, Mode, SealFlags};
use rustix::io::Errno;

use super::{Data, capacity, commit, flags, page_size, seals};
use crate::error::{Attempt, ErrorKind, Result};
use crate::sys::linux::object::page::{Id, Storage};

/// A memfd's name has at most 249 bytes. (Up to 33 the kernel keeps in its own directory entry, which saves a quarter
/// of the time to make one: half of the object's id leaves room for a short name.)
const MAX_NAME_BYTES: usize = 249;

/// What a holder's link in `/proc/<pid>/fd` begins with.
pub(crate) fn link_prefix(id: Id) -> String {
    format!("/memfd:shmobj:{}:", id.first_half())
}

/// Makes the memory of a mapping. `size` is not rounded yet.
pub(crate) fn create(attempt: &Attempt<'_>, id: Id, size: u64, flags: u32, sealable: bool) -> Result<Data> {
    let large = flags & flags::LARGE_PAGES != 0;
    let fd = open(&name(id, attempt.name), large).map_err(|errno| refused(attempt, errno, large))?;
    let os = |doing| move |errno| attempt.os(doing, errno);
    rustix::fs::fchmod(&fd, Mode::RUSR | Mode::WUSR).map_err(os("closing the memory to others"))?;
    let page_size = match large {
        true => page_size(&rustix::fs::fstat(&fd).map_err(os("looking at the memory"))?, flags),
        false => rustix::param::page_size() as u64,
    };
    if large && size % page_size != 0 {
        return Err(attempt
            .fails(ErrorKind::InvalidParameter, format!("{size} bytes are no multiple of a large page"))
            .with_remedy(format!("choose a multiple of {page_size} bytes")));
    }
    let size = capacity::rounded(attempt, size, page_size)?;
    let data = Data { fd, writable: true, storage: Storage::Memfd, size, flags, page_size };
    if data.has(flags::RESERVE) {
        rustix::fs::ftruncate(&data.fd, size).map_err(|errno| capacity::exhausted(attempt, size, errno))?;
    } else {
        commit::everything(attempt, &data)?;
    }
    let seals = if sealable { seals::SIZE } else { seals::SIZE | SealFlags::SEAL };
    rustix::fs::fcntl_add_seals(&data.fd, seals).map_err(os("sealing the memory"))?;
    Ok(data)
}

fn name(id: Id, object: &str) -> String {
    let mut name = format!("shmobj:{}:", id.first_half());
    name.reserve(object.len().min(MAX_NAME_BYTES));
    for character in object.chars() {
        let shown = if character.is_control() { '?' } else { character };
        if name.len() + shown.len_utf8() > MAX_NAME_BYTES {
            break;
        }
        name.push(shown);
    }
    name
}

fn open(name: &str, large: bool) -> Result<OwnedFd, Errno> {
    // Memory that is never executed says so, where the kernel knows the flag (6.3; vm.memfd_noexec may demand it).
    static NO_NOEXEC: AtomicBool = AtomicBool::new(false);
    let mut flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    if large {
        flags |= MemfdFlags::HUGETLB;
    }
    if !NO_NOEXEC.load(Ordering::Relaxed) {
        match rustix::fs::memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
            Err(Errno::INVAL) => NO_NOEXEC.store(true, Ordering::Relaxed),
            opened => return opened,
        }
    }
    rustix::fs::memfd_create(name, flags)
}

fn refused(attempt: &Attempt<'_>, errno: Errno, large: bool) -> crate::Error {
    if large && matches!(errno, Errno::NODEV | Errno::INVAL | Errno::NOSYS) {
        return attempt
            .fails(ErrorKind::InvalidParameter, "this system has no large pages") // LP-5
            .with_source(errno)
            .with_remedy("use ordinary pages, or transparent huge pages");
    }
    attempt.os("making its memory", errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_shows_the_object_and_fits() {
        let id = Id([0xab; 16]);
        assert_eq!(name(id, "a\nb"), "shmobj:abababababababab:a?b");
        let long = name(id, &"ä".repeat(1000));
        assert!(long.len() <= MAX_NAME_BYTES && long.len() >= MAX_NAME_BYTES - 1);
        assert!(format!("/memfd:{long}").starts_with(&link_prefix(id)));
    }
}
