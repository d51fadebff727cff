//! Several words at once: a look at each, and `futex_waitv` to sleep.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::futex;
use crate::players::tools::sleeper::sleeper;
use crate::players::tools::{page, timing};
use crate::players::{Made, Stage};

pub(super) fn make(stage: &Stage) -> Made {
    // Each on a page of its own, as objects that have names are.
    let words: Vec<_> = (0..stage.parameter).map(|number| page::word_in_file(stage, number)).collect();
    let flags: Vec<&'static AtomicU32> = words.into_iter().map(futex::half).collect();
    let waiters = futex::waiters(&flags);
    let last = flags.len() - 1;
    match (stage.operation.as_str(), stage.role) {
        ("wait-any", _) => Made::of(move |count| {
            timing::timed(count, || {
                flags[last].swap(1, AcqRel);
                let found = flags.iter().position(|flag| {
                    flag.load(Acquire) != 0 && flag.compare_exchange(1, 0, AcqRel, Relaxed).is_ok()
                });
                assert_eq!(found, Some(last));
            })
        }),
        // Not at one instant: nothing bare can do that.
        ("wait-all", _) => Made::of(move |count| {
            timing::timed(count, || {
                for flag in &flags {
                    flag.swap(1, Release);
                }
                assert!(flags.iter().all(|flag| flag.compare_exchange(1, 0, AcqRel, Relaxed).is_ok()));
            })
        }),
        (_, 0) => sleeper(stage, move || assert_eq!(futex::take_any(&flags, &waiters), last)),
        _ => sleeper(stage, move || futex::raise(flags[last])),
    }
}
