//! Handles on their way to other processes.
//!
//! A handle travels as the number that it has, or gets, in the other process. The system keeps its rights, and tells whoever has it what
//! it is; how its object was named is told beside it.

pub(crate) mod deposit;
pub(crate) mod environment;
pub(crate) mod process;
mod unpack;

use std::os::windows::io::BorrowedHandle;

pub(crate) use unpack::of_handle;

use crate::access::Access;
use crate::kind::Kind;
use crate::transfer::sealed::Parts;

/// What travels, while it is still the caller's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried<'a> {
    pub(crate) handle: BorrowedHandle<'a>,
    kind: Kind,
    access: Access,
    name: &'a str,
}

impl<'a> From<Parts<'a>> for Carried<'a> {
    fn from(parts: Parts<'a>) -> Self {
        match parts {
            Parts::Mapping(mapping) => Self {
                handle: mapping.inner().handle(),
                kind: Kind::FileMapping,
                access: mapping.access(),
                name: mapping.name(),
            },
            Parts::Synchronization(handle) => Self {
                handle: handle.object.handle(),
                kind: handle.object.kind,
                access: handle.access(),
                name: handle.name(),
            },
        }
    }
}
