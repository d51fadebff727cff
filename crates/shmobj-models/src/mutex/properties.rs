//! What must hold in every state.

use stateright::Property;

use super::Mutex;
use super::state::{State, Step, THREADS};
use crate::kernel::{Life, TID};

/// Two threads never own the mutex at once.
pub const M1: &str = "M1: at most one thread owns the mutex";
/// Each death of an owner is told to exactly the next owner, and nothing else is.
pub const M2: &str = "M2: a death is told to exactly one later owner";
/// No lost wake-up.
pub const M3: &str = "M3: nobody sleeps while the mutex is free and nobody comes for it";
/// Usable after any deaths.
pub const M4: &str = "M4: after any deaths the mutex can be locked";

type Claim = Property<Mutex>;

impl Mutex {
    pub(super) fn invariants() -> Vec<Claim> {
        vec![
            Claim::always(M1, |_, state| (0..THREADS).filter(|it| owns(state, *it)).count() <= 1),
            Claim::always(M2, |_, state| !state.wrong),
            Claim::always(M3, |_, state| {
                !is_quiet(state) || state.kernel.life.iter().all(|it| *it != Life::Asleep)
            }),
            Claim::always(M4, |_, state| !is_quiet(state) || state.word() & TID == 0),
        ]
    }
}

fn owns(state: &State, thread: usize) -> bool {
    let owns = matches!(
        state.step(thread),
        Step::List { .. }
            | Step::Unpend { .. }
            | Step::ReadToken { .. }
            | Step::Own { .. }
            | Step::Disown
            | Step::PendAgain
            | Step::Unlist
            | Step::Release
    );
    owns && state.is_alive(thread)
}

/// Nobody will move but by being killed.
fn is_quiet(state: &State) -> bool {
    (0..THREADS).all(|thread| match state.kernel.life[thread] {
        Life::Dead => true,
        Life::Dying => false,
        Life::Running => state.step(thread) == Step::Done,
        Life::Asleep => !matches!(state.step(thread), Step::Asleep { limited: true }),
    })
}
