//! `shmobj gc`: reclaims what crashed processes left.

use std::io::Write as _;
use std::process::ExitCode;

use serde::Serialize;

use super::Which;
use crate::description::{directory, full_name};
use crate::{Place, output};

/// Reclaims what crashed processes left.
///
/// Never needed: whoever creates or opens a name reclaims it, and some others as well.
///
/// --json prints {"directory", "reclaimed", "not_permitted", "closed", "foreign", "held"}: the names that are free again,
/// those that only their owner may free, those of others that may not be looked at, those that are no entries and were left
/// alone, and how many objects somebody holds.
#[derive(Debug, clap::Args)]
pub(crate) struct Gc {
    #[command(flatten)]
    which: Which,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Collected {
    directory: String,
    reclaimed: Vec<String>,
    not_permitted: Vec<String>,
    closed: Vec<String>,
    foreign: Vec<String>,
    held: u64,
}

impl Gc {
    pub(crate) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let scope = self.which.scope();
        let garbage = place.namespace.collect_garbage(scope)?;
        let names = |names: &[String]| {
            let mut names: Vec<String> = names.iter().map(|name| full_name(scope, name)).collect();
            names.sort_unstable();
            names
        };
        let collected = Collected {
            directory: directory(place, scope),
            reclaimed: names(&garbage.reclaimed),
            not_permitted: names(&garbage.not_permitted),
            closed: names(&garbage.closed),
            foreign: names(&garbage.foreign),
            held: garbage.held,
        };
        if self.json {
            output::json(&collected)?;
        } else {
            collected.print()?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Collected {
    fn print(&self) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        for name in &self.reclaimed {
            writeln!(out, "reclaimed {}", output::shown(name))?;
        }
        for name in &self.not_permitted {
            writeln!(out, "left {}: only its owner may remove it", output::shown(name))?;
        }
        for name in &self.closed {
            writeln!(out, "left {}: it is another user's, who has not shared it", output::shown(name))?;
        }
        for name in &self.foreign {
            writeln!(out, "left {}: it is no entry", output::shown(name))?;
        }
        writeln!(out, "{} reclaimed, {} held", self.reclaimed.len(), self.held)?;
        out.flush()
    }
}
