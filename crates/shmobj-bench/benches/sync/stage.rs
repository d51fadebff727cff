//! Where a part is measured: its directory, its cores, and the other processes.
//!
//! Each part runs in a process of its own, which is bound to its core before it waits for the first time, and starts its peers,
//! bound to theirs. What one part makes the library learn does not reach the next one.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use shmobj::Namespace;

use super::raw::machine;
use super::raw::shared::Shared;

/// On which cores the processes of a part run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Wherever the kernel puts them.
    Anywhere,
    /// All on the same core.
    OneCore,
    /// The part's own process on one core, its peers on another.
    TwoCores,
}

/// See the module's documentation.
pub(crate) struct Stage {
    directory: PathBuf,
    pub(crate) namespace: Namespace,
    pub(crate) shared: Shared,
    /// For the part's own process, and for its peers.
    cores: Option<(usize, usize)>,
}

impl Stage {
    fn at(directory: &Path, cores: Option<(usize, usize)>) -> Self {
        let objects = directory.join("objects");
        std::fs::create_dir_all(&objects).expect("a directory for the namespace");
        let shared = Shared::at(&directory.join("raw"));
        Self { directory: directory.into(), namespace: Namespace::at(objects), shared, cores }
    }

    /// In the process of a part. `None`: there are not enough cores.
    pub(crate) fn of_part(directory: &Path, placement: Placement) -> Option<Self> {
        let usable = machine::cores();
        let (first, last) = (*usable.first()?, *usable.last()?);
        let cores = match placement {
            Placement::Anywhere => None,
            Placement::OneCore => Some((first, first)),
            Placement::TwoCores if first == last => return None,
            Placement::TwoCores => Some((first, last)),
        };
        if let Some((own, _)) = cores {
            machine::stay_on(own);
        }
        Some(Self::at(directory, cores))
    }

    /// In the process of a peer.
    pub(crate) fn of_peer(directory: &Path, core: &str) -> Self {
        if let Ok(core) = core.parse() {
            machine::stay_on(core);
        }
        Self::at(directory, None)
    }

    /// For the heading of a table.
    pub(crate) fn placement(&self) -> String {
        match self.cores {
            None => "not bound to cores".into(),
            Some((own, peers)) if own == peers => format!("all on core {own}"),
            Some((own, peers)) => format!("on cores {own} and {peers}"),
        }
    }

    /// Starts another process.
    pub(crate) fn peer(&self, role: &str, option: &str) -> Peer {
        let core = self.cores.map_or("any".into(), |(_, core)| core.to_string());
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["peer", role])
            .arg(&self.directory)
            .args([&core, option])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let says = BufReader::new(child.stdout.take().expect("its output"));
        Peer { child, says }
    }
}

/// Another process, which does what it is told. It ends with this.
pub(crate) struct Peer {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to do something so many times.
    pub(crate) fn tell(&mut self, what: &str, times: u32) {
        writeln!(self.child.stdin.as_mut().expect("its input"), "{what} {times}").expect("a listener");
    }

    /// Waits for its answer.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).expect("an answer");
        line.trim().into()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a peer: what it is told to do.
pub(crate) fn commands() -> impl Iterator<Item = (String, u32)> {
    let lines = std::io::stdin().lines().map_while(Result::ok);
    lines.map(|line| {
        let (what, times) = line.split_once(' ').expect("two words");
        (what.into(), times.parse().expect("a number"))
    })
}

/// In a peer: answers.
pub(crate) fn say(answer: &str) {
    println!("{answer}");
    std::io::stdout().flush().expect("a listener");
}
