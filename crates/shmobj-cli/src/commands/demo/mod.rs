//! `shmobj demo`: what the library is for, shown and verified in a few seconds.
//!
//! Two processes, started from this same program, know nothing of each other but a name. The demo tells them when to
//! do what ([`actor`]), they do it ([`peer`]), and the kernel is asked whether it is true ([`evidence`]).

mod actor;
mod evidence;
mod home;
pub(super) mod peer;
mod report;
mod story;

use std::process::ExitCode;
use std::time::Instant;

use crate::Place;
use crate::signals::Signals;
use home::Home;
use report::Report;

/// Shows two processes sharing memory and a file by name, and what SIGKILL leaves: nothing.
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
        story::tell(&home, &signals, &mut report)?;
        home.remove()?;
        report.end(started.elapsed())?;
        Ok(ExitCode::SUCCESS)
    }
}
