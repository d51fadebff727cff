//! Waiting for one object.

use super::super::cell::Sleeper;
use super::super::clock::{Alarm, Deadline};
use super::super::futex;
use super::super::spin::Spinner;
use super::super::{Got, Synchronizer, Trouble, gate, mutex};
use super::Look;
use crate::kind::Kind;
use crate::sys::linux::guard;
use crate::test_hooks::step;

/// `None`: not before the deadline, which is asked for only if there is something to wait for.
#[inline]
pub(crate) fn one(
    object: &Synchronizer,
    deadline: impl FnOnce() -> Deadline,
) -> Result<Option<Got>, Trouble> {
    if object.kind == Kind::Mutex {
        return mutex::lock(object, deadline());
    }
    match object.first_look()? {
        Look::Got(got) => Ok(Some(got)),
        _ => one_slowly(object, deadline()),
    }
}

#[cold]
fn one_slowly(object: &Synchronizer, deadline: Deadline) -> Result<Option<Got>, Trouble> {
    guard::unblock_once();
    let note = object.note();
    let mut spinner = object.spin.start();
    let mut limit = None;
    loop {
        match object.look(note)? {
            Look::Got(got) => {
                spinner.succeeded(&object.spin);
                return Ok(Some(got));
            }
            Look::Locked => gate::pass(object, &mut limit, deadline)?,
            Look::Unsignaled if deadline == Deadline::Now => return Ok(None),
            Look::Unsignaled if spinner.turn() => {}
            Look::Unsignaled => {
                if deadline.has_passed() {
                    return Ok(None);
                }
                spinner.failed(&object.spin);
                spinner = Spinner::woken();
                if let Some((expected, alarm)) = object.announce(note, Sleeper::Alone)? {
                    step("wait: about to sleep");
                    let alarm = Alarm::earlier(deadline.alarm(), alarm);
                    futex::sleep(object.bed(expected), alarm);
                    step("wait: woken");
                }
            }
        }
    }
}
