//! The protocol itself: what each step does and which one follows it.

use super::state::{State, Step, Task, WORD};
use super::{Fault, Mutex};
use crate::kernel::{ALL, OWNER_DIED, TID, Thread, WAITERS, tid};

impl Mutex {
    /// The task at hand of a thread; `None` after its last.
    pub(super) fn task(&self, thread: Thread, number: u8) -> Option<Task> {
        self.play.programs().get(thread)?.get(usize::from(number)).copied()
    }

    pub(super) fn first_step(&self, task: Option<Task>) -> Step {
        match task {
            None => Step::Done,
            Some(Task::Multi) => Step::SetMulti,
            Some(_) if self.has(Fault::LatePending) => Step::Try,
            Some(_) => Step::Pend,
        }
    }

    fn next_task(&self, state: &mut State, thread: Thread) -> Step {
        let player = &mut state.players[thread];
        player.task += 1;
        self.first_step(self.task(thread, player.task))
    }

    pub(super) fn step(&self, state: &mut State, thread: Thread) {
        let task = self.task(thread, state.players[thread].task).unwrap_or(Task::Hold);
        let next = self.next(state, thread, task);
        state.players[thread].step = next;
    }

    fn next(&self, state: &mut State, thread: Thread, task: Task) -> Step {
        let own = self.tid(thread);
        match state.step(thread) {
            Step::Pend => {
                state.kernel.pending[thread] = Some(0);
                if self.has(Fault::TokenFirst) {
                    state.token = own;
                }
                Step::Try
            }
            Step::Try => self.try_lock(state, thread),
            Step::ReadMulti { seen } => Step::Sleep { seen, limited: state.multi },
            Step::Sleep { seen, limited } => {
                if state.kernel.wait(thread, WORD, seen) {
                    Step::Asleep { limited }
                } else {
                    Step::Try
                }
            }
            Step::Asleep { .. } => Step::Try,
            Step::AsleepOnAll => Step::Look { woken: true },
            Step::GiveUp => {
                state.kernel.pending[thread] = None;
                self.next_task(state, thread)
            }
            Step::List { died } => {
                state.kernel.list(thread, WORD);
                if self.has(Fault::LateList) { Step::ReadToken { died } } else { Step::Unpend { died } }
            }
            Step::Unpend { died } => {
                state.kernel.pending[thread] = None;
                if self.has(Fault::LateList) { Step::List { died } } else { Step::ReadToken { died } }
            }
            Step::ReadToken { died } => {
                Step::Own { abandoned: died && (state.token != 0 || self.has(Fault::TokenIgnored)) }
            }
            Step::Own { abandoned } => {
                state.wrong |= abandoned != state.owed;
                state.owed = false;
                state.token = own;
                match task {
                    Task::Exit if !self.has(Fault::ExitClearsToken) => Step::PendAgain,
                    _ if self.has(Fault::TokenKept) => Step::PendAgain,
                    _ => Step::Disown,
                }
            }
            Step::Disown => {
                state.token = 0;
                if self.has(Fault::UnlockWithoutPending) { Step::Unlist } else { Step::PendAgain }
            }
            Step::PendAgain => {
                state.kernel.pending[thread] = Some(0);
                Step::Unlist
            }
            Step::Unlist => {
                state.kernel.unlist(thread, WORD);
                Step::Release
            }
            Step::Release => self.release(state, task),
            Step::AskMulti => Step::Wake { most: state.multi && !self.has(Fault::MultiIgnored) },
            Step::Wake { most } => {
                let woken = state.kernel.wake(WORD, if most { ALL } else { 1 });
                if woken == 0 && !self.has(Fault::SwapToZero) { Step::Clear } else { Step::UnpendAgain }
            }
            Step::Clear => {
                if !self.has(Fault::ClearByCas) {
                    state.kernel.wake_op(WORD, |word| word & !WAITERS, ALL, 0);
                } else if state.word() & TID == 0 {
                    state.kernel.words[WORD] &= !WAITERS;
                }
                Step::UnpendAgain
            }
            Step::UnpendAgain => {
                state.kernel.pending[thread] = None;
                self.next_task(state, thread)
            }
            Step::SetMulti => {
                state.multi = true;
                Step::Look { woken: false }
            }
            Step::Look { woken } => {
                let word = state.word();
                if word & TID == 0 {
                    let passes = woken && !self.has(Fault::NoPassOn);
                    return if passes { Step::PassOn { leaves: false } } else { Step::PendToTake };
                }
                state.kernel.words[WORD] = word | WAITERS;
                Step::SleepOnAll { seen: word | WAITERS }
            }
            Step::SleepOnAll { seen } => {
                if state.kernel.wait(thread, WORD, seen) {
                    Step::AsleepOnAll
                } else {
                    Step::Look { woken: false }
                }
            }
            Step::PassOn { leaves } => {
                state.kernel.wake(WORD, ALL);
                if leaves { self.next_task(state, thread) } else { Step::PendToTake }
            }
            Step::PendToTake => {
                state.kernel.pending[thread] = Some(0);
                Step::Take
            }
            Step::Take => {
                if state.word() & TID == 0 {
                    self.take(state, thread)
                } else {
                    Step::UnpendToLook
                }
            }
            Step::UnpendToLook => {
                state.kernel.pending[thread] = None;
                Step::Look { woken: false }
            }
            Step::Done => Step::Done,
        }
    }

    /// A waiter for several objects finds another one signalled, and does without the mutex.
    pub(super) fn leave(&self, state: &mut State, thread: Thread, woken: bool) {
        let passes = woken && state.word() & TID == 0 && !self.has(Fault::NoPassOn);
        let next = if passes { Step::PassOn { leaves: true } } else { self.next_task(state, thread) };
        state.players[thread].step = next;
    }

    fn try_lock(&self, state: &mut State, thread: Thread) -> Step {
        let word = state.word();
        if word & TID == 0 {
            return self.take(state, thread);
        }
        state.kernel.words[WORD] = word | WAITERS;
        if self.has(Fault::NoPendingAsleep) {
            state.kernel.pending[thread] = None;
        }
        Step::ReadMulti { seen: word | WAITERS }
    }

    fn take(&self, state: &mut State, thread: Thread) -> Step {
        let word = state.word();
        let waiters = if self.has(Fault::DropWaiters) { 0 } else { word & WAITERS };
        state.kernel.words[WORD] = self.tid(thread) | waiters;
        let died = word & OWNER_DIED != 0;
        if self.has(Fault::LateList) { Step::Unpend { died } } else { Step::List { died } }
    }

    fn release(&self, state: &mut State, task: Task) -> Step {
        let waiters = state.word() & WAITERS;
        let died = match task {
            Task::Exit => {
                state.owed |= state.token != 0;
                OWNER_DIED
            }
            _ => 0,
        };
        let kept = if self.has(Fault::SwapToZero) { 0 } else { waiters };
        state.kernel.words[WORD] = died | kept;
        if waiters == 0 { Step::UnpendAgain } else { Step::AskMulti }
    }

    fn tid(&self, thread: Thread) -> u32 {
        tid(thread)
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}
