//! What a peer does with synchronization objects.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use shmobj::wait::{self, WaitedAll};
use shmobj::{Access, Due, Event, Lock, Mutex, Namespace, Period, Semaphore, Timeout, WaitableTimer};

use crate::duration;

/// The names of the objects.
pub(super) const EVENT: &str = "go";
pub(super) const MUTEX: &str = "ledger";
pub(super) const TIMER: &str = "tick";
pub(super) const SEMAPHORE: &str = "tokens";
/// When the timer is due, then how often, and how many expiries are waited for.
pub(super) const DUE: Duration = Duration::from_millis(150);
pub(super) const EVERY: Duration = Duration::from_millis(50);
pub(super) const EXPIRIES: u32 = 3;
/// Nothing is waited for longer, so that no peer waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// The objects that a peer holds.
pub(super) struct Waits {
    namespace: Namespace,
    event: Option<Event>,
    mutex: Option<Mutex>,
    timer: Option<WaitableTimer>,
    semaphore: Option<Semaphore>,
}

impl Waits {
    pub(super) fn new(namespace: Namespace) -> Self {
        Self { namespace, event: None, mutex: None, timer: None, semaphore: None }
    }

    pub(super) fn create_event(&mut self) -> anyhow::Result<String> {
        self.event = Some(Event::options().namespace(&self.namespace).create_new(EVENT)?);
        Ok(format!("created the event {EVENT:?}"))
    }

    pub(super) fn await_event(&mut self) -> anyhow::Result<String> {
        let event = Event::options().namespace(&self.namespace).open(EVENT, Access::SYNCHRONIZE)?;
        let began = Instant::now();
        ensure!(event.wait(PATIENCE)?, "nobody set {EVENT:?}");
        let waited = duration::human(began.elapsed());
        self.event = Some(event);
        Ok(format!("was woken, after it had waited for {waited}"))
    }

    pub(super) fn set_event(&self) -> anyhow::Result<String> {
        self.event.as_ref().context("there is no event yet")?.set()?;
        Ok(format!("set {EVENT:?}"))
    }

    fn mutex(&mut self) -> anyhow::Result<&Mutex> {
        if self.mutex.is_none() {
            self.mutex = Some(Mutex::options().namespace(&self.namespace).create(MUTEX)?);
        }
        self.mutex.as_ref().context("there is no mutex yet")
    }

    pub(super) fn lock(&mut self) -> anyhow::Result<String> {
        match self.mutex()?.lock_timeout(PATIENCE)? {
            Some(Lock::Acquired(guard)) => std::mem::forget(guard),
            other => bail!("locking {MUTEX:?} gave {other:?}"),
        }
        Ok(format!("owns the mutex {MUTEX:?}"))
    }

    pub(super) fn inherit(&mut self) -> anyhow::Result<String> {
        match self.mutex()?.lock_timeout(PATIENCE)? {
            Some(Lock::Abandoned(guard)) => std::mem::forget(guard),
            other => bail!("locking the mutex of a killed owner gave {other:?}"),
        }
        Ok(format!("owns {MUTEX:?} now, and was told that it is abandoned: there may be something to repair"))
    }

    pub(super) fn unlock(&mut self) -> anyhow::Result<String> {
        self.mutex()?.release()?;
        Ok(format!("released {MUTEX:?}"))
    }

    pub(super) fn set_timer(&mut self) -> anyhow::Result<String> {
        let timer = WaitableTimer::options().namespace(&self.namespace).create_new(TIMER)?;
        timer.set(Due::after(DUE), Some(Period::every(EVERY)))?;
        self.timer = Some(timer);
        Ok(format!("set the timer {TIMER:?}: due in {DUE:?}, and then every {EVERY:?}"))
    }

    pub(super) fn open_timer(&mut self) -> anyhow::Result<String> {
        let options = WaitableTimer::options().namespace(&self.namespace);
        self.timer = Some(options.open(TIMER, Access::SYNCHRONIZE)?);
        Ok(format!("opened {TIMER:?}"))
    }

    pub(super) fn await_timer(&self) -> anyhow::Result<String> {
        let timer = self.timer.as_ref().context("there is no timer yet")?;
        for _ in 0..EXPIRIES {
            ensure!(timer.wait(PATIENCE)?, "{TIMER:?} does not fire");
        }
        Ok(format!("{TIMER:?} fired {EXPIRIES} times"))
    }

    pub(super) fn await_both(&mut self) -> anyhow::Result<String> {
        let semaphore =
            Semaphore::options().namespace(&self.namespace).open(SEMAPHORE, Access::SYNCHRONIZE)?;
        let mutex = self.mutex()?;
        let waited = wait::all(&[&semaphore, mutex], Timeout::after(PATIENCE))?;
        ensure!(waited == WaitedAll::Signaled, "waiting for both gave {waited:?}");
        self.semaphore = Some(semaphore);
        Ok(format!("got both, {SEMAPHORE:?} and {MUTEX:?}, in one step"))
    }
}
