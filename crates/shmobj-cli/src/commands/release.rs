//! `shmobj release`: adds to a semaphore.

use std::io::Write as _;
use std::process::ExitCode;

use shmobj::{Access, Semaphore};

use crate::Place;

/// Adds to a semaphore's count, lets as many waits through, and prints the count before.
///
/// More than the semaphore's maximum is an error, and changes nothing. A mutex is released by its owner only: `shmobj
/// lock` does that when its command ends.
#[derive(Debug, clap::Args)]
pub(crate) struct Release {
    /// The semaphore, which somebody has to hold.
    #[arg(value_parser = super::name)]
    name: String,
    /// How much to add.
    #[arg(default_value = "1", value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    count: u32,
}

impl Release {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let semaphore = Semaphore::options().namespace(&place.namespace).open(&self.name, Access::MODIFY)?;
        let before = semaphore.release(self.count)?;
        writeln!(std::io::stdout(), "{before}")?;
        Ok(ExitCode::SUCCESS)
    }
}
