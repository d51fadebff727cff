//! The state of objects, for people: read from a copy of their words, without a handle.

use std::time::Duration;

use super::latch::{self, watch};
use super::words::Copied;
use super::{Holder, Synchronizer, create, liveness, timer};
use crate::event::Reset;
use crate::kind::Kind;
use crate::state::{Owner, State};
use crate::sys::linux::guard;
use crate::sys::linux::object::page::Header;
use crate::sys::linux::proc;

/// The state of an object that this process has.
pub(crate) fn now(object: &Synchronizer) -> State {
    let header = match object.holder() {
        Holder::Named { object, .. } => &object.header,
        Holder::Unnamed(unnamed) => unnamed.header(),
    };
    guard::unblock_once();
    let copy = object.words().to_bytes();
    // Somebody has truncated the page, and the copy is of what stands in its place.
    if latch::is_gone(object.words()) { State::Corrupt } else { state(header, Copied(&copy)).0 }
}

/// The state, and whether somebody waits.
pub(crate) fn state(header: &Header, words: Copied<'_>) -> (State, bool) {
    let cell = words.cell();
    let reset = if header.flags & create::flags::MANUAL_RESET != 0 { Reset::Manual } else { Reset::Auto };
    let state = match header.kind {
        Kind::Mutex => return (mutex(words), words.latch().has_waiters()),
        Kind::Event => State::Event { signaled: cell.is_signaled() || consumable(reset, cell), reset },
        Kind::Job => State::Job { signaled: cell.is_signaled() },
        Kind::Semaphore if create::is_sound(header) && u64::from(cell.payload()) <= header.size => {
            let max = header.size as u32;
            State::Semaphore { count: cell.payload().saturating_add(cell.tickets()).min(max), max }
        }
        Kind::WaitableTimer => match timer::schedule_of(cell, words.banks()) {
            Some(schedule) => {
                let (due_in, period) = schedule.shown();
                State::WaitableTimer {
                    signaled: timer::is_signaled(cell, schedule, reset == Reset::Manual, schedule.now()),
                    reset: Some(reset),
                    due_in: due_in.map(Duration::from_nanos),
                    period: (period > 0).then(|| Duration::from_nanos(period)),
                }
            }
            None => State::Corrupt,
        },
        _ => State::Corrupt,
    };
    (state, cell.has_waiters())
}

/// Tickets are signals, but for manual-reset events, whose generation stands in their place.
fn consumable(reset: Reset, cell: super::cell::State) -> bool {
    reset == Reset::Auto && cell.tickets() > 0
}

fn mutex(words: Copied<'_>) -> State {
    let latch = words.latch();
    let owner = (!latch.is_free()).then(|| {
        let ambiguous = words.watch() & watch::NUMBERS_AMBIGUOUS != 0;
        let is_ours = words.pid_namespace() == liveness::own_pid_namespace() && !ambiguous && proc::is_ours();
        let thread = latch.thread();
        Owner {
            thread,
            pid: if is_ours { proc::process_of(thread) } else { None },
            command: if is_ours { proc::command(thread) } else { None },
        }
    });
    State::Mutex { owner, abandoned: latch.owner_died() && words.token() != 0 }
}
