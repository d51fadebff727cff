//! The demo's own directory, which goes however the demo ends.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, ensure};
use tempfile::TempDir;

/// A directory with the names, as a namespace of its own, and a file to map.
pub(super) struct Home {
    dir: TempDir,
    /// The directory around it, if it had to be made.
    made: Option<PathBuf>,
}

impl Home {
    /// Makes it in /dev/shm, or in the directory that is given.
    pub(super) fn make(base: Option<&Path>) -> anyhow::Result<Self> {
        let explain = |base: &Path, error: io::Error| {
            anyhow!("cannot make a directory in {base:?}: {error}; name another place with --dir")
        };
        let mut made = None;
        if let Some(base) = base {
            match DirBuilder::new().mode(0o700).create(base) {
                Ok(()) => made = Some(base.to_owned()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(explain(base, error)),
            }
        }
        let base = base.unwrap_or(Path::new("/dev/shm"));
        let dir = tempfile::Builder::new()
            .prefix(&format!("shmobj-demo.{}.", std::process::id()))
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(base)
            .map_err(|error| explain(base, error))?;
        Ok(Self { dir, made })
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where the names are.
    pub(super) fn names(&self) -> PathBuf {
        names(self.path())
    }

    /// The file that is mapped.
    pub(super) fn notes(&self) -> PathBuf {
        notes(self.path())
    }

    /// How many files the namespace directory holds.
    pub(super) fn entries(&self) -> anyhow::Result<usize> {
        Ok(fs::read_dir(self.names())?.count())
    }

    /// Removes it; that it is gone is a part of the demo.
    pub(super) fn remove(self) -> anyhow::Result<()> {
        let path = self.path().to_owned();
        drop(self);
        ensure!(!path.exists(), "the directory {path:?} is still there");
        Ok(())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.dir.path());
        if let Some(made) = &self.made {
            let _ = fs::remove_dir(made);
        }
    }
}

/// Where the names are below a home.
pub(super) fn names(home: &Path) -> PathBuf {
    home.join("names")
}

/// The file below a home.
pub(super) fn notes(home: &Path) -> PathBuf {
    home.join("notes.txt")
}
