//! Events: a cell that is set and reset.
//!
//! | | manual reset | auto reset |
//! |---|---|---|
//! | satisfied | `SIGNALED`, or it was since the wait began (`GENERATION`) | `SIGNALED` or a ticket |
//! | a satisfied wait | changes nothing | consumes it |
//! | set | everybody passes until it is reset | one passes; a ticket for a sleeper |
//! | reset | next generation | tickets stay |
//! | pulse | next generation, everybody wakes | a ticket if somebody sleeps |

use super::cell::{self, Rung, Sleeper, State, Verdict, load};
use super::clock::Deadline;
use super::{Synchronizer, Trouble, gate, latch};
use crate::test_hooks::step;

/// How long a pulse waits for somebody who waits for all of several objects to take it.
const PULSE_LASTS: std::time::Duration = std::time::Duration::from_millis(20);

#[inline]
pub(super) fn assess_manual(state: State, generation_at_first: u32) -> Verdict {
    // Nothing is taken, so nobody has to wait for a decision about it.
    if state.is_signaled() || state.generation() != generation_at_first {
        Verdict::Satisfied(state)
    } else if state.is_locked() {
        Verdict::Locked
    } else {
        Verdict::Unsignaled(None)
    }
}

#[inline]
pub(super) fn assess_auto(state: State) -> Verdict {
    if state.is_locked() {
        Verdict::Locked
    } else if state.tickets() > 0 || state.is_signaled() {
        Verdict::Satisfied(consumed(state))
    } else {
        Verdict::Unsignaled(None)
    }
}

/// What a wait leaves of a signalled state: it takes a ticket first, and counts in the payload.
#[inline]
fn consumed(state: State) -> State {
    let taken = if state.tickets() > 0 { state.minus_tickets(1) } else { state.with_signaled(false) };
    taken.plus_payload(1)
}

/// What a wait does if the event is set and nothing is special; false if that is not so.
#[inline]
pub(crate) fn take_at_once(event: &Synchronizer) -> bool {
    let cell = &event.words().cell;
    if event.is_manual() {
        return load(cell).is_signaled();
    }
    let take = |from: State| {
        from.is_plainly_signaled()
            && event.guess.change(cell, from, from.without_plain_signal().plus_payload(1)).is_ok()
    };
    // Expected only if this handle has set it: who waits for others would take the cache line from them.
    take(event.guess.last()) || take(load(cell))
}

/// Killed anywhere in here: not set, or set with all its consequences (see [`cell`]).
#[inline]
pub(crate) fn set(event: &Synchronizer) -> Result<(), Trouble> {
    let cell = &event.words().cell;
    let last = event.guess.last();
    // What this handle has set was mostly taken since.
    let taken = last.is_plainly_signaled() && !event.is_manual();
    let mut state = if taken { last.without_plain_signal().plus_payload(1) } else { last };
    if state.has_waiters() {
        state = load(cell);
    }
    loop {
        if state.has_waiters() {
            return set_for_sleepers(event, state);
        }
        match event.guess.change(cell, state, state.with_signaled(true)) {
            Ok(()) => return Ok(()),
            Err(found) => state = found,
        }
    }
}

#[cold]
fn set_for_sleepers(event: &Synchronizer, state: State) -> Result<(), Trouble> {
    let set = ring_or_raise(event, state);
    if latch::is_gone(event.words()) {
        // It may have gone just now, and then what was set is private memory: nobody is to take it for an event.
        event.words().become_gone();
        return Err(Trouble::Corrupt);
    }
    set
}

fn ring_or_raise(event: &Synchronizer, state: State) -> Result<(), Trouble> {
    let cell = &event.words().cell;
    // So many sleepers that have not run yet: they all look, and this signal may be one with another's.
    if event.is_manual() || state.tickets() >= cell::MANY_TICKETS {
        return cell::raise_for_all(cell, state);
    }
    settle(event, cell::ring(cell, state, 1)?);
    Ok(())
}

/// The ticket that nobody was woken for becomes an ordinary signal.
fn settle(event: &Synchronizer, rung: Rung) {
    cell::update(&event.words().cell, |state| {
        let unused = rung.left_over(state).min(state.tickets());
        let settled = state.minus_tickets(unused).with_signaled(true);
        let settled = if rung.is_quiet(state) { settled.without_waiters() } else { settled };
        (unused > 0).then_some(settled)
    });
    step("signal: settled");
}

/// A ticket that nobody may come for becomes an ordinary signal. Beside one, that of a sleeper for any stays, as two sleepers may have
/// had two signals; that of a sleeper for all would have been settled by the signaller, and is one with it.
pub(super) fn return_ticket(event: &Synchronizer, sleeper: Sleeper) {
    cell::update(&event.words().cell, |state| {
        let returned = state.tickets() > 0 && (!state.is_signaled() || sleeper == Sleeper::ForAll);
        returned.then(|| state.minus_tickets(1).with_signaled(true))
    });
}

/// Killed anywhere in here: reset or not.
#[inline]
pub(crate) fn reset(event: &Synchronizer) -> Result<(), Trouble> {
    let cell = &event.words().cell;
    let mut limit = None;
    loop {
        let state = load(cell);
        if state.is_locked() {
            gate::pass(event, &mut limit, Deadline::Now)?;
        } else if event.guess.change(cell, state, without_signal(event, state)).is_ok() {
            return Ok(());
        }
    }
}

fn without_signal(event: &Synchronizer, state: State) -> State {
    let ceases = state.is_signaled() && event.is_manual();
    let state = if ceases { state.next_generation() } else { state };
    state.with_signaled(false)
}

/// Releases who sleeps now. Killed in its middle, an auto-reset event may stay set.
pub(crate) fn pulse(event: &Synchronizer) -> Result<(), Trouble> {
    reset(event)?;
    let cell = &event.words().cell;
    let state = load(cell);
    if !state.has_waiters() {
        return Ok(()); // EV-8
    }
    if event.is_manual() {
        return cell::next_generation_for_all(cell);
    }
    let rung = cell::ring(cell, state, 1)?;
    if rung.woken > 0 {
        if rung.left_over(load(cell)) == 0 {
            return Ok(()); // its ticket waits for who was woken
        }
        wait_for_taker(event);
    }
    withdraw(event, rung);
    Ok(())
}

/// Whether somebody who waits for all of several objects has a use for a pulse turns out when it runs.
fn wait_for_taker(event: &Synchronizer) {
    let begun = std::time::Instant::now();
    while load(&event.words().cell).tickets() > 0 && begun.elapsed() < PULSE_LASTS {
        std::thread::sleep(std::time::Duration::from_micros(50));
    }
}

/// Nobody took the pulse: it leaves nothing behind (EV-8).
fn withdraw(event: &Synchronizer, rung: Rung) {
    cell::update(&event.words().cell, |state| {
        // What is locked is being taken; and if anything was taken, the pulse was.
        let unused = state.tickets() > 0 && !state.is_locked() && rung.is_untouched(state);
        let withdrawn = unused.then(|| state.minus_tickets(1))?;
        Some(if rung.is_quiet(state) { withdrawn.without_waiters() } else { withdrawn })
    });
}
