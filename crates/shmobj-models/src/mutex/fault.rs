//! Rules of the mutex that are broken on purpose, to see that somebody notices.

/// One broken rule. Each breaks the property that its last sentence names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A contended unlock swaps the word to 0. A stranger takes it without WAITERS, and if the one who was
    /// to be woken, or the unlocker before it wakes, is killed meanwhile, nobody wakes the rest. M3.
    UnlockDropsWaiters,
    /// The unlocker that woke nobody clears WAITERS by a CAS and wakes nobody, although others may have come
    /// and gone since. M3.
    ClearByCas,
    /// A taker drops WAITERS. M3.
    TakerDropsWaiters,
    /// A sleeper has no pending: when it is killed after its wake, nobody is woken in its place. M3.
    NoPendingAsleep,
    /// A word is taken before pending is set: a death in between leaves the dead thread's TID. M4.
    NoPendingWhileTaking,
    /// Pending is cleared before the node is on the list, with the same effect. M4.
    LateList,
    /// Unlock takes the node off the list without setting pending, with the same effect. M4.
    NoPendingWhileUnlocking,
    /// Unlock leaves the token, so a death in the middle of it is told as that of an owner. M2.
    TokenKept,
    /// The token is written before the word is taken: it hides a death, or makes one up. M2.
    TokenFirst,
    /// A taker goes by OWNER_DIED alone and tells of deaths before the token was written. M2.
    TokenIgnored,
    /// A thread that exits while it owns the mutex clears the token like an unlock. M2.
    ExitClearsToken,
    /// Who waits for several objects, and gets another, keeps a wake to itself. M5.
    NoPassOn,
    /// An unlock wakes one, although a waiter for several objects may have no use for it. M5.
    MultiIgnored,
    /// Who fell asleep before MULTI was set sleeps without a limit. M3.
    SleepWithoutLimit,
    /// A waiter does not make the other processors finish their writes before it sleeps. M5.
    NoBarrier,
    /// A waiter that finds the change announced relies on the barrier of who announced it. M5.
    OthersBarrier,
    /// Who gives the mutex back by a store looks before it whether somebody announced a change, and not behind it. M5.
    NoLookBehindStore,
    /// Nobody announces a change, so that a store may erase WAITERS at any time. M5.
    StoreForEver,
    /// The store is made without pending. M5.
    NoPendingAtStore,
    /// Who gives the mutex back during the change goes by WAITERS, which a store may have erased. M5.
    WaitersBelieved,
    /// Who waited for several objects passes a wake on only if it sees WAITERS, which a store may have erased. M5.
    PassOnByWaiters,
    /// A sleep that begins during the change has no limit. M3.
    LongSleepInChange,
    /// A sleeper has the owner's TID, from another PID namespace. When it dies, the kernel takes it for the
    /// owner. M1.
    EqualTids,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::UnlockDropsWaiters,
        Self::ClearByCas,
        Self::TakerDropsWaiters,
        Self::NoPendingAsleep,
        Self::NoPendingWhileTaking,
        Self::LateList,
        Self::NoPendingWhileUnlocking,
        Self::TokenKept,
        Self::TokenFirst,
        Self::TokenIgnored,
        Self::ExitClearsToken,
        Self::NoPassOn,
        Self::MultiIgnored,
        Self::SleepWithoutLimit,
        Self::NoBarrier,
        Self::OthersBarrier,
        Self::NoLookBehindStore,
        Self::StoreForEver,
        Self::NoPendingAtStore,
        Self::WaitersBelieved,
        Self::PassOnByWaiters,
        Self::LongSleepInChange,
        Self::EqualTids,
    ];
}
