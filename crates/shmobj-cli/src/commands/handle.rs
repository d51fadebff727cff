//! Kinds of objects whose names alone are known, and handles to them.

use anyhow::{anyhow, bail};
use shmobj::transfer::AnyHandle;
use shmobj::{Access, ErrorKind, Event, FileMapping, Job, Kind, Mutex, Scope, Semaphore, WaitableTimer};

use crate::rights::Sort;
use crate::{Place, description};

/// What the name belongs to.
pub(super) fn kind(place: &Place, name: &str) -> anyhow::Result<Kind> {
    match place.namespace.inspect(name) {
        Ok(info) => Ok(info.kind),
        // The library speaks of inspecting, and nobody has asked for that.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let (scope, ls) = match name.starts_with("Global\\") {
                true => (Scope::Global, "shmobj ls --global"),
                false => (Scope::Local, "shmobj ls"),
            };
            let directory = description::directory(place, scope);
            bail!(
                "cannot open object {name:?}: no object has this name in {directory}; list the names with `{ls}`"
            )
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens what has the name, with those of the rights that its kind has, to hand it on.
pub(super) fn open(place: &Place, name: &str, access: Access) -> anyhow::Result<AnyHandle> {
    let namespace = &place.namespace;
    let kind = kind(place, name)?;
    let sort = Sort::of(kind);
    // As it stands, ALL is all that the object permits, and not more than that.
    let access = if access == Access::ALL { access } else { access & sort.rights() };
    if access.is_empty() {
        bail!("cannot open {kind} {name:?}: it has none of these rights; say {}", sort.choice());
    }
    if kind == Kind::FileMapping && !access.intersects(Access::READ_WRITE) {
        bail!(
            "cannot hand on {kind} {name:?}: a handle that may only look at it stays in its process; say --access read"
        );
    }
    let opened = match kind {
        Kind::FileMapping => {
            FileMapping::options().namespace(namespace).open(name, access).map(AnyHandle::from)
        }
        Kind::Mutex => Mutex::options().namespace(namespace).open(name, access).map(AnyHandle::from),
        Kind::Event => Event::options().namespace(namespace).open(name, access).map(AnyHandle::from),
        Kind::Semaphore => Semaphore::options().namespace(namespace).open(name, access).map(AnyHandle::from),
        Kind::WaitableTimer => {
            WaitableTimer::options().namespace(namespace).open(name, access).map(AnyHandle::from)
        }
        Kind::Job => Job::options().namespace(namespace).open(name, access).map(AnyHandle::from),
        kind => bail!("cannot open {kind} {name:?}: this command does not know how"),
    };
    opened.map_err(|error| match error.kind() {
        ErrorKind::AccessDenied => anyhow!("{error} (--access: {})", sort.choice()),
        _ => error.into(),
    })
}
