//! What must hold in every state, and what must be possible at all.

use stateright::Property;

use super::state::{Entry, FORKER, LOWER, Lock, OPENER, SPAWNER, State, Step, UPPER};
use super::{Fault, Job, Scene};
use crate::lifecycle::{L1, L2, L4, L5};

/// If the job kills on close, no member outlives the last handle, whoever was killed, except both guardians.
pub const J1: &str = "J1: no member outlives the last handle of a job that kills on close";
/// If one guardian is killed, the other one ends the tree, and then itself, whoever holds the job.
pub const J2: &str = "J2: nothing of a tree outlives one of its guardians";
/// As long as somebody holds the job, nobody is terminating it and both guardians live, no guardian kills a member.
pub const J3: &str = "J3: no member is killed while the job is held";
/// Without members there is no guardian, and beside a guardian there is no entry that nobody holds.
pub const J4: &str = "J4: guardians leave nothing behind, themselves included";
/// No deadlock, and no going round in circles: whatever has happened, everybody who is let alone comes to rest. K1 waits for the lock only while somebody holds the job, and for K2 only while K2 has a member; S gets its answer.
pub const J5: &str = "J5: nobody waits for what will never be";
/// If both guardians are killed, P dies. Only those that it has forked may remain.
pub const J7: &str = "J7: what was spawned does not outlive both guardians";
/// Terminate ends all members that were there when it began, unless a guardian was killed: then they end a little later (J2).
pub const J8: &str = "J8: who was there when it began does not outlive a terminate";

/// Both guardians were killed, and somebody remains.
pub const BOTH_DIED: &str = "a descendant outlives both guardians";
/// K1 unlinks the entry.
pub const UPPER_DESTROYS: &str = "the upper guardian unlinks the entry";
/// K1 finds on its way out that it has become the last one.
pub const LAST_PROBE: &str = "the upper guardian unlinks the entry on its way out";
/// An opener destroys the entry before K1 gets the lock, and K1 finds the name in use for another object.
pub const OPENER_FIRST: &str = "the upper guardian finds another object under the name";
/// K1 waits, because the opener holds the job that the spawner has closed.
pub const UNDER_OPENER: &str = "the job outlives its spawner's handle by an opener's";

/// How many steps an opener may need alone: it opens, locks, looks, unlinks, lets go, opens, makes and links.
const PATIENCE: usize = 8;

/// How often everybody may need to take a step until all are at rest.
const ROUNDS: usize = 40;

type Claim = Property<Job>;

impl Job {
    /// What must hold in every state.
    pub(super) fn invariants(&self) -> Vec<Claim> {
        vec![
            Claim::always(J1, |model, state| {
                let spared = !model.scene.kills_on_close() || state.is_held() || both_died(state);
                spared || !model.is_quiet(state) || no_member_lives(state)
            }),
            Claim::always(J2, |model, state| {
                let one_died = !state.killed.is_empty() && !both_died(state);
                !one_died || !model.is_quiet(state) || (no_member_lives(state) && no_guardian_lives(state))
            }),
            Claim::always(J3, |_, state| !state.wronged),
            Claim::always(J4, |model, state| {
                !model.is_quiet(state)
                    || ((!no_member_lives(state) || no_guardian_lives(state))
                        && (model.scene == Scene::Foreign || !is_haunted(state)))
            }),
            Claim::always(J5, |model, state| match model.is_quiet(state) {
                true => nobody_waits_in_vain(state),
                false => model.comes_to_rest(state),
            }),
            Claim::always(J7, |model, state| {
                !both_died(state) || !model.is_quiet(state) || Self::child_is_dead(state)
            }),
            Claim::always(J8, |_, state| {
                let is_over = state.ended && !state.is_being_ended() && state.killed.is_empty();
                !is_over || state.living_members().all(|member| !state.doomed.contains(member))
            }),
            Claim::always(L1, |_, state| !state.unlawful),
            Claim::always(L2, |_, state| {
                let held = [state.is_held().then_some(Entry::Job), state.holds_by_name()];
                held.into_iter().flatten().all(|entry| state.name == Some(entry))
            }),
            Claim::always(L4, |model, state| !model.is_quiet(state) || model.is_usable(state)),
            Claim::always(L5, |model, state| {
                let excused = state.crashed || model.scene == Scene::Foreign;
                let held = state.is_held() || state.holds_by_name().is_some();
                excused || held || !model.is_quiet(state) || state.name.is_none()
            }),
        ]
    }

    /// What must be possible: a model that went nowhere would satisfy the invariants too.
    pub(super) fn possibilities(&self) -> Vec<Claim> {
        if self.fault.is_some() {
            return Vec::new(); // a broken rule may well make them impossible
        }
        let mut claims = vec![Claim::sometimes(BOTH_DIED, |model, state| {
            both_died(state) && model.is_quiet(state) && !no_member_lives(state)
        })];
        if self.scene != Scene::Foreign {
            claims.push(Claim::sometimes(UPPER_DESTROYS, |_, state| unlinks(state) && !is_leaving(state)));
            claims.push(Claim::sometimes(LAST_PROBE, |_, state| unlinks(state) && is_leaving(state)));
        }
        if self.scene.has_opener() {
            claims.push(Claim::sometimes(OPENER_FIRST, |_, state| {
                state.step(UPPER) == Step::LookAtName && state.name == Some(Entry::Next)
            }));
            claims.push(Claim::sometimes(UNDER_OPENER, |model, state| {
                model.is_quiet(state) && state.step(SPAWNER) == Step::Rest && state.is_held()
            }));
        }
        claims
    }

    /// J5: with everybody taking turns, there comes an end.
    fn comes_to_rest(&self, state: &State) -> bool {
        let mut state = state.clone();
        for _ in 0..ROUNDS {
            for pid in State::everybody() {
                if state.step(pid) == Step::Exiting {
                    state.depart(pid, self.has(Fault::LowerDiesWithUpper));
                } else if self.is_ready(&state, pid) {
                    self.step(&mut state, pid);
                }
            }
            if self.is_quiet(&state) {
                return true;
            }
        }
        false
    }

    /// L4: an opener who is alone gets a handle: to the job if it is held, else to one of its own.
    fn is_usable(&self, state: &State) -> bool {
        if state.step(OPENER) != Step::Rest {
            return true;
        }
        let wanted = if state.is_held() { Entry::Job } else { Entry::Next };
        let mut state = state.clone();
        state.steps[OPENER.0] = Step::Open;
        for _ in 0..PATIENCE {
            self.step(&mut state, OPENER);
        }
        state.holds_by_name() == Some(wanted) && state.name == Some(wanted)
    }
}

fn both_died(state: &State) -> bool {
    state.killed.contains(UPPER) && state.killed.contains(LOWER)
}

fn no_member_lives(state: &State) -> bool {
    state.living_members().next().is_none()
}

fn no_guardian_lives(state: &State) -> bool {
    [FORKER, UPPER, LOWER].into_iter().all(|pid| !state.lives(pid))
}

/// A guardian could still destroy the entry, and nobody needs it.
fn is_haunted(state: &State) -> bool {
    state.lives(UPPER) && !state.is_held() && state.name == Some(Entry::Job)
}

fn nobody_waits_in_vain(state: &State) -> bool {
    let upper = match state.step(UPPER) {
        Step::AwaitLastHandle | Step::Asleep => state.is_held() && state.lives(LOWER),
        Step::AwaitLower => state.lives(LOWER),
        _ => !state.lives(UPPER),
    };
    let lower = !state.lives(LOWER) || state.children(LOWER).any(|child| state.lives(child));
    let spawner = matches!(state.step(SPAWNER), Step::Hold | Step::Rest | Step::Gone);
    upper && lower && spawner && matches!(state.step(OPENER), Step::Hold | Step::Rest)
}

fn unlinks(state: &State) -> bool {
    state.step(UPPER) == Step::UnlinkName && state.own_lock == Lock::Exclusive
}

fn is_leaving(state: &State) -> bool {
    state.interrupted.is_some()
}
