//! What an operation costs that nobody else wants to do: no system call, and little more than its two atomic writes.

use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::time::Duration;

use shmobj::{Event, Mutex, Semaphore, Timeout};
use shmobj_bench::{Contender, Versus, quiet};

use super::raw::pthread::{PosixSemaphore, PthreadMutex, Sort};
use super::stage::Stage;

const ROUNDS: u32 = 201;
const ITERATIONS: u32 = 20_000;

/// The least that any lock costs.
fn pair(word: &AtomicU64) {
    let taken = word.compare_exchange(0, black_box(1), Acquire, Relaxed);
    assert!(taken.is_ok());
    black_box(word.swap(0, Release));
}

/// The least that a state costs of which a change depends: a look at it, and a compare-exchange from what was seen.
fn looks(word: &AtomicU64) {
    for _ in 0..2 {
        let seen = word.load(Acquire);
        assert!(word.compare_exchange(seen, seen ^ 1, AcqRel, Relaxed).is_ok());
    }
}

fn after_looks(stage: &Stage) -> Contender<'static> {
    let word = stage.shared.long(4);
    Contender::new("two compare-exchanges, each after a look", move || looks(black_box(word)))
}

fn bare(stage: &Stage) -> Contender<'static> {
    let word = stage.shared.long(1);
    Contender::new("compare-exchange and exchange", move || pair(word))
}

pub(crate) fn mutex(stage: &Stage) {
    let mutex = Mutex::options().namespace(&stage.namespace).create("m").expect("m");
    let robust = PthreadMutex::make(stage.shared, 2, Sort::RobustRecursive);
    let plain = PthreadMutex::make(stage.shared, 3, Sort::Plain);
    let counting = PosixSemaphore::make(stage.shared, 5, 1);
    let locking = |mutex: PthreadMutex| {
        move || {
            mutex.lock();
            mutex.unlock();
        }
    };
    let subject = Contender::new("named Mutex", || drop(mutex.lock().expect("locked")));
    Versus::new(format!("lock and unlock, {}", stage.placement()), subject)
        .rounds(ROUNDS, ITERATIONS)
        .against(bare(stage), Some(1.7))
        .against(Contender::new("pthread: shared, robust, recursive", locking(robust)), Some(1.0))
        .against(Contender::new("pthread: shared", locking(plain)), None)
        .against(
            Contender::new("POSIX semaphore", move || {
                counting.wait();
                counting.post();
            }),
            Some(1.0),
        )
        .run();
}

pub(crate) fn event(stage: &Stage) {
    let event = Event::options().namespace(&stage.namespace).create("e").expect("e");
    let once = |timeout: Timeout| {
        event.set().expect("set");
        assert!(event.wait(timeout).expect("waited"));
    };
    let subject = Contender::new("named Event, auto-reset", || once(Timeout::NEVER));
    Versus::new(format!("set and wait, {}", stage.placement()), subject)
        .rounds(ROUNDS, ITERATIONS)
        .against(bare(stage), Some(1.6))
        .against(after_looks(stage), None)
        .against(
            Contender::new("the same with a time-out of a second", || once(Duration::from_secs(1).into())),
            None,
        )
        .run();
}

pub(crate) fn semaphore(stage: &Stage) {
    let semaphore = Semaphore::options().namespace(&stage.namespace).create("s").expect("s");
    let subject = Contender::new("named Semaphore", || {
        semaphore.release(1).expect("released");
        assert!(semaphore.wait(Timeout::NEVER).expect("waited"));
    });
    Versus::new(format!("release and wait, {}", stage.placement()), subject)
        .rounds(ROUNDS, ITERATIONS)
        .against(bare(stage), Some(1.6))
        .against(after_looks(stage), None)
        .run();
}

/// The proof is also a test: `tests/system_calls.rs`.
pub(crate) fn system_calls(directory: &std::path::Path) {
    println!("\n10,000 times each where the kernel kills for a system call");
    for (name, _) in quiet::PATHS {
        let status = quiet::try_out(name, directory);
        let ended = if status.success() { "none was made".into() } else { status.to_string() };
        let wanted = if name == quiet::CONTROL { quiet::was_killed(status) } else { status.success() };
        println!("  {name:<58} {ended}  {}", if wanted { "ok" } else { "OVER" });
    }
}
