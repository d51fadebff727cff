//! From values to places in a picture.

/// A scale. Logarithmic ones need values above zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) logarithmic: bool,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// From this ratio of the largest to the smallest on, lengths cannot show both.
const WIDE: f64 = 30.0;

/// Whether values need a logarithmic scale.
pub(crate) fn is_wide(values: impl IntoIterator<Item = f64>) -> bool {
    let (low, high) = bounds(values);
    low > 0.0 && high / low > WIDE
}

/// The least and the greatest.
pub(crate) fn bounds(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    values.into_iter().fold((f64::INFINITY, 0.0), |(low, high), value| (value.min(low), value.max(high)))
}

impl Axis {
    /// From zero.
    pub(crate) fn linear(high: f64, from: f64, to: f64) -> Self {
        Self { low: 0.0, high: if high > 0.0 { high } else { 1.0 }, logarithmic: false, from, to }
    }

    /// Around the values.
    pub(crate) fn logarithmic((low, high): (f64, f64), from: f64, to: f64) -> Self {
        let low = if low.is_finite() && low > 0.0 { low } else { 1.0 };
        Self { low: low / 1.3, high: high.max(low * 2.0) * 1.1, logarithmic: true, from, to }
    }

    /// Where a value is.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let part = if self.logarithmic {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            value / self.high
        };
        self.from + part.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Values to mark on a logarithmic axis: powers of ten, with two and five between them if there are few.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        let between: &[f64] = match decades {
            ..1.2 => &[1.0, 2.0, 5.0],
            ..2.2 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let step = if decades > 6.0 { 2 } else { 1 };
        let first = self.low.log10().floor() as i32;
        (first..first + decades.ceil() as i32 + 2)
            .filter(|power| power.rem_euclid(step) == 0)
            .flat_map(|power| between.iter().map(move |factor| factor * 10f64.powi(power)))
            .filter(|tick| (self.low..=self.high).contains(tick))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_proportion() {
        let axis = Axis::linear(10.0, 100.0, 200.0);
        assert_eq!((axis.at(0.0), axis.at(5.0), axis.at(10.0)), (100.0, 150.0, 200.0));
        let axis = Axis { low: 1.0, high: 100.0, logarithmic: true, from: 0.0, to: 1.0 };
        assert!((axis.at(10.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn ticks_lie_on_the_axis() {
        let axis = Axis { low: 3.0, high: 300_000.0, logarithmic: true, from: 0.0, to: 1.0 };
        assert_eq!(axis.ticks(), [10.0, 100.0, 1_000.0, 10_000.0, 100_000.0]);
        let axis = Axis { low: 8.0, high: 60.0, logarithmic: true, from: 0.0, to: 1.0 };
        assert_eq!(axis.ticks(), [10.0, 20.0, 50.0]);
    }

    #[test]
    fn zero_needs_no_logarithm() {
        assert!(!is_wide([0.0, 5.0]));
        assert!(is_wide([1.0, 31.0]));
    }
}
