//! Paths below /proc, and what the scans read there.

use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::fs::{AtFlags, FileType, StatxFlags};
use rustix::io::Errno;

use super::namespace::FileKey;

/// The path through which this process can open a descriptor of its own again, with other rights.
pub(crate) fn own_descriptor(fd: &impl AsRawFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// The path of another process's descriptor.
pub(crate) fn descriptor(pid: u32, fd: u32) -> String {
    format!("/proc/{pid}/fd/{fd}")
}

/// The directory of a process's descriptors.
pub(crate) fn descriptors_of(pid: u32) -> String {
    format!("/proc/{pid}/fd")
}

/// Whether /proc shows our own PID namespace; a container may have been given another one's. Asked for once.
pub(crate) fn is_ours() -> bool {
    match OURS.load(Ordering::Relaxed) {
        UNKNOWN => {
            let own = rustix::process::getpid().as_raw_nonzero().to_string();
            let ours = target("/proc/self").is_some_and(|seen| seen == *own);
            OURS.store(if ours { YES } else { NO }, Ordering::Relaxed);
            ours
        }
        known => known == YES,
    }
}

const UNKNOWN: u8 = 0;
const YES: u8 = 1;
const NO: u8 = 2;
static OURS: AtomicU8 = AtomicU8::new(UNKNOWN);

/// A child may be in another PID namespace.
pub(crate) fn forget_in_child() {
    OURS.store(UNKNOWN, Ordering::Relaxed);
}

/// All processes that /proc shows.
pub(crate) fn processes() -> Result<impl Iterator<Item = u32>, Errno> {
    numbers("/proc")
}

/// The descriptors of a process.
pub(crate) fn descriptors(pid: u32) -> Result<impl Iterator<Item = u32>, Errno> {
    numbers(&descriptors_of(pid))
}

fn numbers(directory: &str) -> Result<impl Iterator<Item = u32> + use<>, Errno> {
    let entries =
        std::fs::read_dir(directory).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()))
}

/// What identifies the regular file behind a descriptor of another process. It may be on a file system that does not
/// answer, so nothing that has to ask a server is asked for.
pub(crate) fn key_without_waiting(directory: impl AsFd, name: &str) -> Option<FileKey> {
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
    let stat = rustix::fs::statx(directory, name, flags, StatxFlags::TYPE | StatxFlags::INO).ok()?;
    let dev = rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor);
    let is_regular = FileType::from_raw_mode(stat.stx_mode.into()) == FileType::RegularFile;
    is_regular.then_some(FileKey { dev, ino: stat.stx_ino })
}

/// A process's command as the kernel shows it: at most 15 bytes.
pub(crate) fn command(pid: u32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(text.trim_end().to_owned())
}

/// The process that a thread belongs to.
pub(crate) fn process_of(thread: u32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

/// Whether /proc shows a process of this number.
pub(crate) fn is_running(pid: u32) -> bool {
    std::fs::exists(format!("/proc/{pid}")).unwrap_or(true)
}

/// Whether a descriptor of another process carries `LOCK_SH`, as the one of a handle does.
pub(crate) fn has_shared_lock(pid: u32, fd: u32) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.strip_prefix("lock:"))
        .any(|lock| lock.contains("FLOCK") && lock.contains("READ"))
}

/// The flags with which a descriptor was opened.
pub(crate) fn open_flags(pid: u32, fd: u32) -> Option<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
    i32::from_str_radix(flags.trim(), 8).ok()
}

/// The type of the file system that a descriptor of this process is on, without asking the file system, which may not answer. `None`: it
/// is not mounted here.
pub(crate) fn file_system(fd: &impl AsRawFd) -> Option<String> {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).ok()?;
    let mount = info.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mounted = mounts.lines().find(|line| line.split(' ').next() == Some(mount))?;
    let (_, after) = mounted.split_once(" - ")?;
    after.split(' ').next().map(str::to_owned)
}

/// Where a descriptor's link points.
pub(crate) fn target(path: &str) -> Option<OsString> {
    Some(std::fs::read_link(path).ok()?.into_os_string())
}

/// This process's command, asked for once: it is only shown to people.
pub(crate) fn own_command() -> &'static str {
    static COMMAND: OnceLock<String> = OnceLock::new();
    let read = || std::fs::read_to_string("/proc/self/comm").unwrap_or_default().trim_end().to_owned();
    COMMAND.get_or_init(read)
}
