//! The namespace of a part, and the processes that start others.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use shmobj::Namespace;

/// What keeps the processes of jobs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    Guardians,
    Groups,
}

/// Where a part is measured.
pub(crate) struct Stage {
    pub(crate) namespace: Namespace,
    directory: PathBuf,
}

impl Stage {
    pub(crate) fn at(directory: &Path) -> Self {
        Self { namespace: Namespace::at(directory), directory: directory.into() }
    }

    /// Starts a process that starts others, and has touched so much memory of its own. `None`: there are no control groups here.
    pub(crate) fn spawner(&self, means: Means, megabytes: usize) -> Option<Spawner> {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg("spawner").arg(&self.directory).arg(megabytes.to_string());
        if means == Means::Guardians {
            command.env("SHMOBJ_CGROUP", "");
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process of this program");
        let says = BufReader::new(child.stdout.take().expect("its output"));
        let spawner = Spawner(RefCell::new(Ends { child, says }));
        let has_groups = spawner.ask("groups") == "true";
        assert!(means == Means::Groups || !has_groups, "guardians alone were asked for");
        (has_groups == (means == Means::Groups)).then_some(spawner)
    }

    /// One with guardians alone, which there are everywhere.
    pub(crate) fn guardians(&self, megabytes: usize) -> Spawner {
        self.spawner(Means::Guardians, megabytes).expect("guardians need nothing")
    }
}

/// A process that starts others as it is told. It ends with this, and so do its jobs.
pub(crate) struct Spawner(RefCell<Ends>);

struct Ends {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Spawner {
    /// Tells it something, and waits for its answer.
    pub(crate) fn ask(&self, what: &str) -> String {
        let mut ends = self.0.borrow_mut();
        writeln!(ends.child.stdin.as_mut().expect("its input"), "{what}").expect("a listener");
        let mut line = String::new();
        ends.says.read_line(&mut line).expect("an answer");
        assert!(!line.is_empty(), "the spawner has ended: {what}");
        line.trim().into()
    }

    /// How long something took that it is told to do.
    pub(crate) fn time(&self, what: &str) -> Duration {
        Duration::from_nanos(self.ask(what).parse().expect("nanoseconds"))
    }

    /// The guardians of the process that it is told to start, the upper one first.
    pub(crate) fn keep(&self, what: &str) -> [u32; 2] {
        let answer = self.ask(what);
        let (upper, lower) = answer.split_once(' ').expect("two numbers");
        [upper, lower].map(|number| number.parse().expect("a number"))
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
