//! A job of processes: who ends them when the last handle goes, or when one of the two guardians does.
//!
//! A spawner S, which holds the job, forks C; C forks K1, the *upper guardian*, and ends; K1 forks K2, the *lower* one, and
//! K2 forks P, which execs. P forks others, some of which detach themselves by a double fork. Each step is one system
//! call, and S, C, O, K1 and K2 may be killed before any of them; P and the others may end at any time:
//!
//! | Process | Step | Does | Then |
//! |---|---|---|---|
//! | S | `Fork`, `AwaitForker` | forks C, waits for it | `Hold` |
//! | C | `Fork`, `Exit` | forks K1 | ends |
//! | K1 | `BecomeSubreaper` | gets the orphans among its descendants; SIGCHLD is blocked | `Fork` |
//! | | `Fork` | forks K2 | `CloseAll` |
//! | | `CloseAll` | closes what it has of the spawner's handle | `Listen` |
//! | | `Listen` | lets SIGCHLD through: its handler does what begins with `Reap` | `AwaitLastHandle` |
//! | | `AwaitLastHandle` | `flock(EX)`, on a description of its own | `LookAtName` |
//! | | `LookAtName`, `UnlinkName` | unlinks the entry if the name means it | `Unlock` |
//! | | `Unlock` | `flock(UN)` | kill on close: `TellLower`; else `AwaitLower` |
//! | | `TellLower` | signals K2 | `AwaitLower` |
//! | | `AwaitLower` | sleeps until SIGCHLD | |
//! | | `Reap` | `waitpid` until there is nothing to reap | K2 is there: back; children: `Survey`; none: `Probe` |
//! | | `Probe` | `flock(EX, NB)` | locked: `LookAtName`, `UnlinkName`, ends; busy: ends |
//! | K2 | `AskForSignal` | a signal, which is blocked, if K1 dies | `CheckParent` |
//! | | `CheckParent` | is K1 still its parent? | no: ends; `BecomeSubreaper` |
//! | | `BecomeSubreaper` | as K1 | `Enrol` |
//! | | `Enrol`, `NoteEnds` | goes on the roster, reads how often the job was ended | `Fork` |
//! | | `Fork`, `CloseAll` | forks P, closes all that is inherited | `Keep` |
//! | | `Keep` | reaps, or sleeps until there is a signal | told, alone, or the job was ended: `Survey`; no children: ends |
//! | K1, K2 | `Survey` | reads the table of processes: who descends from it? | `Kill` |
//! | | `Kill` | kills them one by one | `Reap` |
//! | | `Reap` | `waitpid` | children: `Survey`; none: ends (K1: `Probe`) |
//! | P | `AskForSignal` | SIGKILL if K2 dies | `CheckParent` |
//! | | `CheckParent` | is K2 still its parent? | no: ends; `Exec` |
//! | | `Exec` | closes what it has of the spawner's handle and of K1's description | runs |
//! | O | `SayEnded` | terminate: writes on the board that the job is ended | `LookForTree` |
//! | | `LookForTree` | is a tree on the roster? | none: done; tells K2, `Kill` |
//! | S, O | `CloseHandle`, `Open` ... | create, open and close, as in [`lifecycle`](super::lifecycle) | |
//!
//! The invariants are in the constants ([`J1`] ...), and those of [`lifecycle`](super::lifecycle) hold as well. [`Fault`]
//! names the rules that can be broken.
//!
//! Not modelled: control groups, limits, a second process spawned into the job, processes that are assigned, a terminate that is killed,
//! members that attack their guardians with anything but `fork` (they may kill both: that is a death of both), and a fork
//! bomb that is faster than the killing: members fork a few times only.

mod fault;
mod kernel;
mod pid;
mod properties;
mod protocol;
mod state;
mod story;
mod user;

use stateright::{Model, Property};

pub use fault::Fault;
pub use properties::{
    BOTH_DIED, J1, J2, J3, J4, J5, J7, J8, LAST_PROBE, OPENER_FIRST, UNDER_OPENER, UPPER_DESTROYS,
};
use state::{CHILD, FIRST_DESCENDANT, FORKER, LOWER, OPENER, SPAWNER, Step, UPPER};
pub use state::{Pid, State};

/// What kind of job it is, and who plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scene {
    /// A job that kills on close; P has two descendants.
    Tree,
    /// The same without kill on close.
    Spared,
    /// A job that kills on close, and somebody who creates and opens its name; P has one descendant.
    Named,
    /// The same without kill on close.
    NamedSpared,
    /// The same, but the entry is in a directory where K1 may not unlink it.
    Foreign,
    /// A job that kills on close, and somebody who terminates it; P has one descendant. The spawner does not close, but may be killed.
    Terminated,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Tree, Self::Spared, Self::Named, Self::NamedSpared, Self::Foreign, Self::Terminated];

    fn kills_on_close(self) -> bool {
        matches!(self, Self::Tree | Self::Named | Self::Terminated)
    }

    fn has_opener(self) -> bool {
        matches!(self, Self::Named | Self::NamedSpared | Self::Foreign)
    }

    fn descendants(self) -> impl Iterator<Item = Pid> {
        let most = if matches!(self, Self::Tree | Self::Spared) { 2 } else { 1 };
        (FIRST_DESCENDANT..FIRST_DESCENDANT + most).map(Pid)
    }
}

/// The model: which scene, and which rule is broken, if any.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// What happens around the guardians.
    pub scene: Scene,
    /// The rule that is broken.
    pub fault: Option<Fault>,
}

/// What can happen next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// The opener sets out to create the name, or to open it; or, once, to terminate the job.
    Begin,
    /// The spawner or the opener sets out to close its handle.
    Close(Pid),
    /// A process takes its next step.
    Step(Pid),
    /// A member forks.
    Fork {
        /// The one that forks.
        parent: Pid,
        /// The one that it forks.
        child: Pid,
        /// A double fork: the one in between has ended already.
        detached: bool,
    },
    /// A member ends by itself, or is killed by a stranger.
    End(Pid),
    /// A process that has ended leaves its children to others and becomes a zombie.
    Depart(Pid),
    /// A process is killed.
    Kill(Pid),
}

impl Model for Job {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for pid in State::everybody() {
            if self.is_ready(state, pid) {
                actions.push(Action::Step(pid));
            }
            match state.step(pid) {
                Step::Exiting => actions.push(Action::Depart(pid)),
                Step::Hold if self.scene != Scene::Terminated => actions.push(Action::Close(pid)),
                Step::Rest if pid == OPENER && self.first_step(state).is_some() => {
                    actions.push(Action::Begin);
                }
                _ => {}
            }
        }
        for member in state.living_members() {
            actions.push(Action::End(member));
            if state.step(member) == Step::Run {
                let unborn = self.scene.descendants().find(|pid| state.step(*pid) == Step::Unborn);
                let forks =
                    |child| [false, true].map(|detached| Action::Fork { parent: member, child, detached });
                actions.extend(unborn.into_iter().flat_map(forks));
            }
        }
        let killable = [SPAWNER, FORKER, UPPER, LOWER, OPENER].into_iter();
        // Those that have closed, and the opener before it begins, have nothing to lose. A terminate that is killed in its
        // middle promises nothing.
        let killable = killable.filter(|pid| *pid != OPENER || self.scene.has_opener());
        let killable = killable.filter(|pid| state.lives(*pid) && state.step(*pid) != Step::Rest);
        actions.extend(killable.map(Action::Kill));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::Begin => state.steps[OPENER.0] = self.first_step(&state).unwrap_or(Step::Rest),
            Action::Close(pid) => {
                state.steps[pid.0] = Step::CloseHandle;
                state.closing.insert(pid);
            }
            Action::Step(pid) => self.step(&mut state, pid),
            Action::Fork { parent, child, detached } => {
                state.fork(parent, child, Step::Run);
                if detached {
                    state.orphan(child);
                }
            }
            Action::End(pid) => state.end(pid),
            Action::Depart(pid) => state.depart(pid, self.has(Fault::LowerDiesWithUpper)),
            Action::Kill(pid) => {
                state.crashed = true;
                if pid == UPPER || pid == LOWER {
                    state.killed.insert(pid);
                }
                state.end(pid);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.invariants().into_iter().chain(self.possibilities()).collect()
    }
}

impl Job {
    /// Nothing happens any more unless somebody outside of the protocol does something.
    fn is_quiet(&self, state: &State) -> bool {
        State::everybody().all(|pid| state.step(pid) != Step::Exiting && !self.is_ready(state, pid))
    }

    /// What the opener begins with, if it has anything to do.
    fn first_step(&self, state: &State) -> Option<Step> {
        match self.scene {
            Scene::Terminated => (!state.ended).then_some(Step::SayEnded),
            scene => scene.has_opener().then_some(Step::Open),
        }
    }

    /// P is dead, or was never there.
    fn child_is_dead(state: &State) -> bool {
        !state.lives(CHILD)
    }
}
