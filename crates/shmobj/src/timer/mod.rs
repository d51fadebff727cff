//! Waitable timers: flags that the clock sets.

mod options;
mod schedule;

pub use options::TimerOptions;
pub use schedule::{Due, Period};

use crate::access::Access;
use crate::error::Result;
use crate::event::Reset;
use crate::handle::{Handle, synchronization_object};
use crate::kind::Kind;
use crate::sys::sync::timer;
use crate::timeout::Timeout;
use crate::wait;

/// A handle to a waitable timer: signalled when its due time comes, and then each period.
///
/// No process has to run for a timer to fire, and it fires also if the process that set it was killed, as long as somebody has a handle. (On Linux
/// the due time is in shared memory, and *signalled* is read off the clock.) It mirrors [Waitable Timer
/// Objects](https://learn.microsoft.com/windows/win32/sync/waitable-timer-objects).
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let namespace = shmobj::Namespace::at(directory.path());
/// use std::time::Duration;
/// use shmobj::{Due, Period, Timeout, WaitableTimer};
///
/// let tick = WaitableTimer::options().namespace(&namespace).create("tick")?;
/// tick.set(Due::after(Duration::from_millis(5)), Some(Period::millis(10)))?;
/// assert!(tick.wait(Timeout::NEVER)?);
/// assert!(tick.wait(Duration::from_secs(10))?);
/// tick.cancel()?;
/// # Ok(()) }
/// ```
#[doc(alias = "CreateWaitableTimer")]
pub struct WaitableTimer(Handle);

synchronization_object!(WaitableTimer, TimerOptions, Kind::WaitableTimer, "waitable timer", create: "CreateWaitableTimer", open: "OpenWaitableTimer");

impl WaitableTimer {
    /// Options for creating one, or for opening one in a namespace of one's own.
    pub fn options<'a>() -> TimerOptions<'a> {
        TimerOptions::default()
    }

    /// Whether it stays signalled until it is set again, or until one wait: the object's, whatever was asked for (TI-28).
    /// `None` where the system does not tell: Windows, of a timer that existed.
    #[must_use]
    pub fn reset_mode(&self) -> Option<Reset> {
        self.0.object.reset_mode()
    }

    /// Sets the timer: it is not signalled any more, and will be at the due time, and then each period until it is set again or
    /// cancelled. Expiries that nobody waits for do not add up.
    ///
    /// On Linux it is never early, and a sleeping thread is late by the kernel's timer slack, 50 us by default (`prctl(2)`,
    /// `PR_SET_TIMERSLACK`). Windows reckons in ticks of its clock, of up to 15.6 ms: the timer is late by up to a tick, and beside an
    /// [`Instant`](std::time::Instant) it can look early by a part of one. An absolute due time follows the wall clock when that is set, and so do
    /// the periods after it.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`MODIFY`](Access::MODIFY).
    /// [`InvalidParameter`](crate::ErrorKind::InvalidParameter): on Windows, a period of more than 24 days.
    /// [`Stalled`](crate::ErrorKind::Stalled): a process that is setting it, or taking it together with other objects, does not go on.
    ///
    /// # Crashes
    /// Killed in the middle, the old due time holds or the new one.
    #[doc(alias = "SetWaitableTimer")]
    pub fn set(&self, due: Due, period: Option<Period>) -> Result<()> {
        self.0.require(Access::MODIFY, "set")?;
        let period = period.map_or(0, Period::nanoseconds);
        self.0.run("set", |timer| timer::set(timer, due.when(), period))
    }

    /// Stops the clock. A timer that is signalled stays signalled, one that is not never will be until it is set again.
    ///
    /// # Errors
    /// Those of [`set`](Self::set).
    ///
    /// # Crashes
    /// Killed in the middle, it was cancelled or not.
    #[doc(alias = "CancelWaitableTimer")]
    pub fn cancel(&self) -> Result<()> {
        self.0.require(Access::MODIFY, "cancel")?;
        self.0.run("cancel", timer::cancel)
    }

    /// Waits until it is signalled; a synchronization timer then is not any more. False: not before the time-out.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`SYNCHRONIZE`](Access::SYNCHRONIZE).
    /// [`Corrupt`](crate::ErrorKind::Corrupt): somebody wrote nonsense into it.
    #[doc(alias = "WaitForSingleObject")]
    pub fn wait(&self, timeout: impl Into<Timeout>) -> Result<bool> {
        wait::for_handle(&self.0, timeout.into()).map(|got| got.is_some())
    }
}
