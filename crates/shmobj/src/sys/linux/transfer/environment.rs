//! Handles that a child inherits.
//!
//! Everything of this library is close-on-exec. What a child is to have is opened once more *in the child*, between fork and
//! exec, so that each child has descriptions of its own; only these survive the exec. A variable of the environment tells
//! their numbers:
//!
//! ```text
//! SHMOBJ_INHERITED=role:lock,mapped:device.inode:record;...     "-" for no descriptor; the record in hexadecimal
//! ```
//!
//! Device and inode are those of the last descriptor. Whoever finds another file there, or one that is close-on-exec and so did not come
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
use std::sync::{LazyLock, Mutex, PoisonError};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::{Errno, FdFlags};

use super::{Carried, RECORD_BYTES, Record};
use crate::sys::linux::data::is_writable;
use crate::sys::linux::fork::Operation;
use crate::sys::linux::namespace::{FileKey, runs_with_raised_rights};
use crate::sys::linux::proc;

/// The name of the variable.
pub(crate) const VARIABLE: &str = "SHMOBJ_INHERITED";

/// Makes a child inherit a handle, in addition to those that it was promised before.
pub(crate) fn pass_on(command: &mut Command, role: &str, carried: Carried) -> Result<(), Errno> {
    let item = Item::of(role, &carried)?;
    let mut text = promised(command).map_or_else(String::new, |before| format!("{before};"));
    item.write(&mut text);
    command.env(VARIABLE, text);
    let Carried { lock, mapped, object, .. } = carried;
    let mut reopened: Vec<_> = lock.map(|fd| Reopened::new(fd, true)).into_iter().collect();
    reopened.extend(mapped.map(|fd| Reopened::new(fd, false)));
    let mut kept = (reopened, object); // dropped with the command, in this order (L5)
    // SAFETY: the closure makes system calls only; it neither allocates nor takes a lock.
    unsafe { command.pre_exec(move || kept.0.iter_mut().try_for_each(Reopened::open)) };
    Ok(())
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

    /// In the child, before exec. Where the child cannot open it once more (it became another user), it shares the
    /// description that was made for it in the parent.
    ///
    /// Killed anywhere in here: the child goes with all that it has.
    fn open(&mut self) -> io::Result<()> {
        if let Ok(fresh) = rustix::fs::open(&*self.path, self.flags, Mode::empty()) {
            if self.locked {
                // The description in `fd` has the lock, so nobody can be in the way.
                rustix::fs::flock(&fresh, FlockOperation::NonBlockingLockShared)?;
            }
            rustix::io::dup2(&fresh, &mut self.fd)?;
        } else {
            rustix::io::fcntl_setfd(&self.fd, FdFlags::empty())?;
        }
        Ok(())
    }
}

/// What the environment tells of one handle.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    role: String,
    lock: Option<RawFd>,
    mapped: Option<RawFd>,
    last: FileKey,
    record: Record,
}

impl Item {
    fn of(role: &str, carried: &Carried) -> Result<Self, Errno> {
        let last = carried.mapped.as_ref().or(carried.lock.as_ref()).ok_or(Errno::BADF)?;
        let number = |fd: &OwnedFd| fd.as_raw_fd();
        Ok(Self {
            role: role.to_owned(),
            lock: carried.lock.as_ref().map(number),
            mapped: carried.mapped.as_ref().map(number),
            last: FileKey::from(&rustix::fs::fstat(last)?),
            record: carried.record,
        })
    }

    fn write(&self, to: &mut String) {
        for byte in self.role.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => to.push(byte.into()),
                _ => to.extend(format!("%{byte:02X}").chars()),
            }
        }
        let number = |fd: Option<RawFd>| fd.map_or_else(|| "-".into(), |fd| fd.to_string());
        let FileKey { dev, ino } = self.last;
        let _ = write!(to, ":{},{}:{dev:x}.{ino:x}:", number(self.lock), number(self.mapped));
        for byte in self.record.to_bytes() {
            let _ = write!(to, "{byte:02x}");
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let role = unescape(parts.next()?)?;
        let (lock, mapped) = parts.next()?.split_once(',')?;
        let (dev, ino) = parts.next()?.split_once('.')?;
        let record = Record::parse(&bytes(parts.next()?)?)?;
        let number = |text: &str| match text {
            "-" => Some(None),
            _ => text.parse().ok().filter(|&fd: &RawFd| fd > 2).map(Some),
        };
        let (lock, mapped) = (number(lock)?, number(mapped)?);
        let key =
            FileKey { dev: u64::from_str_radix(dev, 16).ok()?, ino: u64::from_str_radix(ino, 16).ok()? };
        let fits = record.has_lock == lock.is_some() && record.has_mapped == mapped.is_some();
        (fits && lock != mapped && parts.next().is_none()).then_some(Self {
            role,
            lock,
            mapped,
            last: key,
            record,
        })
    }

    fn numbers(&self) -> impl Iterator<Item = RawFd> {
        self.lock.into_iter().chain(self.mapped)
    }

    /// Makes sure that the descriptors are still what the parent gave, and keeps them from this process's children.
    fn is_here(&self) -> bool {
        // SAFETY: used in this function only; that a number may be no descriptor is what is found out.
        let borrow = |number: RawFd| unsafe { BorrowedFd::borrow_raw(number) };
        let came_through_exec = |number| rustix::io::fcntl_getfd(borrow(number)) == Ok(FdFlags::empty());
        let is_same =
            |number| rustix::fs::fstat(borrow(number)).is_ok_and(|stat| FileKey::from(&stat) == self.last);
        let is_here = self.numbers().all(came_through_exec) && self.numbers().last().is_some_and(is_same);
        is_here
            && self.numbers().all(|number| rustix::io::fcntl_setfd(borrow(number), FdFlags::CLOEXEC).is_ok())
    }

    fn take(self) -> Carried {
        // SAFETY: the parent made these descriptors for this process, which still has them and has not opened them itself
        // (`is_here`); no two items have one number (`inherited`), and an item is taken once.
        let own = |number: Option<RawFd>| number.map(|number| unsafe { OwnedFd::from_raw_fd(number) });
        Carried { record: self.record, lock: own(self.lock), mapped: own(self.mapped), object: None }
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            decoded.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            decoded.push(*first);
        }
    }
    String::from_utf8(decoded).ok()
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
    let text = std::env::var(VARIABLE).unwrap_or_default();
    let mut inherited = HashMap::new();
    // Having become close-on-exec by the first, a number is not accepted for a second.
    for item in text.split(';').filter_map(Item::parse).filter(Item::is_here) {
        inherited.entry(item.role.clone()).or_insert(item);
    }
    inherited
}

/// Takes what was inherited for a role. A second time there is nothing.
pub(crate) fn take(role: &str) -> Option<Carried> {
    let _operation = Operation::start();
    let mut inherited = INHERITED.lock().unwrap_or_else(PoisonError::into_inner);
    inherited.remove(role).map(Item::take)
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
        let last = FileKey { dev: 0x1a, ino: 0xfff };
        Item { role: role.into(), lock: Some(5), mapped: Some(17), last, record }
    }

    #[test]
    fn the_variable_is_pinned() {
        let mut text = String::new();
        item("a b").write(&mut text);
        assert_eq!(
            text,
            "a%20b:5,17:1a.fff:0300000000001000030000000000000000000000000000000000000000000000"
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
