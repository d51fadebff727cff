//! Looking, and the course of a wait-all from object to object.

use super::lock::take;
use super::mutex::announce_among_several;
use super::state::{MUTEX, Phase, Player, State, Step, THREADS, Task};
use super::{Fault, Gate};
use crate::cell::word::{
    ALL, LOCKED, MULTI, Rung, SIGNALED, TICKET, WAITERS, is_signalled, settled, tickets, without_waiters,
};
use crate::kernel::{EVERYBODY, OWNER_DIED, TID, Thread};

impl Gate {
    /// The next step of a thread that works.
    pub(super) fn step(&self, state: &mut State, thread: Thread) {
        let Player { step, object, seen, task, .. } = state.players[thread];
        let Some(task) = self.task(thread, task) else { return };
        match step {
            Step::Look if self.is_mutex(object) => self.look_at_mutex(state, thread, task),
            Step::Look => self.look_at_cell(state, thread, task),
            Step::Sleep if state.kernel.wait(thread, object, seen) => state.go(thread, Step::Asleep),
            Step::Sleep => self.restart(state, thread),
            Step::SetBegin | Step::SetWakeOp | Step::SetSettle { .. } => self.set(state, thread, object),
            Step::Return | Step::LeaveLook | Step::LeaveWake => self.leave(state, thread),
            step if step >= Step::GateLook && step <= Step::GateUnpendAgain => {
                self.step_at_gate(state, thread);
            }
            _ => self.step_at_mutex(state, thread, task),
        }
    }

    fn look_at_cell(&self, state: &mut State, thread: Thread, task: Task) {
        let object = state.players[thread].object;
        let word = state.word(object);
        let ignores = match task {
            Task::One(_) => self.has(Fault::TakerIgnoresLocked),
            Task::Reset(_) => self.has(Fault::ResetIgnoresLocked),
            Task::Observe(_) => self.has(Fault::ObserverIgnoresLocked),
            _ => false,
        };
        if word & LOCKED != 0 && !ignores {
            state.players[thread].phase = Phase::Pass;
            return state.go(thread, Step::GateLook);
        }
        let mark = match task {
            Task::Observe(order) => return self.observe(state, thread, order),
            Task::Reset(_) => {
                state.kernel.words[object] &= !SIGNALED;
                return self.finish(state, thread);
            }
            Task::One(_) if is_signalled(word) => {
                take(state, object);
                return self.finish(state, thread);
            }
            _ if is_signalled(word) => return self.look_further(state, thread),
            Task::One(_) => WAITERS,
            _ => {
                state.players[thread].slept_on |= 1 << object;
                if self.has(Fault::NoMulti) { WAITERS | ALL } else { WAITERS | MULTI | ALL }
            }
        };
        state.kernel.words[object] = word | mark;
        state.players[thread].seen = word | mark;
        state.go(thread, Step::Sleep);
    }

    fn look_at_mutex(&self, state: &mut State, thread: Thread, task: Task) {
        let word = state.word(MUTEX);
        let tentative = word & TID != 0 && word & OWNER_DIED != 0;
        match task {
            Task::Observe(order) if !tentative => self.observe(state, thread, order),
            Task::All | Task::AllKeep if word & TID == 0 || tentative => self.look_further(state, thread),
            Task::All | Task::AllKeep => announce_among_several(state, thread),
            _ => state.go(thread, Step::MutexLook),
        }
    }

    /// An object of a wait-all looks signalled.
    fn look_further(&self, state: &mut State, thread: Thread) {
        if state.players[thread].object == 0 {
            state.players[thread].object = 1;
        } else {
            self.prepare(state, thread, self.order(thread)[0]);
        }
    }

    fn prepare(&self, state: &mut State, thread: Thread, object: usize) {
        let step = if self.is_mutex(object) { Step::MutexLook } else { Step::GateLook };
        let player = &mut state.players[thread];
        (player.phase, player.object, player.step) = (Phase::Prepare, object, step);
    }

    pub(super) fn commit(&self, state: &mut State, thread: Thread, object: usize) {
        let step = if self.is_mutex(object) { Step::ReadToken } else { Step::Take };
        let player = &mut state.players[thread];
        (player.phase, player.object, player.step) = (Phase::Commit, object, step);
    }

    pub(super) fn after_prepare(&self, state: &mut State, thread: Thread) {
        let [first, second] = self.order(thread);
        if state.players[thread].object == first && !self.has(Fault::OneByOne) {
            self.prepare(state, thread, second);
        } else {
            self.commit(state, thread, if self.has(Fault::OneByOne) { second } else { first });
        }
    }

    pub(super) fn after_commit(&self, state: &mut State, thread: Thread) {
        let second = self.order(thread)[1];
        if state.players[thread].object == second {
            self.leave_next(state, thread);
        } else if self.has(Fault::OneByOne) {
            self.prepare(state, thread, second);
        } else {
            self.commit(state, thread, second);
        }
    }

    /// A wait-all is over: to the next cell that it slept on, or to what comes after it.
    pub(super) fn leave_next(&self, state: &mut State, thread: Thread) {
        let Player { slept_on, task, phase, .. } = state.players[thread];
        let keeps = self.task(thread, task) == Some(Task::AllKeep);
        if slept_on != 0 && !self.has(Fault::AllKept) {
            state.players[thread].object = slept_on.trailing_zeros() as usize;
            let gives_up = phase == Phase::Look && !self.has(Fault::TicketKept);
            state.go(thread, if gives_up { Step::Return } else { Step::LeaveLook });
        } else if self.scene.has_mutex() && !keeps && phase != Phase::Look {
            state.go(thread, Step::Disown);
        } else {
            self.finish(state, thread);
        }
    }

    /// A wait-all that gives up settles a ticket that it may have been woken for. Then each takes ALL off the cell. Other wait-alls that sleep on it wake up, and set it again.
    fn leave(&self, state: &mut State, thread: Thread) {
        let Player { step, object, .. } = state.players[thread];
        if step == Step::Return {
            if tickets(state.word(object)) > 0 {
                state.kernel.words[object] = (state.word(object) - TICKET) | SIGNALED;
            }
            return state.go(thread, Step::LeaveLook);
        }
        if step == Step::LeaveLook && state.word(object) & ALL != 0 {
            return state.go(thread, Step::LeaveWake);
        }
        if step == Step::LeaveWake {
            let most = if self.has(Fault::LeaveWakesNobody) { 0 } else { EVERYBODY };
            state.kernel.wake_op(object, |word| word & !ALL, most, 0);
        }
        state.players[thread].slept_on &= !(1 << object);
        self.leave_next(state, thread);
    }

    /// The object at hand is not signalled any more: gives back what was locked before it.
    pub(super) fn undo_before(&self, state: &mut State, thread: Thread) {
        let [first, _] = self.order(thread);
        if state.players[thread].object == first {
            return self.restart(state, thread);
        }
        let step = if self.is_mutex(first) { Step::MutexPendOwner } else { Step::ClearLocked };
        let player = &mut state.players[thread];
        (player.phase, player.object, player.step) = (Phase::Undo, first, step);
    }

    fn observe(&self, state: &mut State, thread: Thread, order: [usize; 2]) {
        let object = state.players[thread].object;
        let has_taken = |state: &State, other: usize| state.committed[other] & (1 << object) != 0;
        if object == order[0] {
            let takers = (0..THREADS).filter(|other| has_taken(state, *other));
            state.players[thread].noted = takers.fold(0, |set, other| set | 1 << other);
            state.players[thread].object = order[1];
            return;
        }
        let word = state.word(object);
        let to_be_had = if self.is_mutex(object) { word & TID == 0 } else { is_signalled(word) };
        let noted = state.players[thread].noted;
        let halfway = |other: usize| {
            noted & (1 << other) != 0 && !has_taken(state, other) && state.kernel.is_alive(other)
        };
        let torn = to_be_had && (0..THREADS).any(halfway);
        state.torn |= torn;
        self.finish(state, thread);
    }

    /// As in the module [`cell`](crate::cell): LOCKED or not makes no difference to a set.
    fn set(&self, state: &mut State, thread: Thread, cell: usize) {
        let Player { step, seen, .. } = state.players[thread];
        let word = state.word(cell);
        match step {
            Step::SetBegin if word & WAITERS == 0 => {
                state.signals[cell] += 1;
                state.kernel.words[cell] |= SIGNALED;
                self.finish(state, thread);
            }
            Step::SetBegin => {
                state.players[thread].seen = word;
                state.go(thread, Step::SetWakeOp);
            }
            Step::SetWakeOp => {
                state.signals[cell] += 1;
                let woken = state.kernel.wake_op(cell, |word| word + TICKET, 1, EVERYBODY);
                let rung = Rung { before: seen, count: 1, woken: woken.min(1) as u32 };
                state.go(thread, Step::SetSettle { rung });
            }
            Step::SetSettle { rung } => {
                self.settle(state, cell, rung);
                self.finish(state, thread);
            }
            _ => {}
        }
    }

    fn settle(&self, state: &mut State, cell: usize, rung: Rung) {
        let word = state.word(cell);
        let left_over = match self.fault {
            Some(Fault::AllIgnored) => rung.count - rung.woken,
            Some(Fault::AllNotReread) => rung.left_over(rung.before),
            _ => rung.left_over(word),
        };
        if left_over > 0 {
            let early =
                self.has(Fault::EarlyClear) && rung.has_woken_everybody() && rung.is_all_that_happened(word);
            let new = settled(word, rung);
            state.kernel.words[cell] = if early { without_waiters(new) } else { new };
        }
    }
}
