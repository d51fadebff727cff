//! A transfer in chunks: both sides of it, whatever the contender does with a chunk.

use crate::players::tools::bulk::{self, CHUNK};
use crate::players::tools::timing;
use crate::players::{Made, Stage};
use crate::protocol::Answer;

/// Role 0: `send` hands on the chunk of that number.
pub(super) fn sender(stage: &Stage, mut send: impl FnMut(usize, &[u8]) + 'static) -> Made {
    let (source, chunks) = (bulk::source(), stage.parameter as usize / CHUNK);
    Made::of(move |count| {
        for number in (0..count).flat_map(|_| 0..chunks) {
            send(number, &source);
        }
        Answer::Done
    })
}

/// Role 1, which measures: `receive` takes the chunk of that number, and has it read, at once or in pieces of whole words.
pub(super) fn receiver(
    stage: &Stage,
    mut receive: impl FnMut(usize, &mut dyn FnMut(&[u8])) + 'static,
) -> Made {
    let (expected, chunks) = (bulk::expected(stage.parameter), stage.parameter as usize / CHUNK);
    Made::of(move |count| {
        timing::timed(count, || {
            let mut sum = 0_u64;
            for number in 0..chunks {
                receive(number, &mut |bytes| sum = sum.wrapping_add(bulk::sum(bytes)));
            }
            assert_eq!(sum, expected, "every byte arrives");
        })
    })
}
