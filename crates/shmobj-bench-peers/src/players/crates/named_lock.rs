//! The crate `named-lock`.

use ::named_lock::NamedLock;

use super::within::within;
use crate::players::tools::clock;
use crate::players::tools::page::Page;
use crate::players::tools::timing;
use crate::players::{Made, Stage};
use crate::protocol::{Answer, RECOVERY};

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    let lock = || NamedLock::with_path(stage.directory.join("lock")).expect("a lock");
    match stage.operation.as_str() {
        "lock" => {
            let lock = lock();
            Made::of(move |count| timing::timed(count, || drop(lock.lock().expect("locked"))))
        }
        "contended" => {
            let (lock, page) = (lock(), Page::of(stage));
            Made::of(move |count| {
                timing::throughput(count, || {
                    let guard = lock.lock().expect("locked");
                    page.count();
                    drop(guard);
                })
            })
        }
        "recovery" if stage.role == 1 => {
            let guard = lock().lock().expect("locked");
            Made::of(move |_| {
                let _held = &guard;
                Answer::Done
            })
        }
        "recovery" => {
            let mut lock = Some(lock());
            Made::of(move |_| {
                let lock = lock.take().expect("one round");
                let locked = within(RECOVERY, move || {
                    let _guard = lock.lock().expect("locked");
                    clock::now()
                });
                locked.map_or(Answer::TimedOut, |at| Answer::Got { at, abandoned: false })
            })
        }
        "leftovers" => {
            let guard = (stage.role == 0).then(|| lock().lock().expect("locked"));
            let lock = lock();
            Made::of(move |_| {
                let _held = (&guard, &lock);
                Answer::Done
            })
        }
        _ => Made::Unsupported,
    }
}
