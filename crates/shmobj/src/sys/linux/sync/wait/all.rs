//! Waiting for all of several objects, and taking them in one step.
//!
//! Nothing is taken, and nobody kept from anything, until all look signalled (WM-13, WM-23). Then:
//!
//! 1. The gates are taken in one order that is the same for everybody (their files), so no two wait-alls block each other. A
//!    mutex is its own gate, and taken tentatively; one that is owned is waited for without holding anything.
//! 2. Each cell is looked at again and `LOCKED`: nobody takes or resets it any more.
//! 3. Each object is committed in one compare-exchange. Who sees one of them taken meets the others locked until they are.
//!
//! **Killed** before 3: whoever takes a gate next clears `LOCKED` (**G1**); the kernel frees tentative mutexes, which are not
//! abandoned. Nothing was taken. Killed within 3: the objects committed so far died with the process, as if it had
//! been killed just after; the others are as they were.

use std::collections::BTreeSet;

use super::super::cell::{Sleeper, State, Verdict};
use super::super::clock::{Alarm, Deadline};
use super::super::latch::{self, Former, Tentative};
use super::super::seat::{self, InUse};
use super::super::spin::{Spin, Spinner};
use super::super::{Got, Synchronizer, Trouble, cell, futex, gate, mutex};
use super::{At, first_duplicate};
use crate::kind::Kind;
use crate::sys::linux::guard;
use crate::test_hooks::step;

static SPIN: Spin = Spin::new();

/// The indices of the mutexes that were abandoned. `None`: not before the deadline, and nothing was taken.
pub(crate) fn all(objects: &[&Synchronizer], deadline: Deadline) -> At<Option<Vec<usize>>> {
    if let Some(twice) = first_duplicate(objects) {
        return Err((twice, Trouble::GivenTwice));
    }
    guard::unblock_once();
    let mut slept_on = BTreeSet::new();
    let taken = take_all(objects, deadline, &mut slept_on);
    for index in slept_on {
        if !matches!(taken, Ok(Some(_))) {
            objects[index].return_ticket(Sleeper::ForAll);
        }
        cell::leave(&objects[index].words().cell);
    }
    taken
}

fn take_all(
    objects: &[&Synchronizer],
    deadline: Deadline,
    slept_on: &mut BTreeSet<usize>,
) -> At<Option<Vec<usize>>> {
    let mut order: Vec<usize> = (0..objects.len()).collect();
    order.sort_by_key(|&index| objects[index].key);
    let mut noted = Noted(None);
    let mut limit = None;
    let mut spinner = SPIN.start_for(objects.len());
    loop {
        let missing = match first_missing(objects, noted, &mut limit, deadline)? {
            Some(missing) => missing,
            None => match decide(objects, &order, noted)? {
                Decision::Taken(abandoned) => {
                    spinner.succeeded(&SPIN);
                    return Ok(Some(abandoned));
                }
                Decision::Missing(index) => index,
            },
        };
        if deadline == Deadline::Now {
            return Ok(None);
        }
        noted = Noted(None);
        if spinner.turn() {
            continue;
        }
        if deadline.has_passed() {
            return Ok(None);
        }
        spinner.failed(&SPIN);
        spinner = Spinner::woken();
        let at = |trouble| (missing, trouble);
        let before = others_if_signaled(objects, missing)?;
        let note = objects[missing].note();
        slept_on.insert(missing);
        sleep(objects[missing], note, deadline).map_err(at)?;
        if before.is_some_and(|before| before == others(objects, missing)) {
            noted = Noted(Some((missing, note)));
        }
    }
}

/// The object that was slept for while all others were signalled, and what was noted of it: an event that was set and reset
/// meanwhile counts (WM-19). All others count if they are signalled when they are looked at.
#[derive(Clone, Copy)]
struct Noted(Option<(usize, u32)>);

impl Noted {
    fn assess(self, objects: &[&Synchronizer], index: usize, state: State) -> Result<Verdict, Trouble> {
        let object = objects[index];
        let note = match self.0 {
            Some((noted, note)) if noted == index => note,
            _ => object.note_of(state),
        };
        object.assess(state, note)
    }
}

/// The states of all objects but one.
fn others(objects: &[&Synchronizer], missing: usize) -> Vec<u64> {
    let state = |object: &&Synchronizer| {
        let words = object.words();
        match object.kind {
            Kind::Mutex => latch::load(words).without_waiters().0,
            _ => cell::load(&words.cell).without_waiters().0,
        }
    };
    objects
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != missing)
        .map(|(_, object)| state(object))
        .collect()
}

/// The same, if all of them are signalled.
fn others_if_signaled(objects: &[&Synchronizer], missing: usize) -> At<Option<Vec<u64>>> {
    let states = others(objects, missing);
    for (index, object) in objects.iter().enumerate().filter(|(index, _)| *index != missing) {
        let at = |trouble| (index, trouble);
        let signaled = match object.kind {
            Kind::Mutex => mutex::is_signaled(object).map_err(at)?,
            _ => {
                let state = cell::load(&object.words().cell);
                let verdict = object.assess(state, object.note_of(state)).map_err(at)?;
                matches!(verdict, Verdict::Satisfied(_))
            }
        };
        if !signaled {
            return Ok(None);
        }
    }
    Ok(Some(states))
}

/// The first object that is not signalled.
fn first_missing(
    objects: &[&Synchronizer],
    noted: Noted,
    limit: &mut Option<Deadline>,
    deadline: Deadline,
) -> At<Option<usize>> {
    for (index, object) in objects.iter().enumerate() {
        let at = |trouble| (index, trouble);
        let signaled = loop {
            if object.kind == Kind::Mutex {
                break mutex::is_signaled(object).map_err(at)?;
            }
            match noted.assess(objects, index, cell::load(&object.words().cell)).map_err(at)? {
                Verdict::Satisfied(_) => break true,
                Verdict::Unsignaled(_) => break false,
                Verdict::Locked => gate::pass(object, limit, deadline).map_err(at)?,
            }
        };
        if !signaled {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Sleeps on one object that is missing, if it still is.
fn sleep(object: &Synchronizer, note: u32, deadline: Deadline) -> Result<(), Trouble> {
    let Some((expected, alarm)) = object.announce(note, Sleeper::ForAll)? else { return Ok(()) };
    let is_mutex = object.kind == Kind::Mutex;
    let deadline = if is_mutex { latch::limit_among_several(object.words(), deadline) } else { deadline };
    step("wait: about to sleep for all");
    futex::sleep(object.bed(expected), Alarm::earlier(deadline.alarm(), alarm));
    if is_mutex {
        latch::pass_on(object.words());
    }
    Ok(())
}

enum Decision {
    /// All are taken; these mutexes were abandoned.
    Taken(Vec<usize>),
    /// Nothing is taken, because this one was not signalled any more.
    Missing(usize),
}

/// An object whose gate this thread has.
struct Gated {
    index: usize,
    seat: InUse,
    /// For a mutex: how it was, or nothing if this thread owns it anyway.
    former: Option<Former>,
}

fn decide(objects: &[&Synchronizer], order: &[usize], noted: Noted) -> At<Decision> {
    let mut gated: Vec<Gated> = Vec::with_capacity(order.len());
    for &index in order {
        match take_gate(objects, index, noted) {
            Ok(Some((seat, former))) => gated.push(Gated { index, seat, former }),
            missing_or_trouble => {
                undo(objects, gated);
                missing_or_trouble.map_err(|trouble| (index, trouble))?;
                return Ok(Decision::Missing(index));
            }
        }
    }
    step("wait-all: all locked");
    let mut abandoned = Vec::new();
    for Gated { index, seat, former } in gated {
        if commit(objects, index, noted, &seat, former) == Got::Abandoned {
            abandoned.push(index);
        }
        step("wait-all: one committed");
    }
    abandoned.sort_unstable();
    Ok(Decision::Taken(abandoned))
}

/// Takes the gate, and locks what is behind it. `None`: it is not signalled; nothing is taken.
fn take_gate(
    objects: &[&Synchronizer],
    index: usize,
    noted: Noted,
) -> Result<Option<(InUse, Option<Former>)>, Trouble> {
    let object = objects[index];
    let seat = seat::of(object)?;
    let patience = Deadline::Now.for_decision();
    if object.kind == Kind::Mutex {
        if mutex::is_deepest(&seat) {
            return Err(Trouble::TooDeep);
        }
        if seat.depth.get() > 0 {
            return Ok(Some((seat, None))); // WM-15
        }
        return Ok(match latch::take_tentatively(&seat, patience)? {
            Tentative::Taken(former) => Some((seat, Some(former))),
            Tentative::Owned => None,
        });
    }
    gate::take(&seat, patience)?;
    step("wait-all: gate taken");
    let locked = cell::update(&seat.words().cell, |state| match noted.assess(objects, index, state) {
        Ok(Verdict::Satisfied(_)) => Some(state.with_lock(true)),
        _ => None,
    });
    if locked.is_none() {
        gate::give_back(&seat);
        return Ok(None);
    }
    Ok(Some((seat, None)))
}

/// Takes an object that is locked.
fn commit(
    objects: &[&Synchronizer],
    index: usize,
    noted: Noted,
    seat: &InUse,
    former: Option<Former>,
) -> Got {
    if objects[index].kind == Kind::Mutex {
        return mutex::settle(seat, former);
    }
    // Signals go on while it is locked, so it may take a second try; but what was there stays there.
    cell::update(&seat.words().cell, |state| {
        let unlocked = state.with_lock(false);
        Some(match noted.assess(objects, index, unlocked) {
            Ok(Verdict::Satisfied(next)) => next,
            _ => unlocked, // a clock was set, or somebody wrote nonsense: the decision has been made
        })
    });
    gate::give_back(seat);
    Got::Plainly
}

/// Puts everything back, in reverse order.
fn undo(objects: &[&Synchronizer], gated: Vec<Gated>) {
    for Gated { index, seat, former } in gated.into_iter().rev() {
        match (objects[index].kind, former) {
            (Kind::Mutex, Some(former)) => latch::put_back(&seat, former),
            (Kind::Mutex, None) => {}
            _ => gate::give_back(&seat),
        }
    }
}
