//! The items, in named memory.
//!
//! An item's state is one word, and each change of it is one atomic step, so a worker can be killed at any instruction: the item is
//! then to do, or it says who was at it, or it is done and its result is there. No lock is needed.
//!
//! | state | who changes it to what |
//! |---|---|
//! | `WAITS`, 0: to do | a worker to its own number |
//! | a worker's number, from 1 | that worker to `DONE`; or the boss to `WAITS`, when the worker is dead |
//! | `DONE` | nobody |

use std::error::Error;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use shmobj::{FileMapping, ReadWrite, View};

pub(crate) const ITEMS: usize = 8;
const WAITS: u64 = 0;
const DONE: u64 = u64::MAX;

pub(crate) struct Table {
    view: View<ReadWrite>,
    _memory: FileMapping, // while somebody holds it, it has its name
}

/// An item's words in the memory.
pub(crate) struct Item<'a> {
    pub(crate) number: usize,
    state: &'a AtomicU64,
    pub(crate) limit: &'a AtomicU64,
    pub(crate) primes: &'a AtomicU64,
    pub(crate) attempts: &'a AtomicU64,
}

impl Table {
    pub(crate) fn of(name: &str) -> shmobj::Result<Self> {
        let memory = FileMapping::options().size(ITEMS as u64 * 32).create(name)?; // zeros: all to do
        Ok(Self { view: memory.map_mut()?, _memory: memory })
    }

    pub(crate) fn items(&self) -> shmobj::Result<Vec<Item<'_>>> {
        let words = self.view.atomics(0, ITEMS * 4)?.chunks_exact(4).zip(1..);
        Ok(words
            .map(|(words, number)| Item {
                number,
                state: &words[0],
                limit: &words[1],
                primes: &words[2],
                attempts: &words[3],
            })
            .collect())
    }

    /// An item to do, which is the worker's from now on.
    pub(crate) fn claim(&self, worker: u64) -> shmobj::Result<Option<Item<'_>>> {
        Ok(self.items()?.into_iter().find(|item| item.turn(WAITS, worker)))
    }

    /// Makes what a dead worker was at an item to do again, and tells which it was.
    pub(crate) fn reclaim(&self, worker: u64) -> shmobj::Result<Option<usize>> {
        Ok(self.items()?.iter().find(|item| item.turn(worker, WAITS)).map(|item| item.number))
    }

    pub(crate) fn all_done(&self) -> shmobj::Result<bool> {
        Ok(self.items()?.iter().all(|item| item.state.load(Acquire) == DONE))
    }

    pub(crate) fn print(&self) -> Result<(), Box<dyn Error>> {
        let mut again = Vec::new();
        for item in self.items()? {
            let [limit, primes, attempts] =
                [item.limit, item.primes, item.attempts].map(|word| word.load(Relaxed));
            println!("item {}: {primes} primes below {limit}", item.number);
            if attempts > 1 {
                again.push(format!(", item {} at its attempt {attempts}", item.number));
            }
        }
        println!("all items are done{}", again.concat());
        Ok(())
    }
}

impl Item<'_> {
    fn turn(&self, from: u64, to: u64) -> bool {
        self.state.compare_exchange(from, to, AcqRel, Relaxed).is_ok()
    }

    /// Whose it is, if a worker is at it.
    pub(crate) fn worker(&self) -> Option<u64> {
        Some(self.state.load(Acquire)).filter(|state| ![WAITS, DONE].contains(state))
    }

    /// The result first, then the word that says that it is there.
    pub(crate) fn finish(&self, primes: u64) {
        self.primes.store(primes, Relaxed);
        self.state.store(DONE, Release);
    }
}
