//! Events: flags that threads of several processes wait for.

mod options;

pub use options::{EventOptions, Reset};

use crate::access::Access;
use crate::error::Result;
use crate::handle::{Handle, synchronization_object};
use crate::kind::Kind;
use crate::sys::sync::event;
use crate::timeout::Timeout;
use crate::wait;

/// A handle to an event object: a flag that is set and reset, and that threads wait for.
///
/// An *auto-reset* event releases one thread each time it is set, and is reset by that; a *manual-reset* event releases
/// everybody until it is reset. It mirrors [Event
/// Objects](https://learn.microsoft.com/windows/win32/sync/event-objects).
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let namespace = shmobj::Namespace::at(directory.path());
/// use shmobj::{Access, Event, Reset, Timeout};
///
/// let ready = Event::options().namespace(&namespace).reset(Reset::Manual).create("ready")?;
/// // ... in another process:
/// let event = Event::options().namespace(&namespace).open("ready", Access::MODIFY)?;
/// event.set()?;
/// // ... and here:
/// assert!(ready.wait(Timeout::NEVER)?);
/// # Ok(()) }
/// ```
///
/// # Crashes
/// Setting, resetting and waiting are each one atomic step: a process killed in the middle has done it, with all its
/// consequences, or not. On Linux a signal that was given to a thread that is killed before it runs is not lost: the next wait
/// takes it.
#[doc(alias = "CreateEvent")]
pub struct Event(Handle);

synchronization_object!(Event, EventOptions, Kind::Event, "event", create: "CreateEvent", open: "OpenEvent");

impl Event {
    /// Options for creating one, or for opening one in a namespace of one's own.
    pub fn options<'a>() -> EventOptions<'a> {
        EventOptions::default()
    }

    /// Which waits find it signalled: one, or all until it is reset. The object's, whatever was asked for (EV-12). On Windows
    /// [`Auto`](Reset::Auto) if the object does not let this process ask.
    #[must_use]
    pub fn reset_mode(&self) -> Reset {
        self.0.object.reset_mode().unwrap_or_default()
    }

    /// Sets the event. An auto-reset event releases one thread, the others of this process or another that wait longer or come
    /// later; sets of an event that is set, and that nobody waits for, do not add up.
    ///
    /// Two sets release two sleeping threads. On Linux, while somebody sleeps for *all* of several objects with this one among them,
    /// the second may find the first not taken yet, and be one with it; and without a sleeping thread no system call is made.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`MODIFY`](Access::MODIFY).
    #[doc(alias = "SetEvent")]
    #[inline]
    pub fn set(&self) -> Result<()> {
        self.0.require(Access::MODIFY, "set")?;
        self.0.run("set", event::set)
    }

    /// Resets the event. Threads that slept for it when it was set pass all the same.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`MODIFY`](Access::MODIFY).
    /// [`Stalled`](crate::ErrorKind::Stalled): a process that is taking it together with others does not go on.
    #[doc(alias = "ResetEvent")]
    #[inline]
    pub fn reset(&self) -> Result<()> {
        self.0.require(Access::MODIFY, "reset")?;
        self.0.run("reset", event::reset)
    }

    /// Releases the threads that wait now (an auto-reset event: one of them), and leaves the event reset. For programs that
    /// are being ported; who comes a moment later misses it, and on Windows also a thread that the system has taken out of its wait for
    /// a moment.
    ///
    /// On Linux, if somebody waits for all of several objects, it takes up to 20 ms to find out whether that one has a use for it.
    ///
    /// # Errors
    /// Those of [`reset`](Self::reset).
    ///
    /// # Crashes
    /// On Linux: killed in its middle, an auto-reset event may stay set.
    #[doc(alias = "PulseEvent")]
    pub fn pulse(&self) -> Result<()> {
        self.0.require(Access::MODIFY, "pulse")?;
        self.0.run("pulse", event::pulse)
    }

    /// Waits until the event is set, and resets it if it is an auto-reset event. False: not before the time-out, and
    /// nothing was changed.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`SYNCHRONIZE`](Access::SYNCHRONIZE).
    #[doc(alias = "WaitForSingleObject")]
    #[inline]
    pub fn wait(&self, timeout: impl Into<Timeout>) -> Result<bool> {
        self.0.require(Access::SYNCHRONIZE, wait::VERB)?;
        if event::take_at_once(&self.0.object) {
            return Ok(true);
        }
        wait::for_handle(&self.0, timeout.into()).map(|got| got.is_some())
    }
}

impl wait::Signal for Event {
    fn signal(&self) -> Result<()> {
        self.set()
    }
}
