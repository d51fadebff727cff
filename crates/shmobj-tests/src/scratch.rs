//! A namespace directory of a test's own, on tmpfs, removed with everything in it.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::random::unique;

/// A directory `/dev/shm/shmobj-test.<random>` with mode 0700.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes one.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Self {
        let path = PathBuf::from(format!("/dev/shm/shmobj-test.{:016x}", unique()));
        fs::DirBuilder::new().mode(0o700).create(&path).expect("a scratch directory in /dev/shm");
        Self { path }
    }

    /// Makes one with other permissions, for several users.
    #[must_use]
    pub fn with_mode(mode: u32) -> Self {
        let scratch = Self::new();
        fs::set_permissions(&scratch.path, fs::Permissions::from_mode(mode)).expect("chmod of a scratch");
        scratch
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The names of all files in it, in order.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let listing = fs::read_dir(&self.path).expect("a listing of the scratch");
        let mut names: Vec<_> =
            listing.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Panics unless it is empty; `when` says after what.
    #[track_caller]
    pub fn assert_empty(&self, when: &str) {
        assert_eq!(self.files(), [""; 0], "left in the namespace directory {when}");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A file or directory elsewhere that a test has made, or lets the library make, removed with the guard.
#[derive(Debug)]
pub struct Removed(pub PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0).or_else(|_| fs::remove_dir_all(&self.0));
    }
}
