//! How long a wait may take.

use std::time::{Duration, Instant};

use crate::sys::sync::Deadline;

/// How long a wait may take: not at all, for a time, until an instant, or for ever.
///
/// Waits take anything that becomes one: a [`Duration`], an [`Instant`], an `Option<Duration>` (`None`: for ever), or this.
/// Time that the machine is suspended does not count. A wait never ends before its time; it may end a little after it (on
/// Windows by a tick of its clock, up to 15.6 ms).
///
/// ```
/// use std::time::{Duration, Instant};
/// use shmobj::Timeout;
/// # fn wait(_: impl Into<Timeout>) {}
/// wait(Timeout::NOW);
/// wait(Timeout::NEVER);
/// wait(Duration::from_millis(20));
/// wait(Instant::now() + Duration::from_secs(1));
/// assert_eq!(Timeout::from(Duration::ZERO), Timeout::NOW);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout(Limit);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    After(Duration),
    At(Instant),
    Never,
}

impl Timeout {
    /// Looks, and does not wait.
    pub const NOW: Self = Self(Limit::After(Duration::ZERO));
    /// Waits for as long as it takes (`INFINITE`).
    #[doc(alias = "INFINITE")]
    pub const NEVER: Self = Self(Limit::Never);

    /// So long from the beginning of the wait.
    #[must_use]
    pub const fn after(duration: Duration) -> Self {
        Self(Limit::After(duration))
    }

    /// Until then; an instant that has passed is [`NOW`](Self::NOW).
    #[must_use]
    pub const fn at(instant: Instant) -> Self {
        Self(Limit::At(instant))
    }

    #[inline]
    pub(crate) fn deadline(self) -> Deadline {
        let left = match self.0 {
            Limit::Never => return Deadline::Never,
            Limit::After(duration) => duration,
            Limit::At(instant) => instant.saturating_duration_since(Instant::now()),
        };
        if left.is_zero() {
            return Deadline::Now;
        }
        // Five hundred years are for ever.
        u64::try_from(left.as_nanos()).map_or(Deadline::Never, Deadline::after)
    }
}

impl From<Duration> for Timeout {
    fn from(duration: Duration) -> Self {
        Self::after(duration)
    }
}

impl From<Instant> for Timeout {
    fn from(instant: Instant) -> Self {
        Self::at(instant)
    }
}

impl From<Option<Duration>> for Timeout {
    fn from(duration: Option<Duration>) -> Self {
        duration.map_or(Self::NEVER, Self::after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_say_how_long_becomes_a_deadline() {
        assert_eq!(Timeout::NOW.deadline(), Deadline::Now);
        assert_eq!(Timeout::at(Instant::now()).deadline(), Deadline::Now);
        assert_eq!(Timeout::NEVER.deadline(), Deadline::Never);
        assert_eq!(Timeout::from(None).deadline(), Deadline::Never);
        assert_eq!(Timeout::after(Duration::MAX).deadline(), Deadline::Never);
        assert!(matches!(Timeout::from(Duration::from_nanos(1)).deadline(), Deadline::At(_)));
        let Deadline::At(at) = Timeout::at(Instant::now() + Duration::from_secs(1000)).deadline() else {
            panic!("an instant ahead is a deadline");
        };
        assert!(!Deadline::At(at).has_passed());
    }
}
