//! Threads that wait.
//!
//! No test depends on speed: what has to happen may take [`LONG`], and what must not happen is looked for during [`SHORT`], in
//! which a slow machine can only overlook it.

use std::sync::mpsc;
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::platform::Platform;

/// For what has to happen.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// For what must not.
pub(crate) const SHORT: Duration = Duration::from_millis(60);

/// How long to wait for what Wine never does.
pub(crate) fn unless_wine() -> Duration {
    if Platform::here() == Platform::Wine { SHORT * 20 } else { LONG }
}

/// Waits until something is so, which it has to be in the end.
#[track_caller]
pub(crate) fn until(what: &str, is_so: impl FnMut() -> bool) {
    until_within(LONG, what, is_so);
}

/// The same, for what a system is known never to do: it need not be waited for so long there.
#[track_caller]
pub(crate) fn until_within(time: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < time, "{what}: not within {time:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A thread that waits for something.
pub(crate) struct Waiter<'scope, T>(ScopedJoinHandle<'scope, T>);

impl<'scope, T: Send + 'scope> Waiter<'scope, T> {
    /// A thread that is about to wait, or does already.
    pub(crate) fn start(scope: &'scope Scope<'scope, '_>, wait: impl FnOnce() -> T + Send + 'scope) -> Self {
        let (tell, told) = mpsc::channel();
        let thread = scope.spawn(move || {
            tell.send(()).expect("the test listens");
            wait()
        });
        told.recv().expect("the thread runs");
        Self(thread)
    }

    /// A thread that has been waiting for a moment.
    #[track_caller]
    pub(crate) fn blocked(
        scope: &'scope Scope<'scope, '_>,
        wait: impl FnOnce() -> T + Send + 'scope,
    ) -> Self {
        let waiter = Self::start(scope, wait);
        waiter.stays_blocked();
        waiter
    }

    /// Whether its wait is over.
    pub(crate) fn is_done(&self) -> bool {
        self.0.is_finished()
    }

    /// Its wait goes on, whatever has just happened.
    #[track_caller]
    pub(crate) fn stays_blocked(&self) {
        std::thread::sleep(SHORT);
        assert!(!self.is_done(), "a wait is over that had to go on");
    }

    /// What its wait comes to.
    #[track_caller]
    pub(crate) fn outcome(self) -> T {
        until("the wait ends", || self.is_done());
        self.0.join().expect("the waiting thread did not panic")
    }
}

/// Exactly so many of these waits come to their end, and no more.
#[track_caller]
pub(crate) fn exactly<'scope, T: Send + 'scope>(count: usize, waiters: &[Waiter<'scope, T>]) {
    let done = || waiters.iter().filter(|waiter| waiter.is_done()).count();
    until("the waits end", || done() >= count);
    std::thread::sleep(SHORT);
    assert_eq!(done(), count, "waits are over");
}
