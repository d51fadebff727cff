//! Events.
#![allow(unsafe_code)] // calls the system

use windows_sys::Win32::System::Threading::{PulseEvent, ResetEvent, SetEvent};

use super::{Synchronizer, done};
use crate::sys::contract::Trouble;

/// The kernel decides.
#[inline]
pub(crate) fn take_at_once(_: &Synchronizer) -> bool {
    false
}

pub(crate) fn set(event: &Synchronizer) -> Result<(), Trouble> {
    // SAFETY: the handle is open.
    done("setting it", unsafe { SetEvent(event.raw()) })
}

pub(crate) fn reset(event: &Synchronizer) -> Result<(), Trouble> {
    // SAFETY: the handle is open.
    done("resetting it", unsafe { ResetEvent(event.raw()) })
}

pub(crate) fn pulse(event: &Synchronizer) -> Result<(), Trouble> {
    // SAFETY: the handle is open.
    done("pulsing it", unsafe { PulseEvent(event.raw()) })
}
