//! Named shared memory and synchronization objects for Linux that live exactly as long as their handles, with the semantics
//! of the Win32 API. On Windows each of them is the kernel's own object; `docs/windows.md` says what differs.
//!
//! Two programs that were started independently share memory, or a file, by naming it:
//!
//! ```standalone_crate
//! # fn main() -> Result<(), shmobj::Error> {
//! # let directory = tempfile::tempdir().unwrap();
//! # // SAFETY: nothing else runs yet.
//! # unsafe { std::env::set_var("SHMOBJ_DIR", directory.path()) };
//! use shmobj::{Access, FileMapping};
//!
//! // one process
//! let mapping = FileMapping::options().size(64 << 20).create("frames")?;
//! let view = mapping.map_mut()?;
//! view.write_at(0, b"hello")?;
//!
//! // another
//! let mapping = FileMapping::open("frames", Access::READ)?;
//! let view = mapping.map()?;
//! assert_eq!(view.read_vec(0, 5)?, b"hello");
//! # Ok(()) }
//! ```
//!
//! When the last handle goes, by drop, exit or SIGKILL, the name is free; when the last view goes as well, the memory
//! is the kernel's again. There is no daemon and nothing to clean up.
//!
//! Processes coordinate through named objects in the same namespace: a [`Mutex`] whose next owner is told when the former one
//! was killed, an [`Event`], a [`Semaphore`], a [`WaitableTimer`]; and they wait for one, any or all of them (see [`wait`]).
//!
//! ```
//! # fn main() -> Result<(), shmobj::Error> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let namespace = shmobj::Namespace::at(directory.path());
//! use std::time::Duration;
//! use shmobj::{Event, Lock, Mutex, wait};
//!
//! let ledger = Mutex::options().namespace(&namespace).create("ledger")?;
//! match ledger.lock()? {
//!     Lock::Acquired(_guard) => { /* ... */ }
//!     Lock::Abandoned(_guard) => { /* its owner was killed: repair, then ... */ }
//! }
//! let ready = Event::options().namespace(&namespace).signaled(true).create("ready")?;
//! assert_eq!(wait::any(&[&ready, &ledger], Duration::from_secs(5))?, wait::Waited::Signaled(0));
//! # Ok(()) }
//! ```
//!
//! # What it does for you
//! - A name belongs to one object. Create-or-open is one atomic step, and nobody sees an object half-made.
//! - An object lives while any process holds a handle, across `fork`, and whoever is killed.
//! - "No space" is an error of the create, never a fault later; on Linux memory does not count against the size of `/dev/shm`.
//! - A mutex is never left locked by a dead process, and a signal is never half given. On Linux, what nobody has to wait for makes no
//!   system call.
//! - Copies in and out are sound whatever other processes do, and report a truncated file, or a disk that fails, as an error.
//! - Every error says what was tried on which object, what is the matter and what to do; [`Error::win32_code`] gives the
//!   number that a ported program expects.
//!
//! # What it does not do
//! - It does not lock your data by itself: agree on who writes what, with atomics in the memory or a mutex.
//! - It has no queues: who waits longest is not necessarily first.
//! - It does not hand out `&[u8]` to memory that another process can change.
#![cfg_attr(target_os = "linux", doc = "  To [`Frozen`] memory it does.")]
//! - It does not reach across machines, or network file systems.

#[cfg(all(target_os = "linux", not(target_endian = "little")))]
compile_error!("entries are little-endian, and this library has not been ported to other machines");

mod access;
mod error;
mod event;
#[cfg(target_os = "linux")]
mod frozen;
mod handle;
#[cfg(target_os = "linux")]
mod inspect;
pub mod job;
mod kind;
mod mapping;
mod mutex;
mod name;
mod namespace;
mod security;
mod semaphore;
mod state;
mod sys;
#[cfg(all(feature = "test-hooks", target_os = "linux"))]
pub mod test_hooks;
#[cfg(all(not(feature = "test-hooks"), target_os = "linux"))]
mod test_hooks;
mod timeout;
mod timer;
pub mod transfer;
mod view;
pub mod wait;

pub use access::Access;
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, EventOptions, Reset};
#[cfg(target_os = "linux")]
pub use frozen::{AnyBits, Frozen};
#[cfg(target_os = "linux")]
pub use inspect::{Creator, Garbage, Holder, Listed, ObjectInfo, Storage, Unknown, holders};
pub use job::{Job, JobOptions};
pub use kind::Kind;
pub use mapping::{Allocation, FileMapping, LargePages, MappingOptions, Protection};
pub use mutex::{Lock, Mutex, MutexGuard, MutexOptions};
pub use name::Scope;
pub use namespace::Namespace;
#[cfg(windows)]
pub use security::Sid;
pub use security::{Grant, Principal, Security};
pub use semaphore::{Semaphore, SemaphoreOptions};
pub use state::{Owner, State};
pub use timeout::Timeout;
pub use timer::{Due, Period, TimerOptions, WaitableTimer};
pub use view::{Atomic, CopyOnWrite, Flush, Mode, ReadOnly, ReadWrite, View, ViewOptions, Writable};

/// What the fuzz targets feed.
#[cfg(all(feature = "fuzzing", target_os = "linux"))]
#[doc(hidden)]
pub mod fuzzing;
