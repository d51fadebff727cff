//! Looking again a few times before sleeping.
//!
//! Between two cores a sleeping round trip takes 60 us, because the idle core halts, and a spinning one 0.3 us. On one core
//! spinning only keeps the other one from running, but giving the core away with `sched_yield` takes half the time of
//! sleeping and being woken. So a wait looks again some times with `pause` in between, then some times with
//! `sched_yield`, and then sleeps. How often depends on how well that went with the object before; where it never helps it
//! is only tried now and then.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

use super::clock;

/// Turns with `pause` at most: some microseconds.
const PAUSES: u32 = 200;
/// And at least: who is answered at once by another core needs no more, and it costs a part of a sleep only.
const FEWEST_PAUSES: u32 = 16;
/// The same where they become longer, up to 2 to the power of [`LONGEST_PAUSE`].
const LONGER_PAUSES: u32 = 40;
const LONGEST_PAUSE: u32 = 5;
/// How many of them are without a pause.
const AT_ONCE: u32 = 8;
/// Turns with `sched_yield` at most, and how long they may take, in nanoseconds. It has to be longer than a core needs to wake up: two that only ever meet asleep would
/// never find out that spinning helps.
const YIELDS: u32 = 500;
const LONGEST: u64 = 100_000;
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
        self.begin(PAUSES, false)
    }

    /// The same for a look that is one at several objects.
    pub(crate) fn start_for(&self, objects: usize) -> Spinner {
        self.begin(PAUSES / (objects as u32).max(1), false)
    }

    /// The same for something that is taken and given back all the time. Each look takes the cache line from whoever has it, so looks
    /// become rarer.
    pub(crate) fn start_backing_off(&self) -> Spinner {
        self.begin(LONGER_PAUSES, true)
    }

    fn begin(&self, most: u32, backs_off: bool) -> Spinner {
        if !is_wanted() {
            return Spinner::woken();
        }
        let waits = self.waits.load(Relaxed);
        self.waits.store(waits.wrapping_add(1), Relaxed);
        let explores = waits % EXPLORE == 0;
        let limit = |learned: &AtomicU32, most| if explores { most } else { learned.load(Relaxed).min(most) };
        let pauses = limit(&self.pauses, most).max(FEWEST_PAUSES.min(most));
        Spinner { turns: 0, pauses, yields: limit(&self.yields, YIELDS), yields_since: None, backs_off }
    }
}

/// The turns of one wait.
#[derive(Debug)]
pub(crate) struct Spinner {
    turns: u32,
    pauses: u32,
    yields: u32,
    yields_since: Option<u64>,
    backs_off: bool,
}

impl Spinner {
    /// Who was woken has waited for long already, and looks at once.
    pub(crate) const fn woken() -> Self {
        Self { turns: 0, pauses: 0, yields: 0, yields_since: None, backs_off: false }
    }

    /// False: it is time to sleep.
    #[inline]
    pub(crate) fn turn(&mut self) -> bool {
        if self.turns < self.pauses {
            self.pause();
        } else if self.turns < self.pauses + self.yields && !self.has_been_long() {
            rustix::thread::sched_yield();
        } else {
            return false;
        }
        self.turns += 1;
        true
    }

    /// A turn takes long where others want the core, or where a look is one at many objects.
    fn has_been_long(&mut self) -> bool {
        let now = clock::monotonic();
        let begun = *self.yields_since.get_or_insert(now);
        now - begun > LONGEST
    }

    fn pause(&self) {
        if self.backs_off {
            for _ in 0..1u32 << self.turns.min(LONGEST_PAUSE) {
                std::hint::spin_loop();
            }
        } else if self.turns >= AT_ONCE {
            // A pause is 40 ns on some processors, and an answer may take less.
            std::hint::spin_loop();
        }
    }

    /// What was waited for has come; remembers how long that took.
    pub(crate) fn succeeded(&self, spin: &Spin) {
        if self.pauses + self.yields == 0 {
            return;
        }
        if self.turns <= self.pauses {
            helped(&spin.pauses, self.turns);
        } else {
            did_not_help(&spin.pauses);
            helped(&spin.yields, self.turns - self.pauses);
        }
    }

    /// It has not, and the thread goes to sleep.
    pub(crate) fn failed(&self, spin: &Spin) {
        if self.pauses + self.yields != 0 {
            did_not_help(&spin.pauses);
            did_not_help(&spin.yields);
        }
    }
}

/// So many turns were enough: twice as many are worth it at once. Lost updates of other threads do not matter.
fn helped(learned: &AtomicU32, turns: u32) {
    let old = learned.load(Relaxed);
    let wanted = 2 * turns + 8;
    if wanted > old {
        learned.store(wanted, Relaxed);
    } else {
        learned.store(old - (old - wanted) / 8, Relaxed);
    }
}

fn did_not_help(learned: &AtomicU32) {
    let old = learned.load(Relaxed);
    learned.store(old - old.div_ceil(8), Relaxed);
}

static WANTED: AtomicU8 = AtomicU8::new(1);

fn is_wanted() -> bool {
    WANTED.load(Relaxed) != 0
}

/// See [`crate::wait::set_spinning`].
pub(crate) fn set_wanted(wanted: bool) {
    WANTED.store(u8::from(wanted), Relaxed);
}
