//! The world of the model: one name, the inodes and open file descriptions, and the processes.
//!
//! Inodes and descriptions have numbers only to be told apart, so [`State::canonical`] numbers
//! them by where they occur. Two states that differ in nothing else become one, and what nobody can
//! reach any more disappears: that is what makes the model finite.

use std::fmt;

/// The processes that play.
pub(super) const PROCESSES: usize = 3;

/// One seat more than there are players: the stranger, who arrives when everybody else has stopped
/// and finds out whether the name is usable (L4).
pub(super) const SEATS: usize = PROCESSES + 1;

/// The stranger's seat.
pub(super) const STRANGER: Pid = Pid(PROCESSES);

/// A process, by its seat.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pid(pub(super) usize);

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["A", "B", "C", "stranger"][self.0])
    }
}

/// An inode, and with it the object whose entry it is (or was): object ids are never used twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Inode(u8);

/// The lock that an open file description carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Lock {
    None,
    Shared,
    Exclusive,
}

/// An open file description of an entry. Processes that forked share it, and its lock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Description {
    pub(super) inode: Inode,
    pub(super) lock: Lock,
}

/// What a process has set out to do. It decides where the steps that tasks share lead to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Task {
    /// Nothing: it is idle, holds a handle, or is dying.
    None,
    /// Create the object, or open it if it exists.
    Create,
    /// Open the object if it exists.
    Open,
    /// Give up the handle, and destroy the object if it was the last one.
    Close,
    /// Reclaim the entry if nobody holds it, while working on another name.
    Sweep,
}

/// The step that a process is about to take. The design's numbers are in the table of the module
/// [`lifecycle`](super).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Step {
    Idle,
    Hold,
    Open,
    TryExclusive,
    TakeShared,
    CountLinks,
    /// The data, in the descriptors of this process next, or (a data file) in the directory.
    Search(Pid),
    Recheck,
    UnlinkData,
    UnlinkEntry,
    LetGo,
    Make,
    Link,
    LinkData,
    CloseHandle,
    /// Killed; the kernel is still closing its descriptors, one by one.
    Dying,
    /// Forked in the middle of an operation of its parent, whose descriptor it doesn't know of.
    Inherited,
}

/// One process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Process {
    pub(super) task: Task,
    pub(super) step: Step,
    /// The object at hand; outlives the description, because a close looks for it again.
    pub(super) object: Option<Inode>,
    /// Which of [`State::descriptions`] its descriptor of the entry refers to.
    pub(super) description: Option<u8>,
    /// The object whose data it has, in a descriptor or by knowing where it is.
    pub(super) data: Option<Inode>,
}

impl Process {
    pub(super) const IDLE: Self =
        Self { task: Task::None, step: Step::Idle, object: None, description: None, data: None };

    /// It is not in the middle of anything, dying included.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.step, Step::Idle | Step::Hold | Step::Inherited)
    }
}

/// A set of inodes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Inodes(u16);

impl Inodes {
    pub(super) fn contains(self, inode: Inode) -> bool {
        self.0 & (1 << inode.0) != 0
    }

    pub(super) fn insert(&mut self, inode: Inode) {
        self.0 |= 1 << inode.0;
    }

    pub(super) fn remove(&mut self, inode: Inode) {
        self.0 &= !(1 << inode.0);
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Inode> {
        // Empty or a single inode nearly always, and asked for at every step.
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let next = u8::try_from(rest.trailing_zeros()).ok().filter(|_| rest != 0)?;
            rest &= rest - 1;
            Some(Inode(next))
        })
    }
}

/// Everything that the kernel and the processes know at one moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// The inode that the name refers to. An inode's link count is 1 if it is this one, else 0.
    pub(super) name: Option<Inode>,
    /// The data files in the directory, by the object whose id they are named by.
    pub(super) data_files: Inodes,
    /// There is a data file whose object nobody can find out any more.
    pub(super) orphaned_data: bool,
    pub(super) descriptions: [Option<Description>; SEATS],
    pub(super) processes: [Process; SEATS],
    /// Somebody was killed on the way to this state.
    pub(super) crashed: bool,
    /// Somebody unlinked an inode on the way to this state without holding EX on it.
    pub(super) unlawful: bool,
}

impl State {
    /// No entry, and nobody has begun anything.
    pub(super) fn new() -> Self {
        Self {
            name: None,
            data_files: Inodes::default(),
            orphaned_data: false,
            descriptions: [None; SEATS],
            processes: [Process::IDLE; SEATS],
            crashed: false,
            unlawful: false,
        }
    }

    pub(super) fn process(&self, pid: Pid) -> &Process {
        &self.processes[pid.0]
    }

    pub(super) fn process_mut(&mut self, pid: Pid) -> &mut Process {
        &mut self.processes[pid.0]
    }

    pub(super) fn description(&self, pid: Pid) -> Option<Description> {
        self.process(pid).description.and_then(|number| self.descriptions[usize::from(number)])
    }

    /// The processes with a handle.
    pub(super) fn holders(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.step == Step::Hold)
    }

    /// An inode that no state before this one can have meant.
    pub(super) fn fresh_inode(&self) -> Inode {
        let known = self.processes.iter().flat_map(|process| [process.object, process.data]);
        let last = known.chain([self.name]).flatten().map(|inode| inode.0).max();
        Inode(last.map_or(0, |number| number + 1))
    }

    /// The same state with its inodes and descriptions numbered in the order in which the name and the
    /// processes refer to them.
    pub(super) fn canonical(&self) -> Self {
        let mut inodes = Numbers::default();
        let mut descriptions = Numbers::default();
        let mut canonical =
            Self { descriptions: [None; SEATS], data_files: Inodes::default(), ..self.clone() };

        canonical.name = self.name.map(|inode| Inode(inodes.number(inode.0)));
        for process in &mut canonical.processes {
            process.object = process.object.map(|inode| Inode(inodes.number(inode.0)));
            process.data = process.data.map(|inode| Inode(inodes.number(inode.0)));
            let Some(old) = process.description else { continue };
            let new = descriptions.number(old);
            process.description = Some(new);
            canonical.descriptions[usize::from(new)] =
                self.descriptions[usize::from(old)].map(|description| Description {
                    inode: Inode(inodes.number(description.inode.0)),
                    ..description
                });
        }
        for inode in self.data_files.iter() {
            match inodes.known(inode.0) {
                Some(number) => canonical.data_files.insert(Inode(number)),
                None => canonical.orphaned_data = true,
            }
        }
        canonical
    }
}

/// Hands out 0, 1, 2 ... to whatever it sees for the first time.
#[derive(Default)]
struct Numbers {
    new: [Option<u8>; 16],
    next: u8,
}

impl Numbers {
    fn known(&self, old: u8) -> Option<u8> {
        self.new[usize::from(old)]
    }

    fn number(&mut self, old: u8) -> u8 {
        let next = &mut self.next;
        *self.new[usize::from(old)].get_or_insert_with(|| {
            *next += 1;
            *next - 1
        })
    }
}
