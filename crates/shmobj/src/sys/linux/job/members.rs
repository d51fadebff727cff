//! Who is in a job, by descent: the trees on its roster, looked up in a table of all processes.
//!
//! Guardians ask as well: nothing here allocates.

use std::mem::MaybeUninit;

use rustix::fs::{AtFlags, Mode, OFlags, RawDir};

use super::board::{Board, SLOTS, Tree};
use super::table::{self, GUARDIAN, OUTSIDE, Row, Table};
use crate::job::Breakaway;
use crate::sys::linux::namespace::FileKey;
use crate::sys::linux::proc;

/// The trees of a job that are there.
#[derive(Debug)]
pub(super) struct Trees {
    list: [Tree; SLOTS],
    length: usize,
    breakaway: Breakaway,
    /// Whether there are trees whose numbers mean nothing here.
    pub(super) has_foreign: bool,
}

impl Trees {
    /// Those whose guardian is in the table. `namespace`: our own. `suspect`: the entry's key, if others may write the board.
    pub(super) fn of(board: &Board, table: &Table, namespace: u32, suspect: Option<FileKey>) -> Self {
        let mut trees = Self {
            list: [Tree::default(); SLOTS],
            length: 0,
            breakaway: board.breakaway(),
            has_foreign: false,
        };
        for tree in board.roster().iter().filter_map(super::board::Slot::read) {
            if tree.namespace != namespace {
                trees.has_foreign |= !tree.is_grouped();
            } else if is_there(table, &tree, suspect) {
                trees.list[trees.length] = tree;
                trees.length += 1;
            }
        }
        trees
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Tree> {
        self.list[..self.length].iter()
    }

    /// Counts those that members have started.
    pub(super) fn count(&self, board: &Board, table: &Table) {
        for row in table.rows() {
            if !row.is_dead() && self.have(table, row) && !self.iter().any(|tree| is_root(tree, row)) {
                board.count_seen(row.started, row.pid);
            }
        }
    }

    /// Whether a process is in the job. Guardians are in none.
    pub(super) fn have(&self, table: &Table, row: &Row) -> bool {
        if row.is_guardian() {
            return false;
        }
        if self.breakaway == Breakaway::Silent {
            return self.iter().any(|tree| is_root(tree, row));
        }
        let is_out = |row: &Row| self.breakaway == Breakaway::Allowed && row.command() == OUTSIDE;
        let leads_to = |row: &Row| {
            self.iter().any(|tree| match tree.is_assigned() {
                true => is_root(tree, row),
                false => tree.guardian == row.pid,
            })
        };
        if leads_to(row) {
            return true;
        }
        table.ancestors(row).take_while(|row| !is_out(row)).any(leads_to)
    }
}

fn is_root(tree: &Tree, row: &Row) -> bool {
    tree.root == row.pid && tree.root_started == row.started
}

/// Whether a tree has a guardian. A number is believed only with the time at which the process was started.
pub(super) fn is_there(table: &Table, tree: &Tree, suspect: Option<FileKey>) -> bool {
    let guardian = table.find(tree.guardian).filter(|row| is_guardian_of(row, tree));
    guardian.is_some_and(|row| suspect.is_none_or(|key| is_genuine(table, row, tree, key)))
}

/// Whether a guardian that somebody else may have put on the roster is one of this job, and guards what is said. Otherwise whoever may write a board could have more
/// powerful users end any process.
///
/// The upper guardian, its parent, has the entry open. And what is assigned, whatever the slot says, has to run as the user that the guardian does.
fn is_genuine(table: &Table, guardian: &Row, tree: &Tree, key: FileKey) -> bool {
    let user = owner(table, guardian.pid);
    let root_is_theirs = !tree.is_assigned() || owner(table, tree.root) == user;
    user.is_some() && root_is_theirs && has_open(table, guardian.parent, key)
}

fn owner(table: &Table, pid: u32) -> Option<u32> {
    let mut buffer = [0; 24];
    let path = table::path_below(pid, b"", &mut buffer);
    Some(rustix::fs::statat(table.proc(), path, AtFlags::empty()).ok()?.st_uid)
}

fn has_open(table: &Table, pid: u32, key: FileKey) -> bool {
    let mut buffer = [0; 24];
    let path = table::path_below(pid, b"/fd", &mut buffer);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(listing) = rustix::fs::openat(table.proc(), path, flags, Mode::empty()) else { return false };
    let mut entries_buffer = [MaybeUninit::uninit(); 1024];
    let mut entries = RawDir::new(&listing, &mut entries_buffer);
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.file_name().to_str().unwrap_or_default();
        if proc::key_without_waiting(&listing, name) == Some(key) {
            return true;
        }
    }
    false
}

pub(super) fn is_guardian_of(row: &Row, tree: &Tree) -> bool {
    row.started == tree.started && row.command() == GUARDIAN && !row.is_dead()
}
