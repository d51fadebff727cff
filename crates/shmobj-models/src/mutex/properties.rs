//! What must hold in every state, and what must be possible at all.

use stateright::Property;

use super::state::{State, Step, THREADS};
use super::{Mutex, Scene};
use crate::kernel::{Life, TID};

/// At most one thread owns the mutex.
pub const M1: &str = "M1: at most one thread owns the mutex";
/// The death of an owner is told to exactly one later owner, and nothing else is.
///
/// An owner is who has written its token and has not taken it back. Two deaths before anybody has
/// been told are told as one.
pub const M2: &str = "M2: the death of an owner is told to exactly one later owner";
/// No lost wake-up: in a state in which nobody moves any more, nobody sleeps for ever. (Every owner
/// unlocks or dies, so then the mutex is free.)
///
/// Only where somebody waits for several objects do sleeps have a limit here, though all have one in the code: elsewhere
/// none is needed, whoever dies.
pub const M3: &str = "M3: nobody sleeps for ever while the mutex is free";
/// After any deaths the mutex can be locked: once nobody moves, its word names no owner.
pub const M4: &str = "M4: after any deaths the mutex can be locked";
/// Where somebody waits for several objects, the limit of a sleep matters only after two deaths: the kernel wakes one for
/// the first, and that one is the second. Likewise while owners change from stores to compare-exchanges. (Not where a waiter can make no
/// barrier: there its limit is what it relies on.)
pub const M5: &str = "M5: unless two threads died, no sleep has to end by its limit";

/// A thread takes the mutex while others sleep.
pub const CONTENDED: &str = "the mutex is taken while others sleep";
/// Somebody is told of a death.
pub const TOLD: &str = "an owner is told that the one before died";

type Claim = Property<Mutex>;

impl Mutex {
    /// What must hold in every state.
    pub(super) fn invariants() -> Vec<Claim> {
        vec![
            Claim::always(M1, |_, state| {
                let owns = |thread: &usize| state.kernel.is_alive(*thread) && state.step(*thread).owns();
                (0..THREADS).filter(owns).count() <= 1
            }),
            Claim::always(M2, |_, state| !state.misled),
            Claim::always(M3, |_, state| !state.is_quiet() || !sleeps_for_ever(state)),
            Claim::always(M4, |_, state| !state.is_quiet() || state.word() & TID == 0),
            Claim::always(M5, |model, state| {
                !state.is_quiet()
                    || model.scene == Scene::Unfenced
                    || state.deaths() >= 2
                    || state.kernel.life.iter().all(|life| *life != Life::Asleep)
            }),
        ]
    }

    /// What must be possible: a model that went nowhere would satisfy the invariants too.
    pub(super) fn possibilities(&self) -> Vec<Claim> {
        if self.fault.is_some() {
            return Vec::new(); // a broken rule may well make them impossible
        }
        let told = Claim::sometimes(TOLD, |_, state| {
            state.players.iter().any(|player| matches!(player.step, Step::Own { abandoned: true }))
        });
        let contended = Claim::sometimes(CONTENDED, |_, state| {
            state.kernel.queued(0) >= 1 && state.players.iter().any(|it| matches!(it.step, Step::Own { .. }))
        });
        if self.scene == Scene::Exit { vec![told] } else { vec![told, contended] }
    }
}

/// A limited sleep ends by itself.
fn sleeps_for_ever(state: &State) -> bool {
    let asleep = |thread: &usize| state.kernel.life[*thread] == Life::Asleep;
    (0..THREADS).filter(asleep).any(|thread| state.step(thread) == Step::Asleep { limited: false })
}
