//! Handles that a child inherits.
//!
//! The very handle is made inheritable, and the child gets it under the same number (IH-2), as long as it is open when the child is
//! started. A variable of the environment tells what it is:
//!
//! ```text
//! SHMOBJ_INHERITED=role:handle:access:name;...     the numbers in hexadecimal
//! ```
//!
//! A number that a program in between has closed may be another object's by now: what the child finds there must have the
//! same name, or none.
#![allow(unsafe_code)] // takes handles that the environment names

use std::collections::BTreeMap;
use std::fmt::Write;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};

use windows_sys::Win32::Foundation::{GetHandleInformation, HANDLE_FLAG_INHERIT, SetHandleInformation};

use super::Carried;
use super::unpack::{Told, arrived};
use crate::access::Access;
use crate::error::{Attempt, Result};
use crate::sys::contract::Arrived;
use crate::sys::windows::error::last_error;
use crate::sys::windows::nt;
use crate::transfer::sealed::Parts;

const VARIABLE: &str = "SHMOBJ_INHERITED";

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
    escape(&mut text, role);
    let _ = write!(text, ":{:x}:{:x}:", carried.handle.as_raw_handle().addr(), carried.access.bits());
    escape(&mut text, carried.name);
    let handle = carried.handle.as_raw_handle();
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
    number: usize,
    told: Told,
}

impl Item {
    fn parse(text: &str) -> Option<(String, Self)> {
        let mut parts = text.split(':');
        let role = unescape(parts.next()?)?;
        let number = usize::from_str_radix(parts.next()?, 16).ok()?;
        let access = Access::from_bits(u32::from_str_radix(parts.next()?, 16).ok()?)?;
        let name = unescape(parts.next()?)?;
        // The last three bits say nothing, and the numbers at the end are pseudo handles.
        let is_handle = number != 0 && number % 4 == 0 && number < isize::MAX as usize;
        (is_handle && parts.next().is_none()).then_some((role, Self { number, told: Told { access, name } }))
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
        if !came_by_inheritance || nt::kind(self.borrow()).is_none() {
            return false;
        }
        let path = nt::path(self.borrow()).unwrap_or_default();
        let base = self.told.name.rsplit('\\').next().unwrap_or_default();
        let is_same = if base.is_empty() { path.is_empty() } else { path.ends_with(base) };
        // SAFETY: it is this process's handle, which nothing but this library knows of.
        is_same && unsafe { SetHandleInformation(raw, HANDLE_FLAG_INHERIT, 0) } != 0
    }
}

/// What this process has inherited, and not taken. The first look keeps all of it from this process's own children.
static INHERITED: LazyLock<Mutex<Inherited>> = LazyLock::new(|| {
    let text = std::env::var(VARIABLE).unwrap_or_default();
    let mut inherited = Inherited { named: Vec::new(), here: BTreeMap::new() };
    for (role, item) in text.split(';').filter_map(Item::parse) {
        inherited.named.push(role.clone());
        let is_new = inherited.here.values().all(|known| known.number != item.number);
        if is_new && item.is_here() {
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
    let item = INHERITED.lock().unwrap_or_else(PoisonError::into_inner).here.remove(role)?;
    let raw = item.borrow().as_raw_handle();
    // SAFETY: the parent made this handle inheritable for this process, which still has it (`is_here`) and has not opened it itself; no two
    // items have one number, and an item is taken once.
    let handle = unsafe { OwnedHandle::from_raw_handle(raw) };
    Some(arrived(attempt, handle, Some(item.told)))
}

/// Whether the environment names a role, taken or not.
pub(crate) fn is_named(role: &str) -> bool {
    INHERITED.lock().unwrap_or_else(PoisonError::into_inner).named.iter().any(|named| named == role)
}

/// The roles that can still be taken.
pub(crate) fn roles() -> Vec<String> {
    INHERITED.lock().unwrap_or_else(PoisonError::into_inner).here.keys().cloned().collect()
}

fn escape(to: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b'\\' => {
                to.push(byte.into());
            }
            _ => {
                let _ = write!(to, "%{byte:02X}");
            }
        }
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut decoded = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next()?).to_digit(16);
        decoded.push(if byte == b'%' { (digit()? * 16 + digit()?) as u8 } else { byte });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["", "frames", "a:b;c%d=e", "Local\\ä €", "x\ny"] {
            let mut escaped = String::new();
            escape(&mut escaped, text);
            assert!(!escaped.contains([':', ';', '=']), "{escaped}");
            assert_eq!(unescape(&escaped).as_deref(), Some(text));
        }
        let (role, item) = Item::parse("frames:1c:100001:Local\\x").unwrap();
        assert_eq!((role.as_str(), item.number, item.told.name.as_str()), ("frames", 0x1c, "Local\\x"));
        assert_eq!(item.told.access, Access::QUERY | Access::SYNCHRONIZE);
    }

    #[test]
    fn nonsense_is_no_handle() {
        for text in
            ["", "a", "a:0:1:", "a:3:1:", "a:fffffffffffffffc:1:", "a:1c:80000000:", "a:1c:1:x:y", "%4:1c:1:"]
        {
            assert!(Item::parse(text).is_none(), "{text}");
        }
    }
}
