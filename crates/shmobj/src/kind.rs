//! The six kinds of object, which share one namespace.

use std::fmt;

/// The kind of a named object. All kinds share one namespace: a name belongs to one object of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Memory, or a file, that several processes map.
    FileMapping,
    /// A recursive lock that belongs to a thread.
    Mutex,
    /// A flag that threads wait for.
    Event,
    /// A count that threads take from.
    Semaphore,
    /// A flag that the clock sets.
    WaitableTimer,
    /// A set of processes.
    Job,
}

impl Kind {
    /// All kinds, in the order of their numbers in the entry (see `docs/abi.md`).
    pub const ALL: [Self; 6] =
        [Self::FileMapping, Self::Mutex, Self::Event, Self::Semaphore, Self::WaitableTimer, Self::Job];

    /// The kind's number in an entry; 0 is no kind, so that zeroed memory is not an object.
    #[cfg(target_os = "linux")]
    pub(crate) const fn number(self) -> u32 {
        self as u32 + 1
    }

    /// The checked way back: `None` for a number that no version so far has written.
    #[cfg(target_os = "linux")]
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The kind's name in the field's own words: `file mapping`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FileMapping => "file mapping",
            Self::Mutex => "mutex",
            Self::Event => "event",
            Self::Semaphore => "semaphore",
            Self::WaitableTimer => "waitable timer",
            Self::Job => "job",
        }
    }

    /// The kind with its article, for sentences: `an event`.
    pub(crate) fn with_article(self) -> String {
        let article = if self == Self::Event { "an" } else { "a" };
        format!("{article} {self}")
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_fixed_because_they_stand_in_entries() {
        let numbers: Vec<u32> = Kind::ALL.iter().map(|kind| kind.number()).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
        for kind in Kind::ALL {
            assert_eq!(Kind::from_number(kind.number()), Some(kind));
        }
        assert_eq!(Kind::from_number(0), None);
        assert_eq!(Kind::from_number(7), None);
        assert_eq!(Kind::WaitableTimer.to_string(), "waitable timer");
    }
}
