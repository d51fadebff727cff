//! `shmobj lock`: a command that is alone.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use shmobj::{Mutex, Security, State};

use super::acquire::{self, Acquired};
use super::{TIMED_OUT, child, owned};
use crate::signals::Signals;
use crate::state::OwnerDescription;
use crate::{Place, duration, output};

/// Runs a command while owning a mutex: one at a time on this machine.
///
/// The mutex is created if nobody holds it. Ends with the command's own exit code (128 and the number of the
/// signal that ended it), or with 124 if the time is up before the command could run. The command gets --dir as
/// SHMOBJ_DIR, and the signals that a process sends.
///
/// If the former owner was killed, that is said on stderr and the command has SHMOBJ_ABANDONED=1: what the mutex
/// protects may be half done. A mutex that nobody else waited for or held is gone with its owner, and then there is
/// nobody to be told; `shmobj hold mutex NAME` in the background keeps it.
///
/// If this process itself is killed, the mutex is abandoned, and the kernel kills the command with SIGKILL
/// (PR_SET_PDEATHSIG) at about the same moment. It does not kill what the command has started, nor a command
/// that changes its user (set-user-ID).
#[derive(Debug, clap::Args)]
pub(crate) struct Lock {
    /// The name of the mutex.
    #[arg(value_parser = super::name)]
    name: String,
    /// How long to wait for it: 5s, 100ms, 0; for as long as it takes without it.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Who else may open it, in octal as of a file: 0660 lets the group use it.
    #[arg(long, value_parser = super::mode, default_value = "0600")]
    mode: u32,
    /// The command, and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Lock {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let Some(command) = child::command(place, &self.command)? else { return Ok(ExitCode::SUCCESS) };
        let signals = Signals::catch(&super::ENDING_WITH_COMMAND)?;
        let options = Mutex::options().namespace(&place.namespace).security(Security::mode(self.mode));
        let mutex = options.create(&self.name)?;
        match acquire::any(&[&mutex], self.timeout, &signals)? {
            Acquired::Got { abandoned, .. } => {
                if abandoned {
                    output::message(&owned::abandoned(&self.name));
                }
                owned::run(command, &signals, &mutex, abandoned)
            }
            Acquired::TimedOut => {
                self.say_who_owns_it(place);
                Ok(TIMED_OUT.into())
            }
            Acquired::Interrupted(signal) => Ok(child::code_of_signal(signal).into()),
        }
    }

    fn say_who_owns_it(&self, place: &Place) {
        let within = duration::exact(self.timeout.unwrap_or_default());
        let state = place.namespace.inspect(&self.name).ok().and_then(|info| info.state);
        let owner = match &state {
            Some(State::Mutex { owner: Some(owner), .. }) => OwnerDescription::new(owner).shown(),
            _ => "somebody else".into(),
        };
        output::message(&format!(
            "cannot lock mutex {:?} within {within}: it is owned by {owner}",
            self.name
        ));
    }
}
