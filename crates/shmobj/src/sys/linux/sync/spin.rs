//! Looking again a few times before sleeping.
//!
//! Between two cores a sleeping round trip takes 60 us, because the idle core halts, and a spinning one 0.3 us. On one core
//! spinning only keeps the other one from running, but giving the core away with `sched_yield` takes half the time of
//! sleeping and being woken. So a wait looks again some times with `pause` in between, then some times with
//! `sched_yield`, and then sleeps. How often depends on how well that went with the object before; where it never helps it
//! is only tried now and then.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

/// Turns with `pause`: a microsecond or two.
const PAUSES: u32 = 100;
/// Turns with `sched_yield`: some 20 microseconds, if nobody else wants the core.
const YIELDS: u32 = 40;
/// One wait in so many spins although that did not help before.
const EXPLORE: u32 = 64;

/// What this process has learned about spinning for one object.
#[derive(Debug)]
pub(crate) struct Spin {
    pauses: AtomicU32,
    yields: AtomicU32,
    waits: AtomicU32,
}

impl Spin {
    pub(crate) const fn new() -> Self {
        Self { pauses: AtomicU32::new(PAUSES), yields: AtomicU32::new(YIELDS), waits: AtomicU32::new(0) }
    }

    /// A wait that cannot be satisfied at once begins.
    pub(crate) fn start(&self) -> Spinner {
        if !is_wanted() {
            return Spinner::woken();
        }
        let waits = self.waits.load(Relaxed);
        self.waits.store(waits.wrapping_add(1), Relaxed);
        let explores = waits % EXPLORE == 0;
        let limit = |learned: &AtomicU32, most| if explores { most } else { learned.load(Relaxed).min(most) };
        Spinner { turns: 0, pauses: limit(&self.pauses, PAUSES), yields: limit(&self.yields, YIELDS) }
    }
}

/// The turns of one wait.
#[derive(Debug)]
pub(crate) struct Spinner {
    turns: u32,
    pauses: u32,
    yields: u32,
}

impl Spinner {
    /// Who was woken has waited for long already, and looks at once.
    pub(crate) const fn woken() -> Self {
        Self { turns: 0, pauses: 0, yields: 0 }
    }

    /// False: it is time to sleep.
    #[inline]
    pub(crate) fn turn(&mut self) -> bool {
        if self.turns < self.pauses {
            std::hint::spin_loop();
        } else if self.turns < self.pauses + self.yields {
            rustix::thread::sched_yield();
        } else {
            return false;
        }
        self.turns += 1;
        true
    }

    /// What was waited for has come; remembers how long that took.
    pub(crate) fn succeeded(&self, spin: &Spin) {
        if self.pauses + self.yields == 0 {
            return;
        }
        if self.turns <= self.pauses {
            learn(&spin.pauses, 2 * self.turns + 8, PAUSES);
        } else {
            learn(&spin.pauses, 0, PAUSES);
            learn(&spin.yields, 2 * (self.turns - self.pauses) + 2, YIELDS);
        }
    }

    /// It has not, and the thread goes to sleep.
    pub(crate) fn failed(&self, spin: &Spin) {
        if self.pauses + self.yields != 0 {
            learn(&spin.pauses, 0, PAUSES);
            learn(&spin.yields, 0, YIELDS);
        }
    }
}

/// Moves an estimate an eighth of the way. Lost updates of other threads do not matter.
fn learn(estimate: &AtomicU32, sample: u32, most: u32) {
    let old = estimate.load(Relaxed);
    let sample = sample.min(most);
    let step = (old.abs_diff(sample)).div_ceil(8);
    estimate.store(if sample > old { old + step } else { old - step }, Relaxed);
}

static WANTED: AtomicU8 = AtomicU8::new(1);

fn is_wanted() -> bool {
    WANTED.load(Relaxed) != 0
}

/// See [`crate::wait::set_spinning`].
pub(crate) fn set_wanted(wanted: bool) {
    WANTED.store(u8::from(wanted), Relaxed);
}
