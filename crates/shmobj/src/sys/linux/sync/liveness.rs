//! Finding out that the owner of a latch is dead where the kernel does not tell.
//!
//! That is where the owner has no robust list that fits (an exotic C library, a machine of 32 bits), where it created the mutex as
//! its own, until the kernel knows, or where the kernel could not read its list to the end. The first two sign the page with its number and the time when it was started, and who waits
//! for it looks from time to time whether that thread still lives. It takes longer, and
//! it works inside one PID namespace only: an owner that cannot be seen from here is taken for alive.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::words::Words;
use crate::sys::linux::proc;

/// Below it the start time: 5 years of clock ticks. Above it the thread's number.
const START_BITS: u32 = 34;

/// A thread's signature; never 0.
pub(super) fn signature(thread: u32) -> u64 {
    let start = start_of("thread-self").map_or(0, |(start, _)| start);
    u64::from(thread) << START_BITS | start & ((1 << START_BITS) - 1)
}

/// Signs a latch that was taken.
pub(super) fn sign(words: &Words, signature: u64) {
    words.signature.store(signature, Ordering::Release);
}

/// The owner does not need its signature any more.
pub(super) fn erase(words: &Words) {
    words.signature.store(0, Ordering::Release);
}

/// Takes away the signature of an owner that is certainly dead. False: it may be alive, or somebody else was faster. Only in the PID namespace that
/// the number belongs to.
///
/// A signature with another number is that of a former owner, and says nothing. It goes before the latch is freed, so that
/// none is ever compared with a later thread of the same number.
pub(super) fn claim_death(thread: u32, words: &Words) -> bool {
    let signed = words.signature.load(Ordering::Acquire);
    let is_dead = is_gone(thread)
        || match start_of_other(thread) {
            // A dead thread whose process has not been asked for its end yet. The kernel has walked its list before.
            Some((_, b'Z' | b'X')) => true,
            Some((start, _)) => signed >> START_BITS == u64::from(thread) && !is_age(signed, start),
            None => false,
        };
    is_dead && words.signature.compare_exchange(signed, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

fn is_gone(thread: u32) -> bool {
    let Some(pid) = Pid::from_raw(thread as i32) else { return false };
    matches!(test_kill_process(pid), Err(Errno::SRCH))
}

/// Whether a signature may be that of a thread of this age: one that could not look itself up signed with 0.
fn is_age(signed: u64, start: u64) -> bool {
    let own = signed & ((1 << START_BITS) - 1);
    own == 0 || own == start & ((1 << START_BITS) - 1)
}

/// The same of another thread, if this /proc is that of our PID namespace: otherwise the number means a stranger there.
fn start_of_other(thread: u32) -> Option<(u64, u8)> {
    if proc::is_ours() { start_of(thread) } else { None }
}

/// When a thread was started, in clock ticks since boot, and its state.
fn start_of(thread: impl std::fmt::Display) -> Option<(u64, u8)> {
    let text = std::fs::read(format!("/proc/{thread}/stat")).ok()?;
    // The command in parentheses may contain anything; the fields behind the last one count.
    let behind = text.iter().rposition(|&byte| byte == b')')? + 2;
    let fields = std::str::from_utf8(text.get(behind..)?).ok()?;
    let state = fields.bytes().next()?;
    let start = fields.split(' ').nth(19)?.parse().ok()?;
    Some((start, state))
}

/// The PID namespace of this process; 0 if it cannot be told. Asked for once: it never changes, but for a child of
/// `fork`.
pub(crate) fn own_pid_namespace() -> u64 {
    let known = NAMESPACE.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    let inode = rustix::fs::stat("/proc/self/ns/pid").map_or(0, |stat| stat.st_ino);
    NAMESPACE.store(inode, Ordering::Relaxed);
    inode
}

static NAMESPACE: AtomicU64 = AtomicU64::new(0);

pub(crate) fn forget_in_child() {
    NAMESPACE.store(0, Ordering::Relaxed);
    proc::forget_in_child();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_finds_its_own_start_and_itself_alive() {
        let (start, state) = start_of("thread-self").unwrap();
        assert!(start > 1);
        assert_eq!(state, b'R');
        assert_ne!(own_pid_namespace(), 0);
    }
}
