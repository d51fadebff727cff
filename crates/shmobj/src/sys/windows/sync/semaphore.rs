//! Semaphores.
#![allow(unsafe_code)] // calls the system

use windows_sys::Win32::Foundation::ERROR_TOO_MANY_POSTS;
use windows_sys::Win32::System::Threading::ReleaseSemaphore;

use super::{Synchronizer, done};
use crate::sys::contract::Trouble;
use crate::sys::windows::nt;

/// The kernel decides.
#[inline]
pub(crate) fn take_at_once(_: &Synchronizer) -> bool {
    false
}

/// Adds to the count; returns what it was before.
pub(crate) fn release(semaphore: &Synchronizer, count: u32) -> Result<u32, Trouble> {
    // What is no positive number of 32 bits is more than any maximum.
    let Ok(count) = i32::try_from(count) else { return Err(too_many(semaphore)) };
    let mut before = 0;
    // SAFETY: the handle is open, and the count before is written where there is room for it.
    let released = unsafe { ReleaseSemaphore(semaphore.raw(), count, &raw mut before) };
    match done("releasing it", released) {
        Ok(()) => Ok(before as u32),
        Err(Trouble::System(_, ERROR_TOO_MANY_POSTS)) => Err(too_many(semaphore)),
        Err(trouble) => Err(trouble),
    }
}

/// The count may have changed since; it is for people.
fn too_many(semaphore: &Synchronizer) -> Trouble {
    let count = nt::semaphore(semaphore.handle()).map_or(0, |told| told.count);
    Trouble::OverMaximum { count, maximum: semaphore.maximum() }
}
