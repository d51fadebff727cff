//! How an owner gives a latch back: as long as nobody has slept for it, by a plain store.
//!
//! A store costs less than half of a compare-exchange. But whoever is going to sleep marks the latch (WAITERS), and a store erases
//! marks. So the word `handover`, beside the latch, says what owners may do:
//!
//! | | means | who moves it on |
//! |---|---|---|
//! | `STORE` | nobody has slept for the latch yet | who is going to sleep: `CHANGING`. Only mutexes begin here |
//! | `CHANGING` | somebody is going to sleep, or does, and one store may still be on its way | the next owner, when it gives the latch back: `EXCHANGE` |
//! | `EXCHANGE` | all give it back by compare-exchange | nobody |
//! | `GONE` | somebody truncated the entry: private words stand for the shared ones | nobody |
//!
//! **H1: at most one store is on its way once the first sleeper marks the latch.** It announces the change, and then has all processors
//! finish the writes of those who store (`membarrier`), before it marks and sleeps. An owner looks at `handover`, stores, and looks again. If its
//! first look came after the barrier, it saw the change; if it came before, then either its store is seen after the barrier, or the second look comes
//! after it, and sees the change. Only one owner at a time can be between its two looks.
//!
//! **H2: what that store erases is made up for.** Behind it, its thread wakes everybody, and those who are awake mark again. If it is killed
//! before that, the latch is pending, and the kernel wakes one, who takes the latch, or finds it owned and marks it. Who gives the latch back while
//! `CHANGING` cannot rely on WAITERS: it wakes everybody, and so ends the change, as it has owned the latch since that store.
//! Should it be killed as well, there are the short sleeps of those who went to sleep while `CHANGING`.
//!
//! Those who cannot make a barrier (a filter of system calls, Linux before 4.16) do not store; and if they sleep, then for short times until the
//! change is over. The model is `shmobj_models::mutex`.
#![allow(unsafe_code)] // a system call that the libraries lack

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU8, compiler_fence};

use super::futex::{self, EVERYBODY};
use super::latch::{self, WAITERS};
use super::seat::Seat;
use super::words::Words;
use crate::test_hooks::{Fault, is_forced, step};

pub(crate) const STORE: u32 = 0;
pub(super) const CHANGING: u32 = 1;
pub(crate) const EXCHANGE: u32 = 2;
/// Of words that are gone.
pub(crate) const GONE: u32 = 3;

/// How often a thread gives a latch back by compare-exchange before its process registers for barriers. In a process of several threads that takes
/// milliseconds, once: nothing for one that takes a mutex now and then.
const WORTH_IT: u32 = 512;

/// Whether this process takes part in barriers; never asked, yes, or no.
static REGISTERED: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const YES: u8 = 1;
const NO: u8 = 2;

const GLOBAL_EXPEDITED: libc::c_int = 2;
const REGISTER_GLOBAL_EXPEDITED: libc::c_int = 4;

/// How a latch is to be given back.
#[inline]
pub(super) fn load(words: &Words) -> u32 {
    words.handover.load(Acquire)
}

/// Frees a latch that this thread owns by a store. The caller has just seen `STORE`; and the latch must be pending, and off the list. `None`: its process may not do
/// that, or somebody has marked the latch. False: the words are gone.
#[inline]
pub(super) fn store(seat: &Seat) -> Option<bool> {
    let Words { handover, latch, .. } = seat.words();
    if !seat.stores.get() || latch.load(Relaxed) != u64::from(seat.thread) {
        return None;
    }
    step("latch: about to be stored");
    latch.store(0, Release);
    // The processor may still do these two the other way round. That is what the barrier is for.
    compiler_fence(std::sync::atomic::Ordering::SeqCst);
    step("latch: stored, not looked behind");
    Some(handover.load(Relaxed) == STORE || make_up_for(seat.words()))
}

/// A change was announced before the store was seen by all. False: or somebody truncated the entry just before the store, which then freed the latch that
/// stands for words that are gone.
#[cold]
fn make_up_for(words: &Words) -> bool {
    let is_gone = load(words) == GONE;
    if is_gone {
        words.latch.store(latch::GONE, Release);
    }
    futex::wake(&words.latch, EVERYBODY); // H2
    !is_gone
}

/// The latch was given back by a compare-exchange where a store would do. Who does that often is to store.
#[cold]
pub(super) fn exchanged(seat: &Seat) {
    let exchanges = seat.exchanges.get();
    if exchanges < WORTH_IT {
        seat.exchanges.set(exchanges + 1);
    } else if REGISTERED.load(Relaxed) != NO {
        seat.exchanges.set(0);
        seat.stores.set(register());
    }
}

/// Nobody is to store any more: this thread is going to mark the latch and sleep. False: only for a short time.
pub(super) fn change(words: &Words) -> bool {
    if load(words) == EXCHANGE {
        return true;
    }
    let _ = words.handover.compare_exchange(STORE, CHANGING, AcqRel, Relaxed);
    step("latch: change announced");
    // Also if somebody else has announced it, who may not have come to the barrier yet. Where there is none, the short sleep has to do.
    let _ = barrier(GLOBAL_EXPEDITED);
    load(words) == EXCHANGE
}

/// Whether a store may have erased WAITERS.
pub(super) fn is_changing(words: &Words) -> bool {
    load(words) == CHANGING
}

/// The owner ends a change (H2): it marks the latch, and is about to wake everybody. WAITERS first: if it is killed in between, the kernel wakes one, and the next
/// owner does this again.
pub(super) fn end_change(words: &Words) {
    words.latch.fetch_or(WAITERS, AcqRel);
    step("latch: marked by its owner");
    words.handover.store(EXCHANGE, Release);
}

/// Whether this process takes part in barriers already.
pub(super) fn is_registered() -> bool {
    REGISTERED.load(Relaxed) == YES
}

/// Makes this process one that others' barriers reach.
fn register() -> bool {
    if !is_registered() {
        let registered = if barrier(REGISTER_GLOBAL_EXPEDITED) { YES } else { NO };
        REGISTERED.store(registered, Relaxed);
    }
    is_registered()
}

/// False: the system refuses it.
fn barrier(command: libc::c_int) -> bool {
    if is_forced(Fault::Barrier) {
        return false;
    }
    // SAFETY: three numbers.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// A child of `fork` registers by itself.
pub(super) fn forget_in_child() {
    REGISTERED.store(UNKNOWN, Relaxed);
}
