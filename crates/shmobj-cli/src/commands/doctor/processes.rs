//! How processes find each other: /proc, and a process that really does.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::anyhow;
use shmobj::{FileMapping, Scope};

use super::check::{Check, number};
use crate::Place;
use crate::commands::own_program;

pub(super) fn checks(place: &Place) -> Vec<Check> {
    vec![proc(), ptrace_scope(), meeting(place)]
}

fn proc() -> Check {
    const NAME: &str = "proc";
    const USE: &str = "memory that others hold is found through /proc/<pid>/fd";
    let own = std::process::id().to_string();
    let me = match fs::read_link("/proc/self") {
        Ok(me) => me,
        Err(error) => {
            return Check::broken(NAME, format!("/proc cannot be used: {error}"), USE)
                .remedy("mount it: mount -t proc proc /proc");
        }
    };
    if me.as_os_str() != own.as_str() {
        let found =
            format!("/proc is another PID namespace's: it calls this process {}, not {own}", me.display());
        return Check::degraded(
            NAME,
            found,
            "memory that others hold is found by a scan, and who holds what is misnamed",
        )
        .remedy("mount a /proc of this PID namespace");
    }
    if let Err(error) = fs::read_dir("/proc/self/fd") {
        return Check::broken(NAME, format!("/proc/self/fd: {error}"), USE)
            .remedy("let the sandbox permit it");
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if option(&mounts, "subset=") == Some("pid") {
        return Check::ok(
            NAME,
            "mounted with subset=pid",
            "all works; how much memory is available is guessed from what is free, without caches that could go",
        );
    }
    match option(&mounts, "hidepid=") {
        Some(value) if !matches!(value, "0" | "off") => Check::ok(
            NAME,
            format!("mounted with hidepid={value}"),
            "other users' processes are hidden, which matters only for listing who holds what",
        ),
        _ => Check::ok(NAME, "mounted, with all processes", USE),
    }
}

/// The value of an option of the mount at /proc.
fn option<'a>(mountinfo: &'a str, name: &str) -> Option<&'a str> {
    let mut mounts = mountinfo.lines().filter(|line| line.split(' ').nth(4) == Some("/proc"));
    let options = mounts.next_back()?.rsplit(' ').next()?;
    options.split(',').find_map(|option| option.strip_prefix(name))
}

fn ptrace_scope() -> Check {
    const NAME: &str = "ptrace_scope";
    match number("/proc/sys/kernel/yama/ptrace_scope") {
        None | Some(0) => Check::ok(NAME, "not restricted", "does not matter for names"),
        Some(scope) => Check::ok(
            NAME,
            format!("{scope} (Yama)"),
            "does not matter for names; duplicating handles out of processes that are no children may need root",
        ),
    }
}

/// The whole of it: an object, and another process that opens it by name.
fn meeting(place: &Place) -> Check {
    const NAME: &str = "meeting_by_name";
    match leaving_no_directory(place, || meet(place)) {
        Ok(()) => {
            Check::ok(NAME, "works", "another process opened an object by name and read what was written")
        }
        Err(error) => Check::broken(NAME, error.to_string(), "processes do not share memory by name here")
            .remedy("see what else is broken, or name another directory with --dir or SHMOBJ_DIR"),
    }
}

/// Tries something, and leaves the namespace directory away if it was not there before.
pub(super) fn leaving_no_directory<T>(place: &Place, try_it: impl FnOnce() -> T) -> T {
    let directory = place.namespace.directory(Scope::Local);
    let was_there = directory.exists();
    let result = try_it();
    if !was_there {
        // Only if it is empty: others may have begun to use it.
        let _ = fs::remove_dir(directory);
    }
    result
}

/// Another process of this command, in the same place.
pub(super) fn other_process(place: &Place) -> Command {
    let mut other = Command::new(own_program());
    if let Some(dir) = &place.dir {
        other.arg("--dir").arg(dir);
    }
    other.stdin(Stdio::null());
    other
}

fn meet(place: &Place) -> anyhow::Result<()> {
    let name = format!("shmobj doctor {}", std::process::id());
    let mapping = FileMapping::options().namespace(&place.namespace).size(4096).create_new(&name)?;
    mapping.map_mut()?.write_at(0, name.as_bytes())?;
    let mut reader = other_process(place);
    reader.args(["read", &name, "--len", &name.len().to_string()]);
    let output = reader.output().map_err(|error| anyhow!("cannot start another process: {error}"))?;
    if output.stdout == name.as_bytes() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(anyhow!("the other process read something else: {said}"))
}

#[cfg(test)]
mod tests {
    use super::option;

    #[test]
    fn an_option_is_one_of_the_last_mount_at_proc() {
        let plain = "25 30 0:23 / /proc rw,nosuid shared:5 - proc proc rw";
        assert_eq!(option(plain, "hidepid="), None);
        let hidden =
            format!("{plain}\n26 30 0:24 / /proc rw - proc proc rw,gid=5,hidepid=invisible,subset=pid");
        assert_eq!(option(&hidden, "hidepid="), Some("invisible"));
        assert_eq!(option(&hidden, "subset="), Some("pid"));
        assert_eq!(option("26 30 0:24 / /mnt rw - proc proc rw,hidepid=2", "hidepid="), None);
    }
}
