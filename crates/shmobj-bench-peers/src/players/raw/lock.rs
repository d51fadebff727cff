//! The textbook lock of a futex: 0 is free, 1 is taken, 2 is taken while somebody may sleep (Drepper, "Futexes Are Tricky").

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::futex;

pub(super) fn lock(word: &AtomicU32) {
    if word.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
        while word.swap(2, Acquire) != 0 {
            futex::wait(word, 2);
        }
    }
}

pub(super) fn unlock(word: &AtomicU32) {
    if word.swap(0, Release) == 2 {
        futex::wake(word);
    }
}
