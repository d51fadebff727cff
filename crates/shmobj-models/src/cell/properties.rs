//! What must hold in every state, and what must be possible at all.

use stateright::Property;

use super::state::{CELLS, History, State, Step, Task};
use super::word::{MULTI, SIGNALED, WAITERS, tickets};
use super::{Cell, Kind};
use crate::kernel::Life;

/// No signal satisfies two waits.
pub const C1: &str = "C1: a signal satisfies at most one wait";
/// A signal for which a single waiter was woken is taken by somebody, or still there to be taken: neither
/// another set nor a reset makes it vanish.
pub const C2: &str = "C2: a signal that woke a single waiter is not lost";
/// No lost wake-up: in a state in which nobody moves any more, nobody sleeps for whom there is a signal.
///
/// But for single waiters that were killed after they were woken: for each, one signal may lie there while
/// others sleep. The next wait takes it.
pub const C3: &str = "C3: nobody sleeps for whom there is a signal";
/// A later set sees by WAITERS that somebody sleeps, and by MULTI that it has to wake all.
pub const C4: &str = "C4: WAITERS and MULTI are set while somebody sleeps who needs them";
/// Unless somebody was killed, no ticket remains when nobody moves any more: signals that nobody was
/// woken for count against the maximum, and a reset takes them.
///
/// But for waiters for any: a ticket that one of them leaves stays beside an ordinary signal, or a full count.
pub const C5: &str = "C5: without a crash, no ticket is left over that could be a signal";
/// Who is asleep when a manual-reset event is set or pulsed is satisfied, also by a set that is reset at
/// once.
pub const C6: &str = "C6: who sleeps when a manual-reset event is set is satisfied";
/// SIGNALED says whether the count is above 0, and the count is not above the maximum.
pub const C7: &str = "C7: a semaphore's count stays within its maximum";
/// Two signals are not one while there are sleepers for both: unless somebody was killed, each was taken by somebody
/// or is still there.
pub const C8: &str = "C8: each signal for a sleeper is taken or still there";

/// A set finds WAITERS, and clears it.
pub const CLEARED: &str = "a set clears WAITERS";
/// A set takes a ticket back that others could have taken.
pub const SETTLED: &str = "a set settles a leftover ticket";

type Claim = Property<Cell>;

impl Cell {
    /// What must hold in every state.
    pub(super) fn invariants(&self) -> Vec<Claim> {
        let mut claims = vec![
            Claim::always(C1, |model, state| {
                model.counted_cells().all(|cell| state.history[cell].taken <= state.history[cell].signals)
            }),
            Claim::always(C3, |model, state| {
                !state.is_quiet() || (0..CELLS).all(|cell| model.sleeps_justly(state, cell))
            }),
            Claim::always(C4, |model, state| (0..CELLS).all(|cell| model.is_marked(state, cell))),
            Claim::always(C5, |model, state| {
                let clean = |cell| tickets(state.kernel.words[cell]) == 0 || model.is_full(state, cell);
                !state.is_quiet() || state.crashed || model.counted_cells().all(clean)
            }),
            Claim::always(C6, |_, state| !state.missed),
            Claim::always(C7, |model, state| {
                let semaphores = (0..CELLS).filter(|cell| model.scene.kind(*cell) == Kind::Semaphore);
                semaphores.into_iter().all(|cell| {
                    let signalled = state.kernel.words[cell] & SIGNALED != 0;
                    state.counts[cell] <= model.scene.maximum() && signalled == (state.counts[cell] > 0)
                })
            }),
        ];
        if self.scene.begins_asleep() {
            claims.push(Claim::always(C8, |model, state| {
                let kept = |cell: usize| {
                    let History { signals, taken, .. } = state.history[cell];
                    taken + model.signals(state, cell) == signals
                };
                !state.is_quiet() || state.crashed || model.counted_cells().all(kept)
            }));
        }
        if !self.scene.has_any_waiters() {
            claims.push(Claim::always(C2, |model, state| {
                model.counted_cells().all(|cell| {
                    let history = state.history[cell];
                    history.taken + tickets(state.kernel.words[cell]) >= history.handed
                })
            }));
        }
        claims
    }

    /// What must be possible: a model that went nowhere would satisfy the invariants too.
    pub(super) fn possibilities(&self) -> Vec<Claim> {
        if self.fault.is_some() {
            return Vec::new(); // a broken rule may well make them impossible
        }
        let settled = Claim::sometimes(SETTLED, |_, state| {
            let settles = |step| matches!(step, Step::Settle { rung } if rung.left_over(0) > 0);
            state.players.iter().any(|player| settles(player.step))
        });
        let cleared = Claim::sometimes(CLEARED, |_, state| {
            (0..CELLS).any(|cell| {
                let cleared = |step| match step {
                    Step::Settle { rung } => rung.left_over(0) > 0 && rung.is_quiet(state.kernel.words[cell]),
                    Step::Clear { before } => state.kernel.words[cell] == before | SIGNALED,
                    _ => false,
                };
                state.players.iter().any(|player| cleared(player.step))
            })
        });
        if self.scene.kind(0) == Kind::Manual { vec![cleared] } else { vec![settled, cleared] }
    }

    /// The cells whose signals are taken one by one.
    fn counted_cells(&self) -> impl Iterator<Item = usize> {
        (0..CELLS).filter(|cell| self.scene.kind(*cell) != Kind::Manual)
    }

    fn sleeps_justly(&self, state: &State, cell: usize) -> bool {
        let asleep =
            state.queued(cell).filter(|thread| state.kernel.life[*thread] == Life::Asleep).count() as u32;
        match self.scene.kind(cell) {
            Kind::Manual => asleep == 0 || state.kernel.words[cell] & SIGNALED == 0,
            Kind::Auto | Kind::Semaphore => {
                asleep.min(self.signals(state, cell)) <= state.history[cell].excused
            }
        }
    }

    /// How many waits the cell would satisfy now, if it is not a manual-reset event.
    fn signals(&self, state: &State, cell: usize) -> u32 {
        let word = state.kernel.words[cell];
        let plain =
            if self.scene.kind(cell) == Kind::Semaphore { state.counts[cell] } else { word & SIGNALED };
        tickets(word) + plain
    }

    /// A ticket there can't become an ordinary signal: waiters for any leave it.
    fn is_full(&self, state: &State, cell: usize) -> bool {
        let full = match self.scene.kind(cell) {
            Kind::Semaphore => state.counts[cell] == self.scene.maximum(),
            Kind::Auto | Kind::Manual => state.kernel.words[cell] & SIGNALED != 0,
        };
        self.scene.has_any_waiters() && full
    }

    fn is_marked(&self, state: &State, cell: usize) -> bool {
        state.queued(cell).all(|thread| {
            let several = self.task(thread, state.players[thread].task) == Some(Task::Any);
            let needed = if several { WAITERS | MULTI } else { WAITERS };
            state.kernel.words[cell] & needed == needed
        })
    }
}
