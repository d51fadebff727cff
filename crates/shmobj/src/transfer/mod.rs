//! Handing handles to other processes.
//!
//! | way | who gets it |
//! |---|---|
//! | [`inherit`](InheritExt::inherit), [`inherited`] | a child, under a role that parent and child agree on |
#![cfg_attr(
    target_os = "linux",
    doc = "| [`send`], [`receive`] | whoever has the other end of a Unix socket |"
)]
//! | [`duplicate_from`] | a process that may look into another one, by the number of a descriptor there (on Windows of a handle) |
#![cfg_attr(
    windows,
    doc = "| [`duplicate_into`] | a process that this one may give handles; it has to be told the number |"
)]
//! | [`Deposit`], [`claim`] | one process of the same user, by a token |
#![cfg_attr(
    target_os = "linux",
    doc = "| [`pack`], [`unpack`] | whoever has a descriptor: one that keeps whole handles, for systemd's store and the like |",
    doc = "| [`AsFd`](std::os::fd::AsFd), `OwnedFd` | other libraries |"
)]
#![cfg_attr(
    windows,
    doc = "| [`AsHandle`](std::os::windows::io::AsHandle), `OwnedHandle` | other libraries |"
)]
//!
//! A handle that travels keeps its object, as any handle does. Its name and its rights travel with it, and unnamed objects travel as well as named
//! ones. What the receiver cannot reach by name it can use all the same.
//!
//! On Linux the kernel counts a handle also between `send` and `receive`, and when the one who was to have it dies, it is gone. The kernel enforces
//! its rights on other users: a handle that may only read is a read-only descriptor, of memory that nobody but its owner can open anew. (A handle of
//! a mapping with neither READ nor WRITE cannot be handed on: whoever has the descriptor of its memory can read it.)
//!
//! Windows has no sockets that carry handles, and no parcels; it has `duplicate_into`, which Linux has not. There the kernel enforces a handle's
//! rights on everybody, and the receiver may ask the object for more ([`Security`](crate::Security)).
//!
//! Ownership of a mutex does not travel: it belongs to a thread (IH-11).
//!
//! Who receives a handle looks at it as if an enemy had sent it: the answer to nonsense is an error. Whoever sends one shares
//! that object with the receiver, and nothing else; see `docs/security.md`.

mod any;
mod deposit;
#[cfg(target_os = "linux")]
mod descriptor;
mod inherit;
#[cfg(windows)]
mod raw_handle;
#[cfg(target_os = "linux")]
mod socket;

pub use any::AnyHandle;
pub use deposit::{Deposit, claim, claim_in};
#[cfg(target_os = "linux")]
pub use descriptor::duplicate_from;
pub use inherit::{InheritExt, inherited, roles};
#[cfg(windows)]
pub use raw_handle::{duplicate_from, duplicate_into};
#[cfg(target_os = "linux")]
pub use socket::{MAXIMUM_HANDLES, pack, receive, send, send_and_close, unpack};

use crate::error::{Attempt, ErrorKind};
use crate::kind::Kind;
use crate::sys::contract::Arrived;
use sealed::Parts;

pub(crate) mod sealed {
    use super::AnyHandle;
    use crate::{FileMapping, Kind, Result, handle::Handle};

    /// Only this crate's handles can travel.
    pub trait Sealed {
        /// What it is.
        fn parts(&self) -> Parts<'_>;

        /// The handle, if it is of this kind.
        fn from_any(any: AnyHandle) -> Result<Self>
        where
            Self: Sized;

        /// The kind, for those types that have only one.
        fn kind() -> Option<Kind>
        where
            Self: Sized;
    }

    /// The two sorts of handles.
    #[derive(Clone, Copy, Debug)]
    pub enum Parts<'a> {
        /// Memory.
        Mapping(&'a FileMapping),
        /// All others.
        Synchronization(&'a Handle),
    }
}

/// A handle of any kind, that can be handed to another process.
pub trait Transfer: sealed::Sealed + std::fmt::Debug + Send + Sync {}

/// Whether two handles, of whatever kinds, lead to the same object.
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// use shmobj::{Event, Mutex, transfer};
/// let event = Event::options().create_unnamed()?;
/// assert!(transfer::same_object(&event, &event.try_clone()?));
/// assert!(!transfer::same_object(&event, &Mutex::options().create_unnamed()?));
/// # Ok(()) }
/// ```
#[doc(alias = "CompareObjectHandles")]
#[must_use]
pub fn same_object(one: &dyn Transfer, other: &dyn Transfer) -> bool {
    match (one.parts(), other.parts()) {
        (Parts::Mapping(one), Parts::Mapping(other)) => one.is_same_object(other),
        (Parts::Synchronization(one), Parts::Synchronization(other)) => one.is_same_object(other),
        _ => false,
    }
}

fn attempt<'a>(handle: &'a dyn Transfer, verb: &'static str) -> Attempt<'a> {
    match handle.parts() {
        Parts::Mapping(mapping) => mapping.attempt(verb),
        Parts::Synchronization(handle) => handle.attempt(verb),
    }
}

fn wrong_kind(found: Kind, wanted: Kind, name: &str) -> crate::Error {
    Attempt { verb: "take", subject: found.as_str(), name }
        .fails(ErrorKind::WrongKind, format!("it is not {}", wanted.with_article()))
        .with_remedy(format!("take it as {}", found.with_article()))
}

/// What every kind of handle needs to travel.
macro_rules! transfer {
    ($Object:ident) => {
        impl $crate::transfer::Transfer for $Object {}

        impl From<$Object> for $crate::transfer::AnyHandle {
            fn from(handle: $Object) -> Self {
                Self::$Object(handle)
            }
        }

        impl TryFrom<$crate::transfer::AnyHandle> for $Object {
            type Error = $crate::Error;

            fn try_from(any: $crate::transfer::AnyHandle) -> $crate::Result<Self> {
                $crate::transfer::sealed::Sealed::from_any(any)
            }
        }

        /// Takes a handle of the system's own sort (a descriptor, on Linux): one that came from a handle of this kind, in whatever way.
        /// It is looked at as if an enemy had sent it; what it is not, is an error, and it is closed.
        impl TryFrom<$crate::transfer::OwnedRaw> for $Object {
            type Error = $crate::Error;

            fn try_from(raw: $crate::transfer::OwnedRaw) -> $crate::Result<Self> {
                $crate::transfer::from_raw(raw)
            }
        }
    };
}

pub(crate) use transfer;
#[cfg(target_os = "linux")]
pub(crate) use {descriptor::from_raw, std::os::fd::OwnedFd as OwnedRaw};
#[cfg(windows)]
pub(crate) use {raw_handle::from_raw, std::os::windows::io::OwnedHandle as OwnedRaw};

impl From<Arrived> for AnyHandle {
    fn from(arrived: Arrived) -> Self {
        any::of(arrived)
    }
}
