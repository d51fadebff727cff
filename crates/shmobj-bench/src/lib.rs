//! Measuring beside a reference in the same run.
//!
//! The machines that run this are noisy: only a ratio between two things that were measured alternately (A B A B ...)
//! in one run says something. Each contender runs in rounds; the table shows medians, minima, and the spread between
//! the quartiles, and the ratio of each median to the reference's, which is the first contender. A row whose spread is
//! too wide for its ratio to mean anything says so. [`Versus`] is for a subject with several references, and pairs the
//! rounds: its ratios come with their quartiles.

#![allow(clippy::print_stdout)] // a benchmark prints its table

pub mod quartiles;
pub mod quiet;
mod scratch;
mod versus;

pub use scratch::Scratch;
pub use versus::Versus;

use std::time::{Duration, Instant};

/// Beyond this spread between the quartiles, relative to the median, a ratio is marked as unreliable.
const WIDE: f64 = 0.25;

/// One way to do an operation: does it as often as it is told, and returns how long that took.
pub struct Contender<'a> {
    name: &'a str,
    run: Box<dyn FnMut(u32) -> Duration + 'a>,
}

impl<'a> Contender<'a> {
    /// A contender whose every iteration counts.
    pub fn new(name: &'a str, mut iteration: impl FnMut() + 'a) -> Self {
        Self::timed(name, move |iterations| {
            let start = Instant::now();
            for _ in 0..iterations {
                iteration();
            }
            start.elapsed()
        })
    }

    /// A contender that takes the time itself, to leave a preparation out.
    pub fn timed(name: &'a str, run: impl FnMut(u32) -> Duration + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// The figures of one contender, in nanoseconds per iteration.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Half of the rounds were faster.
    pub median: f64,
    /// The fastest round.
    pub minimum: f64,
    /// The distance between the quartiles, relative to the median.
    pub spread: f64,
}

impl Figures {
    fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        let at = |part: f64| rounds[((rounds.len() - 1) as f64 * part).round() as usize];
        Self { median: at(0.5), minimum: rounds[0], spread: (at(0.75) - at(0.25)) / at(0.5) }
    }
}

/// Measures the contenders alternately and prints the table. The first one is the reference. `bound` is the largest
/// ratio that is wanted of the second one.
pub fn compare(
    operation: &str,
    rounds: u32,
    iterations: u32,
    bound: Option<f64>,
    mut contenders: Vec<Contender<'_>>,
) -> Vec<Figures> {
    let mut samples: Vec<Vec<f64>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        for (index, contender) in contenders.iter_mut().enumerate() {
            let time = (contender.run)(iterations);
            if round > 0 {
                // the first round warms up
                samples[index].push(time.as_nanos() as f64 / f64::from(iterations));
            }
        }
    }
    let figures: Vec<Figures> = samples.into_iter().map(Figures::of).collect();
    println!("\n{operation} ({rounds} rounds of {iterations})");
    println!("  {:<34} {:>12} {:>12} {:>7} {:>7}", "", "median", "minimum", "spread", "ratio");
    for (index, (contender, own)) in contenders.iter().zip(&figures).enumerate() {
        let ratio = own.median / figures[0].median;
        let mut remark = String::new();
        if let (1, Some(bound)) = (index, bound) {
            let verdict = if ratio <= bound { "within" } else { "ABOVE" };
            remark = format!("  {verdict} {bound:.2}");
        }
        if own.spread > WIDE || figures[0].spread > WIDE {
            remark.push_str("  (spread too wide to trust the ratio)");
        }
        println!(
            "  {:<34} {:>12} {:>12} {:>6.0}% {:>7.2}{remark}",
            contender.name,
            shown(own.median),
            shown(own.minimum),
            own.spread * 100.0,
            ratio,
        );
    }
    figures
}

fn shown(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 1e3 => format!("{n:.1} ns"),
        n if n < 1e6 => format!("{:.2} us", n / 1e3),
        n => format!("{:.2} ms", n / 1e6),
    }
}
