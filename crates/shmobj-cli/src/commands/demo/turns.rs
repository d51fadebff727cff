//! The scenes about waiting: events, mutexes, timers, and several of them at once.

use std::time::Instant;

use anyhow::{bail, ensure};
use shmobj::{Reset, Semaphore, State};

use super::actor::Actor;
use super::peer::Task;
use super::stage::Stage;
use super::waits::{DUE, EVENT, EVERY, EXPIRIES, MUTEX, SEMAPHORE, TIMER};
use crate::duration;

impl<'a> Stage<'a> {
    /// Tells them all.
    pub(super) fn turns(&mut self) -> anyhow::Result<()> {
        let mut worker = self.start("worker")?;
        let mut keeper = self.start("keeper")?;
        self.event(&mut worker, &mut keeper)?;
        self.mutex(&mut worker, &mut keeper)?;
        keeper = self.start("keeper")?;
        self.timer(&mut worker, &mut keeper)?;
        keeper = self.start("keeper")?;
        self.both(&mut worker, &mut keeper)?;
        worker.kill()?;
        keeper.kill()?;
        self.are_free(&[EVENT, MUTEX, TIMER, SEMAPHORE])?;
        self.is_empty()?;
        self.found("killed both, one as the owner of the mutex: the namespace directory is empty")
    }

    fn event(&mut self, worker: &mut Actor<'_>, keeper: &mut Actor<'_>) -> anyhow::Result<()> {
        self.report.scene("An event, which wakes whoever waits for it")?;
        self.perform(keeper, Task::CreateEvent)?;
        worker.begin(Task::AwaitEvent)?;
        let unset = State::Event { signaled: false, reset: Reset::Auto };
        let state = self.waited_for(EVENT)?;
        ensure!(state == unset, "{EVENT:?} is {state:?} before anybody set it");
        self.found(&format!("{EVENT:?} is not set, and somebody waits for it"))?;
        self.perform(keeper, Task::SetEvent)?;
        self.answer(worker)?;
        let state = self.state(EVENT)?;
        ensure!(state == Some(unset), "{EVENT:?} is {state:?} after its only wait");
        self.found(&format!("{EVENT:?} is reset: setting it once wakes one"))
    }

    fn mutex(&mut self, worker: &mut Actor<'_>, keeper: &mut Actor<'_>) -> anyhow::Result<()> {
        self.report.scene("A mutex, whose owner is killed")?;
        self.perform(keeper, Task::Lock)?;
        worker.begin(Task::Inherit)?;
        let owner = owner_of(&self.waited_for(MUTEX)?)?;
        ensure!(owner == keeper.pid(), "{MUTEX:?} is owned by process {owner}");
        self.found(&format!("{MUTEX:?} is owned by process {owner}, and somebody waits for it"))?;
        keeper.kill()?;
        self.found("killed the keeper, which owned it")?;
        self.answer(worker)?;
        self.perform(worker, Task::Unlock)?;
        self.perform(worker, Task::Lock)?;
        self.found("who locks it after that is not told again")
    }

    fn timer(&mut self, worker: &mut Actor<'_>, keeper: &mut Actor<'_>) -> anyhow::Result<()> {
        self.report.scene("A timer, which needs nobody to fire")?;
        let began = Instant::now();
        self.perform(keeper, Task::SetTimer)?;
        self.perform(worker, Task::OpenTimer)?;
        keeper.kill()?;
        self.found("killed the keeper, which had set it")?;
        self.perform(worker, Task::AwaitTimer)?;
        let (took, least) = (began.elapsed(), DUE + EVERY * (EXPIRIES - 1));
        ensure!(took >= least, "{TIMER:?} fired {EXPIRIES} times in {took:?}: too early");
        self.found(&format!("that took {}: at least {least:?}, so it was not early", duration::human(took)))
    }

    fn both(&mut self, worker: &mut Actor<'_>, keeper: &mut Actor<'_>) -> anyhow::Result<()> {
        self.report.scene("Two objects at once, or neither")?;
        let options = Semaphore::options().namespace(&self.namespace).initial(1).max(1);
        let _semaphore = options.create_new(SEMAPHORE)?;
        self.found(&format!(
            "created the semaphore {SEMAPHORE:?} with 1 to take; the worker owns {MUTEX:?}"
        ))?;
        keeper.begin(Task::AwaitBoth)?;
        self.waited_for(MUTEX)?;
        self.count_is(1)?;
        self.found(&format!(
            "somebody waits for both, and {SEMAPHORE:?} still has 1: nothing is taken or reserved"
        ))?;
        self.perform(worker, Task::Unlock)?;
        self.answer(keeper)?;
        self.count_is(0)?;
        let owner = match self.state(MUTEX)? {
            Some(state) => owner_of(&state)?,
            None => bail!("{MUTEX:?} has no state"),
        };
        ensure!(owner == keeper.pid(), "{MUTEX:?} is owned by process {owner}");
        self.found(&format!("{SEMAPHORE:?} has 0, and {MUTEX:?} is owned by process {owner}"))
    }

    fn count_is(&self, expected: u32) -> anyhow::Result<()> {
        let state = self.state(SEMAPHORE)?;
        let is_so = matches!(state, Some(State::Semaphore { count, .. }) if count == expected);
        ensure!(is_so, "{SEMAPHORE:?} is {state:?}");
        Ok(())
    }
}

/// The process that owns a mutex.
fn owner_of(state: &State) -> anyhow::Result<u32> {
    match state {
        State::Mutex { owner: Some(owner), .. } => match owner.pid {
            Some(pid) => Ok(pid),
            None => bail!("it cannot be told which process thread {} belongs to", owner.thread),
        },
        state => bail!("the mutex is {state:?}"),
    }
}
