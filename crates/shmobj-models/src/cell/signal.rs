//! What set, release, reset and pulse do, step by step.

use super::state::{State, Step, THREADS};
use super::word::{GENERATION, MULTI, Rung, SIGNALED, TICKET, WAITERS, settled, tickets, without_waiters};
use super::{Cell, Fault, Kind};
use crate::kernel::{EVERYBODY, Thread};

impl Cell {
    /// The next step of a set (`number` is 1) or a release. `None`: it is over.
    pub(super) fn signal(&self, state: &mut State, thread: Thread, cell: usize, number: u32) -> Option<Step> {
        match state.players[thread].step {
            Step::Begin => self.begin_signal(state, cell, number),
            Step::WakeOp { before } if self.scene.kind(cell) == Kind::Manual => {
                release_sleepers(state, cell);
                state.kernel.wake_op(cell, |word| word | SIGNALED, EVERYBODY, 0);
                Some(Step::Clear { before })
            }
            Step::Clear { before } => {
                if state.kernel.words[cell] == before | SIGNALED || self.has(Fault::BlindClear) {
                    state.kernel.words[cell] = without_waiters(state.kernel.words[cell]);
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
                state.kernel.wake(cell, if multi { EVERYBODY } else { 1 });
                Some(Step::Wake { before })
            }
            Step::Wake { before } if self.has(Fault::WakeFirst) => {
                state.history[cell].signals += number;
                state.kernel.words[cell] += number * TICKET;
                Some(Step::Settle { rung: Rung { before, count: number, woken: 0 } })
            }
            Step::Wake { before } => {
                let multi = state.kernel.words[cell] & MULTI != 0;
                let woken = state.kernel.wake(cell, if multi { EVERYBODY } else { 1 });
                self.after_wake(state, cell, number, before, woken)
            }
            Step::WakeOp { before } => {
                state.history[cell].signals += number;
                let signal = if self.has(Fault::NoTickets) { 0 } else { number * TICKET };
                let bit = if self.has(Fault::NoTickets) { SIGNALED } else { 0 };
                let more = if self.has(Fault::MultiIgnored) { 0 } else { EVERYBODY };
                let woken = state.kernel.wake_op(cell, |word| (word + signal) | bit, number as usize, more);
                self.after_wake(state, cell, number, before, woken)
            }
            Step::Settle { rung } => {
                self.settle(state, cell, rung);
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
        let rung = Rung { before, count: number, woken: number.min(woken as u32) };
        state.history[cell].handed += rung.woken;
        (!self.has(Fault::NoSettle)).then_some(Step::Settle { rung })
    }

    /// One compare-and-swap: what it goes by is what it changes.
    fn settle(&self, state: &mut State, cell: usize, rung: Rung) {
        let word = state.kernel.words[cell];
        let mut new = word;
        if self.scene.kind(cell) == Kind::Semaphore {
            let unused = rung.left_over(word).min(tickets(word));
            let fits = state.counts[cell] + unused <= self.scene.maximum() || self.has(Fault::MaximumIgnored);
            if fits {
                state.counts[cell] += unused;
            } else {
                state.history[cell].signals -= unused; // refused after all
            }
            if unused > 0 {
                new = with_count(word - unused * TICKET, state.counts[cell]);
                if rung.is_quiet(word) {
                    new = without_waiters(new);
                }
            }
        } else {
            new = settled(new, rung);
        }
        if self.has(Fault::BlindClear) {
            new = without_waiters(new);
        }
        state.kernel.words[cell] = new;
    }

    /// Who waits for any, slept, and leaves with the other cell: a ticket that it may have been woken for becomes an
    /// ordinary signal, unless there is one.
    pub(super) fn return_ticket(&self, state: &mut State, cell: usize) {
        let word = state.kernel.words[cell];
        if tickets(word) == 0 {
            return;
        }
        match self.scene.kind(cell) {
            Kind::Semaphore if state.counts[cell] < self.scene.maximum() => {
                state.counts[cell] += 1;
                state.kernel.words[cell] = with_count(word - TICKET, state.counts[cell]);
            }
            Kind::Auto if word & SIGNALED == 0 || self.has(Fault::TicketReturnedOntoSignal) => {
                state.kernel.words[cell] = (word - TICKET) | SIGNALED;
            }
            Kind::Auto | Kind::Manual | Kind::Semaphore => {}
        }
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
            Step::Begin => {
                self.reset(state, cell);
                Some(Step::PulseLook)
            }
            Step::PulseLook => {
                (state.kernel.words[cell] & WAITERS != 0).then_some(Step::WakeOp { before: 0 })
            }
            _ => {
                release_sleepers(state, cell);
                state.kernel.wake_op(cell, |word| word + GENERATION, EVERYBODY, 0);
                None
            }
        }
    }
}

/// A semaphore's word with such a count.
pub(super) fn with_count(word: u32, count: u32) -> u32 {
    word & !SIGNALED | if count > 0 { SIGNALED } else { 0 }
}

/// A manual-reset event is signalled, so whoever is asleep on it must not miss it.
fn release_sleepers(state: &mut State, cell: usize) {
    for thread in 0..THREADS {
        state.players[thread].released |= state.kernel.is_queued(thread, cell);
    }
}
