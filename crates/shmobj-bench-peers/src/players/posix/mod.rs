//! What POSIX has: mutexes in shared memory, named semaphores, named memory.

pub(crate) mod memory;
pub(crate) mod mutex;
pub(crate) mod semaphore;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time by the clock that POSIX's waits have.
fn due(limit: Duration) -> libc::timespec {
    let due = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + limit;
    libc::timespec { tv_sec: due.as_secs() as i64, tv_nsec: due.subsec_nanos().into() }
}

fn ok(result: i32) {
    assert_eq!(result, 0, "{}", std::io::Error::from_raw_os_error(result));
}
