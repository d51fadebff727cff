//! Memory touched as a program touches it: where it may not, the process faults. For roles that are to do that.
#![allow(unsafe_code)] // the fault is what is asked for

/// Reads a byte.
pub(crate) fn read(address: *const u8) -> u8 {
    // SAFETY: what is there is memory, or the process faults, as its role says; other processes' changes are no data race for
    // a volatile access of one byte.
    unsafe { address.read_volatile() }
}

/// Writes a byte.
pub(crate) fn write(address: *mut u8, byte: u8) {
    // SAFETY: as above; nobody has a reference to this memory.
    unsafe { address.write_volatile(byte) }
}
