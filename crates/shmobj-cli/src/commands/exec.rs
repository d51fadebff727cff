//! `shmobj exec`: a command that inherits handles.
//!
//! Killed before it is the command: the kernel closes what it has, also what it has claimed. Killed afterwards it is the command
//! that was killed. Either way an object that nobody else holds is gone, and its entry is reclaimed as after any crash: a
//! command that knows nothing of the library cannot remove it when it ends.

use std::collections::HashSet;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::bail;
use shmobj::Access;
use shmobj::transfer::{self, AnyHandle, InheritExt as _};

use super::{child, handle};
use crate::{Place, rights};

/// Becomes a command that inherits handles to objects, and keeps them in being for as long as it runs.
///
/// No process stays between: exit code and signals are the command's own. The command and what it starts have the handles,
/// and take them by their roles (`shmobj::transfer::inherited`, `shmobj inherited`); a program that knows nothing of it
/// passes them on to its children. The object lives until the last of them has ended, however it ends. What this process
/// has inherited itself is inherited by the command as well, unless the role is given anew. Nothing else is.
///
/// The names are looked up where --dir says; the command gets it as SHMOBJ_DIR.
#[derive(Debug, clap::Args)]
pub(crate) struct Exec {
    /// An object that somebody holds, and the role by which the command asks for it: its name without one. What stands
    /// behind the last = is the role.
    #[arg(long, value_name = "NAME[=ROLE]", value_parser = named)]
    inherit: Vec<Part>,
    /// A deposit (`shmobj deposit`), and the role that it is for.
    #[arg(long, value_name = "TOKEN=ROLE", value_parser = deposited)]
    claim: Vec<Part>,
    /// The rights of the handles to named objects: read, write (or read-write: write brings read); wait, signal (or
    /// modify), use; assign, terminate; query; all. Several are separated by commas, and each object takes those that its kind has. The
    /// handle of a mapping has to read at least.
    #[arg(long, value_name = "RIGHTS", value_parser = rights::of_any_kind, default_value = "all")]
    access: Access,
    /// The command, and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What plays a role.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// A name, or a token.
    what: String,
    role: String,
}

impl Exec {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let Some(mut command) = child::command(place, &self.command)? else { return Ok(ExitCode::SUCCESS) };
        let mut given = HashSet::new();
        for Part { role, .. } in self.inherit.iter().chain(&self.claim) {
            if !given.insert(role.as_str()) {
                bail!("cannot give the role {role:?} to two objects: write NAME=ROLE with another role");
            }
        }
        // All that can fail is done before a deposit is claimed, which cannot be undone.
        for Part { what, role } in &self.inherit {
            command.inherit(role, &handle::open(place, what, self.access)?)?;
        }
        pass_on(&mut command, |role| !given.contains(role))?;
        for Part { what, role } in &self.claim {
            command.inherit(role, &transfer::claim_in::<AnyHandle>(&place.namespace, what)?)?;
        }
        Ok(child::replace(command))
    }
}

/// Lets a command inherit what this process has inherited, for those roles that are wanted.
pub(super) fn pass_on(command: &mut Command, is_wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    for role in transfer::roles().iter().filter(|role| is_wanted(role)) {
        command.inherit(role, &transfer::inherited::<AnyHandle>(role)?)?;
    }
    Ok(())
}

/// Reads `NAME[=ROLE]`.
fn named(text: &str) -> Result<Part, String> {
    let (what, role) = text.rsplit_once('=').unwrap_or((text, text));
    part(what, role)
}

/// Reads `TOKEN=ROLE`.
fn deposited(text: &str) -> Result<Part, String> {
    let (what, role) = text.split_once('=').ok_or("write the token, = and the role that it is for")?;
    part(what, role)
}

fn part(what: &str, role: &str) -> Result<Part, String> {
    match (what, role) {
        ("", _) => Err("write a name".into()),
        (_, "") => Err("write a role behind the =".into()),
        _ => Ok(Part { what: what.into(), role: role.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_what_stands_behind_the_last_equals_sign() {
        let read = |text| named(text).map(|Part { what, role }| (what, role));
        let pair = |what: &str, role: &str| Ok((what.to_owned(), role.to_owned()));
        assert_eq!(read("n"), pair("n", "n"));
        assert_eq!(read("n=r"), pair("n", "r"));
        assert_eq!(read("a=b=r"), pair("a=b", "r"));
        assert_eq!(read(r"Global\n"), pair(r"Global\n", r"Global\n"));
        assert!(read("").is_err() && read("=r").is_err() && read("n=").is_err());
        assert!(deposited("token").is_err() && deposited("=r").is_err() && deposited("t=").is_err());
    }
}
