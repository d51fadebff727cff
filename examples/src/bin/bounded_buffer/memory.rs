//! The memory of the ring: the slots, and a record of how far it has come.
//!
//! The memory holds the record twice. A change writes the record that is not current, and then makes it current with one store: a
//! process that is killed before that store has done nothing, after it everything. So who gets the mutex abandoned finds a ring that
//! is whole, and has nothing to repair.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use shmobj::{FileMapping, ReadWrite, View};

pub(crate) const SLOTS: u64 = 8;

// Where things are, in words of 8 bytes.
const CURRENT: usize = 0; // which of the two records counts
const RECORDS: [usize; 2] = [1, 4];
const HANGING: usize = 7; // the process that hangs, for the sake of the demonstration
const SLOT: usize = 8; // the first of them

/// How many items were put in, how many were taken out, and the sum of those.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    pub(crate) made: u64,
    pub(crate) taken: u64,
    pub(crate) sum: u64,
}

pub(crate) struct Memory {
    view: View<ReadWrite>,
    _mapping: FileMapping, // while somebody holds it, it has its name
}

impl Memory {
    /// Who comes first makes it, who comes later opens it.
    pub(crate) fn open_or_create(name: &str) -> shmobj::Result<Self> {
        let mapping = FileMapping::options().size(4096).create(name)?; // zeros: nothing made, nothing taken
        Ok(Self { view: mapping.map_mut()?, _mapping: mapping })
    }

    pub(crate) fn record(&self) -> shmobj::Result<Record> {
        let words = self.words()?;
        let at = RECORDS[words[CURRENT].load(Acquire) as usize % 2];
        let [made, taken, sum] = [at, at + 1, at + 2].map(|word| words[word].load(Relaxed));
        Ok(Record { made, taken, sum })
    }

    /// Only for who owns the mutex.
    pub(crate) fn commit(&self, record: Record) -> shmobj::Result<()> {
        let words = self.words()?;
        let other = (words[CURRENT].load(Relaxed) + 1) % 2;
        let at = RECORDS[other as usize];
        words[at].store(record.made, Relaxed);
        words[at + 1].store(record.taken, Relaxed);
        words[at + 2].store(record.sum, Relaxed);
        words[CURRENT].store(other, Release); // now all of it counts
        Ok(())
    }

    /// The slot of the item that comes after so many.
    pub(crate) fn slot(&self, after: u64) -> shmobj::Result<&AtomicU64> {
        Ok(&self.words()?[SLOT + (after % SLOTS) as usize])
    }

    pub(crate) fn hanging(&self) -> shmobj::Result<&AtomicU64> {
        Ok(&self.words()?[HANGING])
    }

    fn words(&self) -> shmobj::Result<&[AtomicU64]> {
        self.view.atomics(0, SLOT + SLOTS as usize)
    }
}
