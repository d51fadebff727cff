//! A ring of slots, a semaphore that counts the free slots, one that counts the filled ones, and a mutex around all of it.
//!
//! The items are the numbers from 1 to [`ITEMS`].

use std::error::Error;
use std::process;
use std::sync::atomic::Ordering::Relaxed;

use shmobj::{Event, Lock, Mutex, MutexGuard, Semaphore};

use crate::lives::Lives;
use crate::memory::{Memory, SLOTS};

pub(crate) const ITEMS: u64 = 10_000;

pub(crate) struct Ring {
    /// Who waits for a slot or an item waits for these as well.
    pub(crate) lives: Lives,
    /// A process hangs, and says so here for the sake of the demonstration. Real ones do not; give them a time-out.
    pub(crate) hung: Event,
    free: Semaphore,
    filled: Semaphore,
    mutex: Mutex,
    memory: Memory,
}

impl Ring {
    /// Who comes first makes the objects, who comes later opens them.
    pub(crate) fn of(run: &str) -> Result<Self, Box<dyn Error>> {
        let name = |part| format!("shmobj-example.buffer-{run}.{part}");
        Ok(Self {
            lives: Lives::of(run)?,
            hung: Event::options().create(&name("hung"))?,
            free: Semaphore::options().create(&name("free"))?,
            filled: Semaphore::options().create(&name("filled"))?,
            mutex: Mutex::open_or_create(&name("mutex"))?,
            memory: Memory::open_or_create(&name("memory"))?,
        })
    }

    /// Lets the others begin. Until now no slot is free.
    pub(crate) fn begin(&self) -> shmobj::Result<()> {
        self.free.release(SLOTS as u32).map(drop)
    }

    /// Puts the next item in, as soon as a slot is free. False: all are in.
    pub(crate) fn put_next(&self) -> Result<bool, Box<dyn Error>> {
        self.lives.wait_for(&self.free)?;
        let _guard = self.lock("producer")?;
        let mut record = self.memory.record()?;
        if record.made < ITEMS && record.made - record.taken < SLOTS {
            let item = record.made + 1;
            self.memory.slot(record.made)?.store(item, Relaxed);
            record.made = item;
            self.memory.commit(record)?;
            self.filled.release(1)?;
        }
        if record.made == ITEMS {
            self.free.release(1)?; // for the next producer, which finds the same
        }
        Ok(record.made < ITEMS)
    }

    /// Takes the next item out, as soon as there is one. False: all are out.
    pub(crate) fn take_next(&self) -> Result<bool, Box<dyn Error>> {
        self.lives.wait_for(&self.filled)?;
        let _guard = self.lock("consumer")?;
        let mut record = self.memory.record()?;
        if record.taken < record.made {
            record.sum += self.memory.slot(record.taken)?.load(Relaxed);
            record.taken += 1;
            self.hang_once(record.taken)?;
            self.memory.commit(record)?;
            self.free.release(1)?;
        }
        if record.taken == ITEMS {
            self.filled.release(1)?; // for the next consumer
        }
        Ok(record.taken < ITEMS)
    }

    /// Gives back what a killed process may have taken from the semaphores, whose units nobody owns. One too few would stop the others
    /// for ever; one too many only makes somebody look in vain, which uses it up.
    pub(crate) fn replace_lost_units(&self) -> Result<(), Box<dyn Error>> {
        self.free.release(1)?;
        self.filled.release(1)?;
        Ok(())
    }

    /// How many items were taken out, and their sum.
    pub(crate) fn taken(&self) -> Result<(u64, u64), Box<dyn Error>> {
        let _guard = self.lock("overseer")?;
        let record = self.memory.record()?;
        Ok((record.taken, record.sum))
    }

    /// The process that hangs.
    pub(crate) fn hanging(&self) -> Result<Option<u32>, Box<dyn Error>> {
        let process = self.memory.hanging()?.load(Relaxed);
        Ok(if process == 0 { None } else { Some(u32::try_from(process)?) })
    }

    /// For the demonstration: who first takes the last item hangs in the middle of it, with the mutex, for as long as there is an
    /// overseer.
    fn hang_once(&self, item: u64) -> Result<(), Box<dyn Error>> {
        let hanging = self.memory.hanging()?;
        if item == ITEMS && hanging.load(Relaxed) == 0 {
            println!("a consumer hangs in the middle of taking item {item} out");
            hanging.store(process::id().into(), Relaxed);
            self.hung.set()?;
            self.lives.outlive_the_overseer()?;
        }
        Ok(())
    }

    fn lock(&self, role: &str) -> shmobj::Result<MutexGuard<'_>> {
        Ok(match self.mutex.lock()? {
            Lock::Acquired(guard) => guard,
            Lock::Abandoned(guard) => {
                println!("a {role} found the ring abandoned, and goes on");
                guard
            }
        })
    }
}
