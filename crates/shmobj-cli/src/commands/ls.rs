//! `shmobj ls`: all objects of a namespace.

use std::io::Write as _;
use std::process::ExitCode;

use serde::Serialize;
use shmobj::Listed;

use super::Which;
use crate::description::{Description, directory, full_name};
use crate::{Place, output, size};

/// Lists the objects that somebody holds. What crashed processes left is reclaimed on the way.
///
/// A + behind the mode: users or groups were given rights by name (`shmobj stat` shows whom). A ? for the number of holders:
/// none that this user may see. Holders that belong to other users are seen, and counted, by root only.
///
/// A job has a state and a number of processes. One that has no name is "(unnamed)"; its name in JSON is null.
///
/// --json prints {"directory", "objects", "unknown"}: objects as `shmobj stat --json` describes them, and an
/// unknown entry as {"name", "reason"}.
#[derive(Debug, clap::Args)]
pub(crate) struct Ls {
    #[command(flatten)]
    which: Which,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listing {
    directory: String,
    objects: Vec<Description>,
    unknown: Vec<Unknown>,
}

/// What stands in the directory and cannot be read as an object.
#[derive(Serialize)]
struct Unknown {
    name: String,
    reason: String,
}

impl Ls {
    pub(crate) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let scope = self.which.scope();
        let mut objects = Vec::new();
        let mut unknown = Vec::new();
        for listed in place.namespace.objects(scope)? {
            match listed {
                Listed::Object(info) => objects.push((scope, info)),
                Listed::Unknown(entry) => {
                    unknown.push(Unknown { name: full_name(scope, &entry.name), reason: entry.reason });
                }
                _ => {}
            }
        }
        objects.sort_by(|(_, one), (_, two)| one.name.cmp(&two.name));
        unknown.sort_by(|one, two| one.name.cmp(&two.name));
        let listing = Listing {
            directory: directory(place, scope),
            objects: Description::of_all(place, &objects),
            unknown,
        };
        if self.json {
            output::json(&listing)?;
        } else {
            listing.print()?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Listing {
    fn print(&self) -> std::io::Result<()> {
        if !self.objects.is_empty() {
            let header =
                ["NAME", "KIND", "SIZE", "PROTECTION", "STORAGE", "STATE", "MODE", "HOLDERS", "CREATOR"];
            let header = header.map(String::from).to_vec();
            output::table(std::iter::once(header).chain(self.objects.iter().map(row)))?;
        }
        if !self.unknown.is_empty() {
            if !self.objects.is_empty() {
                writeln!(std::io::stdout())?;
            }
            let header = vec!["NO OBJECT".to_owned(), "REASON".to_owned()];
            let row = |entry: &Unknown| vec![output::shown(&entry.name), output::shown(&entry.reason)];
            output::table(std::iter::once(header).chain(self.unknown.iter().map(row)))?;
        }
        Ok(())
    }
}

fn row(object: &Description) -> Vec<String> {
    let protection = object.protection.unwrap_or("-").replace('_', "-");
    let size = if object.protection.is_some() { size::human(object.size) } else { "-".into() };
    vec![
        object.name_shown(),
        object.kind_shown(),
        size,
        protection,
        object.storage.replace('_', " "),
        object.state_shown(),
        object.mode_shown(),
        object.holders_counted().unwrap_or_else(|| "?".into()),
        object.creator_shown(),
    ]
}
