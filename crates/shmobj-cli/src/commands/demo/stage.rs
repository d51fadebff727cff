//! What all scenes of the demo have in common: where they play, and how they are told.

use std::time::{Duration, Instant};

use anyhow::ensure;
use shmobj::{ErrorKind, Namespace, State};

use super::actor::Actor;
use super::home::Home;
use super::peer::Task;
use super::report::Report;
use crate::signals::Signals;

/// Nothing that is waited for takes longer, on any machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Stage<'a> {
    pub(super) home: &'a Home,
    pub(super) namespace: Namespace,
    pub(super) signals: &'a Signals,
    pub(super) report: &'a mut Report,
}

impl<'a> Stage<'a> {
    pub(super) fn new(home: &'a Home, signals: &'a Signals, report: &'a mut Report) -> Self {
        Self { home, namespace: Namespace::at(home.names()), signals, report }
    }

    pub(super) fn start(&self, role: &'static str) -> anyhow::Result<Actor<'a>> {
        Actor::start(role, self.home, self.signals)
    }

    pub(super) fn perform(&mut self, actor: &mut Actor<'_>, task: Task) -> anyhow::Result<String> {
        actor.begin(task)?;
        self.answer(actor)
    }

    /// What an actor says about a step that it began.
    pub(super) fn answer(&mut self, actor: &mut Actor<'_>) -> anyhow::Result<String> {
        let text = actor.answer()?;
        self.report.verified(actor.role, actor.pid(), &text)?;
        Ok(text)
    }

    /// Something that the demo itself did or found.
    pub(super) fn found(&mut self, text: &str) -> anyhow::Result<()> {
        ensure!(self.signals.next().is_none(), "the demo was interrupted");
        Ok(self.report.verified("demo", std::process::id(), text)?)
    }

    /// Looks at an object until somebody waits for it, and returns its state.
    pub(super) fn waited_for(&self, name: &str) -> anyhow::Result<State> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let info = self.namespace.inspect(name)?;
            if let (true, Some(state)) = (info.is_waited_for, info.state) {
                return Ok(state);
            }
            ensure!(self.signals.next().is_none(), "the demo was interrupted");
            ensure!(Instant::now() < deadline, "nobody waits for {name:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(super) fn state(&self, name: &str) -> anyhow::Result<Option<State>> {
        Ok(self.namespace.inspect(name)?.state)
    }

    /// Verifies that nobody can have these objects any more.
    pub(super) fn are_free(&self, names: &[&str]) -> anyhow::Result<()> {
        for name in names {
            match self.namespace.inspect(name) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
                Ok(_) => anyhow::bail!("{name:?} is still there"),
            }
        }
        Ok(())
    }

    /// Verifies that not even a file is left.
    pub(super) fn is_empty(&self) -> anyhow::Result<()> {
        let entries =
            self.home.entries().map_err(|error| anyhow::anyhow!("cannot list the names: {error}"))?;
        ensure!(entries == 0, "{entries} files are left in the namespace directory");
        Ok(())
    }
}
