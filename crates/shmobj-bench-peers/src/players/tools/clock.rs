//! A clock that all processes read the same.
#![allow(unsafe_code)] // a system call that the standard library hides

/// Its nanoseconds. On Linux this is `CLOCK_MONOTONIC`.
#[cfg(target_os = "linux")]
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: there is room for the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Its nanoseconds.
#[cfg(windows)]
pub(crate) fn now() -> u64 {
    use windows_sys::Win32::System::Performance::{QueryPerformanceCounter, QueryPerformanceFrequency};
    let (mut count, mut frequency) = (0, 1);
    // SAFETY: there is room for the answer.
    unsafe { QueryPerformanceFrequency(&raw mut frequency) };
    // SAFETY: as above.
    unsafe { QueryPerformanceCounter(&raw mut count) };
    (count as u128 * 1_000_000_000 / frequency as u128) as u64
}

/// The conductor's nanoseconds; 0 where they cannot be read, as under Wine, whose clock is another one.
pub(crate) fn of_conductor() -> u64 {
    if cfg!(target_os = "linux") { now() } else { 0 }
}
