//! What a check comes to.

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// How good it is, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// It works less well, or a feature is missing.
    Degraded,
    /// Objects cannot be used.
    Broken,
}

impl Status {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Broken => "broken",
        }
    }

    pub(super) const fn style(self) -> Style {
        let color = match self {
            Self::Ok => AnsiColor::Green,
            Self::Degraded => AnsiColor::Yellow,
            Self::Broken => AnsiColor::Red,
        };
        color.on_default()
    }
}

/// One thing that was examined.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    /// In snake_case, and stable.
    pub(super) name: &'static str,
    pub(super) status: Status,
    /// What is the case.
    pub(super) found: String,
    /// What follows from it.
    pub(super) meaning: String,
    /// What to do about it.
    pub(super) remedy: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, found: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, found: found.into(), meaning: meaning.into(), remedy: None }
    }

    pub(super) fn degraded(name: &'static str, found: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { status: Status::Degraded, ..Self::ok(name, found, meaning) }
    }

    pub(super) fn broken(name: &'static str, found: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { status: Status::Broken, ..Self::ok(name, found, meaning) }
    }

    pub(super) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

/// A number that the kernel tells in a file.
pub(super) fn number(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// A number behind a word at the beginning of a line, as in `/proc/meminfo`.
pub(super) fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(char::is_whitespace))?;
    line.split_whitespace().next()?.parse().ok()
}
