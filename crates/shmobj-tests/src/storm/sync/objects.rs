//! The objects of a storm, and the memory that the mutexes protect.

use std::sync::atomic::AtomicU64;

use shmobj::{
    Access, Event, FileMapping, Mutex, Namespace, ReadWrite, Reset, Result, Semaphore, View, WaitableTimer,
};

/// Accounts of the bank.
pub(super) const ACCOUNTS: usize = 4;
/// What is on each at first.
pub(super) const DEPOSIT: u64 = 1000;
/// Permits of the semaphore.
pub(super) const PERMITS: u64 = 3;
/// The mutex of the counter; those before it are the accounts'.
pub(super) const COUNTER: usize = ACCOUNTS;
const MUTEXES: usize = ACCOUNTS + 1;

/// What all processes of a storm have.
#[derive(Debug)]
pub(super) struct Objects {
    /// One for each account, and the counter's.
    pub(super) mutexes: Vec<Mutex>,
    pub(super) semaphore: Semaphore,
    pub(super) auto: Event,
    pub(super) manual: Event,
    pub(super) never: Event,
    pub(super) timer: WaitableTimer,
    view: View<ReadWrite>,
    _data: FileMapping,
}

/// A word of the protected memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    /// Who is inside the mutex of this number: a process's number, or one of those below.
    Owner(usize),
    /// What is on an account.
    Balance(usize),
    /// What was on it before the transfer.
    Former(usize),
    /// The transfer: a row and a number. 0: none.
    Journal(usize),
    Count,
}

/// A thread that has left without releasing the mutex.
pub(super) const LEFT: u64 = u64::MAX;

impl Objects {
    /// Makes or opens them. With `alone` the mutexes and the semaphore are nobody else's, although the memory is shared.
    pub(super) fn reach(namespace: &Namespace, alone: bool) -> Result<Self> {
        let mutex = |number| {
            let options = Mutex::options().namespace(namespace);
            if alone { options.create_unnamed() } else { options.create(&format!("mutex-{number}")) }
        };
        let semaphore = Semaphore::options().namespace(namespace).initial(PERMITS as u32).max(PERMITS as u32);
        let event = |reset| Event::options().namespace(namespace).reset(reset);
        let data = FileMapping::options().namespace(namespace).size(4096).across_pid_namespaces(true);
        let data = data.create("data").or_else(|_| data.open("data", Access::READ_WRITE))?;
        Ok(Self {
            mutexes: (0..MUTEXES).map(mutex).collect::<Result<_>>()?,
            semaphore: if alone { semaphore.create_unnamed()? } else { semaphore.create("semaphore")? },
            auto: event(Reset::Auto).create("auto")?,
            manual: event(Reset::Manual).create("manual")?,
            never: event(Reset::Manual).create("never")?,
            timer: WaitableTimer::options().namespace(namespace).create("timer")?,
            view: data.map_mut()?,
            _data: data,
        })
    }

    pub(super) fn word(&self, word: Word) -> &AtomicU64 {
        let number = match word {
            Word::Owner(number) => number,
            Word::Balance(number) => MUTEXES + number,
            Word::Former(number) => MUTEXES + ACCOUNTS + number,
            Word::Journal(number) => MUTEXES + 2 * ACCOUNTS + number,
            Word::Count => MUTEXES + 3 * ACCOUNTS,
        };
        self.view.atomic(8 * number).expect("a word inside the view")
    }
}
