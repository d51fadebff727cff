//! What a handle may be used for.

use bitflags::bitflags;

use crate::kind::Kind;

bitflags! {
    /// The rights of a handle, asked for when it is opened.
    ///
    /// Rights belong to the handle, not to the object: two handles to one object can have different ones. What Linux enforces of them,
    /// and what only this library does, is a table in `docs/security.md`; Windows enforces each.
    ///
    /// ```
    /// use shmobj::Access;
    /// assert!(Access::READ_WRITE.contains(Access::READ));
    /// assert!(Access::ALL.contains(Access::READ_WRITE | Access::QUERY));
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Access: u32 {
        /// Ask for the object's attributes (`SECTION_QUERY`). On Windows every handle has this right besides, where the object grants it; what
        /// a handle without it cannot tell is in `docs/windows.md`.
        const QUERY = 0x1;
        /// Map views that can be written and are shared (`FILE_MAP_WRITE`). This right alone maps no
        /// read-only view; ask for [`READ_WRITE`](Self::READ_WRITE) to have both.
        const WRITE = 0x2;
        /// Map read-only and copy-on-write views (`FILE_MAP_READ`).
        const READ = 0x4;
        /// Map every sort of view.
        const READ_WRITE = Self::READ.bits() | Self::WRITE.bits();
        /// Change the state of an event, a semaphore or a timer (`EVENT_MODIFY_STATE` and its like), or the limits of a job
        /// (`JOB_OBJECT_SET_ATTRIBUTES`). A mutex is released without it.
        const MODIFY = 0x10;
        /// Start processes in a job, and assign them to it (`JOB_OBJECT_ASSIGN_PROCESS`).
        const ASSIGN = 0x20;
        /// End the processes of a job (`JOB_OBJECT_TERMINATE`).
        const TERMINATE = 0x40;
        /// Wait for it (`SYNCHRONIZE`).
        const SYNCHRONIZE = 0x10_0000;
        /// Everything that the object permits (`FILE_MAP_ALL_ACCESS`, `EVENT_ALL_ACCESS` and their like). A handle then has the
        /// rights that its kind has.
        const ALL = Self::READ_WRITE.bits() | Self::JOB.bits();
    }
}

impl Access {
    /// The rights that file mappings have.
    pub(crate) const MAPPING: Self = Self::QUERY.union(Self::READ_WRITE);
    /// The rights that synchronization objects have.
    pub(crate) const SYNCHRONIZATION: Self = Self::QUERY.union(Self::MODIFY).union(Self::SYNCHRONIZE);
    /// The rights that jobs have.
    pub(crate) const JOB: Self = Self::SYNCHRONIZATION.union(Self::ASSIGN).union(Self::TERMINATE);

    /// The rights that objects of a kind have.
    pub(crate) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::FileMapping => Self::MAPPING,
            Kind::Job => Self::JOB,
            _ => Self::SYNCHRONIZATION,
        }
    }

    /// Those with which a synchronization object is used, and not only looked at. Every use writes into its words.
    #[cfg(target_os = "linux")]
    pub(crate) const USE: Self = Self::JOB.difference(Self::QUERY);

    #[cfg(target_os = "linux")]
    pub(crate) fn uses(self) -> bool {
        self.intersects(Self::USE)
    }
}
