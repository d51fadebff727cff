//! One process of a storm, which is killed at any moment; see the parent for what it checks.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use shmobj::test_hooks::{Then, arm};
use shmobj::wait::{self, Waitable, Waited, WaitedAll};
use shmobj::{Due, ErrorKind, Period};

use super::child::Ends;
use super::inside::{Inside, LIMIT};
use super::ledger::Column;
use super::objects::COUNTER;
use crate::random::Random;

/// A process of a storm.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    pub(super) inside: Inside<'a>,
    pub(super) random: Random,
    /// At random steps.
    pub(super) kills_itself: bool,
}

impl Worker<'_> {
    /// Goes on until it is killed, or the storm is over.
    pub(super) fn run(mut self) {
        self.inherit();
        while !self.inside.ledger.is_over() {
            // Marked first, so that nobody takes one who may die at the next step for alive.
            let armed = self.kills_itself && self.random.once_in(100);
            if armed {
                self.inside.ledger.mark_self(self.inside.life, true);
                arm("", 1 + self.random.below(25) as u32, Then::Die);
            }
            self.inside.add(Column::Rounds);
            let begun = Instant::now();
            if let Err(error) = self.operate() {
                self.inside.violated(Column::Errors, &error.to_string());
            }
            self.inside.word(Column::Longest).fetch_max(begun.elapsed().as_millis() as u64, SeqCst);
            if armed {
                arm("no step at all", 1, Then::Die);
                self.inside.ledger.mark_self(self.inside.life, false);
            }
            if self.random.once_in(4) {
                std::thread::sleep(Duration::from_micros(self.random.below(200)));
            }
        }
    }

    /// What the predecessor was in the middle of: its permits are given back, and both accounts of its transfer looked
    /// after, so that it is certain that nobody asks for that transfer any more.
    fn inherit(&mut self) {
        let held = self.inside.word(Column::Holds).load(SeqCst);
        let given = if held > 0 { self.give(held) } else { Ok(()) };
        let active = self.inside.word(Column::Active).load(SeqCst);
        let repaired = (active != 0).then(|| {
            for account in [(active - 1) / 16, (active - 1) % 16] {
                self.inside.lock(account as usize)?;
                self.inside.leave(account as usize);
            }
            self.inside.word(Column::Active).store(0, SeqCst);
            Ok(())
        });
        if let Err(error) = given.and(repaired.unwrap_or(Ok(()))) {
            self.inside.violated(Column::Errors, &error.to_string());
        }
    }

    fn operate(&mut self) -> shmobj::Result<()> {
        match self.random.below(20) {
            0..4 => self.count(),
            4..7 => self.transfer(),
            7 => self.observe(),
            8..10 => self.use_permit(),
            10 => self.wait_for_any(),
            11 => self.signal(),
            12 => self.pass(),
            13..15 => self.manual(),
            15..17 => self.timer(),
            17 => self.count_with_event(),
            18 => self.leave_owning(),
            _ => self.give_up(),
        }
    }

    /// The counter, under its mutex, which is got in one of several ways.
    fn count(&mut self) -> shmobj::Result<()> {
        let objects = self.inside.objects;
        let mutex = &objects.mutexes[COUNTER];
        let waited = match self.random.below(3) {
            0 => wait::one(mutex, LIMIT)?,
            1 => wait::any(&[&objects.never, mutex], LIMIT)?,
            _ => match wait::all(&[mutex], LIMIT)? {
                WaitedAll::Signaled => Waited::Signaled(0),
                WaitedAll::Abandoned(_) => Waited::Abandoned(0),
                WaitedAll::TimedOut => Waited::TimedOut,
            },
        };
        match waited {
            Waited::Signaled(_) => self.inside.enter(COUNTER, false),
            Waited::Abandoned(_) => self.inside.enter(COUNTER, true),
            Waited::TimedOut => {
                self.inside.violated(Column::Stuck, "the counter's mutex");
                return Ok(());
            }
        }
        self.increment();
        if self.random.once_in(4) {
            self.inside.recur(COUNTER)?;
        }
        self.inside.leave(COUNTER);
        Ok(())
    }

    fn increment(&mut self) {
        let pause = self.random.once_in(3).then(|| Duration::from_micros(self.random.below(100)));
        self.inside.increment(pause);
    }

    /// Two accounts, and perhaps a permit, all at once.
    fn transfer(&mut self) -> shmobj::Result<()> {
        let (from, to) = (self.random.below(4) as usize, self.random.below(4) as usize);
        if from == to {
            return Ok(());
        }
        let with_permit = self.random.once_in(2);
        let objects = self.inside.objects;
        let transfer = self.inside.word(Column::Transfer).fetch_add(1, SeqCst) + 1;
        self.inside.word(Column::Active).store((16 * from + to + 1) as u64, SeqCst);
        let mut list: Vec<&dyn Waitable> = vec![&objects.mutexes[from], &objects.mutexes[to]];
        if with_permit {
            list.push(&objects.semaphore);
            self.inside.word(Column::Taking).store(1, SeqCst);
        }
        let abandoned = match wait::all(&list, LIMIT)? {
            WaitedAll::Signaled => Some(Vec::new()),
            WaitedAll::Abandoned(indices) => Some(indices),
            WaitedAll::TimedOut => None,
        };
        if with_permit {
            self.inside.word(Column::Holds).fetch_add(abandoned.is_some().into(), SeqCst);
            self.inside.word(Column::Taking).store(0, SeqCst);
        }
        match abandoned {
            None => self.inside.violated(Column::Stuck, "two accounts at once"),
            Some(abandoned) => {
                self.inside.enter(from, abandoned.contains(&0));
                self.inside.enter(to, abandoned.contains(&1));
                let pause = self.random.once_in(3).then(|| Duration::from_micros(self.random.below(100)));
                self.inside.transfer(from, to, self.random.below(100), transfer, pause);
                self.inside.leave(to);
                self.inside.leave(from);
                if with_permit {
                    self.give(1)?;
                }
            }
        }
        self.inside.word(Column::Active).store(0, SeqCst);
        Ok(())
    }

    /// All accounts, one after the other.
    fn observe(&mut self) -> shmobj::Result<()> {
        self.inside.observe()
    }

    fn give(&self, permits: u64) -> shmobj::Result<()> {
        self.inside.word(Column::Giving).store(permits, SeqCst);
        self.inside.word(Column::Holds).fetch_sub(permits, SeqCst);
        let released = self.inside.objects.semaphore.release(permits as u32);
        self.inside.word(Column::Giving).store(0, SeqCst);
        match released {
            // What was taken finds room again, unless the keeper has added what nobody was sure had gone.
            Err(error)
                if error.kind() == ErrorKind::TooManyPosts && self.inside.ledger.sum(Column::Added) > 0 =>
            {
                self.inside.word(Column::Doubts).fetch_add(permits, SeqCst);
                Ok(())
            }
            released => released.map(drop),
        }
    }

    fn use_permit(&mut self) -> shmobj::Result<()> {
        let objects = self.inside.objects;
        self.inside.word(Column::Taking).store(1, SeqCst);
        let waited = if self.random.once_in(2) {
            wait::one(&objects.semaphore, LIMIT)?
        } else {
            wait::any(&[&objects.never, &objects.semaphore], LIMIT)?
        };
        let taken = waited != Waited::TimedOut;
        self.inside.word(Column::Holds).fetch_add(taken.into(), SeqCst);
        self.inside.word(Column::Taking).store(0, SeqCst);
        if !taken {
            self.inside.violated(Column::Stuck, "a permit");
            return Ok(());
        }
        if self.random.once_in(3) {
            std::thread::sleep(Duration::from_micros(self.random.below(150)));
        }
        self.give(1)
    }

    fn wait_for_any(&mut self) -> shmobj::Result<()> {
        let objects = self.inside.objects;
        self.inside.word(Column::Taking).store(1, SeqCst);
        let list: [&dyn Waitable; 4] =
            [&objects.mutexes[COUNTER], &objects.auto, &objects.semaphore, &objects.manual];
        let waited = wait::any(&list, LIMIT)?;
        let permit = waited == Waited::Signaled(2);
        self.inside.word(Column::Holds).fetch_add(permit.into(), SeqCst);
        self.inside.word(Column::Taking).store(0, SeqCst);
        match waited {
            Waited::Signaled(0) | Waited::Abandoned(_) => {
                self.inside.enter(COUNTER, waited != Waited::Signaled(0));
                self.increment();
                self.inside.leave(COUNTER);
            }
            Waited::Signaled(1) => self.inside.passed(),
            Waited::Signaled(2) => self.give(1)?,
            Waited::Signaled(_) => {}
            Waited::TimedOut => self.inside.violated(Column::Stuck, "any of four"),
        }
        Ok(())
    }

    fn signal(&mut self) -> shmobj::Result<()> {
        let objects = self.inside.objects;
        self.inside.add(Column::Sets);
        match self.random.below(4) {
            0 => {
                let waited = wait::signal_and_wait(&objects.auto, &objects.manual, LIMIT)?;
                if waited == Waited::TimedOut {
                    self.inside.violated(Column::Stuck, "the manual-reset event, after a signal");
                }
                Ok(())
            }
            1 => objects.auto.pulse(),
            _ => objects.auto.set(),
        }
    }

    fn pass(&mut self) -> shmobj::Result<()> {
        let objects = self.inside.objects;
        let waited = if self.random.once_in(2) {
            wait::one(&objects.auto, LIMIT)?
        } else {
            wait::any(&[&objects.never, &objects.auto], LIMIT)?
        };
        match waited {
            Waited::TimedOut => self.inside.violated(Column::Stuck, "the auto-reset event"),
            _ => self.inside.passed(),
        }
        Ok(())
    }

    fn manual(&mut self) -> shmobj::Result<()> {
        let objects = self.inside.objects;
        match self.random.below(6) {
            0 => objects.manual.set()?,
            1 => objects.manual.reset()?,
            2 => objects.manual.pulse()?,
            3 => objects.auto.reset()?,
            _ => {
                if !objects.manual.wait(LIMIT)? {
                    self.inside.violated(Column::Stuck, "the manual-reset event");
                }
            }
        }
        Ok(())
    }

    fn timer(&mut self) -> shmobj::Result<()> {
        let timer = &self.inside.objects.timer;
        match self.random.below(6) {
            0 => timer.cancel()?,
            1 => timer.set(Due::after(Duration::from_micros(self.random.below(300))), None)?,
            2 => timer.set(Due::NOW, Some(Period::millis(1)))?,
            _ => {
                if !timer.wait(LIMIT)? {
                    self.inside.violated(Column::Stuck, "the timer");
                }
            }
        }
        Ok(())
    }

    /// The mutex together with an event. Others may take the one or the other for as long as they like, so it may be in vain.
    fn count_with_event(&mut self) -> shmobj::Result<()> {
        let objects = self.inside.objects;
        let list: [&dyn Waitable; 2] = [&objects.auto, &objects.mutexes[COUNTER]];
        let abandoned = match wait::all(&list, Duration::from_millis(20))? {
            WaitedAll::TimedOut => return Ok(()),
            WaitedAll::Signaled => false,
            WaitedAll::Abandoned(_) => true,
        };
        self.inside.passed();
        self.inside.enter(COUNTER, abandoned);
        self.increment();
        self.inside.leave(COUNTER);
        Ok(())
    }

    /// A thread that ends while it owns the counter's mutex, or a child that uses it.
    fn leave_owning(&mut self) -> shmobj::Result<()> {
        let inside = &self.inside;
        match self.random.below(6) {
            0..2 => {
                std::thread::scope(|scope| scope.spawn(|| inside.leave_owning()).join())
                    .expect("a thread")?;
            }
            2 => inside.beget([Ends::Done, Ends::Owning, Ends::Killed][self.random.below(3) as usize]),
            _ => {}
        }
        Ok(())
    }

    /// Waits that end before they are satisfied, some of them just then.
    fn give_up(&mut self) -> shmobj::Result<()> {
        let objects = self.inside.objects;
        let time = Duration::from_micros(self.random.below(150));
        match self.random.below(3) {
            0 => {
                if objects.auto.wait(time)? {
                    self.inside.passed();
                }
            }
            1 => match wait::one(&objects.mutexes[COUNTER], time)? {
                Waited::TimedOut => {}
                got => {
                    self.inside.enter(COUNTER, got == Waited::Abandoned(0));
                    self.increment();
                    self.inside.leave(COUNTER);
                }
            },
            _ => {
                self.inside.word(Column::Taking).store(1, SeqCst);
                let taken = objects.semaphore.wait(time)?;
                self.inside.word(Column::Holds).fetch_add(taken.into(), SeqCst);
                self.inside.word(Column::Taking).store(0, SeqCst);
                if taken {
                    self.give(1)?;
                }
            }
        }
        Ok(())
    }
}
