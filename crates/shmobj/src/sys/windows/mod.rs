//! Windows: every object is the kernel's own, which counts handles, frees memory and checks access by itself.
//!
//! | room | what |
//! |---|---|
//! | [`namespace`] | what stands in front of names |
//! | [`handle`] | handles, and making and opening objects |
//! | [`mapping`], [`view`] | file mappings and their views |
//! | [`guard`] | copies that survive a disk which fails |
//! | [`sync`] | mutexes, events, semaphores, timers, and waiting for them |
//! | [`job`] | sets of processes |
//! | [`transfer`] | handles on their way to other processes |
//! | [`rights`], [`security`] | rights as access masks, and who has them as access control lists |
//! | [`privilege`] | what large pages need |
//! | [`nt`] | what only the native interface tells about an object |
//! | [`error`] | what an error of the system means |

mod error;
mod guard;
mod handle;
pub(crate) mod job;
pub(crate) mod mapping;
pub(crate) mod namespace;
mod nt;
mod privilege;
mod rights;
mod security;
pub(crate) mod sync;
pub(crate) mod transfer;
pub(crate) mod view;

/// A file that is to be mapped.
pub(crate) use std::os::windows::io::BorrowedHandle as BorrowedFile;

/// What the system calls its errors: the numbers that `GetLastError` gives.
pub(crate) type Code = u32;
