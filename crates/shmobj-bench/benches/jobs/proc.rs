//! What the kernel tells about a process.

use std::fs;

fn field(pid: u32, file: &str, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).expect("the process is there");
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let number = value.and_then(|value| value.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{file} has no {key}"))
}

/// What a process takes, in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Its share of what it has together with others, and what it has alone (`Pss`).
    pub(crate) share: u64,
    /// What it has alone.
    pub(crate) private: u64,
    /// The kernel's tables of it.
    pub(crate) tables: u64,
}

pub(crate) fn memory(pid: u32) -> Memory {
    let rollup = |key| field(pid, "smaps_rollup", key);
    Memory {
        share: rollup("Pss"),
        private: rollup("Private_Clean") + rollup("Private_Dirty"),
        tables: field(pid, "status", "VmPTE"),
    }
}

/// How often it has fallen asleep.
pub(crate) fn sleeps(pid: u32) -> u64 {
    field(pid, "status", "voluntary_ctxt_switches")
}

/// How often it has stopped running, for whatever reason.
pub(crate) fn switches(pid: u32) -> u64 {
    sleeps(pid) + field(pid, "status", "nonvoluntary_ctxt_switches")
}

/// Nanoseconds that it has run.
pub(crate) fn busy(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).expect("the process is there");
    text.split_whitespace().next().and_then(|number| number.parse().ok()).expect("nanoseconds")
}

pub(crate) fn parent(pid: u32) -> u32 {
    field(pid, "status", "PPid") as u32
}

/// How many processes the machine has: what a pass over /proc takes depends on it.
pub(crate) fn processes() -> usize {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok())).count()
}
