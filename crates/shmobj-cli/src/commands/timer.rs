//! `shmobj timer`: sets and cancels waitable timers.

use std::process::ExitCode;
use std::time::Duration;

use shmobj::{Access, Due, Period, WaitableTimer};

use crate::{Place, due, duration};

/// Sets or cancels a waitable timer.
#[derive(Debug, clap::Args)]
pub(crate) struct Timer {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Set(Set),
    Cancel(Cancel),
}

/// Sets a waitable timer. It is not signaled any more, and will be when it is due.
///
/// No process has to run for it to fire, but somebody has to hold it. A due time from now does not count the time that the
/// machine is suspended; one by the clock follows the clock when that is set. A time that has passed is due at once.
#[derive(Debug, clap::Args)]
struct Set {
    /// The timer, which somebody has to hold.
    #[arg(value_parser = super::name)]
    name: String,
    /// When it is due first: 1s, 100ms (from now), 2030-01-31T12:00:00+01:00, or @ and seconds since 1970.
    #[arg(long, value_name = "WHEN", value_parser = due::parse)]
    due: Due,
    /// How often it is due after that: 1s, 100ms; only once without it.
    #[arg(long, value_name = "TIME", value_parser = duration::parse_period)]
    every: Option<Duration>,
}

/// Stops a waitable timer. If it has fired already, it stays signaled.
#[derive(Debug, clap::Args)]
struct Cancel {
    /// The timer, which somebody has to hold.
    #[arg(value_parser = super::name)]
    name: String,
}

impl Timer {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        match &self.what {
            What::Set(set) => open(place, &set.name)?.set(set.due, set.every.map(Period::every))?,
            What::Cancel(cancel) => open(place, &cancel.name)?.cancel()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn open(place: &Place, name: &str) -> shmobj::Result<WaitableTimer> {
    WaitableTimer::options().namespace(&place.namespace).open(name, Access::MODIFY)
}
