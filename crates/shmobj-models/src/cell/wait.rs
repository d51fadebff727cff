//! What the waits do, step by step.

use super::state::{State, Step, Task};
use super::word::{MULTI, SEQ, SIGNALED, WAITERS, generation, is_signalled, taken, tickets};
use super::{Cell, Fault, Kind};
use crate::kernel::Thread;

impl Cell {
    /// The next step of a wait. `None`: it is over.
    pub(super) fn wait(&self, state: &mut State, thread: Thread, task: Task) -> Option<Step> {
        let again = Some(first_look(task, false));
        match state.players[thread].step {
            Step::Look { cell, .. } => self.look(state, thread, task, cell),
            Step::Return { cell } => {
                self.return_ticket(state, cell);
                None
            }
            Step::Sleep => {
                let (Task::One(cell) | Task::Timed(cell)) = task else { return None };
                let seen = state.players[thread].seen[cell];
                if state.kernel.wait(thread, cell, seen) { asleep(state, thread) } else { again }
            }
            Step::QueueFirst if state.kernel.queue(thread, 0, state.players[thread].seen[0]) => {
                Some(Step::QueueSecond)
            }
            // Woken already: `futex_waitv` finds out before it sleeps.
            Step::QueueSecond if !state.kernel.is_queued(thread, 0) => again,
            Step::QueueSecond if state.kernel.wait(thread, 1, state.players[thread].seen[1]) => {
                asleep(state, thread)
            }
            Step::QueueFirst | Step::QueueSecond => again,
            Step::LastLook => {
                if let Task::Timed(cell) = task {
                    self.try_take(state, thread, cell);
                }
                None
            }
            _ => None,
        }
    }

    /// Takes the cell, or else marks it.
    fn look(&self, state: &mut State, thread: Thread, task: Task, cell: usize) -> Option<Step> {
        if self.try_take(state, thread, cell) {
            let returns = state.players[thread].slept && !self.has(Fault::TicketKept);
            return returns.then_some(Step::Return { cell: 1 - cell });
        }
        let several = task == Task::Any;
        let mark = if several && !self.has(Fault::NoMulti) { WAITERS | MULTI } else { WAITERS };
        state.kernel.words[cell] |= mark;
        state.players[thread].seen[cell] = state.kernel.words[cell];
        match (several, cell) {
            (false, _) => Some(Step::Sleep),
            (true, 0) => Some(Step::Look { cell: 1, woken: false }),
            (true, _) => {
                state.players[thread].slept = true;
                Some(Step::QueueFirst)
            }
        }
    }

    fn try_take(&self, state: &mut State, thread: Thread, cell: usize) -> bool {
        let word = state.kernel.words[cell];
        let kind = self.scene.kind(cell);
        if kind == Kind::Manual {
            let since = *state.players[thread].since[cell].get_or_insert(generation(word));
            return word & SIGNALED != 0 || generation(word) != since;
        }
        if !is_signalled(word) {
            return false;
        }
        let mut new = taken(word);
        if kind == Kind::Semaphore && tickets(word) == 0 {
            state.counts[cell] = state.counts[cell].saturating_sub(1);
            new |= if state.counts[cell] > 0 { SIGNALED } else { 0 };
        }
        state.kernel.words[cell] = new + if self.has(Fault::NoSeq) { 0 } else { SEQ };
        state.history[cell].taken += 1;
        true
    }
}

/// Where a wait starts, and starts again.
pub(super) fn first_look(task: Task, woken: bool) -> Step {
    match task {
        Task::One(cell) | Task::Timed(cell) => Step::Look { cell, woken },
        Task::Any => Step::Look { cell: 0, woken },
        Task::Set(_) | Task::Reset(_) | Task::Pulse(_) | Task::Release(..) => Step::Begin,
    }
}

fn asleep(state: &mut State, thread: Thread) -> Option<Step> {
    state.missed |= state.players[thread].released;
    Some(Step::Asleep)
}
