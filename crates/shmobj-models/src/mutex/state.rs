//! The world of the model: one mutex, and the threads.

use crate::kernel::{Kernel, Life, Thread};

/// The threads that play, at most.
pub(super) const THREADS: usize = 4;

/// The mutex word among the kernel's words: there is no other.
pub(super) const WORD: usize = 0;

/// What a thread sets out to do. All but [`Task::Exit`] end with an unlock, if they got the mutex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Task {
    /// Lock.
    Lock,
    /// Lock, and exit while owning.
    Exit,
    /// Lock, or give up when the time is over.
    Timed,
    /// Wait for this mutex or another object.
    Several,
}

/// The step that a thread is about to take. The table is in the module [`mutex`](super).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Step {
    Look,
    UnpendLook,
    Announce,
    Barrier,
    Mark,
    Pend,
    Try,
    PendSleep { seen: u32, limited: bool },
    Sleep { seen: u32, limited: bool },
    Asleep { limited: bool },
    Unpend,
    Enlist { died: bool },
    UnpendOwner { died: bool },
    ReadToken { died: bool },
    Own { abandoned: bool },
    Disown,
    PendOwner,
    Unlist,
    Choose,
    Store,
    LookBehind,
    WakeBehind,
    Settle,
    SettleHandover,
    ReleaseAll,
    Release,
    Wake,
    Clear,
    SleepAmongSeveral { seen: u32 },
    AsleepAmongSeveral,
    PassOn,
    WakeAll,
    Done,
}

impl Step {
    /// From the CAS that takes the word to the step that gives it up.
    pub(super) fn owns(self) -> bool {
        use Step::{Choose, Disown, Enlist, Own, PendOwner, ReadToken, Release, ReleaseAll};
        use Step::{Settle, SettleHandover, Store, Unlist, UnpendOwner};
        matches!(
            self,
            Enlist { .. }
                | UnpendOwner { .. }
                | ReadToken { .. }
                | Own { .. }
                | Disown
                | PendOwner
                | Unlist
                | Choose
                | Store
                | Settle
                | SettleHandover
                | ReleaseAll
                | Release
        )
    }
}

/// How an owner gives the mutex back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Handover {
    /// By a plain store. Nobody has slept yet.
    Store,
    /// Somebody is going to sleep; a store may be on its way.
    Changing,
    /// By compare-exchange, for good.
    Exchange,
}

/// One thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Player {
    /// Which task of its program it is at.
    pub(super) task: u8,
    pub(super) step: Step,
}

/// Everything that the page, the kernel and the threads know at one moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    pub(super) kernel: Kernel<THREADS, 1>,
    /// The owner's, or 0.
    pub(super) token: usize,
    /// In the word's other half: one CAS changes both.
    pub(super) multi: bool,
    pub(super) handover: Handover,
    /// The store that gives the mutex back is still in the processor of this thread.
    pub(super) stored: [bool; THREADS],
    pub(super) players: [Player; THREADS],
    /// An owner whose token was set has died, and nobody has been told.
    pub(super) untold: bool,
    /// Somebody was told of a death that was none, or was not told of one.
    pub(super) misled: bool,
}

impl State {
    pub(super) fn word(&self) -> u32 {
        self.kernel.words[WORD]
    }

    /// The store of a thread reaches the memory.
    pub(super) fn flush(&mut self, thread: Thread) {
        if std::mem::take(&mut self.stored[thread]) {
            self.kernel.words[WORD] = 0;
            self.multi = false;
        }
    }

    pub(super) fn step(&self, thread: Thread) -> Step {
        self.players[thread].step
    }

    /// How many threads were killed.
    pub(super) fn deaths(&self) -> usize {
        (0..THREADS).filter(|thread| !self.kernel.is_alive(*thread)).count()
    }

    /// Nobody will do anything but by being killed, or because a limited sleep is over.
    pub(super) fn is_quiet(&self) -> bool {
        (0..THREADS).all(|thread| match self.kernel.life[thread] {
            Life::Dead | Life::Asleep => true,
            Life::Dying => false,
            Life::Running => self.step(thread) == Step::Done && !self.stored[thread],
        })
    }
}
