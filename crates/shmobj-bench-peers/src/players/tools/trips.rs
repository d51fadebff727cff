//! There and back between two players.

use std::time::Instant;

use super::timing::Latencies;
use crate::players::Made;
use crate::protocol::Answer;

/// Role 0 goes there and waits until it is back; role 1 waits and sends back. The first trip of a round does not count: until then
/// the other side may not have been there.
pub(crate) fn trips(role: usize, mut go: impl FnMut() + 'static) -> Made {
    Made::of(move |count| {
        go();
        if role == 1 {
            for _ in 0..count {
                go();
            }
            return Answer::Done;
        }
        let mut latencies = Latencies::new();
        for _ in 0..count {
            let begun = Instant::now();
            go();
            latencies.add(begun.elapsed().as_nanos() as u64);
        }
        latencies.answer()
    })
}
