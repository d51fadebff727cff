//! `shmobj hold timer`.

use std::process::ExitCode;
use std::time::Duration;

use shmobj::{Due, Period, Reset, WaitableTimer};

use super::target::{Target, how};
use crate::state::reset_word;
use crate::{Place, due, duration};

/// Holds a waitable timer, and sets it if it is new.
///
/// Prints one line when the timer is there, for example
///
///     holding waitable timer "tick" (auto reset, created)
///
/// If the name exists, that timer is held as it is ("opened"); `shmobj timer set` sets it.
/// With a command after `--`, it is held while the command runs, as by `shmobj hold mapping`.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct HoldTimer {
    #[command(flatten)]
    target: Target,
    /// It stays signaled until it is set again; otherwise until the first wait that it satisfies.
    #[arg(long)]
    manual_reset: bool,
    /// When it is due first: 1s, 100ms (from now), 2030-01-31T12:00:00+01:00, or @ and seconds since 1970.
    #[arg(long, value_name = "WHEN", value_parser = due::parse)]
    due: Option<Due>,
    /// How often it is due after that: 1s, 100ms.
    #[arg(long, value_name = "TIME", value_parser = duration::parse_period, requires = "due")]
    every: Option<Duration>,
}

impl HoldTimer {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let Target { name, command, .. } = &self.target;
        let signals = super::catch_signals(command)?;
        let timer = WaitableTimer::options()
            .namespace(&place.namespace)
            .security(self.target.security())
            .reset(if self.manual_reset { Reset::Manual } else { Reset::Auto })
            .create(name)?;
        if timer.existed() && self.manual_reset && timer.reset_mode() == Some(Reset::Auto) {
            self.target.warn("its auto reset");
        }
        match self.due {
            Some(_) if timer.existed() => self.target.warn("what it is set to"),
            Some(due) => timer.set(due, self.every.map(Period::every))?,
            None => {}
        }
        let (reset, how) = (reset_word(timer.reset_mode().unwrap_or_default()), how(timer.existed()));
        super::hold(
            place,
            &format!("holding waitable timer {name:?} ({reset} reset, {how})"),
            &signals,
            command,
        )
    }
}
