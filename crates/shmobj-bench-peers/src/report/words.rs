//! Numbers as people read them: no more digits than a measurement on a shared machine has.

use crate::results::{Left, Measured};

/// A value of an operation's unit.
pub(crate) fn value(value: f64, unit: &str) -> String {
    match unit {
        "ns" => scaled(value, &[("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)]),
        "bytes" => scaled(value, &[("B", 1.0), ("KiB", 1024.0), ("MiB", 1048576.0), ("GiB", 1073741824.0)]),
        "per s" => scaled(value, &[("/s", 1.0), ("k/s", 1e3), ("M/s", 1e6)]),
        _ => digits(value),
    }
}

/// In the largest of the units that leaves something before the point.
fn scaled(value: f64, units: &[(&str, f64)]) -> String {
    // 999.7 us is 1.0 ms, not 1,000 us.
    let fits = |&&(_, size): &&(&str, f64)| value.abs() / size >= 0.9995;
    let (unit, size) = units.iter().rev().find(fits).unwrap_or(&units[0]);
    format!("{} {unit}", digits(value / size))
}

/// Two digits or the whole number, in groups of three.
fn digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        small if small < 0.995 => significant(value),
        middle if middle < 9.95 => format!("{value:.1}"),
        _ => thousands(value.round() as u64),
    }
}

/// Two digits that are not zero.
fn significant(value: f64) -> String {
    let places = (1.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{value:.places$}")
}

/// 100000 as 100,000.
pub(crate) fn thousands(number: u64) -> String {
    let plain = number.to_string();
    let mut text = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many times as much.
pub(crate) fn ratio(ratio: f64) -> String {
    match ratio {
        r if r < 0.995 => significant(r),
        r if r < 9.95 => format!("{r:.2}"),
        r => thousands(r.round() as u64),
    }
}

/// A part as a percentage.
pub(crate) fn percent(part: f64) -> String {
    let percent = part * 100.0;
    if percent > 0.0 && percent < 0.95 { "<1 %".into() } else { format!("{percent:.0} %") }
}

/// A round value on an axis: 100 us, not 0.10 ms.
pub(crate) fn tick(tick: f64, unit: &str) -> String {
    value(tick, unit).replace(".0 ", " ")
}

/// What a parameter means to a reader.
pub(crate) fn parameter(operation: &str, parameter: u64) -> String {
    match operation {
        "create" | "open" | "close" | "first-touch" | "transfer" => match parameter {
            bytes if bytes >= 1 << 30 => format!("{} GiB", bytes >> 30),
            bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
            bytes => format!("{} KiB", bytes >> 10),
        },
        _ => thousands(parameter),
    }
}

/// What the parameter of an operation is, below an axis.
pub(crate) fn parameter_name(operation: &str) -> &'static str {
    match operation {
        "wait-any" | "wait-all" | "wait-any-asleep" => "N, the objects that are waited for",
        "create-beside" | "open-beside" => "N, the other objects",
        "contended" => "N, the processes",
        "create" | "open" | "close" | "first-touch" | "transfer" => "N, the size",
        _ => "N",
    }
}

/// The title of an operation, whatever its parameter.
pub(crate) fn family_title(measured: &Measured) -> String {
    measured.title.replacen(&parameter(&measured.name, measured.parameter), "N", 1)
}

/// What the dead left.
pub(crate) fn left(left: &Left) -> String {
    if left.names.is_empty() && left.bytes == 0 {
        return "nothing".into();
    }
    format!("{}, {}", counted(left.names.len(), "name"), value(left.bytes as f64, "bytes"))
}

/// "1 name", "2 names".
fn counted(number: usize, thing: &str) -> String {
    format!("{} {thing}{}", thousands(number as u64), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_unit_that_suits_them() {
        assert_eq!(value(23.4, "ns"), "23 ns");
        assert_eq!(value(1_240.0, "ns"), "1.2 us");
        assert_eq!(value(999_700.0, "ns"), "1.0 ms");
        assert_eq!(value(0.42, "ns"), "0.42 ns");
        assert_eq!(value(0.0, "bytes"), "0 B");
        assert_eq!(value(1048576.0, "bytes"), "1.0 MiB");
        assert_eq!(value(12_345_678.0, "per s"), "12 M/s");
        assert_eq!(value(2.0, "descriptors"), "2.0");
    }

    #[test]
    fn ratios_keep_two_digits() {
        assert_eq!(ratio(0.958), "0.96");
        assert_eq!(ratio(0.999), "1.00");
        assert_eq!(ratio(1.694), "1.69");
        assert_eq!(ratio(23.4), "23");
        assert_eq!(ratio(0.0042), "0.0042");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
