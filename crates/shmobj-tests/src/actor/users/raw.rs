//! What somebody can do who does not use the library: system calls, and whether the kernel refuses them. The answer is
//! `done`, or the error's name.
//!
//! ```text
//! raw open PATH r|rw             raw flock PATH sh|ex            raw flock-path PATH ex
//! raw list DIRECTORY             raw unlink PATH                 raw rename FROM TO
//! raw exchange FROM TO           raw link FROM TO                raw truncate PATH LENGTH
//! raw chmod PATH MODE            raw chown PATH UID              raw mkdir PATH MODE
//! raw symlink TO PATH            raw fifo PATH MODE              raw file PATH MODE TEXT
//! raw look-into PID              raw grant PATH
//! gains PART
//! ```

use std::cell::RefCell;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags, XattrFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};

use super::super::{Failure, Outcome, Words, misled};

thread_local! {
    static LOCKED: RefCell<Vec<OwnedFd>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn obey(command: &str, words: &mut Words<'_>) -> Option<Outcome> {
    match command {
        "raw" => Some(raw(words)),
        "gains" => Some(gains(words)),
        _ => None,
    }
}

fn raw(words: &mut Words<'_>) -> Outcome {
    let (call, path) = (words.next()?, words.next()?);
    let mut mode = || {
        let bits = u32::from_str_radix(words.next()?, 8).map_err(misled)?;
        Ok::<_, Failure>(Mode::from_raw_mode(bits))
    };
    let done = match call {
        "open" => open(path, access(words.next()?)).map(drop),
        "flock" => open(path, OFlags::RDONLY).and_then(|fd| flock(fd, words.next().unwrap_or("ex"))),
        "flock-path" => open(path, OFlags::PATH).and_then(|fd| flock(fd, words.next().unwrap_or("ex"))),
        "list" => open(path, OFlags::RDONLY | OFlags::DIRECTORY).map(drop),
        "unlink" => rustix::fs::unlink(path),
        "rename" => rustix::fs::rename(path, words.next()?),
        "exchange" => rustix::fs::renameat_with(CWD, path, CWD, words.next()?, RenameFlags::EXCHANGE),
        "link" => rustix::fs::link(path, words.next()?),
        "truncate" => truncate(path, words.number()?),
        "chmod" => rustix::fs::chmod(path, mode()?),
        "chown" => {
            let user = rustix::fs::Uid::from_raw(words.number()?);
            rustix::fs::chownat(CWD, path, Some(user), None, AtFlags::empty())
        }
        "mkdir" => {
            let mode = mode()?;
            rustix::fs::mkdir(path, mode).and_then(|()| rustix::fs::chmod(path, mode))
        }
        "symlink" => rustix::fs::symlink(path, words.next()?),
        "fifo" => rustix::fs::mknodat(CWD, path, FileType::Fifo, mode()?, 0),
        "file" => {
            let mode = mode()?;
            file(path, mode, &words.rest())
        }
        "look-into" => open(&format!("/proc/{path}/fd"), OFlags::RDONLY | OFlags::DIRECTORY).map(drop),
        // A list that lets everybody in: rejected for who may not give it before it is looked at.
        "grant" => rustix::fs::setxattr(path, "system.posix_acl_access", &everybody(), XattrFlags::empty()),
        other => return Err(misled(format!("what is `raw {other}`?"))),
    };
    Ok(told(done))
}

fn access(word: &str) -> OFlags {
    if word == "rw" { OFlags::RDWR } else { OFlags::RDONLY }
}

fn open(path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path, flags | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW, Mode::empty())
}

fn flock(fd: OwnedFd, how: &str) -> Result<(), Errno> {
    rustix::fs::flock(
        &fd,
        match how {
            "sh" => FlockOperation::NonBlockingLockShared,
            _ => FlockOperation::NonBlockingLockExclusive,
        },
    )?;
    LOCKED.with_borrow_mut(|locked| locked.push(fd));
    Ok(())
}

fn truncate(path: &str, length: u64) -> Result<(), Errno> {
    rustix::fs::ftruncate(open(path, OFlags::RDWR)?, length)
}

fn file(path: &str, mode: Mode, text: &str) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let fd = rustix::fs::open(path, flags, mode)?;
    rustix::fs::fchmod(&fd, mode)?;
    rustix::io::write(&fd, text.as_bytes()).map(drop)
}

/// The list user::rw-, group::rw-, other::rw-.
fn everybody() -> Vec<u8> {
    let mut list = 2_u32.to_le_bytes().to_vec();
    for tag in [0x01_u16, 0x04, 0x20] {
        list.extend(tag.to_le_bytes());
        list.extend(6_u16.to_le_bytes());
        list.extend(u32::MAX.to_le_bytes());
    }
    list
}

fn told(done: Result<(), Errno>) -> String {
    let Err(errno) = done else { return "done".to_owned() };
    match errno {
        Errno::ACCESS => "EACCES".to_owned(),
        Errno::PERM => "EPERM".to_owned(),
        Errno::NOENT => "ENOENT".to_owned(),
        Errno::BADF => "EBADF".to_owned(),
        Errno::LOOP => "ELOOP".to_owned(),
        Errno::AGAIN => "EAGAIN".to_owned(),
        Errno::EXIST => "EEXIST".to_owned(),
        errno => format!("errno-{}", errno.raw_os_error()),
    }
}

/// Looks at every descriptor of this process whose link contains a part: how many there are, how many of them may be written, and
/// how many of the others could be made to, by opening them again, by mapping them, or by changing what is mapped.
fn gains(words: &mut Words<'_>) -> Outcome {
    let part = words.next()?;
    let (mut seen, mut writable, mut gained) = (0, 0, 0);
    let numbers = std::fs::read_dir("/proc/self/fd").map_err(misled)?.flatten();
    let paths: Vec<_> = numbers.map(|entry| entry.path()).collect();
    for path in paths {
        let is_it = |target: std::path::PathBuf| target.to_string_lossy().contains(part);
        if !std::fs::read_link(&path).is_ok_and(is_it) {
            continue;
        }
        let number: i32 = path.file_name().and_then(|it| it.to_str()?.parse().ok()).unwrap_or(-1);
        // SAFETY: the listing has just shown it, and nothing is closed in between: this process has one thread.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
        seen += 1;
        let flags = rustix::fs::fcntl_getfl(fd).map_err(misled)?;
        if flags & OFlags::RWMODE == OFlags::RDWR {
            writable += 1;
            continue;
        }
        let again = File::options().read(true).write(true).open(&path);
        let truncated = rustix::fs::ftruncate(fd, 0);
        let chmod = rustix::fs::fchmod(fd, Mode::from_raw_mode(0o666));
        if again.is_ok() || truncated.is_ok() || chmod.is_ok() || can_be_written(fd) {
            gained += 1;
        }
    }
    Ok(format!("seen={seen} writable={writable} gained={gained}"))
}

/// Whether the kernel maps it for writing, or lets a page that was mapped for reading be written.
fn can_be_written(fd: impl AsFd + AsRawFd) -> bool {
    let page = crate::system::page_size();
    let map = |protection| {
        let (flags, nowhere) = (MapFlags::SHARED, std::ptr::null_mut());
        // SAFETY: a new mapping, at a place of the kernel's choice, that nobody else knows.
        unsafe { rustix::mm::mmap(nowhere, page, protection, flags, fd.as_fd(), 0) }
    };
    if let Ok(at) = map(ProtFlags::READ | ProtFlags::WRITE) {
        // SAFETY: it was mapped above.
        let _ = unsafe { rustix::mm::munmap(at, page) };
        return true;
    }
    let Ok(at) = map(ProtFlags::READ) else { return false };
    // SAFETY: it was mapped above, and nobody has a reference to it.
    let changed = unsafe { rustix::mm::mprotect(at, page, MprotectFlags::READ | MprotectFlags::WRITE) };
    // SAFETY: as above.
    let _ = unsafe { rustix::mm::munmap(at, page) };
    changed.is_ok()
}
