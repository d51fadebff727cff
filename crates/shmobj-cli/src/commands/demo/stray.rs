//! A process that tries to get away from its job as daemons get away from what started them, and who keeps it in the job.
//!
//! The member starts a process in a session of its own, which starts another one and ends at once. That one has neither parents nor a
//! terminal nor a descriptor of theirs, and runs until it is killed.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use shmobj::job::Child;
use shmobj::{Job, Namespace};

use super::home;
use crate::commands::{child, own_program};

/// The name of the job.
pub(super) const JOB: &str = "build";
/// The subcommand, which is seen in the command lines of the processes.
pub(super) const SUBCOMMAND: &str = "demo-stray";

/// A process of `shmobj demo` that is in a job.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoStray {
    /// Tells the processes of one demo from those of another.
    mark: OsString,
    #[arg(value_enum)]
    step: Step,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Step {
    /// Prints the number of the stray.
    Member,
    /// Between the two.
    Parent,
    Stray,
}

impl DemoStray {
    pub(in crate::commands) fn run(&self) -> anyhow::Result<ExitCode> {
        match self.step {
            Step::Member => {
                let mut parent = Command::new(own_program());
                parent
                    .arg(SUBCOMMAND)
                    .arg(&self.mark)
                    .arg("parent")
                    .stdin(Stdio::null())
                    .stderr(Stdio::null());
                child::in_own_session(&mut parent);
                let output = parent.output()?;
                ensure!(output.status.success(), "the stray's parent ended with {}", output.status);
                std::io::stdout().write_all(&output.stdout)?;
            }
            Step::Parent => {
                let mut stray = Command::new(own_program());
                stray.arg(SUBCOMMAND).arg(&self.mark).arg("stray");
                let stray = stray.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
                writeln!(std::io::stdout(), "{}", stray.id())?;
                return Ok(ExitCode::SUCCESS);
            }
            Step::Stray => {}
        }
        loop {
            std::thread::sleep(Duration::from_secs(60));
        }
    }
}

/// Starts a member in a job. Returns it, and the number of the stray, which runs.
pub(in crate::commands) fn start(job: &Job, mark: &Path) -> anyhow::Result<(Child, u32)> {
    let mut member = Command::new(own_program());
    member.arg(SUBCOMMAND).arg(mark).arg("member").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut member = job.spawn(&mut member)?;
    let mut line = String::new();
    BufReader::new(member.stdout.take().context("it has no output")?).read_line(&mut line)?;
    match line.trim_end().parse() {
        Ok(stray) => Ok((member, stray)),
        Err(_) => bail!("process {} of the job could not start another one", member.id()),
    }
}

/// The peer's part: a job that it alone holds.
#[derive(Default)]
pub(super) struct Keeper {
    job: Option<Job>,
}

impl Keeper {
    pub(super) fn start(&mut self, home: &Path) -> anyhow::Result<String> {
        let namespace = Namespace::at(home::names(home));
        let job = Job::options().namespace(&namespace).kill_on_close(true).create_new(JOB)?;
        let (member, stray) = start(&job, home)?;
        self.job = Some(job);
        Ok(format!(
            "created the job {JOB:?} and started process {} in it, which left process {stray} behind as a daemon",
            member.id()
        ))
    }
}
