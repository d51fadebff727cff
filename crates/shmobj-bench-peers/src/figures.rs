//! Rounds in a few numbers, and whether two series can be compared.

use crate::results::Ratio;

/// Beyond this distance between the quartiles of a ratio, relative to its median, there is no ratio: a quarter of the pairs of rounds
/// says something different from another quarter, so that a number would say more than is known.
pub(crate) const WIDEST: f64 = 0.25;

/// The value at a part of sorted samples: 0.5 is the median. There has to be a sample.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * part).round() as usize]
}

/// Of some samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figures {
    pub(crate) minimum: f64,
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Figures {
    /// `None`: there are no samples.
    pub(crate) fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let minimum = *sorted.first()?;
        let at = |part| quantile(&sorted, part);
        Some(Self { minimum, lower: at(0.25), median: at(0.5), upper: at(0.75) })
    }

    /// The distance between the quartiles, relative to the median.
    pub(crate) fn spread(&self) -> f64 {
        if self.upper == self.lower { 0.0 } else { (self.upper - self.lower) / self.median }
    }
}

/// Ours to theirs, of rounds that were next to each other: what disturbs both cancels out. The error says why there is none.
pub(crate) fn ratio(ours: &[f64], theirs: &[f64]) -> Result<Ratio, String> {
    let pairs: Vec<f64> = ours.iter().zip(theirs).map(|(one, other)| one / other).collect();
    if pairs.iter().any(|pair| !pair.is_finite()) {
        return Err("one of the two is zero".into());
    }
    let figures = Figures::of(&pairs).ok_or("there are no rounds of both")?;
    if figures.spread() > WIDEST {
        return Err(format!("the quartiles are {:.2} and {:.2}", figures.lower, figures.upper));
    }
    Ok(Ratio { median: figures.median, low: figures.lower, high: figures.upper })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_rounds_that_were_next_to_each_other() {
        let noisy = ratio(&[2.0, 20.0, 2.2, 2.1, 40.0], &[1.0, 10.0, 1.0, 1.0, 20.0]);
        assert_eq!(noisy, Ok(Ratio { median: 2.0, low: 2.0, high: 2.1 }));
    }

    #[test]
    fn a_ratio_that_is_not_known_is_refused() {
        let refused = ratio(&[1.0, 1.0, 3.0, 3.0, 3.0], &[1.0; 5]).expect_err("too wide");
        assert_eq!(refused, "the quartiles are 1.00 and 3.00");
        assert!(ratio(&[1.0], &[0.0]).is_err());
        assert!(ratio(&[1.0], &[]).is_err());
    }

    #[test]
    fn figures_are_those_of_the_sorted_samples() {
        let figures = Figures::of(&[5.0, 1.0, 4.0, 2.0, 3.0]).expect("samples");
        assert_eq!(figures, Figures { minimum: 1.0, lower: 2.0, median: 3.0, upper: 4.0 });
        assert!((figures.spread() - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(Figures::of(&[]), None);
        assert_eq!(Figures::of(&[0.0, 0.0]).expect("samples").spread(), 0.0);
    }
}
