//! Who may open an object besides its owner.

/// Who may open an object, fixed when it is created. Nobody but its owner by default.
///
/// Memory that only its owner may open lives in a sealed memfd; memory shared with other users lives in a file on
/// tmpfs, beside the object's entry, with this mode. The kernel enforces it when the object is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Security {
    mode: u32,
}

impl Security {
    /// Only processes of the owner.
    pub const OWNER_ONLY: Self = Self { mode: 0o600 };

    /// Permission bits as of a file: `0o640` lets the owner's group read, `0o666` lets everybody read and write.
    /// The owner always has both; execute bits are ignored. The umask does not apply.
    #[must_use]
    pub const fn mode(bits: u32) -> Self {
        Self { mode: bits & 0o066 | 0o600 }
    }

    /// The permission bits.
    #[must_use]
    pub const fn mode_bits(self) -> u32 {
        self.mode
    }
}

impl Default for Security {
    fn default() -> Self {
        Self::OWNER_ONLY
    }
}
