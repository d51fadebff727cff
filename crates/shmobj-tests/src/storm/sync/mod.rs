//! Storms over synchronization objects: processes lock, signal and wait at random while a killer kills them, at random moments and
//! at random steps. What is counted, and must hold whatever happens:
//!
//! | invariant | how |
//! |---|---|
//! | a mutex has one owner | who enters writes its number, and nobody may have written another one when it leaves |
//! | death is told, and nothing else is | the number that is found in there is that of a dead process exactly if the lock was abandoned |
//! | no increment is lost | the counter is between those that were done and those that were begun |
//! | permits are conserved | what each process has stands in its row, which its successor inherits |
//! | an auto-reset event satisfies one wait for each set | those begun are never fewer than those passed |
//! | several objects are taken at once, or none | transfers between accounts, repaired from a journal by whoever is told; who takes all accounts one by one finds the same total |
//! | nobody sleeps for ever | each wait that must end does so within half a minute |
//!
//! A storm is made of rounds of a second. After each, all workers come to an end, and everything is counted while nobody
//! moves.

mod child;
mod inside;
mod keeper;
pub mod ledger;
mod objects;
mod worker;

use std::time::{Duration, Instant};

use shmobj::Namespace;

use crate::puppet::{Puppet, number};
use crate::random::{Random, unique};
use crate::scratch::Scratch;
use inside::Inside;
use ledger::{Column, KEEPER, Ledger, WORKERS};
use objects::{Objects, PERMITS};
use worker::Worker;

/// How long one round takes.
const ROUND: Duration = Duration::from_millis(1000);

/// What a storm is like.
#[derive(Clone, Debug, Default)]
pub struct Storm<'a> {
    /// What every worker, and what every other worker, is made to lack: `robust-list`, `waitv`.
    pub lacking: &'a str,
    /// As above, for every other one.
    pub half_lacking: &'a str,
    /// Each worker is the first process of a PID namespace of its own, so that all their threads have equal numbers. It does not kill
    /// itself then: the kernel lets no such process do that.
    pub namesakes: bool,
    /// Every other worker has mutexes and a semaphore of its own: the storm must notice.
    pub careless: bool,
    /// How long.
    pub time: Duration,
}

/// What came of a storm: sums over all rounds.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Rounds of the storm.
    pub rounds: u64,
    /// Operations of workers.
    pub operations: u64,
    /// Processes that the killer killed.
    pub kills: u64,
    /// Processes that died at a step of their own choice.
    pub deaths: u64,
    /// Mutexes that were got abandoned.
    pub abandoned: u64,
    /// Totals that were looked at.
    pub observed: u64,
    /// Waits that the auto-reset event satisfied.
    pub passes: u64,
    /// How long the longest operation took. A wake-up that was lost would show here long before it is a violation.
    pub longest: Duration,
    /// What was violated.
    pub violations: Vec<String>,
}

impl Storm<'_> {
    /// Lets it rage.
    #[track_caller]
    #[must_use]
    pub fn rage(&self, program: &str) -> Report {
        let mut report = Report::default();
        let end = Instant::now() + self.time;
        while Instant::now() < end {
            self.round(program, end.min(Instant::now() + ROUND), &mut report);
        }
        report
    }

    #[track_caller]
    fn round(&self, program: &str, end: Instant, report: &mut Report) {
        let (scratch, elsewhere) = (Scratch::new(), Scratch::new());
        let path = elsewhere.file("ledger");
        let ledger = Ledger::new(&path);
        let mut random = Random::new(unique());
        let mut lives = 0;
        let mut start = |row: usize| {
            lives += 1;
            let mut puppet = Puppet::start(program, &format!("worker {row}"), &[]);
            let mut outer = None;
            if self.namesakes && row != KEEPER {
                let inner = puppet.fork_into_pid_namespace(&format!("namesake {row}"));
                outer = Some(std::mem::replace(&mut puppet, inner));
            }
            puppet.does(format!("namespace {}", scratch.path().display()));
            let odd = row % 2 == 1;
            for fault in [Some(self.lacking), odd.then_some(self.half_lacking)].into_iter().flatten() {
                if !fault.is_empty() && row != KEEPER {
                    puppet.does(format!("force {fault}"));
                }
            }
            let what = match (row, self.careless && odd) {
                (KEEPER, _) => "keep",
                (_, true) => "careless",
                _ if self.namesakes => "namesake",
                _ => "work",
            };
            puppet.tell(format!("sync-storm {what} {} {row} {lives} {}", path.display(), unique()));
            Life { puppet, _outer: outer, number: lives }
        };
        let mut keeper = start(KEEPER).puppet;
        keeper.answer().expect("the keeper makes the objects");
        keeper.tell("sync-storm beat");
        let mut workers: Vec<Life> = (0..WORKERS).map(&mut start).collect();
        while Instant::now() < end {
            std::thread::sleep(Duration::from_micros(random.below(12_000)));
            let victim = random.below(WORKERS as u64) as usize;
            for (row, life) in workers.iter_mut().enumerate() {
                let puppet = &mut life.puppet;
                if puppet.is_gone() {
                    let ended = puppet.ended();
                    assert_eq!(ended.signal, Some(libc::SIGKILL), "{puppet} ended by itself: {ended}");
                    report.deaths += 1;
                } else if row == victim && random.once_in(6) {
                    puppet.stands_still(Duration::from_micros(random.below(20_000)));
                    continue;
                } else if row == victim {
                    report.kills += 1;
                } else {
                    continue;
                }
                bury(&ledger, row, life);
                *life = start(row);
            }
        }
        ledger.stop();
        for (row, life) in workers.iter_mut().enumerate() {
            // One that dies at its last step has a successor, who only looks after what it leaves.
            while life.puppet.ends_or_answers().is_none() {
                report.deaths += 1;
                bury(&ledger, row, life);
                *life = start(row);
            }
        }
        ledger.stop_beat();
        keeper.answer().expect("the keeper");
        let settled = keeper.does("sync-storm settle");
        report.take(&ledger, &settled);
        drop((workers, keeper));
    }
}

/// A process of the storm, and its number.
struct Life {
    puppet: Puppet,
    /// Who has made its PID namespace.
    _outer: Option<Puppet>,
    number: u64,
}

fn bury(ledger: &Ledger, row: usize, life: &mut Life) {
    ledger.condemn(life.number);
    life.puppet.strike();
    ledger.bury(row);
}

impl Report {
    fn take(&mut self, ledger: &Ledger, settled: &str) {
        self.rounds += 1;
        self.operations += ledger.sum(Column::Rounds);
        self.abandoned += ledger.sum(Column::Abandoned);
        self.observed += ledger.sum(Column::Observed);
        self.passes += ledger.sum(Column::Passes);
        self.longest = self.longest.max(Duration::from_millis(ledger.most(Column::Longest)));
        let mut violated = |what: String| self.violations.push(what);
        for column in Column::VIOLATIONS {
            let count = ledger.sum(column);
            if count > 0 {
                violated(format!("{column:?}: {count}"));
            }
        }
        let (count, begun, done) =
            (number(settled, "count"), ledger.sum(Column::Begun), ledger.sum(Column::Done));
        if !(done..=begun).contains(&count) {
            violated(format!("of {begun} increments begun and {done} done, {count} were counted"));
        }
        let (permits, held) = (number(settled, "permits"), ledger.sum(Column::Holds));
        let (doubts, most) = (ledger.sum(Column::Doubts), PERMITS + ledger.sum(Column::Added));
        if held != 0 || !(most.saturating_sub(doubts)..=most).contains(&permits) {
            violated(format!("{permits} permits of {most}, {doubts} in doubt, {held} held"));
        }
    }
}

thread_local! {
    static KEPT: std::cell::RefCell<Option<(&'static Ledger, &'static Objects)>> =
        const { std::cell::RefCell::new(None) };
}

/// What a puppet does in a storm; `path row life seed` say who it is.
///
/// # Errors
/// The library's, and where no ledger is.
pub fn take_part(
    what: &str,
    who: Option<(&str, usize, u64, u64)>,
    namespace: &Namespace,
) -> Result<String, Box<dyn std::error::Error>> {
    if let Some((path, row, life, seed)) = who {
        let ledger = Ledger::open(path)?;
        let objects = Objects::reach(namespace, what == "careless")?;
        if what == "keep" {
            Inside { ledger: &ledger, objects: &objects, row, life }.deposit();
            KEPT.set(Some((Box::leak(Box::new(ledger)), Box::leak(Box::new(objects)))));
        } else {
            let inside = Inside { ledger: &ledger, objects: &objects, row, life };
            Worker { inside, random: Random::new(seed), kills_itself: what != "namesake" }.run();
        }
        return Ok(String::new());
    }
    let (ledger, objects) = KEPT.take().ok_or("no keeper")?;
    KEPT.set(Some((ledger, objects)));
    let inside = Inside { ledger, objects, row: KEEPER, life: 1 };
    match what {
        "beat" => inside.beat()?,
        "settle" => return Ok(inside.settle()?),
        other => return Err(format!("what is `{other}`?").into()),
    }
    Ok(String::new())
}
