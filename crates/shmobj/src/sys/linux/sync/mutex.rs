//! The mutex: a latch with a token, that its thread can take again.
#![allow(unsafe_code)] // uses this thread's seat without counting as a user of it, for speed

use std::sync::atomic::Ordering::Relaxed;

use super::clock::Deadline;
use super::latch::{self, Former, Wake, watch};
use super::seat::{self, Seat};
use super::{Got, Synchronizer, Trouble, liveness};
use crate::test_hooks::step;

/// How deep a thread may own a mutex (MX-16).
const DEEPEST: u32 = i32::MAX as u32;

/// Takes the mutex if nobody owns or wants it, and this thread has owned it before; false if that is not so.
#[inline]
pub(crate) fn take_at_once(mutex: &Synchronizer) -> bool {
    let take = |seat: &Seat| {
        let taken = seat.depth.get() == 0 && latch::take_at_once(seat);
        if taken {
            own(seat);
        }
        taken
    };
    // SAFETY: nothing in it makes or gives back seats.
    unsafe { seat::with_known(mutex.key, take) }.unwrap_or(false)
}

/// Whether this thread could take it now, or it is broken.
#[inline]
pub(crate) fn is_worth_a_look(mutex: &Synchronizer) -> bool {
    let is_ours = || seat::known(mutex.key).is_some_and(|seat| seat.depth.get() > 0);
    !matches!(latch::is_owned(mutex.words()), Ok(true)) || is_ours() || freed_from_the_dead(mutex)
}

/// Takes the mutex. `None`: not before the deadline.
pub(crate) fn lock(mutex: &Synchronizer, deadline: Deadline) -> Result<Option<Got>, Trouble> {
    let seat = seat::of(mutex)?;
    if seat.depth.get() > 0 {
        return deepen(&seat).map(Some);
    }
    if deadline == Deadline::Now && latch::is_owned(mutex.words())? && !freed_from_the_dead(mutex) {
        latch::learn(&seat);
        return Ok(None);
    }
    Ok(latch::take(&seat, deadline, &mutex.spin)?.map(|former| own_after(&seat, former)))
}

/// Who only looks never sleeps, and has to find out now and then by itself whether the owner lives.
fn freed_from_the_dead(mutex: &Synchronizer) -> bool {
    const SOME: u32 = 64;
    let refusals = mutex.refusals.fetch_add(1, Relaxed);
    let is_due = refusals % SOME == SOME - 1 || latch::is_watched(mutex.words());
    is_due && latch::free_if_owner_is_dead(mutex.words())
}

#[cold]
fn deepen(seat: &Seat) -> Result<Got, Trouble> {
    let depth = seat.depth.get();
    if depth == DEEPEST {
        return Err(Trouble::TooDeep);
    }
    seat.depth.set(depth + 1);
    Ok(Got::Plainly)
}

/// The latch is ours: so is the mutex.
#[inline]
fn own(seat: &Seat) {
    seat.words().token.store(seat.token, Relaxed);
    seat.depth.set(1);
    step("mutex: owned");
}

/// The same. A token that is still there is that of an owner who died owning it.
fn own_after(seat: &Seat, former: Former) -> Got {
    let abandoned = former == Former::Died && seat.words().token.load(Relaxed) != 0;
    own(seat);
    if abandoned { Got::Abandoned } else { Got::Plainly }
}

/// Gives the mutex back, or one level of it.
#[inline]
pub(crate) fn release(mutex: &Synchronizer) -> Result<(), Trouble> {
    // SAFETY: nothing in it makes or gives back seats.
    match unsafe { seat::with_known(mutex.key, disown) } {
        Some(Disowned::Done) => Ok(()),
        known => release_slowly(mutex, known),
    }
}

/// How a release went. A trouble is many bytes, which the way without one is not to touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disowned {
    Done,
    NotOwner,
    TakenAway,
}

#[inline]
fn disown(seat: &Seat) -> Disowned {
    let Some(depth) = seat.depth.get().checked_sub(1) else { return Disowned::NotOwner };
    seat.depth.set(depth);
    if depth > 0 {
        return Disowned::Done;
    }
    let token = &seat.words().token;
    if token.load(Relaxed) != seat.token {
        return taken_away(seat);
    }
    token.store(0, Relaxed);
    step("mutex: token erased");
    if latch::give_back(seat, Wake::One) { Disowned::Done } else { Disowned::TakenAway }
}

/// Somebody wrote another token into it: it belongs to them, and is not ours to give back.
#[cold]
fn taken_away(seat: &Seat) -> Disowned {
    seat.pend();
    seat.delist();
    seat.unpend();
    Disowned::TakenAway
}

/// What was the matter. A mutex that this thread has not used lately is released here.
#[cold]
fn release_slowly(mutex: &Synchronizer, known: Option<Disowned>) -> Result<(), Trouble> {
    let disowned = known.or_else(|| seat::existing(mutex.key).map(|seat| disown(&seat)));
    match disowned.unwrap_or(Disowned::NotOwner) {
        Disowned::Done => Ok(()),
        Disowned::NotOwner => Err(Trouble::NotOwner),
        Disowned::TakenAway => Err(Trouble::Corrupt),
    }
}

/// How many times this thread owns the mutex.
pub(crate) fn depth(mutex: &Synchronizer) -> u32 {
    seat::existing(mutex.key).map_or(0, |seat| seat.depth.get())
}

/// Whether a wait for it would be satisfied now.
pub(super) fn is_signaled(mutex: &Synchronizer) -> Result<bool, Trouble> {
    Ok(depth(mutex) > 0 || !latch::is_owned(mutex.words())?)
}

/// Whether this thread owns it as often as it can.
pub(super) fn is_deepest(seat: &Seat) -> bool {
    seat.depth.get() == DEEPEST
}

/// The decision of a wait-all: it owned the mutex before, or does tentatively now.
pub(super) fn settle(seat: &Seat, former: Option<Former>) -> Got {
    let Some(former) = former else {
        seat.depth.set(seat.depth.get() + 1);
        return Got::Plainly;
    };
    let got = own_after(seat, former);
    latch::settle(seat);
    got
}

/// Takes a mutex that this thread created as its own: the page has said so since before it had its name, and
/// asked others to look whether the creator lives; from now on the kernel does.
pub(crate) fn adopt(mutex: &Synchronizer) -> Result<(), Trouble> {
    let seat = seat::of(mutex)?;
    step("mutex: created as owned");
    seat.pend();
    seat.enlist();
    seat.unpend();
    seat.depth.set(1);
    if seat.is_listed() {
        liveness::erase(seat.words());
    }
    seat.words().watch.fetch_and(!watch::BORN_OWNED, Relaxed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::sealed::Sealed;
    use crate::{ErrorKind, Mutex, Timeout, wait};

    #[test]
    fn mx_16_a_thread_that_owns_it_as_often_as_it_can_is_refused_and_owns_it_as_before() {
        let mutex = Mutex::options().initially_owned(true).create_unnamed().unwrap();
        let seat = seat::of(&mutex.handle().object).unwrap();
        seat.depth.set(DEEPEST - 1);
        drop(mutex.lock().unwrap());
        std::mem::forget(mutex.lock().unwrap());
        assert_eq!(mutex.depth(), DEEPEST);
        for refused in [
            mutex.lock().map(drop),
            mutex.try_lock().map(drop),
            wait::any(&[&mutex], Timeout::NEVER).map(drop),
            wait::all(&[&mutex], Timeout::NEVER).map(drop),
        ] {
            let error = refused.unwrap_err();
            assert_eq!((error.kind(), error.win32_code()), (ErrorKind::TooDeep, 587));
            assert_eq!(mutex.depth(), DEEPEST);
        }
        seat.depth.set(1);
        mutex.release().unwrap();
    }

    #[test]
    fn a_thread_that_was_refused_where_numbers_are_ambiguous_does_not_try_at_once_again() {
        let mutex = Mutex::options().create_unnamed().unwrap();
        drop(mutex.lock().unwrap());
        let seat = seat::of(&mutex.handle().object).unwrap();
        assert!(seat.quick().is_some());
        seat.words().watch.fetch_or(watch::NUMBERS_AMBIGUOUS, Relaxed);
        let (owned, is_owned) = std::sync::mpsc::channel();
        let (done, is_done) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let mutex = &mutex;
            scope.spawn(move || {
                let _guard = mutex.lock().unwrap();
                owned.send(()).unwrap();
                is_done.recv().unwrap();
            });
            is_owned.recv().unwrap();
            assert!(mutex.try_lock().unwrap().is_none());
            assert!(seat.quick().is_none());
            done.send(()).unwrap();
            drop(mutex.lock().unwrap());
        });
    }
}
