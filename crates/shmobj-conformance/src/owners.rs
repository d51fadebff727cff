//! Threads that own mutexes, and threads that end while they do.

use std::sync::mpsc;
use std::thread::{Scope, ScopedJoinHandle};

use shmobj::Mutex;

use crate::threads::LONG;

/// Locks it, without a guard.
#[track_caller]
pub(crate) fn own(mutex: &Mutex) {
    std::mem::forget(mutex.lock_timeout(LONG).expect("it can be locked").expect("nobody keeps it"));
}

/// Whether another thread could have it now.
pub(crate) fn is_free(mutex: &Mutex) -> bool {
    std::thread::scope(|scope| scope.spawn(|| mutex.try_lock().unwrap().is_some()).join().unwrap())
}

/// Mutexes, each owned so many times by a thread that has ended.
pub(crate) fn abandon(mutexes: &[&Mutex], depth: u32) {
    std::thread::scope(|scope| {
        let owner = scope.spawn(|| {
            for mutex in mutexes {
                (0..depth).for_each(|_| own(mutex));
            }
        });
        owner.join().unwrap();
    });
}

/// Another thread that owns mutexes until it is told what to do with them.
pub(crate) struct Owner<'scope> {
    tell: mpsc::Sender<()>,
    thread: ScopedJoinHandle<'scope, ()>,
}

impl<'scope> Owner<'scope> {
    /// A thread that owns these already.
    pub(crate) fn of(
        scope: &'scope Scope<'scope, '_>,
        mutexes: impl IntoIterator<Item = &'scope Mutex>,
    ) -> Self {
        let mutexes: Vec<&Mutex> = mutexes.into_iter().collect();
        let (tell, told) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        let thread = scope.spawn(move || {
            mutexes.iter().copied().for_each(own);
            ready.send(()).expect("the test listens");
            if told.recv().is_ok() {
                for mutex in mutexes {
                    mutex.release().unwrap();
                }
            }
        });
        is_ready.recv().expect("it owns them");
        Self { tell, thread }
    }

    /// It releases what it owns, and ends.
    #[track_caller]
    pub(crate) fn releases(self) {
        self.tell.send(()).expect("the thread listens");
        self.thread.join().unwrap();
    }

    /// It ends, and releases nothing. When this returns the thread is gone.
    #[track_caller]
    pub(crate) fn ends(self) {
        drop(self.tell);
        self.thread.join().unwrap();
    }
}
