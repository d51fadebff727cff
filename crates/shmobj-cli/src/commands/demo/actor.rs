//! The demo's side of a peer: starts it, tells it what to do, hears what it says, and kills it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, ensure};
use clap::ValueEnum as _;

use super::home::Home;
use super::peer::Task;
use crate::commands::{child, own_program};
use crate::signals::Signals;

/// Nothing that a peer does takes longer, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process of the demo. It does not outlive this value.
pub(super) struct Actor<'a> {
    pub(super) role: &'static str,
    child: Child,
    tasks: ChildStdin,
    answers: BufReader<ChildStdout>,
    signals: &'a Signals,
}

impl<'a> Actor<'a> {
    pub(super) fn start(role: &'static str, home: &Home, signals: &'a Signals) -> anyhow::Result<Self> {
        let mut peer = Command::new(own_program());
        peer.arg("demo-peer").arg(home.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C is for the demo, which ends its peers itself, or leaves that to the kernel.
        peer.process_group(0);
        child::die_with_us(&mut peer);
        let mut child = peer.spawn().map_err(|error| anyhow!("cannot start the {role}: {error}"))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(tasks), Some(answers)) => {
                Ok(Self { role, child, tasks, answers: BufReader::new(answers), signals })
            }
            _ => bail!("the {role} has no pipes"),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has a step begun; [`answer`](Self::answer) waits for it.
    pub(super) fn begin(&mut self, task: Task) -> anyhow::Result<()> {
        let value = task.to_possible_value();
        let name = value.as_ref().map_or("", |value| value.get_name());
        writeln!(self.tasks, "{name}").map_err(|error| anyhow!("the {} is gone: {error}", self.role))
    }

    pub(super) fn answer(&mut self) -> anyhow::Result<String> {
        self.wait_for_answer()?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(|error| anyhow!("the {} is silent: {error}", self.role))?;
        match line.trim_end().split_once(' ') {
            Some(("ok", text)) => Ok(text.to_owned()),
            Some((_, text)) => bail!("the {} failed: {text}", self.role),
            None => bail!("the {} ended unexpectedly", self.role),
        }
    }

    fn wait_for_answer(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            ensure!(self.signals.next().is_none(), "the demo was interrupted");
            let left = deadline.saturating_duration_since(Instant::now());
            ensure!(!left.is_zero(), "the {} does not answer", self.role);
            if self.signals.wait_with(Some(self.answers.get_ref().as_fd()), Some(left))? {
                return Ok(());
            }
        }
    }

    /// Kills it with SIGKILL, as any process can be killed at any time, and waits until the kernel has cleaned up.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        let status = self.child.wait()?;
        ensure!(status.signal() == Some(libc::SIGKILL), "the {} ended by itself: {status}", self.role);
        Ok(())
    }
}

impl Drop for Actor<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
