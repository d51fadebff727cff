//! What a handle may be used for.

use bitflags::bitflags;

bitflags! {
    /// The rights of a handle, asked for when it is opened.
    ///
    /// Rights belong to the handle, not to the object: two handles to one object can have different ones.
    ///
    /// ```
    /// use shmobj::Access;
    /// assert!(Access::READ_WRITE.contains(Access::READ));
    /// assert!(Access::ALL.contains(Access::READ_WRITE | Access::QUERY));
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Access: u32 {
        /// Ask for the object's attributes (`SECTION_QUERY`).
        const QUERY = 0x1;
        /// Map views that can be written and are shared (`FILE_MAP_WRITE`). This right alone maps no
        /// read-only view; ask for [`READ_WRITE`](Self::READ_WRITE) to have both.
        const WRITE = 0x2;
        /// Map read-only and copy-on-write views (`FILE_MAP_READ`).
        const READ = 0x4;
        /// Map every sort of view.
        const READ_WRITE = Self::READ.bits() | Self::WRITE.bits();
        /// Everything that the object permits (`FILE_MAP_ALL_ACCESS`).
        const ALL = Self::QUERY.bits() | Self::READ_WRITE.bits();
    }
}
