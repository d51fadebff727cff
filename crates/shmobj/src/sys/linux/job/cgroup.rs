//! Control groups, version 2: where a writable one is delegated, each job has one of its own.
//!
//! A group is a directory `shmobj-<id of the job>`. Whoever uses it, guardians and who is about to put a process into it, has it open with `LOCK_SH`;
//! who obtains `LOCK_EX` removes it. So it is there as long as it is needed, and what a crash leaves is removed by the next job that is put
//! into the same place (**J6**).

use std::ffi::{CStr, OsStr};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, FlockOperation, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::super::object::try_lock;
use crate::job::{Limits, Mechanism};

/// What the directories of jobs are called, in front of the id.
const PREFIX: &str = "shmobj-";
/// Names a group to make those of jobs in, or none.
const VARIABLE: &str = "SHMOBJ_CGROUP";

/// A job's group, open and locked.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) directory: OwnedFd,
    pub(super) path: PathBuf,
}

/// Which group jobs are made in, or why in none.
pub(super) fn parent() -> Result<PathBuf, String> {
    let wanted = match super::super::namespace::runs_with_raised_rights() {
        true => None,
        false => std::env::var_os(VARIABLE),
    };
    let directory = match wanted {
        Some(none) if none.is_empty() => return Err(format!("{VARIABLE} is empty")),
        Some(path) => PathBuf::from(path),
        None => own()
            .ok_or("no control group hierarchy of version 2 is mounted, or this process is in none of it")?,
    };
    check(&directory).map_err(|why| format!("{}: {why}", directory.display()))?;
    Ok(directory)
}

fn check(directory: &Path) -> Result<(), String> {
    let procs = directory.join("cgroup.procs");
    if !procs.exists() {
        return Err("it is not a control group of version 2".into());
    }
    for path in [directory, &procs] {
        rustix::fs::accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS)
            .map_err(|errno| format!("it is not delegated to this user: {errno}"))?;
    }
    Ok(())
}

pub(super) fn mechanism() -> Mechanism {
    match parent() {
        Err(reason) => Mechanism::Guardians { reason },
        Ok(parent) => {
            let text = std::fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
            let ours = |name: &&str| ["cpu", "memory", "pids"].contains(name);
            let controllers = text.split_whitespace().filter(ours).map(str::to_owned).collect();
            Mechanism::ControlGroups { parent, controllers }
        }
    }
}

/// The group that this process is in.
fn own() -> Option<PathBuf> {
    of_process("self")
}

/// The group of a process (or of `self`) that this one can see.
pub(super) fn of_process(pid: &str) -> Option<PathBuf> {
    let groups = std::fs::read(format!("/proc/{pid}/cgroup")).ok()?;
    let path = groups.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"0::/"))?;
    // Of a group that was removed, or that is outside of what is mounted here.
    if path.ends_with(b" (deleted)") || path.starts_with(b"..") {
        return None;
    }
    let path = OsStr::from_bytes(path);
    Some(if path.is_empty() { hierarchy()? } else { hierarchy()?.join(path) })
}

/// Where the hierarchy is mounted.
fn hierarchy() -> Option<PathBuf> {
    let mounts = std::fs::read("/proc/self/mountinfo").ok()?;
    mounts.split(|&byte| byte == b'\n').find_map(|line| {
        let mut fields = line.split(|&byte| byte == b' ');
        let place = fields.nth(4)?;
        let kind = fields.skip_while(|&field| field != b"-").nth(1)?;
        (kind == b"cgroup2").then(|| PathBuf::from(OsStr::from_bytes(place)))
    })
}

/// The ids of the jobs whose groups a path leads through, the outermost first.
pub(super) fn jobs_on(path: &Path) -> impl Iterator<Item = [u8; 16]> + '_ {
    path.iter().filter_map(|part| {
        let digits = part.as_bytes().strip_prefix(PREFIX.as_bytes()).filter(|digits| digits.len() == 32)?;
        let mut id = [0; 16];
        for (byte, pair) in id.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(id)
    })
}

/// The group around those of these jobs, if a path leads through them.
pub(super) fn outside_of(path: &Path, jobs: &[[u8; 16]]) -> Option<PathBuf> {
    let mut outermost = None;
    for ancestor in path.ancestors() {
        if ancestor.file_name().is_some_and(|name| jobs_on(Path::new(name)).any(|id| jobs.contains(&id))) {
            outermost = ancestor.parent();
        }
    }
    outermost.map(Path::to_owned)
}

/// The directory of a job's group inside of another one.
pub(super) fn directory_of(parent: &Path, id: &str) -> PathBuf {
    parent.join(format!("{PREFIX}{id}"))
}

/// The kernel's number of the file system of control groups.
const FILE_SYSTEM: u32 = 0x6367_7270;

/// Whether this is a control group, and no other directory: whoever may write a board could name any, with files in it that look alike.
pub(super) fn is_group(directory: &OwnedFd) -> bool {
    rustix::fs::fstatfs(directory).is_ok_and(|system| u32::try_from(system.f_type) == Ok(FILE_SYSTEM))
}

impl Group {
    /// Opens a group, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, Errno> {
        // Whoever removes it has it locked: then it is made anew.
        for _ in 0..100 {
            match rustix::fs::mkdir(path, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let Ok(directory) = rustix::fs::open(path, flags, Mode::empty()) else { continue };
            if !is_group(&directory) {
                return Err(Errno::NOTDIR);
            }
            let locked = try_lock(&directory, FlockOperation::NonBlockingLockShared)?;
            if locked
                && rustix::fs::accessat(&directory, c"cgroup.procs", Access::WRITE_OK, AtFlags::EACCESS)
                    .is_ok()
            {
                return Ok(Self { directory, path: path.to_owned() });
            }
            std::thread::yield_now();
        }
        Err(Errno::BUSY)
    }

    /// Lets the kernel enforce what it can here.
    pub(super) fn limit(&self, limits: &Limits) {
        let text = |limit: Option<u64>| limit.map_or("max".to_owned(), |limit| limit.to_string());
        // What is not there is enforced by the guardians: `enforces` asks what is.
        let _ = write(&self.directory, "pids.max", &text(limits.max_processes.map(u64::from)));
        let _ = write(&self.directory, "memory.max", &text(limits.memory));
    }
}

/// Whether the kernel enforces a limit in a group: `pids` or `memory`.
pub(super) fn enforces(group: impl AsFd, controller: &str) -> bool {
    let file = match controller {
        "pids" => c"pids.max",
        _ => c"memory.max",
    };
    rustix::fs::accessat(group, file, Access::EXISTS, AtFlags::empty()).is_ok()
}

pub(super) fn write(group: impl AsFd, file: &str, text: &str) -> Result<(), Errno> {
    let file = rustix::fs::openat(group, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, text.as_bytes()).map(|_| ())
}

/// Ends all processes of a group and of those inside of it, at once. Before Linux 5.14: NOENT.
pub(super) fn kill(group: impl AsFd) -> Result<(), Errno> {
    write(group, "cgroup.kill", "1")
}

/// Stops a group. False: it stood still already, or cannot be stopped.
pub(super) fn freeze_if_it_runs(group: &BorrowedFd<'_>) -> bool {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::openat(group, c"cgroup.freeze", flags, Mode::empty()) else { return false };
    let mut state = [0];
    rustix::io::read(&file, &mut state) == Ok(1)
        && state == *b"0"
        && write(group, "cgroup.freeze", "1").is_ok()
}

/// A file of a group as text.
pub(super) fn read(group: impl AsFd, file: &str) -> Option<String> {
    use std::io::Read;
    let file = rustix::fs::openat(group, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut text = String::new();
    std::fs::File::from(file).read_to_string(&mut text).ok()?;
    Some(text)
}

/// A number in a file of lines of a key and a value.
pub(super) fn value(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The processes of a group, given as a path that nobody can change, and of those inside of it.
pub(super) fn processes(path: &Path, found: &mut Vec<u32>) {
    let procs = std::fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    found.extend(procs.lines().filter_map(|line| line.parse::<u32>().ok()).filter(|&pid| pid != 0));
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            processes(&entry.path(), found);
        }
    }
}

/// Removes a group that nobody uses any more, and those of jobs inside of it. It must not be open with a lock in this process otherwise. Guardians do it as well:
/// nothing here allocates.
pub(super) fn remove(parent: BorrowedFd<'_>, name: &CStr) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let Ok(directory) = rustix::fs::openat(parent, name, flags, Mode::empty()) else { return };
    if let Ok(true) = try_lock(&directory, FlockOperation::NonBlockingLockExclusive) {
        sweep(directory.as_fd());
        let _ = rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR);
    }
}

/// Removes what crashes have left: groups of jobs that nobody has open, and in which nothing runs.
pub(super) fn sweep(parent: BorrowedFd<'_>) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(listing) = rustix::fs::openat(parent, c".", flags, Mode::empty()) else { return };
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(&listing, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        if entry.file_name().to_bytes().starts_with(PREFIX.as_bytes()) {
            remove(parent, entry.file_name());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_the_jobs_that_it_leads_through() {
        let path = Path::new(
            "/sys/fs/cgroup/a.slice/shmobj-000102030405060708090a0b0c0d0e0f/x/shmobj-ffffffffffffffffffffffffffffffff",
        );
        let jobs: Vec<_> = jobs_on(path).collect();
        assert_eq!(jobs, [std::array::from_fn(|index| index as u8), [0xff; 16]]);
        assert_eq!(jobs_on(Path::new("/sys/shmobj-12/shmobj-")).count(), 0);
        let outside = |jobs: &[[u8; 16]]| outside_of(path, jobs);
        assert_eq!(outside(&[[0xff; 16]]), path.parent().map(Path::to_owned));
        assert_eq!(outside(&jobs), Some(PathBuf::from("/sys/fs/cgroup/a.slice")));
        assert_eq!(outside(&[[3; 16]]), None);
    }

    #[test]
    fn limits_are_written_where_the_kernel_enforces_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        for file in ["pids.max", "memory.max", "cgroup.procs"] {
            std::fs::write(path.join(file), "").unwrap();
        }
        let opened = std::fs::File::open(path).unwrap();
        let group = Group { directory: opened.into(), path: path.to_owned() };
        assert!(!is_group(&group.directory) && Group::open(path).is_err(), "it only looks like one");
        group.limit(&Limits::new().max_processes(7).memory(1 << 20));
        assert_eq!(std::fs::read_to_string(path.join("pids.max")).unwrap(), "7");
        assert_eq!(std::fs::read_to_string(path.join("memory.max")).unwrap(), "1048576");
        assert!(enforces(&group.directory, "pids") && enforces(&group.directory, "memory"));
        std::fs::write(path.join("pids.max"), "").unwrap();
        group.limit(&Limits::new());
        assert_eq!(std::fs::read_to_string(path.join("pids.max")).unwrap(), "max");
    }

    #[test]
    fn values_are_found_by_their_whole_key() {
        let text = "usage_usec 12\nuser_usec 7\nsystem_usec 5\n";
        assert_eq!(value(text, "user_usec"), Some(7));
        assert_eq!(value(text, "user"), None);
    }
}
