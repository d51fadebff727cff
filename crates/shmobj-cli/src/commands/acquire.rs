//! Waiting for something that is then owned, until a signal says otherwise.

use std::time::{Duration, Instant};

use shmobj::Timeout;
use shmobj::wait::{self, MAXIMUM_OBJECTS, Waitable, Waited};

use crate::signals::Signals;

/// How a wait that a signal can end has ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Acquired {
    /// The object of this index is this thread's.
    Got {
        index: usize,
        abandoned: bool,
    },
    TimedOut,
    /// By this signal; nothing was taken.
    Interrupted(i32),
}

/// How often signals are looked for where the bell is one object too many.
const LOOK: Duration = Duration::from_millis(100);

/// Waits for any of the objects, or a signal.
///
/// Died of by default, a signal could come when an object has just been taken, which would then be left for nothing.
pub(super) fn any(
    objects: &[&dyn Waitable],
    timeout: Option<Duration>,
    signals: &Signals,
) -> anyhow::Result<Acquired> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    if let Some(got) = got(wait::any(objects, Timeout::NOW)?, 0) {
        return Ok(got);
    }
    let bell = signals.bell()?;
    let with_bell: Vec<&dyn Waitable> =
        [&*bell as &dyn Waitable].into_iter().chain(objects.to_vec()).collect();
    let has_room = with_bell.len() <= MAXIMUM_OBJECTS;
    loop {
        let waited = if has_room {
            got(wait::any(&with_bell, deadline.map_or(Timeout::NEVER, Timeout::at))?, 1)
        } else {
            let look = Instant::now() + LOOK;
            let until = deadline.map_or(look, |deadline| deadline.min(look));
            got(wait::any(objects, until)?, 0)
        };
        if let Some(got) = waited {
            return Ok(got);
        }
        if let Some(caught) = signals.next() {
            return Ok(Acquired::Interrupted(caught.signal));
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Ok(Acquired::TimedOut);
        }
    }
}

/// What was got, if it was one of the objects, of which so many others stand in front.
fn got(waited: Waited, others: usize) -> Option<Acquired> {
    let (index, abandoned) = match waited {
        Waited::Signaled(index) => (index, false),
        Waited::Abandoned(index) => (index, true),
        Waited::TimedOut => return None,
    };
    Some(Acquired::Got { index: index.checked_sub(others)?, abandoned })
}
