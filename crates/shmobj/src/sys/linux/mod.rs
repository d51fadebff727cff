//! Linux: the kernel counts references (open file descriptions), frees memory (memfd) and checks access (modes).
//!
//! | room | what |
//! |---|---|
//! | [`namespace`] | the directories of entries, and how names become file names |
//! | [`object`] | entries and handles: create, open, close, reclaim |
//! | [`data`] | the memory or file behind a mapping, and finding it by name |
//! | [`view`] | mapping it, and copying in and out |
//! | [`mapping`] | file mappings, made of all these |
//! | [`sync`] | mutexes, events, semaphores, timers, and waiting for them |
//! | [`job`] | processes that are ended and accounted as one: guardians, control groups |
//! | [`transfer`] | handles on their way to other processes |
//! | [`inspect`] | who holds what |
//! | [`rights`], [`acl`] | who may open what, as bits and lists of files |
//! | [`guard`] | surviving memory that somebody truncates: the handler of SIGBUS |
//! | [`huge_pages`], [`proc`] | what the system offers, and what /proc tells |
//! | [`error`] | what an error of the kernel means |
//! | [`fork`] | keeping `fork` out of the middle of an operation |

mod acl;
pub(crate) mod data;
mod error;
mod fork;
pub(crate) mod guard;
mod huge_pages;
pub(crate) mod inspect;
pub(crate) mod job;
pub(crate) mod mapping;
pub(crate) mod namespace;
pub(crate) mod object;
pub(crate) mod proc;
mod rights;
pub(crate) mod sync;
pub(crate) mod transfer;
pub(crate) mod view;

/// What the kernel calls its errors.
pub(crate) use rustix::io::Errno as Code;
/// A file that is to be mapped.
pub(crate) use std::os::fd::BorrowedFd as BorrowedFile;
