//! `shmobj hold mutex`.

use std::process::ExitCode;

use shmobj::Mutex;

use super::target::{Target, how};
use crate::commands::acquire::{self, Acquired};
use crate::commands::{child, owned};
use crate::{Place, output};

/// Holds a mutex, without owning it unless --locked asks for that.
///
/// Prints one line when the mutex is there, for example
///
///     holding mutex "ledger" (created)
///     holding mutex "ledger" (locked, opened)
///
/// If the name exists, that mutex is held as it is ("opened").
/// With a command after `--`, it is held while the command runs, as by `shmobj hold mapping`.
///
/// Holding a mutex keeps it in being: if its owner is killed while nobody else uses it, the next one
/// is told. To run a command that must be alone, see `shmobj lock`.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct HoldMutex {
    #[command(flatten)]
    target: Target,
    /// Own it for as long as it is held: from the beginning if it is new, or as soon as nobody else owns it.
    #[arg(long)]
    locked: bool,
}

impl HoldMutex {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let Target { name, command, .. } = &self.target;
        let signals = super::catch_signals(command)?;
        let mutex = Mutex::options()
            .namespace(&place.namespace)
            .security(self.target.security())
            .initially_owned(self.locked)
            .create(name)?;
        if self.locked && mutex.existed() {
            match acquire::any(&[&mutex], None, &signals)? {
                Acquired::Got { abandoned: true, .. } => output::message(&owned::abandoned(name)),
                Acquired::Interrupted(signal) => return Ok(child::code_of_signal(signal).into()),
                _ => {}
            }
        }
        let (locked, how) = (if self.locked { "locked, " } else { "" }, how(mutex.existed()));
        let code = super::hold(place, &format!("holding mutex {name:?} ({locked}{how})"), &signals, command);
        if self.locked {
            owned::release(&mutex);
        }
        code
    }
}
