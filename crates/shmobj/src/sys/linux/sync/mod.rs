//! Synchronization objects: mutexes, events, semaphores and waitable timers, and waiting for them.
//!
//! An object is the words at the end of its page, and the kernel's futexes on them; nothing else makes a system call.
//!
//! | room | what |
//! |---|---|
//! | [`words`] | where the words are |
//! | [`cell`] | the state of events, semaphores and timers; [`event`], [`semaphore`], [`timer`] are what they make of it |
//! | [`latch`] | the word that a thread owns: [`mutex`], and the [`gate`] of the others |
//! | [`seat`], [`robust`] | a thread's own access to a latch, and its robust list, by which the kernel finds it |
//! | [`liveness`] | for threads without a robust list |
//! | [`wait`] | for one object, any or all |
//! | [`futex`], [`spin`], [`clock`] | sleeping and waking, looking again before, and how long |
//! | [`create`] | making and opening objects |
//! | [`inspect`] | their state, for people |
#![allow(unsafe_code)] // keeps the address of the words, for speed

pub(crate) mod cell;
pub(crate) mod clock;
pub(crate) mod create;
pub(crate) mod event;
mod futex;
mod gate;
mod guess;
mod handover;
pub(crate) mod inspect;
pub(crate) mod latch;
mod liveness;
pub(crate) mod mutex;
mod robust;
mod seat;
pub(crate) mod semaphore;
pub(crate) mod spin;
pub(crate) mod timer;
pub(crate) mod wait;
pub(crate) mod words;

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use rustix::io::Errno;

pub(crate) use clock::Deadline;
pub(crate) use liveness::own_pid_namespace;

use super::namespace::FileKey;
use super::object::Object;
use super::object::shared_page::SharedPage;
use crate::event::Reset;
use crate::kind::Kind;
use crate::sys::contract::{Got, Trouble};
use words::Words;

/// What identifies an object in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    file: FileKey,
    /// Inode numbers of memfds are used again after four billion files.
    id: u64,
}

impl Key {
    #[inline]
    fn slot(self, of: usize) -> usize {
        self.file.ino as usize % of
    }
}

/// A handle to a synchronization object.
#[derive(Debug)]
pub(crate) struct Synchronizer {
    /// In the page that `holder` keeps.
    words: NonNull<Words>,
    holder: Holder,
    key: Key,
    pub(crate) kind: Kind,
    manual: bool,
    maximum: u32,
    /// How many times it was looked at and found owned.
    refusals: AtomicU32,
    spin: spin::Spin,
    guess: guess::Guess,
}

/// What keeps the object and its page.
#[derive(Debug)]
pub(crate) enum Holder {
    Named { page: Arc<SharedPage>, object: Arc<Object> },
    Unnamed(Arc<create::Unnamed>),
}

// SAFETY: the words are atomics, which any thread may use; the rest is `Send` and `Sync` by itself.
unsafe impl Send for Synchronizer {}
// SAFETY: as above.
unsafe impl Sync for Synchronizer {}

impl Synchronizer {
    #[inline]
    pub(crate) fn words(&self) -> &Words {
        // SAFETY: the page is mapped as long as `holder`, which is as long as `self`; the words are atomics only.
        unsafe { self.words.as_ref() }
    }

    /// Whether a satisfied wait leaves it signalled.
    #[inline]
    pub(crate) fn is_manual(&self) -> bool {
        self.manual
    }

    /// What ends its being signalled; always known.
    pub(crate) fn reset_mode(&self) -> Option<Reset> {
        Some(if self.manual { Reset::Manual } else { Reset::Auto })
    }

    /// A semaphore's maximum.
    #[inline]
    pub(crate) fn maximum(&self) -> u32 {
        self.maximum
    }

    /// Whether somebody can take the words away: an entry can be truncated, the memory of an unnamed object is sealed.
    fn is_truncatable(&self) -> bool {
        matches!(self.holder, Holder::Named { .. })
    }

    pub(crate) fn is_same_object(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// What this process has of the object.
    pub(crate) fn holder(&self) -> &Holder {
        &self.holder
    }
}

impl Holder {
    fn page(&self) -> &SharedPage {
        match self {
            Self::Named { page, .. } => page,
            Self::Unnamed(unnamed) => &unnamed.page,
        }
    }
}

impl Drop for Synchronizer {
    fn drop(&mut self) {
        let is_last = match &self.holder {
            // The object's own reference and ours.
            Holder::Named { page, .. } => Arc::strong_count(page) <= 2,
            Holder::Unnamed(unnamed) => Arc::strong_count(unnamed) == 1,
        };
        if is_last {
            seat::forget(self.key);
        }
    }
}

/// After a fork, in the child.
pub(super) fn forget_in_child() {
    liveness::forget_in_child();
    handover::forget_in_child();
    seat::forget_all_in_child();
}

/// What a wake that failed means.
fn not_woken(errno: Errno) -> Trouble {
    match errno {
        Errno::FAULT => Trouble::Corrupt, // its page is gone
        errno => Trouble::System("waking who waits for it", errno),
    }
}
