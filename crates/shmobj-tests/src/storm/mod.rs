//! Storms: processes that create, open and close a few names as fast as they can, while a killer kills them. (Those over
//! mutexes, events, semaphores and timers are in [`sync`], those over jobs in [`jobs`].)
//!
//! What each process believes stands in a [`table`] that survives kills, so that the [`worker`]s can check each other
//! without any assumption about time:
//!
//! - A worker's *claim* of a name is the token of the object that it holds. It is set after the open has
//!   returned and cleared before the close begins, so while it stands the worker has a handle.
//! - The token is a random number in the object's own memory, put there by whoever comes first. Two objects
//!   have different tokens, and a token never comes back.
//! - A worker that may die is *marked* before (by itself before it arms a step, by the killer before it kills), and its claims
//!   count for nothing from then on. The killer clears claims and marks after it has reaped the process.
//!
//! **Two objects under one name** (L3): I hold one, and another worker's claim of the name is another token, it is not marked,
//! and the claim still is the same after I looked at the mark: then it was alive, and held it, while I held mine.
//!
//! **A live object was lost** (L2): a claim stood before my create or open, and stands unmarked after it; its object lived all
//! the time, and yet I found nothing, or something else.

pub mod jobs;
pub mod memory;
pub mod sync;
pub mod table;
pub mod travel;
pub mod worker;

use std::time::{Duration, Instant};

use crate::puppet::Puppet;
use crate::random::{Random, unique};
use crate::scratch::Scratch;
use table::{Count, NAMES, Table, WORKERS};

/// What a storm is like.
#[derive(Clone, Debug, Default)]
pub struct Storm<'a> {
    /// For workers: `beside`, `forks`, `travels`, `no-tmpfile`, `no-hints`, or a size in bytes.
    pub options: &'a str,
    /// Half of the workers use another directory: the storm must notice that the names are not the same ones.
    pub split: Option<&'a Scratch>,
    /// How long.
    pub time: Duration,
}

/// What came of a storm.
#[derive(Debug)]
pub struct Report {
    /// Sums over all workers, by [`Count`].
    pub counts: [u64; Count::ALL.len()],
    /// Processes that the killer killed.
    pub kills: u64,
    /// Processes that died at a step of their own choice.
    pub deaths: u64,
    /// What all names of this storm begin with.
    pub prefix: String,
}

impl Report {
    /// A sum over all workers.
    #[must_use]
    pub fn count(&self, count: Count) -> u64 {
        self.counts[count as usize]
    }

    /// The names that were fought for.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        (0..NAMES).map(|number| format!("{}-{number}", self.prefix))
    }
}

/// The seconds that a storm lasts: `SHMOBJ_STORM_SECONDS`, or a few.
#[must_use]
pub fn length(seconds: u64) -> Duration {
    let wanted = std::env::var("SHMOBJ_STORM_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(wanted.unwrap_or(seconds))
}

impl Storm<'_> {
    /// Lets it rage. All workers are killed at the end; what they leave is for the caller to look at.
    #[track_caller]
    #[must_use]
    pub fn rage(&self, program: &str, scratch: &Scratch) -> Report {
        let table = Table::new();
        let prefix = format!("storm{:08x}", unique() as u32);
        let mut random = Random::new(unique());
        let start = |number: usize, seed: u64| {
            let mut worker = Puppet::start(program, &format!("worker {number}"), &[]);
            let directory = if number % 2 == 1 { self.split.unwrap_or(scratch) } else { scratch };
            worker.does(format!("namespace {}", directory.path().display()));
            worker.tell(format!("storm {} {number} {seed} {prefix} {}", table.path(), self.options));
            worker
        };
        let mut workers: Vec<Option<Puppet>> =
            (0..WORKERS).map(|number| Some(start(number, random.next_u64()))).collect();
        let mut report =
            Report { counts: [0; Count::ALL.len()], kills: 0, deaths: 0, prefix: prefix.clone() };
        let end = Instant::now() + self.time;
        while Instant::now() < end {
            std::thread::sleep(Duration::from_micros(random.below(12_000)));
            let victim = random.below(WORKERS as u64) as usize;
            for (number, worker) in workers.iter_mut().enumerate() {
                let Some(living) = worker else { continue };
                if living.is_gone() {
                    let ended = living.ended();
                    assert_eq!(ended.signal, Some(libc::SIGKILL), "{living} ended by itself: {ended}");
                    report.deaths += 1;
                } else if number == victim {
                    table.condemn(number);
                    report.kills += 1;
                } else {
                    continue;
                }
                *worker = None; // killed and reaped
                table.bury(number);
                *worker = Some(start(number, random.next_u64()));
            }
        }
        for number in 0..WORKERS {
            table.condemn(number);
        }
        drop(workers);
        report.counts = Count::ALL.map(|count| (0..WORKERS).map(|worker| table.count(worker, count)).sum());
        report
    }
}
