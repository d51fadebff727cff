//! The least that it can cost: bare atomics, futexes, a cache line. `raw-store` is the same lock, released by a plain store.

mod futex;
mod lock;
mod robust;
mod waits;

use std::hint::{black_box, spin_loop};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::tools::page::Page;
use super::tools::timing;
use super::tools::trips::trips;
use super::{Made, Stage};

/// The first word that is free for a contender.
const FIRST: usize = 3;

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    let page = Page::of(stage);
    let word = |number| futex::half(page.word(FIRST + number));
    match (stage.operation.as_str(), stage.contender.as_str()) {
        ("lock", "raw-store") => {
            let word = word(0);
            Made::of(move |count| {
                timing::timed(count, || {
                    assert!(word.compare_exchange(0, black_box(1), Acquire, Relaxed).is_ok());
                    word.store(0, Release);
                })
            })
        }
        (_, "raw-store") => Made::Unsupported,
        ("lock", _) => {
            let word = word(0);
            Made::of(move |count| timing::timed(count, || pair(word)))
        }
        ("event" | "semaphore", _) => {
            let word = word(0);
            Made::of(move |count| timing::timed(count, || looks(word)))
        }
        ("contended", _) => {
            let word = word(0);
            Made::of(move |time| {
                timing::throughput(time, || {
                    lock::lock(word);
                    page.count();
                    lock::unlock(word);
                })
            })
        }
        ("ping-pong" | "ping-pong-one-core", _) => ping_pong(stage.role, word(0), word(1)),
        ("ping-pong-spinning", _) => line(stage.role, word(0)),
        ("wait-any" | "wait-all" | "wait-any-asleep", _) => waits::make(stage),
        ("recovery", _) => robust::make(stage.role, word(0)),
        _ => Made::Unsupported,
    }
}

/// The least that any lock costs which knows whether somebody waits.
fn pair(word: &AtomicU32) {
    assert!(word.compare_exchange(0, black_box(1), Acquire, Relaxed).is_ok());
    black_box(word.swap(0, Release));
}

/// The least that a state costs of which a change depends: a look at it, and a compare-exchange from what was seen.
fn looks(word: &AtomicU32) {
    for _ in 0..2 {
        let seen = word.load(Acquire);
        assert!(word.compare_exchange(seen, seen ^ 1, AcqRel, Relaxed).is_ok());
    }
}

fn ping_pong(role: usize, there: &'static AtomicU32, back: &'static AtomicU32) -> Made {
    if role == 0 {
        return trips(0, move || {
            futex::raise(there);
            futex::take(back);
        });
    }
    trips(1, move || {
        futex::take(there);
        futex::raise(back);
    })
}

/// One cache line that goes to and fro: role 0 makes its number odd, role 1 even.
fn line(role: usize, ball: &'static AtomicU32) -> Made {
    if role == 0 {
        return trips(0, move || {
            let number = ball.load(Relaxed) + 1;
            ball.store(number, Release);
            while ball.load(Acquire) == number {
                spin_loop();
            }
        });
    }
    trips(1, move || {
        let mut seen = ball.load(Acquire);
        while seen % 2 == 0 {
            spin_loop();
            seen = ball.load(Acquire);
        }
        ball.store(seen.wrapping_add(1), Release);
    })
}
