//! Samples in three numbers, and the bounds that they are held against.

use std::fmt;

/// What is wanted of a figure. It is printed, and nothing fails: machines are noisy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
}

impl Bound {
    /// Whether a figure keeps it.
    #[must_use]
    pub fn is_kept(self, figure: f64) -> bool {
        match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) => figure >= least,
        }
    }

    /// The bound and what became of it.
    #[must_use]
    pub fn verdict(self, figure: f64) -> String {
        let word = match self {
            _ if self.is_kept(figure) => "ok",
            Self::AtMost(_) => "OVER",
            Self::AtLeast(_) => "UNDER",
        };
        format!("{self} {word}")
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "<= {most:.2}"),
            Self::AtLeast(least) => write!(f, ">= {least:.2}"),
        }
    }
}

/// The value at a part of sorted samples: 0.5 is the median.
///
/// # Panics
/// There are no samples.
#[must_use]
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * part).round() as usize]
}

/// The middle half of some samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quartiles {
    /// A quarter is below.
    pub lower: f64,
    /// Half of them are below.
    pub median: f64,
    /// A quarter is above.
    pub upper: f64,
}

impl Quartiles {
    /// Of samples in any order.
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = samples.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |part| quantile(&sorted, part);
        Self { lower: at(0.25), median: at(0.5), upper: at(0.75) }
    }

    /// Of the ratios of two series whose rounds were next to each other: what disturbs both cancels out.
    #[must_use]
    pub fn of_ratios(numerators: &[f64], denominators: &[f64]) -> Self {
        Self::of(numerators.iter().zip(denominators).map(|(one, other)| one / other))
    }

    /// The distance between the quartiles, relative to the median.
    #[must_use]
    pub fn spread(self) -> f64 {
        (self.upper - self.lower) / self.median
    }
}

impl fmt::Display for Quartiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6.2}  ({:.2} to {:.2})", self.median, self.lower, self.upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_of_the_paired_ratios() {
        let quartiles = Quartiles::of_ratios(&[2.0, 30.0, 4.0, 5.0, 60.0], &[1.0, 10.0, 1.0, 1.0, 10.0]);
        assert_eq!(quartiles, Quartiles { lower: 3.0, median: 4.0, upper: 5.0 });
        assert!(Bound::AtMost(4.0).is_kept(quartiles.median));
        assert!(!Bound::AtLeast(4.1).is_kept(quartiles.median));
    }
}
