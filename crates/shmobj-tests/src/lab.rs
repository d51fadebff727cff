//! A place for jobs: a namespace, a control group where there is one, and a mark that all processes have that begin here, by which
//! one counts what is left of them.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::puppet::Puppet;
use crate::random::unique;
use crate::scratch::Scratch;
use crate::system::{skip, until};

/// How long what is ended may take to be gone: init reaps orphans in its own time, and machines are loaded.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What guardians are called.
pub const GUARDIAN: &str = "shmobj-guardian";

const MARK: &str = "SHMOBJ_TEST_MARK";
const GROUP: &str = "SHMOBJ_CGROUP";

/// What keeps the processes of jobs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Guardians alone.
    Guardians,
    /// Control groups as well.
    Groups,
}

/// A place for jobs.
#[derive(Debug)]
pub struct Lab {
    /// Which mechanism it is about.
    pub means: Means,
    /// The namespace.
    pub scratch: Scratch,
    program: &'static str,
    mark: String,
    /// Where those report who try to get out.
    reports: Scratch,
    group: Option<PathBuf>,
    /// Processes of the test's own, which are not to be counted.
    puppets: RefCell<Vec<u32>>,
}

/// A process that began here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// Its number.
    pub pid: u32,
    /// Its parent's.
    pub parent: u32,
    /// What the kernel calls it.
    pub name: String,
    /// Its arguments.
    pub arguments: String,
}

impl Marked {
    /// Whether it is one of the library's own. Others may call themselves so.
    #[must_use]
    pub fn is_guardian(&self) -> bool {
        self.name == GUARDIAN && !self.arguments.contains(" escape ")
    }
}

impl Lab {
    /// Does the same in a lab for each mechanism that there is here; says which one is not.
    pub fn each(program: &'static str, test: &str, act: impl Fn(&Self)) {
        act(&Self::new(program, None));
        let mechanism = Puppet::start(program, "scout", &[]).does("mechanism");
        let Some(parent) = mechanism.strip_prefix("groups ") else {
            return skip(&format!("{test} with control groups"), &mechanism);
        };
        let group = Path::new(parent).join(format!("test-shmobj.{:016x}", unique()));
        match fs::create_dir(&group) {
            Ok(()) => act(&Self::new(program, Some(group))),
            Err(error) => skip(&format!("{test} with control groups"), &format!("{parent}: {error}")),
        }
    }

    fn new(program: &'static str, group: Option<PathBuf>) -> Self {
        let reports = Scratch::with_mode(0o777);
        // Whoever has lost its environment still has the directory among its arguments.
        let mark = reports.path().display().to_string();
        let means = if group.is_some() { Means::Groups } else { Means::Guardians };
        Self { means, scratch: Scratch::new(), program, mark, reports, group, puppets: RefCell::default() }
    }

    /// A puppet that uses this namespace and this mechanism.
    #[must_use]
    pub fn puppet(&self, name: &str) -> Puppet {
        let group = self.group.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
        let mut puppet = Puppet::start(self.program, name, &[(MARK, &self.mark), (GROUP, &group)]);
        self.puppets.borrow_mut().push(puppet.pid());
        puppet.does(format!("namespace {}", self.scratch.path().display()));
        puppet
    }

    /// The words with which a process tries this.
    #[must_use]
    pub fn escape(&self, trick: &str) -> String {
        let (trick, rest) = trick.split_once(' ').unwrap_or((trick, ""));
        format!("escape {trick} {} {rest}", self.reports.path().display())
    }

    /// The directory that they report to.
    #[must_use]
    pub fn reports(&self) -> &Path {
        self.reports.path()
    }

    /// The processes that began here and run, but for puppets.
    #[must_use]
    pub fn running(&self) -> Vec<Marked> {
        let puppets = self.puppets.borrow();
        let processes = fs::read_dir("/proc").expect("/proc").flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| !puppets.contains(pid)).filter_map(|pid| self.look(pid)).collect()
    }

    /// `None`: it did not begin here, or has ended. Who has ended has no environment and no arguments any more.
    fn look(&self, pid: u32) -> Option<Marked> {
        let text = |file: &str| fs::read(format!("/proc/{pid}/{file}")).ok();
        let arguments = String::from_utf8_lossy(&text("cmdline")?).replace('\0', " ");
        let environment = text("environ").unwrap_or_default();
        let is_ours = arguments.contains(&self.mark)
            || environment
                .split(|&byte| byte == 0)
                .any(|line| line == format!("{MARK}={}", self.mark).as_bytes());
        if !is_ours {
            return None;
        }
        let stat = String::from_utf8_lossy(&text("stat")?).into_owned();
        let (head, tail) = stat.rsplit_once(')')?;
        let parent = tail.split_whitespace().nth(1)?.parse().ok()?;
        Some(Marked { pid, parent, name: head.split_once('(')?.1.to_owned(), arguments })
    }

    /// Those that are not guardians.
    #[must_use]
    pub fn members(&self) -> Vec<Marked> {
        self.running().into_iter().filter(|process| !process.is_guardian()).collect()
    }

    /// The upper and the lower guardian of the only tree.
    #[track_caller]
    #[must_use]
    pub fn guardians(&self) -> (u32, u32) {
        let all: Vec<Marked> = self.running().into_iter().filter(Marked::is_guardian).collect();
        let lower = all.iter().find(|one| all.iter().any(|other| other.pid == one.parent));
        let lower = lower.unwrap_or_else(|| panic!("no pair of guardians in {all:?}"));
        (lower.parent, lower.pid)
    }

    /// Waits until so many have reported. False: the system does not permit this here.
    #[track_caller]
    pub fn are_ready(&self, count: usize, story: &str) -> bool {
        let reports = |what: &str| self.reports.files().iter().filter(|file| file.starts_with(what)).count();
        let come = until(PATIENCE, || reports("unable.") > 0 || reports("ready.") >= count);
        assert!(come, "{story}: {} of {count} have reported: {:?}", reports("ready."), self.running());
        reports("unable.") == 0
    }

    /// Whether somebody has reported this.
    #[must_use]
    pub fn is_reported(&self, what: &str) -> bool {
        self.reports.files().iter().any(|file| file.starts_with(what))
    }

    /// Those who wait for the word go on.
    pub fn go(&self) {
        fs::write(self.reports.file("go"), "").expect("a file");
    }

    /// Forgets the reports.
    pub fn forget(&self) {
        for file in self.reports.files() {
            let _ = fs::remove_file(self.reports.file(&file));
        }
    }

    /// A directory of control groups that no job is made in.
    #[must_use]
    pub fn elsewhere(&self) -> Option<PathBuf> {
        let path = self.group.as_ref()?.join("elsewhere");
        fs::create_dir_all(&path).ok()?;
        Some(path)
    }

    /// Waits until no process is left but puppets: no member, and no guardian.
    #[track_caller]
    pub fn no_process_is_left(&self, story: &str) {
        let gone = until(PATIENCE, || self.running().is_empty());
        assert!(gone, "{story}, {:?}: left are {:#?}", self.means, self.running());
    }

    /// The groups of jobs that are there.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        let entries = self.group.iter().flat_map(|path| fs::read_dir(path).expect("the group").flatten());
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("shmobj-")).collect()
    }

    /// Waits until no process, no entry and no control group is left.
    #[track_caller]
    pub fn nothing_is_left(&self, story: &str) {
        self.no_process_is_left(story);
        // The last guardian may remove them just before it is gone; without one, they are gone already.
        assert_eq!(self.scratch.files(), [""; 0], "{story}, {:?}: entries", self.means);
        assert_eq!(self.groups(), [""; 0], "{story}, {:?}: control groups", self.means);
    }

    /// Likewise, after a crash of whoever removes entries and groups: another job may have to come along first.
    #[track_caller]
    pub fn nothing_is_left_after_a_sweep(&self, name: &str, story: &str) {
        self.no_process_is_left(story);
        let mut fresh = self.puppet("fresh");
        fresh.does(format!("job h {name} kill new"));
        self.forget();
        fresh.does(format!("enter c h {}", self.escape("none")));
        assert!(self.are_ready(1, story));
        fresh.does("terminate h 1");
        fresh.does("lose h");
        fresh.does("gc");
        self.nothing_is_left(story);
    }
}

impl Drop for Lab {
    /// A test that has failed leaves nothing behind either.
    fn drop(&mut self) {
        let empty = until(Duration::from_secs(5), || {
            let left = self.running();
            for pid in left.iter().filter_map(|process| Pid::from_raw(process.pid as i32)) {
                let _ = kill_process(pid, Signal::KILL);
            }
            left.is_empty()
        });
        if let Some(group) = self.group.as_ref().filter(|_| empty) {
            until(Duration::from_secs(5), || {
                remove(group);
                !group.exists()
            });
        }
    }
}

/// Control groups are removed from the innermost on.
fn remove(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}
