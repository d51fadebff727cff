//! Files that are made whole before they get their name.
//!
//! With O_TMPFILE the file has no name at all, and the kernel frees it when its maker dies. Where that is missing,
//! it has a name that no object can have and carries `LOCK_SH`; a sweep that obtains `LOCK_EX` on such a file knows
//! that its maker died, and removes it.

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::page::Id;
use super::try_lock;
use crate::sys::linux::namespace::{Directory, filename};
use crate::sys::linux::proc;
use crate::test_hooks::{Fault, is_forced};

/// A file on its way to its name.
#[derive(Debug)]
pub(crate) struct Unborn {
    temporary: Option<Temporary>,
}

/// A name that goes when it is not needed any more, whatever became of the file.
#[derive(Debug)]
struct Temporary {
    directory: OwnedFd,
    name: String,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = rustix::fs::unlinkat(&self.directory, &*self.name, AtFlags::empty());
    }
}

impl Unborn {
    /// Makes an empty file that only its owner may use.
    pub(crate) fn make(directory: &Directory) -> Result<(Self, OwnedFd), Errno> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        if !is_forced(Fault::Tmpfile) && !LINK_FAILS.load(Ordering::Relaxed) {
            match rustix::fs::openat(directory, c".", flags | OFlags::TMPFILE, mode) {
                Ok(fd) => return Ok((Self { temporary: None }, fd)),
                Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {}
                Err(errno) => return Err(errno),
            }
        }
        loop {
            let name = format!("{}{}", filename::UNBORN_PREFIX, Id::of_now());
            let again = rustix::io::fcntl_dupfd_cloexec(directory, 3)?;
            let fd = rustix::fs::openat(directory, &*name, flags | OFlags::CREATE | OFlags::EXCL, mode)?;
            let temporary = Temporary { directory: again, name };
            // A sweep may have been quicker than our lock, and have removed the file.
            let locked = try_lock(&fd, FlockOperation::NonBlockingLockShared)?;
            if locked && rustix::fs::fstat(&fd)?.st_nlink == 1 {
                return Ok((Self { temporary: Some(temporary) }, fd));
            }
        }
    }

    /// Gives the file its name, unless the name is taken (EXIST).
    pub(crate) fn give_name(
        &self,
        fd: BorrowedFd<'_>,
        directory: &Directory,
        file: &CStr,
    ) -> Result<(), Errno> {
        match &self.temporary {
            None => link(fd, directory, file),
            Some(Temporary { name, .. }) => {
                rustix::fs::renameat_with(directory, &**name, directory, file, RenameFlags::NOREPLACE)
            }
        }
    }
}

/// Whether files without a name have turned out to be of no use here: they could not be given one.
static LINK_FAILS: AtomicBool = AtomicBool::new(false);

/// Links a file without a name. The short way needs a capability or Linux 6.10; the other one needs /proc. Where neither
/// works, the caller starts again, with a name that no object can have.
fn link(fd: BorrowedFd<'_>, directory: &Directory, file: &CStr) -> Result<(), Errno> {
    let short = rustix::fs::linkat(fd, c"", directory, file, AtFlags::EMPTY_PATH);
    if !matches!(short, Err(Errno::NOENT | Errno::INVAL | Errno::PERM)) {
        return short;
    }
    let linked =
        rustix::fs::linkat(CWD, &*proc::own_descriptor(&fd), directory, file, AtFlags::SYMLINK_FOLLOW);
    let directory_is_there = || rustix::fs::fstat(directory).is_ok_and(|stat| stat.st_nlink > 0);
    if linked == Err(Errno::NOENT) && directory_is_there() {
        LINK_FAILS.store(true, Ordering::Relaxed);
    }
    linked
}
