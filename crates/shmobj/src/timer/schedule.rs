//! When a timer is due, and how often.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::sys::contract::When;

/// When a timer is due first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due(When);

impl Due {
    /// At once.
    pub const NOW: Self = Self(When::After(0));

    /// So long from now. Time that the machine is suspended does not count (as since Windows 8).
    #[must_use]
    pub fn after(duration: Duration) -> Self {
        Self(When::After(nanoseconds(duration)))
    }

    /// At this time of the wall clock; if that is set, the timer follows. What has passed is due at once, and stays so.
    #[must_use]
    pub fn at(time: SystemTime) -> Self {
        Self(When::At(time.duration_since(UNIX_EPOCH).map_or(0, nanoseconds)))
    }

    pub(crate) fn when(self) -> When {
        self.0
    }
}

impl From<Duration> for Due {
    fn from(duration: Duration) -> Self {
        Self::after(duration)
    }
}

impl From<SystemTime> for Due {
    fn from(time: SystemTime) -> Self {
        Self::at(time)
    }
}

impl From<Instant> for Due {
    fn from(instant: Instant) -> Self {
        Self::after(instant.saturating_duration_since(Instant::now()))
    }
}

/// The time between two expiries of a periodic timer: on Linux from 1 nanosecond to 292 years, on Windows in whole milliseconds
/// (rounded up) to 24 days. A period of 0 is none: the timer expires once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

impl Period {
    /// A period of this length.
    #[must_use]
    pub const fn every(duration: Duration) -> Self {
        Self(duration)
    }

    /// A period of so many milliseconds, as `SetWaitableTimer` takes it.
    #[must_use]
    pub const fn millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    pub(crate) fn nanoseconds(self) -> u64 {
        nanoseconds(self.0)
    }
}

impl From<Duration> for Period {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

/// 292 years are enough.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).min(i64::MAX as u64)
}
