//! Who holds what: reading entries and /proc without holding anything.
//!
//! An entry that nobody holds is no object. Looking at one reclaims it, so a listing never shows the dead.

use std::collections::HashMap;
use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::data::{beside, flags, key_of};
use super::fork::Operation;
use super::job::GUARDIAN;
use super::namespace::{Directory, FileKey, Place, filename};
use super::object::lifecycle::read_overflow;
use super::object::page::{Flaw, HEAD_BYTES, Header, Storage as InEntry};
use super::object::sweep::{self, Found, Left, visit_entries};
use super::sync::words::{Copied, WORDS_BYTES};
use super::{acl, proc, rights, sync};
use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::inspect::{Creator, Garbage, Holder, Listed, ObjectInfo, Storage, Unknown};
use crate::kind::Kind;
use crate::mapping::{Allocation, LargePages, Protection};
use crate::name::{Name, Scope};

/// What identifies an object in /proc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Keys {
    entry: FileKey,
    data: FileKey,
}

/// All objects of a place, and what else stands among them.
pub(crate) fn list(attempt: &Attempt<'_>, place: &Place) -> Result<Vec<Listed>> {
    let _operation = Operation::start();
    let Some(directory) = place.directory(attempt, false)? else { return Ok(Vec::new()) };
    let mut listed = Vec::new();
    visit_entries(&directory, 0, usize::MAX, |file| {
        listed.extend(look(&directory, file));
        true
    })
    .map_err(|errno| attempt.os("listing the namespace directory", errno))?;
    Ok(listed)
}

fn look(directory: &Directory, file: &CStr) -> Option<Listed> {
    let unknown = |kind, reason: String| {
        let name = shown_name(directory.scope, file.to_bytes());
        Some(Listed::Unknown(Unknown { name, kind, reason }))
    };
    match sweep::look(directory, file) {
        (Found::Held | Found::Closed(_), _) if filename::is_passing(file.to_bytes()) => None,
        (Found::Held, Some(entry)) => match read(directory, &entry) {
            Ok(info) => Some(Listed::Object(info)),
            Err(flaw) => unknown(ErrorKind::Corrupt, format!("corrupt entry: {flaw}")),
        },
        (Found::Closed(Errno::ACCESS | Errno::PERM), _) => {
            unknown(ErrorKind::AccessDenied, "another user's, and not shared".into())
        }
        (Found::Closed(errno), _) => unknown(ErrorKind::Other, format!("it cannot be opened: {errno}")),
        (Found::Left(Left::Flawed(flaw)), _) => unknown(ErrorKind::Corrupt, format!("not an object: {flaw}")),
        (Found::Left(Left::NotPermitted), _) => {
            unknown(ErrorKind::NotFound, "left by a crash, and only its owner may remove it".into())
        }
        (Found::Left(Left::System(errno)), _) => unknown(ErrorKind::Other, errno.to_string()),
        (Found::Held | Found::Reclaimed | Found::Gone, _) => None,
    }
}

/// An object's name as far as its file's name tells.
fn shown_name(scope: Scope, file: &[u8]) -> String {
    match filename::decode(scope, file) {
        Some(decoded) if decoded.whole => decoded.name,
        Some(decoded) => format!("{}...", decoded.name),
        None => String::from_utf8_lossy(file).into_owned(),
    }
}

fn read(directory: &Directory, entry: &OwnedFd) -> std::result::Result<ObjectInfo, Flaw> {
    let stat = rustix::fs::fstat(entry).map_err(|_| Flaw::TooShort)?;
    let mut head = [0; HEAD_BYTES];
    let bytes = rustix::io::pread(entry, &mut head, 0).map_err(|_| Flaw::TooShort)?;
    let head = &head[..bytes];
    let page_size = rustix::param::page_size();
    let (header, texts) = Header::parse(head, stat.st_size as u64, page_size)?;
    let overflow = read_overflow(texts, entry, page_size).map_err(|_| Flaw::TooShort)?;
    let (name, path) = texts.read(head, &overflow)?;
    if name.is_empty() {
        return Err(Flaw::Field("name's length"));
    }
    let protection = match header.kind {
        Kind::FileMapping => {
            Some(Protection::from_number(header.protection).ok_or(Flaw::Field("protection"))?)
        }
        _ => None,
    };
    let has = |flag| header.flags & flag != 0;
    let (state, is_waited_for) = match header.kind {
        Kind::FileMapping => (None, false),
        _ => {
            let mut words = [0; WORDS_BYTES];
            let at = page_size - WORDS_BYTES;
            if rustix::io::pread(entry, &mut words, at as u64).map_err(|_| Flaw::TooShort)? < WORDS_BYTES {
                return Err(Flaw::TooShort);
            }
            let (state, is_waited_for) = sync::inspect::state(&header, Copied(&words));
            (Some(state), is_waited_for)
        }
    };
    let acl = acl::read(entry, stat.st_mode);
    let data = match header.storage {
        InEntry::Beside => beside::acl(directory, &header, stat.st_uid),
        _ => None,
    };
    let keys = Keys { entry: FileKey::from(&stat), data: key_of(&header) };
    Ok(ObjectInfo {
        state,
        is_waited_for,
        name,
        kind: header.kind,
        id: header.id.to_string(),
        size: header.size,
        protection,
        allocation: if has(flags::RESERVE) { Allocation::Reserve } else { Allocation::Commit },
        large_pages: match (has(flags::LARGE_PAGES), has(flags::TRANSPARENT)) {
            (true, _) => LargePages::Required,
            (false, true) => LargePages::Transparent,
            (false, false) => LargePages::No,
        },
        storage: match header.storage {
            InEntry::None => Storage::Entry,
            InEntry::Memfd => Storage::Memory,
            InEntry::File => {
                use std::os::unix::ffi::OsStringExt;
                Storage::File(PathBuf::from(std::ffi::OsString::from_vec(path)))
            }
            InEntry::Beside => Storage::SharedMemory,
        },
        owner: stat.st_uid,
        mode: acl.mode(),
        grants: rights::grants(header.kind, &acl, data.as_ref()),
        creator: Creator {
            pid: header.creator_pid,
            uid: header.creator_uid,
            command: header.command.into_owned(),
        },
        created: UNIX_EPOCH + Duration::from_nanos(header.created),
        keys,
    })
}

/// One object, by its name.
pub(crate) fn inspect(attempt: &Attempt<'_>, place: &Place, name: Name<'_>) -> Result<ObjectInfo> {
    let _operation = Operation::start();
    let not_found = || {
        attempt
            .fails(ErrorKind::NotFound, format!("no object has this name in {}", place.path().display()))
            .with_remedy("list the names with `shmobj ls`")
    };
    let directory = place.directory(attempt, false)?.ok_or_else(not_found)?;
    let file = filename::encode(name.scope, name.base);
    match look(&directory, &file) {
        Some(Listed::Object(info)) => Ok(info),
        Some(Listed::Unknown(Unknown { kind, reason, .. })) => {
            let remedy = match kind {
                ErrorKind::Corrupt => "remove it from the namespace directory by hand, whoever put it there",
                ErrorKind::NotFound => "have its owner, or root, run `shmobj gc --global`",
                _ => "ask its owner",
            };
            Err(attempt.fails(kind, reason).with_remedy(remedy))
        }
        None => Err(not_found()),
    }
}

/// Who holds these objects, in one pass over /proc. Only processes that this one may look into are seen.
pub(crate) fn holders(objects: &[&ObjectInfo]) -> Vec<Vec<Holder>> {
    let mut entries = HashMap::new();
    let mut data: HashMap<FileKey, Vec<usize>> = HashMap::new();
    for (index, object) in objects.iter().enumerate() {
        entries.insert(object.keys.entry, index);
        data.entry(object.keys.data).or_default().push(index);
    }
    let mut found: Vec<Vec<Holder>> = objects.iter().map(|_| Vec::new()).collect();
    for pid in proc::processes().into_iter().flatten() {
        let mut access: HashMap<usize, Access> = HashMap::new();
        let mut holds = Vec::new();
        for fd in proc::descriptors(pid).into_iter().flatten() {
            let Some(key) = proc::key_without_waiting(rustix::fs::CWD, &proc::descriptor(pid, fd)) else {
                continue;
            };
            let mut may = |index: usize, rights| *access.entry(index).or_insert(Access::empty()) |= rights;
            if let Some(&index) = entries.get(&key) {
                holds.push(index);
                if objects[index].kind != Kind::FileMapping {
                    may(
                        index,
                        if is_writable(pid, fd) { Access::of(objects[index].kind) } else { Access::QUERY },
                    );
                }
            }
            for &index in data.get(&key).into_iter().flatten() {
                may(index, if is_writable(pid, fd) { Access::READ_WRITE } else { Access::READ });
            }
        }
        holds.sort_unstable();
        holds.dedup();
        for index in holds {
            let access = access.get(&index).copied().unwrap_or(Access::empty());
            let command = proc::command(pid).unwrap_or_default();
            // It waits for the lock that holders have.
            if objects[index].kind == Kind::Job && command.as_bytes() == GUARDIAN {
                continue;
            }
            found[index].push(Holder { pid, command, access });
        }
    }
    found
}

/// Whether a descriptor lets its process write.
fn is_writable(pid: u32, fd: u32) -> bool {
    let flags = proc::open_flags(pid, fd).map(|flags| OFlags::from_bits_retain(flags as u32));
    flags.is_some_and(|flags| flags & OFlags::RWMODE == OFlags::RDWR)
}

/// Reclaims what nobody holds.
pub(crate) fn collect_garbage(attempt: &Attempt<'_>, place: &Place) -> Result<Garbage> {
    let _operation = Operation::start();
    let mut garbage = Garbage::default();
    let Some(directory) = place.directory(attempt, false)? else { return Ok(garbage) };
    visit_entries(&directory, 0, usize::MAX, |file| {
        let name = || shown_name(directory.scope, file.to_bytes());
        match sweep::look(&directory, file).0 {
            Found::Held => garbage.held += 1,
            Found::Reclaimed => garbage.reclaimed.push(name()),
            Found::Gone => {}
            Found::Closed(_) => garbage.closed.push(name()),
            Found::Left(Left::NotPermitted) => garbage.not_permitted.push(name()),
            Found::Left(_) => garbage.foreign.push(name()),
        }
        true
    })
    .map_err(|errno| attempt.os("listing the namespace directory", errno))?;
    Ok(garbage)
}
