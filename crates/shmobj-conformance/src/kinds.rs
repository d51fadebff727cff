//! The kinds of object, for rows that speak of all of them.

use shmobj::transfer::AnyHandle;
use shmobj::{Access, Kind, Result};

use crate::objects::{Objects, PAGE};

/// Those that the library offers.
pub(crate) const KINDS: [Kind; 6] =
    [Kind::FileMapping, Kind::Mutex, Kind::Event, Kind::Semaphore, Kind::WaitableTimer, Kind::Job];

/// Those that can be waited for.
pub(crate) const WAITABLE: [Kind; 5] =
    [Kind::Mutex, Kind::Event, Kind::Semaphore, Kind::WaitableTimer, Kind::Job];

/// Creates an object of this kind, or opens the one of this name; unnamed if the name is empty. Memory has a page, a semaphore counts 1 of 1,
/// nothing is owned, set or armed, and a job has no process.
pub(crate) fn create(place: &impl Objects, kind: Kind, name: &str) -> Result<AnyHandle> {
    Ok(match kind {
        Kind::FileMapping => place.mappings().size(PAGE as u64).create(name)?.into(),
        Kind::Mutex => place.mutexes().create(name)?.into(),
        Kind::Event => place.events().create(name)?.into(),
        Kind::Semaphore => place.semaphores().initial(1).max(1).create(name)?.into(),
        Kind::WaitableTimer => place.timers().create(name)?.into(),
        Kind::Job => place.jobs().create(name)?.into(),
        kind => panic!("there are no objects of the kind {kind}"),
    })
}

/// Opens an object of this kind.
pub(crate) fn open(place: &impl Objects, kind: Kind, name: &str, access: Access) -> Result<AnyHandle> {
    Ok(match kind {
        Kind::FileMapping => place.mappings().open(name, access)?.into(),
        Kind::Mutex => place.mutexes().open(name, access)?.into(),
        Kind::Event => place.events().open(name, access)?.into(),
        Kind::Semaphore => place.semaphores().open(name, access)?.into(),
        Kind::WaitableTimer => place.timers().open(name, access)?.into(),
        Kind::Job => place.jobs().open(name, access)?.into(),
        kind => panic!("there are no objects of the kind {kind}"),
    })
}

/// Whether the object existed before this handle.
pub(crate) fn existed(handle: &AnyHandle) -> bool {
    match handle {
        AnyHandle::FileMapping(mapping) => mapping.existed(),
        AnyHandle::Mutex(mutex) => mutex.existed(),
        AnyHandle::Event(event) => event.existed(),
        AnyHandle::Semaphore(semaphore) => semaphore.existed(),
        AnyHandle::WaitableTimer(timer) => timer.existed(),
        AnyHandle::Job(job) => job.existed(),
        other => panic!("what is {other:?}?"),
    }
}

/// The kind of this name, as a role is told it.
pub(crate) fn named(name: &str) -> Kind {
    KINDS.into_iter().find(|kind| kind.as_str() == name).unwrap_or_else(|| panic!("no kind is called {name}"))
}
