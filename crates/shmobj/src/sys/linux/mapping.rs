//! File mappings: the recipe for their entries, and how a process gets at their data.

use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::data::find::{self, Search};
use super::data::{
    Attached, Data, LookedAt, beside, commit as commit_data, file, flags, is_writable, key_of, memfd,
};
use super::fork::Operation;
use super::namespace::{Directory, FileKey, Place};
use super::object::lifecycle::{self, Fresh, Recipe, Target};
use super::object::page::{Flaw, HEAD_BYTES, Header, Hint, Id, Storage};
use super::object::patience::{Obstacle, given_up};
use super::object::{Object, is_regular};
use super::{huge_pages, proc, rights};
use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::mapping::{Allocation, LargePages, Protection};
use crate::name::Name;
use crate::sys::contract::{Intent, MappingWish as Wish, Source};
use crate::test_hooks::{Fault, is_forced};

/// How often the data of an object that came without them are looked for.
const TRIES: usize = 3;

/// A handle: it keeps the object, and with it the name, alive.
#[derive(Debug)]
pub(crate) struct Mapping {
    object: Option<Arc<Object>>,
    data: Arc<Data>,
    protection: Protection,
}

impl Mapping {
    /// An object without a name: nothing but its data.
    pub(crate) fn unnamed(attempt: &Attempt<'_>, wish: &Wish<'_>) -> Result<Self> {
        let data = match wish.source {
            Source::File { file, size } => file::take(attempt, file, size, wish.protection)?,
            Source::Memory { size, allocation, large_pages } => {
                let id = {
                    let _operation = Operation::start();
                    Id::of_now()
                };
                memfd::create(attempt, id, size, flags_of(allocation, large_pages), wish.sealable)?
            }
        };
        Ok(Self { object: None, data: Arc::new(data), protection: wish.protection })
    }

    /// The object of this name, made if it does not exist and `wish` says how. Returns whether it existed.
    pub(crate) fn named(
        attempt: &Attempt<'_>,
        place: &Place,
        name: Name<'_>,
        intent: Intent,
        wish: Option<&Wish<'_>>,
        access: Access,
    ) -> Result<(Self, bool)> {
        let write = access.contains(Access::WRITE);
        let mut recipe = MappingRecipe { attempt, place, wish, write };
        let target = Target { attempt: *attempt, kind: Kind::FileMapping, place, name };
        let (object, existed) = lifecycle::obtain(&target, intent, &mut recipe)?;
        Ok((Self::of(attempt, object, write)?, existed))
    }

    /// A handle to an object whose data are attached.
    fn of(attempt: &Attempt<'_>, object: Arc<Object>, write: bool) -> Result<Self> {
        let _operation = Operation::start(); // no fork while the lock on the data is held
        let protection = protection_of(attempt, &object.header)?;
        let wanted = write && protection == Protection::ReadWrite;
        let data = object.data().get(wanted);
        let data = data
            .ok_or_else(|| attempt.fails(ErrorKind::Unreachable, "its data were lost while it was opened"))?;
        Ok(Self { object: Some(object), data, protection })
    }

    /// A handle to an object that came by a descriptor, with its data or without.
    pub(crate) fn adopt(
        attempt: &Attempt<'_>,
        object: Arc<Object>,
        data: Option<OwnedFd>,
        write: bool,
    ) -> Result<Self> {
        if let Some(fd) = data {
            let looked_at = LookedAt::of(fd).map_err(|errno| attempt.os("looking at its data", errno))?;
            let (fd, stat) = (looked_at.fd(), &looked_at.stat);
            let unreadable =
                rustix::fs::fcntl_getfl(fd).is_ok_and(|mode| mode.intersects(OFlags::PATH | OFlags::WRONLY));
            if unreadable || !is_regular(stat) || FileKey::from(stat) != key_of(&object.header) {
                return Err(not_as_promised(attempt, &Flaw::Field("data")));
            }
            let writable = is_writable(fd);
            let mut attached = object.data();
            if attached.get(writable).is_none() {
                let data = Data::adopt(looked_at, writable, &object.header)
                    .map_err(|flaw| not_as_promised(attempt, &flaw))?;
                attached.put(Arc::new(data));
            }
        }
        // A holder can hand the data to a process that was looked at already, and end: a second look is needed. The object cannot
        // die meanwhile, so there is nothing to let go of.
        for _ in 0..TRIES {
            if attach(attempt, &object, None, write)? {
                return Self::of(attempt, object, write);
            }
        }
        Err(given_up(attempt, Obstacle::NoData))
    }

    /// The mapping of memory, or of a file, that came without a name.
    pub(crate) fn of_data(data: Data, protection: Protection) -> Self {
        Self { object: None, data: Arc::new(data), protection }
    }

    /// Another handle to the object. `more`: with rights that are asked of the object, as an open would (DH-3).
    pub(crate) fn duplicate(&self, attempt: &Attempt<'_>, access: Access, more: bool) -> Result<Self> {
        let write = access.contains(Access::WRITE) && (more || self.data.writable);
        let _operation = Operation::start();
        match &self.object {
            Some(object) => Self::adopt(attempt, object.clone(), None, write),
            None if self.data.writable == write || self.protection != Protection::ReadWrite => {
                Ok(Self { object: None, data: self.data.clone(), protection: self.protection })
            }
            None if !write => {
                // Without /proc it is shared: more than is asked for will do.
                let data = self.data.reopened(false).map_or_else(|_| self.data.clone(), Arc::new);
                Ok(Self { object: None, data, protection: self.protection })
            }
            None => {
                let data = self.data.reopened(true).map_err(|errno| match errno {
                    Errno::ACCESS | Errno::PERM | Errno::ROFS => denied(attempt, true).with_source(errno),
                    errno => attempt.os("opening its data for writing", errno),
                })?;
                Ok(Self::of_data(data, self.protection))
            }
        }
    }

    pub(crate) fn data(&self) -> &Arc<Data> {
        &self.data
    }

    pub(crate) fn object(&self) -> Option<&Arc<Object>> {
        self.object.as_ref()
    }

    pub(crate) fn protection(&self) -> Protection {
        self.protection
    }

    pub(crate) fn size(&self) -> u64 {
        self.data.size
    }

    pub(crate) fn page_size(&self) -> u64 {
        self.data.page_size
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.data.has(flags::RESERVE)
    }

    pub(crate) fn is_file(&self) -> bool {
        self.data.storage == Storage::File
    }

    /// Commits a range of reserved memory.
    pub(crate) fn commit(&self, attempt: &Attempt<'_>, may_write: bool, range: Range<u64>) -> Result<()> {
        commit(attempt, &self.data, may_write, range)
    }

    /// Whether two handles lead to one object.
    pub(crate) fn is_same_object(&self, other: &Self) -> bool {
        match (&self.object, &other.object) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (None, None) => Arc::ptr_eq(&self.data, &other.data) || self.data.is_same(&other.data),
            _ => false,
        }
    }
}

/// Commits a range, as the object's own rules allow it.
pub(crate) fn commit(attempt: &Attempt<'_>, data: &Data, may_write: bool, range: Range<u64>) -> Result<()> {
    if data.storage == Storage::File {
        return Err(attempt
            .fails(ErrorKind::AccessDenied, "a file's pages are the file's, and cannot be committed") // SR-11
            .with_remedy("only reserved memory needs it"));
    }
    if range.end > data.size {
        return Err(attempt
            .fails(
                ErrorKind::InvalidAddress,
                format!("the range ends behind the mapping's {} bytes", data.size),
            ) // SR-7
            .with_remedy("commit inside the mapping"));
    }
    if !data.has(flags::RESERVE) || range.is_empty() {
        return Ok(()); // SR-10
    }
    if !may_write || !data.writable {
        return Err(attempt
            .fails(ErrorKind::AccessDenied, "this handle has no right to write, and committing writes")
            .with_remedy("open the mapping with Access::READ_WRITE"));
    }
    commit_data::range(attempt, data, range)
}

fn flags_of(allocation: Allocation, large_pages: LargePages) -> u32 {
    let reserve = if allocation == Allocation::Reserve { flags::RESERVE } else { 0 };
    reserve
        | match large_pages {
            LargePages::No => 0,
            LargePages::Transparent => flags::TRANSPARENT,
            LargePages::Required => flags::LARGE_PAGES,
        }
}

/// The protection that an entry tells, checked.
pub(crate) fn protection_of(attempt: &Attempt<'_>, header: &Header) -> Result<Protection> {
    Protection::from_number(header.protection).ok_or_else(|| {
        attempt
            .fails(ErrorKind::Corrupt, "its entry is corrupt: its protection is impossible")
            .with_remedy("remove it from the namespace directory by hand, or choose another name")
    })
}

struct MappingRecipe<'a> {
    attempt: &'a Attempt<'a>,
    place: &'a Place,
    wish: Option<&'a Wish<'a>>,
    write: bool,
}

impl Recipe for MappingRecipe<'_> {
    fn make(&mut self, directory: &Directory) -> Result<Fresh> {
        let attempt = self.attempt;
        let os = |doing| move |errno| attempt.os(doing, errno);
        let wish = self.wish.ok_or_else(|| attempt.fails(ErrorKind::NotFound, "no object has this name"))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let pid = rustix::process::getpid().as_raw_nonzero().get() as u32;
        let (id, command) = {
            let _operation = Operation::start(); // both are made once per process
            (Id::new(pid, now), proc::own_command())
        };
        let shared = rights::is_shared(wish.security) || wish.across_pid_namespaces;
        let (data, beside, path) = match wish.source {
            Source::File { file, size } => {
                let data = file::take(attempt, file, size, wish.protection)?;
                let path = file::path(&data);
                (Arc::new(data), None, path)
            }
            Source::Memory { size, allocation, large_pages } => {
                let flags = flags_of(allocation, large_pages);
                // Where the system gives memfds no transparent huge pages but the namespace's tmpfs does, they are there.
                let huge_beside = large_pages == LargePages::Transparent
                    && !wish.sealable
                    && huge_pages::only_beside(self.place);
                if large_pages == LargePages::Required && shared {
                    return Err(attempt
                        .fails(
                            ErrorKind::NotSupported,
                            "large pages cannot be shared with other users or PID namespaces",
                        )
                        .with_remedy("use transparent huge pages"));
                }
                if wish.sealable && shared {
                    return Err(attempt
                        .fails(
                            ErrorKind::NotSupported,
                            "memory that is shared with other users or PID namespaces cannot be sealed",
                        )
                        .with_remedy(
                            "share it with its owner's processes only, or leave sealable(true) away",
                        ));
                }
                if shared || huge_beside {
                    let acl = rights::of_data(wish.security);
                    let (data, unlinked) = beside::create(attempt, directory, size, flags, &acl)?;
                    (data, Some(unlinked), Vec::new())
                } else {
                    (Arc::new(memfd::create(attempt, id, size, flags, wish.sealable)?), None, Vec::new())
                }
            }
        };
        let stat = rustix::fs::fstat(&data.fd).map_err(os("looking at its data"))?;
        let key = FileKey::from(&stat);
        let header = Header {
            kind: Kind::FileMapping,
            id,
            created: now.as_nanos() as u64,
            creator_pid: pid,
            creator_uid: directory.user(),
            command: command.into(),
            storage: data.storage,
            size: data.size,
            data_dev: key.dev,
            data_ino: key.ino,
            protection: wish.protection.number(),
            flags: data.flags,
        };
        let hint = Some(Hint::of(pid, &data.fd)).filter(|_| !is_forced(Fault::Hints));
        let data = Attached::new(data);
        let acl = rights::of_mapping(wish.security);
        Ok(Fresh { header, path, hint, words: None, behind: None, acl, data, beside })
    }

    fn is_cheap(&self) -> bool {
        const FEW: u64 = 64 << 10;
        let small = |wish: &Wish<'_>| match wish.source {
            Source::Memory { size, allocation, .. } => size <= FEW || allocation == Allocation::Reserve,
            Source::File { .. } => false, // a file must not be extended for a name that exists (AE-5)
        };
        self.wish.is_some_and(small)
    }

    fn attach(&mut self, object: &Object, head: Option<&[u8]>) -> Result<bool> {
        attach(self.attempt, object, head, self.write)
    }
}

/// Gets at the data of an object that this process holds. False: nobody was found who has it.
fn attach(attempt: &Attempt<'_>, object: &Object, head: Option<&[u8]>, write: bool) -> Result<bool> {
    let protection = protection_of(attempt, &object.header)?;
    // A read-only object is only read, whatever the handle may do: views are checked against both (8.3).
    let write = write && protection == Protection::ReadWrite;
    let mut attached = object.data();
    let known = attached.get(write);
    if known.as_ref().is_some_and(|data| data.writable == write) {
        return Ok(true);
    }
    let header = &object.header;
    let found = match attached.any() {
        Some(data) => match searched(data.reopen(write, header, object.owner)) {
            // More than is asked for will do.
            Search::Found(found) => Search::Found(found),
            _ if known.is_some() => return Ok(true),
            failed => failed,
        },
        None if header.storage == Storage::Beside => {
            let directory = object.directory().ok_or(Errno::NOENT);
            let opened = directory.and_then(|directory| beside::open(directory, header.id, write));
            searched(opened.and_then(|fd| find::verify(fd, header, object.owner)))
        }
        // An entry that was handed to us, and stands nowhere, could name any file that a process of ours has open.
        None if header.storage == Storage::File && object.directory().is_none() => Search::NotFound,
        None => find(attempt, object, head, write)?,
    };
    let found = match found {
        Search::Found(found) => found,
        Search::NotFound => return Ok(false),
        Search::Failed(errno) => return Err(attempt.os("opening its data", errno)),
        Search::Denied => return Err(denied(attempt, write)),
    };
    let data = Data::adopt(found, write, header).map_err(|flaw| not_as_promised(attempt, &flaw))?;
    attached.put(Arc::new(data));
    Ok(true)
}

fn denied(attempt: &Attempt<'_>, write: bool) -> crate::Error {
    let needed = if write { "writing" } else { "reading" };
    attempt.fails(ErrorKind::AccessDenied, format!("its data may not be opened for {needed}")).with_remedy(
        if write {
            "ask for Access::READ, or have its creator grant Access::WRITE"
        } else {
            "inspect it instead of opening it, or have its creator grant Access::READ"
        },
    )
}

fn not_as_promised(attempt: &Attempt<'_>, flaw: &Flaw) -> crate::Error {
    attempt
        .fails(ErrorKind::Corrupt, format!("its data are not what its entry says: {flaw}"))
        .with_remedy("end the processes that hold it, and create it again")
}

fn find(attempt: &Attempt<'_>, object: &Object, head: Option<&[u8]>, write: bool) -> Result<Search> {
    if let Some(head) = head {
        return Ok(find::find(object, head, write));
    }
    let mut head = [0; HEAD_BYTES];
    let bytes = rustix::io::pread(object.entry(), &mut head, 0)
        .map_err(|errno| attempt.os("reading its entry", errno))?;
    Ok(find::find(object, &head[..bytes], write))
}

/// What an attempt to open the data means. The kernel refuses what the mode refuses; every other failure may pass.
fn searched(opened: std::result::Result<LookedAt, Errno>) -> Search {
    match opened {
        Ok(found) => Search::Found(found),
        Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Search::Denied,
        Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => Search::Failed(errno),
        Err(_) => Search::NotFound,
    }
}
