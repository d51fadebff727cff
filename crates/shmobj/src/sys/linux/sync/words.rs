//! The words that processes share: the last 512 bytes of an object's page, and nothing but atomics.
//!
//! `docs/abi.md` documents them; `the_words_are_where_the_abi_says` pins them. They are hostile input: whoever may write the
//! page can put anything there at any time. So nothing in here is an index, an address or a length, ownership is never
//! read from it (see [`seat`](super::seat)), and a value that cannot be is the error "corrupt object".

use std::mem::offset_of;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::cell::State;
use super::handover;
use super::latch::{self, watch};

/// How many bytes the words take, at the end of the page.
pub(crate) const WORDS_BYTES: usize = 512;

/// One state of a timer. There are two; the cell tells which one holds.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Bank {
    /// 0 stopped, 1 monotonic, 2 wall clock.
    pub(crate) clock: AtomicU64,
    /// Nanoseconds of that clock.
    pub(crate) due: AtomicU64,
    /// Nanoseconds; 0 for none.
    pub(crate) period: AtomicU64,
    _reserved: AtomicU64,
}

/// See the module's documentation.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Words {
    pub(crate) banks: [Bank; 2],
    _reserved: [AtomicU64; 48],
    /// The state of all kinds but the mutex: see [`cell`](super::cell).
    pub(crate) cell: AtomicU64,
    /// The number and the age of the thread that owns the latch, if the kernel does not know its latches: see
    /// [`liveness`](super::liveness).
    pub(crate) signature: AtomicU64,
    /// The PID namespace of the creator (inode number).
    pub(crate) pid_namespace: AtomicU64,
    /// Reasons for sleepers not to rely on being woken: see [`latch`](super::latch).
    pub(crate) watch: AtomicU32,
    _reserved_too: [AtomicU32; 4],
    /// How an owner gives the latch back: see [`handover`](super::handover).
    pub(crate) handover: AtomicU32,
    /// The mutex, or the gate of another kind: see [`latch`](super::latch). Its low half is the futex word.
    pub(crate) latch: AtomicU64,
    /// Who owns the mutex: a random number per thread. 0 while nobody does, or not yet, or not any more.
    pub(crate) token: AtomicU64,
}

const _: () = assert!(size_of::<Words>() == WORDS_BYTES);

impl Words {
    /// A copy, word by word: others may write meanwhile.
    pub(crate) fn to_bytes(&self) -> [u8; WORDS_BYTES] {
        let mut bytes = [0; WORDS_BYTES];
        let mut put = |at: usize, word: &[u8]| bytes[at..at + word.len()].copy_from_slice(word);
        for (index, bank) in self.banks.iter().enumerate() {
            for (field, word) in [&bank.clock, &bank.due, &bank.period].into_iter().enumerate() {
                put(size_of::<Bank>() * index + 8 * field, &word.load(Acquire).to_le_bytes());
            }
        }
        put(offset_of!(Self, cell), &self.cell.load(Acquire).to_le_bytes());
        put(offset_of!(Self, signature), &self.signature.load(Acquire).to_le_bytes());
        put(offset_of!(Self, pid_namespace), &self.pid_namespace.load(Acquire).to_le_bytes());
        put(offset_of!(Self, watch), &self.watch.load(Acquire).to_le_bytes());
        put(offset_of!(Self, handover), &self.handover.load(Acquire).to_le_bytes());
        put(offset_of!(Self, latch), &self.latch.load(Acquire).to_le_bytes());
        put(offset_of!(Self, token), &self.token.load(Acquire).to_le_bytes());
        bytes
    }

    /// Writes what this process finds in place of words that somebody took away, into private memory of zeros (see
    /// [`guard`](crate::sys::linux::guard)).
    ///
    /// No fast path likes it: the latch is owned, by a [thread that cannot be](latch::is_gone), and the cell is locked, unsignalled, has sleepers and, for a
    /// semaphore, an impossible count. What is not fast finds out by the latch, which nothing frees.
    pub(crate) fn become_gone(&self) {
        self.latch.store(latch::GONE, Release);
        self.token.store(u64::MAX, Release);
        self.handover.store(handover::GONE, Release);
        // Nobody looks whether such a thread lives.
        self.watch.store(watch::NUMBERS_AMBIGUOUS, Release);
        self.cell.store(State::GONE.0, Release);
        self.banks.iter().for_each(|bank| bank.clock.store(u64::MAX, Release));
    }
}

/// The words of a new object; all others are 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstWords {
    pub(crate) cell: State,
    pub(crate) pid_namespace: u64,
    /// 0 is [`handover::STORE`], for mutexes.
    pub(crate) handover: u32,
    /// Who owns the mutex from the beginning.
    pub(crate) owner: Option<Owned>,
}

/// An owner whom the kernel does not know yet: see [`mutex::adopt`](super::mutex::adopt).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owned {
    pub(crate) thread: u32,
    pub(crate) token: u64,
    pub(crate) signature: u64,
}

impl FirstWords {
    pub(crate) fn to_bytes(self) -> [u8; WORDS_BYTES] {
        let mut bytes = [0; WORDS_BYTES];
        let mut put = |at: usize, word: &[u8]| bytes[at..at + word.len()].copy_from_slice(word);
        put(offset_of!(Words, cell), &self.cell.0.to_le_bytes());
        put(offset_of!(Words, pid_namespace), &self.pid_namespace.to_le_bytes());
        put(offset_of!(Words, handover), &self.handover.to_le_bytes());
        if let Some(owner) = self.owner {
            put(offset_of!(Words, latch), &u64::from(owner.thread).to_le_bytes());
            put(offset_of!(Words, token), &owner.token.to_le_bytes());
            put(offset_of!(Words, signature), &owner.signature.to_le_bytes());
            put(offset_of!(Words, watch), &watch::BORN_OWNED.to_le_bytes());
        }
        bytes
    }
}

/// What a look from outside sees: a private copy of the words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copied<'a>(pub(crate) &'a [u8; WORDS_BYTES]);

impl Copied<'_> {
    fn word(self, at: usize) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|index| self.0[at + index]))
    }

    pub(crate) fn cell(self) -> State {
        State(self.word(offset_of!(Words, cell)))
    }

    pub(crate) fn latch(self) -> latch::State {
        latch::State(self.word(offset_of!(Words, latch)))
    }

    pub(crate) fn token(self) -> u64 {
        self.word(offset_of!(Words, token))
    }

    pub(crate) fn watch(self) -> u32 {
        self.word(offset_of!(Words, watch)) as u32
    }

    pub(crate) fn pid_namespace(self) -> u64 {
        self.word(offset_of!(Words, pid_namespace))
    }

    /// Clock, due time and period of both banks.
    pub(crate) fn banks(self) -> [[u64; 3]; 2] {
        let bank = |at: usize| std::array::from_fn(|index| self.word(at + 8 * index));
        [bank(offset_of!(Words, banks)), bank(offset_of!(Words, banks) + size_of::<Bank>())]
    }
}

/// The low half of a word of 64 bits, as the kernel sees it.
///
/// It is given to the kernel only: the library itself uses all 64 bits at once.
pub(crate) fn futex_word(word: &AtomicU64) -> *const AtomicU32 {
    // Little-endian: the low half is in front (checked at the root of the crate).
    std::ptr::from_ref(word).cast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_where_the_abi_says() {
        assert_eq!(offset_of!(Words, banks), 0);
        assert_eq!(size_of::<Bank>(), 32);
        assert_eq!(WORDS_BYTES - offset_of!(Words, cell), 64);
        assert_eq!(WORDS_BYTES - offset_of!(Words, signature), 56);
        assert_eq!(WORDS_BYTES - offset_of!(Words, pid_namespace), 48);
        assert_eq!(WORDS_BYTES - offset_of!(Words, watch), 40);
        assert_eq!(WORDS_BYTES - offset_of!(Words, handover), 20);
        assert_eq!(WORDS_BYTES - offset_of!(Words, latch), 16);
        assert_eq!(WORDS_BYTES - offset_of!(Words, token), 8);
    }
}
