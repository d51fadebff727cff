//! `shmobj set`, `shmobj reset` and `shmobj pulse`: what one does to events.

use std::process::ExitCode;

use shmobj::{Access, Event};

use crate::Place;

/// An event that somebody holds.
#[derive(Debug, clap::Args)]
pub(crate) struct NamedEvent {
    /// The event, which somebody has to hold.
    #[arg(value_parser = super::name)]
    name: String,
}

impl NamedEvent {
    /// Opens it, and does this to it.
    pub(super) fn run(
        &self,
        place: &Place,
        operation: fn(&Event) -> shmobj::Result<()>,
    ) -> anyhow::Result<ExitCode> {
        let event = Event::options().namespace(&place.namespace).open(&self.name, Access::MODIFY)?;
        operation(&event)?;
        Ok(ExitCode::SUCCESS)
    }
}
