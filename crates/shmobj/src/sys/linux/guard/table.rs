//! The table of protected ranges. It is read in the signal handler, so reading takes no lock.
//!
//! A slot's version is odd while it is being changed. The handler ignores such a slot, and one that changed under its eyes: the
//! range that it looks for does not change, because the thread that touched it keeps it. The table grows by chunks, each as large as all
//! before it, and never shrinks; its size is bounded by the mappings that the kernel lets a process have (65,530 unless set otherwise).
//!
//! A child of `fork` has a copy. What another thread was changing is odd for ever there, and is a slot less. Ranges of threads
//! that are not in the child stay mapped in it, so they rightly stay in the table.

use std::ops::Range;
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, fence};

use rustix::io::Errno;

use super::Filling;

/// How many slots the first chunk has.
const FIRST: usize = 128;
static CHUNKS: [AtomicPtr<Slot>; 24] = [const { AtomicPtr::new(ptr::null_mut()) }; 24];
/// Where to look for a free slot first.
static HINT: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug, Default)]
pub(super) struct Slot {
    version: AtomicUsize,
    /// 0: free.
    start: AtomicUsize,
    end: AtomicUsize,
    filling: AtomicU32,
    /// How often pages of it have been replaced.
    faults: AtomicU32,
    /// The lowest address that was.
    lost_from: AtomicUsize,
}

/// A range in the table, until it is dropped.
#[derive(Debug)]
pub(super) struct Entry {
    slot: &'static Slot,
    index: usize,
}

/// What the handler finds.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) slot: &'static Slot,
    pub(super) range: Range<usize>,
    pub(super) filling: Filling,
}

/// Puts a range into the table.
pub(super) fn enter(range: Range<usize>, filling: Filling) -> Result<Entry, Errno> {
    let hint = HINT.load(Relaxed);
    let existing = existing();
    // All that there are, before the table grows: then it is at most twice as large as it ever had to be.
    let mut indices = (hint..existing).chain(0..hint.min(existing)).chain(existing..);
    loop {
        let index = indices.next().ok_or(Errno::NOMEM)?;
        let slot = slot(index).ok_or(Errno::NOMEM)?;
        if slot.claim(&range, filling) {
            HINT.store(index + 1, Relaxed);
            return Ok(Entry { slot, index });
        }
    }
}

impl Entry {
    pub(super) fn lost_from(&self) -> usize {
        self.slot.lost_from.load(Acquire)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.slot.change(|slot| {
            slot.start.store(0, Relaxed);
            slot.end.store(0, Relaxed);
        });
        HINT.store(self.index, Relaxed);
    }
}

impl Slot {
    fn claim(&self, range: &Range<usize>, filling: Filling) -> bool {
        let version = self.version.load(Acquire);
        let is_free = version % 2 == 0 && self.start.load(Relaxed) == 0;
        if !is_free || self.version.compare_exchange(version, version + 1, AcqRel, Relaxed).is_err() {
            return false;
        }
        fence(Release);
        self.start.store(range.start, Relaxed);
        self.end.store(range.end, Relaxed);
        self.filling.store(filling as u32, Relaxed);
        self.faults.store(0, Relaxed);
        self.lost_from.store(usize::MAX, Relaxed);
        self.version.store(version + 2, Release);
        true
    }

    /// Only for the one who claimed it: nobody else changes it meanwhile.
    fn change(&self, change: impl FnOnce(&Self)) {
        let version = self.version.load(Relaxed);
        self.version.store(version + 1, Relaxed);
        fence(Release);
        change(self);
        self.version.store(version + 2, Release);
    }

    fn read(&self) -> Option<(Range<usize>, u32)> {
        let version = self.version.load(Acquire);
        let read = (self.start.load(Relaxed)..self.end.load(Relaxed), self.filling.load(Relaxed));
        fence(Acquire);
        (version % 2 == 0 && self.version.load(Relaxed) == version).then_some(read)
    }

    /// Remembers that pages from this address on are replaced; returns how often that happened before.
    pub(super) fn lose(&self, from: usize) -> u32 {
        self.lost_from.fetch_min(from, AcqRel);
        self.faults.fetch_add(1, Relaxed)
    }
}

/// The range that contains an address. For the handler: loads only.
pub(super) fn find(address: usize) -> Option<Found> {
    CHUNKS.iter().enumerate().map_while(|(number, chunk)| slots(number, chunk)).flatten().find_map(|slot| {
        let (range, filling) = slot.read()?;
        let filling = match filling {
            filling if filling == Filling::Words as u32 => Filling::Words,
            filling if filling == Filling::ReadOnly as u32 => Filling::ReadOnly,
            _ => Filling::Zeros,
        };
        range.contains(&address).then_some(Found { slot, range, filling })
    })
}

/// How many slots there are.
fn existing() -> usize {
    let chunks = CHUNKS.iter().take_while(|chunk| !chunk.load(Relaxed).is_null()).count();
    (FIRST << chunks) - FIRST
}

/// The slot of this number; its chunk is made if need be.
fn slot(index: usize) -> Option<&'static Slot> {
    let number = (index / FIRST + 1).ilog2() as usize;
    let chunk = CHUNKS.get(number)?;
    let slots = slots(number, chunk).or_else(|| make(number, chunk))?;
    slots.get(index + FIRST - (FIRST << number))
}

fn slots(number: usize, chunk: &'static AtomicPtr<Slot>) -> Option<&'static [Slot]> {
    let first = chunk.load(Acquire);
    #[allow(unsafe_code)]
    // SAFETY: a chunk has exactly so many slots, and is never freed.
    (!first.is_null()).then(|| unsafe { std::slice::from_raw_parts(first, FIRST << number) })
}

#[cold]
fn make(number: usize, chunk: &'static AtomicPtr<Slot>) -> Option<&'static [Slot]> {
    let length = FIRST << number;
    let mut new = Vec::new();
    new.try_reserve_exact(length).ok()?;
    new.resize_with(length, Slot::default);
    let new = Box::into_raw(new.into_boxed_slice());
    if chunk.compare_exchange(ptr::null_mut(), new.cast(), AcqRel, Acquire).is_err() {
        #[allow(unsafe_code)]
        // SAFETY: made above, and known to nobody else: another thread was faster.
        drop(unsafe { Box::from_raw(new) });
    }
    slots(number, chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses that no other test has anything at.
    const FAR: usize = usize::MAX / 2;

    #[test]
    fn a_range_is_found_by_each_of_its_addresses_while_it_is_there() {
        let range = FAR..FAR + 100;
        let entry = enter(range.clone(), Filling::ReadOnly).unwrap();
        for address in [FAR, FAR + 99] {
            let found = find(address).unwrap();
            assert_eq!((found.range, found.filling), (range.clone(), Filling::ReadOnly));
        }
        assert!(find(FAR - 1).is_none());
        assert!(find(FAR + 100).is_none());
        drop(entry);
        assert!(find(FAR).is_none());
        assert!(find(0).is_none(), "free slots contain nothing");
    }

    #[test]
    fn the_table_grows_and_slots_are_used_again() {
        let at = |number: usize| FAR + 1000 + 10 * number;
        let enter = |number| enter(at(number)..at(number) + 10, Filling::Zeros).unwrap();
        let mut entries: Vec<_> = (0..10 * FIRST).map(enter).collect();
        for number in 0..10 * FIRST {
            assert_eq!(find(at(number) + 5).unwrap().range.start, at(number));
        }
        let size = existing();
        assert!((10 * FIRST..40 * FIRST).contains(&size), "{size}");
        for _ in 0..100 {
            entries.truncate(FIRST);
            entries.extend((FIRST..10 * FIRST).map(enter));
        }
        assert!(existing() <= 2 * size + FIRST, "other tests of this process take slots as well");
    }

    #[test]
    fn what_is_lost_is_remembered_from_the_lowest_address_on() {
        let entry = enter(FAR + 100_000..FAR + 200_000, Filling::Zeros).unwrap();
        assert_eq!(entry.lost_from(), usize::MAX);
        let slot = find(FAR + 100_000).unwrap().slot;
        assert_eq!(slot.lose(FAR + 150_000), 0);
        assert_eq!(slot.lose(FAR + 120_000), 1);
        assert_eq!(slot.lose(FAR + 160_000), 2);
        assert_eq!(entry.lost_from(), FAR + 120_000);
    }

    /// Readers see whole ranges only, whatever writers do meanwhile.
    #[test]
    fn no_reader_ever_sees_a_mixture_of_two_ranges_and_slots_are_not_lost() {
        let (one, two) = (FAR + 1_000_000, FAR + 2_000_000);
        let stop = AtomicU32::new(0);
        let mut seen = 0;
        std::thread::scope(|scope| {
            for (base, length) in [(one, 10), (two, 500_000), (one, 10), (two, 500_000)] {
                let stop = &stop;
                scope.spawn(move || {
                    while stop.load(Relaxed) == 0 {
                        drop(enter(base..base + length, Filling::Zeros).unwrap());
                    }
                });
            }
            for _ in 0..10_000 {
                let found = [one + 100, two - 1, two + 5].map(|address| find(address).is_some());
                seen += u32::from(found != [false, false, false] && found != [false, false, true]);
            }
            stop.store(1, Relaxed);
        });
        assert_eq!(seen, 0, "the short one is not that long, and the long one begins where it does");
        assert!(existing() < 100 * FIRST, "{} slots for a handful of ranges", existing());
    }
}
