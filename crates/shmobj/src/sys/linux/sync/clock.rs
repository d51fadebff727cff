//! Deadlines, and the clocks they are read from.

pub(crate) use rustix::thread::futex::ClockId;
use rustix::time::clock_gettime;

/// How long a call that was not asked to wait waits for somebody who decides, in nanoseconds.
const PATIENCE: u64 = if cfg!(fuzzing) { 1_000_000 } else { 5_000_000_000 };

/// Until when a wait may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// It looks, and does not sleep.
    Now,
    /// Nanoseconds of the monotonic clock, which does not run while the machine is suspended (WS-5).
    At(u64),
    Never,
}

impl Deadline {
    pub(crate) fn after(nanoseconds: u64) -> Self {
        Self::At(monotonic().saturating_add(nanoseconds))
    }

    /// The deadline for somebody's decision in a call with this deadline: one is waited for also by those who only look, but
    /// who does not come to one (stopped, or hostile) must not block them for ever.
    pub(crate) fn for_decision(self) -> Self {
        let patience = monotonic().saturating_add(PATIENCE);
        match self {
            Self::Never => Self::Never,
            Self::At(at) => Self::At(at.max(patience)),
            Self::Now => Self::At(patience),
        }
    }

    pub(crate) fn has_passed(self) -> bool {
        match self {
            Self::Now => true,
            Self::At(at) => monotonic() >= at,
            Self::Never => false,
        }
    }

    /// The deadline as the kernel wants it.
    pub(crate) fn alarm(self) -> Option<Alarm> {
        match self {
            Self::Now => Some(Alarm { clock: ClockId::Monotonic, at: 0 }),
            Self::At(at) => Some(Alarm { clock: ClockId::Monotonic, at }),
            Self::Never => None,
        }
    }

    /// This deadline, or so many nanoseconds from now, if that is earlier.
    pub(crate) fn at_most(self, nanoseconds: u64) -> Self {
        let soon = monotonic().saturating_add(nanoseconds);
        match self {
            Self::At(at) if at <= soon => self,
            Self::Now => Self::Now,
            _ => Self::At(soon),
        }
    }
}

/// An instant of a clock at which the kernel ends a sleep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alarm {
    pub(crate) clock: ClockId,
    /// Nanoseconds.
    pub(crate) at: u64,
}

impl Alarm {
    pub(crate) fn is_before(self, other: Self) -> bool {
        self.left() < other.left()
    }

    /// Nanoseconds from now.
    pub(crate) fn left(self) -> u64 {
        self.at.saturating_sub(now(self.clock))
    }

    /// The earlier of two. If they are of different clocks, the wall clock may be set meanwhile; so then nobody sleeps
    /// for longer than [`SLICE`] at a time.
    pub(crate) fn earlier(one: Option<Self>, two: Option<Self>) -> Option<Self> {
        const SLICE: u64 = 250_000_000;
        let (Some(one), Some(two)) = (one, two) else { return one.or(two) };
        if one.clock == two.clock {
            return Some(if one.at <= two.at { one } else { two });
        }
        let left = one.left().min(two.left()).min(SLICE);
        Some(Self { clock: ClockId::Monotonic, at: monotonic().saturating_add(left) })
    }
}

fn now(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    // A wall clock before 1970 reads as 1970: nothing is due before.
    (time.tv_sec.max(0) as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64)
}

/// Nanoseconds of the clock that deadlines are read from.
pub(crate) fn monotonic() -> u64 {
    now(ClockId::Monotonic)
}

/// Nanoseconds since 1970.
pub(crate) fn realtime() -> u64 {
    now(ClockId::Realtime)
}
