//! Handles on their way to another process.
//!
//! A handle travels as one or two descriptors and a [`Record`]:
//!
//! | | with the lock | what is mapped |
//! |---|---|---|
//! | named mapping | its entry, read-only | its memory or file |
//! | named synchronization object | its entry | its entry once more, without a lock |
//! | unnamed mapping | - | its memory or file |
//! | unnamed synchronization object | - | the memory of its page |
//!
//! Each is a fresh open file description, made for this journey with just the rights of the handle: the kernel enforces them on
//! whoever receives it, and counts the journey itself as a holder (L2), so an object in flight lives, and dies with its
//! carrier. Nothing in a record is believed that the descriptors can tell.

pub(crate) mod deposit;
pub(crate) mod environment;
mod pack;
pub(crate) mod process;
pub(crate) mod socket;
mod unpack;

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;

pub(crate) use pack::{above_standard, descriptor};
use pack::{pack_mapping, pack_synchronizer};
pub(crate) use unpack::{of_descriptor, unpack};

use rustix::io::Errno;

use super::object::Object;
use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::sys::contract::{Arrived, Whole};
use crate::transfer::sealed::Parts;

/// What travels.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) record: Record,
    pub(crate) lock: Option<OwnedFd>,
    pub(crate) mapped: Option<OwnedFd>,
    /// The named object, where this process has it. Dropped behind the descriptor with the lock, so that somebody probes (L5).
    pub(crate) object: Option<Arc<Object>>,
}

/// What the descriptors do not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) access: Access,
    pub(crate) has_lock: bool,
    pub(crate) has_mapped: bool,
    /// Of unnamed mappings: the protection's number, the flags and the size as in an entry.
    pub(crate) protection: u32,
    pub(crate) flags: u32,
    pub(crate) size: u64,
}

/// Makes the descriptors of a handle that is to travel.
pub(crate) fn carry(attempt: &Attempt<'_>, parts: Parts<'_>) -> Result<Carried> {
    let carried = match parts {
        // It cannot travel without the memory, and whoever has that can read it.
        Parts::Mapping(mapping) if !mapping.access().intersects(Access::READ_WRITE) => {
            return Err(attempt
                .fails(ErrorKind::AccessDenied, "a handle that can map no view cannot leave its process")
                .with_remedy("give it Access::READ, or tell the other process what it is to know"));
        }
        Parts::Mapping(mapping) => pack_mapping(mapping.inner(), mapping.access()),
        Parts::Synchronization(handle) => pack_synchronizer(&handle.object, handle.access()),
    };
    carried.map_err(|errno| match errno {
        Errno::ACCESS | Errno::PERM => attempt
            .fails(
                ErrorKind::AccessDenied,
                "another user handed it to this process, which cannot make a narrower handle of it",
            )
            .with_source(errno)
            .with_remedy("hand on the rights that came, or have its owner hand on what is wanted"),
        errno => attempt.os("opening it once more", errno),
    })
}

/// How many bytes a record takes: see `docs/abi.md`.
pub(crate) const RECORD_BYTES: usize = 32;

const LOCK: u32 = 1;
const MAPPED: u32 = 2;

impl Record {
    /// Of an object whose entry tells the rest.
    pub(crate) fn told_by_entry(kind: Kind, access: Access, has_mapped: bool) -> Self {
        Self { kind, access, has_lock: true, has_mapped, protection: 0, flags: 0, size: 0 }
    }

    pub(crate) fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let descriptors = if self.has_lock { LOCK } else { 0 } | if self.has_mapped { MAPPED } else { 0 };
        let mut bytes = [0; RECORD_BYTES];
        bytes[..4].copy_from_slice(&self.kind.number().to_le_bytes());
        bytes[4..8].copy_from_slice(&self.access.bits().to_le_bytes());
        bytes[8..12].copy_from_slice(&descriptors.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.protection.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.flags.to_le_bytes());
        bytes[24..].copy_from_slice(&self.size.to_le_bytes());
        bytes
    }

    /// `None`: no handle looks like this.
    pub(crate) fn parse(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
        let descriptors = number(8);
        let has_lock = descriptors & LOCK != 0;
        let has_mapped = descriptors & MAPPED != 0;
        // A mapping brings its data along: looking for them costs time, and an enemy could send many.
        let is_mapping = number(0) == Kind::FileMapping.number();
        let too_little = !has_mapped && (is_mapping || !has_lock);
        if too_little || descriptors & !(LOCK | MAPPED) != 0 || bytes[20..24] != [0; 4] {
            return None;
        }
        Some(Self {
            kind: Kind::from_number(number(0))?,
            access: Access::from_bits(number(4))?,
            has_lock,
            has_mapped,
            protection: number(12),
            flags: number(16),
            size: u64::from_le_bytes(std::array::from_fn(|index| bytes[24 + index])),
        })
    }

    pub(crate) fn descriptors(self) -> usize {
        usize::from(self.has_lock) + usize::from(self.has_mapped)
    }
}

impl Carried {
    /// The descriptors, in the order in which they travel.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = &OwnedFd> {
        self.lock.iter().chain(self.mapped.iter())
    }

    /// Puts together what arrived. `None`: descriptors are missing.
    pub(crate) fn assemble(record: Record, descriptors: &mut VecDeque<OwnedFd>) -> Option<Self> {
        let mut next = |is_there: bool| if is_there { descriptors.pop_front().map(Some) } else { Some(None) };
        Some(Self { record, lock: next(record.has_lock)?, mapped: next(record.has_mapped)?, object: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_is_pinned() {
        let record = Record {
            kind: Kind::Semaphore,
            access: Access::QUERY | Access::SYNCHRONIZE,
            has_lock: true,
            has_mapped: true,
            protection: 5,
            flags: 6,
            size: 7,
        };
        let mut bytes = [0; RECORD_BYTES];
        for (at, value) in [(0, 4), (4, 0x10_0001_u32), (8, 3), (12, 5), (16, 6), (24, 7)] {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        assert_eq!(record.to_bytes(), bytes);
        assert_eq!(Record::parse(&bytes), Some(record));
    }

    proptest! {
        #[test]
        fn what_is_taken_for_a_record_is_one(bytes in any::<[u8; RECORD_BYTES]>(), kind in 0u8..8, fds in 0u8..5) {
            let mut bytes = bytes;
            bytes[..4].copy_from_slice(&[kind, 0, 0, 0]);
            bytes[8..12].copy_from_slice(&[fds, 0, 0, 0]);
            if let Some(record) = Record::parse(&bytes) {
                prop_assert_eq!(record.to_bytes(), bytes);
            }
        }
    }
}
