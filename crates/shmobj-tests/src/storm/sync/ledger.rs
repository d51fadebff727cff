//! What the processes of a storm write down for each other and for the killer: before they do something, and after it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use crate::storm::memory::Memory;

/// Processes that are killed.
pub const WORKERS: usize = 5;
/// The row of the one that is not: see `keeper`.
pub const KEEPER: usize = WORKERS;
const ROWS: usize = WORKERS + 1;

/// A word of a row. Successors of a worker go on with its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Operations that were begun.
    Rounds,
    /// Increments of the counter that were begun.
    Begun,
    /// Increments that were done.
    Done,
    /// Times that a mutex was got abandoned.
    Abandoned,
    /// Sets of the auto-reset event that were begun.
    Sets,
    /// Waits that it satisfied.
    Passes,
    /// Permits of the semaphore that this row has.
    Holds,
    /// 1 while one is being taken.
    Taking,
    /// How many are being given back.
    Giving,
    /// Permits that the keeper has added for those.
    Added,
    /// Permits of which nobody can know whether they were taken, or given back, when the process was killed.
    Doubts,
    /// What the transfer in hand moves between, plus 1; 0: none.
    Active,
    /// The number of the last transfer.
    Transfer,
    /// The last transfer that counts.
    Committed,
    /// Milliseconds that the longest operation took.
    Longest,
    /// Totals that were looked at.
    Observed,
    /// Violation: the mutex was got by two.
    TwoOwners,
    /// Violation: a mutex was got as abandoned whose owner lives.
    OwnerLives,
    /// Violation: a mutex whose owner died was got as if nothing had happened.
    NotTold,
    /// Violation: the event satisfied more waits than it was set.
    TooManyPasses,
    /// Violation: a total was wrong.
    WrongTotal,
    /// Violation: a wait that must end did not.
    Stuck,
    /// Violation: an error that nothing explains.
    Errors,
}

impl Column {
    /// The violations.
    pub const VIOLATIONS: [Self; 7] = [
        Self::TwoOwners,
        Self::OwnerLives,
        Self::NotTold,
        Self::TooManyPasses,
        Self::WrongTotal,
        Self::Stuck,
        Self::Errors,
    ];
}

const COLUMNS: usize = Column::Errors as usize + 1;
const STOP: usize = ROWS * COLUMNS;
const BEAT: usize = STOP + 1;
const MARKS: usize = BEAT + 1;
/// Processes that one round can have.
const LIVES: usize = 8192;

/// The shared words.
#[derive(Debug)]
pub struct Ledger(Memory);

impl Ledger {
    /// An empty one, in a new file.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(Memory::in_file(path, MARKS + LIVES))
    }

    /// The one that another process has made.
    ///
    /// # Errors
    /// It is gone.
    pub fn open(path: &str) -> std::io::Result<Self> {
        Memory::open(path, MARKS + LIVES).map(Self)
    }

    pub(super) fn word(&self, row: usize, column: Column) -> &AtomicU64 {
        self.0.word(row * COLUMNS + column as usize)
    }

    pub(super) fn add(&self, row: usize, column: Column) {
        self.word(row, column).fetch_add(1, SeqCst);
    }

    /// The sum over all rows.
    pub(super) fn sum(&self, column: Column) -> u64 {
        (0..ROWS).map(|row| self.word(row, column).load(SeqCst)).sum()
    }

    fn mark(&self, life: u64) -> &AtomicU64 {
        self.0.word(MARKS + life as usize % LIVES)
    }

    /// The largest over all rows.
    pub(super) fn most(&self, column: Column) -> u64 {
        (0..ROWS).map(|row| self.word(row, column).load(SeqCst)).max().unwrap_or(0)
    }

    /// The process of this number may die at any moment, by its own hand, or not any more.
    pub(super) fn mark_self(&self, life: u64, marked: bool) {
        if marked {
            self.mark(life).fetch_or(1, SeqCst)
        } else {
            self.mark(life).fetch_and(!1, SeqCst)
        };
    }

    /// It is about to be killed, or has been.
    pub(super) fn condemn(&self, life: u64) {
        self.mark(life).fetch_or(2, SeqCst);
    }

    pub(super) fn is_marked(&self, life: u64) -> bool {
        self.mark(life).load(SeqCst) != 0
    }

    /// Workers finish what they are doing, and end.
    pub(super) fn stop(&self) {
        self.0.word(STOP).store(1, SeqCst);
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.word(STOP).load(SeqCst) != 0
    }

    /// All workers have ended: so does the keeper's beat.
    pub(super) fn stop_beat(&self) {
        self.0.word(BEAT).store(1, SeqCst);
    }

    pub(super) fn beats(&self) -> bool {
        self.0.word(BEAT).load(SeqCst) == 0
    }

    /// A worker is dead and reaped. What it was in the middle of may have happened or not; its successor goes on as if a permit had not
    /// been taken, and had been given back.
    pub(super) fn bury(&self, row: usize) {
        let taking = self.word(row, Column::Taking).swap(0, SeqCst);
        let giving = self.word(row, Column::Giving).swap(0, SeqCst);
        self.word(row, Column::Doubts).fetch_add(taking + giving, SeqCst);
    }
}
