//! Making a handle of descriptors that arrived. Whoever sent them may be an enemy: what they are is asked of the kernel.

use std::os::fd::OwnedFd;

use rustix::fs::{OFlags, SealFlags, Stat};

use super::{Arrived, Carried, Record, Whole};
use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::mapping::Protection;
use crate::sys::linux::data::{Data, flags, is_of_huge_page_pool, is_writable, page_size};
use crate::sys::linux::fork::Operation;
use crate::sys::linux::mapping::Mapping;
use crate::sys::linux::namespace::FileKey;
use crate::sys::linux::object::adopt::{Adopted, adopt};
use crate::sys::linux::object::page::{HEAD_BYTES, Header, Storage};
use crate::sys::linux::object::{Object, is_regular};
use crate::sys::linux::sync::Synchronizer;
use crate::sys::linux::sync::create::{is_sound, unmappable};

/// Makes the handle of what was carried here.
pub(crate) fn unpack(attempt: &Attempt<'_>, carried: Carried) -> Result<Arrived> {
    let _operation = Operation::start();
    let Carried { record, lock, mapped, object: _held } = carried;
    let attempt = &Attempt { subject: record.kind.as_str(), ..*attempt };
    let writable = mapped.as_ref().or(lock.as_ref()).is_some_and(is_writable);
    let access = if writable { record.access } else { record.access - USE };
    match (record.kind, lock) {
        (Kind::Job, _) => Err(strange(attempt, "jobs cannot be handed on")),
        (kind, Some(lock)) => {
            let Adopted { object, name } = adopt(attempt, lock)?;
            let found = object.header.kind;
            if found != kind {
                return Err(attempt
                    .fails(ErrorKind::WrongKind, format!("what arrived is {}", found.with_article()))
                    .with_remedy(format!("take it as {}", found.with_article())));
            }
            let whole = if kind == Kind::FileMapping {
                let mapping = Mapping::adopt(attempt, object, mapped, access.contains(Access::WRITE))?;
                let access = mapping_access(&mapping, access, record.access);
                return Ok(Arrived { whole: Whole::Mapping(mapping), kind, access, name });
            } else {
                if !is_sound(&object.header) {
                    return Err(strange(attempt, "its attributes are impossible"));
                }
                let unmappable = |errno| unmappable(attempt, errno);
                let writable = access.uses();
                // What came along is needed only where we cannot open the entry ourselves, which is sure to be without a lock.
                if object.page(writable).is_err() {
                    if let Some(mapped) = mapped.filter(|fd| is_at(fd, &object)) {
                        object.map_page(&mapped, is_writable(&mapped)).map_err(unmappable)?;
                    }
                }
                Whole::Synchronizer(Synchronizer::of(object, writable).map_err(unmappable)?)
            };
            Ok(Arrived { whole, kind, access, name })
        }
        (kind, None) => {
            let Some(mapped) = mapped else { return Err(strange(attempt, "it came without a descriptor")) };
            let whole = if kind == Kind::FileMapping {
                let mapping = memory(attempt, mapped, Some(record))?;
                let access = mapping_access(&mapping, access, record.access);
                return Ok(Arrived { whole: Whole::Mapping(mapping), kind, access, name: String::new() });
            } else {
                let object = page(attempt, mapped)?;
                if object.kind != kind {
                    return Err(attempt
                        .fails(
                            ErrorKind::WrongKind,
                            format!("what arrived is {}", object.kind.with_article()),
                        )
                        .with_remedy(format!("take it as {}", object.kind.with_article())));
                }
                Whole::Synchronizer(object)
            };
            Ok(Arrived { whole, kind, access, name: String::new() })
        }
    }
}

/// Makes a handle of a single descriptor: an entry, or what an unnamed object consists of. A named mapping's memory alone is an
/// unnamed mapping.
pub(crate) fn of_descriptor(attempt: &Attempt<'_>, kind: Kind, fd: OwnedFd) -> Result<Arrived> {
    let _operation = Operation::start();
    let stat = rustix::fs::fstat(&fd).map_err(|errno| attempt.os("looking at it", errno))?;
    if !is_regular(&stat) {
        return Err(attempt
            .fails(ErrorKind::WrongKind, "the descriptor is no file, memory or entry")
            .with_remedy("give a descriptor that came from a handle"));
    }
    let access = if is_writable(&fd) { Access::ALL } else { Access::QUERY | Access::READ };
    if !is_sealed(&fd) && (kind != Kind::FileMapping || is_entry(&fd, &stat)) {
        let record =
            Record { kind, access, has_lock: true, has_mapped: false, protection: 0, flags: 0, size: 0 };
        return unpack(attempt, Carried { record, lock: Some(fd), mapped: None, object: None });
    }
    let whole = match kind {
        Kind::FileMapping => Whole::Mapping(memory(attempt, fd, None)?),
        _ => {
            let object = page(attempt, fd)?;
            if object.kind != kind {
                return Err(attempt
                    .fails(
                        ErrorKind::WrongKind,
                        format!("the descriptor is that of {}", object.kind.with_article()),
                    )
                    .with_remedy(format!("take it as {}", object.kind.with_article())));
            }
            Whole::Synchronizer(object)
        }
    };
    Ok(Arrived { whole, kind, access, name: String::new() })
}

/// The rights that need a descriptor which may be written.
const USE: Access = Access::WRITE.union(Access::MODIFY).union(Access::SYNCHRONIZE);

/// Rights beyond the descriptor's are cut, but where the object's protection answers for them anyway (8.3).
fn mapping_access(mapping: &Mapping, cut: Access, told: Access) -> Access {
    if mapping.protection == Protection::ReadWrite { cut } else { told }
}

fn is_at(fd: &OwnedFd, object: &Object) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|stat| FileKey::from(&stat) == object.key())
}

/// Whether this is memory that nobody can make shorter.
fn is_sealed(fd: &OwnedFd) -> bool {
    rustix::fs::fcntl_get_seals(fd).is_ok_and(|seals| seals.contains(SealFlags::SHRINK))
}

/// Whether a file begins like an entry and is whole. A user's own file that does is taken for one.
fn is_entry(fd: &OwnedFd, stat: &Stat) -> bool {
    let mut head = [0; HEAD_BYTES];
    rustix::io::pread(fd, &mut head, 0).is_ok_and(|bytes| {
        Header::parse(&head[..bytes], stat.st_size as u64, rustix::param::page_size()).is_ok()
    })
}

/// A mapping of memory or of a file, without a name.
fn memory(attempt: &Attempt<'_>, fd: OwnedFd, record: Option<Record>) -> Result<Mapping> {
    let os = |doing| move |errno| attempt.os(doing, errno);
    let stat = rustix::fs::fstat(&fd).map_err(os("looking at its memory"))?;
    if !is_regular(&stat) {
        return Err(strange(attempt, "it is neither memory nor a file"));
    }
    let mode = rustix::fs::fcntl_getfl(&fd).map_err(os("looking at its memory"))?;
    if mode.intersects(OFlags::PATH | OFlags::WRONLY) {
        return Err(attempt
            .fails(ErrorKind::AccessDenied, "the descriptor may not be read")
            .with_remedy("open it for reading, or for reading and writing"));
    }
    let large = is_of_huge_page_pool(&fd).map_err(os("looking at its memory"))?;
    let sealed = is_sealed(&fd);
    if large && !sealed {
        return Err(strange(attempt, "it is made of large pages that others can take away"));
    }
    // Behind the seal: a size that was read before could have been cut down since.
    let stat = rustix::fs::fstat(&fd).map_err(os("looking at its memory"))?;
    let length = stat.st_size as u64;
    let promised = record.map_or(0, |record| record.size);
    let size = if sealed || promised == 0 { length } else { promised };
    if size == 0 || size > i64::MAX as u64 / 2 {
        return Err(attempt
            .fails(ErrorKind::EmptyFile, "it has no length that could be mapped")
            .with_remedy("hand on a mapping, or a file that is not empty"));
    }
    let writable = is_writable(&fd);
    let mut kept = record.map_or(0, |record| record.flags) & flags::TRANSPARENT;
    if large {
        kept |= flags::LARGE_PAGES;
    } else if sealed && has_holes(&stat, size) {
        // Whatever the sender says: touching what is not there would commit it.
        kept |= flags::RESERVE;
    }
    let storage = if sealed { Storage::Memfd } else { Storage::File };
    let page_size = page_size(&stat, kept);
    let protection = match record.map(|record| record.protection) {
        None if writable => Protection::ReadWrite,
        None => Protection::ReadOnly,
        Some(number) => {
            Protection::from_number(number).ok_or_else(|| strange(attempt, "its protection is impossible"))?
        }
    };
    Ok(Mapping::of_data(Data { fd, writable, storage, size, flags: kept, page_size }, protection))
}

/// Whether some of the memory is not allocated. (SEEK_HOLE would take what was allocated and never touched for a hole.)
fn has_holes(stat: &Stat, size: u64) -> bool {
    (stat.st_blocks as u64).saturating_mul(512) < size
}

/// An unnamed synchronization object.
fn page(attempt: &Attempt<'_>, fd: OwnedFd) -> Result<Synchronizer> {
    let os = |doing| move |errno| attempt.os(doing, errno);
    let sealed = is_sealed(&fd); // looked at before the size, which it makes final
    let stat = rustix::fs::fstat(&fd).map_err(os("looking at its page"))?;
    let page_size = rustix::param::page_size();
    if !is_regular(&stat) || !sealed || stat.st_size as usize != page_size {
        return Err(strange(attempt, "it is not the page of a synchronization object"));
    }
    let mut head = [0; HEAD_BYTES];
    let bytes = rustix::io::pread(&fd, &mut head, 0).map_err(os("reading its page"))?;
    let (header, _) = Header::parse(&head[..bytes], stat.st_size as u64, page_size)
        .map_err(|flaw| strange(attempt, &format!("its page is corrupt: {flaw}")))?;
    if matches!(header.kind, Kind::FileMapping | Kind::Job) || !is_sound(&header) {
        return Err(strange(attempt, "its page is not that of a synchronization object"));
    }
    let writable = is_writable(&fd);
    Synchronizer::in_memory(fd, header, writable).map_err(os("mapping its page"))
}

fn strange(attempt: &Attempt<'_>, what: &str) -> crate::Error {
    attempt
        .fails(ErrorKind::Corrupt, format!("what arrived is not a handle: {what}"))
        .with_remedy("look at who sent it")
}
