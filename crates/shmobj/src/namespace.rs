//! Where names are looked up.

#[cfg(target_os = "linux")]
use std::path::Path;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::name::Scope;
use crate::sys::namespace::{Place, without_forks};

/// Where names are looked up. All six kinds of object share it.
///
/// | name | object |
/// |---|---|
/// | `x` or `Local\x` | the user's own: other users' `x` are other objects; on Windows the session's own |
/// | `Global\x` | everybody's on this machine |
///
/// Names are case-sensitive, have up to 32,766 UTF-16 units, and may contain every character but the backslash
/// (and NUL on Windows, where what stands in front of the names of a private namespace counts as well: 46 units).
///
/// | mistake | error | Win32 |
/// |---|---|---|
/// | nothing behind the prefix, or too long; on Windows, a NUL | [`InvalidName`](crate::ErrorKind::InvalidName) | 123 |
/// | an unknown prefix, a wrong case, another backslash | [`PathNotFound`](crate::ErrorKind::PathNotFound) | 3 |
/// | a leading backslash | [`BadPathname`](crate::ErrorKind::BadPathname) | 161 |
/// | exactly `Local`, `Global` or `Session`; empty when opening | [`WrongKind`](crate::ErrorKind::WrongKind) | 6 |
/// | on Linux, a directory that is loose, somebody else's, or on a network | [`BadNamespace`](crate::ErrorKind::BadNamespace) | 5 |
///
/// On Linux the user's own names are files in `/dev/shm/shmobj.<uid>`, which is made on first use, or in the directory
/// that the environment variable `SHMOBJ_DIR` names; the global ones are files `/dev/shm/shmobj.*`.
///
/// # Windows
/// A name is the *session's*. Whoever runs in the session finds it: programs of other users (`runas`) and of low integrity too. The same user in
/// another session, a scheduled task or a service does not; they need `Global\x`. AppContainers have names of their own.
///
/// Whoever is first with a name decides who else may open the object. So who needs to be the one that made it asks
/// [`existed`](crate::FileMapping::existed), or uses [`create_new`](crate::MappingOptions::create_new).
#[derive(Clone, Debug)]
pub struct Namespace(Arc<Places>);

#[derive(Debug)]
struct Places {
    local: Place,
    global: Place,
}

impl Namespace {
    /// A namespace of one's own in a directory, for tests, or for containers that share a volume. `x` and `Local\x`
    /// are in the directory; `Global\x` is still everybody's.
    ///
    /// The directory is made (mode 0700) when the first object is created. It must be the caller's or root's, must be sticky if
    /// others can write it, and must not be on a network file system; otherwise operations fail with
    /// [`BadNamespace`](crate::ErrorKind::BadNamespace). A tmpfs is best: entries are files there.
    ///
    /// # Windows
    /// The path only makes the names differ: it becomes a prefix of them. No directory is made or looked at, and nobody is kept out: the names of a
    /// session can be listed. One directory may be written with either slash, in any letter case, or relative; short names, links and
    /// substituted drives are not followed, so each of them is a namespace of its own.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use shmobj::{Access, FileMapping, Namespace};
    /// let directory = tempfile::tempdir()?;
    /// let namespace = Namespace::at(directory.path());
    /// let mapping = FileMapping::options().namespace(&namespace).size(4096).create("frames")?;
    /// assert!(FileMapping::options().namespace(&namespace).open("frames", Access::READ).is_ok());
    /// # Ok(()) }
    /// ```
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Places { local: Place::at(directory.into()), global: Place::global() }))
    }

    /// The namespace that operations use when none is given: the user's own, or that of `SHMOBJ_DIR`, which is read
    /// once per process.
    ///
    /// On Linux the variable is ignored in a program that runs with more rights than its caller. The namespace stays that of the user who first
    /// used it: a process that changes its user afterwards names a namespace of its own. On Windows the variable is read in an
    /// elevated program as well: one that must not follow it names its namespace itself.
    #[must_use]
    pub fn default_namespace() -> &'static Self {
        static DEFAULT: OnceLock<Namespace> = OnceLock::new();
        let places = || Self(Arc::new(Places { local: Place::default_local(), global: Place::global() }));
        DEFAULT.get().unwrap_or_else(|| without_forks(|| DEFAULT.get_or_init(places)))
    }

    /// The directory of a scope.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn directory(&self, scope: Scope) -> &Path {
        self.place(scope).path()
    }

    pub(crate) fn or_default(given: Option<&Self>) -> &Self {
        given.unwrap_or_else(|| Self::default_namespace())
    }

    pub(crate) fn place(&self, scope: Scope) -> &Place {
        match scope {
            Scope::Local => &self.0.local,
            Scope::Global => &self.0.global,
        }
    }
}
