//! `shmobj hold`: keeps an object alive for scripts.
//!
//! A subcommand for each kind of object makes or opens it; what follows is the same for all of them.

mod event;
mod job;
mod mapping;
mod mutex;
mod semaphore;
mod target;
mod timer;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use super::{ENDING, ENDING_WITH_COMMAND, child};
use crate::Place;
use crate::signals::Signals;

/// Creates or opens an object and holds it until Ctrl-C or SIGTERM, or while a command runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Hold {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, clap::Subcommand)]
enum Kind {
    Mapping(mapping::HoldMapping),
    Event(event::HoldEvent),
    Mutex(mutex::HoldMutex),
    Semaphore(semaphore::HoldSemaphore),
    Timer(timer::HoldTimer),
    Job(job::HoldJob),
}

impl Hold {
    pub(crate) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        match &self.kind {
            Kind::Mapping(mapping) => mapping.run(place),
            Kind::Event(event) => event.run(place),
            Kind::Mutex(mutex) => mutex.run(place),
            Kind::Semaphore(semaphore) => semaphore.run(place),
            Kind::Timer(timer) => timer.run(place),
            Kind::Job(job) => job.run(place),
        }
    }
}

/// Catches what ends `hold`: to be called before the object is there, so that no signal falls between.
fn catch_signals(command: &[OsString]) -> io::Result<Signals> {
    Signals::catch(if command.is_empty() { &ENDING } else { &ENDING_WITH_COMMAND })
}

/// Says that the object is there, and returns when it is to be let go.
///
/// The line goes to stdout, where a script can wait for it; beside a command it goes to stderr, since stdout is the
/// command's then.
fn hold(place: &Place, line: &str, signals: &Signals, command: &[OsString]) -> anyhow::Result<ExitCode> {
    if let Some(command) = child::command(place, command)? {
        let _ = writeln!(io::stderr(), "{line}");
        return child::run(command, signals);
    }
    match writeln!(io::stdout(), "{line}") {
        // Whoever started us does not want to know, and still wants the object.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    signals.wait()?;
    Ok(ExitCode::SUCCESS)
}
