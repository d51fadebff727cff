//! A handle whose kind is known only when the program runs.

use super::sealed::{Parts, Sealed};
use super::{Transfer, wrong_kind};
use crate::access::Access;
use crate::error::Result;
use crate::handle::Handle;
use crate::kind::Kind;
use crate::sys::contract::{Arrived, Whole};
use crate::wait::Waitable;
use crate::wait::sealed::Sealed as _;
use crate::{Event, FileMapping, Job, Mutex, Semaphore, WaitableTimer};

/// A handle of any kind: what arrives where the sender chose.
///
/// Taking it as a kind that it is not is an error, and closes it: look at [`kind`](Self::kind), or match, where that would be a loss.
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// use shmobj::{ErrorKind, Event, Mutex, transfer::AnyHandle};
/// let any = AnyHandle::from(Event::options().create_unnamed()?);
/// if let AnyHandle::Event(event) = &any {
///     event.set()?;
/// }
/// assert_eq!(Mutex::try_from(any).unwrap_err().kind(), ErrorKind::WrongKind);
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyHandle {
    /// A file mapping.
    FileMapping(FileMapping),
    /// A mutex.
    Mutex(Mutex),
    /// An event.
    Event(Event),
    /// A semaphore.
    Semaphore(Semaphore),
    /// A waitable timer.
    WaitableTimer(WaitableTimer),
    /// A job.
    Job(Job),
}

impl AnyHandle {
    /// The kind of object.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::FileMapping(_) => Kind::FileMapping,
            Self::Mutex(_) => Kind::Mutex,
            Self::Event(_) => Kind::Event,
            Self::Semaphore(_) => Kind::Semaphore,
            Self::WaitableTimer(_) => Kind::WaitableTimer,
            Self::Job(_) => Kind::Job,
        }
    }

    /// The object's name; empty for an unnamed one.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.parts() {
            Parts::Mapping(mapping) => mapping.name(),
            Parts::Synchronization(handle) => handle.name(),
        }
    }

    /// Another handle to the object, with the same rights.
    ///
    /// # Errors
    /// Those of the kind's own `try_clone`.
    pub fn try_clone(&self) -> Result<Self> {
        self.try_clone_with(self.access())
    }

    /// Another handle to the object, with these rights.
    ///
    /// # Errors
    /// Those of the kind's own `try_clone_with`.
    pub fn try_clone_with(&self, access: Access) -> Result<Self> {
        Ok(match self {
            Self::FileMapping(mapping) => mapping.try_clone_with(access)?.into(),
            Self::Mutex(mutex) => mutex.try_clone_with(access)?.into(),
            Self::Event(event) => event.try_clone_with(access)?.into(),
            Self::Semaphore(semaphore) => semaphore.try_clone_with(access)?.into(),
            Self::WaitableTimer(timer) => timer.try_clone_with(access)?.into(),
            Self::Job(job) => job.try_clone_with(access)?.into(),
        })
    }

    /// The object to wait for; nothing for a mapping.
    #[must_use]
    pub fn as_waitable(&self) -> Option<&dyn Waitable> {
        match self {
            Self::FileMapping(_) => None,
            Self::Mutex(mutex) => Some(mutex),
            Self::Event(event) => Some(event),
            Self::Semaphore(semaphore) => Some(semaphore),
            Self::WaitableTimer(timer) => Some(timer),
            Self::Job(job) => Some(job),
        }
    }

    /// The rights of this handle.
    #[must_use]
    pub fn access(&self) -> Access {
        match self.parts() {
            Parts::Mapping(mapping) => mapping.access(),
            Parts::Synchronization(handle) => handle.access(),
        }
    }
}

/// The handle of what has arrived.
pub(super) fn of(arrived: Arrived) -> AnyHandle {
    let Arrived { whole, kind, access, name } = arrived;
    match (whole, kind) {
        (Whole::Mapping(mapping), _) => AnyHandle::FileMapping(FileMapping::arrived(mapping, name, access)),
        (Whole::Synchronizer(object), kind) => {
            let handle = Handle::arrived(object, name, access);
            match kind {
                Kind::Mutex => AnyHandle::Mutex(Mutex::of(handle)),
                Kind::Semaphore => AnyHandle::Semaphore(Semaphore::of(handle)),
                Kind::WaitableTimer => AnyHandle::WaitableTimer(WaitableTimer::of(handle)),
                Kind::Job => AnyHandle::Job(Job::of(handle)),
                _ => AnyHandle::Event(Event::of(handle)),
            }
        }
    }
}

impl Transfer for AnyHandle {}

impl Sealed for AnyHandle {
    fn parts(&self) -> Parts<'_> {
        match self {
            Self::FileMapping(mapping) => mapping.parts(),
            Self::Mutex(mutex) => mutex.parts(),
            Self::Event(event) => event.parts(),
            Self::Semaphore(semaphore) => semaphore.parts(),
            Self::WaitableTimer(timer) => timer.parts(),
            Self::Job(job) => job.parts(),
        }
    }

    fn from_any(any: AnyHandle) -> Result<Self> {
        Ok(any)
    }

    fn kind() -> Option<Kind> {
        None
    }
}

macro_rules! sealed {
    ($($Object:ident: $parts:expr),* $(,)?) => {$(
        impl Sealed for $Object {
            fn parts(&self) -> Parts<'_> {
                $parts(self)
            }

            fn from_any(any: AnyHandle) -> Result<Self> {
                match any {
                    AnyHandle::$Object(object) => Ok(object),
                    other => Err(wrong_kind(other.kind(), Kind::$Object, other.name())),
                }
            }

            fn kind() -> Option<Kind> {
                Some(Kind::$Object)
            }
        }
    )*};
}

sealed! {
    FileMapping: Parts::Mapping,
    Mutex: |it| Parts::Synchronization(Mutex::handle(it)),
    Event: |it| Parts::Synchronization(Event::handle(it)),
    Semaphore: |it| Parts::Synchronization(Semaphore::handle(it)),
    WaitableTimer: |it| Parts::Synchronization(WaitableTimer::handle(it)),
    Job: |it| Parts::Synchronization(Job::handle(it)),
}
