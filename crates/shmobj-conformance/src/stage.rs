//! Where a test happens: a namespace that no other test knows, and a directory for files. Both vanish when it has ended.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use shmobj::{Job, Namespace, Result};
use tempfile::TempDir;

use crate::case::Section;
use crate::objects::Objects;
use crate::process::Process;

/// A test's own place.
pub(crate) struct Stage {
    section: &'static str,
    directory: PathBuf,
    namespace: Namespace,
}

/// A directory for a test: where names are files, those are best in memory.
pub(crate) fn directory() -> TempDir {
    let mut builder = tempfile::Builder::new();
    builder.prefix("shmobj-conformance."); // tells whose it is, should it stay
    let directory = match Path::new("/dev/shm") {
        tmpfs if cfg!(target_os = "linux") && tmpfs.is_dir() => builder.tempdir_in(tmpfs),
        _ => builder.tempdir(),
    };
    directory.expect("a directory of its own for a test")
}

impl Stage {
    pub(crate) fn new(section: &Section, directory: &Path) -> Self {
        let namespace = Namespace::at(names_in(directory));
        Self { section: section.name, directory: directory.to_owned(), namespace }
    }

    /// Starts a process with a role of this section, or one that all share.
    #[track_caller]
    pub(crate) fn child(&self, role: &str, arguments: &[&str]) -> Process {
        self.child_with(role, arguments, |_| ())
    }

    /// The same, with something more said to the command: what it inherits, or its environment.
    #[track_caller]
    pub(crate) fn child_with(
        &self,
        role: &str,
        arguments: &[&str],
        more: impl FnOnce(&mut Command),
    ) -> Process {
        Process::start(self.section, role, &self.directory, arguments, more)
    }

    /// Starts a process outside of all jobs of the test, with what else the command is to be told. What it starts outlives it, and not the test.
    #[track_caller]
    pub(crate) fn parent_with(&self, role: &str, more: impl FnOnce(&mut Command)) -> Process {
        Process::start_parent(self.section, role, &self.directory, more)
    }

    /// The same in a job, which can refuse it.
    pub(crate) fn member_with(
        &self,
        job: &Job,
        role: &str,
        more: impl FnOnce(&mut Command),
    ) -> Result<Process> {
        Process::start_member(job, self.section, role, &self.directory, more)
    }

    /// The same outside of a job, which can refuse it.
    pub(crate) fn outsider(&self, job: &Job, role: &str) -> Result<Process> {
        Process::start_outsider(job, self.section, role, &self.directory)
    }

    /// A name that nobody else uses, for the namespaces that all tests share: `Global\`, and the default one.
    pub(crate) fn unique(&self, name: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("shmobj-conformance.{}.{count}.{name}", std::process::id())
    }

    /// A path for a file of the test's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A new file with these contents, open for reading and writing.
    pub(crate) fn file(&self, name: &str, contents: &[u8]) -> File {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let mut file = options.open(self.path(name)).expect("a file of the test's own");
        file.write_all(contents).expect("its contents");
        file
    }

    /// A file that is there, once more.
    pub(crate) fn reopened(&self, name: &str, write: bool) -> File {
        OpenOptions::new().read(true).write(write).open(self.path(name)).expect("the file is there")
    }

    /// Writes into a file that is there, as whoever has it open may.
    pub(crate) fn overwrite(&self, name: &str, at: u64, bytes: &[u8]) {
        let mut file = self.reopened(name, true);
        file.seek(SeekFrom::Start(at)).expect("a position");
        file.write_all(bytes).expect("its contents");
    }

    /// What a file contains now.
    pub(crate) fn contents(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("the file is there")
    }
}

impl Objects for Stage {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }
}

/// Where in a test's directory its names are. On Windows no directory is made: the path begins the names.
pub(crate) fn names_in(directory: &Path) -> PathBuf {
    directory.join("names")
}
