//! The protocol itself: what each step does and which one follows it.

use super::state::{Handover, State, Step, THREADS, Task, WORD};
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
            Some(_) => Step::Look,
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
        if !matches!(state.step(thread), Step::LookBehind | Step::Unpend) {
            state.flush(thread); // what comes next is seen by all at once, and so is what was stored before
        }
        let next = match state.step(thread) {
            Step::Look => self.look(state, thread),
            Step::Announce => {
                if state.handover == Handover::Store {
                    state.handover = Handover::Changing;
                }
                Step::Barrier
            }
            Step::Barrier => {
                if self.is_fenced(thread) && !self.has(Fault::NoBarrier) {
                    (0..THREADS).for_each(|other| state.flush(other));
                }
                Step::Mark
            }
            Step::Mark => self.mark(state, thread, task),
            Step::UnpendLook => {
                state.kernel.pending[thread] = None;
                Step::Look
            }
            Step::Pend => {
                state.kernel.pending[thread] = Some(0);
                if self.has(Fault::TokenFirst) {
                    state.token = thread + 1;
                }
                Step::Try
            }
            Step::Try => self.try_lock(state, thread),
            Step::PendSleep { seen, limited } => {
                state.kernel.pending[thread] = (!self.has(Fault::NoPendingAsleep)).then_some(0);
                Step::Sleep { seen, limited }
            }
            Step::Sleep { seen, limited } if state.kernel.wait(thread, WORD, seen) => {
                Step::Asleep { limited }
            }
            Step::Sleep { .. } => Step::Look,
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
                Step::Choose
            }
            Step::Choose => self.choose(state, thread, task),
            Step::Store => {
                state.stored[thread] = true;
                if self.has(Fault::NoLookBehindStore) { Step::Unpend } else { Step::LookBehind }
            }
            Step::LookBehind if state.handover == Handover::Store => Step::Unpend,
            Step::LookBehind => Step::WakeBehind,
            Step::WakeBehind => {
                state.kernel.wake(WORD, EVERYBODY);
                Step::Unpend
            }
            Step::Settle => {
                state.kernel.words[WORD] |= WAITERS;
                Step::SettleHandover
            }
            Step::SettleHandover => {
                state.handover = Handover::Exchange;
                Step::ReleaseAll
            }
            Step::ReleaseAll => self.release_all(state, task),
            Step::Release => self.release(state, task),
            Step::Wake => match state.kernel.wake(WORD, 1) {
                0 if !self.has(Fault::UnlockDropsWaiters) => Step::Clear,
                _ => Step::Unpend,
            },
            Step::Clear => self.clear(state),
            Step::SleepAmongSeveral { seen } if state.kernel.wait(thread, WORD, seen) => {
                Step::AsleepAmongSeveral
            }
            Step::SleepAmongSeveral { .. } => Step::PassOn,
            Step::PassOn if self.passes_on(state) => Step::WakeAll,
            Step::PassOn => Step::Look,
            Step::WakeAll => {
                state.kernel.wake(WORD, EVERYBODY);
                Step::Look
            }
            step @ (Step::Asleep { .. } | Step::AsleepAmongSeveral | Step::Done) => step,
        };
        state.players[thread].step = next;
    }

    /// The mutex is free, or the thread is going to sleep. First nobody may give it back by a store any more.
    fn look(&self, state: &State, thread: Thread) -> Step {
        if state.word() & TID == 0 {
            return self.take();
        }
        if state.kernel.pending[thread].is_some() {
            return Step::UnpendLook;
        }
        match state.handover {
            _ if self.has(Fault::StoreForEver) => Step::Mark,
            Handover::Changing if self.has(Fault::OthersBarrier) => Step::Mark,
            Handover::Store | Handover::Changing => Step::Announce,
            Handover::Exchange => Step::Mark,
        }
    }

    fn take(&self) -> Step {
        if self.has(Fault::NoPendingWhileTaking) { Step::Try } else { Step::Pend }
    }

    /// The mutex is free, or the thread announces that it is going to sleep.
    fn mark(&self, state: &mut State, thread: Thread, task: Option<Task>) -> Step {
        let word = state.word();
        if word & TID == 0 {
            return self.take();
        }
        if state.kernel.pending[thread].is_some() {
            return Step::UnpendLook;
        }
        let seen = word | WAITERS;
        state.kernel.words[WORD] = seen;
        if task == Some(Task::Several) {
            state.multi = true;
            return Step::SleepAmongSeveral { seen };
        }
        let changes = state.handover != Handover::Exchange && !self.has(Fault::LongSleepInChange);
        Step::PendSleep { seen, limited: state.multi || changes || self.limits_all() }
    }

    fn try_lock(&self, state: &mut State, thread: Thread) -> Step {
        let word = state.word();
        if word & TID != 0 {
            return Step::Look;
        }
        let waiters = if self.has(Fault::TakerDropsWaiters) { 0 } else { word & WAITERS };
        let equal = self.has(Fault::EqualTids) && thread == 1;
        state.kernel.words[WORD] = tid(if equal { 0 } else { thread }) | waiters;
        let died = word & OWNER_DIED != 0;
        if self.has(Fault::LateList) { Step::UnpendOwner { died } } else { Step::Enlist { died } }
    }

    /// How the thread gives it back. One look at both words: the second can only be younger, and then sees WAITERS.
    fn choose(&self, state: &mut State, thread: Thread, task: Option<Task>) -> Step {
        let plain = state.word() == tid(thread) && !state.multi && task != Some(Task::Exit);
        match state.handover {
            Handover::Store if plain && self.is_fenced(thread) => {
                if self.has(Fault::NoPendingAtStore) {
                    state.kernel.pending[thread] = None;
                }
                Step::Store
            }
            Handover::Changing if !self.has(Fault::WaitersBelieved) => Step::Settle,
            _ => Step::Release,
        }
    }

    /// Whether the thread's process takes part in barriers.
    fn is_fenced(&self, thread: Thread) -> bool {
        self.scene != Scene::Unfenced || thread == 0
    }

    /// Whether who waited for several objects wakes the others.
    fn passes_on(&self, state: &State) -> bool {
        let changes = state.handover == Handover::Changing && !self.has(Fault::PassOnByWaiters);
        let slept_on = state.word() & WAITERS != 0 || changes;
        state.word() & TID == 0 && slept_on && !self.has(Fault::NoPassOn)
    }

    fn release_all(&self, state: &mut State, task: Option<Task>) -> Step {
        let exits = task == Some(Task::Exit);
        state.untold |= exits;
        let died = if exits { OWNER_DIED } else { 0 };
        state.kernel.wake_op(WORD, |_| died, EVERYBODY, 0);
        Step::Unpend
    }

    fn release(&self, state: &mut State, task: Option<Task>) -> Step {
        let waiters = state.word() & WAITERS;
        if waiters != 0 && state.multi && !self.has(Fault::MultiIgnored) {
            return self.release_all(state, task);
        }
        let exits = task == Some(Task::Exit);
        state.untold |= exits;
        let died = if exits { OWNER_DIED } else { 0 };
        let kept = if self.has(Fault::UnlockDropsWaiters) { 0 } else { waiters };
        state.kernel.words[WORD] = kept | died;
        if waiters == 0 { Step::Unpend } else { Step::Wake }
    }

    fn clear(&self, state: &mut State) -> Step {
        if !self.has(Fault::ClearByCas) {
            state.kernel.wake_op(WORD, |word| word & !WAITERS, EVERYBODY, 0);
        } else if state.word() & TID == 0 {
            state.kernel.words[WORD] &= !WAITERS;
        }
        Step::Unpend
    }

    /// Each sleep has a limit, however long, where somebody waits for several objects. (In the code everywhere; the model
    /// shows that it matters only there.)
    fn limits_all(&self) -> bool {
        self.scene == Scene::Several && !self.has(Fault::SleepWithoutLimit)
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}
