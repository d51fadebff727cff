//! Names of objects: their form, and the scope that a prefix chooses (rows NM-1 to NM-20 of the behaviour).
//!
//! | name | meaning |
//! |---|---|
//! | `x`, `Local\x` | the user's own `x` |
//! | `Global\x` | everybody's `x` on this machine |
//! | the empty name | no name: an unnamed object when created, an error when opened |
//!
//! Names are compared code unit by code unit; every character but the backslash stands for itself (Windows refuses NUL later). Prefixes are
//! case-sensitive as on Windows: `local\x` is an unknown path.

use crate::error::{Attempt, ErrorKind, Result};

/// The longest name, in UTF-16 code units as Windows counts them (NM-17).
pub(crate) const MAX_UTF16_UNITS: usize = 32_766;

/// Whose object a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The user's own (on Windows the session's): `x` and `Local\x`.
    Local,
    /// Everybody's on this machine: `Global\x`.
    Global,
}

/// What the entries of unnamed jobs are called in front of a random number.
#[cfg(target_os = "linux")]
pub(crate) const UNNAMED_PREFIX: &str = "\u{1}unnamed.";

/// A name that has the right form, without its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    pub(crate) scope: Scope,
    /// Not empty, without a backslash.
    pub(crate) base: &'a str,
}

impl<'a> Name<'a> {
    /// Reads a name as a caller gives it; `None` is the empty name.
    pub(crate) fn parse(attempt: &Attempt<'a>) -> Result<Option<Self>> {
        let text = attempt.name;
        if text.is_empty() {
            return Ok(None);
        }
        // A UTF-8 name of this many bytes has at most as many UTF-16 units: most names need no counting.
        if text.len() > MAX_UTF16_UNITS && text.encode_utf16().count() > MAX_UTF16_UNITS {
            return Err(attempt
                .fails(
                    ErrorKind::InvalidName,
                    format!("the name is longer than {MAX_UTF16_UNITS} UTF-16 units"),
                )
                .with_remedy("choose a shorter name"));
        }
        let Some((prefix, base)) = text.split_once('\\') else {
            return Self::without_prefix(attempt, text).map(Some);
        };
        let scope = match prefix {
            "Local" => Scope::Local,
            "Global" => Scope::Global,
            "" => {
                return Err(attempt
                    .fails(ErrorKind::BadPathname, "the name starts with a backslash")
                    .with_remedy("leave the first backslash away"));
            }
            _ => return Err(unknown_prefix(attempt, prefix)),
        };
        if base.is_empty() {
            return Err(attempt
                .fails(ErrorKind::InvalidName, "nothing stands behind the prefix")
                .with_remedy("add a name behind the backslash"));
        }
        if base.contains('\\') {
            return Err(attempt
                .fails(ErrorKind::PathNotFound, "a name has no backslash behind its prefix")
                .with_remedy("use another character, for example '/' or '.'"));
        }
        Ok(Some(Self { scope, base }))
    }

    fn without_prefix(attempt: &Attempt<'a>, base: &'a str) -> Result<Self> {
        if matches!(base, "Local" | "Global" | "Session") {
            return Err(attempt
                .fails(ErrorKind::WrongKind, "the name belongs to a directory of the namespace")
                .with_remedy("choose another name"));
        }
        Ok(Self { scope: Scope::Local, base })
    }
}

fn unknown_prefix(attempt: &Attempt<'_>, prefix: &str) -> crate::Error {
    let error = attempt.fails(ErrorKind::PathNotFound, format!("there is no namespace {prefix:?}"));
    match ["Local", "Global"].into_iter().find(|known| known.eq_ignore_ascii_case(prefix)) {
        Some(known) => error.with_remedy(format!("write {known:?}: prefixes are case-sensitive")),
        None => error.with_remedy("use Local\\, Global\\ or no prefix"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    fn parse(name: &str) -> Result<Option<(Scope, &str)>, u32> {
        let attempt = Attempt { verb: "open", subject: Kind::FileMapping.as_str(), name };
        match Name::parse(&attempt) {
            Ok(name) => Ok(name.map(|name| (name.scope, name.base))),
            Err(error) => Err(error.win32_code()),
        }
    }

    #[test]
    fn nm_2_the_empty_name_is_no_name() {
        assert_eq!(parse(""), Ok(None));
    }

    #[test]
    fn nm_3_to_nm_5_prefixes_choose_the_scope() {
        assert_eq!(parse("x"), Ok(Some((Scope::Local, "x"))));
        assert_eq!(parse("Local\\x"), Ok(Some((Scope::Local, "x"))));
        assert_eq!(parse("Global\\x"), Ok(Some((Scope::Global, "x"))));
    }

    #[test]
    fn nm_6_prefixes_are_case_sensitive() {
        for name in ["local\\x", "LOCAL\\x", "global\\x", "GLOBAL\\x"] {
            assert_eq!(parse(name), Err(3), "{name}");
        }
    }

    #[test]
    fn nm_7_a_prefix_needs_a_name() {
        assert_eq!(parse("Local\\"), Err(123));
        assert_eq!(parse("Global\\"), Err(123));
    }

    #[test]
    fn nm_8_the_directories_are_not_objects() {
        for name in ["Local", "Global", "Session"] {
            assert_eq!(parse(name), Err(6), "{name}");
        }
        assert_eq!(parse("local"), Ok(Some((Scope::Local, "local"))));
        assert_eq!(parse("Local\\Global"), Ok(Some((Scope::Local, "Global"))));
    }

    #[test]
    fn nm_9_nm_10_nm_13_other_backslashes_are_unknown_paths() {
        for name in [
            "Session\\1\\x",
            "a\\b",
            "x\\",
            "Local\\a\\b",
            "Local\\Global\\x",
            "Global\\Local\\x",
            "Global\\x\\",
        ] {
            assert_eq!(parse(name), Err(3), "{name}");
        }
    }

    #[test]
    fn nm_11_a_leading_backslash_is_a_bad_path() {
        assert_eq!(parse("\\x"), Err(161));
        assert_eq!(parse("\\Local\\x"), Err(161));
    }

    #[test]
    fn nm_12_every_other_character_stands_for_itself() {
        for name in ["/", ":*?<>|\"", " ", ".", "..", "ä€😀", "a\0b", "\n"] {
            assert_eq!(parse(name), Ok(Some((Scope::Local, name))), "{name:?}");
        }
    }

    #[test]
    fn nm_17_nm_18_names_have_up_to_32766_utf16_units() {
        let fits = "ä".repeat(32_766);
        assert_eq!(parse(&fits), Ok(Some((Scope::Local, fits.as_str()))));
        assert_eq!(parse(&"x".repeat(32_767)), Err(123));
        // Two units each.
        assert_eq!(parse(&"😀".repeat(16_383)), Ok(Some((Scope::Local, "😀".repeat(16_383).as_str()))));
        assert_eq!(parse(&"😀".repeat(16_384)), Err(123));
    }
}
