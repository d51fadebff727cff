//! What happens in a job, for a listener: what its guardians write on the board, and what a look at the processes shows besides.
//!
//! Guardians tell of those processes that were started in the job or assigned to it, and of those that have detached themselves when they end. Of the others a listener
//! learns by looking, some ten times in a second: what comes and goes in between is not told (JP-5).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::Jobs;
use super::board::{Mapped, News};
use super::table::{self, Table};
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
    /// Whom a look has missed, so that they were told of as ended before a guardian has told it.
    missed: BTreeSet<u32>,
    /// Somebody was in the job, and that nobody is any more has not been told.
    owes_empty: bool,
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
            missed: BTreeSet::new(),
            owes_empty: false,
            next_look: Instant::now(),
            looked: false,
        })
    }

    /// Waits for so long for something to happen, and tells it. False: nothing will happen any more.
    pub(crate) fn wait(&mut self, patience: Duration, mut tell: impl FnMut(Notification)) -> bool {
        let until = Instant::now() + patience;
        loop {
            let seen = self.board.activity();
            let has_ended = !self.read_news(&mut tell).is_empty();
            // The last one that was told of is gone: perhaps there are others, of whom nobody has told.
            let is_due = has_ended && self.known.is_empty() || Instant::now() >= self.next_look;
            if is_due && (self.owes_empty || !self.looked) {
                self.look(&mut tell);
            }
            let now = Instant::now();
            if now >= until {
                return true;
            }
            let next = if self.owes_empty || !self.looked { until.min(self.next_look) } else { until };
            self.board.sleep(seen, next.saturating_duration_since(now).max(Duration::from_millis(1)));
        }
    }

    fn started(&mut self, pid: u32, tell: &mut impl FnMut(Notification)) {
        if self.known.insert(pid) {
            self.missed.remove(&pid);
            self.owes_empty = true;
            tell(Notification::Started(pid));
        }
    }

    /// What guardians have told. Who has ended.
    fn read_news(&mut self, tell: &mut impl FnMut(Notification)) -> Vec<u32> {
        let mut news = Vec::new();
        self.cursor = self.board.news(self.cursor, |item| news.push(item));
        let mut ended = Vec::new();
        for item in news {
            match item {
                News::Started(pid) => self.started(pid, tell),
                News::Ended(pid) if self.missed.remove(&pid) => {}
                News::Ended(pid) => {
                    self.started(pid, tell); // perhaps nobody had seen it
                    self.known.remove(&pid);
                    tell(Notification::Ended(pid));
                    ended.push(pid);
                }
                News::Hit(limit) => tell(Notification::Limit(limit)),
            }
        }
        ended
    }

    /// Compares with those that are there.
    fn look(&mut self, tell: &mut impl FnMut(Notification)) {
        let begun = Instant::now();
        let attempt = Attempt { verb: "listen to", subject: Kind::Job.as_str(), name: "" };
        let before = self.known.clone();
        let Ok(mut table) = Table::of_now() else { return };
        // Guardians tell before they let go of who has ended: of whoever is not in the table any more they have told.
        let ended = self.read_news(tell);
        let jobs = Jobs::of(&self.job, &attempt);
        jobs.trees(&self.board, &mut table);
        let (time, mut is_anybody_young) = (table::now(), false);
        let mut now: BTreeSet<u32> = jobs.members(&self.board, &table).into_iter().collect();
        now.retain(|pid| {
            // It has ended since the table was read; or it may be about to become a guardian of another job.
            let is_told = ended.contains(pid);
            let is_young = !is_told
                && !self.known.contains(pid)
                && table.find(*pid).is_some_and(|row| row.is_young(time));
            is_anybody_young |= is_young;
            !(is_told || is_young)
        });
        for &pid in &now {
            self.started(pid, tell);
        }
        // Only who was known before the table was read can be missing in it. Of whoever waits for its parent to see that it has ended, that one will tell, if it
        // is a guardian.
        let is_dead = |pid: &u32| table.find(*pid).is_some_and(table::Row::is_dead);
        let is_gone = |pid: &u32| self.known.contains(pid) && !is_dead(pid);
        let gone: Vec<u32> = before.difference(&now).copied().filter(is_gone).collect();
        for pid in gone {
            self.known.remove(&pid);
            self.missed.insert(pid);
            tell(Notification::Ended(pid));
        }
        if self.owes_empty && self.known.is_empty() && !is_anybody_young {
            self.owes_empty = false;
            tell(Notification::Empty);
        }
        self.looked = !is_anybody_young;
        self.next_look = begun + (begun.elapsed() * SHARE).max(SHORTEST);
    }
}
