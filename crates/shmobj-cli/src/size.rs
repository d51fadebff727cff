//! Sizes and offsets as people write and read them: `64M`, `4KiB`, `1G`, or bytes.

const UNITS: [(&str, u32); 4] = [("T", 40), ("G", 30), ("M", 20), ("K", 10)];

/// Reads a number of bytes: digits, and a unit of 1024's (`K`, `KiB`, `M`, `MiB`, `G`, `GiB`, `T`, `TiB`) or `B`, in
/// upper or lower case.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err("write a number of bytes, or a number and a unit: 4096, 4K, 64M, 1GiB".into());
    }
    let too_large = || "it is more than 64 bits can say".to_owned();
    let number: u64 = number.parse().map_err(|_| too_large())?;
    number.checked_mul(1 << shift_of(unit)?).ok_or_else(too_large)
}

/// Reads a number of bytes that is a limit.
pub(crate) fn parse_limit(text: &str) -> Result<u64, String> {
    match parse(text)? {
        0 => Err("a limit is more than 0; leave it away for none".into()),
        bytes => Ok(bytes),
    }
}

fn shift_of(unit: &str) -> Result<u32, String> {
    if unit.is_empty() || unit.eq_ignore_ascii_case("B") {
        return Ok(0);
    }
    for (letter, shift) in UNITS {
        if unit.eq_ignore_ascii_case(letter) || unit.eq_ignore_ascii_case(&format!("{letter}iB")) {
            return Ok(shift);
        }
        // 1000 to some, 1024 to others: refused rather than guessed.
        if unit.eq_ignore_ascii_case(&format!("{letter}B")) {
            return Err(format!("{unit:?} is ambiguous; write {letter} or {letter}iB for units of 1024"));
        }
    }
    Err(format!("there is no unit {unit:?}; write K, M, G or T"))
}

/// The size in the largest unit that leaves at least 1, with one decimal where it is not whole.
pub(crate) fn human(bytes: u64) -> String {
    let Some((letter, shift)) = UNITS.into_iter().find(|(_, shift)| bytes >> shift > 0) else {
        return format!("{bytes} B");
    };
    let whole = bytes >> shift;
    let tenths = (u128::from(bytes & ((1 << shift) - 1)) * 10) >> shift;
    match tenths {
        0 => format!("{whole} {letter}iB"),
        tenths => format!("{whole}.{tenths} {letter}iB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_numbers_are_bytes() {
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(parse("4096"), Ok(4096));
        assert_eq!(parse("17B"), Ok(17));
        assert_eq!(parse("18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn units_are_multiples_of_1024_in_any_case() {
        assert_eq!(parse("4KiB"), Ok(4096));
        assert_eq!(parse("4k"), Ok(4096));
        assert_eq!(parse("64M"), Ok(64 << 20));
        assert_eq!(parse("64mib"), Ok(64 << 20));
        assert_eq!(parse("1G"), Ok(1 << 30));
        assert_eq!(parse("2TiB"), Ok(2 << 40));
    }

    #[test]
    fn what_is_no_size_is_refused_with_a_hint() {
        for text in ["", "M", "-1", "1.5M", "1 M", "0x10", "1X", "1MM"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse("4KB").unwrap_err().contains("write K or KiB"));
    }

    #[test]
    fn a_limit_is_more_than_nothing() {
        assert_eq!(parse_limit("4G"), Ok(4 << 30));
        assert!(parse_limit("0K").unwrap_err().contains("more than 0") && parse_limit("").is_err());
    }

    #[test]
    fn more_than_64_bits_is_refused() {
        assert!(parse("18446744073709551616").is_err());
        assert!(parse("16777216T").is_err());
        assert_eq!(parse("16777215T"), Ok(16_777_215 << 40));
    }

    #[test]
    fn people_read_the_largest_unit() {
        assert_eq!(human(0), "0 B");
        assert_eq!(human(1023), "1023 B");
        assert_eq!(human(4096), "4 KiB");
        assert_eq!(human(64 << 20), "64 MiB");
        assert_eq!(human((64 << 20) + (512 << 10)), "64.5 MiB");
        assert_eq!(human(1 << 40), "1 TiB");
        assert_eq!(human(u64::MAX), "16777215.9 TiB");
    }
}
