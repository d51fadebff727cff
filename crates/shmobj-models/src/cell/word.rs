//! The low half of a cell: its bits, and what the compare-and-swaps of the protocol make of it.

/// Somebody can take it; of a manual-reset event: everybody is satisfied.
pub(crate) const SIGNALED: u32 = 1;
/// Somebody may be asleep on it.
pub(crate) const WAITERS: u32 = 1 << 1;
/// A wait-all is about to take it.
pub(crate) const LOCKED: u32 = 1 << 2;
/// One ticket (bits 4 to 11).
pub(crate) const TICKET: u32 = 1 << 4;
/// One generation of a manual-reset event (bits 4 to 30).
pub(crate) const GENERATION: u32 = 1 << 4;
/// One take (bits 12 to 30).
pub(crate) const SEQ: u32 = 1 << 12;
/// Somebody who waits for several objects may be asleep on it.
pub(crate) const MULTI: u32 = 1 << 31;

pub(crate) fn tickets(word: u32) -> u32 {
    (word / TICKET) & 0xff
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

/// After a settle of one leftover ticket of a set that saw `before`.
pub(crate) fn settled(word: u32, before: u32) -> u32 {
    let moved = if tickets(word) > 0 { (word - TICKET) | SIGNALED } else { word };
    if is_deserted(word, before, 1) { moved & !(WAITERS | MULTI) } else { moved }
}

/// Has nobody gone to sleep since a set saw `before`, and added its tickets? Nobody sleeps while there is a
/// ticket, and a take would have changed SEQ.
///
/// If there were tickets before, another set may be on its way to see MULTI.
pub(crate) fn is_deserted(word: u32, before: u32, number: u32) -> bool {
    word == before + number * TICKET && tickets(before) == 0
}

/// In words.
pub(crate) fn describe(word: u32) -> String {
    let bits = [(SIGNALED, "SIGNALED"), (WAITERS, "WAITERS"), (LOCKED, "LOCKED"), (MULTI, "MULTI")];
    let mut parts: Vec<String> =
        bits.iter().filter(|(bit, _)| word & bit != 0).map(|(_, name)| (*name).to_owned()).collect();
    parts.extend(Some(tickets(word)).filter(|number| *number > 0).map(|number| format!("TICKETS={number}")));
    parts.extend(Some((word & !MULTI) / SEQ).filter(|seq| *seq > 0).map(|seq| format!("SEQ={seq}")));
    if parts.is_empty() { "0".to_owned() } else { parts.join("|") }
}
