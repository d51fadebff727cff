//! Which job a process is in, of all that there are.

use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags};

use super::board::{Board, Mapped, Slot, Tree};
use super::cgroup;
use super::table::{Row, Table};
use crate::job::Breakaway;
use crate::kind::Kind;
use crate::sys::linux::object::page::header_of;
use crate::sys::linux::proc;

/// The id of the innermost job that a process is in, as far as this user can see.
pub(super) fn innermost(table: &Table, pid: u32) -> Option<[u8; 16]> {
    let groups: Vec<_> =
        cgroup::of_process(&pid.to_string()).map(|path| cgroup::jobs_on(&path).collect()).unwrap_or_default();
    // Guardians know it better than groups, which not every tree has; but not of what is in a group without descending from who was assigned.
    let known = around(table, pid).first().map(|around| around.id);
    known.or(groups.last().copied())
}

/// A job that a process is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    pub(super) id: [u8; 16],
    /// Whether its processes may start others outside.
    pub(super) permits: bool,
    /// Whether the process descends from its guardian, and was not assigned to it, as an ancestor may have been.
    pub(super) by_descent: bool,
}

/// The jobs that a process is in, from the innermost on. One may be there several times, if a process that is in it started another one in it.
pub(super) fn around(table: &Table, pid: u32) -> Vec<Around> {
    let Some(row) = table.find(pid) else { return Vec::new() };
    let above: Vec<&Row> = std::iter::once(row).chain(table.ancestors(row)).collect();
    // How far above the job begins, and how old its guardian is: what was assigned later is inside of what was assigned before.
    let mut found = Vec::new();
    for lower in table.rows().iter().filter(|row| table.is_lower(row)) {
        let distance = above.iter().position(|row| row.pid == lower.pid);
        let Some((id, entry)) = entry_of_guardian(lower.parent) else { continue };
        let Ok(board) = Mapped::map(&entry, false) else { continue };
        let permits = board.breakaway() != Breakaway::Denied;
        let tree = board.roster().iter().filter_map(Slot::read).find(|tree| tree.guardian == lower.pid);
        let assigned = tree.filter(Tree::is_assigned).and_then(|tree| {
            above.iter().position(|row| row.pid == tree.root && row.started == tree.root_started)
        });
        if let Some(distance) = distance {
            found.push((
                distance,
                std::cmp::Reverse(lower.started),
                Around { id, permits, by_descent: true },
            ));
        } else if let Some(distance) = assigned {
            found.push((
                distance,
                std::cmp::Reverse(lower.started),
                Around { id, permits, by_descent: false },
            ));
        }
    }
    found.sort_by_key(|(distance, age, _)| (*distance, *age));
    found.into_iter().map(|(_, _, around)| around).collect()
}

/// The upper guardian has the entry open.
fn entry_of_guardian(pid: u32) -> Option<([u8; 16], OwnedFd)> {
    for fd in proc::descriptors(pid).ok()? {
        let path = proc::descriptor(pid, fd);
        if proc::key_without_waiting(CWD, &path).is_none() {
            continue; // no file
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let Ok(file) = rustix::fs::open(path, flags, Mode::empty()) else { continue };
        if let Ok(header) = header_of(&file) {
            if header.kind == Kind::Job {
                return Some((header.id.0, file));
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
