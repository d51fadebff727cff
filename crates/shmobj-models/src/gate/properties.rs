//! What must hold in every state, and what must be possible at all.

use stateright::Property;

use super::state::{GATES, MUTEX, OBJECTS, Phase, State, Step, THREADS, Task};
use super::{Gate, Scene};
use crate::cell::word::{ALL, LOCKED, MULTI, WAITERS, is_signalled, tickets};
use crate::kernel::{Life, OWNER_DIED, TID, Thread};

/// LOCKED is set in a cell only by the holder of its gate, and cleared before the gate is released. So who
/// takes the gate and finds LOCKED has found a dead holder's.
pub const G1: &str = "G1: LOCKED is cleared before the gate is released";
/// Nobody sees one object of a wait-all taken and, after that, another one still to be had, unless the
/// wait-all's thread died in between.
pub const G2: &str = "G2: nobody sees half of a wait-all";
/// No deadlock and no lost wake-up: in a state in which nobody moves any more, nobody sleeps at a gate, at a
/// free mutex, or on a signalled cell. (But for a single waiter's cell after another one was killed when it
/// had been woken.)
pub const G3: &str = "G3: nobody sleeps who could go on";
/// After any deaths, every gate and the mutex can be locked: once nobody moves, no word names an owner who
/// isn't waiting for something himself.
pub const G4: &str = "G4: after any deaths gates and mutex can be locked";
/// A signal satisfies at most one wait, and a wait-all takes a signal of each of its objects.
pub const G5: &str = "G5: each wait takes a signal of its own from each object";
/// As M2 of the mutex, now also for owners that are wait-alls.
pub const G6: &str = "G6: the death of an owner is told to exactly one later owner";
/// As C4 of the cell, now also for sleepers that are wait-alls.
pub const G7: &str = "G7: WAITERS, MULTI and ALL are set while somebody sleeps who needs them";
/// As C5 of the cell: a signal that a wait-all was woken for and doesn't take is one that a reset takes.
pub const G8: &str = "G8: without a crash, no ticket is left over";
/// Signals are settled as long as ALL is set, and then two of them are one, so it goes with the wait-all.
pub const G9: &str = "G9: without a crash, ALL is not left over";

/// A wait-all gets all its objects.
pub const COMMITTED: &str = "a wait-all gets all its objects";
/// A wait-all finds an object taken after it locked another one, and undoes that.
pub const UNDONE: &str = "a wait-all undoes";
/// Somebody clears the LOCKED that a dead thread left.
pub const RECOVERED: &str = "a dead thread's LOCKED is cleared";

type Claim = Property<Gate>;

impl Gate {
    /// What must hold in every state.
    pub(super) fn invariants() -> Vec<Claim> {
        vec![
            Claim::always(G1, |model, state| {
                model.cells().all(|cell| {
                    let held = state.word(GATES + cell) & (TID | OWNER_DIED) != 0;
                    held || state.word(cell) & LOCKED == 0
                })
            }),
            Claim::always(G2, |_, state| !state.torn),
            Claim::always(G3, |model, state| {
                !state.is_quiet() || (0..THREADS).all(|thread| model.sleeps_justly(state, thread))
            }),
            Claim::always(G4, |model, state| {
                let gates_are_free = || model.cells().all(|cell| state.word(GATES + cell) & TID == 0);
                !state.is_quiet() || (gates_are_free() && !model.is_stuck(state))
            }),
            Claim::always(G5, |model, state| {
                !state.robbed && model.cells().all(|cell| state.taken[cell] <= state.signals[cell])
            }),
            Claim::always(G6, |_, state| !state.misled),
            Claim::always(G7, |model, state| {
                model.cells().all(|cell| (0..THREADS).all(|thread| model.is_marked(state, thread, cell)))
            }),
            Claim::always(G8, |model, state| {
                let clean = |word| tickets(word) == 0;
                !state.is_quiet() || state.deaths() > 0 || model.cells().all(|cell| clean(state.word(cell)))
            }),
            Claim::always(G9, |model, state| {
                let waits = || (0..THREADS).any(|thread| model.waits_for_all(state, thread));
                let clean = || model.cells().all(|cell| state.word(cell) & ALL == 0);
                !state.is_quiet() || state.deaths() > 0 || waits() || clean()
            }),
        ]
    }

    /// What must be possible: a model that went nowhere would satisfy the invariants too.
    pub(super) fn possibilities(&self) -> Vec<Claim> {
        if self.fault.is_some() {
            return Vec::new(); // a broken rule may well make them impossible
        }
        if self.scene == Scene::Timed {
            return Vec::new(); // nobody sets the second cell
        }
        let mut claims = vec![Claim::sometimes(COMMITTED, |_, state| state.committed.contains(&0b11))];
        if self.scene != Scene::Mutex {
            claims.push(Claim::sometimes(RECOVERED, |_, state| {
                state.players.iter().any(|it| it.step == Step::Recover && state.word(it.object) & LOCKED != 0)
            }));
        }
        if self.scene != Scene::Observed && self.scene != Scene::MutexObserved {
            claims.push(Claim::sometimes(UNDONE, |_, state| {
                state.players.iter().any(|player| player.phase == Phase::Undo)
            }));
        }
        claims
    }

    fn cells(&self) -> impl Iterator<Item = usize> {
        (0..OBJECTS).filter(|object| !self.is_mutex(*object))
    }

    fn sleeps_justly(&self, state: &State, thread: Thread) -> bool {
        if state.kernel.life[thread] != Life::Asleep {
            return true;
        }
        let player = state.players[thread];
        match (player.step, self.task(thread, player.task)) {
            (Step::Asleep, Some(Task::One(cell))) => !is_signalled(state.word(cell)) || state.excused[cell],
            (Step::Asleep, _) => !is_signalled(state.word(player.object)),
            // An owner that waits for something itself is no deadlock: nobody has set that.
            // A sleeper among several has no pending. If the kernel wakes it for one death, and it is the second, all
            // others look again when their limit is over.
            (Step::MutexAsleep | Step::AllAsleep, _) => {
                let limit = state.multi && state.deaths() >= 2;
                limit || (player.phase == Phase::Look && owner_sleeps(state))
            }
            _ => false,
        }
    }

    fn waits_for_all(&self, state: &State, thread: Thread) -> bool {
        let task = self.task(thread, state.players[thread].task);
        matches!(task, Some(Task::All | Task::AllKeep | Task::AllTimed))
    }

    fn is_stuck(&self, state: &State) -> bool {
        self.scene.has_mutex() && state.word(MUTEX) & TID != 0 && !owner_sleeps(state)
    }

    fn is_marked(&self, state: &State, thread: Thread, cell: usize) -> bool {
        let single = !self.waits_for_all(state, thread);
        let needed = if single { WAITERS } else { WAITERS | MULTI | ALL };
        !state.kernel.is_queued(thread, cell) || state.word(cell) & needed == needed
    }
}

/// The mutex is owned, and not tentatively, by a thread that sleeps.
fn owner_sleeps(state: &State) -> bool {
    let word = state.word(MUTEX);
    let owner = (word & TID).checked_sub(1).map(|owner| owner as usize);
    word & OWNER_DIED == 0 && owner.is_some_and(|owner| state.kernel.life[owner] == Life::Asleep)
}
