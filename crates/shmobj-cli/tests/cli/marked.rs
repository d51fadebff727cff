//! Jobs in tests: places whose processes can be counted, once for each mechanism.

use std::fs;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{Place, SHMOBJ, has_ended, until};

/// The environment variable that everything which a test starts has, whatever becomes of it.
const MARK: &str = "SHMOBJ_TEST_MARK";

/// A place of a test's own, whose processes are known by a mark in their environment.
pub(crate) struct Marked {
    pub(crate) place: Place,
    mark: String,
    guardians_alone: bool,
}

/// Runs a test with what this system offers, and with guardians alone.
pub(crate) fn with_each_mechanism(test: impl Fn(&Marked)) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for guardians_alone in [false, true] {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}.{number}.", std::process::id());
        let marked = Marked { place: Place::new(), mark, guardians_alone };
        test(&marked);
        marked.until_nothing_is_left();
    }
}

impl Marked {
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command.env(MARK, &self.mark).env("SHMOBJ", SHMOBJ);
        if self.guardians_alone {
            command.env("SHMOBJ_CGROUP", "");
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// `shmobj run`, with these options, of a shell with this script.
    pub(crate) fn shell(&self, options: &[&str], script: &str) -> Command {
        self.command(&[&["run"], options, &["--", "sh", "-c", script]].concat())
    }

    /// All processes of this test that have not ended.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mark = format!("{MARK}={}", self.mark);
        let marked = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes())
        };
        let numbers = fs::read_dir("/proc").unwrap().flatten();
        let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.filter(marked).filter(|&pid| !has_ended(pid)).collect()
    }

    /// Those that are no guardians: what a command has started, and this program's own.
    pub(crate) fn running(&self) -> Vec<u32> {
        let name = |pid: u32| fs::read_to_string(format!("/proc/{pid}/comm"));
        // Without a name it has just gone.
        let is_other = |pid: &u32| name(*pid).is_ok_and(|name| !name.starts_with("shmobj-guardian"));
        self.processes().into_iter().filter(is_other).collect()
    }

    /// Returns when neither a process nor an entry is left.
    pub(crate) fn until_nothing_is_left(&self) {
        until(|| self.processes().is_empty());
        until(|| fs::read_dir(self.place.path()).unwrap().count() == 0);
    }

    /// Reclaims what a crash has left.
    pub(crate) fn reclaim(&self) {
        until(|| {
            self.place.stdout(&["gc"]);
            fs::read_dir(self.place.path()).unwrap().count() == 0
        });
    }

    /// The numbers of the processes of a job.
    pub(crate) fn members(&self, name: &str) -> Vec<u64> {
        let job = self.place.json(&["stat", name, "--json"])["job"].clone();
        let processes = job["processes"].as_array().unwrap_or_else(|| panic!("{job}"));
        processes.iter().map(|process| process["pid"].as_u64().unwrap()).collect()
    }
}
