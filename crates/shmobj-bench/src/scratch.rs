//! Directories that go with whoever made them.

use std::path::PathBuf;

/// A directory that is removed, with all that is in it, when this is dropped.
#[derive(Debug)]
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// A new one, of this process.
    pub fn new(parent: &str) -> Self {
        let path = PathBuf::from(format!("{parent}/shmobj-bench.{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory of its own");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
