//! Making synchronization objects, and opening them: the recipe for their entries.
//!
//! The object is its page; there are no data beside it. An unnamed one has the same page in a memfd.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{MemfdFlags, Mode, SealFlags};
use rustix::io::Errno;

use super::words::{FirstWords, Owned};
use super::{Holder, Key, Synchronizer, Trouble, cell, handover, liveness, mutex, seat, semaphore, spin};
use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::name::{Name, Scope, UNNAMED_PREFIX};
use crate::security::Security;
use crate::sys::contract::{Initial, Intent, SynchronizerWish as Wish};
use crate::sys::linux::data::{Attached, open_again};
use crate::sys::linux::fork::Operation;
use crate::sys::linux::job::board;
use crate::sys::linux::namespace::{Directory, FileKey, Place};
use crate::sys::linux::object::Object;
use crate::sys::linux::object::lifecycle::{self, Fresh, Recipe, Target};
use crate::sys::linux::object::page::{Header, Id, Image, Storage};
use crate::sys::linux::object::shared_page::SharedPage;
use crate::sys::linux::{proc, rights};

/// Bits of the entry's flags.
pub(crate) mod flags {
    /// A satisfied wait leaves it signalled.
    pub(crate) const MANUAL_RESET: u32 = 1;
    pub(crate) const ALL: u32 = MANUAL_RESET;
}

impl Initial {
    fn kind(self) -> Kind {
        match self {
            Self::Mutex { .. } => Kind::Mutex,
            Self::Event { .. } => Kind::Event,
            Self::Semaphore { .. } => Kind::Semaphore,
            Self::Timer { .. } => Kind::WaitableTimer,
            Self::Job { .. } => Kind::Job,
        }
    }

    fn cell(self) -> cell::State {
        match self {
            Self::Event { signaled, .. } => cell::State::new(0, signaled),
            Self::Semaphore { count, .. } => semaphore::initial(count),
            Self::Mutex { .. } | Self::Timer { .. } | Self::Job { .. } => cell::State::new(0, false),
        }
    }

    fn is_manual(self) -> bool {
        // A job stays signalled (JT-2): to waits it is an event.
        matches!(self, Self::Event { manual: true, .. } | Self::Timer { manual: true } | Self::Job { .. })
    }

    fn maximum(self) -> u32 {
        if let Self::Semaphore { maximum, .. } = self { maximum } else { 0 }
    }

    fn is_owned(self) -> bool {
        matches!(self, Self::Mutex { owned: true })
    }
}

/// The unnamed objects that this process has. As long as it has one, the number of its memory is not used again.
static HELD: LazyLock<Mutex<HashMap<FileKey, Weak<Unnamed>>>> = LazyLock::new(Mutex::default);

fn held() -> MutexGuard<'static, HashMap<FileKey, Weak<Unnamed>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An object without a name: nothing but its page.
#[derive(Debug)]
pub(crate) struct Unnamed {
    pub(super) page: SharedPage,
    /// By which it can be handed to another process.
    memory: OwnedFd,
    key: FileKey,
    header: Header,
}

impl Unnamed {
    pub(crate) fn memory(&self) -> &OwnedFd {
        &self.memory
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        let _operation = Operation::start();
        let mut held = held();
        if held.get(&self.key).is_some_and(|known| known.strong_count() == 0) {
            held.remove(&self.key);
        }
    }
}

impl Synchronizer {
    /// An object without a name. `place` is where a job's entry is.
    pub(crate) fn unnamed(attempt: &Attempt<'_>, initial: Initial, place: &Place) -> Result<Self> {
        if let Initial::Job { .. } = initial {
            return Self::unnamed_job(attempt, initial, place);
        }
        let _operation = Operation::start();
        let header = header(initial, rustix::process::geteuid().as_raw());
        let words = first_words(attempt, initial, false)?;
        let page_size = rustix::param::page_size();
        let image = Image::new(&header, page_size, "", &[], None, Some(&words.to_bytes()));
        let make = || {
            let memory = rustix::fs::memfd_create(
                format!("shmobj:{}:", header.id.first_half()),
                MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
            )?;
            // Who is handed its descriptor must not be able to open it again with more rights.
            rustix::fs::fchmod(&memory, Mode::RUSR | Mode::WUSR)?;
            lifecycle::write_all(&memory, image.bytes(), 0)?;
            rustix::fs::fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
            Self::in_memory(memory, header, true)
        };
        let object = make().map_err(|errno: Errno| attempt.os("making its memory", errno))?;
        if initial.is_owned() {
            mutex::lock(&object, super::Deadline::Now).map_err(|trouble| trouble.of(attempt))?;
        }
        Ok(object)
    }

    /// A job without a name has an entry all the same, under a name that nobody else comes upon: its end has to be noticed by its
    /// guardians, whoever is killed, and only an entry's lock tells that.
    fn unnamed_job(attempt: &Attempt<'_>, initial: Initial, place: &Place) -> Result<Self> {
        let base = format!("{UNNAMED_PREFIX}{}", Id::of_now());
        let name = Name { scope: Scope::Local, base: &base };
        let wish = Wish { initial, security: &Security::OWNER_ONLY };
        Self::named(attempt, Kind::Job, place, name, Intent::CreateNew, Some(wish), Access::JOB)
            .map(|(object, _)| object)
    }

    /// The unnamed object whose page this sealed memory is. One that this process has already stays the same object, whatever has been written into
    /// the page since.
    pub(crate) fn in_memory(memory: OwnedFd, header: Header, writable: bool) -> Result<Self, Errno> {
        let key = FileKey::from(&rustix::fs::fstat(&memory)?);
        // Not under the lock: dropping what was found takes it again.
        let known = held().get(&key).and_then(Weak::upgrade);
        let unnamed = match known {
            Some(known) if known.page.is_writable() || !writable => known,
            known => {
                let header = known.map_or(header, |known| known.header.clone());
                let page = SharedPage::map_sealed(&memory, writable)?;
                let unnamed = Arc::new(Unnamed { page, memory, key, header });
                held().insert(key, Arc::downgrade(&unnamed));
                unnamed
            }
        };
        Ok(Self::new(Holder::Unnamed(unnamed.clone()), key, &unnamed.header))
    }

    /// The object of this name, made if it does not exist and `wish` says how. Returns whether it existed.
    pub(crate) fn named(
        attempt: &Attempt<'_>,
        kind: Kind,
        place: &Place,
        name: Name<'_>,
        intent: Intent,
        wish: Option<Wish<'_>>,
        access: Access,
    ) -> Result<(Self, bool)> {
        let writable = access.uses();
        let target = Target { attempt: *attempt, kind, place, name };
        let mut recipe = SynchronizerRecipe { attempt, wish, writable };
        let (object, existed) = lifecycle::obtain(&target, intent, &mut recipe)?;
        let object = Self::of(object, writable).map_err(|errno| unmappable(attempt, errno))?;
        if !existed && wish.is_some_and(|wish| wish.initial.is_owned()) {
            mutex::adopt(&object).map_err(|trouble| trouble.of(attempt))?;
        }
        Ok((object, existed))
    }

    /// A handle to an object that this process holds.
    pub(crate) fn of(object: Arc<Object>, writable: bool) -> Result<Self, Errno> {
        let page = object.page(writable)?.clone();
        let key = object.key();
        let held = object.clone();
        Ok(Self::new(Holder::Named { page, object: held }, key, &object.header))
    }

    /// Another handle to the object. `more`: with rights that are asked of the object, as an open would (DH-3).
    pub(crate) fn duplicate(&self, attempt: &Attempt<'_>, access: Access, more: bool) -> Result<Self> {
        let _operation = Operation::start();
        let writable = more && access.uses() || self.holder.page().is_writable();
        self.again(writable).map_err(|errno| unmappable(attempt, errno))
    }

    fn again(&self, writable: bool) -> Result<Self, Errno> {
        match &self.holder {
            Holder::Named { object, .. } => Self::of(object.clone(), writable),
            Holder::Unnamed(unnamed) if unnamed.page.is_writable() == writable => {
                let key = self.key.file;
                Ok(Self::new(Holder::Unnamed(unnamed.clone()), key, &unnamed.header))
            }
            Holder::Unnamed(unnamed) => {
                Self::in_memory(open_again(&unnamed.memory, true)?, unnamed.header.clone(), true)
            }
        }
    }

    fn new(holder: Holder, file: FileKey, header: &Header) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = header.id.0;
        Self {
            words: holder.page().words().into(),
            holder,
            key: Key { file, id: u64::from_le_bytes([a, b, c, d, e, f, g, h]) },
            kind: header.kind,
            manual: header.flags & flags::MANUAL_RESET != 0,
            maximum: header.size as u32,
            refusals: AtomicU32::new(0),
            spin: spin::Spin::new(),
            guess: super::guess::Guess::default(),
        }
    }
}

fn header(initial: Initial, user: u32) -> Header {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let pid = rustix::process::getpid().as_raw_nonzero().get() as u32;
    Header {
        kind: initial.kind(),
        id: Id::new(pid, now),
        created: now.as_nanos() as u64,
        creator_pid: pid,
        creator_uid: user,
        command: proc::own_command().into(),
        storage: Storage::None,
        size: initial.maximum().into(),
        data_dev: 0,
        data_ino: 0,
        protection: 0,
        flags: if initial.is_manual() { flags::MANUAL_RESET } else { 0 },
    }
}

fn first_words(attempt: &Attempt<'_>, initial: Initial, owned: bool) -> Result<FirstWords> {
    let owner = if owned {
        let (thread, token) = seat::identity().map_err(|trouble| trouble.of(attempt))?;
        Some(Owned { thread, token, signature: liveness::signature(thread) })
    } else {
        None
    };
    let handover = if initial.kind() == Kind::Mutex { handover::STORE } else { handover::EXCHANGE };
    let pid_namespace = liveness::own_pid_namespace();
    Ok(FirstWords { cell: initial.cell(), pid_namespace, handover, owner })
}

/// Whether a page can be that of a synchronization object: the attributes that the words do not show.
pub(crate) fn is_sound(header: &Header) -> bool {
    let maximum_is_sound = header.kind != Kind::Semaphore || (1..=i32::MAX as u64).contains(&header.size);
    maximum_is_sound && header.flags & !flags::ALL == 0 && header.storage == Storage::None
}

pub(crate) fn unmappable(attempt: &Attempt<'_>, errno: Errno) -> crate::Error {
    match errno {
        Errno::ACCESS | Errno::PERM => attempt
            .fails(ErrorKind::AccessDenied, "its creator lets this user look at it, but not use it")
            .with_remedy(
                "ask for Access::QUERY alone, or have its creator grant its use (Access::SYNCHRONIZE)",
            ),
        Errno::STALE => {
            attempt.fails(ErrorKind::Unreachable, "its entry was removed by hand while it is held")
        }
        Errno::INVAL => Trouble::Corrupt.of(attempt), // truncated since it was looked at
        errno => attempt.os("mapping its page", errno),
    }
}

struct SynchronizerRecipe<'a> {
    attempt: &'a Attempt<'a>,
    wish: Option<Wish<'a>>,
    writable: bool,
}

impl Recipe for SynchronizerRecipe<'_> {
    fn make(&mut self, directory: &Directory) -> Result<Fresh> {
        let wish =
            self.wish.ok_or_else(|| self.attempt.fails(ErrorKind::NotFound, "no object has this name"))?;
        let words = first_words(self.attempt, wish.initial, wish.initial.is_owned())?;
        Ok(Fresh {
            header: header(wish.initial, directory.user()),
            path: Vec::new(),
            hint: None,
            words: Some(words.to_bytes()),
            behind: match &wish.initial {
                Initial::Job { limits } => Some((board::first_bytes(limits), board::BOARD_AT)),
                _ => None,
            },
            acl: rights::of_synchronization(wish.security),
            data: Attached::default(),
            beside: None,
        })
    }

    fn is_cheap(&self) -> bool {
        true
    }

    fn attach(&mut self, object: &Object, _head: Option<&[u8]>) -> Result<bool> {
        if !is_sound(&object.header) {
            return Err(self
                .attempt
                .fails(ErrorKind::Corrupt, "its entry is corrupt: its attributes are impossible")
                .with_remedy("remove it from the namespace directory by hand, or choose another name"));
        }
        // Removed meanwhile, or another object by now: start again.
        match object.page(self.writable) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT | Errno::STALE) => Ok(false),
            Err(errno) => Err(unmappable(self.attempt, errno)),
        }
    }
}
