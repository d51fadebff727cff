//! Waiting for one object, any of several, or all of them.
//!
//! | | takes | sleeps on |
//! |---|---|---|
//! | [`one`] | as soon as it can | its word |
//! | [`any`] | the first in order that it can | all words at once |
//! | [`all`] | all in one step, or nothing | the word of one that is not signalled |
//!
//! Each looks first, spins a little, announces itself in the words, and sleeps on exactly what it has announced; whatever ends
//! the sleep, it looks again. A signal handler that runs meanwhile changes nothing, and a deadline that has passed is never
//! slept for.

mod all;
mod any;
mod one;

pub(crate) use all::all;
pub(crate) use any::any;
pub(crate) use one::one;

use super::cell::{self, Sleeper, State, Verdict};
use super::clock::Alarm;
use super::{Got, Synchronizer, Trouble, event, latch, mutex, semaphore, timer};
use crate::kind::Kind;

/// How many objects one wait is for at most: what the kernel's `futex_waitv` takes.
pub(crate) const MAXIMUM_OBJECTS: usize = 128;

/// The trouble with the object of this index.
pub(crate) type At<T> = Result<T, (usize, Trouble)>;

/// What one look at an object came to.
enum Look {
    Got(Got),
    Unsignaled,
    Locked,
}

/// The first object that stands in the list before already.
fn first_duplicate(objects: &[&Synchronizer]) -> Option<usize> {
    let mut seen = std::collections::BTreeSet::new();
    objects.iter().position(|object| !seen.insert(object.key))
}

impl Synchronizer {
    /// What a wait notes of an object when it begins: what happened before is not for it.
    fn note(&self) -> u32 {
        self.note_of(cell::load(&self.words().cell))
    }

    #[inline]
    fn note_of(&self, state: State) -> u32 {
        match self.kind {
            Kind::Event | Kind::Job => state.generation(),
            Kind::WaitableTimer if self.manual => timer::passed_before(state),
            _ => 0,
        }
    }

    /// What a wait that noted this makes of a state of the cell. Not for mutexes.
    #[inline]
    fn assess(&self, state: State, note: u32) -> Result<Verdict, Trouble> {
        match self.kind {
            Kind::Event | Kind::Job if self.manual => match event::assess_manual(state, note) {
                // Not another generation, but no event any more.
                Verdict::Satisfied(_) if state.is_locked() && latch::is_gone(self.words()) => {
                    Err(Trouble::Corrupt)
                }
                verdict => Ok(verdict),
            },
            Kind::Event => Ok(event::assess_auto(state)),
            Kind::Semaphore => semaphore::assess(state, self.maximum()),
            _ => timer::assess(self, self.words(), state, note),
        }
    }

    /// A sleeper leaves without this object: a ticket that it may have been woken for is not to wait for it.
    fn return_ticket(&self, sleeper: Sleeper) {
        match self.kind {
            Kind::Event if !self.manual => event::return_ticket(self, sleeper),
            Kind::Semaphore => semaphore::return_ticket(self),
            Kind::WaitableTimer if !self.manual => timer::drop_ticket(self),
            _ => {}
        }
    }

    /// Whether one load says that there is nothing to take.
    #[inline]
    fn is_plainly_unsignaled(&self) -> bool {
        let is_told_by_cell = matches!(self.kind, Kind::Event | Kind::Job | Kind::Semaphore);
        is_told_by_cell && cell::load(&self.words().cell).is_plainly_unsignaled(self.manual)
    }

    /// Whether it is signalled, or somebody decides about it, or it is broken. Nothing is taken; a mutex may be found to be a dead thread's,
    /// and freed.
    #[inline]
    fn is_worth_a_look(&self, note: u32) -> bool {
        if self.kind == Kind::Mutex {
            return mutex::is_worth_a_look(self);
        }
        !matches!(self.assess(cell::load(&self.words().cell), note), Ok(Verdict::Unsignaled(_)))
    }

    /// Takes it if it can be taken now, in a wait that begins with this look.
    #[inline]
    fn first_look(&self) -> Result<Look, Trouble> {
        if self.kind == Kind::Mutex {
            return self.look(0);
        }
        let state = cell::load(&self.words().cell);
        self.take_from(state, self.note_of(state))
    }

    /// Takes it if it can be taken now.
    #[inline]
    fn look(&self, note: u32) -> Result<Look, Trouble> {
        if self.kind == Kind::Mutex {
            let got = mutex::lock(self, super::Deadline::Now)?;
            return Ok(got.map_or(Look::Unsignaled, Look::Got));
        }
        self.take_from(cell::load(&self.words().cell), note)
    }

    #[inline]
    fn take_from(&self, mut state: State, note: u32) -> Result<Look, Trouble> {
        let cell = &self.words().cell;
        loop {
            match self.assess(state, note)? {
                Verdict::Satisfied(next) if next == state || cell::change(cell, state, next) => {
                    return Ok(Look::Got(Got::Plainly));
                }
                Verdict::Satisfied(_) => state = cell::load(cell),
                Verdict::Unsignaled(_) => return Ok(Look::Unsignaled),
                Verdict::Locked => return Ok(Look::Locked),
            }
        }
    }

    /// Announces a sleeper in the object's word; what it has to expect there, and when to look again.
    /// `None`: it has changed, and is worth another look.
    fn announce(&self, note: u32, sleeper: Sleeper) -> Result<Option<(u32, Option<Alarm>)>, Trouble> {
        let words = self.words();
        if self.kind == Kind::Mutex {
            return Ok(latch::announce_among_several(words).map(|expected| (expected, None)));
        }
        let state = cell::load(&words.cell);
        Ok(match self.assess(state, note)? {
            Verdict::Unsignaled(alarm) => {
                cell::announce(&words.cell, state, sleeper).map(|expected| (expected, alarm))
            }
            _ => None,
        })
    }

    /// The word that a sleeper sleeps on.
    fn bed(&self, expected: u32) -> super::futex::Bed<'_> {
        let words = self.words();
        let word = if self.kind == Kind::Mutex { &words.latch } else { &words.cell };
        super::futex::Bed { word, expected }
    }
}
