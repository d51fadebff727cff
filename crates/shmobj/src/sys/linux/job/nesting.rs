//! Which job a process is in, of all that there are.

use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags};

use super::board::Board;
use super::cgroup;
use super::table::{GUARDIAN, Table};
use crate::kind::Kind;
use crate::sys::linux::object::page::header_of;
use crate::sys::linux::proc;

/// The id of the innermost job that a process is in, as far as this user can see.
pub(super) fn innermost(table: &Table, pid: u32) -> Option<[u8; 16]> {
    let groups: Vec<_> =
        cgroup::of_process(&pid.to_string()).map(|path| cgroup::jobs_on(&path).collect()).unwrap_or_default();
    let row = table.find(pid)?;
    let by_descent = table
        .ancestors(row)
        .filter(|row| row.command() == GUARDIAN)
        .find_map(|guardian| job_of_guardian(guardian.pid));
    match by_descent {
        // What was assigned to an inner job descends from an outer one's guardian.
        Some(id) if !groups.contains(&id) => Some(id),
        _ => groups.last().copied().or(by_descent),
    }
}

/// The upper guardian has the entry open.
fn job_of_guardian(pid: u32) -> Option<[u8; 16]> {
    for fd in proc::descriptors(pid).ok()? {
        let path = proc::descriptor(pid, fd);
        if proc::key_without_waiting(CWD, &path).is_none() {
            continue; // no file
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let Ok(file) = rustix::fs::open(path, flags, Mode::empty()) else { continue };
        let file: OwnedFd = file;
        if let Ok(header) = header_of(&file) {
            if header.kind == Kind::Job {
                return Some(header.id.0);
            }
        }
    }
    None
}

/// Whether who is in the job `around`, or in none, may enter: a job has one job around it, which its first process decides (JA-3, JA-5).
pub(super) fn may_join(board: &Board, around: Option<[u8; 16]>) -> bool {
    match (board.parent(), around) {
        (None, _) | (_, None) => true,
        (Some(parent), around) => parent == around,
    }
}
