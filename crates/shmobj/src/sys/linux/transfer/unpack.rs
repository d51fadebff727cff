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
use crate::sys::linux::object::adopt::{Adopted, adopt, answers};
use crate::sys::linux::object::page::{self, Storage};
use crate::sys::linux::object::{Object, is_regular};
use crate::sys::linux::sync::Synchronizer;
use crate::sys::linux::sync::create::{is_sound, unmappable};

/// Makes the handle of what was carried here.
pub(crate) fn unpack(attempt: &Attempt<'_>, carried: Carried) -> Result<Arrived> {
    let _operation = Operation::start();
    let Carried { record, lock, mapped, object: _held } = carried;
    let attempt = &Attempt { subject: record.kind.as_str(), ..*attempt };
    match (lock, mapped) {
        (Some(lock), mapped) => named(attempt, record, lock, mapped),
        (None, Some(mapped)) if record.kind == Kind::FileMapping => {
            let cut = cut(record.access, &mapped);
            let mapping = memory(attempt, mapped, Some(record))?;
            Ok(Arrived::mapping(mapping, String::new(), cut, record.access))
        }
        (None, Some(mapped)) => unnamed_synchronizer(attempt, record.kind, record.access, mapped),
        (None, None) => Err(strange(attempt, "it came without a descriptor")),
    }
}

/// Makes a handle of a single descriptor: an entry, or what an unnamed object consists of. A named mapping's memory alone is an
/// unnamed mapping. A user's own file that begins like an entry is taken for one.
pub(crate) fn of_descriptor(attempt: &Attempt<'_>, kind: Kind, fd: OwnedFd) -> Result<Arrived> {
    let _operation = Operation::start();
    if kind != Kind::FileMapping && !answers(&fd) {
        return Err(strange(attempt, "it is on a file system that has no entries"));
    }
    let stat = rustix::fs::fstat(&fd).map_err(|errno| attempt.os("looking at it", errno))?;
    if !is_regular(&stat) {
        return Err(attempt
            .fails(ErrorKind::WrongKind, "the descriptor is no file, memory or entry")
            .with_remedy("give a descriptor that came from a handle"));
    }
    let access = cut(Access::ALL, &fd);
    if !is_sealed(&fd) && (kind != Kind::FileMapping || page::header_of(&fd).is_ok()) {
        return named(attempt, Record::told_by_entry(kind, access, false), fd, None);
    }
    match kind {
        Kind::FileMapping => Ok(Arrived::mapping(memory(attempt, fd, None)?, String::new(), access, access)),
        _ => unnamed_synchronizer(attempt, kind, access, fd),
    }
}

/// An object with an entry. `mapped` is needed where we cannot open what is mapped ourselves.
fn named(attempt: &Attempt<'_>, record: Record, lock: OwnedFd, mapped: Option<OwnedFd>) -> Result<Arrived> {
    let cut = cut(record.access, mapped.as_ref().unwrap_or(&lock));
    let Adopted { object, name } = adopt(attempt, lock)?;
    check_kind(attempt, object.header.kind, record.kind)?;
    if record.kind == Kind::FileMapping {
        let mapping = Mapping::adopt(attempt, object, mapped, cut.contains(Access::WRITE))?;
        return Ok(Arrived::mapping(mapping, name, cut, record.access));
    }
    if !is_sound(&object.header) {
        return Err(strange(attempt, "its attributes are impossible"));
    }
    let unmappable = |errno| unmappable(attempt, errno);
    // An entry that we open ourselves is sure to be without a lock.
    if object.page(cut.uses()).is_err() {
        if let Some(mapped) = mapped.filter(|fd| is_at(fd, &object)) {
            object.map_page(&mapped, is_writable(&mapped)).map_err(unmappable)?;
        }
    }
    let whole = Whole::Synchronizer(Synchronizer::of(object, cut.uses()).map_err(unmappable)?);
    Ok(Arrived { whole, kind: record.kind, access: cut, name })
}

fn unnamed_synchronizer(attempt: &Attempt<'_>, kind: Kind, access: Access, fd: OwnedFd) -> Result<Arrived> {
    let access = cut(access, &fd);
    let object = synchronizer(attempt, fd)?;
    check_kind(attempt, object.kind, kind)?;
    Ok(Arrived { whole: Whole::Synchronizer(object), kind, access, name: String::new() })
}

fn check_kind(attempt: &Attempt<'_>, found: Kind, wanted: Kind) -> Result<()> {
    match wanted {
        _ if found == wanted => Ok(()),
        _ => Err(attempt
            .fails(ErrorKind::WrongKind, format!("what arrived is {}", found.with_article()))
            .with_remedy(format!("take it as {}", found.with_article()))),
    }
}

/// What of these rights a descriptor can have: the kernel enforces no more.
fn cut(access: Access, fd: &OwnedFd) -> Access {
    if is_writable(fd) { access } else { access - Access::WRITE - Access::USE }
}

impl Arrived {
    /// Rights beyond the descriptor's are cut, but where the object's protection answers for them anyway (8.3).
    fn mapping(mapping: Mapping, name: String, cut: Access, told: Access) -> Self {
        let access = if mapping.protection() == Protection::ReadWrite { cut } else { told };
        Self { whole: Whole::Mapping(mapping), kind: Kind::FileMapping, access, name }
    }
}

fn is_at(fd: &OwnedFd, object: &Object) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|stat| FileKey::from(&stat) == object.key())
}

/// Whether this is memory that nobody can make shorter.
fn is_sealed(fd: &OwnedFd) -> bool {
    rustix::fs::fcntl_get_seals(fd).is_ok_and(|seals| seals.contains(SealFlags::SHRINK))
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
fn synchronizer(attempt: &Attempt<'_>, fd: OwnedFd) -> Result<Synchronizer> {
    let os = |doing| move |errno| attempt.os(doing, errno);
    let sealed = is_sealed(&fd); // looked at before the size, which it makes final
    let stat = rustix::fs::fstat(&fd).map_err(os("looking at its page"))?;
    let page_size = rustix::param::page_size();
    if !is_regular(&stat) || !sealed || stat.st_size as usize != page_size {
        return Err(strange(attempt, "it is not the page of a synchronization object"));
    }
    let header =
        page::header_of(&fd).map_err(|flaw| strange(attempt, &format!("its page is corrupt: {flaw}")))?;
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
