//! The tables that are printed while it runs.

use crate::results::Measured;

/// The table of an operation.
pub(super) fn print(measured: &Measured) {
    print!("{}", crate::report::terminal::table(measured));
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
