//! Eventfds, and `poll` over them: what a program on Linux waits with for any of several.
#![allow(unsafe_code)] // raw system calls are what is compared with

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// New ones, which children inherit.
pub(crate) fn several(count: usize) -> Vec<OwnedFd> {
    let make = |_| {
        // SAFETY: takes two numbers.
        let fd = unsafe { libc::eventfd(0, 0) };
        assert!(fd >= 0, "an eventfd");
        // SAFETY: the descriptor is new, and nobody else's.
        unsafe { OwnedFd::from_raw_fd(fd) }
    };
    (0..count).map(make).collect()
}

/// What `poll` looks at.
pub(crate) fn list(numbers: impl IntoIterator<Item = RawFd>) -> Vec<libc::pollfd> {
    let entry = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    numbers.into_iter().map(entry).collect()
}

pub(crate) fn raise(fd: &OwnedFd) {
    let one = 1_u64;
    // SAFETY: reads eight bytes of this function's own.
    let written = unsafe { libc::write(fd.as_raw_fd(), (&raw const one).cast(), 8) };
    assert_eq!(written, 8);
}

/// Waits for the first one in order, and takes it.
pub(crate) fn take_any(list: &mut [libc::pollfd]) -> usize {
    // SAFETY: the list is as long as that.
    let ready = unsafe { libc::poll(list.as_mut_ptr(), list.len() as libc::nfds_t, -1) };
    assert!(ready > 0);
    let index = list.iter().position(|entry| entry.revents != 0).expect("one is ready");
    take(list[index].fd);
    index
}

/// Takes one that is raised, or waits for that.
pub(crate) fn take(fd: RawFd) {
    let mut value = 0_u64;
    // SAFETY: there is room for eight bytes.
    let read = unsafe { libc::read(fd, (&raw mut value).cast(), 8) };
    assert_eq!(read, 8);
}
