//! Waiting for any of several objects.

use super::super::cell::Sleeper;
use super::super::clock::{Alarm, Deadline};
use super::super::futex::{self, Bed};
use super::super::spin::{Spin, Spinner};
use super::super::{Got, Synchronizer, Trouble, gate, latch};
use super::{At, Look};
use crate::kind::Kind;
use crate::sys::linux::guard;
use crate::test_hooks::step;

static SPIN: Spin = Spin::new();

/// The lowest index that could be taken (WM-12); only that object is. `None`: none before the deadline, which is asked for
/// only if there is something to wait for.
pub(crate) fn any(
    objects: &[&Synchronizer],
    deadline: impl FnOnce() -> Deadline,
) -> At<Option<(usize, Got)>> {
    let is_worth_a_look =
        |object: &Synchronizer| !object.is_plainly_unsignaled() && object.is_worth_a_look(object.note());
    match first(objects, |index| is_worth_a_look(objects[index]), |index| objects[index].first_look())? {
        Some((index, Look::Got(got))) => Ok(Some((index, got))),
        _ => any_slowly(objects, deadline()),
    }
}

/// Takes the first object that can be taken, or finds the first one about which somebody decides: those behind it come after it.
///
/// They are looked at from the last to the first. So whatever was found unsignalled in front of one that is signalled was looked at after
/// that was seen: who answers and then releases a mutex, or dies owning it, is found to have answered (WM-12), because what led to a
/// signal that can be seen can be seen as well. What remains is one that somebody else takes and gives back in between.
#[inline]
fn first(
    objects: &[&Synchronizer],
    is_worth_a_look: impl Fn(usize) -> bool,
    look: impl Fn(usize) -> Result<Look, Trouble>,
) -> At<Option<(usize, Look)>> {
    /// How often others may be quicker before whatever comes is taken.
    const TRIES: usize = 8;
    let look = |index| look(index).map_err(|trouble| (index, trouble));
    if is_worth_a_look(0) {
        match look(0)? {
            Look::Unsignaled => {}
            look => return Ok(Some((0, look))),
        }
    }
    for _ in 0..TRIES {
        let Some(index) = (0..objects.len()).rev().filter(|&index| is_worth_a_look(index)).last() else {
            return Ok(None);
        };
        match look(index)? {
            Look::Unsignaled => {}
            look => return Ok(Some((index, look))),
        }
    }
    for index in 0..objects.len() {
        match look(index)? {
            Look::Unsignaled => {}
            look => return Ok(Some((index, look))),
        }
    }
    Ok(None)
}

#[cold]
fn any_slowly(objects: &[&Synchronizer], deadline: Deadline) -> At<Option<(usize, Got)>> {
    guard::unblock_once();
    let notes: Vec<u32> = objects.iter().map(|object| object.note()).collect();
    let mut beds: Vec<Bed<'_>> = Vec::with_capacity(objects.len());
    let mut spinner = SPIN.start_for(objects.len());
    let mut limit = None;
    let mut slept = false;
    'look: loop {
        let is_worth_a_look = |index: usize| objects[index].is_worth_a_look(notes[index]);
        match first(objects, is_worth_a_look, |index| objects[index].look(notes[index]))? {
            Some((index, Look::Got(got))) => {
                spinner.succeeded(&SPIN);
                if slept {
                    let others = objects.iter().filter(|other| other.key != objects[index].key);
                    others.for_each(|other| other.return_ticket(Sleeper::ForAny));
                }
                return Ok(Some((index, got)));
            }
            Some((index, Look::Locked)) => {
                gate::pass(objects[index], &mut limit, deadline).map_err(|trouble| (index, trouble))?;
                continue 'look;
            }
            _ => {}
        }
        if deadline == Deadline::Now {
            return Ok(None);
        }
        if spinner.turn() {
            continue;
        }
        if deadline.has_passed() {
            return Ok(None);
        }
        spinner.failed(&SPIN);
        spinner = Spinner::woken();
        beds.clear();
        let mut alarm = deadline.alarm();
        for (index, (object, &note)) in objects.iter().zip(&notes).enumerate() {
            let announced = object.announce(note, Sleeper::ForAny).map_err(|trouble| (index, trouble))?;
            let Some((expected, next)) = announced else { continue 'look };
            alarm = Alarm::earlier(alarm, next);
            if object.kind == Kind::Mutex {
                alarm = Alarm::earlier(alarm, latch::limit_among_several(object.words(), deadline).alarm());
            }
            beds.push(object.bed(expected));
        }
        slept = true;
        step("wait: about to sleep on several");
        futex::sleep_on_any(&beds, alarm);
        step("wait: woken among several");
        for object in objects.iter().filter(|object| object.kind == Kind::Mutex) {
            latch::pass_on(object.words());
        }
    }
}
