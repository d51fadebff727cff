//! The protocol itself: what each step does and which one follows it.

use super::state::{Inode, PROCESSES, Pid, Process, State, Step, Task};
use super::{DataKind, Fault, Lifecycle};

impl Lifecycle {
    /// Sets an idle process to work.
    pub(super) fn begin(&self, state: &mut State, pid: Pid, task: Task) {
        *state.process_mut(pid) = Process { task, step: Step::Open, ..Process::IDLE };
    }

    /// A holder gives up its handle.
    pub(super) fn begin_close(&self, state: &mut State, pid: Pid) {
        let first = if self.has(Fault::UpgradeOwnLock) { Step::TryExclusive } else { Step::CloseHandle };
        let process = state.process_mut(pid);
        (process.task, process.step) = (Task::Close, first);
        self.forget_private_data(state, pid);
    }

    /// Only the data in a memfd is of use to others once its process is on its way out.
    pub(super) fn forget_private_data(&self, state: &mut State, pid: Pid) {
        if self.data != DataKind::Memfd {
            state.process_mut(pid).data = None;
        }
    }

    /// An opener that has its shared lock ends with an error: the object is of another kind, memory
    /// is short, or its tries to find the data are used up. Its lock has been seen, so it leaves as
    /// a holder does.
    pub(super) fn fail(&self, state: &mut State, pid: Pid) {
        let process = state.process_mut(pid);
        (process.task, process.step) = if self.has(Fault::FailWithoutProbe) {
            (Task::Sweep, Step::LetGo) // as who found out nothing leaves
        } else {
            (Task::Close, Step::CloseHandle)
        };
    }

    /// The next step of a process that works.
    pub(super) fn step(&self, state: &mut State, pid: Pid) {
        let Process { task, step, .. } = *state.process(pid);
        let next = match step {
            Step::Idle | Step::Hold | Step::Dying | Step::Inherited => step,
            Step::Open => self.open(state, pid, task),
            Step::TryExclusive => self.try_exclusive(state, pid, task),
            Step::TakeShared if state.lock_shared(pid) => Step::CountLinks,
            Step::TakeShared => Step::LetGo,
            Step::CountLinks if state.is_linked(pid) || self.has(Fault::NoLinkCountCheck) => {
                Step::Search(Pid(0))
            }
            Step::CountLinks => Step::LetGo,
            Step::Search(place) => self.search(state, pid, place),
            Step::Recheck if state.is_linked(pid) => self.first_unlink(),
            Step::Recheck => Step::LetGo,
            Step::UnlinkData => {
                state.unlink_data(pid);
                if self.has(Fault::EntryFirstUnlink) { Step::LetGo } else { Step::UnlinkEntry }
            }
            Step::UnlinkEntry => {
                state.unlink_entry(pid);
                let data_is_left = self.data == DataKind::File && self.has(Fault::EntryFirstUnlink);
                if data_is_left { Step::UnlinkData } else { Step::LetGo }
            }
            Step::LetGo => {
                state.close(pid);
                match task {
                    Task::Create | Task::Open => Step::Open,
                    Task::None | Task::Close | Task::Sweep => Step::Idle,
                }
            }
            Step::Make => {
                state.make(pid);
                if self.data != DataKind::File {
                    state.process_mut(pid).data = state.process(pid).object;
                }
                if self.links_data_first() { Step::LinkData } else { Step::Link }
            }
            Step::Link => self.link(state, pid),
            Step::LinkData => {
                state.link_data(pid);
                if self.links_data_first() { Step::Link } else { Step::Hold }
            }
            Step::CloseHandle => {
                state.close(pid);
                Step::Open
            }
        };
        self.enter(state, pid, next);
    }

    /// Puts the process before its next step, and forgets what it has no more use for.
    fn enter(&self, state: &mut State, pid: Pid, next: Step) {
        let process = state.process_mut(pid);
        process.step = next;
        match next {
            Step::Idle => *process = Process::IDLE,
            Step::Hold => process.task = Task::None,
            Step::Open if process.task != Task::Close => (process.object, process.data) = (None, None),
            _ => {}
        }
    }

    /// o1, x2 and the beginning of a sweep.
    fn open(&self, state: &mut State, pid: Pid, task: Task) -> Step {
        // A name that refers to another object by now is no business of this close.
        let wanted = task != Task::Close || state.is_linked(pid);
        let probes_blindly = self.has(Fault::BlindUnlink) && matches!(task, Task::Close | Task::Sweep);
        match wanted && state.open(pid) {
            true if probes_blindly => Step::Recheck,
            true => Step::TryExclusive,
            false if task == Task::Create => Step::Make,
            false => Step::Idle,
        }
    }

    /// o2, x3 and the same in a sweep. Success means that nobody holds the object: whoever finds that
    /// out destroys it.
    fn try_exclusive(&self, state: &mut State, pid: Pid, task: Task) -> Step {
        let seeks = matches!(task, Task::Create | Task::Open);
        if !state.lock_exclusive(pid) {
            return if seeks { Step::TakeShared } else { Step::LetGo };
        }
        let spares = match task {
            Task::Sweep => self.has(Fault::ObserverPeeks),
            _ => seeks && self.has(Fault::DeadIsLeft),
        };
        if spares {
            Step::LetGo
        } else if self.has(Fault::UnlinkByNameOnly) {
            self.first_unlink()
        } else {
            Step::Recheck
        }
    }

    /// o6. The scan of the processes is not atomic: each call visits one.
    fn search(&self, state: &mut State, pid: Pid, place: Pid) -> Step {
        let found = self.found(state, state.process(pid), place);
        state.process_mut(pid).data = found;
        match self.fault {
            _ if found.is_some() => Step::Hold,
            _ if !self.is_last(place) => Step::Search(Pid(place.0 + 1)),
            Some(Fault::ScanDecides) => self.first_unlink(),
            Some(Fault::MissingDataIgnored) => Step::Hold,
            _ => Step::LetGo,
        }
    }

    /// The data that an opener gets at this place.
    pub(super) fn found(&self, state: &State, opener: &Process, place: Pid) -> Option<Inode> {
        match self.data {
            DataKind::Entry => opener.object,
            DataKind::File => opener.object.filter(|object| state.data_files.contains(*object)),
            DataKind::Memfd => {
                let offered = state.process(place).data;
                offered.filter(|_| offered == opener.object || self.has(Fault::HintTrusted))
            }
        }
    }

    /// Is this the last place where the data can be?
    pub(super) fn is_last(&self, place: Pid) -> bool {
        self.data != DataKind::Memfd || place.0 + 1 == PROCESSES
    }

    /// c3.
    fn link(&self, state: &mut State, pid: Pid) -> Step {
        if !state.link_entry(pid) {
            state.unlink_data(pid); // only the fault has linked one
            Step::LetGo
        } else if self.data == DataKind::File && !self.links_data_first() {
            Step::LinkData
        } else {
            Step::Hold
        }
    }

    fn first_unlink(&self) -> Step {
        match self.data {
            DataKind::File if !self.has(Fault::EntryFirstUnlink) => Step::UnlinkData,
            _ => Step::UnlinkEntry,
        }
    }

    fn links_data_first(&self) -> bool {
        self.data == DataKind::File && self.has(Fault::DataFirst)
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}
