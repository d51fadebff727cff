//! `shmobj hold job`.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::ValueEnum;
use shmobj::job::{Breakaway, Limits};
use shmobj::{Grant, Job};

use super::target::how;
use crate::commands::limits::LimitArguments;
use crate::job::LimitsDescription;
use crate::{Place, output, rights};

/// Holds a job: a set of processes that is ended, limited and accounted as one.
///
/// Prints one line when the job is there, for example
///
///     holding job "build" (created)
///     holding job "build" (kill on close, at most 64 processes, created)
///
/// If the name exists, that job is held as it is ("opened"). `shmobj run --job` starts processes in it,
/// `shmobj stat` shows them, and `shmobj kill` ends them.
///
/// With a command after `--`, it is held while the command runs, as by `shmobj hold mapping`. The command
/// is not in the job.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct HoldJob {
    /// The name of the job.
    #[arg(value_parser = crate::commands::name)]
    name: String,
    /// End all its processes when the last one who holds it has let it go, or was killed. They go on otherwise.
    #[arg(long)]
    kill_on_close: bool,
    #[command(flatten)]
    limits: LimitArguments,
    /// Whether its processes may start others outside of it: not at all, if they ask for it (the library's
    /// `Job::spawn_breakaway`), or always.
    #[arg(long, value_enum, value_name = "HOW", default_value = "denied")]
    breakaway: Way,
    /// Who else may open it, in octal as of a file: 0660 lets the group use it.
    #[arg(long, value_parser = crate::commands::mode, default_value = "0600")]
    mode: u32,
    /// Who else may open it, by name or number: user:ann:use, group:staff:query. Rights: query, wait, modify, assign,
    /// terminate, use, all, none. The kernel tells only query from the others. Others find Global\ names, and those of a --dir that they may enter.
    #[arg(long, value_name = "WHO:RIGHTS", value_parser = rights::job_grant)]
    allow: Vec<Grant>,
    /// Hold it while this command runs, and end with its exit code.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Way {
    Denied,
    Allowed,
    Silent,
}

impl HoldJob {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let Self { name, command, .. } = self;
        let signals = super::catch_signals(command)?;
        let wanted = self.limits();
        let job = Job::options()
            .namespace(&place.namespace)
            .security(rights::security(self.mode, &self.allow))
            .limits(wanted)
            .create(name)?;
        let limits = job.limits()?;
        if job.existed() && wanted != Limits::new() && wanted != limits {
            // As on Windows, what an existing object is like is not changed; whoever asked for something else should know.
            output::message(&format!("{name:?} exists, and keeps its limits"));
        }
        let mut words = LimitsDescription::new(&limits).words();
        words.push(how(job.existed()).into());
        super::hold(place, &format!("holding job {name:?} ({})", words.join(", ")), &signals, command)
    }

    fn limits(&self) -> Limits {
        self.limits.limits().kill_on_close(self.kill_on_close).breakaway(match self.breakaway {
            Way::Denied => Breakaway::Denied,
            Way::Allowed => Breakaway::Allowed,
            Way::Silent => Breakaway::Silent,
        })
    }
}
