//! What objects are like, learnt as on every system: by waits that take what is there, and by giving it back. For objects that
//! nobody else uses at that moment.

use shmobj::{Event, Semaphore, Timeout};

/// A semaphore's count.
pub(crate) fn count(semaphore: &Semaphore) -> u32 {
    if semaphore.wait(Timeout::NOW).unwrap() { semaphore.release(1).unwrap() + 1 } else { 0 }
}

/// What can be taken of a semaphore at once; all of it is taken.
pub(crate) fn drain(semaphore: &Semaphore) -> u32 {
    let taken = std::iter::repeat_with(|| semaphore.wait(Timeout::NOW).unwrap());
    u32::try_from(taken.take_while(|taken| *taken).count()).expect("a count")
}

/// Whether an event is set.
pub(crate) fn is_set(event: &Event) -> bool {
    let is_set = event.wait(Timeout::NOW).unwrap();
    if is_set {
        event.set().unwrap();
    }
    is_set
}
