//! The cell: the shared state of events, semaphores and timers in one word of 64 bits, changed by one compare-exchange.
//!
//! ```text
//! 63        32 31    30 ..... 14 13 .... 4  3    2       1        0
//! [ payload  ][MULTI][ SEQUENCE ][TICKETS ][ALL][LOCKED][WAITERS][SIGNALED]   what waits consume
//! [ payload  ][MULTI][ GENERATION ........][ALL][LOCKED][WAITERS][SIGNALED]   manual-reset events
//! ```
//! The low half is the futex word; the payload is a semaphore's count, a timer's (see [`timer`](super::timer)), or the number of
//! waits that an auto-reset event has satisfied, which is its sequence.
//!
//! | bit | means | set by | cleared by |
//! |---|---|---|---|
//! | `SIGNALED` | the next wait is satisfied | a signal | the wait that consumes it; reset |
//! | `TICKETS` | signals that were handed to sleepers who were woken for them | a signal that finds sleepers | the wait that consumes it (anybody's) |
//! | `WAITERS` | somebody may sleep on the low half | who is going to sleep, while it is not signalled | a signaller, see below |
//! | `MULTI` | among them somebody who waits for several objects | likewise | likewise |
//! | `ALL` | among these somebody who waits for all of them | likewise | likewise, and who leaves a wait for all |
//! | `LOCKED` | the holder of the gate decides | only the holder of the gate | the same; who takes the gate after its death (**G1**) |
//! | `SEQUENCE`, an event's payload | changes with every consumption | | |
//! | `GENERATION` | changes when the event ceases to be signalled | reset, pulse | |
//!
//! **Tickets.** On Windows a signal satisfies a sleeper at once: a reset that follows does not take it back, and a second signal
//! satisfies the next sleeper. Here a sleeper has to run first. A ticket is its signal meanwhile: reset does not take it, it does
//! not collapse with others, and it does not count against a semaphore's maximum. Anybody who waits may take it, so it is not lost
//! with the one that it was meant for. For manual-reset events the generation does the same.
//!
//! **A signal is one step.** With sleepers, the kernel changes the low half and wakes in one system call; killed anywhere, the
//! signaller has either done nothing, or signalled *and* woken. Then it settles: what nobody was woken for
//! becomes an ordinary signal.
//!
//! **WAITERS and MULTI** are cleared only by a signaller that woke everybody, and only if the whole cell is what that
//! signaller made of it. A new sleeper cannot have come meanwhile: the signal was there all the time, or `SEQUENCE` has changed.
//!
//! **MULTI** makes a signaller wake everybody: who waits for several objects may take another one. **ALL** makes it settle all tickets at
//! once: who waits for all may have no use for the signal for long, and then it has to be one that a reset takes away.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use super::clock::Alarm;
use super::futex::{self, Change, EVERYBODY};
use super::{Trouble, not_woken};
use crate::test_hooks::step;

const SIGNALED: u64 = 1;
const WAITERS: u64 = 1 << 1;
const LOCKED: u64 = 1 << 2;
const ALL: u64 = 1 << 3;
const TICKET: u64 = 1 << 4;
const TICKETS: u64 = 0x3ff << 4;
const SEQUENCE_STEP: u64 = 1 << 14;
const SEQUENCE: u64 = (1 << 31) - SEQUENCE_STEP;
const GENERATION_STEP: u64 = 1 << 4;
const GENERATION: u64 = (1 << 31) - GENERATION_STEP;
const MULTI: u64 = 1 << 31;

/// How many tickets one signal hands out at once. The kernel adds them whatever is there by then, so what signallers can add who
/// are all stopped between their look and that step has to fit above [`MANY_TICKETS`]: 63 of them.
pub(crate) const TICKETS_AT_ONCE: u32 = 8;
/// From how many on nobody hands out more.
pub(crate) const MANY_TICKETS: u32 = 512;

/// One value of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State(pub(crate) u64);

impl State {
    /// The cell of an object that is gone: see [`Words::become_gone`](super::words::Words::become_gone).
    pub(crate) const GONE: Self = Self((u32::MAX as u64) << 32 | LOCKED | WAITERS);

    #[inline]
    pub(crate) fn new(payload: u32, signaled: bool) -> Self {
        Self(u64::from(payload) << 32 | u64::from(signaled))
    }

    #[inline]
    pub(crate) fn payload(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline]
    pub(crate) fn with_payload(self, payload: u32) -> Self {
        Self(self.0 & 0xffff_ffff | u64::from(payload) << 32)
    }

    /// With a larger payload; the caller has looked that it fits.
    #[inline]
    pub(crate) fn plus_payload(self, count: u32) -> Self {
        Self(self.0.wrapping_add(u64::from(count) << 32))
    }

    /// With a payload that is smaller by 1, and the next sequence number, in one addition. `None`: that one is 0.
    #[inline]
    pub(crate) fn minus_payload_in_sequence(self) -> Option<Self> {
        let is_last = self.0 & SEQUENCE == SEQUENCE;
        (!is_last).then(|| Self(self.0.wrapping_add(SEQUENCE_STEP).wrapping_sub(1 << 32)))
    }

    /// What a sleeper expects to find.
    #[inline]
    pub(crate) fn low(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    pub(crate) fn is_signaled(self) -> bool {
        self.0 & SIGNALED != 0
    }

    /// Without the signal of a state that has it: one subtraction.
    #[inline]
    pub(crate) fn without_plain_signal(self) -> Self {
        Self(self.0.wrapping_sub(SIGNALED))
    }

    /// Neither signalled nor locked. For timers, which are read off the clock, it says nothing.
    #[inline]
    pub(crate) fn is_plainly_unsignaled(self, manual: bool) -> bool {
        self.0 & (SIGNALED | LOCKED | if manual { 0 } else { TICKETS }) == 0
    }

    /// Signalled, not locked, and without tickets.
    #[inline]
    pub(crate) fn is_plainly_signaled(self) -> bool {
        self.0 & (SIGNALED | LOCKED | TICKETS) == SIGNALED
    }

    #[inline]
    pub(crate) fn with_signaled(self, signaled: bool) -> Self {
        Self(self.0 & !SIGNALED | u64::from(signaled))
    }

    #[inline]
    pub(crate) fn tickets(self) -> u32 {
        ((self.0 & TICKETS) / TICKET) as u32
    }

    /// With fewer tickets; never called for more than there are.
    #[inline]
    pub(crate) fn minus_tickets(self, count: u32) -> Self {
        Self(self.0 - TICKET * u64::from(count))
    }

    #[inline]
    pub(crate) fn plus_tickets(self, count: u32) -> Self {
        Self(self.0.wrapping_add(TICKET * u64::from(count)))
    }

    /// After a consumption.
    #[inline]
    pub(crate) fn next_in_sequence(self) -> Self {
        Self(self.0 & !SEQUENCE | self.0.wrapping_add(SEQUENCE_STEP) & SEQUENCE)
    }

    #[inline]
    pub(crate) fn generation(self) -> u32 {
        ((self.0 & GENERATION) / GENERATION_STEP) as u32
    }

    #[inline]
    pub(crate) fn next_generation(self) -> Self {
        Self(self.0 & !GENERATION | self.0.wrapping_add(GENERATION_STEP) & GENERATION)
    }

    #[inline]
    pub(crate) fn is_locked(self) -> bool {
        self.0 & LOCKED != 0
    }

    #[inline]
    pub(crate) fn with_lock(self, locked: bool) -> Self {
        Self(self.0 & !LOCKED | if locked { LOCKED } else { 0 })
    }

    #[inline]
    pub(crate) fn has_waiters(self) -> bool {
        self.0 & WAITERS != 0
    }

    #[inline]
    pub(crate) fn has_several(self) -> bool {
        self.0 & MULTI != 0
    }

    #[inline]
    pub(crate) fn has_some_for_all(self) -> bool {
        self.0 & ALL != 0
    }

    #[inline]
    fn with_sleeper(self, sleeper: Sleeper) -> Self {
        let several = match sleeper {
            Sleeper::Alone => 0,
            Sleeper::ForAny => MULTI,
            Sleeper::ForAll => MULTI | ALL,
        };
        Self(self.0 | WAITERS | several)
    }

    #[inline]
    pub(crate) fn without_waiters(self) -> Self {
        Self(self.0 & !(WAITERS | MULTI | ALL))
    }
}

/// What a sleeper waits for besides the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleeper {
    Alone,
    ForAny,
    ForAll,
}

/// What a wait makes of a state.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    /// Satisfied, and this is the state that it leaves.
    Satisfied(State),
    /// Not now. If nothing happens it will be at the alarm.
    Unsignaled(Option<Alarm>),
    /// Somebody is deciding.
    Locked,
}

#[inline]
pub(crate) fn load(cell: &AtomicU64) -> State {
    State(cell.load(Acquire))
}

/// One compare-exchange. A signal synchronizes with the wait that consumes it, so it is a release even if it changes nothing.
#[inline]
pub(crate) fn change(cell: &AtomicU64, from: State, to: State) -> bool {
    cell.compare_exchange(from.0, to.0, AcqRel, Relaxed).is_ok()
}

/// Changes the cell until that succeeds; `to` sees each state, and may decline.
pub(crate) fn update(cell: &AtomicU64, mut to: impl FnMut(State) -> Option<State>) -> Option<(State, State)> {
    loop {
        let from = load(cell);
        let to = to(from)?;
        if change(cell, from, to) {
            return Some((from, to));
        }
    }
}

/// Announces a sleeper; what it has to expect, or `None` if the cell has changed.
pub(crate) fn announce(cell: &AtomicU64, seen: State, sleeper: Sleeper) -> Option<u32> {
    let marked = seen.with_sleeper(sleeper);
    (marked == seen || change(cell, seen, marked)).then_some(marked.low())
}

/// Takes as a wait does from a state that may have tickets and is signalled or not: the ticket first.
#[inline]
pub(crate) fn consumed(state: State, otherwise: impl FnOnce(State) -> State) -> State {
    let state = state.next_in_sequence();
    if state.tickets() > 0 { state.minus_tickets(1) } else { otherwise(state) }
}

/// What became of a signal for sleepers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rung {
    /// The state before it, as far as that could be seen.
    before: State,
    /// How many were woken.
    pub(crate) woken: u32,
    count: u32,
}

impl Rung {
    /// How many tickets nobody was woken for, or who was woken may have no use for.
    pub(crate) fn left_over(self, now: State) -> u32 {
        let some_for_all = self.before.has_some_for_all() || now.has_some_for_all();
        if some_for_all { self.count } else { self.count - self.woken.min(self.count) }
    }

    /// Whether nobody has taken anything from the event since.
    pub(crate) fn is_untouched(self, now: State) -> bool {
        now.payload() == self.before.payload()
    }

    /// A state in which nobody can sleep, as nothing has happened since everybody was woken. (With the tickets of another
    /// signaller in it, that one still has to see what sort of sleepers there were.)
    pub(crate) fn is_quiet(self, now: State) -> bool {
        let everybody = self.before.has_several() || self.woken < self.count;
        everybody && self.before.tickets() == 0 && now == self.before.plus_tickets(self.count)
    }
}

/// Hands out tickets and wakes as many sleepers, or all of them if one waits for several objects, in one step.
/// `before` is a state with waiters, `count` at most [`TICKETS_AT_ONCE`].
pub(crate) fn ring(cell: &AtomicU64, before: State, count: u32) -> Result<Rung, Trouble> {
    step("signal: about to ring");
    let tickets = Change::Add((TICKET * u64::from(count)) as u16);
    let woken = futex::change_and_wake(cell, tickets, count).map_err(not_woken)?;
    step("signal: rung");
    Ok(Rung { before, woken, count })
}

/// Sets SIGNALED, and wakes everybody, in one step. Clears WAITERS if nobody can sleep any more.
pub(crate) fn raise_for_all(cell: &AtomicU64, before: State) -> Result<(), Trouble> {
    futex::change_and_wake(cell, Change::Or(SIGNALED as u16), EVERYBODY).map_err(not_woken)?;
    step("signal: rung");
    let raised = before.with_signaled(true);
    let _ = change(cell, raised, raised.without_waiters());
    Ok(())
}

/// Moves on to the next generation, and wakes everybody, in one step.
pub(crate) fn next_generation_for_all(cell: &AtomicU64) -> Result<(), Trouble> {
    futex::change_and_wake(cell, Change::Add(GENERATION_STEP as u16), EVERYBODY).map_err(not_woken)?;
    Ok(())
}

/// Locks the cell. Only for the holder of the gate. If somebody sleeps, all are woken in the same step, and wait at the
/// gate; returns how many.
pub(crate) fn lock_and_wake(cell: &AtomicU64) -> Result<u32, Trouble> {
    let seen = load(cell);
    if !seen.has_waiters() && change(cell, seen, seen.with_lock(true)) {
        return Ok(0);
    }
    futex::change_and_wake(cell, Change::Or(LOCKED as u16), EVERYBODY).map_err(not_woken)
}

/// Somebody who slept for all leaves. Those who still do are woken in the same step, and announce themselves again.
pub(crate) fn leave(cell: &AtomicU64) {
    if load(cell).has_some_for_all() {
        // What fails here costs a signal its ticket, once.
        let _ = futex::change_and_wake(cell, Change::AndNot(ALL as u16), EVERYBODY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_that_of_the_abi() {
        assert_eq!(SIGNALED | WAITERS | LOCKED, 7);
        assert_eq!(TICKETS, 0x3ff0);
        assert_eq!(SEQUENCE, 0x7fff_c000);
        assert_eq!(GENERATION, 0x7fff_fff0);
        assert_eq!(State::new(5, true).0, 0x5_0000_0001);
    }

    #[test]
    fn fields_keep_to_themselves() {
        let full = State(u64::MAX);
        assert_eq!(full.next_in_sequence().0, !SEQUENCE);
        assert_eq!(full.next_generation().0, !GENERATION);
        assert_eq!(State(0).next_in_sequence().0, SEQUENCE_STEP);
        assert_eq!(full.with_payload(0).0, 0xffff_ffff);
        assert_eq!(full.minus_tickets(1023).0, !TICKETS);
        assert_eq!(State(0).plus_tickets(3).tickets(), 3);
        assert_eq!(State::new(5, true).minus_payload_in_sequence().unwrap().payload(), 4);
        assert_eq!(State(SEQUENCE).minus_payload_in_sequence(), None);
        assert_eq!(State(0).with_sleeper(Sleeper::Alone).0, WAITERS);
        assert_eq!(State(0).with_sleeper(Sleeper::ForAny).0, WAITERS | MULTI);
        assert_eq!(State(0).with_sleeper(Sleeper::ForAll).without_waiters(), State(0));
    }

    #[test]
    fn waiters_are_cleared_only_from_the_very_state_that_the_signal_made() {
        let before = State(0).with_sleeper(Sleeper::Alone);
        let rung = Rung { before, woken: 0, count: 1 };
        assert!(rung.is_quiet(before.plus_tickets(1)));
        let consumed_and_signalled_again = before.plus_tickets(1).next_in_sequence();
        assert!(!rung.is_quiet(consumed_and_signalled_again));
        assert!(!Rung { woken: 1, ..rung }.is_quiet(before.plus_tickets(1)), "others may sleep");
        assert_eq!(rung.left_over(before), 1);
        assert_eq!(Rung { woken: 1, ..rung }.left_over(before), 0);
        let for_any = State(0).with_sleeper(Sleeper::ForAny);
        assert_eq!(Rung { woken: 5, ..rung }.left_over(for_any), 0);
        let for_all = State(0).with_sleeper(Sleeper::ForAll);
        assert_eq!(Rung { woken: 5, ..rung }.left_over(for_all), 1);
    }
}
