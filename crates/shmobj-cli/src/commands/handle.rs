//! Handles of whatever kind a name belongs to.

use anyhow::bail;
use shmobj::transfer::AnyHandle;
use shmobj::{Access, Event, FileMapping, Kind, Mutex, Semaphore, WaitableTimer};

use crate::Place;
use crate::rights::Sort;

/// Opens what has the name, with those of the rights that its kind has.
pub(super) fn open(place: &Place, name: &str, access: Access) -> anyhow::Result<AnyHandle> {
    let namespace = &place.namespace;
    let kind = namespace.inspect(name)?.kind;
    let sort = Sort::of(kind);
    // As it stands, ALL is all that the object permits, and not more than that.
    let access = if access == Access::ALL { access } else { access & sort.rights() };
    if access.is_empty() {
        bail!("cannot open {kind} {name:?}: it has none of these rights; say {}", sort.choice());
    }
    Ok(match kind {
        Kind::FileMapping => FileMapping::options().namespace(namespace).open(name, access)?.into(),
        Kind::Mutex => Mutex::options().namespace(namespace).open(name, access)?.into(),
        Kind::Event => Event::options().namespace(namespace).open(name, access)?.into(),
        Kind::Semaphore => Semaphore::options().namespace(namespace).open(name, access)?.into(),
        Kind::WaitableTimer => WaitableTimer::options().namespace(namespace).open(name, access)?.into(),
        kind => bail!("cannot open {kind} {name:?}: this command does not know how"),
    })
}
