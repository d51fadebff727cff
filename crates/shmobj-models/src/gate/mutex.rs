//! The mutex among the objects of a wait-all: its own word is its gate, and TID with OWNER_DIED means
//! "tentatively taken".

use super::state::{MUTEX, Phase, Player, State, Step, Task};
use super::{Fault, Gate};
use crate::kernel::{EVERYBODY, OWNER_DIED, TID, Thread, WAITERS, tid};

impl Gate {
    pub(super) fn step_at_mutex(&self, state: &mut State, thread: Thread, task: Task) {
        let player = state.players[thread];
        let next = match player.step {
            Step::MutexLook => self.look_for_mutex(state, thread, task),
            Step::MutexUnpendLook => {
                state.kernel.pending[thread] = None;
                Step::MutexLook
            }
            Step::MutexPend => {
                state.kernel.pending[thread] = Some(MUTEX as u8);
                if self.has(Fault::TokenFirst) && player.phase == Phase::Prepare {
                    state.token = thread + 1;
                }
                Step::MutexTry
            }
            Step::MutexTry => {
                let word = state.word(MUTEX);
                if word & TID == 0 {
                    let bit = if player.phase == Phase::Prepare { OWNER_DIED } else { 0 };
                    state.kernel.words[MUTEX] = tid(thread) | (word & WAITERS) | bit;
                    state.players[thread].died = word & OWNER_DIED != 0;
                    Step::MutexEnlist
                } else {
                    Step::MutexLook
                }
            }
            Step::MutexPendSleep => {
                state.kernel.pending[thread] = (!self.has(Fault::NoPendingAsleep)).then_some(MUTEX as u8);
                Step::MutexSleep
            }
            Step::MutexSleep => {
                state.players[thread].seen = 0;
                if state.kernel.wait(thread, MUTEX, player.seen) {
                    Step::MutexAsleep
                } else {
                    Step::MutexLook
                }
            }
            Step::PassOn => {
                if state.word(MUTEX) & TID == 0 && !self.has(Fault::NoPassOn) {
                    state.kernel.wake(MUTEX, 1);
                }
                Step::MutexUnpend
            }
            Step::MutexUnpend => {
                state.kernel.pending[thread] = None;
                return match player.phase {
                    Phase::Retreat => self.undo_before(state, thread),
                    _ => self.restart(state, thread),
                };
            }
            Step::MutexEnlist => {
                state.kernel.list(thread, MUTEX);
                Step::MutexUnpendOwner
            }
            Step::MutexUnpendOwner => {
                state.kernel.pending[thread] = None;
                if player.phase == Phase::Prepare {
                    return self.after_prepare(state, thread);
                }
                Step::ReadToken
            }
            Step::ReadToken => {
                state.players[thread].abandoned = player.died && state.token != 0;
                Step::WriteToken
            }
            Step::WriteToken => {
                state.misled |= player.abandoned != state.untold;
                state.untold = false;
                state.token = thread + 1;
                if task == Task::Lock { Step::Disown } else { Step::Confirm }
            }
            Step::Confirm => {
                let most = if self.has(Fault::SilentCommit) { 0 } else { EVERYBODY };
                state.kernel.wake_op(MUTEX, |word| word & !OWNER_DIED, most, 0);
                state.committed[thread] |= 1 << MUTEX;
                return self.after_commit(state, thread);
            }
            Step::MutexPendOwner => {
                state.kernel.pending[thread] = Some(MUTEX as u8);
                Step::MutexUnlist
            }
            Step::MutexUnlist => {
                state.kernel.unlist(thread, MUTEX);
                Step::GiveBack
            }
            Step::GiveBack => {
                let as_found = if player.died { OWNER_DIED } else { 0 };
                let most = if self.has(Fault::SilentUndo) { 0 } else { EVERYBODY };
                state.kernel.wake_op(MUTEX, |_| as_found, most, 0);
                state.players[thread].phase = Phase::Undo;
                Step::MutexUnpend
            }
            Step::AllSleep | Step::AllPassOn | Step::AllWake => {
                return self.sleep_among_several(state, thread);
            }
            _ => return self.unlock(state, thread),
        };
        state.go(thread, next);
    }

    /// What a thread makes of the mutex that takes it (tentatively if a wait-all prepares), or waits for a decision.
    fn look_for_mutex(&self, state: &mut State, thread: Thread, task: Task) -> Step {
        let word = state.word(MUTEX);
        let phase = state.players[thread].phase;
        let owned = word & TID != 0 && word & OWNER_DIED == 0;
        match word & TID {
            0 if task != Task::Lock && phase == Phase::Look => return Step::MutexUnpend,
            0 => return Step::MutexPend,
            _ if owned && phase == Phase::Prepare => {
                state.players[thread].phase = Phase::Retreat;
                return Step::MutexUnpend;
            }
            _ if owned && matches!(task, Task::Observe(_)) => return Step::MutexUnpend,
            _ if state.kernel.pending[thread].is_some() => return Step::MutexUnpendLook,
            _ => {}
        }
        state.kernel.words[MUTEX] = word | WAITERS;
        state.players[thread].seen = word | WAITERS;
        Step::MutexPendSleep
    }

    /// A wait-all sleeps on an owned mutex: without pending, but with MULTI. When it wakes and the mutex is free, it
    /// wakes all others before anything else.
    fn sleep_among_several(&self, state: &mut State, thread: Thread) {
        let Player { step, seen, .. } = state.players[thread];
        let next = match step {
            Step::AllSleep if state.kernel.wait(thread, MUTEX, seen) => Step::AllAsleep,
            Step::AllPassOn
                if state.word(MUTEX) & (TID | WAITERS) == WAITERS && !self.has(Fault::NoPassOn) =>
            {
                Step::AllWake
            }
            Step::AllWake => {
                state.kernel.wake(MUTEX, EVERYBODY);
                return self.restart(state, thread);
            }
            Step::AllSleep => Step::AllPassOn,
            _ => return self.restart(state, thread),
        };
        state.go(thread, next);
    }

    /// As in the module [`mutex`](crate::mutex).
    fn unlock(&self, state: &mut State, thread: Thread) {
        let next = match state.players[thread].step {
            Step::Disown => {
                state.token = 0;
                Step::UnlockPend
            }
            Step::UnlockPend => {
                state.kernel.pending[thread] = Some(MUTEX as u8);
                Step::UnlockUnlist
            }
            Step::UnlockUnlist => {
                state.kernel.unlist(thread, MUTEX);
                Step::UnlockRelease
            }
            Step::UnlockRelease if state.multi => {
                state.kernel.wake_op(MUTEX, |_| 0, EVERYBODY, 0);
                Step::UnlockUnpend
            }
            Step::UnlockRelease => {
                state.kernel.words[MUTEX] &= WAITERS;
                if state.word(MUTEX) == 0 { Step::UnlockUnpend } else { Step::UnlockWake }
            }
            Step::UnlockWake if state.kernel.wake(MUTEX, 1) == 0 => Step::UnlockClear,
            Step::UnlockWake => Step::UnlockUnpend,
            Step::UnlockClear => {
                state.kernel.wake_op(MUTEX, |word| word & !WAITERS, EVERYBODY, 0);
                Step::UnlockUnpend
            }
            Step::UnlockUnpend => {
                state.kernel.pending[thread] = None;
                return self.finish(state, thread);
            }
            step => step,
        };
        state.go(thread, next);
    }
}

/// A wait-all is about to sleep on an owned mutex: WAITERS and MULTI in one compare-and-swap.
pub(super) fn announce_among_several(state: &mut State, thread: Thread) {
    state.multi = true;
    state.kernel.words[MUTEX] |= WAITERS;
    state.players[thread].seen = state.word(MUTEX);
    state.go(thread, Step::AllSleep);
}
