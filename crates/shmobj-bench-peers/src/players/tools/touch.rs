//! The first use of memory.
#![allow(unsafe_code)] // writes where it is told to

/// Writes the first byte of every page.
///
/// # Safety
/// So much memory is mapped there, and may be written.
pub(crate) unsafe fn touch(base: *mut u8, bytes: usize) {
    for offset in (0..bytes).step_by(4096) {
        // SAFETY: inside what the caller promises.
        let page = unsafe { base.add(offset) };
        // SAFETY: as above.
        unsafe { page.write_volatile(1) };
    }
}
