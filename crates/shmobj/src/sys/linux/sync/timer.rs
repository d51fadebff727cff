//! Waitable timers: *signalled* is read off the clock, so no process has to run for a timer to fire.
//!
//! Two banks in the page hold when it is due; the highest bit of the payload tells which one counts. The rest of the payload is,
//!
//! | | |
//! |---|---|
//! | manual reset | how many times it was set anew after it had fired, while somebody waited: who waited then passes |
//! | synchronization | the number of the last expiry that a wait consumed; expiries in between do not add up (TI-14) |
//!
//! `SIGNALED` keeps the state of a timer that was cancelled after it fired (TI-16). Set and cancel are decided at the gate: the
//! sleepers are woken first, and wait there for their new due time; then the other bank is written, and one
//! compare-exchange makes it count. Killed anywhere in between, the old bank still does.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::fence;

use super::cell::{self, State, Verdict, change, load};
use super::clock::{Alarm, ClockId, Deadline, monotonic, realtime};
use super::words::{Bank, Words};
use super::{Synchronizer, Trouble, gate, latch};
use crate::sys::contract::When;
use crate::test_hooks::step;

const SECOND_BANK: u32 = 1 << 31;
const COUNT: u32 = SECOND_BANK - 1;

const STOPPED: u64 = 0;
const MONOTONIC: u64 = 1;
const REALTIME: u64 = 2;

/// What a bank says, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    clock: Option<ClockIs>,
    due: u64,
    period: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClockIs {
    Monotonic,
    Realtime,
}

impl Schedule {
    const STOPPED: Self = Self { clock: None, due: 0, period: 0 };

    fn read(clock: u64, due: u64, period: u64) -> Option<Self> {
        let clock = match clock {
            STOPPED => return Some(Self::STOPPED),
            MONOTONIC => ClockIs::Monotonic,
            REALTIME => ClockIs::Realtime,
            _ => return None,
        };
        Some(Self { clock: Some(clock), due, period })
    }

    fn load(bank: &Bank) -> Option<Self> {
        Self::read(bank.clock.load(Relaxed), bank.due.load(Relaxed), bank.period.load(Relaxed))
    }

    fn store(self, bank: &Bank) {
        let clock = match self.clock {
            None => STOPPED,
            Some(ClockIs::Monotonic) => MONOTONIC,
            Some(ClockIs::Realtime) => REALTIME,
        };
        // After the cell was locked, for those who read both without a lock.
        fence(Release);
        bank.clock.store(clock, Relaxed);
        bank.due.store(self.due, Relaxed);
        bank.period.store(self.period, Relaxed);
    }

    fn of(when: When, period: u64) -> Self {
        match when {
            When::After(nanoseconds) => {
                Self { clock: Some(ClockIs::Monotonic), due: monotonic().saturating_add(nanoseconds), period }
            }
            When::At(due) => {
                // Long ago: begin at the last expiry, so that the numbers of expiries stay small.
                let late = realtime().saturating_sub(due);
                let missed = late - late.checked_rem(period).unwrap_or(late);
                Self { clock: Some(ClockIs::Realtime), due: due + missed, period }
            }
        }
    }

    pub(crate) fn now(self) -> u64 {
        if self.clock == Some(ClockIs::Realtime) { realtime() } else { monotonic() }
    }

    /// How often it has expired.
    fn expiries(self, now: u64) -> u64 {
        match self.clock {
            Some(_) if now >= self.due => 1 + (now - self.due).checked_div(self.period).unwrap_or(0),
            _ => 0,
        }
    }

    /// When it will expire next.
    fn next(self, now: u64) -> Option<Alarm> {
        let clock = match self.clock? {
            ClockIs::Monotonic => ClockId::Monotonic,
            ClockIs::Realtime => ClockId::Realtime,
        };
        let at = match self.expiries(now) {
            0 => self.due,
            _ if self.period == 0 => return None,
            passed => self.due.saturating_add(passed.saturating_mul(self.period)),
        };
        Some(Alarm { clock, at })
    }

    /// The timer's state for people: nanoseconds until the next expiry, and the period.
    pub(crate) fn shown(self) -> (Option<u64>, u64) {
        let left = self.next(self.now()).map(Alarm::left);
        (left, self.period)
    }
}

fn bank(words: &Words, state: State) -> &Bank {
    let [first, second] = &words.banks;
    if state.payload() & SECOND_BANK != 0 { second } else { first }
}

fn schedule(words: &Words, state: State) -> Result<Schedule, Trouble> {
    Schedule::load(bank(words, state)).ok_or(Trouble::Corrupt)
}

/// The schedule from a private copy of the words, for people.
pub(crate) fn schedule_of(state: State, banks: [[u64; 3]; 2]) -> Option<Schedule> {
    let [clock, due, period] = banks[usize::from(state.payload() & SECOND_BANK != 0)];
    Schedule::read(clock, due, period)
}

fn count(state: State) -> u32 {
    state.payload() & COUNT
}

fn with_count(state: State, count: u32) -> State {
    state.with_payload(state.payload() & SECOND_BANK | count & COUNT)
}

/// What a wait notes when it begins.
pub(super) fn passed_before(state: State) -> u32 {
    count(state)
}

/// Whether a state with this schedule is signalled at this time. Whoever then asks when it will be asks for the same time: a
/// second look at the clock may find that the only expiry has passed, and nothing to wait for.
pub(crate) fn is_signaled(state: State, schedule: Schedule, manual: bool, now: u64) -> bool {
    let expiries = schedule.expiries(now);
    // A wall clock that is set back makes another expiry the last one: that is one that nobody waited for, once.
    let fired = expiries > 0 && (manual || expiries as u32 & COUNT != count(state));
    state.is_signaled() || state.tickets() > 0 || fired
}

pub(super) fn assess(
    timer: &Synchronizer,
    words: &Words,
    state: State,
    passed_before: u32,
) -> Result<Verdict, Trouble> {
    let manual = timer.is_manual();
    if manual && count(state) != passed_before {
        if state.is_locked() && latch::is_gone(words) {
            return Err(Trouble::Corrupt); // not another count, but no timer any more
        }
        return Ok(Verdict::Satisfied(state));
    }
    if state.is_locked() {
        return Ok(Verdict::Locked);
    }
    let schedule = schedule(words, state);
    // The bank counts if the cell has not changed meanwhile: it is written only while the other one does.
    fence(Acquire);
    let again = load(&words.cell).with_lock(false);
    if again.without_waiters() != state.without_waiters() {
        return Ok(Verdict::Locked); // look again
    }
    let schedule = schedule?;
    Ok(assess_at(state, schedule, manual, schedule.now()))
}

fn assess_at(state: State, schedule: Schedule, manual: bool, now: u64) -> Verdict {
    if !is_signaled(state, schedule, manual, now) {
        return Verdict::Unsignaled(schedule.next(now));
    }
    Verdict::Satisfied(if manual {
        // A wall clock may be set back later; that does not take back what has happened.
        state.with_signaled(state.is_signaled() || schedule.clock == Some(ClockIs::Realtime))
    } else {
        let expiries = schedule.expiries(now) as u32;
        cell::consumed(state, |state| with_count(state.with_signaled(false), expiries))
    })
}

/// A ticket that nobody may come for was for an expiry before the timer was set anew, and goes with that.
pub(super) fn drop_ticket(timer: &Synchronizer) {
    cell::update(&timer.words().cell, |state| {
        (state.tickets() > 0 && !state.is_locked()).then(|| state.minus_tickets(1))
    });
}

/// Arms the timer anew; it is not signalled any more (TI-11).
pub(crate) fn set(timer: &Synchronizer, when: When, period: u64) -> Result<(), Trouble> {
    let schedule = Schedule::of(when, period);
    decide(timer, schedule, |state, was_signaled, sleepers| {
        let state = state.with_signaled(false); // who was given a ticket has been released
        // Who slept when it fired has been released, although it may not have run yet.
        let released = was_signaled && sleepers > 0;
        if timer.is_manual() {
            with_count(state, count(state).wrapping_add(u32::from(released)))
        } else {
            let room = state.tickets() < cell::MANY_TICKETS;
            let tickets = u32::from(released && room && !state.has_some_for_all());
            with_count(state, 0).plus_tickets(tickets)
        }
    })
}

/// Stops the clock; a timer that has fired stays signalled (TI-16).
pub(crate) fn cancel(timer: &Synchronizer) -> Result<(), Trouble> {
    decide(timer, Schedule::STOPPED, |state, was_signaled, _| {
        let count = if timer.is_manual() { count(state) } else { 0 };
        with_count(state, count).with_signaled(was_signaled)
    })
}

/// Makes another schedule count, and `change` of the state what goes with it.
fn decide(
    timer: &Synchronizer,
    schedule: Schedule,
    change_of: impl Fn(State, bool, u32) -> State,
) -> Result<(), Trouble> {
    gate::hold(timer, Deadline::Now.for_decision(), |seat| {
        let words = seat.words();
        let sleepers = cell::lock_and_wake(&words.cell)?;
        step("timer: locked");
        let state = load(&words.cell);
        let old = self::schedule(words, state).unwrap_or(Schedule::STOPPED);
        // What was handed out is not there any more.
        let was_signaled =
            is_signaled(state.minus_tickets(state.tickets()), old, timer.is_manual(), old.now());
        let [first, second] = &words.banks;
        schedule.store(if state.payload() & SECOND_BANK != 0 { first } else { second });
        step("timer: other bank written");
        loop {
            let state = load(&words.cell);
            let changed = change_of(state, was_signaled, sleepers);
            let other = changed.with_payload(changed.payload() ^ SECOND_BANK).next_in_sequence();
            // Everybody was woken, and nobody falls asleep while it is locked.
            if change(&words.cell, state, other.with_lock(false).without_waiters()) {
                return Ok(());
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by reading: a wait that looked at the clock once before the due time and once after it slept for ever.
    #[test]
    fn at_every_instant_a_timer_that_was_not_consumed_is_signalled_or_has_an_alarm() {
        for (manual, period) in [(false, 0), (true, 0), (false, 10), (true, 10)] {
            let schedule = Schedule { clock: Some(ClockIs::Monotonic), due: 100, period };
            for now in [0, 99, 100, 101, 109, 110, 111, u64::MAX] {
                match assess_at(State::new(0, false), schedule, manual, now) {
                    Verdict::Satisfied(_) => assert!(now >= 100, "{manual} {period} at {now}"),
                    Verdict::Unsignaled(alarm) => {
                        assert!(now < 100, "{manual} {period} at {now}");
                        assert_eq!(alarm.map(|alarm| alarm.at), Some(100));
                    }
                    Verdict::Locked => panic!("nobody decides"),
                }
            }
        }
    }

    #[test]
    fn a_consumed_expiry_is_waited_for_no_more_and_the_next_one_is() {
        let schedule = Schedule { clock: Some(ClockIs::Monotonic), due: 100, period: 10 };
        let Verdict::Satisfied(consumed) = assess_at(State::new(0, false), schedule, false, 105) else {
            panic!("it has expired");
        };
        let Verdict::Unsignaled(Some(alarm)) = assess_at(consumed, schedule, false, 109) else {
            panic!("it is consumed, and will expire again");
        };
        assert_eq!(alarm.at, 110);
        assert!(matches!(assess_at(consumed, schedule, false, 110), Verdict::Satisfied(_)));
        let once = Schedule { period: 0, ..schedule };
        assert!(matches!(assess_at(consumed, once, false, 500), Verdict::Unsignaled(None)));
    }
}
