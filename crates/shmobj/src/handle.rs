//! What handles to all synchronization objects have in common, and how they are made.

use std::sync::Arc;

use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::name::{Name, Scope};
use crate::namespace::Namespace;
use crate::security::Security;
use crate::state::State;
use crate::sys::contract::{Initial, Intent, SynchronizerWish, Trouble};
use crate::sys::sync::Synchronizer;

/// A handle to a mutex, event, semaphore, timer or job.
#[derive(Debug)]
pub struct Handle {
    pub(crate) object: Synchronizer,
    name: Arc<str>,
    access: Access,
    existed: bool,
}

impl Handle {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn access(&self) -> Access {
        self.access
    }

    pub(crate) fn existed(&self) -> bool {
        self.existed
    }

    pub(crate) fn is_same_object(&self, other: &Self) -> bool {
        self.object.is_same_object(&other.object)
    }

    /// A handle to an object that existed.
    pub(crate) fn arrived(object: Synchronizer, name: String, access: Access) -> Self {
        let access = access & Access::of(object.kind);
        Self { object, name: name.into(), access, existed: true }
    }

    /// Another handle, with rights of its own.
    pub(crate) fn duplicate(&self, access: Access) -> Result<Self> {
        let attempt = self.attempt("duplicate");
        let own = Access::of(self.object.kind);
        if access != Access::ALL && !own.contains(access) {
            return Err(attempt
                .fails(ErrorKind::AccessDenied, "a right that other kinds have is asked for") // DH-6
                .with_remedy(rights_of(own)));
        }
        let access = access & own;
        // More than this handle has is asked of the object, as an open would (DH-3).
        let more = !self.access.contains(access);
        let object = self.object.duplicate(&attempt, access, more)?;
        Ok(Self { object, name: self.name.clone(), access, existed: true })
    }

    pub(crate) fn state(&self) -> Result<State> {
        self.require(Access::QUERY, "query")?;
        Ok(crate::sys::sync::inspect::now(&self.object))
    }

    pub(crate) fn attempt(&self, verb: &'static str) -> Attempt<'_> {
        Attempt { verb, subject: self.object.kind.as_str(), name: &self.name }
    }

    /// Refuses what the handle was not opened for.
    #[inline]
    pub(crate) fn require(&self, right: Access, verb: &'static str) -> Result<()> {
        if self.access.contains(right) { Ok(()) } else { Err(self.refuse(right, verb)) }
    }

    #[cold]
    fn refuse(&self, right: Access, verb: &'static str) -> crate::Error {
        let (matter, remedy) = if right == Access::SYNCHRONIZE {
            ("this handle has no right to wait", "open it with Access::SYNCHRONIZE")
        } else if right == Access::QUERY {
            ("this handle has no right to look at its state", "open it with Access::QUERY")
        } else if right == Access::ASSIGN {
            ("this handle has no right to put processes into it", "open it with Access::ASSIGN")
        } else if right == Access::TERMINATE {
            ("this handle has no right to end its processes", "open it with Access::TERMINATE")
        } else {
            ("this handle has no right to change its state", "open it with Access::MODIFY")
        };
        self.attempt(verb).fails(ErrorKind::AccessDenied, matter).with_remedy(remedy)
    }

    /// An operation on the object, with its trouble told in the handle's words.
    #[inline]
    pub(crate) fn run<T>(
        &self,
        verb: &'static str,
        operation: impl FnOnce(&Synchronizer) -> Result<T, Trouble>,
    ) -> Result<T> {
        operation(&self.object).map_err(|trouble| trouble.of(&self.attempt(verb)))
    }
}

/// What can be asked for instead.
fn rights_of(own: Access) -> &'static str {
    if own == Access::JOB {
        "ask for Access::SYNCHRONIZE, Access::MODIFY, Access::QUERY, Access::ASSIGN, Access::TERMINATE or several of them"
    } else {
        "ask for Access::SYNCHRONIZE, Access::MODIFY, Access::QUERY or several of them"
    }
}

/// Where and for whom an object is made: the options that all kinds have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Creation<'a> {
    pub(crate) security: Security,
    pub(crate) namespace: Option<&'a Namespace>,
}

impl Creation<'_> {
    /// Makes an object, or opens the one of this name.
    pub(crate) fn make(&self, kind: Kind, name: &str, initial: Initial, intent: Intent) -> Result<Handle> {
        let attempt = Attempt { verb: "create", subject: kind.as_str(), name };
        let access = Access::of(kind);
        let namespace = Namespace::or_default(self.namespace);
        let Some(parsed) = Name::parse(&attempt)? else {
            let object = Synchronizer::unnamed(&attempt, initial, namespace.place(Scope::Local))?;
            return Ok(Handle { object, name: name.into(), access, existed: false });
        };
        let place = namespace.place(parsed.scope);
        let wish = SynchronizerWish { initial, security: &self.security };
        let (object, existed) =
            Synchronizer::named(&attempt, kind, place, parsed, intent, Some(wish), access)?;
        Ok(Handle { object, name: name.into(), access, existed })
    }

    /// Opens an existing object.
    pub(crate) fn open(&self, kind: Kind, name: &str, access: Access) -> Result<Handle> {
        let attempt = Attempt { verb: "open", subject: kind.as_str(), name };
        let parsed = Name::parse(&attempt)?.ok_or_else(|| {
            attempt
                .fails(ErrorKind::WrongKind, "an unnamed object cannot be opened")
                .with_remedy("give its name") // OP-2
        })?;
        let place = Namespace::or_default(self.namespace).place(parsed.scope);
        let (object, _) = Synchronizer::named(&attempt, kind, place, parsed, Intent::Open, None, access)?;
        let own = Access::of(kind);
        if access != Access::ALL && (access.is_empty() || !own.contains(access)) {
            return Err(attempt
                .fails(ErrorKind::AccessDenied, "no right, or one that other kinds have, is asked for") // OP-4, OP-5
                .with_remedy(rights_of(own)));
        }
        Ok(Handle::arrived(object, name.into(), access))
    }
}

/// The methods that options and handles of all kinds have.
macro_rules! synchronization_object {
    ($Object:ident, $Options:ident, $kind:expr, $what:literal, create: $create:literal, open: $open:literal) => {
        impl<'a> $Options<'a> {
            /// Who else may open the object: nobody but its owner by default. On Linux, who may use it may also change its state: every
            /// use writes. See [`Security`](crate::Security).
            pub fn security(mut self, security: $crate::Security) -> Self {
                self.creation.security = security;
                self
            }

            /// Looks the name up here instead of in the process's default namespace.
            pub fn namespace(mut self, namespace: &'a $crate::Namespace) -> Self {
                self.creation.namespace = Some(namespace);
                self
            }

            #[doc = concat!("Creates the ", $what, ", or opens the one that has the name; its attributes are then ignored. Ask")]
            #[doc = concat!("[`", stringify!($Object), "::existed`] which. The empty name creates an unnamed object.")]
            ///
            /// # Errors
            /// [`WrongKind`](crate::ErrorKind::WrongKind): the name belongs to an object of another kind.
            /// [`InvalidParameter`](crate::ErrorKind::InvalidParameter): attributes that are never right.
            /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the object is another user's, who has not shared it.
            /// [`NotSupported`](crate::ErrorKind::NotSupported): on Linux the security names users or groups, and the namespace
            /// directory's file system keeps no access control lists.
            /// The errors of names, see [`Namespace`](crate::Namespace).
            ///
            /// # Crashes
            /// Killed before the object has its name: nothing is left. After it: the name is free again at the next create or open.
            #[doc(alias = $create)]
            pub fn create(&self, name: &str) -> $crate::Result<$Object> {
                self.make(name, $crate::sys::contract::Intent::OpenOrCreate)
            }

            #[doc = concat!("Creates the ", $what, "; an existing one is an error.")]
            ///
            /// # Errors
            /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists), and those of [`create`](Self::create).
            pub fn create_new(&self, name: &str) -> $crate::Result<$Object> {
                self.make(name, $crate::sys::contract::Intent::CreateNew)
            }

            #[doc = concat!("Creates a ", $what, " without a name: for this process, and whom it hands it to.")]
            ///
            /// # Errors
            /// Those of [`create`](Self::create) that are not about names.
            ///
            /// # Crashes
            /// The kernel frees it with the last process that has it.
            pub fn create_unnamed(&self) -> $crate::Result<$Object> {
                self.make("", $crate::sys::contract::Intent::OpenOrCreate)
            }

            #[doc = concat!("Opens an existing ", $what, ": [`", stringify!($Object), "::open`] with a namespace of one's own.")]
            ///
            /// # Errors
            #[doc = concat!("Those of [`", stringify!($Object), "::open`].")]
            pub fn open(&self, name: &str, access: $crate::Access) -> $crate::Result<$Object> {
                self.creation.open($kind, name, access).map($Object)
            }
        }

        impl $Object {
            #[doc = concat!("Opens the ", $what, " of this name in the process's default namespace, with the rights that are asked for.")]
            ///
            /// # Errors
            /// [`NotFound`](crate::ErrorKind::NotFound): nobody holds an object of this name.
            /// [`WrongKind`](crate::ErrorKind::WrongKind): it is of another kind, or the name is empty.
            /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the rights are not granted, or none was asked for.
            /// [`Corrupt`](crate::ErrorKind::Corrupt): what stands under the name is not an entry.
            /// The errors of names, see [`Namespace`](crate::Namespace).
            #[doc(alias = $open)]
            pub fn open(name: &str, access: $crate::Access) -> $crate::Result<Self> {
                Self::options().open(name, access)
            }

            /// The name as it was given; empty for an unnamed object.
            #[must_use]
            pub fn name(&self) -> &str {
                self.0.name()
            }

            /// The rights of this handle.
            #[must_use]
            pub fn access(&self) -> $crate::Access {
                self.0.access()
            }

            /// Whether the object existed before this handle: `ERROR_ALREADY_EXISTS` after the Win32 function. True of duplicates, and of
            /// handles that another process handed over.
            #[must_use]
            #[doc(alias = "ERROR_ALREADY_EXISTS")]
            pub fn existed(&self) -> bool {
                self.0.existed()
            }

            /// Whether two handles lead to the same object.
            #[must_use]
            #[doc(alias = "CompareObjectHandles")]
            pub fn is_same_object(&self, other: &Self) -> bool {
                self.0.is_same_object(&other.0)
            }

            /// What it is like now. Others may change it at once. [`State::Corrupt`](crate::State::Corrupt): somebody wrote nonsense into it, or
            /// truncated it; on Windows, the object does not let this process ask.
            ///
            /// # Errors
            /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`QUERY`](crate::Access::QUERY).
            pub fn state(&self) -> $crate::Result<$crate::State> {
                self.0.state()
            }

            pub(crate) fn of(handle: $crate::handle::Handle) -> Self {
                Self(handle)
            }

            /// Another handle to the object, with the same rights.
            ///
            /// # Errors
            /// [`OutOfMemory`](crate::ErrorKind::OutOfMemory), [`NoResources`](crate::ErrorKind::NoResources).
            #[doc(alias = "DuplicateHandle")]
            pub fn try_clone(&self) -> $crate::Result<Self> {
                self.0.duplicate(self.0.access()).map(Self)
            }

            /// Another handle to the object, with these rights. Rights that this handle does not have are granted if an open
            /// would grant them.
            ///
            /// # Errors
            /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the object does not grant them, or only mappings have them.
            #[doc(alias = "DuplicateHandle")]
            pub fn try_clone_with(&self, access: $crate::Access) -> $crate::Result<Self> {
                self.0.duplicate(access).map(Self)
            }
        }

        $crate::transfer::transfer!($Object);

        impl std::fmt::Debug for $Object {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($Object))
                    .field("name", &self.name())
                    .field("access", &self.access())
                    .finish_non_exhaustive()
            }
        }

        impl $crate::wait::sealed::Sealed for $Object {
            fn handle(&self) -> &$crate::handle::Handle {
                &self.0
            }
        }

        impl $crate::wait::Waitable for $Object {}
    };
}

pub(crate) use synchronization_object;
