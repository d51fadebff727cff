//! Sleeping on words that processes share, and waking who sleeps there.
//!
//! Every deadline is absolute. Callers look at it first, as one that has passed costs 22 us in the kernel; and they look at their
//! words again whenever a sleep ends, so a signal handler that runs in between is nobody's business.
#![allow(unsafe_code)] // hands addresses of words to the kernel

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use rustix::io::Errno;
use rustix::thread::futex::{self, Flags, Timespec, Wait, WaitFlags, WaitPtr, WaitvFlags, WakeOp, WakeOpCmp};

use super::clock::{Alarm, ClockId};
use super::words::futex_word;
use crate::test_hooks::{Fault, is_forced};

pub(crate) const EVERYBODY: u32 = i32::MAX as u32;
const ANY: NonZeroU32 = NonZeroU32::MAX;

/// How a sleep ended. Nothing follows from it but that the word is worth another look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slept {
    /// Woken, or not asleep at all because the word had changed, or interrupted by a signal.
    LookAgain,
    TimedOut,
}

/// A word and the value that it must have for somebody to fall asleep on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bed<'a> {
    pub(crate) word: &'a AtomicU64,
    pub(crate) expected: u32,
}

fn low(word: &AtomicU64) -> &AtomicU32 {
    // SAFETY: the low half of a live word. The kernel is the only one who uses it by itself.
    unsafe { &*futex_word(word) }
}

fn timespec(alarm: Alarm) -> Timespec {
    Timespec { tv_sec: (alarm.at / 1_000_000_000) as i64, tv_nsec: (alarm.at % 1_000_000_000) as _ }
}

fn ended(result: Result<(), Errno>) -> Slept {
    match result {
        Err(Errno::TIMEDOUT) => Slept::TimedOut,
        Ok(()) | Err(Errno::AGAIN | Errno::INTR) => Slept::LookAgain,
        // The page is gone: who looks at the word finds out.
        Err(Errno::FAULT) => Slept::LookAgain,
        Err(_) => {
            // A filter of system calls refuses it: the caller looks again all the time, but not without a rest.
            std::thread::sleep(std::time::Duration::from_nanos(POLL_NANOSECONDS));
            Slept::LookAgain
        }
    }
}

/// Sleeps on one word.
pub(crate) fn sleep(bed: Bed<'_>, alarm: Option<Alarm>) -> Slept {
    let flags = match alarm {
        Some(Alarm { clock: ClockId::Realtime, .. }) => Flags::CLOCK_REALTIME,
        _ => Flags::empty(),
    };
    let until = alarm.map(timespec);
    ended(futex::wait_bitset(low(bed.word), flags, bed.expected, until.as_ref(), ANY))
}

/// Linux before 5.16, or a filter of system calls, has no sleep on several words.
static NO_WAITV: AtomicBool = AtomicBool::new(false);

/// How often several words are looked at where the kernel cannot: the documented price of old kernels.
const POLL_NANOSECONDS: u64 = 1_000_000;

/// Sleeps on several words, at most 128.
pub(crate) fn sleep_on_any(beds: &[Bed<'_>], alarm: Option<Alarm>) {
    if !NO_WAITV.load(Ordering::Relaxed) && !is_forced(Fault::Waitv) {
        let mut list = [const { Wait::new() }; super::wait::MAXIMUM_OBJECTS];
        for (wait, bed) in list.iter_mut().zip(beds) {
            wait.val = bed.expected.into();
            wait.uaddr = WaitPtr::new(futex_word(bed.word).cast_mut().cast());
            wait.flags = WaitFlags::SIZE_U32;
        }
        let clock = alarm.map_or(ClockId::Monotonic, |alarm| alarm.clock);
        let until = alarm.map(timespec);
        let list = &list[..beds.len().min(list.len())];
        match futex::waitv(list, WaitvFlags::empty(), until.as_ref(), clock) {
            Ok(_) | Err(Errno::TIMEDOUT | Errno::AGAIN | Errno::INTR | Errno::FAULT) => return,
            Err(_) => NO_WAITV.store(true, Ordering::Relaxed),
        }
    }
    // The first word is slept on; the others are looked at every millisecond.
    let soon = Alarm { clock: ClockId::Monotonic, at: super::clock::monotonic() + POLL_NANOSECONDS };
    if let Some(first) = beds.first() {
        let earlier = alarm.filter(|alarm| alarm.is_before(soon));
        sleep(*first, Some(earlier.unwrap_or(soon)));
    }
}

/// Wakes up to so many; returns how many.
pub(crate) fn wake(word: &AtomicU64, count: u32) -> u32 {
    futex::wake(low(word), Flags::empty(), count).unwrap_or(0) as u32
}

/// A change of the low half of a word that the kernel makes in the same step in which it wakes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Add(u16),
    Or(u16),
    AndNot(u16),
    /// Of a latch: clears WAITERS.
    ClearWaiters,
    /// Of a latch: clears OWNER_DIED.
    ClearDied,
    /// Leaves nothing.
    Clear,
    /// Of a latch: leaves nothing but OWNER_DIED.
    SetDied,
}

/// Changes the word and wakes up to `count`, or everybody if its highest bit was set (`MULTI`); returns how many.
///
/// One system call, which runs to its end even in a process that is being killed: there is no instant at which
/// the signal is there and those who sleep for it will not be woken.
pub(crate) fn change_and_wake(word: &AtomicU64, change: Change, count: u32) -> Result<u32, Errno> {
    let (op, argument) = match change {
        Change::Add(argument) => (WakeOp::Add, argument),
        Change::Or(argument) => (WakeOp::Or, argument),
        Change::AndNot(argument) => (WakeOp::AndN, argument),
        Change::ClearWaiters => (WakeOp::AndNShift, 31),
        Change::Clear => (WakeOp::Set, 0),
        Change::SetDied => (WakeOp::SetShift, 30),
        Change::ClearDied => (WakeOp::AndNShift, 30),
    };
    let word = low(word);
    let woken = loop {
        // The highest bit is the sign: "less than 0".
        match futex::wake_op(word, Flags::empty(), count, EVERYBODY, word, op, WakeOpCmp::Lt, argument, 0) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => break result?,
        }
    };
    Ok(woken as u32)
}
