//! What tests ask the system: who they are, who has which memory, and waiting with a bound.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

/// Whether this process may do everything; if not, says loudly that a test is skipped.
#[must_use]
pub fn is_root_for(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip(test, "it needs root");
    }
    root
}

/// Says loudly that a test did not run: past the test harness, which shows the words of a passed test to nobody.
pub fn skip(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}

/// Says something about a run that a person may want to know.
#[expect(clippy::print_stderr, reason = "shown with --nocapture, and when the test fails")]
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// Waits until something is so, for at most this long. Returns whether it is.
pub fn until(longest: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let since = Instant::now();
    while !is_so() {
        if since.elapsed() > longest {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

/// Whether a thread sleeps for an object: in one of the system calls that do that. `None`: the kernel does not say.
#[must_use]
pub fn sleeps_for_an_object(process: u32, thread: u32) -> Option<bool> {
    let call = fs::read_to_string(format!("/proc/{process}/task/{thread}/syscall")).ok()?;
    let number = call.split(' ').next()?.parse::<i64>().ok();
    Some(number.is_some_and(|number| [libc::SYS_futex, libc::SYS_futex_waitv].contains(&number)))
}

/// The processes that have memory of an object whose memfd's name contains `part` (its name, or its id): as an open
/// descriptor or as a mapping. If there are none, the kernel has the memory back, unless it travels through a socket.
#[must_use]
pub fn who_has_memory(part: &str) -> Vec<u32> {
    let has = |pid: &u32| {
        !memfds(*pid, part).is_empty()
            || fs::read_to_string(format!("/proc/{pid}/maps"))
                .is_ok_and(|maps| maps.lines().any(|line| is_memory_of(line, part)))
    };
    pids().filter(has).collect()
}

/// How much memory the kernel has given to the memfds whose names contain `part`, in bytes: of those that a process
/// has open. It is their own account, not the machine's, which moves with whatever else runs.
#[must_use]
pub fn memory_given_to(part: &str) -> u64 {
    let open = pids().flat_map(|pid| memfds(pid, part));
    let blocks: BTreeMap<u64, u64> = open.map(|memfd| (memfd.ino(), memfd.blocks())).collect();
    blocks.values().sum::<u64>() * 512
}

/// How much memory or disk the files of a directory take, in bytes.
#[must_use]
pub fn taken_by_files_in(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).expect("the directory").flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.blocks()).sum::<u64>() * 512
}

fn is_memory_of(text: &str, part: &str) -> bool {
    text.contains("memfd:shmobj:") && text.contains(part)
}

fn pids() -> impl Iterator<Item = u32> {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn memfds(pid: u32, part: &str) -> Vec<fs::Metadata> {
    let open = descriptors(pid).into_iter().filter(|(_, target)| is_memory_of(target, part));
    open.filter_map(|(number, _)| fs::metadata(format!("/proc/{pid}/fd/{number}")).ok()).collect()
}

/// Whether somebody has a lock on a file. If nobody has, nobody gets one in this moment either.
#[must_use]
pub fn is_locked(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => flock(&file, FlockOperation::NonBlockingLockExclusive).is_err(),
        Err(_) => false,
    }
}

/// The descriptors of a process, by number, and where they lead.
#[must_use]
pub fn descriptors(pid: u32) -> Vec<(i32, String)> {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let number = |name: &std::ffi::OsStr| name.to_str().and_then(|name| name.parse().ok());
    let mut found: Vec<(i32, String)> = links
        .filter_map(|link| {
            let target = fs::read_link(link.path()).ok()?;
            Some((number(&link.file_name())?, target.to_string_lossy().into_owned()))
        })
        .collect();
    found.sort();
    found
}

/// The system's page size.
#[must_use]
pub fn page_size() -> usize {
    rustix::param::page_size()
}

const POOL: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB";

/// The system's pool of large pages. Tests that change it take their turns; its size is put back with the guard.
#[derive(Debug)]
pub struct Pool {
    size: u64,
    /// Locked, for the tests of all processes.
    _turn: File,
}

impl Pool {
    /// `None`: the system has none.
    #[must_use]
    pub fn take() -> Option<Self> {
        let turn = File::open(format!("{POOL}/nr_hugepages")).ok()?;
        flock(&turn, FlockOperation::LockExclusive).ok()?;
        Some(Self { size: Self::number("nr_hugepages"), _turn: turn })
    }

    /// How many pages nobody has.
    #[must_use]
    pub fn free(&self) -> u64 {
        Self::number("free_hugepages")
    }

    /// Whether nobody has a page of it.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        Self::number("nr_hugepages") == self.free()
    }

    /// Asks for a number of pages. The system may have fewer.
    #[must_use]
    pub fn set(&self, pages: u64) -> bool {
        fs::write(format!("{POOL}/nr_hugepages"), pages.to_string()).is_ok()
    }

    fn number(file: &str) -> u64 {
        let text = fs::read_to_string(format!("{POOL}/{file}"));
        text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let _ = self.set(self.size);
    }
}
