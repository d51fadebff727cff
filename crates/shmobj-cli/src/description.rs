//! Objects as `ls`, `stat` and their `--json` describe them.
//!
//! The keys of the JSON are stable: new ones may come, none changes its meaning.

use serde::Serialize;
use shmobj::{Allocation, Holder, Kind, LargePages, ObjectInfo, Protection, Scope, Storage, holders};

use crate::job::JobDescription;
use crate::state::StateDescription;
use crate::who::{GrantDescription, HolderDescription};
use crate::{Place, output, users};

/// An object and who holds it.
#[derive(Debug, Serialize)]
pub(crate) struct Description {
    /// The name as other commands take it: a global one with its prefix; null for an unnamed job.
    pub(crate) name: Option<String>,
    /// `file_mapping`, `mutex`, `event`, `semaphore`, `waitable_timer` or `job`.
    pub(crate) kind: String,
    /// 128 bits in hexadecimal, never used again for another object.
    pub(crate) id: String,
    /// In bytes; 0 for what is no mapping.
    pub(crate) size: u64,
    /// `read_only`, `read_write`, `write_copy`; null for what is no mapping.
    pub(crate) protection: Option<&'static str>,
    /// `commit` or `reserve`.
    pub(crate) allocation: &'static str,
    /// `no`, `transparent` or `required`.
    pub(crate) large_pages: &'static str,
    /// `memory` (only its owner may open it), `shared_memory` (a file beside the entry), `file` or `entry` (no data).
    pub(crate) storage: &'static str,
    /// The mapped file, as far as it is known; null for everything else.
    pub(crate) path: Option<String>,
    /// What it is like; null for mappings.
    pub(crate) state: Option<StateDescription>,
    /// What a job tells of itself; null for other kinds, and if this user may not ask it.
    pub(crate) job: Option<JobDescription>,
    /// Whether somebody waits for it, or did a moment ago.
    pub(crate) waited_for: bool,
    pub(crate) owner: Owner,
    /// Permissions of the entry in octal.
    pub(crate) mode: String,
    /// What users and groups may do who were named.
    pub(crate) grants: Vec<GrantDescription>,
    pub(crate) creator: Creator,
    /// RFC 3339, in UTC, by the creator's clock.
    pub(crate) created: String,
    /// Those that this user may see; null if it may see none. Somebody holds it, or it would not be described.
    pub(crate) holders: Option<Vec<HolderDescription>>,
}

/// A user.
#[derive(Debug, Serialize)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    /// Null for a number that has no name here.
    pub(crate) user: Option<String>,
}

/// The process that made an object, which may be gone.
#[derive(Debug, Serialize)]
pub(crate) struct Creator {
    pub(crate) pid: u32,
    pub(crate) uid: u32,
    pub(crate) user: Option<String>,
    pub(crate) command: String,
}

impl Description {
    /// Describes objects, with one look at who holds them.
    pub(crate) fn of_all(place: &Place, objects: &[(Scope, ObjectInfo)]) -> Vec<Self> {
        let infos: Vec<&ObjectInfo> = objects.iter().map(|(_, info)| info).collect();
        let holders = holders(&infos);
        objects
            .iter()
            .zip(holders)
            .map(|((scope, info), holders)| Self::new(place, *scope, info, &holders))
            .collect()
    }

    fn new(place: &Place, scope: Scope, info: &ObjectInfo, holders: &[Holder]) -> Self {
        let creator = &info.creator;
        Self {
            name: (!is_unnamed(&info.name)).then(|| full_name(scope, &info.name)),
            kind: info.kind.to_string().replace(' ', "_"),
            id: info.id.clone(),
            size: info.size,
            protection: info.protection.map(protection),
            allocation: allocation(info.allocation),
            large_pages: large_pages(info.large_pages),
            storage: storage(&info.storage),
            path: match &info.storage {
                Storage::File(path) if !path.as_os_str().is_empty() => {
                    Some(path.to_string_lossy().into_owned())
                }
                _ => None,
            },
            state: info.state.as_ref().and_then(StateDescription::new),
            job: (info.kind == Kind::Job)
                .then(|| JobDescription::ask(place, &entry_name(scope, &info.name)))
                .flatten(),
            waited_for: info.is_waited_for,
            owner: Owner { uid: info.owner, user: users::name(info.owner) },
            mode: format!("{:04o}", info.mode),
            grants: info.grants.iter().map(|grant| GrantDescription::new(info.kind, grant)).collect(),
            creator: Creator {
                pid: creator.pid,
                uid: creator.uid,
                user: users::name(creator.uid),
                command: creator.command.clone(),
            },
            created: humantime::format_rfc3339_seconds(info.created).to_string(),
            holders: (!holders.is_empty())
                .then(|| holders.iter().map(|holder| HolderDescription::new(info.kind, holder)).collect()),
        }
    }

    /// The kind as people read it.
    pub(crate) fn kind_shown(&self) -> String {
        self.kind.replace('_', " ")
    }

    /// The name as people read it.
    pub(crate) fn name_shown(&self) -> String {
        self.name.as_deref().map_or(UNNAMED.into(), output::shown)
    }

    /// The state in few words, and whether somebody waits.
    pub(crate) fn state_shown(&self) -> String {
        let mut state = self.state.as_ref().map_or("-".into(), StateDescription::summary);
        if let Some(job) = &self.job {
            state = format!("{state}, {}", job.summary());
        }
        if self.waited_for { format!("{state}, waited for") } else { state }
    }

    /// The permissions as ls(1) marks them: with a plus if there are grants besides.
    pub(crate) fn mode_shown(&self) -> String {
        format!("{}{}", self.mode, if self.grants.is_empty() { "" } else { "+" })
    }

    /// How many holders are seen, as people read it.
    pub(crate) fn holders_counted(&self) -> Option<String> {
        self.holders.as_ref().map(|holders| holders.len().to_string())
    }

    /// The creator as people read it.
    pub(crate) fn creator_shown(&self) -> String {
        format!("{} ({})", output::shown(&self.creator.command), self.creator.pid)
    }
}

/// The directory of a scope, whole.
pub(crate) fn directory(place: &Place, scope: Scope) -> String {
    let path = place.namespace.directory(scope);
    std::path::absolute(path).unwrap_or_else(|_| path.into()).to_string_lossy().into_owned()
}

/// What stands where the name of an unnamed job would.
const UNNAMED: &str = "(unnamed)";
/// How the entries of unnamed jobs begin. Other unnamed objects have no entry.
const UNNAMED_ENTRY: &str = "\u{1}unnamed.";

fn is_unnamed(name: &str) -> bool {
    name.starts_with(UNNAMED_ENTRY)
}

/// The name of an object as commands take it.
pub(crate) fn full_name(scope: Scope, name: &str) -> String {
    if is_unnamed(name) { UNNAMED.into() } else { entry_name(scope, name) }
}

/// The name of an object as the library takes it.
fn entry_name(scope: Scope, name: &str) -> String {
    match (scope, name) {
        (Scope::Global, name) => format!("Global\\{name}"),
        // Without its prefix, each of these is the name of a directory.
        (Scope::Local, "Local" | "Global" | "Session") => format!("Local\\{name}"),
        (Scope::Local, name) => name.to_owned(),
    }
}

fn protection(protection: Protection) -> &'static str {
    match protection {
        Protection::ReadOnly => "read_only",
        Protection::ReadWrite => "read_write",
        Protection::WriteCopy => "write_copy",
        _ => "unknown",
    }
}

fn allocation(allocation: Allocation) -> &'static str {
    match allocation {
        Allocation::Commit => "commit",
        Allocation::Reserve => "reserve",
        _ => "unknown",
    }
}

fn large_pages(large_pages: LargePages) -> &'static str {
    match large_pages {
        LargePages::No => "no",
        LargePages::Transparent => "transparent",
        LargePages::Required => "required",
        _ => "unknown",
    }
}

fn storage(storage: &Storage) -> &'static str {
    match storage {
        Storage::Entry => "entry",
        Storage::Memory => "memory",
        Storage::SharedMemory => "shared_memory",
        Storage::File(_) => "file",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_commands_take_them() {
        assert_eq!(full_name(Scope::Local, "n"), "n");
        assert_eq!(full_name(Scope::Local, "Global"), "Local\\Global");
        assert_eq!(full_name(Scope::Global, "n"), "Global\\n");
        assert_eq!(full_name(Scope::Local, "\u{1}unnamed.4711"), "(unnamed)");
    }
}
