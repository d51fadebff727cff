//! The kernel: its version, and the system calls that a sandbox may have taken away.
//!
//! `unsafe` is here for `get_robust_list`, which no crate in use wraps, and for what it returns.

#![allow(unsafe_code)]

use std::sync::atomic::AtomicU32;

use rustix::io::Errno;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use rustix::thread::ClockId;
use rustix::thread::futex::{Wait, WaitFlags, WaitPtr, WaitvFlags, waitv};

use super::check::Check;

/// The oldest kernel that is supported.
const OLDEST: (u32, u32) = (5, 10);
/// What newer ones bring.
const NEWER: [((u32, u32), &str); 3] = [
    ((5, 16), "waiting for several objects in one call (futex_waitv)"),
    ((6, 3), "memory that says it is never executed (noexec memfd)"),
    ((6, 10), "making entries without /proc (linkat with an empty path)"),
];

pub(super) fn checks() -> Vec<Check> {
    vec![version(), wait_for_several(), robust_list(), descriptor_of_another()]
}

fn version() -> Check {
    const NAME: &str = "kernel_version";
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let Some(version) = parse(&release) else {
        return Check::degraded(NAME, release, "this is no version that is known")
            .remedy("see what the other checks find");
    };
    if version < OLDEST {
        return Check::degraded(
            NAME,
            release,
            "kernels before 5.10 are not supported: what works, works by luck",
        )
        .remedy("use Linux 5.10 or newer");
    }
    let missing: Vec<&str> =
        NEWER.iter().filter(|(since, _)| version < *since).map(|(_, feature)| *feature).collect();
    match missing.is_empty() {
        true => Check::ok(NAME, release, "it has all that is made use of"),
        false => Check::ok(NAME, release, format!("it does without: {}", missing.join(", "))),
    }
}

fn parse(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn wait_for_several() -> Check {
    const NAME: &str = "futex_waitv";
    let word = AtomicU32::new(0);
    let mut wait = Wait::new();
    wait.val = 1; // not what the word says: the call returns at once
    wait.uaddr = WaitPtr::new(word.as_ptr().cast());
    wait.flags = WaitFlags::SIZE_U32 | WaitFlags::PRIVATE;
    match waitv(&[wait], WaitvFlags::empty(), None, ClockId::Monotonic) {
        Ok(_) | Err(Errno::AGAIN) => {
            Check::ok(NAME, "works", "waiting for several objects is one system call")
        }
        Err(errno) => Check::degraded(
            NAME,
            errno.to_string(),
            "waiting for several objects looks at them every millisecond",
        )
        .remedy("use Linux 5.16 or newer, or let the sandbox permit futex_waitv"),
    }
}

/// `struct robust_list_head` of the kernel.
#[repr(C)]
struct RobustList {
    _first: *const libc::c_void,
    futex_offset: libc::c_long,
    _pending: *const libc::c_void,
}

/// How far, at least, a mutex's place on the list has to be behind its futex word: in the next page, which is private.
const NEAREST: libc::c_long = 24;

fn robust_list() -> Check {
    const NAME: &str = "robust_lists";
    let degraded = |found: String| {
        Check::degraded(
            NAME,
            found,
            "that a mutex's owner was killed is found out by looking, a moment later",
        )
    };
    let mut head: *const RobustList = std::ptr::null();
    let mut length: libc::size_t = 0;
    // SAFETY: for thread 0, the caller, the kernel writes a pointer and a length to the two places, which are valid
    // and large enough.
    let result = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut length) };
    if result != 0 {
        return degraded(std::io::Error::last_os_error().to_string())
            .remedy("let the sandbox permit get_robust_list and set_robust_list");
    }
    // SAFETY: the list that this thread has registered is there for as long as the thread, and only the thread writes it.
    let list = unsafe { head.as_ref() };
    match list {
        Some(list) if length == size_of::<RobustList>() && list.futex_offset <= -NEAREST => {
            let found = format!("works ({} bytes behind the futex word)", -list.futex_offset);
            Check::ok(NAME, found, "a mutex whose owner is killed is abandoned at once")
        }
        Some(_) => degraded("the C library's list has a layout that does not fit".to_owned())
            .remedy("use a program that is built for glibc or musl, and 64 bits"),
        None => degraded("the C library registers none".to_owned())
            .remedy("let the sandbox permit set_robust_list, or use glibc or musl"),
    }
}

fn descriptor_of_another() -> Check {
    const NAME: &str = "pidfd_getfd";
    let tried = pidfd_open(getpid(), PidfdFlags::empty()).and_then(|pidfd| {
        let own = std::os::fd::AsRawFd::as_raw_fd(&pidfd);
        pidfd_getfd(&pidfd, own, PidfdGetfdFlags::empty())
    });
    match tried {
        Ok(_) => Check::ok(NAME, "works", "handles can be duplicated out of another process"),
        Err(errno) => {
            Check::degraded(NAME, errno.to_string(), "handles cannot be duplicated out of another process")
                .remedy("let the sandbox permit pidfd_getfd; names, inheritance and sockets work without")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_releases_of_all_sorts() {
        assert_eq!(parse("6.18.44-generic"), Some((6, 18)));
        assert_eq!(parse("5.10"), Some((5, 10)));
        assert_eq!(parse("6.1-rc3"), Some((6, 1)));
        assert_eq!(parse("nonsense"), None);
    }
}
