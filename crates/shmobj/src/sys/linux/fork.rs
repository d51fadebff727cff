//! Keeping `fork` out of the middle of an operation.
//!
//! A child that is forked while another thread creates, opens or closes an object would inherit a description with a lock
//! that nobody in it knows of: if the parent is then killed, the name stays taken for as long as the child lives (L4).
//! It would also inherit locked mutexes. So whatever takes a lock of either sort holds a shared one, and `fork` waits for
//! it. That is short: who pauses, or commits memory, lets go of it meanwhile. The longest is a scan of /proc.
//!
//! In the child, the forking thread has another number and owns no mutex: its seats go (see [`sync`](super::sync)).
//!
//! This is about children that go on without `exec`. In one that is about to call it, everything of ours is
//! close-on-exec; a parent that closes its last handle in just that moment leaves an entry to the next reclaim.
#![allow(unsafe_code)] // registers the handlers

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static OPERATIONS: RwLock<()> = RwLock::new(());

thread_local! {
    /// Held by a thread that forks, from before the fork until after it, in both processes.
    static FORKING: RefCell<Option<RwLockWriteGuard<'static, ()>>> = const { RefCell::new(None) };
    /// How deep this thread is in operations: closing one object can be a part of opening another.
    static DEPTH: RefCell<(u32, Option<RwLockReadGuard<'static, ()>>)> = const { RefCell::new((0, None)) };
}

/// An operation that a fork has to wait for.
#[derive(Debug)]
pub(crate) struct Operation(());

impl Operation {
    pub(crate) fn start() -> Self {
        // Not a `Once`: a fork in its middle would leave a child that waits for it for ever.
        static REGISTERED: AtomicBool = AtomicBool::new(false);
        if !REGISTERED.swap(true, Ordering::Relaxed) {
            // SAFETY: the handlers only take and release locks; that they stay for ever is what they are for.
            unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after_in_child)) };
        }
        // In a thread that is ending its thread-local values are gone; it goes without.
        let _ = DEPTH.try_with(|depth| {
            let (count, guard) = &mut *depth.borrow_mut();
            if *count == 0 {
                *guard = Some(OPERATIONS.read().unwrap_or_else(PoisonError::into_inner));
            }
            *count += 1;
        });
        Self(())
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| {
            let (count, guard) = &mut *depth.borrow_mut();
            *count = count.saturating_sub(1);
            if *count == 0 {
                *guard = None;
            }
        });
    }
}

extern "C" fn before() {
    // A thread cannot fork in the middle of its own operation, but for a signal handler that does: it goes ahead.
    let idle = DEPTH.try_with(|depth| depth.try_borrow().is_ok_and(|depth| depth.0 == 0));
    if idle == Ok(true) {
        let guard = OPERATIONS.write().unwrap_or_else(PoisonError::into_inner);
        let _ = FORKING.try_with(|forking| forking.replace(Some(guard)));
    }
}

extern "C" fn after_in_child() {
    after();
    super::sync::forget_in_child();
}

extern "C" fn after() {
    let _ = FORKING.try_with(RefCell::take);
}
