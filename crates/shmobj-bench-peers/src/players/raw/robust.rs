//! A bare robust futex: the least that being told of an owner's death costs.
#![allow(unsafe_code)] // registers a robust list of its own

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::time::Instant;

use super::futex;
use crate::players::Made;
use crate::players::tools::clock;
use crate::protocol::{Answer, RECOVERY};

pub(super) fn make(role: usize, word: &'static AtomicU32) -> Made {
    if role == 1 {
        own(word);
        return Made::of(|_| Answer::Done);
    }
    Made::of(move |_| outlive(word))
}

/// `struct robust_list_head`, with the only node behind it.
#[repr(C)]
struct List {
    first: usize,
    futex_offset: isize,
    pending: usize,
    node: usize,
}

/// Makes this process the owner until it is killed. Its C library's list is gone.
fn own(word: &AtomicU32) {
    let list = Box::leak(Box::new(List { first: 0, futex_offset: 0, pending: 0, node: 0 }));
    let head = (&raw mut *list).expose_provenance();
    let node = (&raw mut list.node).expose_provenance();
    list.first = node;
    list.node = head;
    list.futex_offset = (word.as_ptr().expose_provenance() as isize) - (node as isize);
    // SAFETY: the list is there for ever, and leads from its head over its node back to its head.
    let registered =
        unsafe { libc::syscall(libc::SYS_set_robust_list, &raw const *list, size_of::<usize>() * 3) };
    assert_eq!(registered, 0);
    // SAFETY: has no preconditions.
    let thread = unsafe { libc::gettid() };
    word.store(thread as u32, Release);
}

/// Sleeps until the owner has died.
fn outlive(word: &AtomicU32) -> Answer {
    let due = Instant::now() + RECOVERY;
    loop {
        let seen = word.load(Acquire);
        if seen & libc::FUTEX_OWNER_DIED != 0 {
            return Answer::Got { at: clock::now(), abandoned: true };
        }
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Answer::TimedOut;
        }
        let marked = seen | libc::FUTEX_WAITERS;
        if word.compare_exchange(seen, marked, AcqRel, Relaxed).is_ok() {
            futex::wait_for(word, marked, left);
        }
    }
}
