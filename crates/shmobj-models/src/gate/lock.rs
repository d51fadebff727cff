//! The gate itself: a robust word that is locked like a mutex without a token, and what is done under it.

use super::state::{GATES, Phase, State, Step};
use super::{Fault, Gate};
use crate::cell::word::{LOCKED, SEQ, is_signalled, taken};
use crate::kernel::{EVERYBODY, TID, Thread, WAITERS, tid};

impl Gate {
    pub(super) fn step_at_gate(&self, state: &mut State, thread: Thread) {
        let player = state.players[thread];
        let (object, gate) = (player.object, GATES + player.object);
        let next = match player.step {
            Step::GateLook => self.look_at_gate(state, thread, gate),
            Step::GateUnpendLook => {
                state.kernel.pending[thread] = None;
                Step::GateLook
            }
            Step::GatePend => {
                state.kernel.pending[thread] = Some(gate as u8);
                Step::GateTry
            }
            Step::GateTry => {
                let word = state.word(gate);
                if word & TID == 0 {
                    state.kernel.words[gate] = tid(thread) | (word & WAITERS);
                    Step::GateEnlist
                } else {
                    Step::GateLook
                }
            }
            Step::GatePendSleep => {
                state.kernel.pending[thread] = (!self.has(Fault::NoPendingAsleep)).then_some(gate as u8);
                Step::GateSleep
            }
            Step::GateSleep => {
                state.players[thread].seen = 0;
                if state.kernel.wait(thread, gate, player.seen) { Step::GateAsleep } else { Step::GateLook }
            }
            Step::GateEnlist => {
                state.kernel.list(thread, gate);
                Step::GateUnpend
            }
            Step::GateUnpend => {
                state.kernel.pending[thread] = None;
                let passes = player.phase == Phase::Pass;
                if passes || state.word(object) & LOCKED != 0 { Step::Recover } else { Step::SetLocked }
            }
            Step::Recover => {
                if !self.has(Fault::NoRecovery) {
                    state.kernel.words[object] &= !LOCKED;
                }
                if player.phase == Phase::Pass { Step::GatePendOwner } else { Step::SetLocked }
            }
            Step::SetLocked => return self.set_locked(state, thread, object),
            Step::Take => {
                state.robbed |= !is_signalled(state.word(object));
                take(state, object);
                state.committed[thread] |= 1 << object;
                if !self.has(Fault::LateClear) {
                    state.kernel.words[object] &= !LOCKED;
                }
                Step::GatePendOwner
            }
            Step::ClearLocked => {
                state.kernel.words[object] &= !LOCKED;
                if player.phase == Phase::Commit {
                    return self.after_commit(state, thread);
                }
                Step::GatePendOwner
            }
            Step::GatePendOwner => {
                state.kernel.pending[thread] = Some(gate as u8);
                Step::GateUnlist
            }
            Step::GateUnlist => {
                state.kernel.unlist(thread, gate);
                Step::GateRelease
            }
            Step::GateRelease if self.has(Fault::SwapThenWake) => {
                let waiters = state.word(gate) & WAITERS;
                state.kernel.words[gate] = 0;
                if waiters == 0 { Step::GateUnpendAgain } else { Step::GateWake }
            }
            Step::GateRelease => {
                let most = if self.has(Fault::WakeOne) { 1 } else { EVERYBODY };
                state.kernel.wake_op(gate, |_| 0, most, 0);
                Step::GateUnpendAgain
            }
            Step::GateWake => {
                state.kernel.wake(gate, EVERYBODY);
                Step::GateUnpendAgain
            }
            Step::GateUnpendAgain => {
                state.kernel.pending[thread] = None;
                return self.after_gate(state, thread);
            }
            step => step,
        };
        state.go(thread, next);
    }

    fn look_at_gate(&self, state: &mut State, thread: Thread, gate: usize) -> Step {
        let word = state.word(gate);
        if word & TID == 0 {
            return Step::GatePend;
        }
        if state.kernel.pending[thread].is_some() {
            return Step::GateUnpendLook;
        }
        state.kernel.words[gate] = word | WAITERS;
        state.players[thread].seen = word | WAITERS;
        Step::GatePendSleep
    }

    fn set_locked(&self, state: &mut State, thread: Thread, object: usize) {
        if !is_signalled(state.word(object)) {
            state.players[thread].phase = Phase::Retreat;
            return state.go(thread, Step::GatePendOwner);
        }
        if !self.has(Fault::CommitWithoutLocked) {
            state.kernel.words[object] |= LOCKED;
        }
        if self.has(Fault::OneByOne) {
            self.commit(state, thread, object);
        } else {
            self.after_prepare(state, thread);
        }
    }

    fn after_gate(&self, state: &mut State, thread: Thread) {
        let player = state.players[thread];
        match player.phase {
            Phase::Look | Phase::Pass | Phase::Undo => self.restart(state, thread),
            Phase::Retreat => self.undo_before(state, thread),
            Phase::Prepare | Phase::Commit if self.has(Fault::LateClear) => {
                state.go(thread, Step::ClearLocked);
            }
            Phase::Prepare | Phase::Commit => self.after_commit(state, thread),
        }
    }
}

/// The CAS of a take: a ticket or SIGNALED, and SEQ.
pub(super) fn take(state: &mut State, object: usize) {
    if is_signalled(state.word(object)) {
        state.kernel.words[object] = taken(state.word(object)) + SEQ;
        state.taken[object] += 1;
    }
}
