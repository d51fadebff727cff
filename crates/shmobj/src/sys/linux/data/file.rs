//! The user's own file under a mapping (rows CF-10 to CF-18 and FA-1 to FA-6).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use rustix::fs::{FallocateFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::{Data, is_of_huge_page_pool, open_again};
use crate::error::{Attempt, ErrorKind, Result};
use crate::mapping::Protection;
use crate::sys::linux::object::page::Storage;
use crate::sys::linux::proc;
use crate::test_hooks::step;

/// Takes a file for a new mapping object: checks it, and extends it if it is to be longer (CF-13).
///
/// It is extended before the object has its name. Of two processes that create one name at the same moment, the one
/// that comes second may therefore have extended its file for nothing; a name that existed leaves the file alone.
pub(crate) fn take(
    attempt: &Attempt<'_>,
    file: BorrowedFd<'_>,
    size: u64,
    protection: Protection,
) -> Result<Data> {
    let flags = rustix::fs::fcntl_getfl(file).map_err(|errno| not_a_file(attempt, errno))?;
    let stat = rustix::fs::fstat(file).map_err(|errno| not_a_file(attempt, errno))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(attempt
            .fails(ErrorKind::NotMappable, "what was given is a directory, a pipe or a device")
            .with_remedy("give a regular file"));
    }
    let writable = protection == Protection::ReadWrite;
    check_access(attempt, flags, writable)?;
    let length = stat.st_size as u64;
    let size = match (size, length) {
        (0, 0) => {
            return Err(attempt
                .fails(ErrorKind::EmptyFile, "the file is empty, and no size was given")
                .with_remedy("give a size, or write something into the file first"));
        }
        (0, length) => length,
        (size, length) if size > length && !writable => {
            return Err(attempt
                .fails(
                    ErrorKind::OutOfMemory,
                    format!(
                        "the file has {length} bytes, and a read-only mapping cannot extend it to {size}"
                    ),
                )
                .with_remedy("map what is there, or open the file for writing and map it read-write"));
        }
        (size, _) => size,
    };
    let fd =
        own_descriptor(file, writable).map_err(|errno| attempt.os("opening the file once more", errno))?;
    if is_of_huge_page_pool(&fd).map_err(|errno| attempt.os("looking at the file's file system", errno))? {
        return Err(attempt
            .fails(ErrorKind::NotMappable, "the file is made of large pages")
            .with_remedy("create a mapping with large pages instead"));
    }
    if size > length {
        extend(&fd, length, size).map_err(|errno| no_room(attempt, errno, size))?;
    }
    let page_size = rustix::param::page_size() as u64;
    Ok(Data { fd, writable, storage: Storage::File, size, flags: 0, page_size })
}

fn not_a_file(attempt: &Attempt<'_>, errno: Errno) -> crate::Error {
    attempt.fails(ErrorKind::WrongKind, "the file's descriptor cannot be used").with_source(errno)
}

fn check_access(attempt: &Attempt<'_>, flags: OFlags, writable: bool) -> Result<()> {
    // O_WRONLY and O_RDWR are values of one field; O_PATH gives neither reading nor writing.
    let mode = flags & OFlags::RWMODE;
    let enough = match writable {
        true => mode == OFlags::RDWR,
        false => mode == OFlags::RDWR || mode == OFlags::RDONLY,
    };
    if !enough || flags.contains(OFlags::PATH) {
        let needed = if writable { "reading and writing" } else { "reading" };
        return Err(attempt
            .fails(ErrorKind::AccessDenied, format!("the file is not open for {needed}"))
            .with_remedy(format!("open it for {needed}")));
    }
    Ok(())
}

/// A description of our own with just the rights that the mapping needs. The user's description may carry a lock,
/// which ours would keep alive; only where the file cannot be opened again (it was unlinked on some file systems, or
/// its mode changed) it is shared.
fn own_descriptor(file: BorrowedFd<'_>, writable: bool) -> Result<OwnedFd, Errno> {
    let duplicate = rustix::io::fcntl_dupfd_cloexec(file, 3)?;
    let again = open_again(&duplicate, writable);
    let same = |fd: &OwnedFd| match (rustix::fs::fstat(fd), rustix::fs::fstat(file)) {
        (Ok(one), Ok(two)) => (one.st_dev, one.st_ino) == (two.st_dev, two.st_ino),
        _ => false,
    };
    Ok(match again {
        Ok(fd) if same(&fd) => fd,
        _ => duplicate,
    })
}

/// Allocates what is added, where the file system can: a full disk is an error now, not a SIGBUS later (CF-16).
///
/// Others may append to the file meanwhile, so nothing here ever makes it shorter: what is allocated stands behind the
/// end until all of it is there. After a failure, or killed in between, the file is as long as it was; some file
/// systems keep what was allocated until the file is truncated.
fn extend(fd: &OwnedFd, from: u64, to: u64) -> Result<(), Errno> {
    let allocate = |flags| rustix::io::retry_on_intr(|| rustix::fs::fallocate(fd, flags, from, to - from));
    let behind_the_end = allocate(FallocateFlags::KEEP_SIZE);
    step("extend: allocated behind the end");
    match behind_the_end.and_then(|()| allocate(FallocateFlags::empty())) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) if (rustix::fs::fstat(fd)?.st_size as u64) < to => {
            rustix::fs::ftruncate(fd, to)
        }
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        extended => extended,
    }
}

fn no_room(attempt: &Attempt<'_>, errno: Errno, size: u64) -> crate::Error {
    match errno {
        Errno::NOSPC | Errno::FBIG | Errno::DQUOT | Errno::INVAL => attempt
            .fails(ErrorKind::DiskFull, format!("the file cannot be extended to {size} bytes"))
            .with_source(errno)
            .with_remedy("make room on its file system, or ask for less"),
        errno => attempt.os("extending the file", errno),
    }
}

/// Where the file is, for those who cannot see a holder. Empty if it has no path any more.
pub(crate) fn path(data: &Data) -> Vec<u8> {
    match proc::target(&proc::own_descriptor(&data.fd)) {
        Some(path) if path.as_encoded_bytes().starts_with(b"/") && path.len() <= 4096 => path.into_vec(),
        _ => Vec::new(),
    }
}

/// The file behind a path, for [`find`](super::find) to verify.
pub(crate) fn open_path(path: &[u8], writable: bool) -> Result<OwnedFd, Errno> {
    let named = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?;
    // Only a regular file may be opened for real: a device could notice.
    if FileType::from_raw_mode(rustix::fs::fstat(named.as_fd())?.st_mode) != FileType::RegularFile {
        return Err(Errno::STALE);
    }
    open_again(&named, writable)
}
