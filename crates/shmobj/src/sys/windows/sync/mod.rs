//! Synchronization objects: the kernel's own, and waiting for them.
//!
//! | room | what |
//! |---|---|
//! | [`create`] | making and opening them |
//! | [`event`], [`mutex`], [`semaphore`], [`timer`] | what can be done with each |
//! | [`wait`] | for one object, any or all; [`clock`] for how long |
//! | [`inspect`] | their state, for people |
//! | [`spin`] | nothing: the kernel waits |

pub(crate) mod clock;
mod create;
pub(crate) mod event;
pub(crate) mod inspect;
pub(crate) mod mutex;
pub(crate) mod semaphore;
pub(crate) mod spin;
pub(crate) mod timer;
pub(crate) mod wait;

use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, OwnedHandle};

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::core::BOOL;

pub(crate) use clock::Deadline;

use super::error::last_error;
use super::handle;
use crate::access::Access;
use crate::error::{Attempt, Result};
use crate::event::Reset;
use crate::kind::Kind;
use crate::sys::contract::Trouble;

/// A handle to a synchronization object.
#[derive(Debug)]
pub(crate) struct Synchronizer {
    handle: OwnedHandle,
    pub(crate) kind: Kind,
    /// If the system, or who made it, tells.
    reset: Option<Reset>,
    maximum: u32,
}

impl Synchronizer {
    pub(crate) fn handle(&self) -> BorrowedHandle<'_> {
        self.handle.as_handle()
    }

    fn raw(&self) -> HANDLE {
        self.handle.as_raw_handle()
    }

    pub(crate) fn reset_mode(&self) -> Option<Reset> {
        self.reset
    }

    /// A semaphore's maximum.
    pub(crate) fn maximum(&self) -> u32 {
        self.maximum
    }

    pub(crate) fn is_same_object(&self, other: &Self) -> bool {
        handle::is_same(&self.handle, &other.handle)
    }

    /// Another handle to the object; rights that this one has not are asked of the object (DH-3).
    pub(crate) fn duplicate(&self, attempt: &Attempt<'_>, access: Access, _more: bool) -> Result<Self> {
        let handle = handle::duplicate(self.handle(), self.kind, access)
            .map_err(|code| attempt.os("the object does not grant these rights", code))?;
        Ok(Self { handle, kind: self.kind, reset: self.reset, maximum: self.maximum })
    }
}

/// What a call that says only whether it succeeded has come to.
fn done(doing: &'static str, result: BOOL) -> Result<(), Trouble> {
    if result == 0 { Err(Trouble::System(doing, last_error())) } else { Ok(()) }
}
