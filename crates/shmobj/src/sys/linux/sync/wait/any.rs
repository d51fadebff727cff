//! Waiting for any of several objects.

use super::super::cell::Sleeper;
use super::super::clock::{Alarm, Deadline};
use super::super::futex::{self, Bed};
use super::super::spin::{Spin, Spinner};
use super::super::{Got, Synchronizer, gate, latch};
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
    for (index, object) in objects.iter().enumerate() {
        if object.is_plainly_unsignaled() {
            continue;
        }
        match object.first_look().map_err(|trouble| (index, trouble))? {
            Look::Got(got) => return Ok(Some((index, got))),
            Look::Unsignaled => {}
            Look::Locked => break, // those behind it come after it
        }
    }
    any_slowly(objects, deadline())
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
        for (index, (object, &note)) in objects.iter().zip(&notes).enumerate() {
            let at = |trouble| (index, trouble);
            match object.look(note).map_err(at)? {
                Look::Got(got) => {
                    spinner.succeeded(&SPIN);
                    if slept {
                        objects
                            .iter()
                            .filter(|other| other.key != object.key)
                            .for_each(|other| other.return_ticket(Sleeper::ForAny));
                    }
                    return Ok(Some((index, got)));
                }
                Look::Locked => {
                    gate::pass(object, &mut limit, deadline).map_err(at)?;
                    continue 'look;
                }
                Look::Unsignaled => {}
            }
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
