//! `shmobj doctor`: what this system offers, what of it is degraded or broken, and what to do.
//!
//! What can be tried is tried, rather than concluded from a version: containers and sandboxes take things away that the
//! kernel has.

mod check;
mod containers;
mod jobs;
mod kernel;
mod limits;
mod memory;
mod namespace;
mod processes;
mod remove_ipc;
mod waiting;

use std::io::{self, Write as _};
use std::process::ExitCode;

use serde::Serialize;

use crate::{Place, output};
use check::{Check, Status};

/// Examines this system: kernel, /proc, /dev/shm, limits, and whether processes meet, wake and succeed each
/// other by name.
///
/// Exit code 0 if nothing is broken. "degraded" is what works less well or lacks a feature.
///
/// --json prints {"status", "checks": [{"name", "status", "found", "meaning", "remedy"}]}; a status is ok, degraded or
/// broken, and that of the whole is the worst of all checks. The remedy is null where nothing is to be done.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Also say what each check means where all is well.
    #[arg(long, conflicts_with = "json")]
    verbose: bool,
}

#[derive(Serialize)]
struct Diagnosis {
    status: Status,
    checks: Vec<Check>,
}

impl Doctor {
    pub(crate) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let checks = [
            kernel::checks(),
            processes::checks(place),
            containers::checks(),
            waiting::checks(place),
            namespace::checks(place),
            vec![jobs::check(place)],
            vec![remove_ipc::check(place)],
            memory::checks(place),
            limits::checks(),
        ];
        let checks = checks.concat();
        let status = checks.iter().map(|check| check.status).max().unwrap_or(Status::Ok);
        let diagnosis = Diagnosis { status, checks };
        let printed = if self.json {
            output::json(&diagnosis)
        } else {
            diagnosis.print(self.verbose).map_err(Into::into)
        };
        // The exit code tells the truth, even if nobody reads the rest.
        printed.or_else(|error| if output::is_broken_pipe(&error) { Ok(()) } else { Err(error) })?;
        Ok(if status == Status::Broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

impl Diagnosis {
    fn print(&self, verbose: bool) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        for check in &self.checks {
            let style = check.status.style();
            let (status, name) = (check.status.word(), check.name);
            writeln!(out, "{style}{status:<8}{style:#}  {name:<20}  {}", output::shown(&check.found))?;
            if verbose || check.status != Status::Ok {
                writeln!(out, "{:10}{}", "", output::shown(&check.meaning))?;
            }
            if let Some(remedy) = &check.remedy {
                writeln!(out, "{:10}-> {}", "", output::shown(remedy))?;
            }
        }
        let count = |status| self.checks.iter().filter(|check| check.status == status).count();
        let (degraded, broken) = (count(Status::Degraded), count(Status::Broken));
        writeln!(out, "\n{} checks: {degraded} degraded, {broken} broken", self.checks.len())?;
        out.flush()
    }
}
