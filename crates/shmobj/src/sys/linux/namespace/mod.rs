//! The directories that hold the entries, and the rules they are checked by each time.
//!
//! | place | directory | rule |
//! |---|---|---|
//! | the user's own | `/dev/shm/shmobj.<uid>/`, mode 0700, made on first use | mine, closed to others, on tmpfs |
//! | everybody's | `/dev/shm`, entries named `shmobj.*` | root's, sticky, on tmpfs |
//! | private | any directory that the user names | mine or root's; sticky if others may write; no network file system |
//!
//! The checks hold the trust boundary: whoever can rename or unlink in the directory can split an object in two.

pub(crate) mod filename;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawMode, Stat};
use rustix::io::Errno;

use super::fork::Operation;
use super::object::sweep::Sweep;
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::name::Scope;

const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;
/// File systems whose locks or contents another machine, or a process, decides on.
const REMOTE: [(i64, &str); 17] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xfe53_4d42, "SMB2"),
    (0xff53_4d42, "CIFS"),
    (0x00c3_6400, "Ceph"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
    (0x2003_0528, "OrangeFS"),
    (0x786f_4256, "a VirtualBox shared folder"),
    (0x6b41_4653, "AFS"),
];

/// What identifies a file on this machine while it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileKey {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
}

impl From<&Stat> for FileKey {
    #[allow(clippy::unnecessary_cast)] // the widths of these fields differ between the architectures
    fn from(stat: &Stat) -> Self {
        Self { dev: stat.st_dev as u64, ino: stat.st_ino as u64 }
    }
}

/// A directory that was opened and found good.
#[derive(Debug)]
pub(crate) struct Directory {
    fd: OwnedFd,
    /// What it was when it was checked; as long as the path leads to the same, nothing needs to be checked again.
    checked: Checked,
    /// The effective user when it was opened.
    user: u32,
    pub(crate) scope: Scope,
    /// Whether this process's last open or create here found an object rather than made one.
    pub(crate) last_found: AtomicBool,
    /// Where the search for garbage stands; see [`Sweep`].
    pub(crate) sweep: Mutex<Sweep>,
}

impl Directory {
    /// The user as whom this process works in the directory.
    pub(crate) fn user(&self) -> u32 {
        self.user
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// All that the rules look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Checked {
    key: FileKey,
    mode: RawMode,
    owner: u32,
}

impl From<&Stat> for Checked {
    fn from(stat: &Stat) -> Self {
        Self { key: FileKey::from(stat), mode: stat.st_mode, owner: stat.st_uid }
    }
}

/// For what is made once per process: a fork in its middle would leave a child that waits for it for ever.
pub(crate) fn without_forks<T>(make: impl FnOnce() -> T) -> T {
    let _operation = Operation::start();
    make()
}

/// Which rule a directory has to obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Mine,
    Everybodys,
    Private,
}

/// A place for entries: a path, its rule, and the directory as it was when last used.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    rule: Rule,
    scope: Scope,
    opened: Mutex<Option<Arc<Directory>>>,
}

impl Place {
    fn new(path: PathBuf, rule: Rule, scope: Scope) -> Self {
        Self { path, rule, scope, opened: Mutex::new(None) }
    }

    /// The user's own place, or the one that `SHMOBJ_DIR` names.
    pub(crate) fn default_local() -> Self {
        match std::env::var_os("SHMOBJ_DIR") {
            // A program with more rights than its caller must not let the caller choose its namespace.
            Some(path) if !path.is_empty() && !runs_with_raised_rights() => Self::at(PathBuf::from(path)),
            _ => {
                let uid = rustix::process::geteuid().as_raw();
                Self::new(PathBuf::from(format!("/dev/shm/shmobj.{uid}")), Rule::Mine, Scope::Local)
            }
        }
    }

    /// Everybody's place.
    pub(crate) fn global() -> Self {
        Self::new(PathBuf::from("/dev/shm"), Rule::Everybodys, Scope::Global)
    }

    /// A private place.
    pub(crate) fn at(path: PathBuf) -> Self {
        // It stays the same directory when the process goes to another one. Only an empty path has no absolute form.
        Self::new(std::path::absolute(&path).unwrap_or(path), Rule::Private, Scope::Local)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory, checked now. `None` when it is not there and `make` is false: then no object is there.
    pub(crate) fn directory(&self, attempt: &Attempt<'_>, make: bool) -> Result<Option<Arc<Directory>>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        match rustix::fs::statat(CWD, &self.path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                // The path still leads to the directory that is open, and nothing about it has changed.
                // Nor has the user changed, as whom this process works.
                let now = (Checked::from(&stat), rustix::process::geteuid().as_raw());
                if let Some(directory) = opened.as_ref().filter(|it| (it.checked, it.user) == now) {
                    return Ok(Some(directory.clone()));
                }
                self.check(attempt, &stat)?;
            }
            Err(Errno::NOENT) if !make || self.rule == Rule::Everybodys => {
                return self.missing(attempt, make);
            }
            Err(Errno::NOENT) => self.make(attempt)?,
            Err(errno) => return Err(self.closed(attempt, "it cannot be looked at", errno)),
        }
        let directory = Arc::new(self.open(attempt)?);
        *opened = Some(directory.clone());
        Ok(Some(directory))
    }

    fn missing(&self, attempt: &Attempt<'_>, make: bool) -> Result<Option<Arc<Directory>>> {
        if make {
            return Err(self
                .refuse(attempt, "it does not exist")
                .with_remedy("mount a tmpfs there, or name another directory with SHMOBJ_DIR"));
        }
        Ok(None)
    }

    /// Two processes may do this at once; who comes second finds it made. A crash leaves an empty directory.
    fn make(&self, attempt: &Attempt<'_>) -> Result<()> {
        match rustix::fs::mkdirat(CWD, &self.path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(self
                .refuse(attempt, "it does not exist and cannot be made")
                .with_source(errno)
                .with_remedy("make it, or name another one with SHMOBJ_DIR")),
        }
    }

    fn open(&self, attempt: &Attempt<'_>) -> Result<Directory> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let fd = rustix::fs::open(&self.path, flags, Mode::empty())
            .map_err(|errno| self.closed(attempt, "it cannot be opened", errno))?;
        // Checked again through the descriptor: the path may have been replaced since.
        let stat = rustix::fs::fstat(&fd).map_err(|errno| attempt.os("looking at the directory", errno))?;
        self.check(attempt, &stat)?;
        self.check_file_system(attempt, &fd)?;
        let user = rustix::process::geteuid().as_raw();
        Ok(Directory {
            fd,
            user,
            checked: Checked::from(&stat),
            scope: self.scope,
            last_found: AtomicBool::new(true),
            sweep: Mutex::default(),
        })
    }

    fn check(&self, attempt: &Attempt<'_>, stat: &Stat) -> Result<()> {
        let path = self.path.display();
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Err(self.refuse(attempt, "it is not a directory").with_remedy(format!(
                "remove {path}, whoever made it, or name another one with SHMOBJ_DIR"
            )));
        }
        let owner = stat.st_uid;
        let me = rustix::process::geteuid().as_raw();
        let mode = stat.st_mode & 0o7777;
        match self.rule {
            Rule::Mine if owner != me => Err(self
                .refuse(attempt, format!("it belongs to user {owner}, not to user {me}"))
                .with_remedy(format!("have {path} removed, or name another directory with SHMOBJ_DIR"))),
            Rule::Mine if mode & 0o077 != 0 => Err(self
                .refuse(attempt, format!("others have access to it (mode {mode:04o})"))
                .with_remedy(format!("chmod 0700 {path}, after a look at what is in it"))),
            Rule::Everybodys | Rule::Private if owner != 0 && owner != me => Err(self
                .refuse(attempt, format!("it belongs to user {owner}, who could replace what is in it"))
                .with_remedy("use a directory of your own, or of root's")),
            Rule::Everybodys | Rule::Private if is_loose(stat.st_mode) => Err(self
                .refuse(attempt, format!("others may remove what is in it (mode {mode:04o})"))
                .with_remedy(format!("chmod +t {path}, or use a directory below it with mode 0700"))),
            _ => Ok(()),
        }
    }

    fn check_file_system(&self, attempt: &Attempt<'_>, fd: &OwnedFd) -> Result<()> {
        let stat =
            rustix::fs::fstatfs(fd).map_err(|errno| attempt.os("looking at the file system", errno))?;
        #[allow(clippy::unnecessary_cast)] // the width of this field differs between the architectures
        let magic = stat.f_type as i64 & 0xffff_ffff;
        if self.rule != Rule::Private && magic != TMPFS && magic != RAMFS {
            return Err(self
                .refuse(attempt, "it is not on tmpfs")
                .with_remedy("mount a tmpfs at /dev/shm, or name a directory with SHMOBJ_DIR"));
        }
        if let Some((_, name)) = REMOTE.iter().find(|(remote, _)| *remote == magic) {
            return Err(self
                .refuse(attempt, format!("it is on {name}, where locks do not mean what they mean here"))
                .with_remedy("use a directory on a local file system, best a tmpfs"));
        }
        Ok(())
    }

    /// A process without descriptors or memory says nothing about the directory.
    fn closed(&self, attempt: &Attempt<'_>, matter: &'static str, errno: Errno) -> Error {
        match errno {
            Errno::MFILE | Errno::NFILE | Errno::NOMEM => {
                attempt.os("opening the namespace directory", errno)
            }
            errno => self
                .refuse(attempt, matter)
                .with_source(errno)
                .with_remedy("have it opened to this user, or name another directory with SHMOBJ_DIR"),
        }
    }

    fn refuse(&self, attempt: &Attempt<'_>, matter: impl std::fmt::Display) -> Error {
        let path = self.path.display();
        attempt.fails(
            ErrorKind::BadNamespace,
            format!("the namespace directory {path} cannot be used: {matter}"),
        )
    }
}

/// Others can write, and nothing keeps them from removing what they do not own.
const fn is_loose(mode: RawMode) -> bool {
    mode & 0o022 != 0 && mode & 0o1000 == 0
}

/// Whether this program has more rights than its caller, who must then not choose for it.
#[allow(unsafe_code)] // getauxval: rustix offers this value only with its unsupported runtime feature
pub(crate) fn runs_with_raised_rights() -> bool {
    // SAFETY: getauxval has no preconditions; an unknown type gives 0.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}
