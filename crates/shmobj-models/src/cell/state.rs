//! The world of the model: two cells, and the threads.

use super::word::Rung;
use crate::kernel::{Kernel, Life, Thread};

/// The threads that play, at most.
pub(super) const THREADS: usize = 5;

/// The cells.
pub(super) const CELLS: usize = 2;

/// What a thread does to, or wants of, a cell.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Task {
    Set(usize),
    Reset(usize),
    Pulse(usize),
    /// Release the semaphore by so many.
    Release(usize, u32),
    /// Wait for it.
    One(usize),
    /// Wait for it, or until the time is over.
    Timed(usize),
    /// Wait for either of the two.
    Any,
}

/// The step that a thread is about to take. The table is in the module [`cell`](super).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Step {
    Begin,
    WakeOp { before: u32 },
    Wake { before: u32 },
    Settle { rung: Rung },
    Clear { before: u32 },
    PulseLook,
    Look { cell: usize, woken: bool },
    Sleep,
    QueueFirst,
    QueueSecond,
    Return { cell: usize },
    Asleep,
    LastLook,
    Done,
}

/// One thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Player {
    /// Which task of its program it is at.
    pub(super) task: u8,
    pub(super) step: Step,
    /// The words that it expects when it goes to sleep.
    pub(super) seen: [u32; CELLS],
    /// The generations of manual-reset events when it began to wait.
    pub(super) since: [Option<u32>; CELLS],
    /// It waits for any, and has slept.
    pub(super) slept: bool,
    /// A set or pulse of a manual-reset event found it asleep.
    pub(super) released: bool,
}

impl Player {
    pub(super) const DONE: Self = Self {
        task: 0,
        step: Step::Done,
        seen: [0; CELLS],
        since: [None; CELLS],
        slept: false,
        released: false,
    };
}

/// What a cell has been through.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct History {
    /// Signals put in, refused ones not counted.
    pub(super) signals: u32,
    /// Waits that took one.
    pub(super) taken: u32,
    /// Sleepers woken for one by sets of single waiters' cells.
    pub(super) handed: u32,
    /// Single waiters killed after they were woken and before they looked.
    pub(super) excused: u32,
}

/// Everything that the page, the kernel and the threads know at one moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// Its words are the low halves of the cells.
    pub(super) kernel: Kernel<THREADS, CELLS>,
    /// The high halves: a semaphore's count. One CAS changes both.
    pub(super) counts: [u32; CELLS],
    pub(super) players: [Player; THREADS],
    pub(super) history: [History; CELLS],
    /// Somebody who was asleep when a manual-reset event was set went to sleep again.
    pub(super) missed: bool,
    /// Somebody was killed on the way to this state.
    pub(super) crashed: bool,
}

impl State {
    /// Nobody will do anything but by being killed, or because the time is over.
    pub(super) fn is_quiet(&self) -> bool {
        (0..THREADS).all(|thread| match self.kernel.life[thread] {
            Life::Dead | Life::Asleep => true,
            Life::Dying => false,
            Life::Running => self.players[thread].step == Step::Done,
        })
    }

    /// Those asleep on the cell, or about to be.
    pub(super) fn queued(&self, cell: usize) -> impl Iterator<Item = Thread> {
        (0..THREADS).filter(move |thread| self.kernel.is_queued(*thread, cell))
    }
}
