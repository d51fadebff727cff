//! Who may open an object besides its owner.

#[cfg(windows)]
mod sid;

#[cfg(windows)]
pub use sid::Sid;

use crate::access::Access;

/// Who may open an object, fixed when it is created. Nobody but its owner by default.
///
/// Permission bits speak of the owner's group and of everybody; grants speak of users and groups. The kernel decides by them when
/// the object is opened. Linux looks for the most specific match, whatever the order in which they were given (Windows: see below):
///
/// 1. the owner has every right, and so has root;
/// 2. a user who has a grant has that grant's rights, and no others;
/// 3. a member of the owner's group, or of groups that have a grant, has what any one of these is given, and no other rights;
/// 4. everybody else has what the permission bits give to everybody.
///
/// So a grant of nothing, [`Access::empty()`], is a denial: to a user always, to a group for those of its members whom no other
/// group and no grant of their own lets in.
///
/// ```
/// # #[cfg(windows)] // users have no numbers there: see `Sid`
/// # fn main() {}
/// # #[cfg(target_os = "linux")]
/// # fn main() -> Result<(), shmobj::Error> {
/// # let directory = tempfile::tempdir_in("/dev/shm").unwrap();
/// # let namespace = shmobj::Namespace::at(directory.path());
/// use shmobj::{Access, FileMapping, Security};
///
/// // Everybody may read the frames but user 1002; user 1001 may write them as well.
/// let security = Security::mode(0o644).user(1001, Access::READ_WRITE).user(1002, Access::empty());
/// let frames = FileMapping::options().namespace(&namespace).size(1 << 20).security(security).create("frames")?;
/// # Ok(()) }
/// ```
///
/// # What Linux can tell apart
/// Its kernel enforces reading and writing of files, and nothing finer:
///
/// | granted | file mapping | mutex, event, semaphore, timer |
/// |---|---|---|
/// | [`READ`](Access::READ) | open it for reading | |
/// | [`WRITE`](Access::WRITE) | open it for reading and writing: memory cannot be mapped for writing alone | |
/// | [`SYNCHRONIZE`](Access::SYNCHRONIZE) or [`MODIFY`](Access::MODIFY) | | use it: wait for it and change its state |
/// | [`QUERY`](Access::QUERY) | `inspect` it | `inspect` it |
/// | nothing of its column | | |
///
/// Every use of a synchronization object writes into it, so who is granted one of SYNCHRONIZE and MODIFY is granted both. That a
/// handle opened for one of them refuses the other is the library's part: it keeps a program from mistakes, not a hostile user from
/// anything.
///
/// Memory that only its owner may open lives in a sealed memfd; memory of an object that somebody else may open or inspect lives
/// in a file on tmpfs, beside the object's entry, with these rights. Of a mapping of a file the rights are the entry's alone: the file has its own.
/// An object without a name has no security; nobody else can open it.
///
/// # Windows
/// There an object with a name has a protected access control list, made of this. In this order:
///
/// 1. the user, the owner and SYSTEM have every right. The owner is the user as well, or, of an elevated administrator's objects, the
///    group of the administrators;
/// 2. a grant of nothing denies everything;
/// 3. the group's bits are the primary group's, everybody's bits are Everyone's, and grants are to security identifiers (`Sid`). These
///    add up.
///
/// **Leave the group's bits away.** The primary group of a Windows user is no circle of friends: mostly it is `Domain Users`, or `None`, to
/// which every local account belongs. Grant to a `Sid` instead.
///
/// READ and WRITE are rights of mappings, SYNCHRONIZE and MODIFY of the others, and the kernel enforces each by itself. Permission bits of
/// synchronization objects: to read is to wait for it, and to write is to change its state; of a job, to limit it, to put processes into it
/// and to end them. Everyone's rights do not let programs
/// of low integrity write, nor AppContainers in. A thread that acts for somebody else (impersonation) makes that user's objects.
///
/// # File systems
/// On Linux permission bits work everywhere. Grants need a namespace directory whose file system keeps access control lists, as tmpfs
/// does; elsewhere creating the object fails with [`NotSupported`](crate::ErrorKind::NotSupported). A default access control list
/// of the directory gives nobody any right: an object's security is the whole truth about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "SECURITY_ATTRIBUTES")]
#[doc(alias = "DACL")]
pub struct Security {
    mode: u32,
    /// In the order of the principals, each of them once.
    grants: Vec<Grant>,
}

/// Rights that a user or a group is given by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "ACE")]
pub struct Grant {
    /// Who is given them.
    pub who: Principal,
    /// The rights. Empty: a denial.
    pub access: Access,
}

/// Somebody who can be given rights.
///
/// On Linux by number, in the process's own user namespace. An object can have been granted to somebody who has no number in it;
/// `Namespace::inspect` shows them as `u32::MAX`, which is nobody's number. On Windows by security identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Principal {
    /// The user with this number.
    #[cfg(target_os = "linux")]
    User(u32),
    /// The members of the group with this number.
    #[cfg(target_os = "linux")]
    Group(u32),
    /// The user, or the members of the group, with this security identifier.
    #[cfg(windows)]
    Sid(Sid),
}

impl Security {
    /// Only processes of the owner.
    pub const OWNER_ONLY: Self = Self::mode(0);

    /// Permission bits as of a file: `0o640` lets the owner's group read, `0o666` lets everybody read and write.
    /// The owner always has both; execute bits are ignored. The umask does not apply. On Linux the group is that of the files that the object is
    /// made of: the process's, or the directory's if that is set so (`chmod g+s`). On Windows it is the primary group, which mostly is
    /// everybody: see [`Security`].
    #[must_use]
    pub const fn mode(bits: u32) -> Self {
        Self { mode: bits & 0o066 | 0o600, grants: Vec::new() }
    }

    /// Gives a user these rights, and no others: permission bits and grants to groups no longer apply to that user. It takes the
    /// place of an earlier grant to the same user.
    ///
    /// ```
    /// use shmobj::{Access, Security};
    /// let security = Security::OWNER_ONLY.user(1001, Access::READ).user(1001, Access::READ_WRITE);
    /// let granted: Vec<_> = security.grants().map(|grant| grant.access).collect();
    /// assert_eq!(granted, [Access::READ_WRITE]);
    /// ```
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn user(self, uid: u32, access: Access) -> Self {
        self.grant(Principal::User(uid), access)
    }

    /// Gives the members of a group these rights, besides those that other groups of theirs have. It takes the place of an earlier
    /// grant to the same group.
    ///
    /// ```
    /// # fn main() -> Result<(), shmobj::Error> {
    /// # let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    /// # let namespace = shmobj::Namespace::at(directory.path());
    /// use shmobj::{Access, Event, Security};
    /// // Members of group 100 may wait for it and signal it.
    /// let security = Security::OWNER_ONLY.group(100, Access::SYNCHRONIZE | Access::MODIFY);
    /// let ready = Event::options().namespace(&namespace).security(security).create("ready")?;
    /// # Ok(()) }
    /// ```
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn group(self, gid: u32, access: Access) -> Self {
        self.grant(Principal::Group(gid), access)
    }

    /// Gives a user or a group these rights, in the place of an earlier grant.
    #[must_use]
    pub fn grant(mut self, who: Principal, access: Access) -> Self {
        let grant = Grant { who, access };
        match self.grants.binary_search_by_key(&grant.who, |known| known.who) {
            Ok(at) => self.grants[at] = grant,
            Err(at) => self.grants.insert(at, grant),
        }
        self
    }

    /// The permission bits.
    #[must_use]
    pub const fn mode_bits(&self) -> u32 {
        self.mode
    }

    /// The grants: on Linux users first, then groups, each by number.
    pub fn grants(&self) -> impl ExactSizeIterator<Item = Grant> + '_ {
        self.grants.iter().copied()
    }
}

impl Default for Security {
    fn default() -> Self {
        Self::OWNER_ONLY
    }
}
