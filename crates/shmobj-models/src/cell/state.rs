//! The world of the model: two cells, and the threads.

use super::word::{MULTI, SIGNALED, WAITERS, tickets};
use crate::kernel::{Kernel, Life, Thread};

pub(super) const THREADS: usize = 4;
pub(super) const CELLS: usize = 2;

/// What a thread does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Task {
    /// set, release n
    Set(u8),
    Release(u8, u8),
    Reset(u8),
    Pulse(u8),
    One(u8),
    Timed(u8),
    Any,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Step {
    /// set, reset, pulse: the first look
    Begin,
    WakeOp {
        before: u32,
    },
    Reread {
        before: u32,
        left: u8,
    },
    Settle {
        before: u32,
        left: u8,
    },
    Clear {
        before: u32,
    },
    /// wait: look
    Look {
        cell: u8,
        woken: u8,
    },
    Sleep,
    QueueFirst,
    QueueSecond,
    Asleep,
    Last,
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Player {
    pub(super) task: u8,
    pub(super) step: Step,
    /// what it marked
    pub(super) seen: [u32; CELLS],
    /// the generation at the beginning
    pub(super) since: [Option<u32>; CELLS],
    /// a manual set woke it
    pub(super) promised: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    pub(super) kernel: Kernel<THREADS, CELLS>,
    pub(super) count: [u8; CELLS],
    pub(super) players: [Player; THREADS],
    /// signals - takes
    pub(super) begun: [u8; CELLS],
    pub(super) taken: [u8; CELLS],
    pub(super) handed: [u8; CELLS],
    pub(super) excused: [u8; CELLS],
    pub(super) broken: bool,
    pub(super) crashed: bool,
}
impl State {
    pub(super) fn word(&self, c: u8) -> u32 {
        self.kernel.words[usize::from(c)]
    }
    pub(super) fn word_mut(&mut self, c: u8) -> &mut u32 {
        &mut self.kernel.words[usize::from(c)]
    }
    pub fn show(&self) -> String {
        let w = self.kernel.words.map(|w| {
            format!(
                "[{}{}{} t{} q{}]",
                if w & SIGNALED != 0 { "S" } else { "" },
                if w & WAITERS != 0 { "W" } else { "" },
                if w & MULTI != 0 { "M" } else { "" },
                tickets(w),
                (w >> 12) & 0x7ffff
            )
        });
        format!(
            "{} {} cnt {:?} {:?} {:?}",
            w[0],
            w[1],
            self.count,
            self.players.map(|p| p.step),
            self.kernel.life
        )
    }
}
