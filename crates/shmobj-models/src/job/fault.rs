//! Rules of the protocol that are broken on purpose, to see that somebody notices.

/// One broken rule. Each breaks the property that its last sentence names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// K2 asks for a signal at K1's death, and doesn't look whether K1 has died before that. J2.
    LowerTrustsItsParent,
    /// K2 asks for SIGKILL at K1's death: nobody is left to meet orphans. J2.
    LowerDiesWithUpper,
    /// K1 is no subreaper, so that nobody gets the orphans of a killed K2. J2.
    UpperNoSubreaper,
    /// K1 becomes one after it has forked K2. J2.
    UpperSubreaperLate,
    /// K2 is no subreaper: orphans go past it to K1, and K2 ends without them. J3.
    LowerNoSubreaper,
    /// K2 becomes one after it has forked P. J3.
    LowerSubreaperLate,
    /// K2 ends with P, not when it has no children. J3.
    LowerEndsWithChild,
    /// K1's handler only sets a flag, and SIGCHLD comes between the look at it and `flock`. J2.
    HandlerSetsFlag,
    /// K1 ends as soon as it has told K2 to end its tree, so that another death is one too many. J2.
    UpperLeavesEarly,
    /// A guardian kills those it finds, and ends: those that were forked meanwhile live on. J1.
    KillOnce,
    /// K2 kills P alone, and ends. If K1 is dead, nobody kills the rest. J2.
    KillChildOnly,
    /// P asks for SIGKILL at K2's death, and doesn't look whether K2 has died before that. J7.
    ChildTrustsItsParent,
    /// P doesn't ask for it. J7.
    ChildOutlives,
    /// K1 keeps its copy of the spawner's handle, and waits for itself. J1.
    UpperKeepsHandle,
    /// P takes the spawner's handle through `exec`. J1.
    ChildKeepsHandle,
    /// P takes K1's description through `exec`. If both guardians are killed, the lock stays. L4.
    LockSharedWithChild,
    /// K1 opens its description by name, when it has closed all: by then there may be none to be had. J1.
    UpperOpensLate,
    /// K1, with the exclusive lock, leaves the entry alone. J4.
    UpperSparesEntry,
    /// K1 unlinks whatever has the name. L1.
    UnlinkByNameOnly,
    /// K1 ends without a look whether it has become the last one. L5.
    NoProbeAtEnd,
    /// K1 keeps the exclusive lock as long as the tree lives, also of an entry that it may not unlink. L4.
    UpperKeepsLock,
    /// K2 reads how often the job was ended before it is on the roster. Who ends the job in between doesn't find the tree, and K2
    /// ends it long after. J3.
    EndsNotedFirst,
    /// K2 is put on the roster after it has forked P. J8.
    EnrolledLate,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::LowerTrustsItsParent,
        Self::LowerDiesWithUpper,
        Self::UpperNoSubreaper,
        Self::UpperSubreaperLate,
        Self::LowerNoSubreaper,
        Self::LowerSubreaperLate,
        Self::LowerEndsWithChild,
        Self::HandlerSetsFlag,
        Self::UpperLeavesEarly,
        Self::KillOnce,
        Self::KillChildOnly,
        Self::ChildTrustsItsParent,
        Self::ChildOutlives,
        Self::UpperKeepsHandle,
        Self::ChildKeepsHandle,
        Self::LockSharedWithChild,
        Self::UpperOpensLate,
        Self::UpperSparesEntry,
        Self::UnlinkByNameOnly,
        Self::NoProbeAtEnd,
        Self::UpperKeepsLock,
        Self::EndsNotedFirst,
        Self::EnrolledLate,
    ];
}
