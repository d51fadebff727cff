//! What holding any synchronization object takes from the command line.

use std::ffi::OsString;

use shmobj::{Grant, Security};

use crate::{output, rights};

/// The object, who may use it, and the command that it is held for.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The name of the object.
    #[arg(value_parser = crate::commands::name)]
    pub(super) name: String,
    /// Who else may open it, in octal as of a file: 0660 lets the group use it.
    #[arg(long, value_parser = crate::commands::mode, default_value = "0600")]
    mode: u32,
    /// Who else may open it, by name or number: user:ann:use, group:staff:query. Rights: query, wait, signal (or
    /// modify), use, all, none. The kernel tells only query from the others. Others find Global\ names, and those of a --dir that they may enter.
    #[arg(long, value_name = "WHO:RIGHTS", value_parser = rights::synchronization_grant)]
    allow: Vec<Grant>,
    /// Hold it while this command runs, and end with its exit code.
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

impl Target {
    pub(super) fn security(&self) -> Security {
        rights::security(self.mode, &self.allow)
    }

    /// As on Windows, what an existing object is like is not changed; whoever asked for something else should know.
    pub(super) fn warn(&self, keeps: &str) {
        output::message(&format!("{:?} exists, and keeps {keeps}", self.name));
    }
}

/// How an object was got.
pub(super) fn how(existed: bool) -> &'static str {
    if existed { "opened" } else { "created" }
}
