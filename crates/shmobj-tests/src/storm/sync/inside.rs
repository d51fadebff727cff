//! What a process does with what mutexes protect, and how it finds out that somebody else is there as well.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use shmobj::wait::{self, Waited};

use super::ledger::{Column, Ledger};
use super::objects::{ACCOUNTS, COUNTER, DEPOSIT, LEFT, Objects, Word};

/// No wait that can be satisfied takes this long, on however loaded a machine.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// A process, its row of the ledger, and the objects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) objects: &'a Objects,
    pub(super) row: usize,
    /// A number that no other process of the storm has.
    pub(super) life: u64,
}

impl Inside<'_> {
    pub(super) fn word(&self, column: Column) -> &AtomicU64 {
        self.ledger.word(self.row, column)
    }

    pub(super) fn add(&self, column: Column) {
        self.ledger.add(self.row, column);
    }

    #[expect(
        clippy::print_stderr,
        reason = "the story of a violation, which the counter makes the test fail for"
    )]
    pub(super) fn violated(&self, column: Column, story: &str) {
        self.add(column);
        if self.word(column).load(SeqCst) <= 5 {
            eprintln!("worker {}, life {}: {column:?}: {story}", self.row, self.life);
        }
    }

    /// Gets a mutex in the plainest way.
    pub(super) fn lock(&self, number: usize) -> shmobj::Result<()> {
        match wait::one(&self.objects.mutexes[number], LIMIT)? {
            Waited::TimedOut => self.violated(Column::Stuck, &format!("mutex {number}")),
            waited => self.enter(number, waited == Waited::Abandoned(0)),
        }
        Ok(())
    }

    /// The mutex is ours. Whoever is written down as its owner must be dead, and then we must have been told; and only then may a
    /// transfer be half done.
    pub(super) fn enter(&self, number: usize, abandoned: bool) {
        let owner = self.objects.word(Word::Owner(number)).swap(self.life, SeqCst);
        let may_be_dead = owner == LEFT || self.ledger.is_marked(owner);
        if abandoned {
            self.add(Column::Abandoned);
        }
        match (owner, abandoned) {
            (0, _) => {}
            (owner, true) if !may_be_dead => {
                self.violated(Column::OwnerLives, &format!("mutex {number} of {owner}"));
            }
            (owner, false) if !may_be_dead => {
                self.violated(Column::TwoOwners, &format!("mutex {number} of {owner}"));
            }
            (owner, false) => self.violated(Column::NotTold, &format!("mutex {number} of {owner}")),
            _ => {}
        }
        if number == COUNTER {
            return;
        }
        let journal = self.objects.word(Word::Journal(number)).load(SeqCst);
        if journal != 0 {
            if !abandoned {
                self.violated(Column::NotTold, &format!("a transfer with account {number} is half done"));
            }
            let (row, transfer) = ((journal >> 32) as usize - 1, journal & 0xffff_ffff);
            if self.ledger.word(row, Column::Committed).load(SeqCst) < transfer {
                let former = self.objects.word(Word::Former(number)).load(SeqCst);
                self.objects.word(Word::Balance(number)).store(former, SeqCst);
            }
            self.objects.word(Word::Journal(number)).store(0, SeqCst);
        }
    }

    /// Gives the mutex back, which nobody else has entered.
    pub(super) fn leave(&self, number: usize) {
        let owner = self.objects.word(Word::Owner(number)).swap(0, SeqCst);
        if owner != self.life {
            self.violated(Column::TwoOwners, &format!("{owner} has entered mutex {number}"));
        }
        if let Err(error) = self.objects.mutexes[number].release() {
            self.violated(Column::Errors, &error.to_string());
        }
    }

    /// Once more, by the same thread.
    pub(super) fn recur(&self, number: usize) -> shmobj::Result<()> {
        let mutex = &self.objects.mutexes[number];
        if wait::one(mutex, Duration::ZERO)? != Waited::Signaled(0) || mutex.depth() != 2 {
            self.violated(Column::Errors, "its owner does not get it once more");
        }
        mutex.release()
    }

    /// In two steps, so that a second one inside would be noticed.
    pub(super) fn increment(&self, pause: Option<Duration>) {
        self.add(Column::Begun);
        let count = self.objects.word(Word::Count);
        let old = count.load(SeqCst);
        if let Some(pause) = pause {
            std::thread::sleep(pause);
        }
        count.store(old + 1, SeqCst);
        self.add(Column::Done);
    }

    /// A thread that ends without releasing it.
    pub(super) fn leave_owning(&self) -> shmobj::Result<()> {
        self.lock(COUNTER)?;
        self.increment(None);
        self.objects.word(Word::Owner(COUNTER)).store(LEFT, SeqCst);
        Ok(())
    }

    /// Moves money. Killed in the middle, the journal says what was there before.
    pub(super) fn transfer(
        &self,
        from: usize,
        to: usize,
        amount: u64,
        transfer: u64,
        pause: Option<Duration>,
    ) {
        let word = |word| self.objects.word(word);
        for account in [from, to] {
            word(Word::Former(account)).store(word(Word::Balance(account)).load(SeqCst), SeqCst);
            word(Word::Journal(account)).store((self.row as u64 + 1) << 32 | transfer, SeqCst);
        }
        word(Word::Balance(from)).fetch_sub(amount, SeqCst);
        if let Some(pause) = pause {
            std::thread::sleep(pause);
        }
        word(Word::Balance(to)).fetch_add(amount, SeqCst);
        self.word(Column::Committed).store(transfer, SeqCst);
        for account in [from, to] {
            word(Word::Journal(account)).store(0, SeqCst);
        }
    }

    /// Takes all accounts one by one, and adds up.
    pub(super) fn observe(&self) -> shmobj::Result<()> {
        for account in 0..ACCOUNTS {
            self.lock(account)?;
        }
        let total = (0..ACCOUNTS).fold(0_u64, |total, account| {
            total.wrapping_add(self.objects.word(Word::Balance(account)).load(SeqCst))
        });
        if total != ACCOUNTS as u64 * DEPOSIT {
            self.violated(Column::WrongTotal, &total.to_string());
        }
        for account in (0..ACCOUNTS).rev() {
            self.leave(account);
        }
        self.add(Column::Observed);
        Ok(())
    }

    /// The auto-reset event has satisfied a wait. It has been set at least as often.
    pub(super) fn passed(&self) {
        self.add(Column::Passes);
        let passes = self.ledger.sum(Column::Passes);
        let sets = self.ledger.sum(Column::Sets);
        if passes > sets {
            self.violated(Column::TooManyPasses, &format!("{passes} of {sets}"));
        }
    }
}
