//! The gate: who holds it decides about the object, for a moment. It is the latch of every kind but the mutex.
//!
//! **G1:** `LOCKED` is set in a cell only by the holder of its gate, and cleared before the gate is given back. So whoever takes the
//! gate and finds `LOCKED` has found what a dead holder left, and clears it: nothing had been decided.
//!
//! Signals go on meanwhile; whoever takes or resets waits at the gate.

use super::clock::Deadline;
use super::latch::{self, Wake};
use super::seat::{self, Seat};
use super::spin::Spin;
use super::{Synchronizer, Trouble, cell};
use crate::test_hooks::step;

/// Gates are held for microseconds; each process learns the same about all of them.
static SPIN: Spin = Spin::new();

/// Takes the gate, and with it the right to lock the cell.
pub(super) fn take(seat: &Seat, deadline: Deadline) -> Result<(), Trouble> {
    if !latch::take_at_once(seat) {
        latch::take(seat, deadline, &SPIN)?.ok_or(Trouble::Stalled)?;
    }
    step("gate: taken");
    unlock(seat);
    Ok(())
}

/// Clears LOCKED: a dead holder's (G1), or our own.
fn unlock(seat: &Seat) {
    cell::update(&seat.words().cell, |state| state.is_locked().then(|| state.with_lock(false)));
}

/// Gives the gate back, unlocked, and wakes all who wait for the decision.
pub(super) fn give_back(seat: &Seat) {
    unlock(seat);
    step("gate: about to be given back");
    // If somebody else has written into the gate, it is theirs now: the object is broken, and nothing of ours depends on it.
    latch::give_back(seat, Wake::All);
}

/// Waits until nobody decides about the cell any more. `limit` is that of the whole call, and begins with the first time.
#[cold]
pub(super) fn pass(
    object: &Synchronizer,
    limit: &mut Option<Deadline>,
    deadline: Deadline,
) -> Result<(), Trouble> {
    if latch::is_gone(object.words()) {
        return Err(Trouble::Corrupt); // nobody will ever unlock it
    }
    let limit = *limit.get_or_insert_with(|| deadline.for_decision());
    if limit.has_passed() {
        return Err(Trouble::Stalled);
    }
    hold(object, limit, |_| Ok(()))
}

/// Decides something as the holder of the gate.
pub(super) fn hold<R>(
    object: &Synchronizer,
    deadline: Deadline,
    decide: impl FnOnce(&Seat) -> Result<R, Trouble>,
) -> Result<R, Trouble> {
    let seat = seat::of(object)?;
    take(&seat, deadline)?;
    let decided = decide(&seat);
    give_back(&seat);
    decided
}
