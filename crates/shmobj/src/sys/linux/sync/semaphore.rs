//! Semaphores: a cell whose payload is the count, and which is signalled while that is not 0.
//!
//! A release with sleepers hands them tickets, which do not count: on Windows a sleeper takes its part at once, and the count is as before.

use super::cell::{self, Rung, State, TICKETS_AT_ONCE, Verdict, change, load};
use super::clock::Deadline;
use super::{Synchronizer, Trouble, gate};
use crate::test_hooks::step;

/// The first state of a semaphore.
pub(crate) fn initial(count: u32) -> State {
    State::new(count, count > 0)
}

/// Whether a semaphore can have such a state.
#[inline]
fn is_sound(state: State, maximum: u32) -> bool {
    state.payload() <= maximum && state.is_signaled() == (state.payload() > 0)
}

#[inline]
fn with_count(state: State, count: u32) -> State {
    state.with_payload(count).with_signaled(count > 0)
}

#[inline]
pub(super) fn assess(state: State, maximum: u32) -> Result<Verdict, Trouble> {
    if !is_sound(state, maximum) {
        return Err(Trouble::Corrupt);
    }
    Ok(if state.is_locked() {
        Verdict::Locked
    } else if state.tickets() > 0 || state.is_signaled() {
        Verdict::Satisfied(cell::consumed(state, |state| with_count(state, state.payload() - 1)))
    } else {
        Verdict::Unsignaled(None)
    })
}

/// What a wait does if the count is not 0 and nothing is special; false if that is not so.
#[inline]
pub(crate) fn take_at_once(semaphore: &Synchronizer) -> bool {
    let cell = &semaphore.words().cell;
    let take = |state: State| {
        let left = state.payload().wrapping_sub(1);
        let is_plain = state.is_plainly_signaled() && left < semaphore.maximum();
        let Some(taken) = state.minus_payload_in_sequence().filter(|_| is_plain) else { return false };
        let taken = if left == 0 { taken.without_plain_signal() } else { taken };
        semaphore.guess.change(cell, state, taken).is_ok()
    };
    take(semaphore.guess.last()) || take(load(cell))
}

/// Adds to the count; returns what it was. All or nothing, also if the process is killed in here.
#[inline]
pub(crate) fn release(semaphore: &Synchronizer, count: u32) -> Result<u32, Trouble> {
    let cell = &semaphore.words().cell;
    let mut state = semaphore.guess.last();
    // Nothing is refused, and nobody woken, because of a guess.
    if state.has_waiters() || !fits(semaphore, state, count) {
        state = load(cell);
    }
    loop {
        if !fits(semaphore, state, count) {
            return Err(refusal(semaphore, state));
        }
        if state.has_waiters() {
            return release_to_sleepers(semaphore, state, count);
        }
        let released = state.plus_payload(count).with_signaled(true);
        match semaphore.guess.change(cell, state, released) {
            Ok(()) => return Ok(state.payload()),
            Err(found) => state = found,
        }
    }
}

/// Whether so much can be added to this count.
#[inline]
fn fits(semaphore: &Synchronizer, state: State, count: u32) -> bool {
    u64::from(state.payload()) + u64::from(count) <= u64::from(semaphore.maximum())
}

/// Why so much cannot be added to this count.
#[cold]
fn refusal(semaphore: &Synchronizer, state: State) -> Trouble {
    let (count, maximum) = (state.payload(), semaphore.maximum());
    if count > maximum { Trouble::Corrupt } else { Trouble::OverMaximum { count, maximum } } // SE-6
}

#[cold]
fn release_to_sleepers(semaphore: &Synchronizer, state: State, count: u32) -> Result<u32, Trouble> {
    if count > TICKETS_AT_ONCE || state.tickets() >= cell::MANY_TICKETS {
        return release_many(semaphore, count);
    }
    let rung = cell::ring(&semaphore.words().cell, state, count)?;
    settle(semaphore, rung)?;
    Ok(state.payload())
}

/// More than the kernel adds in one step: decided at the gate, where sleepers wait for the outcome.
fn release_many(semaphore: &Synchronizer, count: u32) -> Result<u32, Trouble> {
    gate::hold(semaphore, Deadline::Now.for_decision(), |seat| {
        let cell = &seat.words().cell;
        cell::lock_and_wake(cell)?;
        step("signal: locked");
        loop {
            let state = load(cell);
            let previous = state.payload();
            if !fits(semaphore, state, count) {
                return Err(refusal(semaphore, state));
            }
            if change(cell, state, with_count(state, previous + count)) {
                return Ok(previous);
            }
        }
    })
}

/// A ticket that nobody may come for is counted, if it fits.
pub(super) fn return_ticket(semaphore: &Synchronizer) {
    cell::update(&semaphore.words().cell, |state| {
        let fits = is_sound(state, semaphore.maximum()) && fits(semaphore, state, 1);
        (state.tickets() > 0 && fits).then(|| with_count(state.minus_tickets(1), state.payload() + 1))
    });
}

/// Tickets that nobody was woken for are counted. What does not fit, because others have filled the semaphore at the same
/// time, is taken back; then the release was refused, but for those that it has woken.
fn settle(semaphore: &Synchronizer, rung: Rung) -> Result<(), Trouble> {
    let maximum = semaphore.maximum();
    let mut refused = None;
    cell::update(&semaphore.words().cell, |state| {
        refused = None;
        let unused = rung.left_over(state).min(state.tickets());
        if unused == 0 || !is_sound(state, maximum) {
            return None;
        }
        let fits = fits(semaphore, state, unused);
        if !fits && state.is_locked() {
            return None; // somebody is taking it, so what is there stays there: it was released
        }
        refused = (!fits).then_some(Trouble::OverMaximum { count: state.payload(), maximum });
        let counted = if fits { unused } else { 0 };
        let settled = with_count(state.minus_tickets(unused), state.payload() + counted);
        Some(if rung.is_quiet(state) { settled.without_waiters() } else { settled })
    });
    step("signal: settled");
    refused.map_or(Ok(()), Err)
}
