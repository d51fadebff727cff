//! What must hold in every state, and what must be possible at all.

use stateright::Property;

use super::state::{Process, STRANGER, State, Step, Task};
use super::{DataKind, Lifecycle};

/// Only a holder of EX on an inode unlinks it, and only while its link count is 1.
pub const L1: &str = "L1: only a holder of EX on an inode unlinks it";
/// An object with a live handle is never unlinked.
pub const L2: &str = "L2: an object with a live handle is never unlinked";
/// Two live objects never have the same name.
pub const L3: &str = "L3: two live objects never have the same name";
/// After any crash at any instruction the name is usable again.
///
/// It is enough to look at states in which each process either holds a handle or does nothing: every
/// other state leads to such a one by killing those who are in the middle of something.
pub const L4: &str = "L4: after any crash the name is usable again";
/// Unless somebody was killed, nothing is left of an object when nobody has a handle.
///
/// Without it the next create, open or sweep would still reclaim the entry. But a program that closes its
/// handles must not leave the memory of a data file to chance. (To exit or `exec` without closing counts
/// as being killed: the kernel closes the descriptors, and nobody probes.)
pub const L5: &str = "L5: without a crash, nothing outlives the last handle";
/// No data file exists without its entry, not even between two steps: a crash would leave it for ever.
pub const D1: &str = "D1: no data file exists without its entry";
/// Nobody gets a handle without the data of that same object.
pub const D2: &str = "D2: nobody holds an object without its data";

/// Two processes with handles of their own: the model creates, opens and finds data.
pub const TWO_HOLDERS: &str = "two holders at once";
/// An opener destroys an entry that a killed process left.
pub const RECLAIM: &str = "an opener reclaims after a crash";
/// An opener finds that its object was destroyed between `open` and `flock`.
pub const RESTART_UNLINKED: &str = "an opener restarts because the link count is 0";
/// An opener finds somebody's lock, but nobody's data.
pub const RESTART_NO_DATA: &str = "an opener restarts because the data was not found";

/// How many steps a stranger may need alone: a create that finds a dead object with a data file opens
/// it, locks it, looks again, unlinks two files, lets go, and opens, makes and links two of its own.
const PATIENCE: usize = 10;

type Claim = Property<Lifecycle>;

impl Lifecycle {
    /// What must hold in every state.
    pub(super) fn invariants() -> Vec<Claim> {
        vec![
            Claim::always(L1, |_, state| !state.unlawful),
            Claim::always(L2, |_, state| live_objects_are_linked(state)),
            Claim::always(L3, |_, state| all_equal(state.holders().map(|holder| holder.object))),
            Claim::always(L4, Self::is_usable),
            Claim::always(L5, |_, state| state.crashed || !is_quiet(state) || is_empty(state)),
            Claim::always(D1, |_, state| {
                !state.orphaned_data && state.data_files.iter().all(|object| Some(object) == state.name)
            }),
            Claim::always(D2, |_, state| live_objects_have_data(state)),
        ]
    }

    /// What must be possible: a model that went nowhere would satisfy the invariants too.
    pub(super) fn possibilities(&self) -> Vec<Claim> {
        if self.fault.is_some() {
            return Vec::new(); // a broken rule may well make them impossible
        }
        let mut claims = vec![
            Claim::sometimes(TWO_HOLDERS, |_, state| {
                !all_equal(state.holders().map(|holder| holder.description))
            }),
            Claim::sometimes(RECLAIM, |_, state| {
                state.crashed && seekers(state).any(|seeker| seeker.step == Step::UnlinkEntry)
            }),
            Claim::sometimes(RESTART_UNLINKED, |_, state| {
                seekers(state).any(|seeker| seeker.step == Step::CountLinks && seeker.object != state.name)
            }),
        ];
        if self.data != DataKind::Entry {
            claims.push(Claim::sometimes(RESTART_NO_DATA, |model, state| {
                seekers(state).any(|seeker| match seeker.step {
                    Step::Search(place) => {
                        model.is_last(place) && model.found(state, seeker, place).is_none()
                    }
                    _ => false,
                })
            }));
        }
        claims
    }

    /// L4: a stranger who is alone with the holders creates, and opens, as the state of the name demands.
    fn is_usable(&self, state: &State) -> bool {
        if !state.processes.iter().all(Process::is_settled) {
            return true;
        }
        let held = state.holders().next().is_some();
        [(Task::Create, true), (Task::Open, held)].into_iter().all(|(task, gets_handle)| {
            self.alone(state, task).is_some_and(|after| {
                let has_handle = after.process(STRANGER).step == Step::Hold;
                has_handle == gets_handle && live_objects_are_linked(&after) && live_objects_have_data(&after)
            })
        })
    }

    /// How it ends when the stranger does `task` while nobody else moves. `None`: not at all.
    fn alone(&self, state: &State, task: Task) -> Option<State> {
        let mut state = state.clone();
        self.begin(&mut state, STRANGER, task);
        for _ in 0..PATIENCE {
            self.step(&mut state, STRANGER);
            if state.process(STRANGER).is_settled() {
                return Some(state);
            }
        }
        None
    }
}

fn live_objects_are_linked(state: &State) -> bool {
    state.holders().all(|holder| holder.object == state.name)
}

fn live_objects_have_data(state: &State) -> bool {
    state.holders().all(|holder| holder.data == holder.object)
}

/// Nobody has a handle or is up to anything.
fn is_quiet(state: &State) -> bool {
    state.processes.iter().all(|process| process.step == Step::Idle)
}

/// Neither an entry nor data exists.
fn is_empty(state: &State) -> bool {
    state.name.is_none() && !state.orphaned_data && state.data_files.iter().next().is_none()
}

/// Those who create or open.
fn seekers(state: &State) -> impl Iterator<Item = &Process> {
    state.processes.iter().filter(|process| matches!(process.task, Task::Create | Task::Open))
}

fn all_equal<T: PartialEq>(mut items: impl Iterator<Item = T>) -> bool {
    let first = items.next();
    items.all(|item| Some(&item) == first.as_ref())
}
