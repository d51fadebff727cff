//! Taking time, of many iterations at once or of each.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::protocol::Answer;

/// How long so many iterations take.
pub(crate) fn timed(count: u64, mut iteration: impl FnMut()) -> Answer {
    let begun = Instant::now();
    for _ in 0..count {
        iteration();
    }
    took(begun.elapsed())
}

/// The time of all iterations together.
pub(crate) fn took(time: Duration) -> Answer {
    Answer::Took { nanoseconds: time.as_nanos() as u64, values: Vec::new() }
}

/// How long the first part of each iteration takes, without the second one: whatever it makes is handed on.
pub(crate) fn timed_part<T>(
    count: u64,
    mut measured: impl FnMut() -> T,
    mut afterwards: impl FnMut(T),
) -> Answer {
    let mut sum = Duration::ZERO;
    for _ in 0..count {
        let begun = Instant::now();
        let made = measured();
        sum += begun.elapsed();
        afterwards(made);
    }
    took(sum)
}

/// Does an iteration again and again, for so many milliseconds.
pub(crate) fn throughput(milliseconds: u64, mut iteration: impl FnMut()) -> Answer {
    let (begun, time) = (Instant::now(), Duration::from_millis(milliseconds));
    let mut count = 0;
    while begun.elapsed() < time {
        for _ in 0..16 {
            iteration(); // a look at the clock costs as much as a lock
        }
        count += 16;
    }
    Answer::Did(count)
}

/// Single latencies.
pub(crate) struct Latencies(Histogram<u64>, u64);

impl Latencies {
    pub(crate) fn new() -> Self {
        // One that grows by itself does so only in `record`; `saturating_record` would take every value for the bound.
        Self(Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("3 digits are not too many"), 0)
    }

    /// One more.
    pub(crate) fn add(&mut self, nanoseconds: u64) {
        self.1 += nanoseconds;
        self.0.record(nanoseconds).expect("it grows as it needs to"); // clamping would not grow it
    }

    /// All of them, and their sum.
    pub(crate) fn answer(&self) -> Answer {
        let values = self.0.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
        Answer::Took { nanoseconds: self.1, values: values.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_what_it_was_to_three_digits() {
        let mut latencies = Latencies::new();
        latencies.add(3);
        latencies.add(123_456);
        let Answer::Took { nanoseconds, values } = latencies.answer() else { panic!("an amount of time") };
        assert_eq!(nanoseconds, 123_459);
        assert_eq!(values[0], (3, 1));
        assert!(values[1].0.abs_diff(123_456) < 200 && values[1].1 == 1, "{values:?}");
    }
}
