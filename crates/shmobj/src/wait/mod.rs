//! Waiting for one object, for any of several, or for all of them at once.
//!
//! ```
//! # fn main() -> Result<(), shmobj::Error> {
//! use std::time::Duration;
//! use shmobj::{Event, Mutex, Semaphore, wait};
//! use shmobj::wait::{Waited, WaitedAll};
//!
//! let ready = Event::options().create_unnamed()?;
//! let ledger = Mutex::options().create_unnamed()?;
//! let slots = Semaphore::options().initial(1).create_unnamed()?;
//!
//! match wait::any(&[&ready, &ledger], Duration::from_secs(5))? {
//!     Waited::Signaled(1) => ledger.release()?,
//!     other => panic!("the mutex is free: {other:?}"),
//! }
//! assert_eq!(wait::all(&[&slots, &ledger], Duration::ZERO)?, WaitedAll::Signaled);
//! # ledger.release()?;
//! # Ok(()) }
//! ```
//!
//! A satisfied wait takes from each object what its kind says:
//!
//! | object | signalled when | a satisfied wait |
//! |---|---|---|
//! | [`Mutex`](crate::Mutex) | nobody owns it, or this thread does | this thread owns it once more |
//! | [`Event`](crate::Event), auto reset | set | resets it |
//! | [`Event`](crate::Event), manual reset | set | changes nothing |
//! | [`Semaphore`](crate::Semaphore) | its count is not 0 | takes 1 |
//! | [`WaitableTimer`](crate::WaitableTimer), synchronization | it has expired since the last wait | takes the expiry |
//! | [`WaitableTimer`](crate::WaitableTimer), manual reset | it has expired | changes nothing |
//!
//! Signal handlers that run meanwhile change nothing, as long as they call nothing of this themselves; on Windows waits are not alertable. There
//! is no order among those who wait.

use crate::access::Access;
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::handle::Handle;
use crate::sys::contract::{Got, Trouble};
use crate::sys::sync::{Synchronizer, spin, wait as sys};
use crate::timeout::Timeout;

/// The most objects of one wait: 128 on Linux, 64 on Windows.
#[doc(alias = "MAXIMUM_WAIT_OBJECTS")]
pub const MAXIMUM_OBJECTS: usize = sys::MAXIMUM_OBJECTS;

pub(crate) mod sealed {
    /// Only this crate's objects can be waited for.
    pub trait Sealed {
        /// What the kinds have in common.
        fn handle(&self) -> &super::Handle;
    }
}

/// An object that can be waited for.
pub trait Waitable: sealed::Sealed {}

/// An object that [`signal_and_wait`] can signal: an event is set, a semaphore released by 1, a mutex released.
pub trait Signal {
    /// Signals it.
    ///
    /// # Errors
    /// Those of the operation that it stands for.
    fn signal(&self) -> Result<()>;
}

/// How a wait for one object, or for any of several, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it says whether there was anything to wait for"]
pub enum Waited {
    /// The object of this index was signalled, and the wait took from it what it takes. Of several that were, the lowest index.
    #[doc(alias = "WAIT_OBJECT_0")]
    Signaled(usize),
    /// The object of this index is a mutex whose owner ended without releasing it. This thread owns it now.
    #[doc(alias = "WAIT_ABANDONED_0")]
    Abandoned(usize),
    /// None before the time-out. Nothing was taken.
    #[doc(alias = "WAIT_TIMEOUT")]
    TimedOut,
}

/// How a wait for all of several objects ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it says whether anything was taken"]
pub enum WaitedAll {
    /// All were signalled at one instant, and taken.
    Signaled,
    /// The same, and the owners of the mutexes of these indices, in ascending order, had ended without releasing them.
    /// Windows tells that one has, and not which: there these are all mutexes that this thread did not own before.
    Abandoned(Vec<usize>),
    /// Not before the time-out. Nothing was taken.
    TimedOut,
}

/// Waits for one object.
///
/// # Errors
/// [`AccessDenied`](ErrorKind::AccessDenied): the handle has not the right [`SYNCHRONIZE`](Access::SYNCHRONIZE).
/// [`Corrupt`](ErrorKind::Corrupt): somebody wrote nonsense into the object.
/// [`Stalled`](ErrorKind::Stalled): a process that is taking it together with others does not go on for five seconds.
///
/// # Crashes
/// Killed while it waits: nothing was taken. Killed after that: what it took is gone with it, but for mutexes, which are
/// abandoned.
#[doc(alias = "WaitForSingleObject")]
pub fn one(object: &dyn Waitable, timeout: impl Into<Timeout>) -> Result<Waited> {
    let got = for_handle(object.handle(), timeout.into())?;
    Ok(got.map_or(Waited::TimedOut, |got| waited(0, got)))
}

fn waited(index: usize, got: Got) -> Waited {
    match got {
        Got::Plainly => Waited::Signaled(index),
        Got::Abandoned => Waited::Abandoned(index),
    }
}

pub(crate) fn for_handle(handle: &Handle, timeout: Timeout) -> Result<Option<Got>> {
    handle.require(Access::SYNCHRONIZE, VERB)?;
    handle.run(VERB, |object| sys::one(object, || timeout.deadline()))
}

/// What an error says that was tried.
pub(crate) const VERB: &str = "wait for";

/// Waits until any of the objects is signalled, and takes from that one only. Of several that are signalled, it is the first
/// one in order; on Linux one that others take and give back meanwhile may be passed over. The same object may be given several times.
///
/// On Linux, if one is signalled already, no system call is made. Before Linux 5.16 all but the first object are looked at every
/// millisecond instead.
///
/// # Errors
/// [`InvalidParameter`](ErrorKind::InvalidParameter): no objects, or more than [`MAXIMUM_OBJECTS`].
/// [`AccessDenied`](ErrorKind::AccessDenied): a handle has not the right [`SYNCHRONIZE`](Access::SYNCHRONIZE). All are
/// looked at before anything is taken, and the first bad one decides. And those of [`one`].
///
/// # Crashes
/// As of [`one`].
#[doc(alias = "WaitForMultipleObjects")]
pub fn any(objects: &[&dyn Waitable], timeout: impl Into<Timeout>) -> Result<Waited> {
    let timeout = timeout.into();
    let first = checked(objects)?;
    let mut list: [&Synchronizer; MAXIMUM_OBJECTS] = [first; MAXIMUM_OBJECTS];
    let list = collect(objects, &mut list)?;
    let got = sys::any(list, || timeout.deadline()).map_err(|trouble| trouble_of(objects, trouble))?;
    Ok(got.map_or(Waited::TimedOut, |(index, got)| waited(index, got)))
}

/// Waits until all objects are signalled at the same instant, and takes from all in one atomic step. Until then nothing is
/// taken or reserved, and others may take single objects meanwhile: a wait for much can starve.
///
/// # Errors
/// Those of [`any`]. [`InvalidParameter`](ErrorKind::InvalidParameter): an object is given twice.
///
/// # Crashes
/// Killed while it waits: nothing was taken. Killed in the middle of taking: some may be taken and others not, as if the process
/// had been killed between two waits; mutexes among them are abandoned, and nothing stays locked.
#[doc(alias = "WaitForMultipleObjects")]
pub fn all(objects: &[&dyn Waitable], timeout: impl Into<Timeout>) -> Result<WaitedAll> {
    let timeout = timeout.into();
    let first = checked(objects)?;
    let mut list: [&Synchronizer; MAXIMUM_OBJECTS] = [first; MAXIMUM_OBJECTS];
    let list = collect(objects, &mut list)?;
    let taken = sys::all(list, timeout.deadline()).map_err(|trouble| trouble_of(objects, trouble))?;
    Ok(match taken {
        None => WaitedAll::TimedOut,
        Some(abandoned) if abandoned.is_empty() => WaitedAll::Signaled,
        Some(abandoned) => WaitedAll::Abandoned(abandoned),
    })
}

/// Signals one object, and waits for another: an event is set, a semaphore released by 1, a mutex released. The signal can be
/// seen before the wait begins; after a time-out it stays done.
///
/// # Errors
/// Those of the signal, after which nothing was waited for, and those of [`one`]. Whether the handle can be waited for is looked
/// at before anything is signalled.
///
/// # Crashes
/// Killed in the middle, the signal was given or not.
#[doc(alias = "SignalObjectAndWait")]
pub fn signal_and_wait(
    signal: &dyn Signal,
    object: &dyn Waitable,
    timeout: impl Into<Timeout>,
) -> Result<Waited> {
    object.handle().require(Access::SYNCHRONIZE, VERB)?; // SW-7
    signal.signal()?;
    one(object, timeout)
}

/// The checks that need no object.
fn checked<'a>(objects: &[&'a dyn Waitable]) -> Result<&'a Synchronizer> {
    match objects {
        [first, ..] if objects.len() <= MAXIMUM_OBJECTS => Ok(&first.handle().object),
        _ => Err(bad_number(objects)),
    }
}

#[cold]
fn bad_number(objects: &[&dyn Waitable]) -> Error {
    let remedy = format!("give 1 to {MAXIMUM_OBJECTS} objects");
    let Some(first) = objects.first() else {
        let attempt = Attempt { verb: VERB, subject: "object", name: "" };
        return attempt.fails(ErrorKind::InvalidParameter, "none was given").with_remedy(remedy); // WM-1
    };
    let matter = format!("it is one of {}, which are too many to wait for at once", objects.len());
    first.handle().attempt(VERB).fails(ErrorKind::InvalidParameter, matter).with_remedy(remedy) // WM-2
}

/// The objects behind the handles, after a look at the rights of each (WM-4 to WM-6).
fn collect<'a, 'b>(
    objects: &[&'a dyn Waitable],
    list: &'b mut [&'a Synchronizer; MAXIMUM_OBJECTS],
) -> Result<&'b [&'a Synchronizer]> {
    for (object, place) in objects.iter().zip(list.iter_mut()) {
        let handle = object.handle();
        handle.require(Access::SYNCHRONIZE, VERB)?;
        *place = &handle.object;
    }
    Ok(&list[..objects.len()])
}

#[cold]
fn trouble_of(objects: &[&dyn Waitable], (index, trouble): (usize, Trouble)) -> Error {
    trouble.of(&objects[index].handle().attempt(VERB))
}

/// Whether waits look again for a while before they sleep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spinning {
    /// As long as that has proved useful for the object: at most some 150 microseconds.
    #[default]
    Adaptive,
    /// Never: to save power, or where the other side never runs at the same time.
    Never,
}

/// Chooses for the whole process whether waits spin. On Windows it changes nothing: the kernel waits.
pub fn set_spinning(spinning: Spinning) {
    spin::set_wanted(spinning == Spinning::Adaptive);
}
