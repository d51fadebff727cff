//! The processes of a job: which command each runs, what it uses, and who started whom, from /proc.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;

use crate::{duration, output, size};

/// The longest command line that is shown to people, in characters.
const SHOWN: usize = 120;

/// A process of a job.
#[derive(Debug, Serialize)]
pub(crate) struct ProcessDescription {
    pub(crate) pid: u32,
    /// The process that it is a child of, if that is in the job as well. Who outlived its parent has none.
    pub(crate) parent: Option<u32>,
    /// The command line; the kernel's name of the process in brackets where it has none.
    pub(crate) command: String,
    user_time_ns: u64,
    system_time_ns: u64,
    /// What it has in memory, in bytes.
    memory: u64,
    /// How many ancestors it has in the job.
    #[serde(skip)]
    depth: usize,
}

/// What /proc says of these processes, each behind its parent. Those that have ended meanwhile are not there.
pub(super) fn tree(members: &[u32]) -> Vec<ProcessDescription> {
    let found = members.iter().filter_map(|&pid| ProcessDescription::read(pid));
    ordered(found.collect())
}

/// Puts each process behind its parent, and brothers in the order of their numbers.
fn ordered(mut found: Vec<ProcessDescription>) -> Vec<ProcessDescription> {
    let members: HashSet<u32> = found.iter().map(|process| process.pid).collect();
    let mut children: HashMap<Option<u32>, Vec<ProcessDescription>> = HashMap::new();
    // From behind, as they are taken from behind below.
    found.sort_by_key(|process| std::cmp::Reverse(process.pid));
    for mut process in found {
        process.parent = process.parent.filter(|parent| members.contains(parent));
        children.entry(process.parent).or_default().push(process);
    }
    let mut waiting = children.remove(&None).unwrap_or_default();
    let mut tree = Vec::new();
    while let Some(process) = waiting.pop() {
        for mut child in children.remove(&Some(process.pid)).into_iter().flatten() {
            child.depth = process.depth + 1;
            waiting.push(child);
        }
        tree.push(process);
    }
    // Read one after the other, numbers that were used again can look like a circle: nobody is left away for that.
    tree.extend(children.into_values().flatten());
    tree
}

impl ProcessDescription {
    fn read(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        Self::parse(pid, &stat, &arguments)
    }

    fn parse(pid: u32, stat: &str, arguments: &[u8]) -> Option<Self> {
        // The name may have any character, so the fields are counted from behind it: see proc(5).
        let (name, fields) = stat.split_once(" (")?.1.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let command = match arguments.split(|&byte| byte == 0).next() {
            None | Some([]) => format!("[{name}]"),
            Some(_) => {
                let line = String::from_utf8_lossy(arguments).replace('\0', " ");
                line.trim_end().to_owned()
            }
        };
        Some(Self {
            pid,
            parent: field(4).and_then(|parent| u32::try_from(parent).ok()),
            command,
            user_time_ns: of_ticks(field(14)?),
            system_time_ns: of_ticks(field(15)?),
            memory: field(24)?.saturating_mul(rustix::param::page_size() as u64),
            depth: 0,
        })
    }

    /// As people read it, below its parent.
    pub(crate) fn shown(&self) -> String {
        let mut command: String = self.command.chars().take(SHOWN).collect();
        if command.len() < self.command.len() {
            command.push_str("...");
        }
        let time = Duration::from_nanos(self.user_time_ns.saturating_add(self.system_time_ns));
        format!(
            "{:indent$}{} ({}), {}, {}",
            "",
            output::shown(&command),
            self.pid,
            duration::human(time),
            size::human(self.memory),
            indent = 2 * self.depth,
        )
    }
}

fn of_ticks(ticks: u64) -> u64 {
    ticks.saturating_mul(1_000_000_000 / rustix::param::clock_ticks_per_second().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "7 (a) b) (c) S 1 7 7 0 -1 4194560 154 0 0 0 50 25 0 0 20 0 1 0 15 3133440 256 184467";

    fn process(pid: u32, parent: u32) -> ProcessDescription {
        let stat = STAT.replace("S 1 7", &format!("S {parent} 7"));
        ProcessDescription::parse(pid, &stat, b"make\0-j8\0").unwrap()
    }

    #[test]
    fn a_process_is_read_whatever_it_is_called() {
        let process = process(7, 1);
        let page = rustix::param::page_size() as u64;
        assert_eq!((process.pid, process.parent, &*process.command), (7, Some(1), "make -j8"));
        assert_eq!(process.memory, 256 * page);
        assert_eq!(process.user_time_ns, 2 * process.system_time_ns);
        assert!(process.shown().starts_with("make -j8 (7), "), "{}", process.shown());
        let without = ProcessDescription::parse(7, STAT, b"").unwrap();
        assert_eq!(without.command, "[a) b) (c]");
        assert!(ProcessDescription::parse(7, "7 (short) S 1", b"").is_none());
    }

    #[test]
    fn a_long_command_line_is_cut_for_people() {
        let mut process = process(7, 1);
        process.command = "ä".repeat(SHOWN + 1);
        assert!(process.shown().starts_with(&format!("{}... (7)", "ä".repeat(SHOWN))));
        process.command = "ä".repeat(SHOWN);
        assert!(!process.shown().contains("..."));
    }

    #[test]
    fn each_stands_behind_its_parent_and_who_has_none_here_is_a_root() {
        let found =
            vec![process(5, 3), process(9, 2), process(3, 2), process(2, 1), process(4, 77), process(6, 3)];
        let tree = ordered(found);
        let order: Vec<(u32, Option<u32>, usize)> =
            tree.iter().map(|it| (it.pid, it.parent, it.depth)).collect();
        let expected =
            [(2, None, 0), (3, Some(2), 1), (5, Some(3), 2), (6, Some(3), 2), (9, Some(2), 1), (4, None, 0)];
        assert_eq!(order, expected);
        assert!(tree[1].shown().starts_with("  make"));
    }

    #[test]
    fn nobody_is_lost_in_a_circle() {
        assert_eq!(ordered(vec![process(2, 3), process(3, 2)]).len(), 2);
    }
}
