//! What set, release, reset and pulse do, step by step.

use super::state::{State, Step, THREADS};
use super::word::{GENERATION, MULTI, SIGNALED, TICKET, WAITERS, is_deserted, settled, tickets};
use super::{Cell, Fault, Kind};
use crate::kernel::{ALL, Thread};

impl Cell {
    /// The next step of a set (`number` is 1) or a release. `None`: it is over.
    pub(super) fn signal(&self, state: &mut State, thread: Thread, cell: usize, number: u32) -> Option<Step> {
        match state.players[thread].step {
            Step::Begin => self.begin_signal(state, cell, number),
            Step::WakeOp { before } if self.scene.kind(cell) == Kind::Manual => {
                release_sleepers(state, cell);
                state.kernel.wake_op(cell, |word| word | SIGNALED, ALL, 0);
                Some(Step::Clear { before })
            }
            Step::Clear { before } => {
                if state.kernel.words[cell] == before | SIGNALED || self.has(Fault::BlindClear) {
                    state.kernel.words[cell] &= !(WAITERS | MULTI);
                }
                None
            }
            Step::WakeOp { before } if self.has(Fault::WakeApart) => {
                state.history[cell].signals += number;
                state.kernel.words[cell] += number * TICKET;
                Some(Step::Wake { before })
            }
            Step::WakeOp { before } if self.has(Fault::WakeFirst) => {
                let multi = state.kernel.words[cell] & MULTI != 0;
                state.kernel.wake(cell, if multi { ALL } else { 1 });
                Some(Step::Wake { before })
            }
            Step::Wake { before } if self.has(Fault::WakeFirst) => {
                state.history[cell].signals += number;
                state.kernel.words[cell] += number * TICKET;
                Some(Step::Settle { before, left: number })
            }
            Step::Wake { before } => {
                let multi = state.kernel.words[cell] & MULTI != 0;
                let woken = state.kernel.wake(cell, if multi { ALL } else { 1 });
                self.after_wake(state, cell, number, before, woken)
            }
            Step::WakeOp { before } => {
                state.history[cell].signals += number;
                let signal = if self.has(Fault::NoTickets) { 0 } else { number * TICKET };
                let bit = if self.has(Fault::NoTickets) { SIGNALED } else { 0 };
                let more = if self.has(Fault::MultiIgnored) { 0 } else { ALL };
                let woken = state.kernel.wake_op(cell, |word| (word + signal) | bit, number as usize, more);
                self.after_wake(state, cell, number, before, woken)
            }
            Step::Reread { before, left } => {
                let multi = state.kernel.words[cell] & MULTI != 0;
                let left = if multi { number } else { left };
                (left > 0).then_some(Step::Settle { before, left })
            }
            Step::Settle { before, left } => {
                self.settle(state, cell, number, before, left);
                None
            }
            _ => None,
        }
    }

    fn begin_signal(&self, state: &mut State, cell: usize, number: u32) -> Option<Step> {
        let word = state.kernel.words[cell];
        let semaphore = self.scene.kind(cell) == Kind::Semaphore;
        if semaphore && state.counts[cell] + number > self.scene.maximum() {
            return None; // refused
        }
        if word & WAITERS != 0 {
            return Some(Step::WakeOp { before: word });
        }
        state.history[cell].signals += number;
        state.kernel.words[cell] |= SIGNALED;
        if semaphore {
            state.counts[cell] += number;
        }
        None
    }

    fn after_wake(
        &self,
        state: &mut State,
        cell: usize,
        number: u32,
        before: u32,
        woken: usize,
    ) -> Option<Step> {
        let handed = number.min(woken as u32);
        state.history[cell].handed += handed;
        let left = if before & MULTI != 0 { number } else { number - handed };
        if self.has(Fault::NoSettle) {
            None
        } else if left == number || self.has(Fault::MultiNotReread) {
            (left > 0).then_some(Step::Settle { before, left })
        } else {
            Some(Step::Reread { before, left })
        }
    }

    fn settle(&self, state: &mut State, cell: usize, number: u32, before: u32, left: u32) {
        let word = state.kernel.words[cell];
        let mut new = word;
        if self.scene.kind(cell) == Kind::Semaphore {
            let moved = tickets(word).min(left);
            let room = self.scene.maximum().saturating_sub(state.counts[cell]);
            let kept = if self.has(Fault::MaximumIgnored) { moved } else { moved.min(room) };
            state.counts[cell] += kept;
            state.history[cell].signals -= moved - kept; // refused after all
            new = (new - moved * TICKET) & !SIGNALED | if state.counts[cell] > 0 { SIGNALED } else { 0 };
            if is_deserted(word, before, number) {
                new &= !(WAITERS | MULTI);
            }
        } else {
            new = settled(new, before);
        }
        let early = self.has(Fault::EarlyClear) && word == before + number * TICKET;
        if early || self.has(Fault::BlindClear) {
            new &= !(WAITERS | MULTI);
        }
        state.kernel.words[cell] = new;
    }

    pub(super) fn reset(&self, state: &mut State, cell: usize) {
        let word = &mut state.kernel.words[cell];
        if self.scene.kind(cell) != Kind::Manual {
            *word &= !SIGNALED;
            if self.has(Fault::ResetTakesTickets) {
                *word -= tickets(*word) * TICKET;
            }
        } else if *word & SIGNALED != 0 {
            *word = (*word & !SIGNALED) + if self.has(Fault::NoGeneration) { 0 } else { GENERATION };
        }
    }

    /// The next step of a pulse. `None`: it is over.
    pub(super) fn pulse(&self, state: &mut State, thread: Thread, cell: usize) -> Option<Step> {
        match state.players[thread].step {
            Step::Begin if state.kernel.words[cell] & SIGNALED != 0 => {
                self.reset(state, cell);
                None
            }
            Step::Begin => Some(Step::WakeOp { before: 0 }),
            _ => {
                release_sleepers(state, cell);
                state.kernel.wake_op(cell, |word| word + GENERATION, ALL, 0);
                None
            }
        }
    }
}

/// A manual-reset event is signalled, so whoever is asleep on it must not miss it.
fn release_sleepers(state: &mut State, cell: usize) {
    for thread in 0..THREADS {
        state.players[thread].released |= state.kernel.is_queued(thread, cell);
    }
}
