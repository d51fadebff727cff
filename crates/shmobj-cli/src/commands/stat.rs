//! `shmobj stat`: all there is to know about one object.

use std::io::Write as _;
use std::process::ExitCode;

use shmobj::Scope;

use crate::description::Description;
use crate::job::JobDescription;
use crate::state::StateDescription;
use crate::{Place, output, size, users};

/// Shows what is known about one object, and who holds it; of a job also its limits, what it has used, and its processes, each
/// below the one that started it, with their processor time and memory.
///
/// --json prints {"name", "kind", "id", "size", "protection", "allocation", "large_pages", "storage", "path", "state",
/// "job", "waited_for", "owner": {"uid", "user"}, "mode", "grants": [{"who", "id", "name", "access"}], "creator": {"pid", "uid", "user", "command"}, "created", "holders": [{"pid",
/// "command", "access"}]}. Sizes are in bytes, the mode is octal, times are RFC 3339 in UTC; what does not apply is
/// null. The state of a mutex is {"owner": {"pid", "thread", "command"}, "abandoned"}, of an event {"signaled", "reset"}, of a
/// semaphore {"count", "max"}, of a waitable timer {"signaled", "reset", "due_in_ns", "period_ns"}, and {"corrupt": true}
/// where somebody wrote nonsense, and of a job {"signaled"}. Holders that belong to other users are seen by root only; null where this user may see none.
///
/// What a job tells to those who may open it is {"limits": {"kill_on_close", "max_processes", "memory", "process_memory", "cpu_time_ns",
/// "process_cpu_time_ns", "breakaway"}, "usage": {"user_time_ns", "system_time_ns", "peak_memory", "active_processes",
/// "total_processes", "terminated_processes"}, "processes": [{"pid", "parent", "command", "user_time_ns", "system_time_ns", "memory"}]}:
/// each process behind its parent, which is null where that is not in the job, or has ended.
///
/// A grant is what --allow of `shmobj hold` gave to a user or a group: access is none (a denial), query, read or read_write, and
/// query or use of what is no mapping, where the kernel can tell no more apart. The access of a holder is what its descriptors
/// permit in these words; a handle may have been opened for less.
#[derive(Debug, clap::Args)]
pub(crate) struct Stat {
    /// The object, which somebody has to hold.
    #[arg(value_parser = super::name)]
    name: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Stat {
    pub(crate) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let info = place.namespace.inspect(&self.name)?;
        let scope = if self.name.starts_with("Global\\") { Scope::Global } else { Scope::Local };
        for object in Description::of_all(place, &[(scope, info)]) {
            if self.json { output::json(&object)? } else { print(&object)? }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(object: &Description) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match &object.name {
        Some(name) => writeln!(out, "{} {name:?}", object.kind_shown())?,
        None => writeln!(out, "{} {}", object.kind_shown(), object.name_shown())?,
    }
    let mut line = |key: &str, value: &str| writeln!(out, "  {key:<12}{value}");
    if let Some(protection) = object.protection {
        line("size", &format!("{} bytes ({})", object.size, size::human(object.size)))?;
        line("protection", &protection.replace('_', "-"))?;
        line("allocation", object.allocation)?;
        line("large pages", object.large_pages)?;
    }
    for (key, text) in object.state.iter().flat_map(StateDescription::lines) {
        line(key, &text)?;
    }
    for (key, text) in object.job.iter().flat_map(JobDescription::lines) {
        line(key, &text)?;
    }
    if object.state.is_some() {
        line("waited for", if object.waited_for { "yes" } else { "no" })?;
    }
    let storage = object.storage.replace('_', " ");
    match &object.path {
        Some(path) => line("storage", &format!("{storage} {}", output::shown(path)))?,
        None => line("storage", &storage)?,
    }
    line("id", &object.id)?;
    line("owner", &users::shown(object.owner.uid))?;
    line("mode", &object.mode)?;
    for grant in &object.grants {
        line("allowed", &grant.shown())?;
    }
    let creator = &object.creator;
    line("creator", &format!("{}, user {}", object.creator_shown(), users::shown(creator.uid)))?;
    line("created", &object.created)?;
    line("holders", &object.holders_counted().unwrap_or_else(|| "none that this user may see".into()))?;
    for holder in object.holders.iter().flatten() {
        let access = holder.access.as_ref().map(|access| format!(", {}", access.replace('_', "-")));
        writeln!(
            out,
            "    {} ({}){}",
            output::shown(&holder.command),
            holder.pid,
            access.unwrap_or_default()
        )?;
    }
    if let Some(job) = object.job.as_ref().filter(|job| !job.processes.is_empty()) {
        writeln!(out, "  running")?;
        for process in &job.processes {
            writeln!(out, "    {}", process.shown())?;
        }
    }
    out.flush()
}
