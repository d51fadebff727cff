//! The protocol of the design as bare system calls, without the library: what any implementation of it has to pay.
//!
//! Nothing is checked but that the calls succeed. What the library costs beyond this is its own.

use std::ffi::{CStr, CString};
use std::path::Path;

use super::raw::touch;

const FLAGS: i32 = libc::O_RDWR | libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;

/// A namespace directory.
pub(crate) struct Directory(i32, CString);

impl Directory {
    pub(crate) fn open(path: &Path) -> Self {
        let path = CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
        // SAFETY: the path is a C string.
        let fd = unsafe { libc::open(path.as_ptr(), libc::O_DIRECTORY | libc::O_CLOEXEC) };
        Self(ok(fd), path)
    }

    /// Makes sure that the path still leads to it.
    fn look(&self) -> i32 {
        let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
        // SAFETY: the path is a C string, and there is room for the answer.
        ok(unsafe { libc::lstat(self.1.as_ptr(), stat.as_mut_ptr()) });
        self.0
    }
}

fn ok(result: i32) -> i32 {
    assert!(result >= 0, "{}", std::io::Error::last_os_error());
    result
}

fn fstat(fd: i32) {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: there is room for the answer.
    ok(unsafe { libc::fstat(fd, stat.as_mut_ptr()) });
}

fn flock(fd: i32, operation: i32) -> bool {
    // SAFETY: has no preconditions.
    unsafe { libc::flock(fd, operation | libc::LOCK_NB) == 0 }
}

fn close(fd: i32) {
    // SAFETY: the callers own the descriptor.
    ok(unsafe { libc::close(fd) });
}

fn map_touch_unmap(fd: i32) {
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address that the kernel chooses.
    let base = unsafe { libc::mmap(std::ptr::null_mut(), 4096, prot, libc::MAP_SHARED, fd, 0) };
    assert_ne!(base, libc::MAP_FAILED);
    touch(base.cast(), 4096);
    // SAFETY: the mapping is ours.
    ok(unsafe { libc::munmap(base, 4096) });
}

/// Creates, maps, touches and closes a named mapping of one page.
pub(crate) fn create(directory: &Directory, name: &CStr, page: &[u8; 4096]) {
    let at = directory.look();
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING | libc::MFD_NOEXEC_SEAL;
    // SAFETY: the name is a C string.
    let data = ok(unsafe { libc::memfd_create(c"shmobj:0123456789abcdef:c".as_ptr(), flags) });
    // SAFETY: the descriptor is ours.
    ok(unsafe { libc::fallocate(data, 0, 0, 4096) });
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: the descriptor is ours.
    ok(unsafe { libc::fcntl(data, libc::F_ADD_SEALS, seals) });
    fstat(data);
    // SAFETY: the path is a C string.
    let entry = ok(unsafe {
        libc::openat(at, c".".as_ptr(), libc::O_TMPFILE | libc::O_RDWR | libc::O_CLOEXEC, 0o600)
    });
    // SAFETY: the page is as long as that.
    let written = unsafe { libc::pwrite(entry, page.as_ptr().cast(), page.len(), 0) };
    assert_eq!(written, 4096);
    assert!(flock(entry, libc::LOCK_SH));
    fstat(entry);
    // SAFETY: both paths are C strings.
    ok(unsafe { libc::linkat(entry, c"".as_ptr(), at, name.as_ptr(), libc::AT_EMPTY_PATH) });
    map_touch_unmap(data);
    close(entry);
    // SAFETY: the name is a C string.
    let probe = ok(unsafe { libc::openat(at, name.as_ptr(), FLAGS) });
    assert!(flock(probe, libc::LOCK_EX));
    fstat(probe);
    // SAFETY: the name is a C string.
    ok(unsafe { libc::unlinkat(at, name.as_ptr(), 0) });
    close(probe);
    close(data);
}

/// Opens, maps, touches and closes a named mapping that another process holds; `descriptors` is its `/proc/<pid>/fd`.
pub(crate) fn open(directory: &Directory, name: &CStr, descriptors: &Directory, number: &CStr) {
    let at = directory.look();
    // SAFETY: the name is a C string.
    let entry = ok(unsafe { libc::openat(at, name.as_ptr(), FLAGS) });
    assert!(!flock(entry, libc::LOCK_EX));
    assert!(flock(entry, libc::LOCK_SH));
    fstat(entry);
    let mut page = [0_u8; 4096];
    // SAFETY: the page is as long as that.
    unsafe { libc::pread(entry, page.as_mut_ptr().cast(), page.len(), 0) };
    // SAFETY: the number is a C string, and the buffer is longer than that.
    unsafe { libc::readlinkat(descriptors.0, number.as_ptr(), page.as_mut_ptr().cast(), 320) };
    // SAFETY: the number is a C string.
    let data = ok(unsafe { libc::openat(descriptors.0, number.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) });
    fstat(data);
    // SAFETY: the descriptor is ours.
    ok(unsafe { libc::fcntl(data, libc::F_GET_SEALS) });
    map_touch_unmap(data);
    close(entry);
    // SAFETY: the name is a C string.
    let probe = ok(unsafe { libc::openat(at, name.as_ptr(), FLAGS) });
    assert!(!flock(probe, libc::LOCK_EX));
    close(probe);
    close(data);
}
