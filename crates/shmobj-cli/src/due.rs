//! When a timer is due, as people write it: in a while, or at a point in time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use shmobj::Due;

use crate::duration;

/// Reads `1s` (from now), `2030-01-31T12:00:00+01:00` (RFC 3339), or `@1900000000` (seconds since 1970, as of `date +%s`).
pub(crate) fn parse(text: &str) -> Result<Due, String> {
    let not_understood = || {
        format!(
            "{text:?} is no time that is understood; write 1s or 100ms (from now), 2030-01-31T12:00:00Z, \
             2030-01-31T12:00:00+01:00, or @ and seconds since 1970"
        )
    };
    if let Some(seconds) = text.strip_prefix('@') {
        return at_seconds(seconds).map(Due::at).ok_or_else(not_understood);
    }
    if looks_like_a_date(text) {
        return at_date(text).map(Due::at).ok_or_else(not_understood);
    }
    duration::parse(text).map(Due::after).map_err(|_| not_understood())
}

fn looks_like_a_date(text: &str) -> bool {
    text.as_bytes().get(4) == Some(&b'-')
}

/// Seconds since 1970, with up to nine digits behind a point.
fn at_seconds(text: &str) -> Option<SystemTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.len() > 9 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let nanoseconds = format!("{fraction:0<9}").parse().ok()?;
    UNIX_EPOCH.checked_add(Duration::new(whole.parse().ok()?, nanoseconds))
}

/// RFC 3339. `humantime` reads it in UTC only, so the offset is read here.
fn at_date(text: &str) -> Option<SystemTime> {
    if let Some(local) = text.strip_suffix(['Z', 'z']) {
        return at_local(local);
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub("+00:00".len())?)?;
    let (sign, offset) = offset.split_at_checked(1)?;
    let (hours, minutes) = offset.split_once(':')?;
    if !is_digits(hours) || !is_digits(minutes) {
        return None;
    }
    let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let offset = Duration::from_secs((hours * 60 + minutes) * 60);
    let local = at_local(local).filter(|_| hours < 24 && minutes < 60)?;
    match sign {
        "+" => local.checked_sub(offset),
        "-" => local.checked_add(offset),
        _ => None,
    }
}

/// Date and time without an offset.
fn at_local(text: &str) -> Option<SystemTime> {
    let behind_seconds = text.get("2030-01-31T12:00:00".len()..)?;
    let has_offset = !behind_seconds.is_empty() && !is_digits(behind_seconds.strip_prefix('.')?);
    humantime::parse_rfc3339_weak(text).ok().filter(|_| !has_offset)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, nanoseconds: u32) -> Result<Due, String> {
        Ok(Due::at(UNIX_EPOCH + Duration::new(seconds, nanoseconds)))
    }

    #[test]
    fn a_duration_is_from_now() {
        assert_eq!(parse("1s"), Ok(Due::after(Duration::from_secs(1))));
        assert_eq!(parse("0"), Ok(Due::NOW));
    }

    #[test]
    fn seconds_since_1970_are_as_date_prints_them() {
        assert_eq!(parse("@1900000000"), at(1_900_000_000, 0));
        assert_eq!(parse("@1900000000.25"), at(1_900_000_000, 250_000_000));
    }

    #[test]
    fn dates_have_an_offset_from_utc() {
        assert_eq!(parse("2030-03-17T17:46:40Z"), at(1_900_000_000, 0));
        assert_eq!(parse("2030-03-17T18:46:40+01:00"), at(1_900_000_000, 0));
        assert_eq!(parse("2030-03-17 12:16:40.5-05:30"), at(1_900_000_000, 500_000_000));
        assert_eq!(parse("1970-01-01T00:00:00+05:00"), at(0, 0), "long ago is now");
    }

    #[test]
    fn what_is_no_time_is_refused_with_examples() {
        for text in [
            "",
            "soon",
            "5",
            "@",
            "@soon",
            "@-1",
            "@+1",
            "@1.",
            "@18446744073709551616",
            "@1.0000000001",
            "2030-03-17",
            "2030-03-17T17:46:40",
            "2030-13-17T17:46:40Z",
            "2030-03-17T17:46:40ZZ",
            "2030-03-17T17:46:40+00:00Z",
            "2030-03-17T17:46:40.Z",
            "2030-03-17T17:46:40+0100",
            "2030-03-17T17:46:40+25:00",
            "2030-03-17T17:46:40+-1:00",
            "2030-ä3-17T17:46:40Z",
            "2030-03-17T17:46:4äZ",
            "2030-ääääää",
        ] {
            assert!(parse(text).unwrap_err().contains("2030-01-31T12:00:00Z"), "{text:?}");
        }
    }
}
