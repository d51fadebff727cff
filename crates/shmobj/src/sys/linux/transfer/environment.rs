//! Handles that a child inherits.
//!
//! Everything of this library is close-on-exec. What a child is to have is opened once more *in the child*, between fork and
//! exec, so that each child has descriptions of its own; only these survive the exec. A variable of the environment tells
//! their numbers:
//!
//! ```text
//! SHMOBJ_INHERITED=role:lock:mapped:record;...     each descriptor as number.device.inode, or "-"; the record in hexadecimal
//! ```
//!
//! Whoever finds another file there, or one that is close-on-exec and so did not come
//! through an exec, was not given it: a program in between has closed it. What is inherited is close-on-exec again as soon
//! as the child asks for any of it.
#![allow(unsafe_code)] // runs code between fork and exec; takes descriptors that the environment names

use std::collections::HashMap;
use std::ffi::CString;
use std::fmt::Write;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::{Errno, FdFlags};

use super::{Arrived, Carried, RECORD_BYTES, Record, carry, unpack};
use crate::error::Attempt;
use crate::sys::escape::{escape, unescape};
use crate::sys::linux::data::is_writable;
use crate::sys::linux::fork::Operation;
use crate::sys::linux::namespace::{FileKey, runs_with_raised_rights};
use crate::sys::linux::object::Object;
use crate::sys::linux::object::adopt::let_go;
use crate::sys::linux::proc;
use crate::transfer::sealed::Parts;

/// The name of the variable.
pub(crate) const VARIABLE: &str = "SHMOBJ_INHERITED";

/// Makes a child inherit a handle, in addition to those that it was promised before.
pub(crate) fn pass_on(
    attempt: &Attempt<'_>,
    command: &mut Command,
    role: &str,
    parts: Parts<'_>,
) -> crate::Result<()> {
    // What this process inherited itself and has not taken is not for its children.
    {
        let _operation = Operation::start(); // made once per process
        LazyLock::force(&INHERITED);
    }
    let carried = carry(attempt, parts)?;
    let item = Item::of(role, &carried).map_err(|errno| attempt.os("looking at its descriptors", errno))?;
    let mut text = promised(command).map_or_else(String::new, |before| format!("{before};"));
    item.write(&mut text);
    command.env(VARIABLE, text);
    let Carried { lock, mapped, object, .. } = carried;
    let mut reopened: Vec<_> = lock.map(|fd| Reopened::new(fd, true)).into_iter().collect();
    reopened.extend(mapped.map(|fd| Reopened::new(fd, false)));
    let mut kept = Kept { reopened, _object: object };
    // SAFETY: the closure makes system calls only; it neither allocates nor takes a lock.
    unsafe { command.pre_exec(move || kept.reopen()) };
    Ok(())
}

/// What a command keeps for its children, and drops in this order (L5).
struct Kept {
    reopened: Vec<Reopened>,
    _object: Option<Arc<Object>>,
}

impl Kept {
    fn reopen(&mut self) -> io::Result<()> {
        self.reopened.iter_mut().try_for_each(Reopened::open)
    }
}

/// Whether a command's children were promised a handle for this role.
pub(crate) fn is_promised(command: &Command, role: &str) -> bool {
    let text = promised(command).unwrap_or_default();
    text.split(';').filter_map(Item::parse).any(|item| item.role == role)
}

fn promised(command: &Command) -> Option<&str> {
    command.get_envs().find_map(|(name, value)| if name == VARIABLE { value?.to_str() } else { None })
}

/// A descriptor that a child gets at the number that it has in its parent.
struct Reopened {
    fd: OwnedFd,
    path: CString,
    flags: OFlags,
    locked: bool,
}

impl Reopened {
    fn new(fd: OwnedFd, locked: bool) -> Self {
        let path = CString::new(proc::own_descriptor(&fd)).unwrap_or_default();
        let access = if is_writable(&fd) { OFlags::RDWR } else { OFlags::RDONLY };
        let flags = access | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        Self { fd, path, flags, locked }
    }

    /// In the child, before exec. Where the child cannot open it once more (it became another user, or has no /proc), it shares the
    /// description that was made for it in the parent.
    ///
    /// Killed anywhere in here: the child goes with all that it has.
    fn open(&mut self) -> io::Result<()> {
        match rustix::fs::open(&*self.path, self.flags, Mode::empty()) {
            Ok(fresh) => {
                if self.locked {
                    // The description in `fd` has the lock, so nobody can be in the way.
                    rustix::fs::flock(&fresh, FlockOperation::NonBlockingLockShared)?;
                }
                rustix::io::dup2(&fresh, &mut self.fd)?;
            }
            Err(Errno::ACCESS | Errno::PERM | Errno::NOENT | Errno::ROFS) => {
                rustix::io::fcntl_setfd(&self.fd, FdFlags::empty())?;
            }
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }
}

/// What the environment tells of one handle.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    role: String,
    lock: Option<Inherited>,
    mapped: Option<Inherited>,
    record: Record,
}

/// A descriptor, and what it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Inherited {
    number: RawFd,
    key: FileKey,
}

impl Inherited {
    fn of(fd: &OwnedFd) -> Result<Self, Errno> {
        Ok(Self { number: fd.as_raw_fd(), key: FileKey::from(&rustix::fs::fstat(fd)?) })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let number = parts.next()?.parse().ok().filter(|&number| number > 2)?;
        let dev = u64::from_str_radix(parts.next()?, 16).ok()?;
        let ino = u64::from_str_radix(parts.next()?, 16).ok()?;
        parts.next().is_none().then_some(Self { number, key: FileKey { dev, ino } })
    }

    fn borrow(&self) -> BorrowedFd<'_> {
        // SAFETY: used for calls only that find out whether the number is a descriptor, and which.
        unsafe { BorrowedFd::borrow_raw(self.number) }
    }

    /// Whether it is what the parent gave.
    fn is_here(&self) -> bool {
        let came_through_exec = rustix::io::fcntl_getfd(self.borrow()) == Ok(FdFlags::empty());
        let is_same = |stat| FileKey::from(&stat) == self.key;
        came_through_exec && rustix::fs::fstat(self.borrow()).is_ok_and(is_same)
    }
}

impl std::fmt::Display for Inherited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let FileKey { dev, ino } = self.key;
        write!(f, "{}.{dev:x}.{ino:x}", self.number)
    }
}

impl Item {
    fn of(role: &str, carried: &Carried) -> Result<Self, Errno> {
        Ok(Self {
            role: role.to_owned(),
            lock: carried.lock.as_ref().map(Inherited::of).transpose()?,
            mapped: carried.mapped.as_ref().map(Inherited::of).transpose()?,
            record: carried.record,
        })
    }

    fn write(&self, to: &mut String) {
        escape(to, &self.role);
        for descriptor in [self.lock, self.mapped] {
            let _ = match descriptor {
                Some(descriptor) => write!(to, ":{descriptor}"),
                None => write!(to, ":-"),
            };
        }
        to.push(':');
        for byte in self.record.to_bytes() {
            let _ = write!(to, "{byte:02x}");
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let role = unescape(parts.next()?)?;
        let mut descriptor = || match parts.next()? {
            "-" => Some(None),
            text => Inherited::parse(text).map(Some),
        };
        let (lock, mapped) = (descriptor()?, descriptor()?);
        let record = Record::parse(&bytes(parts.next()?)?)?;
        let fits = record.has_lock == lock.is_some() && record.has_mapped == mapped.is_some();
        let apart = lock.map(|it| it.number) != mapped.map(|it| it.number);
        (fits && apart && parts.next().is_none()).then_some(Self { role, lock, mapped, record })
    }

    /// Makes sure that the descriptors are still what the parent gave, and keeps them from this process's children.
    fn is_here(&self) -> bool {
        let descriptors = || self.lock.iter().chain(&self.mapped);
        let keep = |it: &Inherited| rustix::io::fcntl_setfd(it.borrow(), FdFlags::CLOEXEC).is_ok();
        descriptors().all(Inherited::is_here) && descriptors().all(keep)
    }

    fn take(self) -> Carried {
        // SAFETY: the parent made these descriptors for this process, which still has them and has not opened them itself
        // (`is_here`); no two items have one number (`inherited`), and an item is taken once.
        let own = |it: Option<Inherited>| it.map(|it| unsafe { OwnedFd::from_raw_fd(it.number) });
        Carried { record: self.record, lock: own(self.lock), mapped: own(self.mapped), object: None }
    }
}

fn bytes(text: &str) -> Option<[u8; RECORD_BYTES]> {
    let mut bytes = [0; RECORD_BYTES];
    if text.len() != 2 * RECORD_BYTES || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

/// What this process has inherited and not taken yet.
static INHERITED: LazyLock<Mutex<HashMap<String, Item>>> = LazyLock::new(|| Mutex::new(inherited()));

fn inherited() -> HashMap<String, Item> {
    // A program with more rights than its caller takes nothing from the caller's environment.
    if runs_with_raised_rights() {
        return HashMap::new();
    }
    all_here(&std::env::var(VARIABLE).unwrap_or_default())
}

/// What a text promises and this process has.
fn all_here(text: &str) -> HashMap<String, Item> {
    let mut inherited = HashMap::new();
    // Having become close-on-exec by the first, a number is not accepted for a second.
    for item in text.split(';').filter_map(Item::parse).filter(Item::is_here) {
        if let Some(double) = inherited.insert(item.role.clone(), item) {
            double.take().lock.into_iter().for_each(let_go);
        }
    }
    inherited
}

/// Takes all that a text promises.
#[cfg(feature = "fuzzing")]
pub(crate) fn all_of(text: &str) -> Vec<Carried> {
    all_here(text).into_values().map(Item::take).collect()
}

/// Takes what was inherited for a role. A second time there is nothing.
pub(crate) fn take(attempt: &Attempt<'_>, role: &str) -> Option<crate::Result<Arrived>> {
    let _operation = Operation::start();
    let mut inherited = INHERITED.lock().unwrap_or_else(PoisonError::into_inner);
    let carried = inherited.remove(role).map(Item::take)?;
    drop(inherited);
    Some(unpack(attempt, carried))
}

/// Whether the environment of this process names a role, whatever has become of its descriptors.
pub(crate) fn is_named(role: &str) -> bool {
    let text = std::env::var(VARIABLE).unwrap_or_default();
    text.split(';').filter_map(Item::parse).any(|item| item.role == role)
}

/// The roles for which there is something to take.
pub(crate) fn roles() -> Vec<String> {
    let _operation = Operation::start();
    let inherited = INHERITED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut roles: Vec<_> = inherited.keys().cloned().collect();
    roles.sort_unstable();
    roles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Access;
    use crate::kind::Kind;
    use proptest::prelude::*;

    fn item(role: &str) -> Item {
        let record = Record {
            kind: Kind::Event,
            access: Access::SYNCHRONIZE,
            has_lock: true,
            has_mapped: true,
            protection: 0,
            flags: 0,
            size: 0,
        };
        let descriptor = |number, ino| Some(Inherited { number, key: FileKey { dev: 0x1a, ino } });
        Item { role: role.into(), lock: descriptor(5, 0xff), mapped: descriptor(17, 0xfff), record }
    }

    #[test]
    fn the_variable_is_pinned() {
        let mut text = String::new();
        item("a b").write(&mut text);
        assert_eq!(
            text,
            "a%20b:5.1a.ff:17.1a.fff:0300000000001000030000000000000000000000000000000000000000000000"
        );
    }

    proptest! {
        #[test]
        fn every_role_survives(role in ".*") {
            let mut text = String::new();
            item(&role).write(&mut text);
            prop_assert!(!text.contains(';'));
            prop_assert_eq!(Item::parse(&text), Some(item(&role)));
        }

        #[test]
        fn nothing_in_the_variable_can_do_harm(text in ".*") {
            let _ = text.split(';').filter_map(Item::parse).count();
        }
    }
}
