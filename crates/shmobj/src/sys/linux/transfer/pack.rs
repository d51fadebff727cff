//! Making the descriptors of a handle that is to travel.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use super::{Carried, Record};
use crate::access::Access;
use crate::kind::Kind;
use crate::sys::linux::data::open_again;
use crate::sys::linux::fork::Operation;
use crate::sys::linux::mapping::Mapping;
use crate::sys::linux::object::{Object, try_lock};
use crate::sys::linux::sync::{Holder, Synchronizer};
use crate::test_hooks::step;

/// The descriptor that keeps a synchronization object.
pub(crate) fn descriptor(object: &Synchronizer) -> BorrowedFd<'_> {
    match object.holder() {
        Holder::Named { object, .. } => object.entry(),
        Holder::Unnamed(unnamed) => unnamed.memory().as_fd(),
    }
}

/// Makes fresh descriptions of a mapping with these rights.
///
/// Killed in between: the kernel closes what was made. Nobody has it yet.
pub(crate) fn pack_mapping(mapping: &Mapping, access: Access) -> Result<Carried, Errno> {
    let _operation = Operation::start();
    let data = mapping.data();
    let writable = access.contains(Access::WRITE) && data.writable;
    let mapped = fresh(&data.fd, writable)?;
    // Nobody but an entry's owner may write it, and a lock needs no more than a look (the same for all who read the data).
    let lock = mapping.object().map(|object| locked(object, false)).transpose()?;
    step("transfer: descriptors made");
    Ok(Carried {
        record: Record {
            kind: Kind::FileMapping,
            access,
            has_lock: lock.is_some(),
            has_mapped: true,
            protection: mapping.protection().number(),
            flags: data.flags,
            size: data.size,
        },
        lock,
        mapped: Some(mapped),
        object: mapping.object().cloned(),
    })
}

/// The same of a synchronization object.
pub(crate) fn pack_synchronizer(object: &Synchronizer, access: Access) -> Result<Carried, Errno> {
    let _operation = Operation::start();
    let writable = access.uses();
    let (held, lock, mapped) = match object.holder() {
        Holder::Named { object, .. } => {
            let lock = locked(object, writable)?;
            // Without a lock: whoever maps it keeps this description for as long as the page is mapped.
            let mapped =
                object.open_again(writable).and_then(above_standard).or_else(|_| duplicate(&lock))?;
            (Some(object.clone()), Some(lock), mapped)
        }
        Holder::Unnamed(unnamed) => (None, None, fresh(unnamed.memory(), writable)?),
    };
    step("transfer: descriptors made");
    Ok(Carried {
        record: Record {
            kind: object.kind,
            access,
            has_lock: lock.is_some(),
            has_mapped: true,
            protection: 0,
            flags: 0,
            size: 0,
        },
        lock,
        mapped: Some(mapped),
        object: held,
    })
}

/// A description of an object's entry that holds it, as a handle does.
fn locked(object: &Object, writable: bool) -> Result<OwnedFd, Errno> {
    match object.open_again(writable) {
        // Our own handle keeps everybody from the lock that could be in the way.
        Ok(fd) if try_lock(&fd, FlockOperation::NonBlockingLockShared)? => above_standard(fd),
        Ok(_) => Err(Errno::AGAIN),
        Err(errno) => shared(object.entry(), writable, errno),
    }
}

/// A new description of what a descriptor leads to.
fn fresh(fd: &OwnedFd, writable: bool) -> Result<OwnedFd, Errno> {
    match open_again(fd, writable) {
        Ok(fresh) => above_standard(fresh),
        Err(errno) => shared(fd, writable, errno),
    }
}

/// A process that has closed its standard streams gets their numbers, under which a child has streams of its own.
pub(crate) fn above_standard(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    if fd.as_raw_fd() > 2 { Ok(fd) } else { duplicate(fd) }
}

/// What another user handed to this process, and what has no name where /proc is missing, cannot be opened once more. Then
/// the description itself is shared, if it grants no more than it should.
fn shared(fd: impl AsFd, writable: bool, errno: Errno) -> Result<OwnedFd, Errno> {
    let mode = rustix::fs::fcntl_getfl(&fd)? & OFlags::RWMODE;
    let wanted = if writable { OFlags::RDWR } else { OFlags::RDONLY };
    if mode == wanted { duplicate(fd) } else { Err(errno) }
}

fn duplicate(fd: impl AsFd) -> Result<OwnedFd, Errno> {
    rustix::io::fcntl_dupfd_cloexec(fd, 3)
}
