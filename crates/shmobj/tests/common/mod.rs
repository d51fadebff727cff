//! What these tests share: a namespace and a place for files of their own each, errors as Win32 numbers, and a look
//! at this process's memory that cannot fault.
#![allow(dead_code, unused_imports)] // every file of tests uses a part of it

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

pub(crate) mod objects;
pub(crate) mod sleeper;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

#[cfg(windows)]
pub(crate) use system::granted;
pub(crate) use system::{
    LONGEST_NAME, for_others, not_mappable, on_wine, peek, poke, read_at, rights, write_at,
};

use shmobj::{Access, Error, FileMapping, MappingOptions, Namespace, Result};
use tempfile::{Builder, TempDir};

/// The page size and the allocation granularity that the rows speak of.
pub(crate) const PAGE: usize = 4096;
pub(crate) const GRANULARITY: usize = 64 << 10;

/// A namespace that no other test knows, and a directory for files beside it. Both vanish with it.
pub(crate) struct Place {
    directory: TempDir,
    pub(crate) namespace: Namespace,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = match Path::new("/dev/shm") {
            tmpfs if tmpfs.is_dir() => Builder::new().prefix("shmobj-test.").tempdir_in(tmpfs),
            _ => tempfile::tempdir(),
        };
        let directory = directory.expect("a directory of its own for a test");
        let namespace = Namespace::at(directory.path().join("names"));
        Self { directory, namespace }
    }

    pub(crate) fn options(&self) -> MappingOptions<'_> {
        FileMapping::options().namespace(&self.namespace)
    }

    /// A named mapping of memory.
    pub(crate) fn memory(&self, name: &str, size: u64) -> FileMapping {
        self.options().size(size).create(name).expect("memory is mapped")
    }

    pub(crate) fn open(&self, name: &str, access: Access) -> Result<FileMapping> {
        self.options().open(name, access)
    }

    /// Where the entries are.
    pub(crate) fn names(&self) -> PathBuf {
        self.directory.path().join("names")
    }

    /// A path for a file of the test's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A new file with these contents, open for reading and writing.
    pub(crate) fn file(&self, contents: &[u8]) -> File {
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(true).open(self.path("data")).unwrap();
        file.write_all(contents).unwrap();
        file
    }

    /// The same file once more.
    pub(crate) fn reopened(&self, write: bool) -> File {
        OpenOptions::new().read(true).write(write).open(self.path("data")).unwrap()
    }

    /// What the file contains now.
    pub(crate) fn contents(&self) -> Vec<u8> {
        std::fs::read(self.path("data")).unwrap()
    }
}

/// What `GetLastError` gives, 0 for success.
pub(crate) fn code<T>(result: Result<T>) -> u32 {
    result.map_or_else(|error| error.win32_code(), |_| 0)
}

/// The error of what has to fail.
pub(crate) fn error<T>(result: Result<T>) -> Error {
    match result {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error,
    }
}

/// Bytes that differ from their neighbours, and from those a page or a cache line away.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251 + index / 251 % 7 + 1) as u8).collect()
}
