//! What happens in a job, for a listener: what its guardians write on the board, and what a look at the processes shows besides.
//!
//! Guardians tell of those processes that were started in the job or assigned to it, and of those that have detached themselves when they end. Of the others a listener
//! learns by looking, some ten times in a second: what comes and goes in between is not told (JP-5).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::Jobs;
use super::board::{Mapped, News};
use super::table::Table;
use crate::access::Access;
use crate::error::{Attempt, Result};
use crate::job::Notification;
use crate::kind::Kind;
use crate::sys::linux::sync::Synchronizer;

/// How often at most it looks at the processes.
const SHORTEST: Duration = Duration::from_millis(10);
/// How many times as long as a look it takes until the next one.
const SHARE: u32 = 20;

#[derive(Debug)]
pub(crate) struct Port {
    job: Synchronizer,
    board: Mapped,
    cursor: u64,
    known: BTreeSet<u32>,
    next_look: Instant,
    looked: bool,
}

impl Port {
    pub(crate) fn open(job: &Synchronizer, attempt: &Attempt<'_>) -> Result<Self> {
        let board = Jobs::of(job, attempt).board(true)?;
        Ok(Self {
            job: job.duplicate(attempt, Access::JOB, false)?,
            cursor: board.written(),
            board,
            known: BTreeSet::new(),
            next_look: Instant::now(),
            looked: false,
        })
    }

    /// Waits for so long for something to happen, and tells it. False: nothing will happen any more.
    pub(crate) fn wait(&mut self, patience: Duration, mut tell: impl FnMut(Notification)) -> bool {
        let until = Instant::now() + patience;
        loop {
            let seen = self.board.activity();
            self.read_news(&mut tell);
            if Instant::now() >= self.next_look && (!self.known.is_empty() || !self.looked) {
                self.look(&mut tell);
            }
            let now = Instant::now();
            if now >= until {
                return true;
            }
            let next = if self.known.is_empty() { until } else { until.min(self.next_look) };
            self.board.sleep(seen, next.saturating_duration_since(now).max(Duration::from_millis(1)));
        }
    }

    fn read_news(&mut self, tell: &mut impl FnMut(Notification)) {
        // If the last one is gone that was told of, perhaps there are others, of whom nobody has told.
        if self.read_plain_news(tell) && self.known.is_empty() && self.look(tell) && self.known.is_empty() {
            tell(Notification::Empty);
        }
    }

    /// Whether somebody has ended.
    fn read_plain_news(&mut self, tell: &mut impl FnMut(Notification)) -> bool {
        let mut news = Vec::new();
        self.cursor = self.board.news(self.cursor, |item| news.push(item));
        let mut ended = false;
        for item in news {
            match item {
                News::Started(pid) => {
                    if self.known.insert(pid) {
                        tell(Notification::Started(pid));
                    }
                }
                News::Ended(pid) => {
                    if !self.known.remove(&pid) {
                        tell(Notification::Started(pid)); // nobody had seen it
                    }
                    tell(Notification::Ended(pid));
                    ended = true;
                }
                News::Hit(limit) => tell(Notification::Limit(limit)),
            }
        }
        ended
    }

    /// Compares with those that are there. False: they cannot be seen.
    fn look(&mut self, tell: &mut impl FnMut(Notification)) -> bool {
        let begun = Instant::now();
        let was_empty = self.known.is_empty();
        let attempt = Attempt { verb: "listen to", subject: Kind::Job.as_str(), name: "" };
        let Ok(table) = Table::of_now() else { return false };
        // Guardians tell before they let go of who has ended: of whoever is not in the table any more they have told.
        self.read_plain_news(tell);
        let jobs = Jobs::of(&self.job, &attempt);
        let trees = jobs.trees(&self.board, &table);
        let now: BTreeSet<u32> = jobs.members(&self.board, &table, &trees).into_iter().collect();
        for &pid in now.difference(&self.known) {
            tell(Notification::Started(pid));
        }
        let gone: Vec<u32> = self.known.difference(&now).copied().collect();
        // Of those that guardians wait for they tell, in order.
        let told = |pid: &u32| table.find(*pid).is_some_and(super::table::Row::is_dead);
        for pid in gone.iter().filter(|pid| !told(pid)) {
            tell(Notification::Ended(*pid));
        }
        let zombies: Vec<u32> = gone.iter().filter(|pid| told(pid)).copied().collect();
        self.known = now;
        self.known.extend(zombies);
        if !was_empty && self.known.is_empty() {
            tell(Notification::Empty);
        }
        self.looked = true;
        self.next_look = begun + (begun.elapsed() * SHARE).max(SHORTEST);
        true
    }
}
