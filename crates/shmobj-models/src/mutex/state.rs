//! The world of the model: one mutex, and the threads.

use crate::kernel::{Kernel, Life, Thread};

/// The threads that play.
pub(super) const THREADS: usize = 4;

/// The only word.
pub(super) const WORD: usize = 0;

/// What a thread does, from the lock to the unlock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Task {
    /// Lock and unlock.
    Hold,
    /// Lock, and exit without unlocking.
    Exit,
    /// Lock, or give up when the time is over; unlock.
    Timed,
    /// Wait for this mutex or some other object; unlock if it was the mutex.
    Multi,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Step {
    Pend,
    Try,
    ReadMulti { seen: u32 },
    Sleep { seen: u32, limited: bool },
    Asleep { limited: bool },
    GiveUp,
    List { died: bool },
    Unpend { died: bool },
    ReadToken { died: bool },
    Own { abandoned: bool },
    // unlock
    Disown,
    PendAgain,
    Unlist,
    Release,
    AskMulti,
    Wake { most: bool },
    Clear,
    UnpendAgain,
    // several
    SetMulti,
    Look { woken: bool },
    SleepOnAll { seen: u32 },
    AsleepOnAll,
    PassOn { leaves: bool },
    PendToTake,
    Take,
    UnpendToLook,
    // over
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Player {
    /// Which task of its program.
    pub(super) task: u8,
    pub(super) step: Step,
}

/// Everything at one moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    pub(super) kernel: Kernel<THREADS, 1>,
    pub(super) token: u32,
    pub(super) multi: bool,
    pub(super) players: [Player; THREADS],
    /// A death with the token set of which nobody has been told.
    pub(super) owed: bool,
    /// Somebody was told of a death that was not, or not told of one that was.
    pub(super) wrong: bool,
}

impl State {
    pub(super) fn word(&self) -> u32 {
        self.kernel.words[WORD]
    }

    pub(super) fn step(&self, thread: Thread) -> Step {
        self.players[thread].step
    }

    pub(super) fn is_alive(&self, thread: Thread) -> bool {
        !matches!(self.kernel.life[thread], Life::Dying | Life::Dead)
    }
}
impl State {
    pub fn show(&self) -> u32 {
        self.word()
    }
    pub fn show2(&self) -> String {
        format!(
            "{} {:?} {:?} multi{}",
            self.token,
            self.players.map(|p| p.step),
            self.kernel.life,
            self.multi
        )
    }
}
