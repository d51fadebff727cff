//! Who is in a job, by descent: the trees on its roster, looked up in a table of all processes.
//!
//! Guardians ask as well: nothing here allocates.

use std::mem::MaybeUninit;

use rustix::fs::{AtFlags, Mode, OFlags, RawDir};

use super::board::{Board, SLOTS, Tree};
use super::table::{self, GUARDIAN, Row, Table};
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

    /// Those of which this is so, and the others.
    pub(super) fn split(&self, is_first: impl Fn(&Tree) -> bool) -> (Self, Self) {
        let none = || Self { list: [Tree::default(); SLOTS], length: 0, ..*self };
        let (mut first, mut others) = (none(), none());
        for tree in self.iter() {
            let to = if is_first(tree) { &mut first } else { &mut others };
            to.list[to.length] = *tree;
            to.length += 1;
        }
        (first, others)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Tree> {
        self.list[..self.length].iter()
    }

    /// One tree, by what its guardian knows itself.
    pub(super) fn one(tree: Tree, breakaway: Breakaway) -> Self {
        let mut trees = Self { list: [Tree::default(); SLOTS], length: 1, breakaway, has_foreign: false };
        trees.list[0] = tree;
        trees
    }

    /// Counts those that members have started, and that are marked.
    pub(super) fn count(board: &Board, table: &Table) {
        let now = table::now();
        for row in table.rows() {
            if row.is_member() && !row.is_dead() && !row.mark.is_root && !row.is_young(now) {
                board.count_seen(row.started, row.pid);
            }
        }
    }

    /// Marks the processes of the job in the table. In one pass: what is below a process is decided once.
    pub(super) fn mark(&self, table: &mut Table) {
        for index in 0..table.rows().len() {
            let row = table.rows()[index];
            let is_root = self.iter().any(|tree| is_root(tree, &row));
            let is_lead = self.iter().any(|tree| !tree.is_assigned() && tree.guardian == row.pid);
            let mark = &mut table.rows_mut()[index].mark;
            (mark.is_root, mark.is_lead) = (is_root, is_lead);
        }
        for index in 0..table.rows().len() {
            let belongs = match self.breakaway {
                Breakaway::Silent => table.rows()[index].mark.is_root,
                _ => self.belongs(table, index),
            };
            table.rows_mut()[index].mark.belongs = belongs;
        }
    }

    fn belongs(&self, table: &mut Table, index: usize) -> bool {
        let row = table.rows()[index];
        if self.may_be_out(&row) {
            return self.is_within(table, &row);
        }
        let is_assigned = self.iter().any(|tree| tree.is_assigned() && is_root(tree, &row));
        is_assigned || table.index(row.parent).is_some_and(|parent| self.below(table, parent))
    }

    fn may_be_out(&self, row: &Row) -> bool {
        self.breakaway == Breakaway::Allowed && row.is_guardian() && row.command() != GUARDIAN
    }

    /// Whether what descends from a process belongs to the job.
    fn below(&self, table: &mut Table, index: usize) -> bool {
        // Up to the first that is known; then it is known of all on the way. Rows are of different moments, and could lead around in a circle.
        let mut top = index;
        let mut known = false;
        for _ in 0..table.rows().len() {
            let row = table.rows()[top];
            let is_assigned = || self.iter().any(|tree| tree.is_assigned() && is_root(tree, &row));
            if let Some(below) = row.mark.below {
                known = below;
            } else if row.mark.is_lead || is_assigned() {
                known = true;
            } else if self.may_be_out(&row) {
                known = self.is_within(table, &row);
            } else if let Some(parent) = table.index(row.parent).filter(|&parent| parent != top) {
                top = parent;
                continue;
            }
            break;
        }
        let mut at = index;
        for _ in 0..table.rows().len() {
            table.rows_mut()[at].mark.below = Some(known);
            match table.index(table.rows()[at].parent) {
                Some(parent) if at != top => at = parent,
                _ => break,
            }
        }
        known
    }

    /// Whether a process is in the job. Guardians are in none.
    pub(super) fn have(&self, table: &Table, row: &Row) -> bool {
        if self.breakaway == Breakaway::Silent || self.iter().any(|tree| is_root(tree, row)) {
            return self.iter().any(|tree| is_root(tree, row));
        }
        !row.is_guardian() && self.is_within(table, row)
    }

    fn is_within(&self, table: &Table, row: &Row) -> bool {
        let permits = self.breakaway == Breakaway::Allowed;
        // What was let out of an inner tree was let out of what was assigned around it.
        let leads_to = |row: &Row, out: Option<usize>| {
            self.iter().any(|tree| match tree.is_assigned() {
                true => is_root(tree, row) && !(permits && out.is_some()),
                false => tree.guardian == row.pid && !(permits && out.is_some_and(|left| left > 0)),
            })
        };
        table.way_up(row).any(|(row, out)| leads_to(row, out))
            || self.iter().any(|tree| tree.is_assigned() && is_root(tree, row))
    }
}

/// What was started in the job is a child of its guardian as long as that lives: whoever may write the board could name anybody else.
fn is_root(tree: &Tree, row: &Row) -> bool {
    let is_it = tree.root == row.pid && tree.root_started == row.started;
    is_it && (tree.is_assigned() || row.parent == tree.guardian)
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

#[cfg(test)]
mod tests {
    use super::super::table::tests::nested;
    use super::*;

    fn members(guardian: u32, breakaway: Breakaway) -> Vec<u32> {
        let mut table = nested();
        let trees = Trees::one(Tree { guardian, ..Tree::default() }, breakaway);
        trees.mark(&mut table);
        for row in table.rows() {
            assert_eq!(row.is_member(), trees.have(&table, row), "{}", row.pid);
        }
        table.rows().iter().filter(|row| row.is_member()).map(|row| row.pid).collect()
    }

    #[test]
    fn who_was_let_out_of_one_job_is_still_in_the_one_around_it() {
        let (outer, inner) = (11, 21);
        assert_eq!(members(outer, Breakaway::Denied), [12, 22, 31, 41]);
        assert_eq!(members(inner, Breakaway::Denied), [22, 31, 41]);
        assert_eq!(members(outer, Breakaway::Allowed), [12, 22, 31]);
        assert_eq!(members(inner, Breakaway::Allowed), [22]);
        assert_eq!(members(inner, Breakaway::Silent), []);
    }

    #[test]
    fn nobody_else_s_child_was_started_in_the_job() {
        let mut table = nested();
        for (root, is_in) in [(12, true), (22, false), (10, false)] {
            let tree = Tree { guardian: 11, root, ..Tree::default() };
            let trees = Trees::one(tree, Breakaway::Silent);
            trees.mark(&mut table);
            let row = table.find(root).unwrap();
            assert_eq!((row.is_member(), trees.have(&table, row)), (is_in, is_in), "{root}");
        }
    }

    #[test]
    fn what_was_assigned_is_in_the_job_with_what_it_has_started() {
        let mut table = nested();
        let assigned = Tree { root: 12, flags: super::super::board::tree::ASSIGNED, ..Tree::default() };
        Trees::one(assigned, Breakaway::Denied).mark(&mut table);
        let members: Vec<u32> =
            table.rows().iter().filter(|row| row.is_member()).map(|row| row.pid).collect();
        assert_eq!(members, [12]);
        let silent = Trees::one(assigned, Breakaway::Silent);
        assert!(silent.have(&table, table.find(12).unwrap()));
    }
}
