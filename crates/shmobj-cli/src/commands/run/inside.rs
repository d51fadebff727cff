//! What `shmobj run --job` starts in the job of that name, to start the command from there.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use shmobj::transfer::{self, InheritExt as _};
use shmobj::{Access, Job};

use super::process::{self, End, Process};
use crate::Place;
use crate::commands::{ENDING_WITH_COMMAND, child, exec, own_program};
use crate::signals::Signals;

/// What it inherits: the job that the command is to be in.
const ROLE: &str = "shmobj run";

/// A command inside of two jobs.
#[derive(Debug, clap::Args)]
pub(crate) struct RunInside {
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// What starts it.
pub(super) fn command(place: &Place, words: &[OsString], job: &Job) -> anyhow::Result<Command> {
    let mut command = Command::new(own_program());
    if let Some(dir) = &place.dir {
        command.arg("--dir").arg(dir);
    }
    command.args(["run-inside", "--"]).args(words);
    exec::pass_on(&mut command, |_| true)?;
    command.inherit(ROLE, &job.try_clone_with(Access::ASSIGN | Access::QUERY)?)?;
    Ok(command)
}

impl RunInside {
    pub(in crate::commands) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let Some(mut command) = child::command(place, &self.command)? else { return Ok(ExitCode::SUCCESS) };
        // Those of a terminal are not ours to die of before the command has ended.
        let signals = Signals::catch(&ENDING_WITH_COMMAND)?;
        let job: Job = transfer::inherited(ROLE)?;
        command.env_remove("SHMOBJ_INHERITED");
        exec::pass_on(&mut command, |_| true)?;
        let started = Process::start(&job, &mut command);
        // From here on, who started us is the only one who holds it.
        drop(job);
        let mut process = match started {
            Ok(process) => process,
            Err(error) => return process::cannot_start(&command, error),
        };
        drop(command);
        loop {
            match process.wait(&signals, None)? {
                End::Ended(status) => return Ok(child::code(status).into()),
                End::Signal(caught) if caught.by_process => process.signal(caught.signal),
                _ => {}
            }
        }
    }
}
