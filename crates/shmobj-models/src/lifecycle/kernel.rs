//! What the kernel does for the protocol: `open`, `flock`, `fstat`, `link`, `unlink`, `close`, `fork`.
//!
//! Each method is one system call of one process, and atomic. None of them knows the protocol, with
//! one exception: [`State::unlink_entry`] notes when it was called without the right to (L1).

use super::Descriptor;
use super::state::{Description, Lock, Pid, Process, State, Step, Task};

impl State {
    /// `open(name)`: a new description without a lock. False: ENOENT.
    pub(super) fn open(&mut self, pid: Pid) -> bool {
        let Some(inode) = self.name else { return false };
        self.install(pid, Description { inode, lock: Lock::None });
        true
    }

    /// `open(O_TMPFILE)`, the whole page written, `flock(SH)`: an inode that nobody else can see.
    pub(super) fn make(&mut self, pid: Pid) {
        let inode = self.fresh_inode();
        self.install(pid, Description { inode, lock: Lock::Shared });
    }

    fn install(&mut self, pid: Pid, description: Description) {
        let free = self.descriptions.iter().position(Option::is_none);
        let number = free.expect("each process has at most one description, and a seat for it");
        self.descriptions[number] = Some(description);
        let process = self.process_mut(pid);
        process.description = u8::try_from(number).ok();
        process.object = Some(description.inode);
    }

    /// `flock(EX|NB)`. Turns an own shared lock into the exclusive one if nobody else has a lock.
    pub(super) fn lock_exclusive(&mut self, pid: Pid) -> bool {
        let free = !self.other_locks(pid).any(|lock| lock != Lock::None);
        self.lock(pid, free, Lock::Exclusive)
    }

    /// `flock(SH|NB)`.
    pub(super) fn lock_shared(&mut self, pid: Pid) -> bool {
        let free = !self.other_locks(pid).any(|lock| lock == Lock::Exclusive);
        self.lock(pid, free, Lock::Shared)
    }

    /// A refused conversion loses the lock that was there (flock(2)).
    fn lock(&mut self, pid: Pid, free: bool, wanted: Lock) -> bool {
        if let Some(number) = self.process(pid).description {
            if let Some(description) = &mut self.descriptions[usize::from(number)] {
                description.lock = if free { wanted } else { Lock::None };
            }
        }
        free
    }

    /// The locks on the same inode that belong to other descriptions.
    fn other_locks(&self, pid: Pid) -> impl Iterator<Item = Lock> {
        let Process { object, description: own, .. } = *self.process(pid);
        self.descriptions.iter().enumerate().filter_map(move |(number, description)| {
            let description = (*description)?;
            let other = own.map(usize::from) != Some(number);
            (other && Some(description.inode) == object).then_some(description.lock)
        })
    }

    /// `fstat`: is the link count of the inode at hand 1 (and not 0)?
    pub(super) fn is_linked(&self, pid: Pid) -> bool {
        self.name.is_some() && self.name == self.process(pid).object
    }

    /// `linkat` under the name. False: EEXIST.
    pub(super) fn link_entry(&mut self, pid: Pid) -> bool {
        if self.name.is_some() {
            return false;
        }
        self.name = self.process(pid).object;
        true
    }

    /// `unlink(name)`: removes *whatever* has the name, which is why L1 is needed at all.
    pub(super) fn unlink_entry(&mut self, pid: Pid) {
        let Some(victim) = self.name.take() else { return };
        let lawful = Some(Description { inode: victim, lock: Lock::Exclusive });
        self.unlawful |= self.description(pid) != lawful;
    }

    /// `linkat` of the data file, complete, under the id of the object at hand.
    pub(super) fn link_data(&mut self, pid: Pid) {
        if let Some(object) = self.process(pid).object {
            self.data_files.insert(object);
            self.process_mut(pid).data = Some(object);
        }
    }

    /// `unlink` of the data file of the object at hand, if there is one.
    pub(super) fn unlink_data(&mut self, pid: Pid) {
        if let Some(object) = self.process(pid).object {
            self.data_files.remove(object);
        }
    }

    /// `close` of the descriptor of the entry. The description and its lock go with the last one.
    pub(super) fn close(&mut self, pid: Pid) {
        let Some(number) = self.process_mut(pid).description.take() else { return };
        if self.processes.iter().all(|process| process.description != Some(number)) {
            self.descriptions[usize::from(number)] = None;
        }
    }

    /// `fork`: the child shares the parent's description and has its data. A child of a process
    /// in the middle of an operation has a descriptor that no code of its own will close.
    pub(super) fn fork(&mut self, parent: Pid, child: Pid) {
        let parent = *self.process(parent);
        *self.process_mut(child) = match parent.step {
            Step::Hold => parent,
            _ => Process { task: Task::None, step: Step::Inherited, data: None, ..parent },
        };
    }

    /// `SIGKILL`: no further step. Its descriptors are closed later, and not all at once.
    pub(super) fn kill(&mut self, pid: Pid) {
        self.crashed = true;
        let process = self.process_mut(pid);
        (process.task, process.step) = (Task::None, Step::Dying);
    }

    /// A descriptor is closed without a decision of the protocol. A killed process is gone with its last.
    pub(super) fn lose(&mut self, pid: Pid, descriptor: Descriptor) {
        match descriptor {
            Descriptor::Entry => self.close(pid),
            Descriptor::Data => self.process_mut(pid).data = None,
        }
        let process = self.process_mut(pid);
        if process.step == Step::Dying && process.description.is_none() {
            process.object = None;
            if process.data.is_none() {
                *process = Process::IDLE;
            }
        }
    }
}
