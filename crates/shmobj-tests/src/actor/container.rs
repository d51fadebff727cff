//! Commands that make a container of a fork: namespaces of its own, and a directory that it shares with others.
//!
//! ```text
//! fork-into-container SOCKET SHARED PATH USER PROC
//! try-user-namespace
//! ```
//! The directory SHARED is at PATH there, and /dev/shm is its own. USER is the number that this user has inside, in a user namespace
//! of its own, or `same` for none. PROC is `own`, `none`, or `outer` for that of whom it was forked from; or `common`, and then the PID
//! namespace is not its own either.
#![allow(unsafe_code)] // unshare, in a process with one thread

use std::fs;

use rustix::mount::{MountFlags, mount, mount_bind};
use rustix::process::{getegid, geteuid, getpid};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::process::{fork, keep_mounts_here};
use super::{Failure, Lines, Outcome, Words, misled};

pub(super) fn obey(command: &str, words: &mut Words<'_>, lines: &mut Lines) -> Option<Outcome> {
    Some(match command {
        "fork-into-container" => fork_into_container(words, lines),
        "try-user-namespace" => Ok(match unshare(UnshareFlags::NEWUSER) {
            Ok(()) => "permitted".to_owned(),
            Err(error) => format!("refused: {error}"),
        }),
        _ => return None,
    })
}

fn unshare(what: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: nothing that other threads of this process use is unshared: it has none.
    unsafe { unshare_unsafe(what) }
}

fn fork_into_container(words: &mut Words<'_>, lines: &mut Lines) -> Outcome {
    let mut address = Words(words.next()?.split_ascii_whitespace());
    let (shared, path, user, proc) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let mut namespaces = UnshareFlags::NEWNS;
    if proc != "common" {
        namespaces |= UnshareFlags::NEWPID;
    }
    if user == "same" {
        unshare(namespaces).map_err(misled)?;
    } else {
        namespaces |= UnshareFlags::NEWUSER;
        let (outer_user, outer_group) = (geteuid().as_raw(), getegid().as_raw());
        unshare(namespaces).map_err(misled)?;
        fs::write("/proc/self/setgroups", "deny").map_err(misled)?;
        fs::write("/proc/self/uid_map", format!("{user} {outer_user} 1")).map_err(misled)?;
        fs::write("/proc/self/gid_map", format!("{user} {outer_group} 1")).map_err(misled)?;
    }
    keep_mounts_here()?;
    mount_tmpfs("/tmp")?;
    fs::create_dir_all(path).map_err(misled)?;
    mount_bind(shared, path).map_err(misled)?;
    mount_tmpfs("/dev/shm")?;
    let parent = getpid();
    let answer = fork(&mut address, lines)?;
    if getpid() != parent {
        match proc {
            "own" => {
                let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
                mount("proc", "/proc", "proc", flags, None).map_err(misled)?;
            }
            "none" => mount_tmpfs("/proc")?,
            _ => {}
        }
    }
    Ok(answer)
}

fn mount_tmpfs(path: &str) -> Result<(), Failure> {
    mount("tmpfs", path, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, Some(c"mode=1777")).map_err(misled)
}
