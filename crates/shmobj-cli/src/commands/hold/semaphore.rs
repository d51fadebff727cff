//! `shmobj hold semaphore`.

use std::process::ExitCode;

use shmobj::Semaphore;

use super::target::{Target, how};
use crate::Place;

/// Holds a semaphore: a count that waits take from and `shmobj release` adds to.
///
/// Prints one line when the semaphore is there, for example
///
///     holding semaphore "tokens" (at most 4, created)
///
/// If the name exists, that semaphore is held as it is ("opened").
/// With a command after `--`, it is held while the command runs, as by `shmobj hold mapping`.
///
/// What a process took that is killed does not come back. To run at most so many commands at a time,
/// see `shmobj sem`.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct HoldSemaphore {
    #[command(flatten)]
    target: Target,
    /// The first count; 0 without it.
    #[arg(long, value_name = "N")]
    initial: Option<u32>,
    /// The largest count; 2147483647 without it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    max: Option<u32>,
}

impl HoldSemaphore {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let Target { name, command, .. } = &self.target;
        let signals = super::catch_signals(command)?;
        let options = Semaphore::options().namespace(&place.namespace).security(self.target.security());
        let options = options.initial(self.initial.unwrap_or(0)).max(self.max.unwrap_or(i32::MAX as u32));
        let semaphore = options.create(name)?;
        if semaphore.existed() && self.max.is_some_and(|max| max != semaphore.max()) {
            self.target.warn(&format!("its maximum of {}", semaphore.max()));
        }
        if semaphore.existed() && self.initial.is_some() {
            self.target.warn("its count");
        }
        let (max, how) = (semaphore.max(), how(semaphore.existed()));
        super::hold(place, &format!("holding semaphore {name:?} (at most {max}, {how})"), &signals, command)
    }
}
