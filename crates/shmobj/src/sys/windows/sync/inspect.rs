//! The state of objects, for people.

use std::time::Duration;

use super::{Deadline, Synchronizer, wait};
use crate::access::Access;
use crate::error::Attempt;
use crate::event::Reset;
use crate::kind::Kind;
use crate::state::{Owner, State};
use crate::sys::windows::nt;

/// The state of an object, as far as the system tells; [`State::Corrupt`] cannot be, and stands for one that it does not tell.
pub(crate) fn now(object: &Synchronizer) -> State {
    let handle = object.handle();
    let state = match object.kind {
        Kind::Mutex => nt::mutant(handle).map(|told| State::Mutex {
            owner: (told.count <= 0).then(|| owner(object)),
            abandoned: told.is_abandoned != 0,
        }),
        Kind::Event => nt::event(handle).map(|told| State::Event {
            signaled: told.is_signaled != 0,
            reset: if told.is_auto == 0 { Reset::Manual } else { Reset::Auto },
        }),
        Kind::Semaphore => {
            nt::semaphore(handle).map(|told| State::Semaphore { count: told.count, max: told.maximum })
        }
        Kind::Job => is_signaled(object).map(|signaled| State::Job { signaled }),
        _ => nt::timer(handle).map(|told| State::WaitableTimer {
            signaled: told.is_signaled != 0,
            reset: object.reset_mode(),
            due_in: due_in(told.remaining),
            period: None,
        }),
    };
    state.unwrap_or(State::Corrupt)
}

/// Nothing but a wait tells whether a job is signalled; it takes nothing. A handle without the right to wait has another one asked of the
/// object.
fn is_signaled(job: &Synchronizer) -> Option<bool> {
    let look = |job: &Synchronizer| wait::one(job, || Deadline::Now).ok().map(|got| got.is_some());
    look(job).or_else(|| {
        let attempt = Attempt { verb: "query", subject: job.kind.as_str(), name: "" };
        look(&job.duplicate(&attempt, Access::SYNCHRONIZE, true).ok()?)
    })
}

fn owner(mutex: &Synchronizer) -> Owner {
    match nt::mutant_owner(mutex.handle()) {
        Some(told) => {
            let number = |number: usize| u32::try_from(number).unwrap_or(0);
            Owner { thread: number(told.thread), pid: Some(number(told.process)), command: None }
        }
        None => Owner { thread: 0, pid: None, command: None },
    }
}

/// What is left until the next expiry. A timer that is not set has none, or one beyond all times.
fn due_in(units: i64) -> Option<Duration> {
    let units = u64::try_from(units).ok().filter(|units| (1..i64::MAX as u64 / 2).contains(units))?;
    Some(Duration::from_nanos(units.checked_mul(100)?))
}
