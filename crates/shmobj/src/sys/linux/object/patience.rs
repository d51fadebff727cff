//! Getting past others who are in the middle of something, for a bounded time.
//!
//! The pause is taken without any lock, and is random: two openers of an object whose data nobody has would otherwise
//! keep each other's lock alive for ever.

use std::time::{Duration, Instant};

use crate::error::{Attempt, ErrorKind, Result};

/// How long create and open try to get past others who are in the middle of something.
pub(crate) const PATIENCE: Duration =
    if cfg!(fuzzing) { Duration::from_millis(50) } else { Duration::from_secs(5) };

/// What stands in the way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Somebody has `LOCK_EX` on the entry.
    Locked,
    /// Nobody was found who has the data.
    NoData,
}

/// Keeps create and open from trying for ever.
#[derive(Default)]
pub(crate) struct Patience {
    since: Option<Instant>,
    /// When the try began that has just failed.
    begun: Option<Instant>,
    tries: u32,
}

impl Patience {
    /// Another try at once: somebody else made progress.
    pub(crate) fn again(&mut self, attempt: &Attempt<'_>) -> Result<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() > PATIENCE {
            return Err(attempt
                .fails(ErrorKind::Unreachable, "other processes keep creating and destroying it")
                .with_remedy("keep a handle open where the object is needed"));
        }
        Ok(())
    }

    /// Another try after a random pause that grows with the tries, so that two who wait do not keep step.
    pub(crate) fn pause(&mut self, attempt: &Attempt<'_>, obstacle: Obstacle) -> Result<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() > PATIENCE {
            return Err(given_up(attempt, obstacle));
        }
        let longest = longest_pause(self.tries, self.begun.map_or(Duration::ZERO, |begun| begun.elapsed()));
        self.tries += 1;
        let random = since.elapsed().subsec_nanos() ^ rustix::process::getpid().as_raw_nonzero().get() as u32;
        std::thread::sleep(Duration::from_nanos(
            10_000 + u64::from(random.wrapping_mul(0x9e37_79b9)) % longest.as_nanos() as u64,
        ));
        self.begun = Some(Instant::now());
        Ok(())
    }
}

/// Several who look through /proc for the data of a dead object each hold `LOCK_SH` meanwhile, and only when none of the others does can
/// one of them find out that it is dead (L4). So all pause for far longer than their tries take, however long that is.
fn longest_pause(tries: u32, try_took: Duration) -> Duration {
    const FAR_LONGER: u32 = 8;
    const ENOUGH: Duration = Duration::from_millis(500);
    Duration::from_nanos(20_000 << tries.min(8)).max((try_took * FAR_LONGER).min(ENOUGH))
}

/// The error of who has tried long enough.
pub(crate) fn given_up(attempt: &Attempt<'_>, obstacle: Obstacle) -> crate::Error {
    match obstacle {
        Obstacle::Locked => attempt
            .fails(ErrorKind::Unreachable, "a process keeps its entry locked exclusively")
            .with_remedy("find that process in /proc/locks and end it"),
        Obstacle::NoData => attempt
            .fails(ErrorKind::Unreachable, "it is held by a process that this one cannot see")
            .with_remedy(
                "run both as the same user, in the same user and PID namespaces, with the same view of /proc; or let the \
                 creator share it across PID namespaces",
            ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found with a sanitizer: four threads in whose process a look through /proc took longer than the longest pause kept each other
    /// from a dead name until their patience was over.
    #[test]
    fn who_tries_for_long_pauses_for_longer() {
        let milliseconds = Duration::from_millis;
        assert!(longest_pause(0, Duration::ZERO) < milliseconds(1), "nobody is slow");
        for took in [1, 10, 60] {
            assert!(longest_pause(0, milliseconds(took)) >= milliseconds(8 * took));
        }
        assert!(longest_pause(u32::MAX, milliseconds(100_000)) < milliseconds(1000), "some tries are left");
    }
}
