//! Rules of the cell that are broken on purpose, to see that somebody notices.

/// One broken rule. Each breaks the property that its last sentence names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A take leaves SEQ. A cell that has been taken, waited for and set again looks like the one that a slow
    /// setter saw, and it clears WAITERS while somebody sleeps. C4.
    NoSeq,
    /// A setter clears WAITERS and MULTI without comparing. C4.
    BlindClear,
    /// A setter adds the ticket and wakes in two steps. Killed in between, it leaves the sleepers asleep. C3.
    WakeApart,
    /// A setter wakes before it adds the ticket: who wakes finds nothing and sleeps again. C3.
    WakeFirst,
    /// A setter sets SIGNALED instead of adding a ticket: two sets are one although two threads sleep. C2.
    NoTickets,
    /// A reset takes tickets too: set and reset don't release who was asleep. C2.
    ResetTakesTickets,
    /// A setter wakes one although MULTI is set, and that one takes another object or is killed. C3.
    MultiIgnored,
    /// A waiter for several objects marks them without MULTI. C4.
    NoMulti,
    /// A setter never settles: tickets remain that nobody was woken for. C5.
    NoSettle,
    /// Who waits for any and leaves with another object returns no ticket: one that it was woken for stays, and no
    /// reset takes it. C5.
    TicketKept,
    /// A ticket is returned although there is an ordinary signal: two signals become one. C8.
    TicketReturnedOntoSignal,
    /// A waiter whose time is over leaves without a last look: nobody uses the signal that it was woken for.
    /// C3.
    NoLastLook,
    /// A reset leaves the generation, so who was asleep when the event was set misses it. C6.
    NoGeneration,
    /// A release settles as many as are left, although others have done so too. C7.
    MaximumIgnored,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::NoSeq,
        Self::BlindClear,
        Self::WakeApart,
        Self::WakeFirst,
        Self::NoTickets,
        Self::ResetTakesTickets,
        Self::MultiIgnored,
        Self::NoMulti,
        Self::NoSettle,
        Self::TicketKept,
        Self::TicketReturnedOntoSignal,
        Self::NoLastLook,
        Self::NoGeneration,
        Self::MaximumIgnored,
    ];
}
