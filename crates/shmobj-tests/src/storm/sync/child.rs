//! A child of a process of the storm: it inherits everything but what its parent owns.
#![allow(unsafe_code)] // fork, in a process with one thread

use std::sync::atomic::Ordering::SeqCst;

use rustix::process::{Signal, getpid, getppid, kill_process, set_parent_process_death_signal};

use super::inside::Inside;
use super::objects::{COUNTER, LEFT, Word};

/// Numbers of children begin here.
const CHILDREN: u64 = 4096;

/// How a child ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends {
    /// After it has released the mutex.
    Done,
    /// While it owns it.
    Owning,
    /// The same, by SIGKILL.
    Killed,
}

impl Inside<'_> {
    /// A child that uses the counter. Returns when it has ended.
    pub(super) fn beget(&self, ends: Ends) {
        let parent = getpid();
        // SAFETY: this process has one thread, so the child may do whatever the parent may.
        let child = unsafe { libc::fork() };
        if child > 0 {
            // SAFETY: waits for a child of ours. It leaves no status behind (SIGCHLD is ignored), so this returns when it is gone.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
            return;
        }
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        if child == 0 && getppid() == Some(parent) {
            let own = Inside { life: CHILDREN + self.life, ..*self };
            own.ledger.mark_self(own.life, true);
            own.use_counter(ends);
        }
        // SAFETY: ends the child without running what belongs to its parent.
        unsafe { libc::_exit(0) };
    }

    fn use_counter(&self, ends: Ends) {
        if self.lock(COUNTER).is_err() {
            return;
        }
        self.increment(None);
        match ends {
            Ends::Done => self.leave(COUNTER),
            Ends::Owning => self.objects.word(Word::Owner(COUNTER)).store(LEFT, SeqCst),
            Ends::Killed => drop(kill_process(getpid(), Signal::KILL)),
        }
    }
}
