//! `shmobj hold`: keeps an object alive for scripts.
//!
//! A subcommand for each kind of object makes or opens it; what follows is the same for all of them.

mod command;
mod mapping;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

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
}

impl Hold {
    pub(crate) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        match &self.kind {
            Kind::Mapping(mapping) => mapping.run(place),
        }
    }
}

/// Signals that end a program that does nothing about them, and that `hold` takes as "let go".
const ENDING: [i32; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// Catches what ends `hold`: to be called before the object is there, so that no signal falls between.
fn catch_signals(command: &[OsString]) -> io::Result<Signals> {
    if command.is_empty() {
        return Signals::catch(&ENDING);
    }
    Signals::catch(&[&ENDING[..], &[libc::SIGQUIT, libc::SIGCHLD]].concat())
}

/// Says that the object is there, and returns when it is to be let go.
///
/// The line goes to stdout, where a script can wait for it; beside a command it goes to stderr, since stdout is the
/// command's then.
fn hold(place: &Place, line: &str, signals: &Signals, command: &[OsString]) -> anyhow::Result<ExitCode> {
    if let [program, arguments @ ..] = command {
        let _ = writeln!(io::stderr(), "{line}");
        return command::run(place, program, arguments, signals);
    }
    match writeln!(io::stdout(), "{line}") {
        // Whoever started us does not want to know, and still wants the object.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    signals.wait()?;
    Ok(ExitCode::SUCCESS)
}
