//! `shmobj hold mapping`.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::anyhow;
use clap::ValueEnum;
use shmobj::{Access, Allocation, FileMapping, Grant, LargePages, Protection};

use crate::{Place, output, rights, size};

/// Holds a file mapping: memory, or a file.
///
/// Prints one line when the mapping is there, for example
///
///     holding file mapping "frames" (67108864 bytes, created)
///
/// If the name exists, that mapping is held as it is ("opened").
/// Without --size and --file it has to exist.
///
/// With a command after `--`, the mapping is held while the command runs. The line goes to stderr;
/// the command gets --dir as SHMOBJ_DIR, and the signals that a process sends.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct HoldMapping {
    /// The name of the mapping.
    name: String,
    /// How large it is: bytes, or 4K, 64M, 1GiB.
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    size: Option<u64>,
    /// Map this file instead of memory; with --size it is made if it does not exist, and extended.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Permit views that read, and none that write.
    #[arg(long)]
    read_only: bool,
    /// Reserve the memory, and commit what is written with `shmobj write`.
    #[arg(long, conflicts_with = "file")]
    reserve: bool,
    /// Use large pages: where the system gives them, or (required) those of its pool or none.
    #[arg(long, value_enum, value_name = "HOW", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "transparent", conflicts_with = "file")]
    large_pages: Option<Large>,
    /// Who else may open it, in octal as of a file: 0640 lets the group read.
    #[arg(long, value_parser = crate::commands::mode, default_value = "0600")]
    mode: u32,
    /// Who else may open it, by name or number: user:ann:read, group:staff:write. Rights: query, read, write (or
    /// read-write: write brings read), all, none. Others find Global\ names, and those of a --dir that they may enter.
    #[arg(long, value_name = "WHO:RIGHTS", value_parser = rights::mapping_grant)]
    allow: Vec<Grant>,
    /// Let the owner's processes in other PID namespaces find it.
    #[arg(long)]
    across_pid_namespaces: bool,
    /// Hold it while this command runs, and end with its exit code.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Large {
    Transparent,
    Required,
}

impl HoldMapping {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let signals = super::catch_signals(&self.command)?;
        let mapping = self.make(place)?;
        let how = if mapping.existed() { "opened" } else { "created" };
        let line = format!("holding file mapping {:?} ({} bytes, {how})", self.name, mapping.size());
        self.warn_of_another_size(&mapping);
        let code = super::hold(place, &line, &signals, &self.command)?;
        drop(mapping);
        Ok(code)
    }

    fn make(&self, place: &Place) -> anyhow::Result<FileMapping> {
        let options = FileMapping::options().namespace(&place.namespace);
        let options = options
            .size(self.size.unwrap_or(0))
            .protection(if self.read_only { Protection::ReadOnly } else { Protection::ReadWrite })
            .allocation(if self.reserve { Allocation::Reserve } else { Allocation::Commit })
            .large_pages(match self.large_pages {
                None => LargePages::No,
                Some(Large::Transparent) => LargePages::Transparent,
                Some(Large::Required) => LargePages::Required,
            })
            .security(rights::security(self.mode, &self.allow))
            .across_pid_namespaces(self.across_pid_namespaces);
        match (&self.file, self.size) {
            (None, None) => Ok(options.open(&self.name, Access::READ)?),
            (None, Some(_)) => Ok(options.create(&self.name)?),
            (Some(path), size) => {
                let file = NewOrOld::open(path, self.read_only, size.is_some())?;
                let mapping = options.file(&file.file).create(&self.name)?;
                if !mapping.existed() {
                    file.keep();
                }
                Ok(mapping)
            }
        }
    }

    /// As on Windows, the size of an existing mapping is what it is; whoever asked for another one should know.
    fn warn_of_another_size(&self, mapping: &FileMapping) {
        let Some(size) = self.size.filter(|_| mapping.existed()) else { return };
        let rounded = size.checked_next_multiple_of(mapping.page_size());
        if size != mapping.size() && rounded != Some(mapping.size()) {
            output::message(&format!("{:?} exists with {} bytes, and keeps them", self.name, mapping.size()));
        }
    }
}

/// The file to map; one that was made for it goes again if it is not mapped after all.
struct NewOrOld<'a> {
    file: File,
    made: Option<&'a Path>,
}

impl<'a> NewOrOld<'a> {
    fn open(path: &'a Path, read_only: bool, may_make: bool) -> anyhow::Result<Self> {
        let explain = |error: io::Error| anyhow!("cannot open file {path:?}: {error}");
        let options = OpenOptions::new().read(true).write(!read_only).clone();
        match options.open(path) {
            Ok(file) => Ok(Self { file, made: None }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_make && !read_only => {
                let file = options.clone().create_new(true).open(path).map_err(explain)?;
                Ok(Self { file, made: Some(path) })
            }
            Err(error) => Err(explain(error)),
        }
    }

    fn keep(mut self) {
        self.made = None;
    }
}

impl Drop for NewOrOld<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.made {
            let _ = std::fs::remove_file(path);
        }
    }
}
