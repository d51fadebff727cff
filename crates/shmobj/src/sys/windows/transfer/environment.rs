//! Handles that a child inherits.
//!
//! The very handle is made inheritable, and the child gets it under the same number (IH-2), as long as it is open when the child is
//! started. A variable of the environment tells what it is:
//!
//! ```text
//! SHMOBJ_INHERITED=parent:role:handle:access:kind:granted:path:name;...     the numbers in hexadecimal
//! ```
//!
//! The variable also reaches the children of programs in between, where a number may be free, or anybody's handle. So only a child of the
//! very process that wrote it looks at the number: the standard library starts all its children with inheritance, and they have what was
//! inheritable then. What is found must be of the same kind, with the same granted rights and the same path in the system's namespace.
#![allow(unsafe_code)] // takes handles that the environment names

use std::collections::BTreeMap;
use std::fmt::Write;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};

use windows_sys::Win32::Foundation::{GetHandleInformation, HANDLE_FLAG_INHERIT, SetHandleInformation};

use super::Carried;
use super::process::own;
use super::unpack::{Told, arrived};
use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::sys::contract::Arrived;
use crate::sys::escape::{escape, unescape};
use crate::sys::windows::error::last_error;
use crate::sys::windows::nt;
use crate::transfer::sealed::Parts;

const VARIABLE: &str = "SHMOBJ_INHERITED";
/// How long a variable can be.
const LONGEST: usize = 32_767;

/// What identifies an object, as far as the system tells.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    kind: Kind,
    granted: u32,
    path: String,
}

impl Known {
    fn of(handle: BorrowedHandle<'_>) -> Option<Self> {
        Some(Self { kind: nt::kind(handle)?, granted: nt::granted(handle)?, path: nt::path(handle)? })
    }
}

/// Makes a child inherit a handle, in addition to those that it was promised before.
pub(crate) fn pass_on(
    attempt: &Attempt<'_>,
    command: &mut Command,
    role: &str,
    parts: Parts<'_>,
) -> Result<()> {
    LazyLock::force(&INHERITED); // what this process inherited itself and has not taken is not for its children
    let carried = Carried::from(parts);
    let mut text = promised(command).map_or_else(String::new, |before| format!("{before};"));
    let handle = carried.handle.as_raw_handle();
    let known = Known::of(carried.handle).ok_or_else(|| {
        attempt.fails(
            ErrorKind::Other,
            "the system does not tell what it is, and the child could not know it again",
        )
    })?;
    let _ = write!(text, "{:x}:", std::process::id());
    escape(&mut text, role);
    let (number, access) = (handle.addr(), carried.access.bits());
    let _ = write!(text, ":{number:x}:{access:x}:{:x}:{:x}:", known.kind as u32, known.granted);
    escape(&mut text, &known.path);
    text.push(':');
    escape(&mut text, carried.name);
    if text.len() >= LONGEST {
        return Err(attempt
            .fails(
                ErrorKind::InvalidParameter,
                "the child's environment has no room for so many handles with such names",
            )
            .with_remedy("pass on fewer, or shorter names"));
    }
    // SAFETY: the handle is open; only its flag changes.
    if unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) } == 0 {
        return Err(attempt.os("making it inheritable", last_error()));
    }
    command.env(VARIABLE, text);
    Ok(())
}

/// Whether a command's children were promised a handle for this role.
pub(crate) fn is_promised(command: &Command, role: &str) -> bool {
    let text = promised(command).unwrap_or_default();
    text.split(';').filter_map(Item::parse).any(|(known, _)| known == role)
}

fn promised(command: &Command) -> Option<&str> {
    command.get_envs().find_map(|(name, value)| if name == VARIABLE { value?.to_str() } else { None })
}

/// What the environment tells of one handle.
#[derive(Clone, Debug)]
struct Item {
    /// The process that wrote it.
    parent: u32,
    number: usize,
    known: Known,
    told: Told,
}

impl Item {
    fn parse(text: &str) -> Option<(String, Self)> {
        let mut parts = text.split(':');
        let parent = u32::from_str_radix(parts.next()?, 16).ok()?;
        let role = unescape(parts.next()?)?;
        let number = usize::from_str_radix(parts.next()?, 16).ok()?;
        let access = Access::from_bits(u32::from_str_radix(parts.next()?, 16).ok()?)?;
        let kind = u32::from_str_radix(parts.next()?, 16).ok()?;
        let kind = Kind::ALL.into_iter().find(|&known| known as u32 == kind)?;
        let granted = u32::from_str_radix(parts.next()?, 16).ok()?;
        let path = unescape(parts.next()?)?;
        let name = unescape(parts.next()?)?;
        let known = Known { kind, granted, path };
        // The last two bits say nothing, and the numbers at the end are pseudo handles.
        let is_handle = number != 0 && number % 4 == 0 && number < isize::MAX as usize;
        (is_handle && parts.next().is_none())
            .then_some((role, Self { parent, number, known, told: Told { access, name } }))
    }

    fn borrow(&self) -> BorrowedHandle<'_> {
        let raw = std::ptr::without_provenance_mut(self.number);
        // SAFETY: used for calls only that find out whether the number is a handle, and of what.
        unsafe { BorrowedHandle::borrow_raw(raw) }
    }

    /// Whether it is what the parent gave; it is then kept from this process's own children.
    fn is_here(&self) -> bool {
        let mut flags = 0;
        let raw = self.borrow().as_raw_handle();
        // SAFETY: a number that is no handle is an error.
        let came_by_inheritance =
            unsafe { GetHandleInformation(raw, &raw mut flags) } != 0 && flags & HANDLE_FLAG_INHERIT != 0;
        let is_same = came_by_inheritance && Known::of(self.borrow()).as_ref() == Some(&self.known);
        // SAFETY: it is this process's handle, which nothing but this library knows of.
        is_same && unsafe { SetHandleInformation(raw, HANDLE_FLAG_INHERIT, 0) } != 0
    }
}

/// What this process has inherited, and not taken. The first look keeps all of it from this process's own children.
static INHERITED: LazyLock<Mutex<Inherited>> = LazyLock::new(|| {
    let text = std::env::var(VARIABLE).unwrap_or_default();
    let parent = nt::parent();
    let mut inherited = Inherited { named: Vec::new(), here: BTreeMap::new() };
    let ours = |(_, item): &(String, Item)| Some(item.parent) == parent;
    for (role, item) in text.split(';').filter_map(Item::parse).filter(ours) {
        inherited.named.push(role.clone());
        // One handle may have several roles; the first look at it takes its flag.
        let is_here = match inherited.here.values().find(|known| known.number == item.number) {
            Some(known) => known.known == item.known,
            None => item.is_here(),
        };
        if is_here {
            inherited.here.insert(role, item);
        }
    }
    Mutex::new(inherited)
});

#[derive(Debug)]
struct Inherited {
    /// All roles that the environment names.
    named: Vec<String>,
    here: BTreeMap<String, Item>,
}

/// Takes the handle of a role, if it is there.
pub(crate) fn take(attempt: &Attempt<'_>, role: &str) -> Option<Result<Arrived>> {
    let mut inherited = INHERITED.lock().unwrap_or_else(PoisonError::into_inner);
    let item = inherited.here.remove(role)?;
    let has_other_role = inherited.here.values().any(|other| other.number == item.number);
    let handle = if has_other_role {
        own(attempt, item.borrow())
    } else {
        let raw = item.borrow().as_raw_handle();
        // SAFETY: the parent made this handle inheritable for this process, which still has it (`is_here`) and has not opened it itself. No other
        // item has its number any more, and an item is taken once.
        Ok(unsafe { OwnedHandle::from_raw_handle(raw) })
    };
    Some(handle.and_then(|handle| arrived(attempt, handle, Some(item.told))))
}

/// Whether the environment names a role, taken or not.
pub(crate) fn is_named(role: &str) -> bool {
    INHERITED.lock().unwrap_or_else(PoisonError::into_inner).named.iter().any(|named| named == role)
}

/// The roles that can still be taken.
pub(crate) fn roles() -> Vec<String> {
    INHERITED.lock().unwrap_or_else(PoisonError::into_inner).here.keys().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_tells_a_handle() {
        let (role, item) =
            Item::parse("4d:frames:1c:100001:2:100003:\\BaseNamedObjects\\x:Local\\x").unwrap();
        assert_eq!(item.parent, 0x4d);
        assert_eq!((role.as_str(), item.number, item.told.name.as_str()), ("frames", 0x1c, "Local\\x"));
        assert_eq!(item.told.access, Access::QUERY | Access::SYNCHRONIZE);
        let path = "\\BaseNamedObjects\\x".to_owned();
        assert_eq!(item.known, Known { kind: Kind::Event, granted: 0x10_0003, path });
    }

    #[test]
    fn nonsense_is_no_handle() {
        for text in [
            "",
            "a",
            "a:0:1:2:1::",
            "a:3:1:2:1::",
            "a:fffffffffffffffc:1:2:1::",
            "a:1c:80000000:2:1::",
            "a:1c:1:9:1::",
            "a:1c:1:2:1::x:y",
            "a:1c:1:2:1:x",
            "%4:1c:1:2:1::",
        ] {
            assert!(Item::parse(text).is_none(), "{text}");
        }
    }
}
