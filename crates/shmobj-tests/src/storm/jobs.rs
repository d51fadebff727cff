//! What a process of a storm over jobs does: it makes and opens a few jobs, starts processes in them that try to get out, ends, limits and
//! looks at them, all at random. It is killed at any moment, or dies at a step of its own choice; so do its forks.
//!
//! All jobs kill on close. So whatever has happened, nothing is left when nobody lives any more who holds one.

use std::collections::BTreeMap;
use std::process::{Child as Plain, Command, Stdio};
use std::time::{Duration, Instant};

use shmobj::job::{Child, Limits};
use shmobj::test_hooks::{Then, arm};
use shmobj::{Access, ErrorKind, Job, Namespace, Result};

use crate::random::Random;
use crate::steps::OF_JOBS;

/// How many names there are to fight for.
const NAMES: u64 = 3;
/// More processes than that are not started by one worker.
const MOST: usize = 6;
const TRICKS: [&str; 7] = ["none", "double-fork", "two", "deaf", "reaper", "guardian", "stop"];

/// A worker.
#[derive(Debug)]
pub struct Worker {
    namespace: Namespace,
    random: Random,
    reports: String,
    dies: bool,
    jobs: Vec<Job>,
    children: Vec<Child>,
    strangers: Vec<Plain>,
    counts: BTreeMap<String, u64>,
}

impl Worker {
    /// `reports`: where the processes report that they have got out, `dies`: at steps as well.
    #[must_use]
    pub fn new(namespace: Namespace, seed: u64, reports: String, dies: bool) -> Self {
        Self {
            namespace,
            random: Random::new(seed),
            reports,
            dies,
            jobs: Vec::new(),
            children: Vec::new(),
            strangers: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Until the time is over. What came of it: what was done, and errors that nothing explains, which begin with `!`.
    #[must_use]
    pub fn run(mut self, time: Duration) -> BTreeMap<String, u64> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if self.dies && self.random.once_in(30) {
                let step = OF_JOBS[self.random.below(OF_JOBS.len() as u64) as usize];
                arm(step, 1 + self.random.below(2) as u32, Then::Die);
            }
            let (what, outcome) = self.act();
            let what = match outcome {
                Ok(()) => what.to_owned(),
                Err(error) if is_expected(error.kind()) => format!("{:?}", error.kind()),
                Err(error) => format!("!{what}:{error}").replace(' ', "_"),
            };
            *self.counts.entry(what).or_default() += 1;
        }
        for mut stranger in self.strangers {
            let _ = stranger.kill();
        }
        self.counts
    }

    fn act(&mut self) -> (&'static str, Result<()>) {
        match self.random.below(14) {
            0 | 1 => ("create", self.create()),
            2 => ("close", self.close()),
            3..=6 => ("spawn", self.spawn()),
            7 => ("assign", self.assign()),
            8 => ("terminate", self.with_job(|job| job.terminate(3))),
            9 => ("limit", self.limit()),
            10 => ("list", self.with_job(|job| job.processes().and_then(|_| job.usage().map(drop)))),
            11 => ("kill", self.child(shmobj::job::Child::kill)),
            12 => ("look", self.child(|child| child.try_wait().map(drop))),
            _ => {
                if !self.children.is_empty() {
                    self.children.remove(0);
                }
                ("forget", Ok(()))
            }
        }
    }

    fn create(&mut self) -> Result<()> {
        let name = format!("storm{}", self.random.below(NAMES));
        let options = || Job::options().namespace(&self.namespace).kill_on_close(true);
        let job = match self.random.below(4) {
            0 => options().open(&name, Access::ALL)?,
            1 => options().create_unnamed()?,
            _ => options().create(&name)?,
        };
        self.jobs.push(job);
        if self.jobs.len() > 4 {
            self.jobs.remove(0);
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        if !self.jobs.is_empty() {
            let index = self.random.below(self.jobs.len() as u64) as usize;
            drop(self.jobs.swap_remove(index));
        }
        Ok(())
    }

    fn with_job(&mut self, act: impl FnOnce(&Job) -> Result<()>) -> Result<()> {
        let index = self.random.below(self.jobs.len().max(1) as u64) as usize;
        self.jobs.get(index).map_or(Ok(()), act)
    }

    fn child(&mut self, act: impl FnOnce(&mut Child) -> Result<()>) -> Result<()> {
        let index = self.random.below(self.children.len().max(1) as u64) as usize;
        self.children.get_mut(index).map_or(Ok(()), act)
    }

    fn command(&mut self) -> Command {
        let trick = TRICKS[self.random.below(TRICKS.len() as u64) as usize];
        let mut command = Command::new("/proc/self/exe");
        command.args(["escape", trick, &self.reports]).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn spawn(&mut self) -> Result<()> {
        if self.children.len() >= MOST {
            let mut oldest = self.children.remove(0);
            oldest.kill()?;
            return Ok(());
        }
        let mut command = self.command();
        let mut started = None;
        self.with_job(|job| {
            started = Some(job.spawn(&mut command)?);
            Ok(())
        })?;
        self.children.extend(started);
        Ok(())
    }

    /// A process that was started outside, and dies with this one if it gets no further.
    fn assign(&mut self) -> Result<()> {
        let mut command = Command::new("sleep");
        let Ok(stranger) = command.arg("3").stdin(Stdio::null()).stdout(Stdio::null()).spawn() else {
            return Ok(());
        };
        let pid = stranger.id();
        let assigned = self.with_job(|job| job.assign(pid));
        self.strangers.push(stranger);
        if self.strangers.len() > 3 || assigned.is_err() {
            let _ = self.strangers.remove(0).kill();
        }
        assigned
    }

    fn limit(&mut self) -> Result<()> {
        let most = 4 + self.random.below(20) as u32;
        let limits = Limits::new().kill_on_close(true);
        let limits = if most % 2 == 0 { limits.max_processes(most) } else { limits };
        self.with_job(|job| job.set_limits(&limits))
    }
}

/// Others end what one looks for; there are limits; guardians are killed. (`Other`: they were killed while something started.)
fn is_expected(kind: ErrorKind) -> bool {
    use ErrorKind::{AccessDenied, InvalidParameter, NotFound, Other, Quota, Unreachable};
    matches!(kind, AccessDenied | InvalidParameter | NotFound | Other | Quota | Unreachable)
}
