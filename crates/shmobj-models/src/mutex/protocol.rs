//! The protocol itself: what each step does and which one follows it.

use super::state::{State, Step, Task, WORD};
use super::{Fault, Mutex, Scene};
use crate::kernel::{EVERYBODY, OWNER_DIED, TID, Thread, WAITERS, tid};

impl Mutex {
    /// A task of a thread's program; `None` after its last.
    pub(super) fn task(&self, thread: Thread, number: u8) -> Option<Task> {
        self.scene.programs().get(thread)?.get(usize::from(number)).copied()
    }

    pub(super) fn first_step(&self, thread: Thread, task: u8) -> Step {
        match self.task(thread, task) {
            None => Step::Done,
            Some(Task::Several) => Step::SetMulti,
            Some(_) if self.has(Fault::NoPendingWhileTaking) => Step::Try,
            Some(_) => Step::Pend,
        }
    }

    fn finish(&self, state: &mut State, thread: Thread) -> Step {
        let player = &mut state.players[thread];
        player.task += 1;
        self.first_step(thread, player.task)
    }

    /// The next step of a thread that works.
    pub(super) fn step(&self, state: &mut State, thread: Thread) {
        let task = self.task(thread, state.players[thread].task);
        let next = match state.step(thread) {
            Step::Pend => {
                state.kernel.pending[thread] = Some(0);
                if self.has(Fault::TokenFirst) {
                    state.token = thread + 1;
                }
                Step::Try
            }
            Step::Try => self.try_lock(state, thread, task),
            Step::ReadMulti { seen } => Step::Sleep { seen, limited: state.multi || self.limits_all() },
            Step::Sleep { seen, limited } if state.kernel.wait(thread, WORD, seen) => {
                Step::Asleep { limited }
            }
            Step::Sleep { .. } => Step::Try,
            Step::Leave if state.word() & TID == 0 && !self.has(Fault::NoPassOn) => Step::PassOn,
            Step::Leave => Step::Unpend,
            Step::PassOn => {
                state.kernel.wake(WORD, 1);
                Step::Unpend
            }
            Step::Unpend => {
                state.kernel.pending[thread] = None;
                self.finish(state, thread)
            }
            Step::Enlist { died } => {
                state.kernel.list(thread, WORD);
                if self.has(Fault::LateList) { Step::ReadToken { died } } else { Step::UnpendOwner { died } }
            }
            Step::UnpendOwner { died } => {
                state.kernel.pending[thread] = None;
                if self.has(Fault::LateList) { Step::Enlist { died } } else { Step::ReadToken { died } }
            }
            Step::ReadToken { died } => {
                Step::Own { abandoned: died && (state.token != 0 || self.has(Fault::TokenIgnored)) }
            }
            Step::Own { abandoned } => {
                state.misled |= abandoned != state.untold;
                state.untold = false;
                state.token = thread + 1;
                let exits = task == Some(Task::Exit) && !self.has(Fault::ExitClearsToken);
                if exits || self.has(Fault::TokenKept) { Step::PendOwner } else { Step::Disown }
            }
            Step::Disown => {
                state.token = 0;
                if self.has(Fault::NoPendingWhileUnlocking) { Step::Unlist } else { Step::PendOwner }
            }
            Step::PendOwner => {
                state.kernel.pending[thread] = Some(0);
                Step::Unlist
            }
            Step::Unlist => {
                state.kernel.unlist(thread, WORD);
                Step::Release
            }
            Step::Release => self.release(state, task),
            Step::AskMulti => Step::Wake { all: state.multi && !self.has(Fault::MultiIgnored) },
            Step::Wake { all } => match state.kernel.wake(WORD, if all { EVERYBODY } else { 1 }) {
                0 if !self.has(Fault::UnlockDropsWaiters) => Step::Clear,
                _ => Step::Unpend,
            },
            Step::Clear => self.clear(state),
            Step::SetMulti => {
                state.multi = true;
                Step::Look { woken: false }
            }
            Step::Look { woken } => self.look(state, woken),
            Step::SleepOnAll { seen } if state.kernel.wait(thread, WORD, seen) => Step::AsleepOnAll,
            Step::SleepOnAll { .. } => Step::Look { woken: false },
            Step::WakeAll { leaves } => {
                state.kernel.wake(WORD, EVERYBODY);
                if leaves { self.finish(state, thread) } else { Step::Pend }
            }
            step @ (Step::Asleep { .. } | Step::AsleepOnAll | Step::Done) => step,
        };
        state.players[thread].step = next;
    }

    /// A waiter for several objects finds another one signalled, and does without the mutex.
    pub(super) fn leave(&self, state: &mut State, thread: Thread) {
        state.kernel.time_out(thread);
        let woken = matches!(state.step(thread), Step::AsleepOnAll | Step::Look { woken: true });
        state.players[thread].step = match state.step(thread) {
            Step::AsleepOnAll | Step::Look { .. } if woken && state.word() & TID == 0 => {
                Step::WakeAll { leaves: true }
            }
            Step::AsleepOnAll | Step::Look { .. } => self.finish(state, thread),
            _ => Step::Leave,
        };
    }

    fn try_lock(&self, state: &mut State, thread: Thread, task: Option<Task>) -> Step {
        let word = state.word();
        if word & TID == 0 {
            let waiters = if self.has(Fault::TakerDropsWaiters) { 0 } else { word & WAITERS };
            state.kernel.words[WORD] =
                tid(if self.has(Fault::EqualTids) && thread == 1 { 0 } else { thread }) | waiters;
            let died = word & OWNER_DIED != 0;
            return if self.has(Fault::LateList) {
                Step::UnpendOwner { died }
            } else {
                Step::Enlist { died }
            };
        }
        if task == Some(Task::Several) {
            state.kernel.pending[thread] = None;
            return Step::Look { woken: false };
        }
        state.kernel.words[WORD] = word | WAITERS;
        if self.has(Fault::NoPendingAsleep) {
            state.kernel.pending[thread] = None;
        }
        Step::ReadMulti { seen: word | WAITERS }
    }

    fn release(&self, state: &mut State, task: Option<Task>) -> Step {
        let waiters = state.word() & WAITERS;
        let exits = task == Some(Task::Exit);
        state.untold |= exits;
        state.owner_died |= exits;
        let kept = if self.has(Fault::UnlockDropsWaiters) { 0 } else { waiters };
        state.kernel.words[WORD] = kept | if exits { OWNER_DIED } else { 0 };
        if waiters == 0 { Step::Unpend } else { Step::AskMulti }
    }

    fn clear(&self, state: &mut State) -> Step {
        if !self.has(Fault::ClearByCas) {
            state.kernel.wake_op(WORD, |word| word & !WAITERS, EVERYBODY, 0);
        } else if state.word() & TID == 0 {
            state.kernel.words[WORD] &= !WAITERS;
        }
        Step::Unpend
    }

    /// A waiter for several mutexes looks at this one.
    fn look(&self, state: &mut State, woken: bool) -> Step {
        let word = state.word();
        match word & TID {
            0 if woken => Step::WakeAll { leaves: false },
            0 => Step::Pend,
            _ => {
                state.kernel.words[WORD] = word | WAITERS;
                Step::SleepOnAll { seen: word | WAITERS }
            }
        }
    }

    /// Each sleep has a limit, however long, where somebody may wait for several mutexes.
    fn limits_all(&self) -> bool {
        self.scene == Scene::Several && !self.has(Fault::SleepWithoutLimit)
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}
