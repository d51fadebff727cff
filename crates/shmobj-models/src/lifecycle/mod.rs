//! The life of a named object: create, open, close and reclaim of one name, by three processes.
//!
//! A *handle* is an open file description that holds `flock(LOCK_SH)` on the object's entry, so the
//! kernel counts the handles, also when their processes are killed. The steps, with the design's
//! numbers (`c` create, `o` open, `x` close); each is one system call and any process may be killed
//! before any of them. No `flock` waits:
//!
//! | Step | Does | Then |
//! |---|---|---|
//! | `Open` (c1, o1) | open the name | found: `TryExclusive`; not found: `Make` or done |
//! | `TryExclusive` (o2) | `flock(EX)` | locked: nobody holds it, `Recheck`; busy: `TakeShared` |
//! | `TakeShared` (o4) | `flock(SH)` | locked: `CountLinks`; busy: `LetGo` |
//! | `CountLinks` (o5) | `fstat` | 1: `Search`; 0: `LetGo` |
//! | `Search` (o6) | visit one process, or open the data file | found: `Hold`; nowhere: `LetGo` |
//! | `Recheck` (o3) | `fstat` under EX | 1: `UnlinkData`, `UnlinkEntry`; 0: `LetGo` |
//! | `LetGo` | close the descriptor | create and open start again; close and sweep are done |
//! | `Make` (c2) | an unnamed inode, complete, SH held | `Link` |
//! | `Link` (c3) | link it under the name | `LinkData` or `Hold`; EEXIST: `LetGo` |
//! | `LinkData` (c4) | link the data file | `Hold` |
//! | `CloseHandle` (x1) | close the handle's descriptor | `Open` |
//! | `Open` (x2) | open the name afresh | same inode: `TryExclusive`; else done |
//! | `TryExclusive` (x3) | `flock(EX)` | locked: `Recheck` (x4, x5); busy: `LetGo` |
//!
//! A *sweep*, which reclaims this entry while working on another name, is a close without a handle: it
//! starts at x2 with whatever inode has the name.
//!
//! Three liberties make the model harsher than a crash before every step. A killed process loses its
//! descriptors one after the other, in either order, as the kernel closes them. A process that closes
//! may keep the data's descriptor until the close is over. And an opener may fail for a reason of its
//! own while it has its shared lock.
//!
//! A descriptor of an entry never gets out of SH in silence: who took a shared lock and doesn't go on to
//! hold either starts again, and so meets the entry again, or leaves by x1 to x5 ([`Fault::FailWithoutProbe`]).
//!
//! The invariants are in the constants ([`L1`] ...). [`Fault`] names the rules that can be broken.
//!
//! Not modelled: permissions (a process that may lock but not unlink), link counts that strangers
//! change with `ln`, several names, and the pause between two tries. Two openers of a dead object that
//! keep taking each other's shared lock for a holder's is therefore a cycle here; in the code the pause
//! is random, and the number of tries bounded.

mod fault;
mod kernel;
mod properties;
mod protocol;
mod state;
mod story;

use stateright::{Model, Property};

pub use fault::Fault;
pub use properties::{D1, D2, L1, L2, L3, L4, L5, RECLAIM, RESTART_NO_DATA, RESTART_UNLINKED, TWO_HOLDERS};
use state::{PROCESSES, Process, Step};
pub use state::{Pid, State, Task};

/// Where the data of the object is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataKind {
    /// In the entry, as with every kind of object but the file mapping; or in a file of the user's own,
    /// which outlives the object. Whoever has the entry has it.
    Entry,
    /// In a memfd: whoever opens the object gets it from the descriptors of a process that has it.
    Memfd,
    /// In a file beside the entry, named by the object's id.
    File,
}

impl DataKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Entry, Self::Memfd, Self::File];
}

/// The model: which kind of object, and which rule is broken, if any.
#[derive(Clone, Copy, Debug)]
pub struct Lifecycle {
    /// Where the data of the object is.
    pub data: DataKind,
    /// The rule that is broken.
    pub fault: Option<Fault>,
}

/// What can happen next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// An idle process sets out to do something.
    Begin(Pid, Task),
    /// A process forks into an idle seat.
    Fork {
        /// The process that forks.
        parent: Pid,
        /// The seat that its child takes.
        child: Pid,
    },
    /// A holder sets out to close its handle.
    Close(Pid),
    /// An opener that has its shared lock ends with an error.
    Fail(Pid),
    /// A process takes its next step.
    Step(Pid),
    /// A process is killed, and the kernel closes this descriptor of its first.
    Kill(Pid, Descriptor),
    /// A process that closes, or was killed, loses this descriptor.
    Drop(Pid, Descriptor),
}

/// What a process has open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Descriptor {
    /// The entry, with the lock.
    Entry,
    /// The data, where other processes look for it among descriptors.
    Data,
}

impl Model for Lifecycle {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for pid in (0..PROCESSES).map(Pid) {
            let process = state.process(pid);
            match process.step {
                Step::Idle => {
                    actions
                        .extend([Task::Create, Task::Open, Task::Sweep].map(|task| Action::Begin(pid, task)));
                    let parents = (0..PROCESSES).map(Pid).filter(|parent| self.may_fork(state, *parent));
                    actions.extend(parents.map(|parent| Action::Fork { parent, child: pid }));
                    continue;
                }
                Step::Hold => actions.push(Action::Close(pid)),
                Step::Inherited => {}
                Step::Dying => {
                    actions.extend(self.descriptors(process).map(|descriptor| Action::Drop(pid, descriptor)));
                    continue;
                }
                Step::Search(_) => actions.extend([Action::Step(pid), Action::Fail(pid)]),
                _ => actions.push(Action::Step(pid)),
            }
            let mut open = self.descriptors(process);
            if process.task == Task::Close && open.clone().any(|descriptor| descriptor == Descriptor::Data) {
                actions.push(Action::Drop(pid, Descriptor::Data));
            }
            // A killed process with everything still open is like one that is merely slow. Which of none
            // is closed first doesn't matter.
            actions.push(Action::Kill(pid, open.next().unwrap_or(Descriptor::Entry)));
            actions.extend(open.map(|descriptor| Action::Kill(pid, descriptor)));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::Begin(pid, task) => self.begin(&mut state, pid, task),
            Action::Fork { parent, child } => state.fork(parent, child),
            Action::Close(pid) => self.begin_close(&mut state, pid),
            Action::Fail(pid) => self.fail(&mut state, pid),
            Action::Step(pid) => self.step(&mut state, pid),
            Action::Kill(pid, first) => {
                self.forget_private_data(&mut state, pid);
                state.kill(pid);
                state.lose(pid, first);
            }
            Action::Drop(pid, descriptor) => state.lose(pid, descriptor),
        }
        Some(state.canonical())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        Self::invariants().into_iter().chain(self.possibilities()).collect()
    }
}

impl Lifecycle {
    /// What the process has open, as far as others can see it.
    fn descriptors(&self, process: &Process) -> impl Iterator<Item = Descriptor> + Clone + use<> {
        let entry = process.description.map(|_| Descriptor::Entry);
        let data = process.data.filter(|_| self.data == DataKind::Memfd).map(|_| Descriptor::Data);
        entry.into_iter().chain(data)
    }

    fn may_fork(&self, state: &State, parent: Pid) -> bool {
        let process = state.process(parent);
        let midway = process.description.is_some() && !process.is_settled() && process.step != Step::Dying;
        process.step == Step::Hold || (midway && self.fault == Some(Fault::ForkMidway))
    }
}
