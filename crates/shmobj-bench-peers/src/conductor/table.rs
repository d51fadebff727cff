//! The tables that are printed while it runs.

use crate::results::{Measured, Row};

/// The table of an operation.
pub(super) fn print(measured: &Measured) {
    println!("\n{} [{} {}]", measured.title, measured.name, measured.parameter);
    println!("  {:<34} {:>11} {:>11} {:>7}  ours to this (quartiles)", "", "median", "minimum", "spread");
    for row in &measured.contenders {
        println!("  {:<34} {}", row.title, line(row, &measured.unit));
    }
}

fn line(row: &Row, unit: &str) -> String {
    if let Some(reason) = &row.absent {
        return reason.clone();
    }
    let mut text = String::new();
    if let (Some(median), Some(minimum), Some(spread)) = (row.median, row.minimum, row.spread) {
        let (median, minimum) = (shown(median, unit), shown(minimum, unit));
        text = format!("{median:>11} {minimum:>11} {:>6.0}%", spread * 100.0);
    }
    if let Some(ratio) = row.ratio {
        text += &format!("  {:.2} ({:.2} to {:.2})", ratio.median, ratio.low, ratio.high);
    }
    if let Some(reason) = &row.refused {
        text += &format!("  no ratio: {reason}");
    }
    if let Some(fairness) = row.fairness {
        text += &format!("  least/most {fairness:.2}");
    }
    if let Some(outcome) = &row.outcome {
        text += &format!("  {outcome}");
    }
    if let Some(left) = &row.left {
        left.names.iter().take(4).for_each(|name| text += &format!("  {name}"));
    }
    text
}

/// A figure that can be read.
pub(super) fn shown(figure: f64, unit: &str) -> String {
    match (unit, figure) {
        ("ns", n) if n < 1e3 => format!("{n:.1} ns"),
        ("ns", n) if n < 1e6 => format!("{:.2} us", n / 1e3),
        ("ns", n) if n < 1e9 => format!("{:.2} ms", n / 1e6),
        ("ns", n) => format!("{:.2} s", n / 1e9),
        ("per s", n) => format!("{:.3} M/s", n / 1e6),
        (_, n) => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_unit_that_fits() {
        assert_eq!(shown(12.34, "ns"), "12.3 ns");
        assert_eq!(shown(12_340.0, "ns"), "12.34 us");
        assert_eq!(shown(1.5e9, "ns"), "1.50 s");
        assert_eq!(shown(2.5e6, "per s"), "2.500 M/s");
        assert_eq!(shown(4096.0, "bytes"), "4096");
    }
}
