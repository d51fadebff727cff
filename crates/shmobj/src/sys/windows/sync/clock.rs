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
