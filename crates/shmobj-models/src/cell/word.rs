//! The low half of a cell, and what each compare-and-swap makes of it.

/// It can be taken, or is signalled (manual-reset).
pub(crate) const SIGNALED: u32 = 1;
/// Somebody may be asleep on it.
pub(crate) const WAITERS: u32 = 1 << 1;
/// A wait-all is about to take it; only the holder of its gate sets this.
pub(crate) const LOCKED: u32 = 1 << 2;
/// One ticket.
pub(crate) const TICKET: u32 = 1 << 4;
/// One generation of a manual-reset event.
pub(crate) const GENERATION: u32 = 1 << 4;
/// One take.
pub(crate) const SEQ: u32 = 1 << 12;
/// A sleeper waits for several objects.
pub(crate) const MULTI: u32 = 1 << 31;

pub(crate) fn tickets(word: u32) -> u32 {
    (word >> 4) & 0xff
}

pub(crate) fn generation(word: u32) -> u32 {
    (word >> 4) & ((1 << 27) - 1)
}

pub(crate) fn is_signalled(word: u32) -> bool {
    word & SIGNALED != 0 || tickets(word) > 0
}
