//! Mutexes.
#![allow(unsafe_code)] // calls the system

use windows_sys::Win32::Foundation::ERROR_NOT_OWNER;
use windows_sys::Win32::System::Threading::ReleaseMutex;

use super::{Synchronizer, done};
use crate::sys::contract::Trouble;
use crate::sys::windows::nt;

/// The kernel decides.
#[inline]
pub(crate) fn take_at_once(_: &Synchronizer) -> bool {
    false
}

pub(crate) fn release(mutex: &Synchronizer) -> Result<(), Trouble> {
    // SAFETY: the handle is open.
    done("releasing it", unsafe { ReleaseMutex(mutex.raw()) }).map_err(|trouble| match trouble {
        Trouble::System(_, ERROR_NOT_OWNER) => Trouble::NotOwner,
        trouble => trouble,
    })
}

/// How many times this thread owns it. 0 also where the object does not let this process ask.
pub(crate) fn depth(mutex: &Synchronizer) -> u32 {
    match nt::mutant(mutex.handle()) {
        Some(told) if told.is_owned_by_caller != 0 => 1_i32.wrapping_sub(told.count) as u32,
        _ => 0,
    }
}
