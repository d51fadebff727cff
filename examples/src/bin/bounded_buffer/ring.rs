//! A ring of slots in named memory, a semaphore that counts the free slots, one that counts the filled ones, and a mutex around it.
//!
//! The items are the numbers from 1 to [`ITEMS`]. What counts is in one record (how many were put in, how many taken out, the sum of
//! those), which the memory holds twice: who owns the mutex writes the record that is not current and then makes it current, with
//! one store. A process that is killed before that store has done nothing, after it everything. So who gets the mutex
//! abandoned finds a ring that is whole, and has nothing to repair.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::Release};
use std::time::Duration;
use std::{process, thread};

use shmobj::{FileMapping, Lock, Mutex, MutexGuard, ReadWrite, Semaphore, Timeout, View};

pub(crate) const ITEMS: u64 = 10_000;
pub(crate) const SLOTS: usize = 8;

// Where things are, in words of 8 bytes. They are atomic because the memory is shared; the mutex is what orders them.
const CURRENT: usize = 0; // which of the two records counts
const RECORDS: [usize; 2] = [1, 4];
const HANGING: usize = 7; // the process that hangs, for the sake of the demonstration
const RING: usize = 8;

struct Record {
    made: u64,
    taken: u64,
    sum: u64,
}

pub(crate) struct Ring {
    free: Semaphore,
    filled: Semaphore,
    mutex: Mutex,
    memory: FileMapping, // while somebody holds it, it has its name
    view: View<ReadWrite>,
}

impl Ring {
    pub(crate) fn create(run: &str) -> Result<Self, Box<dyn Error>> {
        let name = |part| format!("shmobj-example.buffer-{run}.{part}");
        let free = Semaphore::options().initial(SLOTS as u32).create(&name("free"))?;
        let filled = Semaphore::options().create(&name("filled"))?;
        let mutex = Mutex::open_or_create(&name("mutex"))?;
        let memory = FileMapping::options().size(4096).create(&name("memory"))?; // zeros: nothing made, nothing taken
        let view = memory.map_mut()?;
        Ok(Self { free, filled, mutex, memory, view })
    }

    /// The ring of a run that has begun. To create is to open what exists; what did not exist was not this run.
    pub(crate) fn join(run: &str) -> Result<Self, Box<dyn Error>> {
        let ring = Self::create(run)?;
        if ring.memory.existed() {
            Ok(ring)
        } else {
            Err("the run that this process belongs to is over".into())
        }
    }

    /// Puts the next item in, as soon as a slot is free. False: all are in.
    pub(crate) fn put_next(&self) -> Result<bool, Box<dyn Error>> {
        self.free.wait(Timeout::NEVER)?;
        let _guard = self.lock("producer")?;
        let mut record = self.record()?;
        if record.made < ITEMS && record.made - record.taken < SLOTS as u64 {
            let item = record.made + 1;
            self.words()?[RING + record.made as usize % SLOTS].store(item, Relaxed);
            self.hang_once(item)?;
            record.made = item;
            self.commit(&record)?;
            self.filled.release(1)?;
        }
        if record.made == ITEMS {
            self.free.release(1)?; // for the next producer, which finds the same
        }
        Ok(record.made < ITEMS)
    }

    /// Takes the next item out, as soon as there is one. False: all are out.
    pub(crate) fn take_next(&self) -> Result<bool, Box<dyn Error>> {
        self.filled.wait(Timeout::NEVER)?;
        let _guard = self.lock("consumer")?;
        let mut record = self.record()?;
        if record.taken < record.made {
            record.sum += self.words()?[RING + record.taken as usize % SLOTS].load(Relaxed);
            record.taken += 1;
            self.commit(&record)?;
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
        let record = self.record()?;
        Ok((record.taken, record.sum))
    }

    /// The process that hangs.
    pub(crate) fn hanging(&self) -> Result<Option<u32>, Box<dyn Error>> {
        let process = self.words()?[HANGING].load(Relaxed);
        Ok(if process == 0 { None } else { Some(u32::try_from(process)?) })
    }

    /// For the demonstration: who first comes to the item in the middle hangs there, with the mutex.
    fn hang_once(&self, item: u64) -> shmobj::Result<()> {
        let hanging = &self.words()?[HANGING];
        if item == ITEMS / 2 && hanging.load(Relaxed) == 0 {
            println!("a producer hangs in the middle of putting item {item} in");
            hanging.store(process::id().into(), Relaxed);
            thread::sleep(Duration::from_secs(60));
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

    fn words(&self) -> shmobj::Result<&[AtomicU64]> {
        self.view.atomics(0, RING + SLOTS)
    }

    fn record(&self) -> shmobj::Result<Record> {
        let words = self.words()?;
        let at = RECORDS[words[CURRENT].load(Relaxed) as usize % 2];
        let [made, taken, sum] = [at, at + 1, at + 2].map(|word| words[word].load(Relaxed));
        Ok(Record { made, taken, sum })
    }

    fn commit(&self, record: &Record) -> shmobj::Result<()> {
        let words = self.words()?;
        let other = 1 - words[CURRENT].load(Relaxed) % 2;
        let at = RECORDS[other as usize];
        words[at].store(record.made, Relaxed);
        words[at + 1].store(record.taken, Relaxed);
        words[at + 2].store(record.sum, Relaxed);
        words[CURRENT].store(other, Release); // all of it, or nothing
        Ok(())
    }
}
