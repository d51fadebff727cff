//! Finding out that the owner of a latch is dead where the kernel does not tell.
//!
//! That is where the owner has no robust list that fits (an exotic C library, a machine of 32 bits). Such an owner signs the
//! page with the time when it was started, and who waits for it looks from time to time whether a thread of that number and that
//! age still lives. It takes up to [`latch::LOOK_AGAIN`](super::latch) longer, and it works inside one PID namespace only: an
//! owner that cannot be seen from here is taken for alive.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, test_kill_process};

use super::words::Words;

/// This thread's signature on a latch that it has taken.
pub(super) fn sign(words: &Words) {
    words.owner_start.store(own_start(), Ordering::Release);
}

/// When this thread was started; 1 if it cannot look itself up.
pub(super) fn own_start() -> u64 {
    start_of("thread-self").map_or(1, |(start, _)| start)
}

pub(super) fn erase(words: &Words) {
    words.owner_start.store(0, Ordering::Relaxed);
}

/// Whether the thread that owns a latch is certainly dead. Only in the PID namespace that the number belongs to.
pub(super) fn is_dead(thread: u32, words: &Words) -> bool {
    let signed = words.owner_start.load(Ordering::Acquire);
    let Some(pid) = Pid::from_raw(thread as i32) else { return false };
    if matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH)) {
        return true;
    }
    // The number may have been given to another thread since. 0: not signed (yet); 1: it could not look itself up.
    match start_of(thread) {
        Some((start, state)) => state == b'Z' || state == b'X' || (signed > 1 && start != signed),
        None => false,
    }
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
