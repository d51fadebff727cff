//! What becomes of a lock, and of everything else, when processes are killed.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::cast::{Cast, House, Started};
use super::table::shown;
use super::{left, row};
use crate::contender::Contender;
use crate::operation::Operation;
use crate::protocol::{Answer, RECOVERY, Request};
use crate::results::{Left, Row};

/// Until whoever waits for the lock is asleep.
const PAUSE: Duration = Duration::from_millis(50);
/// To say that it is about to wait.
const TO_WAIT: Duration = Duration::from_secs(30);
/// Beyond the time that a player gives a lock before it says that it has not got it.
const MORE: Duration = Duration::from_secs(10);

/// Nanoseconds of the clock that players answer in.
fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// What became of one kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    After { nanoseconds: u64, abandoned: bool },
    Hangs,
}

/// Whoever has a lock is killed, again and again, of each contender in turn.
pub(super) fn recovery(
    house: &House<'_>,
    contenders: &[&Contender],
    operation: &Operation,
    kills: u32,
) -> Vec<Row> {
    let mut rows: Vec<Option<Row>> = contenders.iter().map(|contender| Some(row::of(contender))).collect();
    let mut outcomes: Vec<Vec<Outcome>> = vec![Vec::new(); contenders.len()];
    for _ in 0..kills {
        for (index, contender) in contenders.iter().zip(house.commands).enumerate() {
            let Some(row) = &mut rows[index] else { continue };
            // A contender that hangs once is not asked again: each time would take as long as it may wait.
            if row.absent.is_some() || outcomes[index].contains(&Outcome::Hangs) {
                continue;
            }
            match Cast::start(house, (contender.0, contender.1), operation, 0) {
                Started::Cast(mut cast) => match kill(&mut cast) {
                    Ok(outcome) => outcomes[index].push(outcome),
                    Err(reason) => row.absent = Some(format!("failed: {reason}")),
                },
                Started::Absent(reason) => row.absent = Some(reason),
                Started::Unsupported => rows[index] = None,
            }
        }
    }
    for (row, outcomes) in rows.iter_mut().zip(&outcomes) {
        if let Some(row) = row.as_mut().filter(|row| row.absent.is_none()) {
            conclude(row, outcomes);
        }
    }
    let mut rows: Vec<Row> = rows.into_iter().flatten().collect();
    row::compare(&mut rows);
    rows
}

/// Role 1 has the lock; role 0 waits for it.
fn kill(cast: &mut Cast) -> Result<Outcome, String> {
    let said = |error: std::io::Error| error.to_string();
    cast.players[0].tell(Request::Run(1)).map_err(said)?;
    let waiting = cast.players[0].hear(TO_WAIT).map_err(said)?;
    if waiting != "waiting" {
        return Err(format!("it said \"{waiting}\""));
    }
    std::thread::sleep(PAUSE);
    let killed = now();
    cast.players[1].kill();
    let answer = Answer::parse(&cast.players[0].hear(RECOVERY + MORE).map_err(said)?);
    let heard = now();
    match answer {
        Answer::Got { at, abandoned } => {
            let at = if at == 0 { heard } else { at };
            let nanoseconds = at.checked_sub(killed).ok_or("it got the lock while somebody had it")?;
            Ok(Outcome::After { nanoseconds, abandoned })
        }
        Answer::TimedOut => Ok(Outcome::Hangs),
        Answer::Failed(reason) => Err(reason),
        other => Err(format!("nobody expected: {other}")),
    }
}

/// In words and in figures. One hang is what a user has to reckon with, however often it went well.
fn conclude(row: &mut Row, outcomes: &[Outcome]) {
    if outcomes.contains(&Outcome::Hangs) {
        row.outcome = Some(format!("hangs: not there after {} s", RECOVERY.as_secs()));
        return;
    }
    let times = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::After { nanoseconds, .. } => Some(*nanoseconds as f64),
        Outcome::Hangs => None,
    });
    row::rounds(row, times.collect());
    let told = outcomes.iter().all(|outcome| matches!(outcome, Outcome::After { abandoned: true, .. }));
    let median = row.median.unwrap_or_default();
    let how = if told { "is told that it was abandoned" } else { "is not told" };
    row.outcome = Some(format!("the next one has it after {}, and {how}", shown(median, "ns")));
}

/// Everybody is killed, and the names that are still there are counted.
pub(super) fn leftovers(house: &House<'_>, contenders: &[&Contender], operation: &Operation) -> Vec<Row> {
    let mut rows = Vec::new();
    for (contender, command) in contenders.iter().zip(house.commands) {
        let mut row = row::of(contender);
        match Cast::start(house, (contender, command), operation, 0) {
            Started::Cast(mut cast) => {
                let before: Vec<u32> = cast.players.iter().map(super::process::Process::id).collect();
                cast.players.iter_mut().for_each(super::process::Process::kill);
                cast.players.clear();
                let left = left::look(cast.scratch.path(), &before);
                row.outcome = Some(in_words(&left));
                row.left = Some(left);
            }
            Started::Absent(reason) => row.absent = Some(reason),
            Started::Unsupported => continue,
        }
        rows.push(row);
    }
    rows
}

fn in_words(left: &Left) -> String {
    match left.names.len() {
        0 => "nothing is left".into(),
        1 => format!("1 name with {} KiB is left", left.bytes >> 10),
        names => format!("{names} names with {} KiB are left", left.bytes >> 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hang_is_the_outcome() {
        let mut row = Row::default();
        let fine = Outcome::After { nanoseconds: 60_000, abandoned: true };
        conclude(&mut row, &[fine, Outcome::Hangs]);
        assert_eq!(row.outcome.as_deref(), Some("hangs: not there after 5 s"));
        assert_eq!(row.median, None);
        conclude(&mut row, &[fine, fine]);
        assert_eq!(
            row.outcome.as_deref(),
            Some("the next one has it after 60.00 us, and is told that it was abandoned")
        );
    }
}
