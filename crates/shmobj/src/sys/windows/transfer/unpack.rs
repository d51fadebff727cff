//! Making a handle of this library of one that has come.

use std::os::windows::io::{AsHandle, OwnedHandle};

use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::sys::contract::{Arrived, Whole};
use crate::sys::windows::mapping::Mapping;
use crate::sys::windows::sync::Synchronizer;
use crate::sys::windows::{nt, rights};

/// What was told of a handle beside it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) access: Access,
    pub(super) name: String,
}

/// The handle, as what the system says that it is: nobody else is believed. Its rights are those that it has, and that were told.
pub(super) fn arrived(attempt: &Attempt<'_>, handle: OwnedHandle, told: Option<Told>) -> Result<Arrived> {
    let strange = || {
        attempt
            .fails(
                ErrorKind::WrongKind,
                "it is neither a file mapping, nor a synchronization object, nor a job",
            )
            .with_remedy("take only what a handle of this library was")
    };
    let kind = nt::kind(handle.as_handle()).ok_or_else(strange)?;
    let granted = rights::access(kind, nt::granted(handle.as_handle()).unwrap_or_default());
    let (access, name) = match told {
        Some(told) => (granted & told.access, told.name),
        None => (granted, nt::path(handle.as_handle()).map_or_else(String::new, |path| name_of(&path))),
    };
    let whole = match kind {
        Kind::FileMapping => Whole::Mapping(Mapping::of(attempt, handle)?),
        kind => Whole::Synchronizer(Synchronizer::of(kind, handle)),
    };
    Ok(Arrived { whole, kind, access, name })
}

/// A handle that somebody has made for this process.
pub(crate) fn of_handle(attempt: &Attempt<'_>, handle: OwnedHandle) -> Result<Arrived> {
    arrived(attempt, handle, None)
}

/// The name by which this library finds an object, of its path in the system's own namespace.
fn name_of(path: &str) -> String {
    let Some((directory, name)) = path.rsplit_once('\\') else { return String::new() };
    let private = name.strip_prefix("shmobj-").and_then(|rest| {
        let (digest, rest) = rest.split_at_checked(32)?;
        digest.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| rest.strip_prefix('.'))?
    });
    match private {
        Some(name) => name.to_owned(),
        None if directory == "\\BaseNamedObjects" => format!("Global\\{name}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_found_in_the_path() {
        assert_eq!(name_of(""), "");
        assert_eq!(name_of("\\BaseNamedObjects\\x"), "Global\\x");
        assert_eq!(name_of("\\Sessions\\1\\BaseNamedObjects\\x y"), "x y");
        let digest = "0123456789abcdef".repeat(2);
        assert_eq!(name_of(&format!("\\Sessions\\1\\BaseNamedObjects\\shmobj-{digest}.a.b")), "a.b");
        assert_eq!(name_of("\\Sessions\\1\\BaseNamedObjects\\shmobj-short.x"), "shmobj-short.x");
    }
}
