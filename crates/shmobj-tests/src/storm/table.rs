//! The table in which the workers of a storm say what they hold. It is anonymous memory that survives every kill.
//!
//! One row of words per worker: two marks, counters, one claim per name, the token of a deposit. Behind them all tokens that were
//! claimed.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::memory::Memory;

/// Processes of a storm.
pub const WORKERS: usize = 5;
/// Names that they fight for.
pub const NAMES: usize = 3;

/// What is counted per worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Creates and opens that were tried.
    Rounds,
    /// Objects that were made.
    Created,
    /// Objects that existed.
    Opened,
    /// Opens that found nothing.
    NotFound,
    /// Times that somebody else's claim of the name was there to be compared.
    Compared,
    /// Handles that were sent to another worker.
    Sent,
    /// Handles that arrived from another worker.
    Received,
    /// Deposits that were claimed.
    Claimed,
    /// Children that had a handle.
    Children,
    /// Times that a worker had nothing, and counted its descriptors.
    Counted,
    /// Violation: two live objects had one name.
    TwoObjects,
    /// Violation: a live object was not found.
    Lost,
    /// Violation: an object's memory was not what its holders had left in it.
    WrongMemory,
    /// Violation: an error that nothing explains.
    Errors,
    /// Violation: a deposit was claimed twice.
    ClaimedTwice,
    /// Violation: a worker had nothing, and more descriptors than before.
    Leaked,
}

impl Count {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 16] = [
        Self::Rounds,
        Self::Created,
        Self::Opened,
        Self::NotFound,
        Self::Compared,
        Self::Sent,
        Self::Received,
        Self::Claimed,
        Self::Children,
        Self::Counted,
        Self::TwoObjects,
        Self::Lost,
        Self::WrongMemory,
        Self::Errors,
        Self::ClaimedTwice,
        Self::Leaked,
    ];
}

const MARK_OF_KILLER: usize = 0;
const MARK_OF_SELF: usize = 1;
const COUNTS: usize = 2;
const CLAIMS: usize = COUNTS + Count::ALL.len();
const DEPOSIT: usize = CLAIMS + NAMES;
const ROW: usize = DEPOSIT + 2;
const CLAIMED: usize = WORKERS * ROW;
/// Room for so many tokens that were claimed.
const ROOM: usize = 1 << 18;
const WORDS: usize = CLAIMED + ROOM;

/// The mapped table.
#[derive(Debug)]
pub struct Table(Memory);

impl Table {
    /// An empty one.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it takes memory of the system")]
    pub fn new() -> Self {
        Self(Memory::new(WORDS))
    }

    /// The one that another process has at this path.
    ///
    /// # Errors
    /// That process is gone.
    pub fn open(path: &str) -> std::io::Result<Self> {
        Memory::open(path, WORDS).map(Self)
    }

    /// Where other processes find it, while this one lives.
    #[must_use]
    pub fn path(&self) -> String {
        self.0.path()
    }

    fn word(&self, worker: usize, column: usize) -> &AtomicU64 {
        self.0.word(worker * ROW + column)
    }

    pub(super) fn add(&self, worker: usize, count: Count) {
        self.word(worker, COUNTS + count as usize).fetch_add(1, SeqCst);
    }

    pub(super) fn count(&self, worker: usize, count: Count) -> u64 {
        self.word(worker, COUNTS + count as usize).load(SeqCst)
    }

    pub(super) fn claim(&self, worker: usize, name: usize) -> u64 {
        self.word(worker, CLAIMS + name).load(SeqCst)
    }

    pub(super) fn set_claim(&self, worker: usize, name: usize, token: u64) {
        self.word(worker, CLAIMS + name).store(token, SeqCst);
    }

    /// Tells everybody of a deposit.
    pub(super) fn post(&self, worker: usize, token: &str) {
        for (number, half) in [&token[..16], &token[16..]].into_iter().enumerate() {
            let half = u64::from_str_radix(half, 16).expect("a token is hexadecimal");
            self.word(worker, DEPOSIT + number).store(half, SeqCst);
        }
    }

    /// The token that a worker has told. It may be changing just now, and be none.
    pub(super) fn posted(&self, worker: usize) -> String {
        let half = |number| self.word(worker, DEPOSIT + number).load(SeqCst);
        format!("{:016x}{:016x}", half(0), half(1))
    }

    /// Notes that a token was claimed. False: it had been claimed before.
    pub(super) fn is_first_claim(&self, token: &str) -> bool {
        let token = u64::from_str_radix(&token[..16], 16).unwrap_or(0) | 1;
        let place = |try_number| self.0.word(CLAIMED + (token as usize).wrapping_add(try_number) % ROOM);
        for number in 0..ROOM {
            match place(number).compare_exchange(0, token, SeqCst, SeqCst) {
                Ok(_) => return true,
                Err(other) if other == token => return false,
                Err(_) => {}
            }
        }
        true // no room: a very long storm
    }

    /// The worker may die at any moment, by its own hand.
    pub(super) fn mark(&self, worker: usize, marked: bool) {
        self.word(worker, MARK_OF_SELF).store(marked.into(), SeqCst);
    }

    /// The worker is about to be killed.
    pub(super) fn condemn(&self, worker: usize) {
        self.word(worker, MARK_OF_KILLER).store(1, SeqCst);
    }

    pub(super) fn is_marked(&self, worker: usize) -> bool {
        self.word(worker, MARK_OF_SELF).load(SeqCst) != 0
            || self.word(worker, MARK_OF_KILLER).load(SeqCst) != 0
    }

    /// The worker is dead and reaped: its row is for its successor. The counters go on.
    pub(super) fn bury(&self, worker: usize) {
        for name in 0..NAMES {
            self.set_claim(worker, name, 0);
        }
        self.mark(worker, false);
        self.word(worker, MARK_OF_KILLER).store(0, SeqCst);
    }
}
