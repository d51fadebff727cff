//! The machine: which core a process runs on, what time it is for all of them, and killing.
#![allow(unsafe_code)] // system calls that the standard library does not have

use std::mem::MaybeUninit;

/// The cores that this process may use.
pub(crate) fn cores() -> Vec<usize> {
    // SAFETY: all zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: there is room for the answer.
    let failed = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) };
    assert_eq!(failed, 0);
    // SAFETY: the numbers are within the set.
    (0..libc::CPU_SETSIZE as usize).filter(|&core| unsafe { libc::CPU_ISSET(core, &set) }).collect()
}

/// Keeps this process, which must have one thread yet, on one core.
pub(crate) fn stay_on(core: usize) {
    // SAFETY: all zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the number is one that `cores` gave.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: the set is as long as that.
    let failed = unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
    assert_eq!(failed, 0, "this process may run on core {core}");
}

/// Nothing is left behind if the process that started this one is killed.
pub(crate) fn die_with_parent() {
    // SAFETY: takes two numbers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Nanoseconds of a clock that all processes read the same.
pub(crate) fn now() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds that this process has kept a core busy.
pub(crate) fn busy() -> u64 {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: there is room for the answer.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// SIGKILL, for a child that was not waited for yet.
pub(crate) fn kill(child: u32) {
    // SAFETY: takes two numbers; the caller's child has that one.
    unsafe { libc::kill(child as libc::pid_t, libc::SIGKILL) };
}
