//! The world of the model: the processes and who descends from whom, one name, and the locks of the job's entry.

pub use super::pid::Pid;
pub(super) use super::pid::{CHILD, FIRST_DESCENDANT, FORKER, LOWER, OPENER, Pids, SEATS, SPAWNER, UPPER};

/// What the name can mean.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Entry {
    /// The job that everything is about.
    Job,
    /// One that the opener has made after it.
    Next,
}

/// The lock that an open file description carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Lock {
    None,
    Shared,
    Exclusive,
}

/// A description of an entry that a single process has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Description {
    pub(super) entry: Entry,
    pub(super) lock: Lock,
}

/// What a process is about to do: a system call, or nothing. The table of the module [`job`](super) has them all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Step {
    /// Not forked yet.
    Unborn,
    Fork,
    AwaitForker,
    Hold,
    /// Has closed, and goes on with something else.
    Rest,

    CloseHandle,
    Open,
    TryExclusive,
    TakeShared,
    CountLinks,
    Recheck,
    UnlinkEntry,
    LetGo,
    Make,
    Link,

    BecomeSubreaper,
    CloseAll,
    OpenOwn,
    Listen,
    LookAtFlag,
    AwaitLastHandle,
    /// In the kernel's queue for the lock; only the broken rule tells it from being about to enter it.
    Asleep,
    LookAtName,
    UnlinkName,
    Unlock,
    TellLower,
    AwaitLower,
    Probe,

    AskForSignal,
    CheckParent,
    Enrol,
    NoteEnds,
    Keep,
    /// Reads the table of processes.
    Survey,
    /// Kills those that were in it.
    Kill(Pids),
    Reap,

    Exec,
    Run,

    /// Terminate: says on the board that the job is ended.
    SayEnded,
    /// Looks whether there is a tree on the roster.
    LookForTree,

    Exit,
    /// Has no descriptors any more; its children are still its own.
    Exiting,
    Zombie,
    /// As if it had never been.
    Gone,
}

/// Everything that the kernel and the processes know at one moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    pub(super) name: Option<Entry>,
    pub(super) steps: [Step; SEATS],
    /// `None`: somebody outside, who reaps at once.
    pub(super) parents: [Option<Pid>; SEATS],
    /// Who has the spawner's description, with its shared lock.
    pub(super) handle: Pids,
    /// Who has the description that K1 waits with.
    pub(super) own: Pids,
    pub(super) own_lock: Lock,
    /// What the spawner opens to probe.
    pub(super) probe: Option<Description>,
    /// The opener's.
    pub(super) opened: Option<Description>,
    /// Those of the spawner and the opener who are closing.
    pub(super) closing: Pids,
    pub(super) subreapers: Pids,
    /// Who gets a signal when its parent dies.
    pub(super) mourners: Pids,
    /// K2 has been told to end its tree, or that K1 is dead.
    pub(super) told: bool,
    /// K2 has been told to look at the board.
    pub(super) called: bool,
    /// K2 is on the roster.
    pub(super) enrolled: bool,
    /// The board says that the job was ended.
    pub(super) ended: bool,
    /// It did so when K2 began.
    pub(super) had_ended: bool,
    /// The members that were there when the job was ended.
    pub(super) doomed: Pids,
    /// SIGCHLD waits for K1.
    pub(super) bereaved: bool,
    /// What K1 was about to do when SIGCHLD came.
    pub(super) interrupted: Option<Step>,
    /// The guardians that were killed on the way to this state.
    pub(super) killed: Pids,
    /// Somebody was killed on the way to this state, other than by the protocol.
    pub(super) crashed: bool,
    /// A name was unlinked without the exclusive lock of what it meant.
    pub(super) unlawful: bool,
    /// A member was killed although somebody held the job.
    pub(super) wronged: bool,
}

impl State {
    /// The spawner holds the job.
    pub(super) fn new() -> Self {
        let mut steps = [Step::Unborn; SEATS];
        steps[SPAWNER.0] = Step::Fork;
        steps[OPENER.0] = Step::Rest;
        Self {
            name: Some(Entry::Job),
            steps,
            parents: [None; SEATS],
            handle: Pids::from_iter([SPAWNER]),
            own: Pids::from_iter([SPAWNER]),
            own_lock: Lock::None,
            probe: None,
            opened: None,
            closing: Pids::default(),
            subreapers: Pids::default(),
            mourners: Pids::default(),
            told: false,
            called: false,
            enrolled: false,
            ended: false,
            had_ended: false,
            doomed: Pids::default(),
            bereaved: false,
            interrupted: None,
            killed: Pids::default(),
            crashed: false,
            unlawful: false,
            wronged: false,
        }
    }

    pub(super) fn step(&self, pid: Pid) -> Step {
        self.steps[pid.0]
    }

    pub(super) fn parent(&self, pid: Pid) -> Option<Pid> {
        self.parents[pid.0]
    }

    pub(super) fn children(&self, parent: Pid) -> impl Iterator<Item = Pid> + '_ {
        let is_there = |pid: &Pid| !matches!(self.step(*pid), Step::Unborn | Step::Gone);
        Self::everybody().filter(is_there).filter(move |pid| self.parent(*pid) == Some(parent))
    }

    /// It takes steps, or could.
    pub(super) fn lives(&self, pid: Pid) -> bool {
        !matches!(self.step(pid), Step::Unborn | Step::Exiting | Step::Zombie | Step::Gone)
    }

    pub(super) fn everybody() -> impl Iterator<Item = Pid> {
        (0..SEATS).map(Pid)
    }

    /// P and what descends from it.
    pub(super) fn members() -> impl Iterator<Item = Pid> {
        (CHILD.0..OPENER.0).map(Pid)
    }

    pub(super) fn living_members(&self) -> impl Iterator<Item = Pid> + '_ {
        Self::members().filter(|pid| self.lives(*pid))
    }

    pub(super) fn descends(&self, pid: Pid, ancestor: Pid) -> bool {
        std::iter::successors(self.parent(pid), |parent| self.parent(*parent)).any(|it| it == ancestor)
    }

    /// Somebody has a handle to the job and is not about to give it up.
    pub(super) fn is_held(&self) -> bool {
        let spawner = matches!(self.step(SPAWNER), Step::Fork | Step::AwaitForker | Step::Hold);
        spawner || self.holds_by_name() == Some(Entry::Job)
    }

    /// Somebody is in the middle of ending the job.
    pub(super) fn is_being_ended(&self) -> bool {
        self.ended && self.step(OPENER) != Step::Rest
    }

    /// Who ends the job finds K2.
    pub(super) fn has_tree(&self) -> bool {
        self.enrolled && self.step(LOWER) != Step::Gone
    }

    /// What the opener has a handle to.
    pub(super) fn holds_by_name(&self) -> Option<Entry> {
        let opened = self.opened.filter(|_| self.step(OPENER) == Step::Hold);
        opened.map(|description| description.entry)
    }
}
