//! Deadlines.

use std::time::{Duration, Instant};

use windows_sys::Win32::System::Threading::INFINITE;

/// Until when a wait may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// It looks, and does not sleep.
    Now,
    At(Instant),
    Never,
}

impl Deadline {
    /// So many nanoseconds from now.
    pub(crate) fn after(nanoseconds: u64) -> Self {
        Instant::now().checked_add(Duration::from_nanos(nanoseconds)).map_or(Self::Never, Self::At)
    }

    #[cfg(test)]
    pub(crate) fn has_passed(self) -> bool {
        self.milliseconds() == 0
    }

    /// What is left, as waits take it: rounded up, so that none ends before its time. What is longer than 49 days is waited for
    /// in parts.
    pub(crate) fn milliseconds(self) -> u32 {
        match self {
            Self::Now => 0,
            Self::Never => INFINITE,
            Self::At(at) => {
                let left = at.saturating_duration_since(Instant::now()).as_nanos().div_ceil(1_000_000);
                u32::try_from(left).unwrap_or(u32::MAX).min(INFINITE - 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_rounded_up_and_is_never_for_ever() {
        assert_eq!(Deadline::Now.milliseconds(), 0);
        assert_eq!(Deadline::Never.milliseconds(), INFINITE);
        let now = Instant::now();
        assert_eq!(Deadline::At(now).milliseconds(), 0, "an instant that has passed");
        assert!(!Deadline::after(1_000_000_000).has_passed());
        let soon = Deadline::At(Instant::now() + Duration::from_secs(1000)).milliseconds();
        assert!((900_000..=1_000_000).contains(&soon), "{soon}");
        let sixty_days = Deadline::after(60 * 86_400 * 1_000_000_000);
        assert_eq!(sixty_days.milliseconds(), INFINITE - 1, "in parts");
    }
}
