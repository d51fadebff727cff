//! Rules of the gate that are broken on purpose, to see that somebody notices.

/// One broken rule. Each breaks the property that its last sentence names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A single waiter takes a LOCKED cell, and the wait-all that locked it gets nothing. G5.
    TakerIgnoresLocked,
    /// A reset takes the signal of a LOCKED cell, with the same effect. G5.
    ResetIgnoresLocked,
    /// Who only looks doesn't wait for the decision about a LOCKED cell. G2.
    ObserverIgnoresLocked,
    /// A wait-all takes its objects without LOCKED. G2.
    CommitWithoutLocked,
    /// A wait-all takes each object as soon as it has its gate. G2.
    OneByOne,
    /// Who takes the gate of a dead holder leaves its LOCKED. G1.
    NoRecovery,
    /// A committer releases the gate before it clears LOCKED. G1.
    LateClear,
    /// Wait-alls lock in different orders. G3.
    DifferentOrders,
    /// A gate is released in two steps, swap and wake. A stranger takes it in between, and if the
    /// releaser is killed nobody wakes the rest. G3.
    SwapThenWake,
    /// Who releases a gate wakes one, and WAITERS is gone. G3.
    WakeOne,
    /// A gate's sleeper has no pending: when it is killed after its wake, nobody is woken in its place. G3.
    NoPendingAsleep,
    /// A wait-all that gets its mutex wakes nobody, and those who wait for the decision wait on. G3.
    SilentCommit,
    /// A wait-all that gives its mutex back wakes nobody. G3.
    SilentUndo,
    /// Who was woken by a mutex and turns to another object keeps the wake to itself. G3.
    NoPassOn,
    /// A setter settles no more than nobody was woken for, although a wait-all was woken: it may sleep on for another
    /// object. G8.
    AllIgnored,
    /// A setter goes by ALL as it was at first, but a wait-all may have set it before the wake. G8.
    AllNotReread,
    /// A setter clears ALL although there were tickets before its own, and the setter of one of those, who
    /// comes to look for ALL, misses it. G8.
    EarlyClear,
    /// A wait-all that gives up returns no ticket: a setter that comes to look for ALL after that misses it. G8.
    TicketKept,
    /// A wait-all leaves ALL behind. G9.
    AllKept,
    /// Who takes ALL off a cell wakes nobody, and another wait-all sleeps on without it. G7.
    LeaveWakesNobody,
    /// A wait-all marks the cell that it sleeps on without MULTI, and may use up the wake of another. G3.
    NoMulti,
    /// A wait-all writes its token before the mutex is tentatively its own. G6.
    TokenFirst,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::TakerIgnoresLocked,
        Self::ResetIgnoresLocked,
        Self::ObserverIgnoresLocked,
        Self::CommitWithoutLocked,
        Self::OneByOne,
        Self::NoRecovery,
        Self::LateClear,
        Self::DifferentOrders,
        Self::SwapThenWake,
        Self::WakeOne,
        Self::NoPendingAsleep,
        Self::SilentCommit,
        Self::SilentUndo,
        Self::NoPassOn,
        Self::AllIgnored,
        Self::AllNotReread,
        Self::EarlyClear,
        Self::TicketKept,
        Self::AllKept,
        Self::LeaveWakesNobody,
        Self::NoMulti,
        Self::TokenFirst,
    ];
}
