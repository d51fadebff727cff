//! Rules of the protocol that are broken on purpose, to see that somebody notices.

/// One broken rule. Each breaks the property that its last sentence names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A close converts its own lock to EX instead of probing with a fresh description. A forked
    /// child shares the description, so nobody seems to hold the object that the child holds. L2.
    UpgradeOwnLock,
    /// An opener trusts its shared lock without looking at the link count. L2. (With a data file it does
    /// no harm: the file goes before the entry, and its absence says the same.)
    NoLinkCountCheck,
    /// The probe of a close, and a sweep, unlink without asking for EX. L1.
    BlindUnlink,
    /// Who has got EX unlinks the name without looking whether its own inode still has it. L1.
    UnlinkByNameOnly,
    /// The data file is linked before the entry, so a crash between the two leaves memory that no
    /// entry leads to. D1. (Objects with a data file only.)
    DataFirst,
    /// The entry is unlinked before the data file, with the same effect. D1. (Likewise.)
    EntryFirstUnlink,
    /// An opener that finds no data declares the object dead and unlinks it, without EX. L1.
    ScanDecides,
    /// A sweep takes EX to find out whether the entry is in use, and lets go without destroying it. A
    /// close that probes meanwhile takes the observer for a holder, and nobody destroys the object. L5.
    ObserverPeeks,
    /// An opener that fails after it took its shared lock just closes its descriptor, without the
    /// probe of a close: again the last holder may have taken it for another one. L5.
    FailWithoutProbe,
    /// An opener that finds no data takes the handle all the same. D2.
    MissingDataIgnored,
    /// An opener takes the data of whichever process it visits, without comparing the object id. D2.
    /// (Objects without a data file only.)
    HintTrusted,
    /// An opener that finds an object dead lets go of it without destroying it. L4.
    DeadIsLeft,
    /// A process forks while another of its threads is in the middle of an operation, and the child
    /// keeps the descriptor. If its parent dies, the lock stays until the child dies too. L4.
    ForkMidway,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::UpgradeOwnLock,
        Self::NoLinkCountCheck,
        Self::BlindUnlink,
        Self::UnlinkByNameOnly,
        Self::DataFirst,
        Self::EntryFirstUnlink,
        Self::ScanDecides,
        Self::ObserverPeeks,
        Self::FailWithoutProbe,
        Self::MissingDataIgnored,
        Self::HintTrusted,
        Self::DeadIsLeft,
        Self::ForkMidway,
    ];
}
