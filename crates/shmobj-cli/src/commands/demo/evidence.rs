//! What the kernel says: which processes have an object's memory, how much shared memory there is, and which processes of a job run.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::stray::SUBCOMMAND;

/// How many processes have an object's memory, as a descriptor or mapped. A memfd has no name to look up; these links
/// and lines are all the ways that lead to it.
pub(super) fn processes_with_memory(id: &str) -> usize {
    // The name of a memfd shows at least this much of the id of its object.
    let mark = format!("/memfd:shmobj:{}", id.get(..16).unwrap_or(id));
    numbers().filter(|&pid| has_descriptor(pid, &mark) || has_mapping(pid, &mark)).count()
}

/// A process in a job of the demo.
#[derive(Debug)]
pub(super) struct Stray {
    pub(super) pid: u32,
    pub(super) session: u32,
}

/// Those of the demo with this home that have not ended, the oldest first.
pub(super) fn strays(home: &Path) -> Vec<Stray> {
    let mark = [SUBCOMMAND.as_bytes(), b"\0", home.as_os_str().as_bytes(), b"\0"].concat();
    let mut strays: Vec<(u64, Stray)> = numbers().filter_map(|pid| stray(pid, &mark)).collect();
    strays.sort_by_key(|(started, _)| *started);
    strays.into_iter().map(|(_, stray)| stray).collect()
}

fn stray(pid: u32, mark: &[u8]) -> Option<(u64, Stray)> {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let is_marked = arguments.windows(mark.len()).any(|part| part == mark);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok().filter(|_| is_marked)?;
    // From the third field on: see proc(5).
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let stray = Stray { pid, session: fields.get(3)?.parse().ok()? };
    Some((fields.get(19)?.parse().ok()?, stray)).filter(|_| !matches!(fields[0], "Z" | "X"))
}

fn numbers() -> impl Iterator<Item = u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn has_descriptor(pid: u32, mark: &str) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut links = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
    links.any(|link| link.to_string_lossy().starts_with(mark))
}

fn has_mapping(pid: u32, mark: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.contains(mark))
}

/// The shared memory of this machine in bytes: everybody's, so that it moves for other reasons as well. `None` where
/// the kernel does not tell.
pub(super) fn shared_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Shmem:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// Waits until there is less shared memory than before by about as much as expected. The kernel's sum lags by a
/// moment, and other programs move it. Returns by how much.
pub(super) fn drop_of_shared_memory(before: u64, expected: u64) -> Option<u64> {
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        let less = before.saturating_sub(shared_memory()?);
        if less >= expected / 4 * 3 {
            return Some(less);
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
