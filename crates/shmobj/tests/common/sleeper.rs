//! Threads that wait. That one sleeps is read off the kernel, not guessed from the time that has passed.
//!
//! No test depends on speed: what has to happen may take [`LONG`], and what must not happen is looked for during [`SHORT`], in
//! which a slow machine can only overlook it.

use std::sync::mpsc;
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use shmobj::Mutex;

pub(crate) use super::system::own_number;
use super::system::sleeps;

/// For a wait that has to be satisfied.
pub(crate) const LONG: Duration = Duration::from_secs(30);
/// For a wait that must not be.
pub(crate) const SHORT: Duration = Duration::from_millis(25);

/// Waits until something is so, which it has to be in the end.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONG, "{what}: not within {LONG:?}");
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// A thread that waits for something.
pub(crate) struct Sleeper<'scope, T> {
    thread: ScopedJoinHandle<'scope, T>,
    number: u32,
}

impl<'scope, T: Send + 'scope> Sleeper<'scope, T> {
    /// A thread that is about to wait, or does already.
    pub(crate) fn start(scope: &'scope Scope<'scope, '_>, wait: impl FnOnce() -> T + Send + 'scope) -> Self {
        let (tell, told) = mpsc::channel();
        let thread = scope.spawn(move || {
            tell.send(own_number()).unwrap();
            drop(tell);
            wait()
        });
        let number = told.recv().unwrap();
        Self { thread, number }
    }

    /// A thread that sleeps in its wait.
    #[track_caller]
    pub(crate) fn asleep(scope: &'scope Scope<'scope, '_>, wait: impl FnOnce() -> T + Send + 'scope) -> Self {
        let sleeper = Self::start(scope, wait);
        sleeper.until_asleep();
        sleeper
    }

    /// So many threads that sleep in the same wait.
    #[track_caller]
    pub(crate) fn many(
        count: usize,
        scope: &'scope Scope<'scope, '_>,
        wait: impl Fn() -> T + Send + Copy + 'scope,
    ) -> Vec<Self> {
        let sleepers: Vec<Self> = (0..count).map(|_| Self::start(scope, wait)).collect();
        for sleeper in &sleepers {
            sleeper.until_asleep();
        }
        sleepers
    }

    /// Its number, as `inspect` shows it.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Whether its wait is over.
    pub(crate) fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    #[track_caller]
    pub(crate) fn until_asleep(&self) {
        until("the thread sleeps", || {
            assert!(!self.is_done(), "its wait is over before it slept");
            sleeps(self.number)
        });
    }

    /// Its wait goes on, whatever has just happened.
    #[track_caller]
    pub(crate) fn stays_asleep(&self) {
        std::thread::sleep(SHORT);
        self.until_asleep();
    }

    /// What its wait came to.
    #[track_caller]
    pub(crate) fn outcome(self) -> T {
        self.thread.join().expect("the waiting thread did not panic")
    }
}

/// How many of these waits are over.
pub(crate) fn done<T: Send>(sleepers: &[Sleeper<'_, T>]) -> usize {
    sleepers.iter().filter(|sleeper| sleeper.is_done()).count()
}

/// Exactly so many of these waits come to their end, and no more.
#[track_caller]
pub(crate) fn exactly<T: Send>(count: usize, sleepers: &[Sleeper<'_, T>]) {
    until("the threads pass", || done(sleepers) >= count);
    std::thread::sleep(SHORT);
    assert_eq!(done(sleepers), count, "threads have passed");
}

/// Another thread that owns a mutex until it is told what to do with it.
pub(crate) struct Elsewhere<'scope> {
    tell: mpsc::Sender<bool>,
    thread: ScopedJoinHandle<'scope, ()>,
    number: u32,
}

impl<'scope> Elsewhere<'scope> {
    pub(crate) fn owns(scope: &'scope Scope<'scope, '_>, mutexes: &'scope [&'scope Mutex]) -> Self {
        let (tell, told) = mpsc::channel();
        let (tell_number, number) = mpsc::channel();
        let thread = scope.spawn(move || {
            for mutex in mutexes {
                std::mem::forget(mutex.lock_timeout(LONG).unwrap().expect("nobody else owns it for long"));
            }
            tell_number.send(own_number()).unwrap();
            if told.recv() == Ok(true) {
                for mutex in mutexes {
                    mutex.release().unwrap();
                }
            }
        });
        Self { tell, thread, number: number.recv().unwrap() }
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// It releases what it owns, and ends.
    #[track_caller]
    pub(crate) fn releases(self) {
        self.tell.send(true).unwrap();
        self.thread.join().unwrap();
    }

    /// It ends, and releases nothing.
    #[track_caller]
    pub(crate) fn ends(self) {
        drop(self.tell);
        self.thread.join().unwrap();
    }
}
