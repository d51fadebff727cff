//! The raw system calls that a shared memory library is measured against.

use std::ffi::CString;

/// `shm_open`, mapped, with its first byte touched.
pub(crate) struct Shm {
    base: *mut libc::c_void,
    bytes: usize,
}

impl Shm {
    pub(crate) fn create(name: &CString, bytes: usize) -> Self {
        // SAFETY: the name is a C string.
        let fd = unsafe { libc::shm_open(name.as_ptr(), libc::O_CREAT | libc::O_EXCL | libc::O_RDWR, 0o600) };
        assert!(fd >= 0, "shm_open");
        // SAFETY: the descriptor is ours.
        assert_eq!(unsafe { libc::ftruncate(fd, bytes as i64) }, 0);
        Self::map(fd, bytes)
    }

    pub(crate) fn open(name: &CString, bytes: usize) -> Self {
        // SAFETY: the name is a C string.
        let fd = unsafe { libc::shm_open(name.as_ptr(), libc::O_RDWR, 0) };
        assert!(fd >= 0, "shm_open");
        Self::map(fd, bytes)
    }

    fn map(fd: i32, bytes: usize) -> Self {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), bytes, prot, libc::MAP_SHARED, fd, 0) };
        assert_ne!(base, libc::MAP_FAILED);
        // SAFETY: the descriptor is ours and not used any more.
        unsafe { libc::close(fd) };
        Self { base, bytes }
    }

    pub(crate) fn pointer(&self) -> *mut u8 {
        self.base.cast()
    }

    pub(crate) fn unlink(name: &CString) {
        // SAFETY: the name is a C string.
        unsafe { libc::shm_unlink(name.as_ptr()) };
    }
}

impl Drop for Shm {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours.
        unsafe { libc::munmap(self.base, self.bytes) };
    }
}

/// Touches the first byte of every page.
pub(crate) fn touch(base: *mut u8, bytes: usize) {
    for offset in (0..bytes).step_by(4096) {
        // SAFETY: inside the mapping that the caller has.
        let page = unsafe { base.add(offset) };
        // SAFETY: as above.
        unsafe { page.write_volatile(1) };
    }
}
