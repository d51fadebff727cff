//! A limit for calls that have none.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What a call answers, if it answers in this time. Otherwise its thread stays until the process ends.
pub(crate) fn within<T: Send + 'static>(
    limit: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(call()));
    receiver.recv_timeout(limit).ok()
}
