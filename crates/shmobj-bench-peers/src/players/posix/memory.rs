//! Named memory as the system has it: `shm_open` `ftruncate` `mmap`, and `munmap` `close` `shm_unlink`.
//!
//! `shm-open-allocated` calls `posix_fallocate` as well, so that "no space" is an error and not a fault later.
#![allow(unsafe_code)] // raw system calls are what it is

use std::ffi::CString;
use std::time::{Duration, Instant};

use super::ok;
use crate::players::tools::touch::touch;
use crate::players::tools::{held, timing};
use crate::players::{Made, Stage};
use crate::protocol::Answer;

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    let allocated = stage.contender == "shm-open-allocated";
    let bytes = stage.parameter as usize;
    let name = name(stage, "0");
    match stage.operation.as_str() {
        "create" => Made::of(move |count| {
            timing::timed_part(count, || Memory::create(&name, bytes, allocated), |memory| memory.end(&name))
        }),
        "close" => rounds(move || {
            let memory = Memory::create(&name, bytes, allocated);
            let begun = Instant::now();
            memory.end(&name);
            begun.elapsed()
        }),
        "first-touch" => rounds(move || {
            let memory = Memory::create(&name, bytes, allocated);
            let begun = Instant::now();
            memory.touch();
            let time = begun.elapsed();
            memory.end(&name);
            time
        }),
        _ if allocated => Made::Unsupported,
        "open" => {
            let there = There::create(vec![name.clone()], bytes);
            opened(name, bytes, there)
        }
        "open-beside" => opened(name.clone(), 4096, There::beside(stage, Some(name))),
        "create-beside" => {
            let there = There::beside(stage, None);
            Made::of(move |count| {
                let _there = &there;
                timing::timed_part(count, || Memory::create(&name, 4096, false), |memory| memory.end(&name))
            })
        }
        "memory-per-object" | "descriptors-per-object" => {
            let of_names = stage.clone();
            held::per_object(stage, move |number| {
                let name = self::name(&of_names, &number.to_string());
                let memory = Memory::create(&name, 4096, false);
                memory.touch();
                (memory, There(vec![name]))
            })
        }
        "leftovers" => {
            let memory = if stage.role == 0 {
                Memory::create(&name, 1 << 20, false)
            } else {
                Memory::open(&name, 1 << 20)
            };
            memory.touch();
            Made::of(move |_| {
                let _held = &memory;
                Answer::Done
            })
        }
        _ => Made::Unsupported,
    }
}

fn name(stage: &Stage, number: &str) -> CString {
    CString::new(format!("/{}-{number}", stage.prefix)).expect("no NUL")
}

fn opened(name: CString, bytes: usize, there: There) -> Made {
    Made::of(move |count| {
        let _there = &there;
        timing::timed_part(count, || Memory::open(&name, bytes), drop)
    })
}

fn rounds(mut time: impl FnMut() -> Duration + 'static) -> Made {
    Made::of(move |count| timing::took((0..count).map(|_| time()).sum()))
}

/// Names that are there; they go when this is dropped.
struct There(Vec<CString>);

impl There {
    fn create(names: Vec<CString>, bytes: usize) -> Self {
        names.iter().for_each(|name| drop(Memory::create(name, bytes, false)));
        Self(names)
    }

    /// As many others as the parameter says.
    fn beside(stage: &Stage, one: Option<CString>) -> Self {
        let others = (0..stage.parameter).map(|number| name(stage, &format!("other-{number}")));
        Self::create(one.into_iter().chain(others).collect(), 4096)
    }
}

impl Drop for There {
    fn drop(&mut self) {
        self.0.iter().for_each(unlink);
    }
}

fn unlink(name: &CString) {
    // SAFETY: the name is a C string.
    unsafe { libc::shm_unlink(name.as_ptr()) };
}

/// A mapping. The descriptor is closed: memory that is mapped does not need one.
struct Memory {
    base: *mut libc::c_void,
    bytes: usize,
}

impl Memory {
    fn create(name: &CString, bytes: usize, allocated: bool) -> Self {
        // SAFETY: the name is a C string.
        let fd = unsafe { libc::shm_open(name.as_ptr(), libc::O_CREAT | libc::O_EXCL | libc::O_RDWR, 0o600) };
        assert!(fd >= 0, "shm_open: {}", std::io::Error::last_os_error());
        // SAFETY: the descriptor is ours.
        assert_eq!(unsafe { libc::ftruncate(fd, bytes as i64) }, 0);
        if allocated {
            // SAFETY: as above.
            ok(unsafe { libc::posix_fallocate(fd, 0, bytes as i64) });
        }
        Self::map(fd, bytes)
    }

    fn open(name: &CString, bytes: usize) -> Self {
        // SAFETY: the name is a C string.
        let fd = unsafe { libc::shm_open(name.as_ptr(), libc::O_RDWR, 0) };
        assert!(fd >= 0, "shm_open: {}", std::io::Error::last_os_error());
        Self::map(fd, bytes)
    }

    fn map(fd: i32, bytes: usize) -> Self {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), bytes, prot, libc::MAP_SHARED, fd, 0) };
        assert_ne!(base, libc::MAP_FAILED, "mmap: {}", std::io::Error::last_os_error());
        // SAFETY: the descriptor is ours and not used any more.
        unsafe { libc::close(fd) };
        Self { base, bytes }
    }

    fn touch(&self) {
        // SAFETY: the mapping is so long, and writable.
        unsafe { touch(self.base.cast(), self.bytes) };
    }

    /// Unmaps, and takes the name away.
    fn end(self, name: &CString) {
        drop(self);
        unlink(name);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours.
        unsafe { libc::munmap(self.base, self.bytes) };
    }
}
