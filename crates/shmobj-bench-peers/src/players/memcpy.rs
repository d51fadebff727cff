//! The processor's own limit: bytes are copied and read in one process.

use std::hint::black_box;

use super::tools::{bulk, timing};
use super::{Made, Stage};
use crate::protocol::Answer;

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    match (stage.operation.as_str(), stage.role) {
        ("transfer", 0) => {
            let (source, bytes) = (bulk::source(), stage.parameter);
            let mut target = vec![0; bulk::CHUNK * bulk::SLOTS];
            Made::of(move |count| {
                timing::timed(count, || {
                    let mut sum = 0_u64;
                    for slot in (0..bulk::SLOTS).cycle().take(bytes as usize / bulk::CHUNK) {
                        let slot = &mut target[slot * bulk::CHUNK..][..bulk::CHUNK];
                        black_box(&mut *slot).copy_from_slice(black_box(&source));
                        sum = sum.wrapping_add(bulk::sum(black_box(slot)));
                    }
                    assert_eq!(sum, bulk::expected(bytes));
                })
            })
        }
        ("transfer", _) => Made::of(|_| Answer::Done),
        _ => Made::Unsupported,
    }
}
