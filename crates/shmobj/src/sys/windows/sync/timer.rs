//! Waitable timers.
#![allow(unsafe_code)] // calls the system

use std::ptr::null;

use windows_sys::Win32::Foundation::ERROR_INVALID_PARAMETER;
use windows_sys::Win32::System::Threading::{CancelWaitableTimer, SetWaitableTimer};

use super::{Synchronizer, done};
use crate::sys::contract::{Trouble, When};

/// 1970 in the system's time, which counts units of 100 ns since 1601.
const UNIX_EPOCH: i64 = 116_444_736_000_000_000;

/// Sets it. Due times are rounded up to 100 ns, and periods to a millisecond, which may be 24 days at most.
pub(crate) fn set(timer: &Synchronizer, when: When, period: u64) -> Result<(), Trouble> {
    let units = |nanoseconds: u64| nanoseconds.div_ceil(100) as i64; // never more than 63 bits
    let due = match when {
        When::After(nanoseconds) => -units(nanoseconds),
        When::At(nanoseconds) => UNIX_EPOCH + units(nanoseconds),
    };
    let period = i32::try_from(period.div_ceil(1_000_000)).map_err(|_| {
        Trouble::System("giving it a period of more than 2147483647 milliseconds", ERROR_INVALID_PARAMETER)
    })?;
    // SAFETY: the handle is open, and the due time is there during the call; no routine is to be called.
    done("setting it", unsafe { SetWaitableTimer(timer.raw(), &raw const due, period, None, null(), 0) })
}

pub(crate) fn cancel(timer: &Synchronizer) -> Result<(), Trouble> {
    // SAFETY: the handle is open.
    done("cancelling it", unsafe { CancelWaitableTimer(timer.raw()) })
}
