//! A process of the demo: does what it is told, a line at a time, and answers each with a line.
//!
//! It is told *when* to do things, and nothing about the other process: all that the two share is a name. When the
//! demo ends, however it ends, the peer's stdin closes and it ends as well; if it waits for something, the kernel ends it.

use std::fs::OpenOptions;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use shmobj::{Access, FileMapping, Namespace, ReadOnly, ReadWrite, View};

use super::home;
use super::report::grouped;
use super::stray::Keeper;
use super::waits::Waits;
use crate::{Place, output, size};

/// The name by which the processes meet, and the size of what they share.
pub(super) const NAME: &str = "frames";
pub(super) const SIZE: u64 = 64 << 20;
/// The name of the mapped file.
pub(super) const NOTES: &str = "notes";
/// How often each process adds 1.
pub(super) const INCREMENTS: u64 = 1_000_000;
/// Where things are in the memory: the counter, how many are ready to count, the greeting, and the pattern.
pub(super) const COUNTER: usize = 0;
const READY: usize = 64;
const GREETING: usize = 128;
const GREETING_BYTES: usize = 64;
const PATTERN: usize = 4096;
const PATTERN_BYTE: u8 = 0xA5;

/// One step of a peer.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Task {
    Create,
    Open,
    Write,
    Read,
    Count,
    ChangeFile,
    SeeFile,
    Check,
    CreateEvent,
    AwaitEvent,
    SetEvent,
    Lock,
    Inherit,
    Unlock,
    SetTimer,
    OpenTimer,
    AwaitTimer,
    AwaitBoth,
    StartJob,
}

/// A process of `shmobj demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoPeer {
    home: PathBuf,
}

impl DemoPeer {
    pub(in crate::commands) fn run(&self, _: &Place) -> anyhow::Result<ExitCode> {
        let mut peer = Peer::new(&self.home);
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            let answer = match Task::from_str(&line, false) {
                Ok(task) => peer.perform(task),
                Err(error) => bail!("{error}"),
            };
            let answer = match answer {
                Ok(text) => format!("ok {text}"),
                Err(error) => format!("failed {}", output::shown(&error.to_string())),
            };
            let mut out = std::io::stdout().lock();
            writeln!(out, "{answer}")?;
            out.flush()?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What a peer has in its hands.
struct Peer {
    home: PathBuf,
    namespace: Namespace,
    memory: Option<(FileMapping, View<ReadWrite>)>,
    changed: Option<(FileMapping, View<ReadWrite>)>,
    seen: Option<(FileMapping, View<ReadOnly>)>,
    waits: Waits,
    keeper: Keeper,
}

impl Peer {
    fn new(home: &std::path::Path) -> Self {
        let namespace = Namespace::at(home::names(home));
        let waits = Waits::new(namespace.clone());
        Self {
            home: home.into(),
            namespace,
            memory: None,
            changed: None,
            seen: None,
            waits,
            keeper: Keeper::default(),
        }
    }

    fn perform(&mut self, task: Task) -> anyhow::Result<String> {
        match task {
            Task::Create => self.create(),
            Task::Open => self.open(),
            Task::Write => self.write(),
            Task::Read => self.read(),
            Task::Count => self.count(),
            Task::ChangeFile => self.change_file(),
            Task::SeeFile => self.see_file(),
            Task::Check => self.check(),
            Task::CreateEvent => self.waits.create_event(),
            Task::AwaitEvent => self.waits.await_event(),
            Task::SetEvent => self.waits.set_event(),
            Task::Lock => self.waits.lock(),
            Task::Inherit => self.waits.inherit(),
            Task::Unlock => self.waits.unlock(),
            Task::SetTimer => self.waits.set_timer(),
            Task::OpenTimer => self.waits.open_timer(),
            Task::AwaitTimer => self.waits.await_timer(),
            Task::AwaitBoth => self.waits.await_both(),
            Task::StartJob => self.keeper.start(&self.home),
        }
    }

    fn view(&self) -> anyhow::Result<&View<ReadWrite>> {
        Ok(&self.memory.as_ref().context("there is no memory yet")?.1)
    }

    fn create(&mut self) -> anyhow::Result<String> {
        let mapping = FileMapping::options().namespace(&self.namespace).size(SIZE).create_new(NAME)?;
        let view = mapping.map_mut()?;
        self.memory = Some((mapping, view));
        Ok(format!("created {NAME:?}: {} of memory, zeroed", size::human(SIZE)))
    }

    fn open(&mut self) -> anyhow::Result<String> {
        let mapping = FileMapping::options().namespace(&self.namespace).open(NAME, Access::READ_WRITE)?;
        ensure!(mapping.existed() && mapping.size() == SIZE, "{NAME:?} has {} bytes", mapping.size());
        let view = mapping.map_mut()?;
        self.memory = Some((mapping, view));
        let creator = self.namespace.inspect(NAME)?.creator;
        Ok(format!("opened {NAME:?}, which process {} created", creator.pid))
    }

    fn write(&self) -> anyhow::Result<String> {
        let view = self.view()?;
        let greeting = format!("hello from process {}", std::process::id());
        view.write_at(GREETING, greeting.as_bytes())?;
        view.fill(PATTERN, view.len() - PATTERN, PATTERN_BYTE)?;
        Ok(format!("wrote {greeting:?}, and a pattern into all the rest"))
    }

    fn read(&self) -> anyhow::Result<String> {
        let greeting = self.intact()?;
        Ok(format!("read {greeting:?}, and the pattern, byte for byte"))
    }

    /// Reads all that was written, and returns the greeting.
    fn intact(&self) -> anyhow::Result<String> {
        let view = self.view()?;
        let greeting = view.read_vec(GREETING, GREETING_BYTES)?;
        let greeting = String::from_utf8_lossy(&greeting).trim_end_matches('\0').to_owned();
        let expected = vec![PATTERN_BYTE; 1 << 20];
        let mut buffer = expected.clone();
        let mut offset = PATTERN;
        while offset < view.len() {
            let chunk = buffer.len().min(view.len() - offset);
            view.read_at(offset, &mut buffer[..chunk])?;
            ensure!(buffer[..chunk] == expected[..chunk], "the pattern differs behind offset {offset}");
            offset += chunk;
        }
        Ok(greeting)
    }

    /// Counts at the same time as the other: neither starts before both are ready.
    fn count(&self) -> anyhow::Result<String> {
        let view = self.view()?;
        let ready = view.atomic::<AtomicU64>(READY)?;
        let counter = view.atomic::<AtomicU64>(COUNTER)?;
        ready.fetch_add(1, Ordering::AcqRel);
        let deadline = Instant::now() + Duration::from_secs(10);
        while ready.load(Ordering::Acquire) < 2 {
            ensure!(Instant::now() < deadline, "the other process never came to count");
            std::thread::yield_now();
        }
        for _ in 0..INCREMENTS {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        Ok(format!("added 1 to a shared counter {} times", grouped(INCREMENTS)))
    }

    fn change_file(&mut self) -> anyhow::Result<String> {
        let path = home::notes(&self.home);
        let file = OpenOptions::new().read(true).write(true).open(&path).context("cannot open notes.txt")?;
        let mapping = FileMapping::options().namespace(&self.namespace).file(&file).create_new(NOTES)?;
        let view = mapping.map_mut()?;
        let text = format!("changed by {}", std::process::id());
        let line = format!("{text:<width$}\n", width = view.len() - 1);
        view.write_at(0, line.as_bytes())?;
        self.changed = Some((mapping, view));
        Ok(format!("mapped the file notes.txt as {NOTES:?}, and wrote {text:?} into its view"))
    }

    fn see_file(&mut self) -> anyhow::Result<String> {
        let mapping = FileMapping::options().namespace(&self.namespace).open(NOTES, Access::READ)?;
        let view = mapping.map()?;
        let text = view.read_vec(0, view.len())?;
        let text = String::from_utf8_lossy(&text).trim_end().to_owned();
        self.seen = Some((mapping, view));
        Ok(format!("opened {NOTES:?} and reads {text:?} in its own view"))
    }

    fn check(&self) -> anyhow::Result<String> {
        let greeting = self.intact()?;
        let count = self.view()?.load::<AtomicU64>(COUNTER, Ordering::Relaxed)?;
        ensure!(count == 2 * INCREMENTS, "the counter says {count}");
        Ok(format!("still reads {greeting:?}, the pattern, and {} in the counter", grouped(count)))
    }
}
