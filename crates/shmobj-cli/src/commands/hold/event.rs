//! `shmobj hold event`.

use std::process::ExitCode;

use shmobj::{Event, Reset};

use super::target::{Target, how};
use crate::Place;
use crate::state::reset_word;

/// Holds an event: a flag that others set, reset and wait for.
///
/// Prints one line when the event is there, for example
///
///     holding event "ready" (auto reset, created)
///
/// If the name exists, that event is held as it is ("opened").
/// With a command after `--`, it is held while the command runs, as by `shmobj hold mapping`.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct HoldEvent {
    #[command(flatten)]
    target: Target,
    /// It stays set until somebody resets it; otherwise by the first wait that it satisfies.
    #[arg(long)]
    manual_reset: bool,
    /// It is set from the beginning.
    #[arg(long)]
    signaled: bool,
}

impl HoldEvent {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let Target { name, command, .. } = &self.target;
        let signals = super::catch_signals(command)?;
        let event = Event::options()
            .namespace(&place.namespace)
            .security(self.target.security())
            .reset(if self.manual_reset { Reset::Manual } else { Reset::Auto })
            .signaled(self.signaled)
            .create(name)?;
        if event.existed() && self.manual_reset && event.reset_mode() != Reset::Manual {
            self.target.warn("its auto reset");
        }
        if event.existed() && self.signaled {
            self.target.warn("its state");
        }
        let (reset, how) = (reset_word(event.reset_mode()), how(event.existed()));
        super::hold(place, &format!("holding event {name:?} ({reset} reset, {how})"), &signals, command)
    }
}
