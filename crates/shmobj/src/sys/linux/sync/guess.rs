//! What a handle expects to find in a cell, so that its next change need not look first.
//!
//! A look cannot begin before the atomic write in front of it is done, and the compare-exchange after it has to wait for the look. And
//! where another core has the cache line, a look takes it to read, and the compare-exchange takes it again to write. So set, release
//! and wait begin with a compare-exchange from what this handle's last one left.
//!
//! It is only a guess: a compare-exchange that succeeds has found the whole cell as it was expected, as a look would have, and one that
//! fails has changed nothing.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use super::cell::State;

/// What the handle's last change left, or its last look found. On a cache line of its own: threads that share a handle all write it.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Guess(AtomicU64);

impl Guess {
    #[inline]
    pub(super) fn last(&self) -> State {
        State(self.0.load(Relaxed))
    }

    #[inline]
    pub(super) fn note(&self, state: State) {
        self.0.store(state.0, Relaxed);
    }

    /// One compare-exchange; what it finds is noted either way.
    #[inline]
    pub(super) fn change(&self, cell: &AtomicU64, from: State, to: State) -> Result<(), State> {
        match cell.compare_exchange(from.0, to.0, AcqRel, Acquire) {
            Ok(_) => {
                self.note(to);
                Ok(())
            }
            Err(found) => {
                self.note(State(found));
                Err(State(found))
            }
        }
    }
}
