//! `shmobj sem`: so many commands at a time.
//!
//! A slot is a mutex, so that the kernel gives it back when its holder is killed. A semaphore of the plain name says how
//! many there are, so that nobody who counts otherwise comes in; nobody takes from it.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use shmobj::wait::Waitable;
use shmobj::{Mutex, Security, Semaphore};

use super::acquire::{self, Acquired};
use super::{TIMED_OUT, child, owned};
use crate::signals::Signals;
use crate::{Place, duration, output};

/// What tells the command which slot it has.
const SLOT: &str = "SHMOBJ_SLOT";

/// Runs a command while having one of N slots: at most N at a time on this machine.
///
/// Everybody who uses the name has to say the same --max. The command finds the number of its slot, from 0 on, in
/// SHMOBJ_SLOT; no two that run at the same time have the same one. Who waits longest is not always served first. Ends as `shmobj
/// lock` does, and passes signals on as it does.
///
/// Unlike the units of a semaphore (`shmobj hold semaphore`, `shmobj wait`, `shmobj release`), slots have owners: each is
/// a mutex, called NAME/slot-0 and so on. The slot of a process that is killed comes back by itself, and the kernel kills
/// its command with SIGKILL, as of `shmobj lock`. Whoever gets such a slot is told on stderr, and its command has
/// SHMOBJ_ABANDONED=1. The semaphore NAME itself only holds the maximum: taking from it takes no slot.
#[derive(Debug, clap::Args)]
pub(crate) struct Sem {
    /// The name of the slots.
    #[arg(value_parser = super::name)]
    name: String,
    /// How many commands may run at a time, from 1 to 128.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=128))]
    max: u32,
    /// How long to wait for a slot: 5s, 100ms, 0; for as long as it takes without it.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Who else may use them, in octal as of a file: 0660 lets the group.
    #[arg(long, value_parser = super::mode, default_value = "0600")]
    mode: u32,
    /// The command, and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Sem {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let Some(mut command) = child::command(place, &self.command)? else { return Ok(ExitCode::SUCCESS) };
        let signals = Signals::catch(&super::ENDING_WITH_COMMAND)?;
        let _maximum = self.maximum(place)?;
        let slots = self.slots(place)?;
        let waitable: Vec<&dyn Waitable> = slots.iter().map(|slot| slot as &dyn Waitable).collect();
        match acquire::any(&waitable, self.timeout, &signals)? {
            Acquired::Got { index, abandoned } => {
                if abandoned {
                    let former = "its former holder ended without giving it back";
                    output::message(&format!("slot {index} of {:?} was abandoned: {former}", self.name));
                }
                command.env(SLOT, index.to_string());
                owned::run(command, &signals, &slots[index], abandoned)
            }
            Acquired::TimedOut => {
                let (max, within) = (self.max, duration::exact(self.timeout.unwrap_or_default()));
                let matter = format!("all {max} are taken (`shmobj ls` shows by whom)");
                output::message(&format!("cannot get a slot of {:?} within {within}: {matter}", self.name));
                Ok(TIMED_OUT.into())
            }
            Acquired::Interrupted(signal) => Ok(child::code_of_signal(signal).into()),
        }
    }

    /// The semaphore that says how many slots there are.
    fn maximum(&self, place: &Place) -> anyhow::Result<Semaphore> {
        let options = Semaphore::options().namespace(&place.namespace).security(Security::mode(self.mode));
        let semaphore = options.initial(self.max).max(self.max).create(&self.name)?;
        if semaphore.max() != self.max {
            bail!(
                "cannot use the slots {:?} with a maximum of {}: they are in use with one of {}; say --max {} or \
                 choose another name",
                self.name,
                self.max,
                semaphore.max(),
                semaphore.max(),
            );
        }
        Ok(semaphore)
    }

    fn slots(&self, place: &Place) -> shmobj::Result<Vec<Mutex>> {
        let options = Mutex::options().namespace(&place.namespace).security(Security::mode(self.mode));
        (0..self.max).map(|index| options.create(&format!("{}/slot-{index}", self.name))).collect()
    }
}
