//! One module tree per system, of the same shape. What the public types need from each:
//!
//! | module | supplies |
//! |---|---|
//! | `namespace` | `Place`: where names are looked up |
//! | `mapping` | `Mapping`: a handle, made from a wish or found by name |
//! | `sync` | `Synchronizer`: a handle to a synchronization object, what can be done with it, and waits |
//! | `job` | processes that are started, ended and accounted as one; `Child` and `Port` |
//! | `view` | `View`: a mapped range with checked copies |
//! | `transfer` | handles on their way to other processes |
//! | `error` | `Attempt::os`: what an error of the system means |
//!
//! and from Linux alone:
//!
//! | module | supplies |
//! |---|---|
//! | `seals`, `view::Frozen` | memory that nobody changes any more |
//! | `inspect` | the objects of a place and who holds them |
//!
//! [`contract`] has the words in which they are asked and answer.

pub(crate) mod contract;
mod escape;
#[cfg(target_arch = "x86_64")]
mod guarded_copy;

#[cfg(target_os = "linux")]
pub(crate) mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{
    BorrowedFile, Code, data::seals, inspect, job, mapping, namespace, sync, transfer, view,
};

#[cfg(windows)]
pub(crate) mod windows;
#[cfg(windows)]
pub(crate) use windows::{BorrowedFile, Code, job, mapping, namespace, sync, transfer, view};

#[cfg(all(windows, not(target_pointer_width = "64")))]
compile_error!("shmobj supports Windows on 64-bit machines");
#[cfg(not(any(target_os = "linux", windows)))]
compile_error!("shmobj supports Linux and Windows; see docs/design.md");
