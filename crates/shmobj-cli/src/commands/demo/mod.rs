//! `shmobj demo`: what the library is for, shown and verified in a few seconds.
//!
//! Processes that are started from this same program know nothing of each other but names. The demo tells them when to
//! do what ([`actor`]), they do it ([`peer`], [`waits`]), and it is looked at from outside whether it is true ([`evidence`],
//! [`stage`]). First they share memory ([`story`]), then they wait for each other ([`turns`]), and one keeps others together
//! ([`jobs`], [`stray`]).

mod actor;
mod evidence;
mod home;
mod jobs;
pub(super) mod peer;
mod report;
mod stage;
mod story;
pub(super) mod stray;
mod turns;
mod waits;

use std::process::ExitCode;
use std::time::Instant;

use crate::Place;
use crate::signals::Signals;
use home::Home;
use report::Report;
use stage::Stage;

/// Shows processes sharing memory by name, waiting for each other and being held together, and what SIGKILL leaves: nothing.
///
/// Needs nothing, changes nothing: names and files are in a directory of its own in /dev/shm, or in --dir, which is
/// removed at the end. Every line is verified; the exit code is 0 only if all of it is true.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {}

impl Demo {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let started = Instant::now();
        let signals = Signals::catch(&[libc::SIGINT, libc::SIGTERM, libc::SIGHUP])?;
        let home = Home::make(place.dir.as_deref())?;
        let mut report = Report::default();
        report.title(home.path())?;
        let mut stage = Stage::new(&home, &signals, &mut report);
        stage.memory_and_files()?;
        stage.turns()?;
        stage.job()?;
        home.remove()?;
        report.end(started.elapsed())?;
        Ok(ExitCode::SUCCESS)
    }
}
