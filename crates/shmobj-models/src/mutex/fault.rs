//! Rules of the mutex that are broken on purpose, to see that somebody notices.

/// One broken rule. Each breaks the property that its last sentence names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A contended unlock swaps the word to 0 and wakes after that.
    SwapToZero,
    /// The unlocker that woke nobody clears WAITERS by a CAS, without waking those who came since.
    ClearByCas,
    /// A taker drops WAITERS.
    DropWaiters,
    /// No pending while asleep.
    NoPendingAsleep,
    /// The word is taken before pending is set.
    LatePending,
    /// The node is put on the list after pending was cleared.
    LateList,
    /// Unlock takes the node off the list without setting pending.
    UnlockWithoutPending,
    /// Unlock leaves the token.
    TokenKept,
    /// The token is written before the word is taken.
    TokenFirst,
    /// A taker goes by OWNER_DIED alone.
    TokenIgnored,
    /// An unlocker wakes one although somebody waits for several objects.
    MultiIgnored,
    /// A waiter for several objects doesn't pass a wake on.
    NoPassOn,
    /// A thread that exits while owning clears the token.
    ExitClearsToken,
    /// A thread of another PID namespace has an owner's TID.
    EqualTids,
    /// A multi-waiter doesn't wake who is asleep already, so they sleep without a limit.
    OldSleepersUnlimited,
}
impl Fault {
    pub const ALL: [Self; 15] = [
        Self::SwapToZero,
        Self::ClearByCas,
        Self::DropWaiters,
        Self::NoPendingAsleep,
        Self::LatePending,
        Self::LateList,
        Self::UnlockWithoutPending,
        Self::TokenKept,
        Self::TokenFirst,
        Self::TokenIgnored,
        Self::MultiIgnored,
        Self::NoPassOn,
        Self::ExitClearsToken,
        Self::EqualTids,
        Self::OldSleepersUnlimited,
    ];
}
