//! `shmobj deposit`: a handle for whoever knows a token.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use shmobj::Access;
use shmobj::transfer::Deposit as Deposited;

use super::{child, handle};
use crate::signals::Signals;
use crate::{Place, rights};

/// How often to look whether it was claimed: nobody tells.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Deposits a handle for one process of the same user: prints a token, and waits until the handle is claimed.
///
/// `shmobj exec --claim TOKEN=ROLE -- COMMAND` claims it from the same directory of names (--dir), and so does
/// `shmobj::transfer::claim`. Ends with 0 when it was claimed, and with 128 and the number of the signal that ended the
/// wait for it; the token is worth nothing then. The object lives at least until then.
#[derive(Debug, clap::Args)]
pub(crate) struct Deposit {
    /// An object that somebody holds.
    #[arg(value_parser = super::name)]
    name: String,
    /// The rights of the handle: read, write (or read-write: write brings read); wait, signal (or modify), use; assign,
    /// terminate; query; all. Several are separated by commas. The handle of a mapping has to read at least.
    #[arg(long, value_name = "RIGHTS", value_parser = rights::of_any_kind, default_value = "all")]
    access: Access,
}

impl Deposit {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let signals = Signals::catch(&super::ENDING)?;
        let handle = handle::open(place, &self.name, self.access)?;
        let deposit = Deposited::in_namespace(&place.namespace, &handle)?;
        writeln!(std::io::stdout(), "{}", deposit.token())?;
        loop {
            if deposit.is_claimed() {
                return Ok(ExitCode::SUCCESS);
            }
            if let Some(caught) = signals.next() {
                return Ok(child::code_of_signal(caught.signal).into());
            }
            signals.wait_with(None, Some(LOOK_EVERY))?;
        }
    }
}
