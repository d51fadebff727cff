//! Who holds what: the objects of a namespace, for operators and tools.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::mapping::{Allocation, LargePages, Protection};
use crate::name::{Name, Scope};
use crate::namespace::Namespace;
use crate::security::Grant;
use crate::state::State;
use crate::sys::inspect;

/// What the entry of an object says. A snapshot: the object may be gone by the time one reads it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObjectInfo {
    /// The name, without a prefix.
    pub name: String,
    /// The kind of object.
    pub kind: Kind,
    /// 128 bits that identify the object for ever, in hexadecimal.
    pub id: String,
    /// The size of a mapping in bytes.
    pub size: u64,
    /// What a mapping permits.
    pub protection: Option<Protection>,
    /// How a mapping's memory is allocated.
    pub allocation: Allocation,
    /// What pages a mapping is made of.
    pub large_pages: LargePages,
    /// Where the object's data are.
    pub storage: Storage,
    /// The user who owns the object.
    pub owner: u32,
    /// The permission bits of the entry. With [`grants`](Self::grants), the group's bits are what the owner's group really has.
    pub mode: u32,
    /// What users and groups may do who were granted rights by name, users first, each by number; empty rights are a denial. It is
    /// what the kernel enforces now: an access control list's mask is applied, and so is what somebody changed since the object was
    /// made. The data of a [`Storage::File`] have their own rights, which are not told.
    pub grants: Vec<Grant>,
    /// Who made it. That process may be gone.
    pub creator: Creator,
    /// When it was made, by the creator's clock.
    pub created: SystemTime,
    /// What it was like when it was looked at; nothing for mappings.
    pub state: Option<State>,
    /// Whether somebody waits for it, or did a moment ago: who gives up leaves the mark to the next signal.
    pub is_waited_for: bool,
    pub(crate) keys: inspect::Keys,
}

/// The process that made an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Creator {
    /// Its process id, in its PID namespace.
    pub pid: u32,
    /// Its effective user.
    pub uid: u32,
    /// Its command, cut to 15 bytes by the kernel.
    pub command: String,
}

/// Where an object's data are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Storage {
    /// In the entry: the object has no data of its own.
    Entry,
    /// In memory that only its owner may open (a sealed memfd).
    Memory,
    /// In a file beside the entry, which others may open.
    SharedMemory,
    /// In the user's own file. The path may be out of date, and is empty if there was none.
    File(PathBuf),
}

/// What [`Namespace::objects`] found under a name.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Listed {
    /// An object that somebody holds.
    Object(ObjectInfo),
    /// Something that is no object of this user's, or none at all.
    Unknown(Unknown),
}

/// Something in the namespace directory that cannot be read as an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unknown {
    /// Its name, as far as the directory tells.
    pub name: String,
    /// What opening it would fail with.
    pub kind: ErrorKind,
    /// Why it cannot be read.
    pub reason: String,
}

/// A process that holds an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its command, cut to 15 bytes by the kernel.
    pub command: String,
    /// What its descriptors let it do, of which each of its handles may have less: [`READ`](Access::READ) or
    /// [`READ_WRITE`](Access::READ_WRITE) of a mapping's data, empty if it has none of them; of other kinds, whose every use writes,
    /// [`QUERY`](Access::QUERY) alone or with [`SYNCHRONIZE`](Access::SYNCHRONIZE) and [`MODIFY`](Access::MODIFY).
    pub access: Access,
}

/// What [`Namespace::collect_garbage`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Garbage {
    /// Names that nobody held, and that are free again.
    pub reclaimed: Vec<String>,
    /// Names that nobody holds, and that only their owner may free.
    pub not_permitted: Vec<String>,
    /// Other users' names, which this one cannot look at.
    pub closed: Vec<String>,
    /// What is no entry, and was left alone.
    pub foreign: Vec<String>,
    /// How many objects somebody holds.
    pub held: u64,
}

impl Namespace {
    /// All objects of a scope. What crashed processes left is no object, and is reclaimed on the way.
    ///
    /// # Errors
    /// [`BadNamespace`](ErrorKind::BadNamespace): the directory cannot be used. One that does not exist has no objects.
    pub fn objects(&self, scope: Scope) -> Result<Vec<Listed>> {
        inspect::list(&directory_of("list", scope), self.place(scope))
    }

    /// What the entry of one object says.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound), [`Corrupt`](ErrorKind::Corrupt), and the errors of names.
    pub fn inspect(&self, name: &str) -> Result<ObjectInfo> {
        let attempt = Attempt { verb: "inspect", subject: "object", name };
        let parsed = Name::parse(&attempt)?.ok_or_else(|| {
            attempt.fails(ErrorKind::WrongKind, "an unnamed object cannot be found by name")
        })?;
        inspect::inspect(&attempt, self.place(parsed.scope), parsed)
    }

    /// Reclaims all that crashed processes left. Creating and opening do the same for their own name, and for
    /// a few others each time, so this is never needed; it is for those who want to see the directory empty.
    ///
    /// # Errors
    /// [`BadNamespace`](ErrorKind::BadNamespace): the directory cannot be used.
    pub fn collect_garbage(&self, scope: Scope) -> Result<Garbage> {
        inspect::collect_garbage(&directory_of("clean", scope), self.place(scope))
    }
}

fn directory_of(verb: &'static str, scope: Scope) -> Attempt<'static> {
    let name = match scope {
        Scope::Local => "Local\\",
        Scope::Global => "Global\\",
    };
    Attempt { verb, subject: "namespace", name }
}

/// Who holds these objects, for each of them, in one pass over `/proc`.
///
/// A process of another user is seen only by root. A process that has only a view, and no handle, is no holder.
#[must_use]
pub fn holders(objects: &[&ObjectInfo]) -> Vec<Vec<Holder>> {
    inspect::holders(objects)
}
