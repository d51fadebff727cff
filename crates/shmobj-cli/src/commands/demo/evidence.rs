//! What the kernel says: which processes have an object's memory, and how much shared memory there is.

use std::fs;
use std::time::{Duration, Instant};

/// How many processes have an object's memory, as a descriptor or mapped. A memfd has no name to look up; these links
/// and lines are all the ways that lead to it.
pub(super) fn processes_with_memory(id: &str) -> usize {
    // The name of a memfd shows at least this much of the id of its object.
    let mark = format!("/memfd:shmobj:{}", id.get(..16).unwrap_or(id));
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|&pid| has_descriptor(pid, &mark) || has_mapping(pid, &mark)).count()
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
