//! Whether there is room for memory, before any of it is taken.
//!
//! The kernel would not refuse: it hands out pages until its out-of-memory killer ends some process. "No space" has
//! to be an error of the create, so what is asked for is compared with what is available, in the machine and in the
//! control group. That is a guess about the next moment, good enough to refuse what cannot work.

use std::mem::MaybeUninit;
use std::path::Path;

use rustix::io::Errno;

use crate::error::{Attempt, Error, ErrorKind, Result};

/// Nothing that is larger can be mapped (CF-8).
const ADDRESS_SPACE: u64 = 1 << 47;
/// Nobody commits that much at once (CF-8).
const ABSURD_COMMIT: u64 = 1 << 44;
/// Smaller than this is not worth a look at the system.
const WORTH_A_LOOK: u64 = 1 << 20;
/// Smaller than this is not worth reading the control group's files.
const WORTH_A_LONG_LOOK: u64 = 16 << 20;

/// The size in whole pages.
pub(crate) fn rounded(attempt: &Attempt<'_>, size: u64, page_size: u64) -> Result<u64> {
    match size.checked_next_multiple_of(page_size) {
        Some(rounded) if rounded < ADDRESS_SPACE => Ok(rounded),
        _ => Err(attempt
            .fails(ErrorKind::OutOfMemory, format!("{size} bytes are more than any process can map"))
            .with_remedy("ask for less")),
    }
}

/// Refuses what cannot be committed.
pub(crate) fn check(attempt: &Attempt<'_>, bytes: u64) -> Result<()> {
    if bytes < WORTH_A_LOOK {
        return Ok(());
    }
    if bytes >= ABSURD_COMMIT {
        return Err(attempt
            .fails(ErrorKind::OutOfMemory, format!("{bytes} bytes cannot be committed at once"))
            .with_remedy("ask for less, or reserve it and commit parts"));
    }
    let unused = unused_in_machine().unwrap_or(0);
    let room = if bytes < unused / 2 { unused } else { available_in_machine().unwrap_or(u64::MAX) };
    let room = if bytes < WORTH_A_LONG_LOOK { room } else { room.min(available_in_control_group()) };
    if bytes > room {
        return Err(attempt
            .fails(
                ErrorKind::CommitLimit,
                format!("{bytes} bytes are to be committed, and {room} bytes are available"),
            )
            .with_remedy("ask for less, or reserve it and commit parts"));
    }
    Ok(())
}

/// The error for memory that the kernel itself refused.
pub(crate) fn exhausted(attempt: &Attempt<'_>, bytes: u64, errno: Errno) -> Error {
    match errno {
        Errno::NOSPC | Errno::NOMEM | Errno::FAULT | Errno::DQUOT => attempt
            .fails(ErrorKind::CommitLimit, format!("there is no room for {bytes} bytes"))
            .with_source(errno)
            .with_remedy("ask for less, or reserve it and commit parts"),
        Errno::FBIG | Errno::INVAL => attempt
            .fails(ErrorKind::OutOfMemory, format!("{bytes} bytes are more than a file can hold"))
            .with_source(errno),
        errno => attempt.os("allocating its memory", errno),
    }
}

/// Not with rustix, which takes it that the call cannot fail: a filter of system calls can refuse it.
#[allow(unsafe_code)]
fn unused_in_machine() -> Option<u64> {
    let mut system = MaybeUninit::<libc::sysinfo>::zeroed();
    // SAFETY: a call that fills the structure it is given.
    let answered = unsafe { libc::sysinfo(system.as_mut_ptr()) } == 0;
    // SAFETY: zeros are a value of it, and so is what the kernel has written.
    let system = unsafe { system.assume_init() };
    #[allow(clippy::unnecessary_cast)] // the width of this field differs between the architectures
    answered.then(|| (system.freeram as u64).saturating_mul(u64::from(system.mem_unit)))
}

/// Free memory and swap space, and what the kernel would give up for it.
fn available_in_machine() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    Some(field(&text, "MemAvailable:")?.saturating_add(field(&text, "SwapFree:")?).saturating_mul(1024))
}

/// What the memory limits of this process's control group and of all above it leave.
fn available_in_control_group() -> u64 {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut room = u64::MAX;
    for line in own.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (root, limit, usage) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max", "memory.current")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
        } else {
            continue;
        };
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            room = room.min(left_in(&Path::new(root).join(group), limit, usage).unwrap_or(u64::MAX));
        }
    }
    room
}

fn left_in(group: &Path, limit: &str, usage: &str) -> Option<u64> {
    let number = |file: &str| std::fs::read_to_string(group.join(file)).ok()?.trim().parse::<u64>().ok();
    let limit = number(limit)?; // "max" is no number: no limit
    let stat = std::fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let reclaimable = field(&stat, "inactive_file").unwrap_or(0) + field(&stat, "active_file").unwrap_or(0);
    Some(limit.saturating_sub(number(usage)?.saturating_sub(reclaimable)))
}

/// The number behind a word at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(char::is_whitespace))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    const ATTEMPT: Attempt<'_> = Attempt { verb: "create", subject: Kind::FileMapping.as_str(), name: "n" };

    #[test]
    fn fields_are_found_whole() {
        let text = "MemAvailableX: 1\nMemAvailable:   23 kB\ninactive_file 7\n";
        assert_eq!(field(text, "MemAvailable:"), Some(23));
        assert_eq!(field(text, "inactive_file"), Some(7));
        assert_eq!(field(text, "active_file"), None);
    }

    #[test]
    fn this_machine_tells_what_is_available() {
        assert!(available_in_machine().expect("Linux has MemAvailable") > 0);
        assert!(available_in_control_group() > 0);
    }

    #[test]
    fn cf_7_more_than_there_is_cannot_be_committed() {
        assert_eq!(check(&ATTEMPT, 1 << 43).unwrap_err().win32_code(), 1455);
        assert!(check(&ATTEMPT, 1 << 21).is_ok());
    }

    #[test]
    fn cf_8_absurd_sizes_are_out_of_memory() {
        assert_eq!(check(&ATTEMPT, 1 << 44).unwrap_err().win32_code(), 8);
        assert_eq!(rounded(&ATTEMPT, 1 << 47, 4096).unwrap_err().win32_code(), 8);
        assert_eq!(rounded(&ATTEMPT, u64::MAX, 4096).unwrap_err().win32_code(), 8);
        assert_eq!(rounded(&ATTEMPT, 0x3452, 4096).unwrap(), 0x4000);
    }
}
