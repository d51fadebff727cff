//! The process of a storm that is not killed: it keeps the objects, signals them again and again so that nobody waits for
//! ever, and looks at them when all is over.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use shmobj::{Due, ErrorKind, Period};

use super::inside::Inside;
use super::ledger::Column;
use super::objects::{ACCOUNTS, COUNTER, DEPOSIT, PERMITS, Word};

impl Inside<'_> {
    /// Before anybody comes.
    pub(super) fn deposit(&self) {
        for account in 0..ACCOUNTS {
            self.objects.word(Word::Balance(account)).store(DEPOSIT, SeqCst);
        }
    }

    /// Until all workers have ended.
    pub(super) fn beat(&self) -> shmobj::Result<()> {
        let objects = self.objects;
        while self.ledger.beats() {
            self.add(Column::Sets);
            objects.auto.set()?;
            objects.manual.set()?;
            objects.manual.reset()?;
            objects.timer.set(Due::NOW, Some(Period::millis(2)))?;
            // Each doubt may be a permit that is gone. They never all are.
            let doubts = self.ledger.sum(Column::Doubts);
            if doubts >= self.ledger.sum(Column::Added) + PERMITS {
                self.add(Column::Added);
                match objects.semaphore.release(1) {
                    Err(error) if error.kind() == ErrorKind::TooManyPosts => {
                        self.word(Column::Added).fetch_sub(1, SeqCst);
                    }
                    released => drop(released?),
                }
            }
            std::thread::sleep(Duration::from_micros(400));
        }
        Ok(())
    }

    /// When nobody else is left: `count=N permits=N`.
    pub(super) fn settle(&self) -> shmobj::Result<String> {
        self.observe()?;
        self.lock(COUNTER)?;
        let count = self.objects.word(Word::Count).load(SeqCst);
        self.leave(COUNTER);
        let mut permits = 0;
        while self.objects.semaphore.wait(Duration::ZERO)? {
            permits += 1;
        }
        Ok(format!("count={count} permits={permits}"))
    }
}
