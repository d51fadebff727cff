//! The world of the model: two objects, their gates, and the threads.

use crate::cell::word::Rung;
use crate::kernel::{Kernel, Life, Thread};

/// The threads that play, at most.
pub(super) const THREADS: usize = 4;

/// The objects. The second may be a mutex.
pub(super) const OBJECTS: usize = 2;

/// The object that may be a mutex.
pub(super) const MUTEX: usize = 1;

/// Where the gates begin among the kernel's words; the objects' own words are before them. A mutex has none.
pub(super) const GATES: usize = OBJECTS;

/// What a thread sets out to do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Task {
    /// Wait for both objects; unlock the mutex if there is one.
    All,
    /// Wait for both objects and keep the mutex.
    AllKeep,
    /// Wait for both cells, or until the time is over.
    AllTimed,
    /// Unlock the kept mutex.
    Unlock,
    /// Wait for a cell.
    One(usize),
    /// Lock and unlock the mutex.
    Lock,
    Set(usize),
    Reset(usize),
    /// Look at both objects in this order, as a wait with the time-out 0 that takes nothing.
    Observe([usize; OBJECTS]),
}

/// Why a thread is at the gate of an object, or at a mutex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Phase {
    /// It looks at the object.
    Look,
    /// It has met LOCKED and waits for the decision.
    Pass,
    /// It locks what it has found signalled.
    Prepare,
    /// It takes what it has locked.
    Commit,
    /// It unlocks what it has locked, because another object was not signalled any more.
    Undo,
    /// The same at that other object: LOCKED is not its own.
    Retreat,
}

/// The step that a thread is about to take. The table is in the module [`gate`](super).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Step {
    Look,
    Sleep,
    Asleep,
    GateLook,
    GateUnpendLook,
    GatePend,
    GateTry,
    GatePendSleep,
    GateSleep,
    GateAsleep,
    GateEnlist,
    GateUnpend,
    Recover,
    SetLocked,
    Take,
    ClearLocked,
    GatePendOwner,
    GateUnlist,
    GateRelease,
    GateWake,
    GateUnpendAgain,
    MutexLook,
    MutexUnpendLook,
    MutexPend,
    MutexTry,
    MutexPendSleep,
    MutexSleep,
    MutexAsleep,
    PassOn,
    AllSleep,
    AllAsleep,
    AllPassOn,
    AllWake,
    MutexUnpend,
    MutexEnlist,
    MutexUnpendOwner,
    ReadToken,
    WriteToken,
    Confirm,
    MutexPendOwner,
    MutexUnlist,
    GiveBack,
    Disown,
    UnlockPend,
    UnlockUnlist,
    UnlockRelease,
    UnlockWake,
    UnlockClear,
    UnlockUnpend,
    SetBegin,
    SetWakeOp,
    SetSettle { rung: Rung },
    Return,
    LeaveLook,
    LeaveWake,
    Done,
}

/// One thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Player {
    /// Which task of its program it is at.
    pub(super) task: u8,
    pub(super) step: Step,
    pub(super) phase: Phase,
    /// The object at hand.
    pub(super) object: usize,
    /// The word that it expects when it goes to sleep, or that its set began with.
    pub(super) seen: u32,
    /// The cells that its wait-all slept on, a bit each.
    pub(super) slept_on: u8,
    /// It found OWNER_DIED in the mutex.
    pub(super) died: bool,
    pub(super) abandoned: bool,
    /// It was woken by the cell that it waits for, and has not looked yet.
    pub(super) woken: bool,
    /// The wait-alls that had taken the first object when an observer looked at it.
    pub(super) noted: u8,
}

impl Player {
    pub(super) const DONE: Self = Self {
        task: 0,
        step: Step::Done,
        phase: Phase::Look,
        object: 0,
        seen: 0,
        slept_on: 0,
        died: false,
        abandoned: false,
        woken: false,
        noted: 0,
    };
}

/// Everything that the pages, the kernel and the threads know at one moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    pub(super) kernel: Kernel<THREADS, 4>,
    /// The mutex's token.
    pub(super) token: usize,
    /// The mutex's MULTI.
    pub(super) multi: bool,
    pub(super) players: [Player; THREADS],
    /// Which objects each wait-all has taken, a bit each.
    pub(super) committed: [u8; THREADS],
    pub(super) signals: [u8; OBJECTS],
    pub(super) taken: [u8; OBJECTS],
    /// Single waiters of the cell were killed after they were woken.
    pub(super) excused: [bool; OBJECTS],
    /// An owner of the mutex whose token was set has died, and nobody has been told.
    pub(super) untold: bool,
    /// Somebody was told of a death that was none, or was not told of one.
    pub(super) misled: bool,
    /// Somebody saw one object of a wait-all taken, and then another one still to be had.
    pub(super) torn: bool,
    /// A wait-all returned without the signal of one of its objects.
    pub(super) robbed: bool,
}

impl State {
    /// Nobody will do anything but by being killed.
    pub(super) fn is_quiet(&self) -> bool {
        (0..THREADS).all(|thread| match self.kernel.life[thread] {
            Life::Dead | Life::Asleep => true,
            Life::Dying => false,
            Life::Running => self.players[thread].step == Step::Done,
        })
    }

    /// How many threads were killed.
    pub(super) fn deaths(&self) -> usize {
        (0..THREADS).filter(|thread| !self.kernel.is_alive(*thread)).count()
    }

    pub(super) fn word(&self, object: usize) -> u32 {
        self.kernel.words[object]
    }

    pub(super) fn go(&mut self, thread: Thread, step: Step) {
        self.players[thread].step = step;
    }
}
