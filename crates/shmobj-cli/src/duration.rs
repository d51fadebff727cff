//! Times as people write and read them: `5s`, `100ms`, `1m 30s`.

use std::time::Duration;

/// Reads a time: numbers, each with a unit. A number alone is refused rather than guessed: seconds to some, and
/// milliseconds to others.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| {
        format!("{text:?} is no time that is understood; write a number and a unit: 5s, 100ms, 1m30s")
    })
}

/// Reads the time between two expiries.
pub(crate) fn parse_period(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err("a period is longer than 0; leave it away for a timer that fires once".into()),
        period => Ok(period),
    }
}

/// Reads a time that is a limit.
pub(crate) fn parse_limit(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err("a limit is longer than 0; leave it away for none".into()),
        limit => Ok(limit),
    }
}

/// The time with all its units.
pub(crate) fn exact(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// The time as far as it matters for something that is under way.
pub(crate) fn human(duration: Duration) -> String {
    let precision = if duration < Duration::from_millis(100) { 1_000 } else { 1_000_000 };
    let nanoseconds = duration.subsec_nanos() / precision * precision;
    exact(Duration::new(duration.as_secs(), nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_units() {
        assert_eq!(parse("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse("0"), Ok(Duration::ZERO));
    }

    #[test]
    fn what_is_no_time_is_refused_with_a_hint() {
        for text in ["", "5", "s", "-1s", "5 parsecs", "99999999999999999999s"] {
            assert!(parse(text).unwrap_err().contains("5s, 100ms"), "{text:?}");
        }
        assert!(parse_period("0s").unwrap_err().contains("longer than 0"));
        assert!(parse_limit("0s").unwrap_err().contains("longer than 0"));
    }

    #[test]
    fn what_is_under_way_is_shown_as_far_as_it_matters() {
        assert_eq!(human(Duration::from_nanos(1_234_567_891)), "1s 234ms");
        assert_eq!(human(Duration::from_nanos(99_123_456)), "99ms 123us");
        assert_eq!(human(Duration::from_nanos(12)), "0s");
        assert_eq!(exact(Duration::from_millis(100)), "100ms");
    }
}
