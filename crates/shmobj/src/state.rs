//! What synchronization objects are like, for people.

use std::time::Duration;

use crate::event::Reset;

/// The state of a synchronization object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// A mutex.
    Mutex {
        /// Who owns it.
        owner: Option<Owner>,
        /// Its owner ended without releasing it, and the next one will be told.
        abandoned: bool,
    },
    /// An event.
    Event {
        /// Whether the next wait is satisfied.
        signaled: bool,
        /// What resets it.
        reset: Reset,
    },
    /// A semaphore.
    Semaphore {
        /// How many waits are satisfied at once.
        count: u32,
        /// The largest count.
        max: u32,
    },
    /// A waitable timer.
    WaitableTimer {
        /// Whether the next wait is satisfied.
        signaled: bool,
        /// What resets it, where the system tells (see [`WaitableTimer::reset_mode`](crate::WaitableTimer::reset_mode)).
        reset: Option<Reset>,
        /// The time until it expires next, if it will.
        due_in: Option<Duration>,
        /// The time between expiries, if it is periodic. Windows does not tell.
        period: Option<Duration>,
    },
    /// A job.
    Job {
        /// Whether its processes were ended.
        signaled: bool,
    },
    /// Nonsense that somebody wrote into it. On Windows: the object does not let this process ask.
    Corrupt,
}

/// The thread that owns a mutex.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Owner {
    /// The thread's number (on Linux in its PID namespace); 0 where the system does not tell.
    pub thread: u32,
    /// Its process, if that can be told from here.
    pub pid: Option<u32>,
    /// The thread's command, if that can be told from here. Windows does not tell.
    pub command: Option<String>,
}
