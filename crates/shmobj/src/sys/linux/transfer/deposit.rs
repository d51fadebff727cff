//! Deposits: a handle that waits, in the process that has it, for whoever knows its token.
//!
//! A deposit is a file in the namespace directory that only its owner may open, called by 128 random bits, the token. It says which
//! descriptors of which process the handle consists of, and its maker holds `LOCK_SH` on it.
//!
//! ```text
//!   0  "shmobjD\n", version 1
//!  12  process, descriptor with the lock or -1, descriptor of what is mapped or -1
//!  24  device and inode of each
//!  56  1: the descriptor with the lock may be written; 2: so may what is mapped
//!  64  the record
//! ```
//!
//! | event | |
//! |---|---|
//! | made | whole before it has its name |
//! | claimed | the claimer opens the descriptors through /proc, which makes its own, and *then* removes the name: of several claimers one succeeds, the others let go of what they opened |
//! | its maker dies, or takes it back | the lock is gone: who meets it next removes it, as any garbage |
//!
//! Killed between opening and removing, the claimer has claimed nothing; after it, what it claimed died with it, as any handle does.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode};
use rustix::io::Errno;
use rustix::process::Pid;

use super::{Arrived, Carried, RECORD_BYTES, Record, carry, unpack};
use crate::error::{Attempt, ErrorKind, Result};
use crate::sys::linux::data::{is_writable, open_again, open_flags};
use crate::sys::linux::fork::Operation;
use crate::sys::linux::namespace::{Directory, FileKey, Place, filename};
use crate::sys::linux::object::adopt::let_go;
use crate::sys::linux::object::lifecycle::write_all;
use crate::sys::linux::object::unborn::Unborn;
use crate::sys::linux::object::{open_entry, try_lock};
use crate::sys::linux::proc;
use crate::test_hooks::step;
use crate::transfer::sealed::Parts;

const MAGIC: [u8; 8] = *b"shmobjD\n";
const VERSION: u32 = 1;
const BYTES: usize = 64 + RECORD_BYTES;

/// A deposit that this process has made. Dropping it takes it back.
#[derive(Debug)]
pub(crate) struct Deposit {
    token: String,
    /// A child of fork has a copy of it, which is not the child's to take back.
    maker: Pid,
    directory: Arc<Directory>,
    /// With the lock.
    file: OwnedFd,
    /// What a claimer opens.
    _carried: Carried,
}

impl Deposit {
    pub(crate) fn make(attempt: &Attempt<'_>, place: &Place, parts: Parts<'_>) -> Result<Self> {
        let carried = carry(attempt, parts)?;
        let _operation = Operation::start();
        let os = |doing| move |errno| attempt.os(doing, errno);
        let directory = place.directory(attempt, true)?.ok_or_else(|| gone(attempt))?;
        for fd in carried.descriptors() {
            open_again(fd, is_writable(fd)).map_err(|errno| {
                attempt
                    .fails(ErrorKind::AccessDenied, "nobody could claim it: it cannot be opened once more")
                    .with_source(errno)
                    .with_remedy("send it over a socket")
            })?;
        }
        let token = token().map_err(os("choosing a token"))?;
        let (unborn, file) = Unborn::make(&directory).map_err(|errno| match errno {
            Errno::ACCESS | Errno::PERM | Errno::ROFS => attempt
                .fails(
                    ErrorKind::AccessDenied,
                    "a deposit is a file in the namespace directory, which this user may not write",
                )
                .with_source(errno)
                .with_remedy("use another namespace, or send it over a socket"),
            errno => attempt.os("making the deposit", errno),
        })?;
        let image = image(&carried).map_err(os("looking at its descriptors"))?;
        write_all(&file, &image, 0).map_err(os("writing the deposit"))?;
        if !try_lock(&file, FlockOperation::NonBlockingLockShared).map_err(os("locking the deposit"))? {
            return Err(attempt.os("locking the deposit", Errno::AGAIN));
        }
        step("deposit: before it has its name");
        unborn
            .give_name(std::os::fd::AsFd::as_fd(&file), &directory, &name(&token))
            .map_err(os("making the deposit"))?;
        step("deposit: made");
        Ok(Self { token, maker: rustix::process::getpid(), directory, file, _carried: carried })
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn is_claimed(&self) -> bool {
        rustix::fs::fstat(&self.file).is_ok_and(|stat| stat.st_nlink == 0)
    }
}

impl Drop for Deposit {
    fn drop(&mut self) {
        if rustix::process::getpid() != self.maker {
            return;
        }
        let _operation = Operation::start();
        // Claimed already, or not: the name is nobody else's.
        let _ = rustix::fs::unlinkat(&self.directory, &*name(&self.token), AtFlags::empty());
        step("deposit: taken back");
    }
}

fn name(token: &str) -> std::ffi::CString {
    std::ffi::CString::new(format!("{}{token}", filename::DEPOSIT_PREFIX)).unwrap_or_default()
}

/// 128 bits from the kernel: knowing them is what entitles.
fn token() -> std::result::Result<String, Errno> {
    let mut random = [0; 16];
    let bytes = rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty())?;
    if bytes < random.len() {
        return Err(Errno::AGAIN);
    }
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn image(carried: &Carried) -> std::result::Result<[u8; BYTES], Errno> {
    let mut image = [0; BYTES];
    image[..8].copy_from_slice(&MAGIC);
    image[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    image[12..16].copy_from_slice(&pid.to_le_bytes());
    for (index, fd) in [&carried.lock, &carried.mapped].into_iter().enumerate() {
        let number = fd.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        image[16 + 4 * index..][..4].copy_from_slice(&number.to_le_bytes());
        if let Some(fd) = fd {
            let key = FileKey::from(&rustix::fs::fstat(fd)?);
            image[24 + 16 * index..][..8].copy_from_slice(&key.dev.to_le_bytes());
            image[32 + 16 * index..][..8].copy_from_slice(&key.ino.to_le_bytes());
            image[56] |= u8::from(is_writable(fd)) << index;
        }
    }
    image[64..].copy_from_slice(&carried.record.to_bytes());
    Ok(image)
}

/// Claims a deposit.
pub(crate) fn claim(attempt: &Attempt<'_>, place: &Place, token: &str) -> Result<Arrived> {
    let _operation = Operation::start();
    unpack(attempt, take(attempt, place, token)?)
}

fn take(attempt: &Attempt<'_>, place: &Place, token: &str) -> Result<Carried> {
    let is_token = token.len() == 32 && token.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_token {
        return Err(attempt
            .fails(ErrorKind::InvalidParameter, "this is not a token")
            .with_remedy("give the 32 characters that Deposit::token or `shmobj deposit` told"));
    }
    let directory = place.directory(attempt, false)?.ok_or_else(|| gone(attempt))?;
    let name = name(token);
    let file = match open_entry(&directory, &name) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Err(gone(attempt)),
        Err(errno @ (Errno::ACCESS | Errno::PERM)) => {
            return Err(attempt
                .fails(ErrorKind::AccessDenied, "it is another user's")
                .with_source(errno)
                .with_remedy("claim it as the user who made it, or have the handle sent over a socket"));
        }
        Err(errno) => return Err(attempt.os("opening the deposit", errno)),
    };
    let os = |doing| move |errno| attempt.os(doing, errno);
    if try_lock(&file, FlockOperation::NonBlockingLockExclusive).map_err(os("looking at the deposit"))? {
        // Its maker is dead. Under this lock nobody else can think otherwise.
        let _ = rustix::fs::unlinkat(&directory, &*name, AtFlags::empty());
        return Err(gone(attempt));
    }
    if !try_lock(&file, FlockOperation::NonBlockingLockShared).map_err(os("looking at the deposit"))? {
        return Err(gone(attempt)); // somebody has just found that out
    }
    // Only a look: who holds the lock for longer makes a dead deposit look alive.
    rustix::fs::flock(&file, FlockOperation::Unlock).map_err(os("looking at the deposit"))?;
    let stat = rustix::fs::fstat(&file).map_err(os("looking at the deposit"))?;
    let mut image = [0; BYTES];
    let bytes = rustix::io::pread(&file, &mut image, 0).map_err(os("reading the deposit"))?;
    let mine = stat.st_uid == rustix::process::geteuid().as_raw();
    let sources = (bytes == BYTES && mine).then(|| Sources::parse(&image)).flatten().ok_or_else(|| {
        attempt
            .fails(ErrorKind::Corrupt, "it is damaged, or another user's")
            .with_remedy("claim it as the user who made it, or have it deposited again")
    })?;
    let carried = sources.open(attempt)?;
    step("claim: opened");
    let claimed = rustix::fs::unlinkat(&directory, &*name, AtFlags::empty());
    step("claim: claimed");
    let why = match claimed {
        Ok(()) => return Ok(carried),
        Err(Errno::NOENT) => gone(attempt),
        Err(errno) => attempt.os("claiming the deposit", errno),
    };
    carried.lock.into_iter().for_each(let_go);
    Err(why)
}

fn gone(attempt: &Attempt<'_>) -> crate::Error {
    attempt
        .fails(ErrorKind::NotFound, "no such deposit: it was claimed, taken back, or its maker is gone")
        .with_remedy("have it deposited again, in the namespace where it is claimed")
}

/// Where a deposit's descriptors are.
struct Sources {
    pid: u32,
    lock: Option<Source>,
    mapped: Option<Source>,
    record: Record,
}

/// A descriptor of the process that made the deposit.
#[derive(Clone, Copy)]
struct Source {
    fd: u32,
    key: FileKey,
    writable: bool,
}

impl Sources {
    fn parse(image: &[u8; BYTES]) -> Option<Self> {
        let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|index| image[at + index]));
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| image[at + index]));
        if image[..8] != MAGIC || number(8) != VERSION {
            return None;
        }
        let record = Record::parse(&std::array::from_fn(|index| image[64 + index]))?;
        let source = |index: usize| {
            let key = FileKey { dev: long(24 + 16 * index), ino: long(32 + 16 * index) };
            Source { fd: number(16 + 4 * index), key, writable: image[56] & 1 << index != 0 }
        };
        let lock = record.has_lock.then(|| source(0));
        let mapped = record.has_mapped.then(|| source(1));
        Some(Self { pid: number(12), lock, mapped, record })
    }

    /// Opens them through /proc: descriptions of our own, with the rights that the kernel finds there.
    fn open(&self, attempt: &Attempt<'_>) -> Result<Carried> {
        let open = |Source { fd, key, writable }| {
            let path = proc::descriptor(self.pid, fd);
            if proc::key_without_waiting(CWD, &path) != Some(key) {
                if !proc::is_running(self.pid) && proc::is_ours() {
                    return Err(gone(attempt)); // and a child that it forked has its lock
                }
                return Err(attempt
                    .fails(ErrorKind::Unreachable, "the process that deposited it cannot be looked into")
                    .with_remedy("run both as the same user, in one PID namespace, with /proc mounted"));
            }
            let opened = rustix::fs::open(&path, open_flags(writable), Mode::empty());
            let right = |fd: &OwnedFd| rustix::fs::fstat(fd).is_ok_and(|stat| FileKey::from(&stat) == key);
            match opened {
                Ok(fd) if right(&fd) => Ok(fd),
                Ok(_) | Err(Errno::NOENT) => Err(gone(attempt)),
                Err(errno) => Err(attempt.os("opening what was deposited", errno)),
            }
        };
        let lock = self.lock.map(open).transpose()?;
        if let Some(lock) = &lock {
            let locked = try_lock(lock, FlockOperation::NonBlockingLockShared);
            if !locked.map_err(|errno| attempt.os("locking its entry", errno))? {
                return Err(gone(attempt)); // its maker let go of it just now
            }
        }
        match self.mapped.map(open).transpose() {
            Ok(mapped) => Ok(Carried { record: self.record, lock, mapped, object: None }),
            Err(why) => {
                lock.into_iter().for_each(let_go);
                Err(why)
            }
        }
    }
}
