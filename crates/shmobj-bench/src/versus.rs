//! One subject beside several references, each with its own bound.

use super::quartiles::{Bound, Quartiles};
use super::{Contender, WIDE, shown};

/// A subject, and what it is compared with in the same run.
///
/// Every round runs all of them, every other round in the opposite order; the ratios are those of one round each.
#[must_use = "nothing is measured until `run` is called"]
pub struct Versus<'a> {
    operation: String,
    rounds: u32,
    iterations: u32,
    limit: Option<f64>,
    contenders: Vec<Contender<'a>>,
    bounds: Vec<Option<Bound>>,
}

impl<'a> Versus<'a> {
    /// What is measured.
    pub fn new(operation: impl Into<String>, subject: Contender<'a>) -> Self {
        Self {
            operation: operation.into(),
            rounds: 101,
            iterations: 1000,
            limit: None,
            contenders: vec![subject],
            bounds: vec![None],
        }
    }

    /// How often; a round should be short enough that nothing else runs meanwhile.
    pub fn rounds(mut self, rounds: u32, iterations: u32) -> Self {
        self.rounds = rounds;
        self.iterations = iterations;
        self
    }

    /// The most nanoseconds that are wanted of the subject itself.
    pub fn limit(mut self, nanoseconds: f64) -> Self {
        self.limit = Some(nanoseconds);
        self
    }

    /// A reference, and the largest ratio that is wanted of the subject.
    pub fn against(mut self, reference: Contender<'a>, bound: Option<f64>) -> Self {
        self.contenders.push(reference);
        self.bounds.push(bound.map(Bound::AtMost));
        self
    }

    /// Measures, and prints the table. Returns nanoseconds per iteration, a series for each contender.
    pub fn run(mut self) -> Vec<Vec<f64>> {
        let mut samples: Vec<Vec<f64>> = self.contenders.iter().map(|_| Vec::new()).collect();
        for round in 0..=self.rounds {
            let mut order: Vec<usize> = (0..self.contenders.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let time = (self.contenders[index].run)(self.iterations);
                if round > 0 {
                    // the first round warms up
                    samples[index].push(time.as_nanos() as f64 / f64::from(self.iterations));
                }
            }
        }
        self.print(&samples);
        samples
    }

    fn print(&self, samples: &[Vec<f64>]) {
        println!("\n{} ({} rounds of {})", self.operation, self.rounds, self.iterations);
        println!(
            "  {:<46} {:>10} {:>10} {:>7}  subject to this (quartiles)",
            "", "median", "minimum", "spread"
        );
        for (index, (contender, own)) in self.contenders.iter().zip(samples).enumerate() {
            let figures = Quartiles::of(own.iter().copied());
            let minimum = own.iter().copied().fold(f64::INFINITY, f64::min);
            let spread = figures.spread() * 100.0;
            let name = contender.name;
            let (median, minimum) = (shown(figures.median), shown(minimum));
            let remark = match (index, self.limit) {
                (0, None) => String::new(),
                (0, Some(limit)) => {
                    let kept = if figures.median <= limit { "ok" } else { "OVER" };
                    format!("<= {} {kept}", shown(limit))
                }
                _ => self.ratio(index, Quartiles::of_ratios(&samples[0], own)),
            };
            println!("  {name:<46} {median:>10} {minimum:>10} {spread:>6.0}%  {remark}");
        }
    }

    fn ratio(&self, index: usize, ratio: Quartiles) -> String {
        let mut text = ratio.to_string();
        if let Some(bound) = self.bounds[index] {
            text = format!("{text}  {}", bound.verdict(ratio.median));
        }
        if ratio.spread() > WIDE {
            text.push_str("  (too noisy to trust)");
        }
        text
    }
}
