//! A letter box in named memory, for one letter at a time.
//!
//! One word says whether a letter is in it, and is written last. So a sender or a receiver can be killed at any instruction, and the
//! letter is there, whole, or it is not; a mutex that one of them leaves abandoned leaves nothing to repair. The events only wake:
//! whoever is woken looks at the word.

use std::error::Error;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use shmobj::wait::{self, Waited};
use shmobj::{Event, FileMapping, Lock, Mutex, MutexGuard, ReadWrite, Timeout, View};

const FULL: usize = 0; // 1: a letter is in it
const LENGTH: usize = 8;
const LETTER: usize = 16;

const SIZE: usize = 64 << 10;
/// The longest letter.
pub(crate) const ROOM: usize = SIZE - LETTER;

pub(crate) struct LetterBox {
    desk: Mutex,
    posted: Event,
    taken: Event,
    view: View<ReadWrite>,
    _memory: FileMapping, // while somebody holds it, it has its name
}

impl LetterBox {
    /// Who comes first makes it, who comes later opens it.
    pub(crate) fn open_or_create(name: &str) -> shmobj::Result<Self> {
        let memory = FileMapping::options().size(SIZE as u64).create(name)?; // zeros: empty
        Ok(Self {
            desk: Mutex::open_or_create(&format!("{name}.desk"))?,
            posted: Event::options().create(&format!("{name}.posted"))?,
            taken: Event::options().create(&format!("{name}.taken"))?,
            view: memory.map_mut()?,
            _memory: memory,
        })
    }

    /// The right to put letters in.
    pub(crate) fn desk(&self) -> shmobj::Result<MutexGuard<'_>> {
        Ok(self.desk.lock()?.into_guard())
    }

    /// Puts a letter into the empty box.
    pub(crate) fn put(&self, letter: &[u8]) -> shmobj::Result<()> {
        self.view.write_at(LETTER, letter)?;
        self.view.atomic::<AtomicU64>(LENGTH)?.store(letter.len() as u64, Relaxed);
        self.full()?.store(1, Release); // it is there now, and not before
        Ok(())
    }

    /// Waits until the letter is taken. If the instance ends before, this thread has its mutex now.
    pub(crate) fn until_empty<'a>(&self, instance: &'a Mutex) -> shmobj::Result<Option<Lock<'a>>> {
        while self.full()?.load(Acquire) == 1 {
            self.posted.set()?;
            let place = match wait::any(&[&self.taken, instance], Timeout::NEVER)? {
                Waited::Signaled(1) => Lock::Acquired(instance.guard()?),
                Waited::Abandoned(_) => Lock::Abandoned(instance.guard()?),
                _ => continue, // it may have been set for a sender that was killed, so look again
            };
            // To take the letter may have been the last thing that the instance did. Then this gives its mutex back.
            if self.full()?.load(Acquire) == 1 {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Waits for a letter.
    pub(crate) fn wait(&self) -> shmobj::Result<()> {
        // It looks first: who put the letter in may have been killed before the event was set.
        while self.full()?.load(Acquire) == 0 {
            self.posted.wait(Timeout::NEVER)?;
        }
        Ok(())
    }

    /// The letter in the box. What another process wrote is input like any other: a length that is nonsense is an error.
    pub(crate) fn letter(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let length = self.view.load::<AtomicU64>(LENGTH, Relaxed)?;
        Ok(self.view.read_vec(LETTER, usize::try_from(length)?)?)
    }

    /// Throws the letter away.
    pub(crate) fn empty(&self) -> shmobj::Result<()> {
        self.full()?.store(0, Release);
        self.taken.set()
    }

    fn full(&self) -> shmobj::Result<&AtomicU64> {
        self.view.atomic(FULL)
    }
}
