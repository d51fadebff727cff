//! The least that it can cost: bare atomics, futexes, a cache line.
#![allow(unsafe_code)] // raw system calls are what it is

use std::hint::black_box;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::tools::page::Page;
use super::tools::timing;
use super::tools::trips::trips;
use super::{Made, Stage};

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    let page = Page::of(stage);
    let word = |number| half(page.word(number));
    match stage.operation.as_str() {
        "lock" => {
            let word = word(3);
            Made::of(move |count| {
                timing::timed(count, || {
                    assert!(word.compare_exchange(0, black_box(1), Acquire, Relaxed).is_ok());
                    black_box(word.swap(0, Release));
                })
            })
        }
        "ping-pong" | "ping-pong-one-core" => {
            let (there, back) = (word(3), word(4));
            match stage.role {
                0 => trips(0, move || {
                    raise(there);
                    take(back);
                }),
                _ => trips(1, move || {
                    take(there);
                    raise(back);
                }),
            }
        }
        _ => Made::Unsupported,
    }
}

/// The half of a word that a futex is.
fn half(word: &'static std::sync::atomic::AtomicU64) -> &'static AtomicU32 {
    // SAFETY: as long and as aligned as it needs, for ever, and used as an atomic only.
    unsafe { &*std::ptr::from_ref(word).cast::<AtomicU32>() }
}

/// Sleeps, if the word has this value.
fn wait(word: &AtomicU32, expected: u32) {
    let no_limit = std::ptr::null::<libc::timespec>();
    // SAFETY: the word is live.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, no_limit) };
}

/// Wakes one.
fn wake(word: &AtomicU32) {
    // SAFETY: the word is live.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
}

/// A flag that one process raises and another one takes; who waits always sleeps.
fn raise(flag: &AtomicU32) {
    flag.store(1, Release);
    wake(flag);
}

/// See [`raise`].
fn take(flag: &AtomicU32) {
    while flag.swap(0, Acquire) == 0 {
        wait(flag, 0);
    }
}
