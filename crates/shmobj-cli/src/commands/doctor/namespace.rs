//! The namespace directory and its file system.

use std::fs;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FlockOperation, Mode, OFlags, XattrFlags, flock, fsetxattr, linkat, statfs, statvfs,
};
use rustix::io::Errno;
use shmobj::Scope;

use super::check::Check;
use crate::{Place, size, users};

const DEV_SHM: &str = "/dev/shm";
const TMPFS: u64 = 0x0102_1994;
const FILE_SYSTEMS: [(u64, &str); 6] = [
    (TMPFS, "tmpfs"),
    (0x8584_58f6, "ramfs"),
    (0xef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x794c_7630, "overlayfs"),
];
/// What containers have unless one asks for more.
const SMALL: u64 = 64 << 20;
/// Room for a few entries, of a page each.
const TINY: u64 = 1 << 20;

pub(super) fn checks(place: &Place) -> Vec<Check> {
    let directory = place.namespace.directory(Scope::Local);
    let there = existing(directory);
    vec![state(place, directory), dev_shm(place), nameless(&there), locks(&there), access_lists(&there)]
}

/// The directory, or the nearest one above it, in which it will be made.
pub(super) fn existing(directory: &Path) -> PathBuf {
    let mut above = directory.ancestors().filter(|path| !path.as_os_str().is_empty());
    above.find(|path| path.exists()).unwrap_or(Path::new(".")).to_owned()
}

fn state(place: &Place, directory: &Path) -> Check {
    const NAME: &str = "namespace_directory";
    let shown = directory.display();
    let objects = match place.namespace.objects(Scope::Local) {
        Ok(objects) => objects.len(),
        Err(error) => {
            let check = Check::broken(NAME, error.to_string(), "no name of this user can be used");
            return error.remedy().map(|remedy| check.clone().remedy(remedy)).unwrap_or(check);
        }
    };
    let there = existing(directory);
    let system = file_system(&there);
    let found = match fs::metadata(directory) {
        Ok(meta) => format!(
            "{shown}: mode {:04o}, owner {}, on {system}, {objects} objects",
            meta.mode() & 0o7777,
            users::shown(meta.uid())
        ),
        Err(_) => format!("{shown}: made on first use, on {system}"),
    };
    if rustix::fs::access(&there, rustix::fs::Access::WRITE_OK).is_err() {
        return Check::broken(
            NAME,
            format!("{found}; {} cannot be written", there.display()),
            "no object can be made",
        )
        .remedy("name another directory with --dir or SHMOBJ_DIR");
    }
    if system != "tmpfs" {
        return Check::degraded(
            NAME,
            found,
            "entries are files on a disk, and what a crash leaves survives a reboot",
        )
        .remedy("use a directory on a tmpfs");
    }
    Check::ok(NAME, found, "it is as it should be")
}

fn file_system(path: &Path) -> String {
    let Ok(stat) = statfs(path) else { return "an unknown file system".into() };
    #[allow(clippy::unnecessary_cast)] // the width of this field differs between the architectures
    let magic = stat.f_type as u64 & 0xffff_ffff;
    let known = FILE_SYSTEMS.iter().find(|(number, _)| *number == magic);
    known.map_or_else(|| format!("a file system of type {magic:#x}"), |(_, name)| (*name).to_owned())
}

fn dev_shm(place: &Place) -> Check {
    const NAME: &str = "dev_shm";
    let directory = place.namespace.directory(Scope::Local);
    let needed = directory.starts_with(DEV_SHM);
    let bad = if needed { Check::broken } else { Check::degraded };
    if let Err(error) = place.namespace.objects(Scope::Global) {
        return bad(NAME, error.to_string(), "no Global\\ name can be used")
            .remedy(error.remedy().unwrap_or("mount a tmpfs at /dev/shm"));
    }
    let Ok(stat) = statvfs(DEV_SHM) else {
        return bad(NAME, "not there".to_owned(), "no Global\\ name can be used")
            .remedy("mount a tmpfs at /dev/shm");
    };
    let (total, free) = (stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize);
    let found = format!("{}, {} free", size::human(total), size::human(free));
    let limited = stat.f_files > 0;
    if (total > 0 && free < TINY) || (limited && stat.f_favail < 16) {
        return bad(NAME, found, "there is no room for entries, which take a page each")
            .remedy("remove what fills it, or make it larger: mount -o remount,size=1G /dev/shm");
    }
    const USE: &str =
        "it limits entries, and memory shared with other users or PID namespaces; other memory is not in it";
    if total > 0 && total <= SMALL {
        return Check::degraded(NAME, found, USE)
            .remedy("make it larger if you share such memory: docker run --shm-size=1g");
    }
    Check::ok(NAME, found, USE)
}

/// Really makes a file without a name and gives it one, as every create does.
fn nameless(directory: &Path) -> Check {
    const NAME: &str = "o_tmpfile";
    let fallback = "entries are made under another name first, which leaves a file when that process is killed just then";
    let name = directory.join(format!(".shmobj-doctor.{}", std::process::id()));
    // A file that has lost its name can have none again: each way gets a file of its own.
    let tried = |link: fn(&OwnedFd, &Path) -> Result<(), Errno>| {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR)?;
        link(&file, &name)?;
        rustix::fs::unlink(&name)
    };
    let by_proc = tried(|file, name| {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        linkat(CWD, path, CWD, name, AtFlags::SYMLINK_FOLLOW)
    });
    let by_descriptor = tried(|file, name| linkat(file, "", CWD, name, AtFlags::EMPTY_PATH));
    let found = match (by_proc, by_descriptor) {
        (Ok(()), Ok(())) => "works, with and without /proc",
        (Ok(()), Err(_)) => "works through /proc",
        (Err(_), Ok(())) => "works without /proc",
        (Err(errno), Err(_)) => {
            return Check::degraded(NAME, format!("in {}: {errno}", directory.display()), fallback)
                .remedy("use a directory on a tmpfs, and mount /proc");
        }
    };
    Check::ok(NAME, found, "no half-made entry is ever left, whoever is killed")
}

/// Whether a lock that is held is seen by another description: it is what counts handles.
fn locks(directory: &Path) -> Check {
    const NAME: &str = "flock";
    const USE: &str = "locks tell who holds an object; without them names would vanish while they are in use";
    let tried = || -> std::io::Result<bool> {
        let one = tempfile::Builder::new().prefix(".shmobj-doctor.").tempfile_in(directory)?;
        let two = one.reopen()?;
        flock(&one, FlockOperation::NonBlockingLockShared)?;
        let refused = flock(&two, FlockOperation::NonBlockingLockExclusive) == Err(Errno::AGAIN);
        flock(&one, FlockOperation::Unlock)?;
        Ok(refused && flock(&two, FlockOperation::NonBlockingLockExclusive).is_ok())
    };
    let remedy = "use a directory on a tmpfs";
    match tried() {
        Ok(true) => Check::ok(NAME, "works", USE),
        Ok(false) => Check::broken(NAME, "locks are not seen by others", USE).remedy(remedy),
        Err(error) => Check::broken(NAME, format!("cannot lock in {}: {error}", directory.display()), USE)
            .remedy(remedy),
    }
}

/// Really gives a file without a name an access list.
fn access_lists(directory: &Path) -> Check {
    const NAME: &str = "access_lists";
    const OWNER: u16 = 0x01;
    const USER: u16 = 0x02;
    const GROUP: u16 = 0x04;
    const MASK: u16 = 0x10;
    const OTHERS: u16 = 0x20;
    /// The number of entries that are about nobody in particular.
    const NOBODY: u32 = u32::MAX;
    let me = rustix::process::geteuid().as_raw();
    let mut list = 2_u32.to_le_bytes().to_vec(); // the version
    for (whom, rights, number) in
        [(OWNER, 6_u16, NOBODY), (USER, 4, me), (GROUP, 0, NOBODY), (MASK, 4, NOBODY), (OTHERS, 0, NOBODY)]
    {
        list.extend(whom.to_le_bytes());
        list.extend(rights.to_le_bytes());
        list.extend(number.to_le_bytes());
    }
    let tried = || {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR)?;
        fsetxattr(&file, "system.posix_acl_access", &list, XattrFlags::empty())
    };
    match tried() {
        Ok(()) => Check::ok(NAME, "work", "what is shared can be shared with single users and groups"),
        Err(errno) => Check::degraded(
            NAME,
            format!("in {}: {errno}", directory.display()),
            "what is shared is shared by the bits of a mode: the owner's group, or everybody",
        )
        .remedy("use a directory on a tmpfs of a kernel with CONFIG_TMPFS_POSIX_ACL, and let the sandbox permit fsetxattr"),
    }
}
