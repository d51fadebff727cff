//! Bare futexes: the least that sleeping and waking across processes costs.
#![allow(unsafe_code)] // raw system calls are what it is

use std::ptr::{null, null_mut};
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

/// The half of a word that a futex is.
pub(super) fn half(word: &'static AtomicU64) -> &'static AtomicU32 {
    // SAFETY: as long and as aligned as it needs, for ever, and used as an atomic only.
    unsafe { &*std::ptr::from_ref(word).cast::<AtomicU32>() }
}

/// Sleeps, if the word has this value.
pub(super) fn wait(word: &AtomicU32, expected: u32) {
    let no_limit = null::<libc::timespec>();
    // SAFETY: the word is live.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, no_limit) };
}

/// The same, at most so long.
pub(super) fn wait_for(word: &AtomicU32, expected: u32, limit: Duration) {
    let limit = libc::timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos().into() };
    // SAFETY: the word and the limit are live.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, &raw const limit) };
}

/// Wakes one.
pub(super) fn wake(word: &AtomicU32) {
    // SAFETY: the word is live.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
}

/// A flag that one process raises and another one takes; who waits always sleeps.
pub(super) fn raise(flag: &AtomicU32) {
    flag.store(1, Release);
    wake(flag);
}

/// See [`raise`].
pub(super) fn take(flag: &AtomicU32) {
    while flag.swap(0, Acquire) == 0 {
        wait(flag, 0);
    }
}

/// `struct futex_waitv`.
#[repr(C)]
pub(super) struct Waiter {
    value: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

const SIZE_U32: u32 = 2;

/// What to sleep on: words that have to be 0.
pub(super) fn waiters(flags: &[&AtomicU32]) -> Vec<Waiter> {
    let waiter = |flag: &&AtomicU32| Waiter {
        value: 0,
        address: flag.as_ptr().expose_provenance() as u64,
        flags: SIZE_U32,
        reserved: 0,
    };
    flags.iter().map(waiter).collect()
}

/// Takes one of several flags.
pub(super) fn take_any(flags: &[&AtomicU32], waiters: &[Waiter]) -> usize {
    let no_limit = null_mut::<libc::timespec>();
    loop {
        if let Some(index) = flags.iter().position(|flag| flag.load(Acquire) != 0) {
            flags[index].store(0, Release);
            return index;
        }
        let (list, count) = (waiters.as_ptr(), waiters.len());
        // SAFETY: the list is as long as that, and its words are live.
        unsafe { libc::syscall(libc::SYS_futex_waitv, list, count, 0, no_limit, libc::CLOCK_MONOTONIC) };
    }
}
