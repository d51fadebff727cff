//! Files that are made whole before they get their name.
//!
//! With O_TMPFILE the file has no name at all, and the kernel frees it when its maker dies. Where that is missing,
//! it has a name that no object can have and carries `LOCK_SH`; a sweep that obtains `LOCK_EX` on such a file knows
//! that its maker died, and removes it.

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

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
    temporary: Option<String>,
}

impl Unborn {
    /// Makes an empty file that only its owner may use.
    pub(crate) fn make(directory: &Directory) -> Result<(Self, OwnedFd), Errno> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        if !is_forced(Fault::Tmpfile) {
            match rustix::fs::openat(directory, c".", flags | OFlags::TMPFILE, mode) {
                Ok(fd) => return Ok((Self { temporary: None }, fd)),
                Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {}
                Err(errno) => return Err(errno),
            }
        }
        let name = format!("{}{}", filename::UNBORN_PREFIX, Id::of_now());
        let fd = rustix::fs::openat(directory, &*name, flags | OFlags::CREATE | OFlags::EXCL, mode)?;
        // A sweep may be quicker than this and remove the file; giving it its name then fails with NOENT.
        try_lock(&fd, FlockOperation::NonBlockingLockShared)?;
        Ok((Self { temporary: Some(name) }, fd))
    }

    /// Gives the file its name, unless the name is taken (EXIST) or a sweep was quicker (NOENT).
    pub(crate) fn give_name(
        &self,
        fd: BorrowedFd<'_>,
        directory: &Directory,
        file: &CStr,
    ) -> Result<(), Errno> {
        let Some(temporary) = &self.temporary else { return link(fd, directory, file) };
        let renamed =
            rustix::fs::renameat_with(directory, &**temporary, directory, file, RenameFlags::NOREPLACE);
        if renamed.is_err() {
            let _ = rustix::fs::unlinkat(directory, &**temporary, AtFlags::empty());
        }
        renamed
    }
}

/// Links a file without a name. The short way needs a capability or Linux 6.10; the other one needs /proc.
fn link(fd: BorrowedFd<'_>, directory: &Directory, file: &CStr) -> Result<(), Errno> {
    match rustix::fs::linkat(fd, c"", directory, file, AtFlags::EMPTY_PATH) {
        Err(Errno::NOENT | Errno::INVAL | Errno::PERM) => {
            rustix::fs::linkat(CWD, &*proc::own_descriptor(&fd), directory, file, AtFlags::SYMLINK_FOLLOW)
        }
        linked => linked,
    }
}
