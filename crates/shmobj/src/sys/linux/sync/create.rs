//! Making synchronization objects, and opening them: the recipe for their entries.
//!
//! The object is its page; there are no data beside it. An unnamed one has the same page in a memfd.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;

use super::words::{FirstWords, Owned};
use super::{Holder, Key, Synchronizer, Trouble, cell, liveness, mutex, seat, semaphore, spin};
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::name::Name;
use crate::sys::linux::data::Attached;
use crate::sys::linux::fork::Operation;
use crate::sys::linux::namespace::{Directory, FileKey, Place};
use crate::sys::linux::object::Object;
use crate::sys::linux::object::lifecycle::{self, Fresh, Intent, Recipe, Target};
use crate::sys::linux::object::page::{Header, Id, Image, Storage};
use crate::sys::linux::object::shared_page::SharedPage;
use crate::sys::linux::proc;

/// Bits of the entry's flags.
pub(crate) mod flags {
    /// A satisfied wait leaves it signalled.
    pub(crate) const MANUAL_RESET: u32 = 1;
    pub(crate) const ALL: u32 = MANUAL_RESET;
}

/// The first state of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Initial {
    Mutex { owned: bool },
    Event { manual: bool, signaled: bool },
    Semaphore { count: u32, maximum: u32 },
    Timer { manual: bool },
}

impl Initial {
    fn kind(self) -> Kind {
        match self {
            Self::Mutex { .. } => Kind::Mutex,
            Self::Event { .. } => Kind::Event,
            Self::Semaphore { .. } => Kind::Semaphore,
            Self::Timer { .. } => Kind::WaitableTimer,
        }
    }

    fn cell(self) -> cell::State {
        match self {
            Self::Event { signaled, .. } => cell::State::new(0, signaled),
            Self::Semaphore { count, .. } => semaphore::initial(count),
            Self::Mutex { .. } | Self::Timer { .. } => cell::State::new(0, false),
        }
    }

    fn is_manual(self) -> bool {
        matches!(self, Self::Event { manual: true, .. } | Self::Timer { manual: true })
    }

    fn maximum(self) -> u32 {
        if let Self::Semaphore { maximum, .. } = self { maximum } else { 0 }
    }

    fn is_owned(self) -> bool {
        matches!(self, Self::Mutex { owned: true })
    }
}

/// What an object is to be, if it has to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) initial: Initial,
    /// The entry's mode.
    pub(crate) mode: u32,
}

/// An object without a name: nothing but its page.
#[derive(Debug)]
pub(super) struct Unnamed {
    pub(super) page: SharedPage,
    /// By which it can be handed to another process.
    _memory: OwnedFd,
}

impl Synchronizer {
    /// An object without a name.
    pub(crate) fn unnamed(attempt: &Attempt<'_>, initial: Initial) -> Result<Self> {
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
            lifecycle::write_all(&memory, image.bytes())?;
            rustix::fs::fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
            let page = SharedPage::map_sealed(&memory)?;
            let key = FileKey::from(&rustix::fs::fstat(&memory)?);
            Ok((Unnamed { page, _memory: memory }, key))
        };
        let (unnamed, key) = make().map_err(|errno: Errno| attempt.os("making its memory", errno))?;
        let object = Self::new(Holder::Unnamed(Arc::new(unnamed)), key, &header);
        if initial.is_owned() {
            mutex::lock(&object, super::Deadline::Now).map_err(|trouble| trouble.of(attempt))?;
        }
        Ok(object)
    }

    /// The object of this name, made if it does not exist and `wish` says how. Returns whether it existed.
    pub(crate) fn named(
        attempt: &Attempt<'_>,
        kind: Kind,
        place: &Place,
        name: Name<'_>,
        intent: Intent,
        wish: Option<Wish>,
    ) -> Result<(Self, bool)> {
        let target = Target { attempt: *attempt, kind, place, name };
        let mut recipe = SynchronizerRecipe { attempt, wish };
        let (object, existed) = lifecycle::obtain(&target, intent, &mut recipe)?;
        let page = object.page().map_err(|errno| unmappable(attempt, errno))?.clone();
        let header = object.header.clone();
        let key = object.key();
        let object = Self::new(Holder::Named { page, _object: object }, key, &header);
        if !existed && wish.is_some_and(|wish| wish.initial.is_owned()) {
            mutex::adopt(&object).map_err(|trouble| trouble.of(attempt))?;
        }
        Ok((object, existed))
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
    Ok(FirstWords { cell: initial.cell(), pid_namespace: liveness::own_pid_namespace(), owner })
}

fn unmappable(attempt: &Attempt<'_>, errno: Errno) -> crate::Error {
    match errno {
        Errno::ACCESS | Errno::PERM => attempt
            .fails(ErrorKind::AccessDenied, "its creator lets this user look at it, but not use it")
            .with_remedy("have its creator grant read and write access"),
        Errno::STALE => {
            attempt.fails(ErrorKind::Unreachable, "its entry was removed by hand while it is held")
        }
        Errno::INVAL => Trouble::Corrupt.of(attempt), // truncated since it was looked at
        errno => attempt.os("mapping its page", errno),
    }
}

struct SynchronizerRecipe<'a> {
    attempt: &'a Attempt<'a>,
    wish: Option<Wish>,
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
            mode: wish.mode,
            data: Attached::default(),
            beside: None,
        })
    }

    fn is_cheap(&self) -> bool {
        true
    }

    fn attach(&mut self, object: &Object, _head: Option<&[u8]>) -> Result<bool> {
        let header = &object.header;
        let maximum_is_sound = header.kind != Kind::Semaphore || (1..=i32::MAX as u64).contains(&header.size);
        if !maximum_is_sound || header.flags & !flags::ALL != 0 || header.storage != Storage::None {
            return Err(self
                .attempt
                .fails(ErrorKind::Corrupt, "its entry is corrupt: its attributes are impossible")
                .with_remedy("remove it from the namespace directory by hand, or choose another name"));
        }
        // Removed meanwhile, or another object by now: start again.
        match object.page() {
            Ok(_) => Ok(true),
            Err(Errno::NOENT | Errno::STALE) => Ok(false),
            Err(errno) => Err(unmappable(self.attempt, errno)),
        }
    }
}
