//! The low half of a cell: its bits, and what the compare-and-swaps of the protocol make of it.

/// Somebody can take it; of a manual-reset event: everybody is satisfied.
pub(crate) const SIGNALED: u32 = 1;
/// Somebody may be asleep on it.
pub(crate) const WAITERS: u32 = 1 << 1;
/// A wait-all is about to take it.
pub(crate) const LOCKED: u32 = 1 << 2;
/// Somebody who waits for all of several objects may be asleep on it.
pub(crate) const ALL: u32 = 1 << 3;
/// One ticket (bits 4 to 15).
pub(crate) const TICKET: u32 = 1 << 4;
/// One generation of a manual-reset event (bits 4 to 30).
pub(crate) const GENERATION: u32 = 1 << 4;
/// One take (bits 16 to 30).
pub(crate) const SEQ: u32 = 1 << 16;
/// Somebody who waits for several objects may be asleep on it.
pub(crate) const MULTI: u32 = 1 << 31;

pub(crate) fn tickets(word: u32) -> u32 {
    (word / TICKET) & 0xfff
}

pub(crate) fn generation(word: u32) -> u32 {
    (word & !MULTI) / GENERATION
}

/// Can it be taken, LOCKED apart?
pub(crate) fn is_signalled(word: u32) -> bool {
    word & SIGNALED != 0 || tickets(word) > 0
}

/// An auto-reset event after a take: a ticket first. SEQ is the caller's.
pub(crate) fn taken(word: u32) -> u32 {
    if tickets(word) > 0 { word - TICKET } else { word & !SIGNALED }
}

/// A signal that was given to sleepers, before its settle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Rung {
    /// The word as the signaller saw it before.
    pub(crate) before: u32,
    /// How many tickets it has added.
    pub(crate) count: u32,
    /// How many sleepers it has woken, as far as there were tickets for them.
    pub(crate) woken: u32,
}

impl Rung {
    /// How many tickets nobody was woken for, or who was woken may have no use for.
    pub(crate) fn left_over(self, now: u32) -> u32 {
        if (self.before | now) & ALL != 0 { self.count } else { self.count - self.woken }
    }

    /// Has nobody gone to sleep since everybody was woken? Nobody sleeps while there is a ticket, and a take would
    /// have changed SEQ.
    ///
    /// If there were tickets before, another signaller may be on its way to see ALL.
    pub(crate) fn is_quiet(self, now: u32) -> bool {
        self.has_woken_everybody() && tickets(self.before) == 0 && self.is_all_that_happened(now)
    }

    pub(crate) fn has_woken_everybody(self) -> bool {
        self.before & MULTI != 0 || self.woken < self.count
    }

    pub(crate) fn is_all_that_happened(self, now: u32) -> bool {
        now == self.before + self.count * TICKET
    }
}

/// Nobody sleeps on it.
pub(crate) fn without_waiters(word: u32) -> u32 {
    word & !(WAITERS | MULTI | ALL)
}

/// An auto-reset event after the settle of a set.
pub(crate) fn settled(word: u32, rung: Rung) -> u32 {
    match rung.left_over(word).min(tickets(word)) {
        0 => word,
        unused => {
            let moved = (word - unused * TICKET) | SIGNALED;
            if rung.is_quiet(word) { without_waiters(moved) } else { moved }
        }
    }
}

/// In words.
pub(crate) fn describe(word: u32) -> String {
    let bits =
        [(SIGNALED, "SIGNALED"), (WAITERS, "WAITERS"), (LOCKED, "LOCKED"), (ALL, "ALL"), (MULTI, "MULTI")];
    let mut parts: Vec<String> =
        bits.iter().filter(|(bit, _)| word & bit != 0).map(|(_, name)| (*name).to_owned()).collect();
    parts.extend(Some(tickets(word)).filter(|number| *number > 0).map(|number| format!("TICKETS={number}")));
    parts.extend(Some((word & !MULTI) / SEQ).filter(|seq| *seq > 0).map(|seq| format!("SEQ={seq}")));
    if parts.is_empty() { "0".to_owned() } else { parts.join("|") }
}
