//! What the conductor and the players say to each other: lines of text, so that programs in any language can play.
//!
//! | who | line | meaning |
//! |---|---|---|
//! | player | `ready` | everything is prepared |
//! | | `absent REASON` | not installed, or not on this system |
//! | | `unsupported` | this contender has no such operation |
//! | conductor | `run COUNT` | a round; to all players of a contender, role 0 last |
//! | player | `took NANOSECONDS [values V:C ...]` | for COUNT iterations; latencies in nanoseconds, and how often each was seen |
//! | | `did COUNT` | so often in the milliseconds of `run` |
//! | | `is NUMBER` | an amount |
//! | | `done` | a partner that measures nothing |
//! | | `waiting` | recovery: it is about to block; one of the next two follows |
//! | | `got MONOTONIC_NANOSECONDS abandoned\|plain` | recovery; 0 where the player cannot read that clock: the conductor's counts |
//! | | `timeout` | recovery: it has not got the lock in [`RECOVERY`](crate::protocol::RECOVERY) |
//! | | `failed REASON` | instead of any of these |
//! | conductor | `end`, or the end of the input | tidy up |
//! | player | `ended` | then it exits |
#![cfg_attr(not(target_os = "linux"), allow(dead_code))] // the conductor's half: it runs on Linux

use std::fmt;
use std::time::Duration;

/// For how long a player waits for a lock whose owner was killed.
pub(crate) const RECOVERY: Duration = Duration::from_secs(5);

/// What the conductor wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// So many iterations, or milliseconds.
    Run(u64),
    /// Tidy up and go.
    End,
}

impl Request {
    /// `None`: it is not one.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        match line.trim().split_once(' ') {
            None if line.trim() == "end" => Some(Self::End),
            Some(("run", count)) => count.parse().ok().map(Self::Run),
            _ => None,
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(count) => write!(f, "run {count}"),
            Self::End => f.write_str("end"),
        }
    }
}

/// The first thing that a player says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// Everything is prepared.
    Ready,
    /// Why it cannot be measured here.
    Absent(String),
    /// The contender has no such operation.
    Unsupported,
    /// It should have worked.
    Failed(String),
}

impl Greeting {
    /// What is none of the others is a failure as well.
    pub(crate) fn parse(line: &str) -> Self {
        match words(line) {
            ("ready", "") => Self::Ready,
            ("absent", reason) => Self::Absent(reason.into()),
            ("unsupported", "") => Self::Unsupported,
            ("failed", reason) => Self::Failed(reason.into()),
            _ => Self::Failed(format!("it said \"{}\"", line.trim())),
        }
    }
}

impl fmt::Display for Greeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Absent(reason) => write!(f, "absent {}", one_line(reason)),
            Self::Unsupported => f.write_str("unsupported"),
            Self::Failed(reason) => write!(f, "failed {}", one_line(reason)),
        }
    }
}

/// What became of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The iterations took so long; `values` are latencies in nanoseconds and how often each was seen.
    Took { nanoseconds: u64, values: Vec<(u64, u64)> },
    /// So many iterations in the time that was given.
    Did(u64),
    /// An amount.
    Is(u64),
    /// A partner has done its part.
    Done,
    /// The lock of a process that was killed, at this time of the clock that all processes share, and whether it was told.
    Got { at: u64, abandoned: bool },
    /// Nobody was told anything.
    TimedOut,
    /// Why there is no figure.
    Failed(String),
}

impl Answer {
    /// What is none of the others is a failure as well.
    pub(crate) fn parse(line: &str) -> Self {
        Self::parse_strictly(line).unwrap_or_else(|| Self::Failed(format!("it said \"{}\"", line.trim())))
    }

    fn parse_strictly(line: &str) -> Option<Self> {
        match words(line) {
            ("took", rest) => {
                let (nanoseconds, rest) = words(rest);
                let values = match words(rest) {
                    ("", "") => Vec::new(),
                    ("values", list) => list.split_whitespace().map(pair).collect::<Option<_>>()?,
                    _ => return None,
                };
                Some(Self::Took { nanoseconds: nanoseconds.parse().ok()?, values })
            }
            ("did", count) => Some(Self::Did(count.parse().ok()?)),
            ("is", number) => Some(Self::Is(number.parse().ok()?)),
            ("done", "") => Some(Self::Done),
            ("got", rest) => {
                let (at, how) = words(rest);
                let abandoned = match how {
                    "abandoned" => true,
                    "plain" => false,
                    _ => return None,
                };
                Some(Self::Got { at: at.parse().ok()?, abandoned })
            }
            ("timeout", "") => Some(Self::TimedOut),
            ("failed", reason) => Some(Self::Failed(reason.into())),
            _ => None,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Took { nanoseconds, values } => {
                write!(f, "took {nanoseconds}")?;
                if !values.is_empty() {
                    f.write_str(" values")?;
                }
                values.iter().try_for_each(|(value, count)| write!(f, " {value}:{count}"))
            }
            Self::Did(count) => write!(f, "did {count}"),
            Self::Is(number) => write!(f, "is {number}"),
            Self::Done => f.write_str("done"),
            Self::Got { at, abandoned } => {
                write!(f, "got {at} {}", if *abandoned { "abandoned" } else { "plain" })
            }
            Self::TimedOut => f.write_str("timeout"),
            Self::Failed(reason) => write!(f, "failed {}", one_line(reason)),
        }
    }
}

/// The first word, and the rest.
fn words(line: &str) -> (&str, &str) {
    let line = line.trim();
    line.split_once(' ').map_or((line, ""), |(first, rest)| (first, rest.trim_start()))
}

fn pair(text: &str) -> Option<(u64, u64)> {
    let (value, count) = text.split_once(':')?;
    Some((value.parse().ok()?, count.parse().ok()?))
}

/// Reasons come from anywhere, and a line ends at its end.
fn one_line(reason: &str) -> String {
    reason.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let answers = [
            Answer::Took { nanoseconds: 17, values: vec![] },
            Answer::Took { nanoseconds: 17, values: vec![(8, 1), (9, 2)] },
            Answer::Did(3),
            Answer::Is(0),
            Answer::Done,
            Answer::Got { at: 5, abandoned: true },
            Answer::Got { at: 6, abandoned: false },
            Answer::TimedOut,
            Answer::Failed("no room".into()),
        ];
        for answer in answers {
            assert_eq!(Answer::parse(&answer.to_string()), answer);
        }
        for greeting in [Greeting::Ready, Greeting::Absent("no wine".into()), Greeting::Unsupported] {
            assert_eq!(Greeting::parse(&greeting.to_string()), greeting);
        }
        for request in [Request::Run(12), Request::End] {
            assert_eq!(Request::parse(&request.to_string()), Some(request));
        }
    }

    #[test]
    fn nonsense_is_a_failure_and_not_a_figure() {
        for line in
            ["", "took", "took -1", "took 5 values 3", "took 5 6", "did", "is x", "got 5 maybe", "Done"]
        {
            assert!(matches!(Answer::parse(line), Answer::Failed(_)), "{line}");
        }
        assert!(matches!(Greeting::parse("ready or not"), Greeting::Failed(_)));
        assert_eq!(Request::parse("run"), None);
        assert_eq!(Request::parse("run fast"), None);
    }

    #[test]
    fn a_reason_of_several_lines_is_one_line() {
        let answer = Answer::Failed("cannot open\n  it: gone\n".into());
        assert_eq!(answer.to_string(), "failed cannot open it: gone");
    }
}
