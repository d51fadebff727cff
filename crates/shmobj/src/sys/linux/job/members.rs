//! Who is in a job, by descent: the trees on its roster, looked up in a table of all processes.
//!
//! Guardians ask as well: nothing here allocates.

use super::board::{Board, SLOTS, Tree};
use super::table::{GUARDIAN, OUTSIDE, Row, Table};
use crate::job::Breakaway;

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
    /// Those whose guardian, or whose first process, is in the table. `namespace`: our own.
    pub(super) fn of(board: &Board, table: &Table, namespace: u32) -> Self {
        let mut trees = Self {
            list: [Tree::default(); SLOTS],
            length: 0,
            breakaway: board.breakaway(),
            has_foreign: false,
        };
        for tree in board.roster().iter().filter_map(super::board::Slot::read) {
            if tree.namespace != namespace {
                trees.has_foreign |= !tree.is_grouped();
            } else if is_there(table, &tree) {
                trees.list[trees.length] = tree;
                trees.length += 1;
            }
        }
        trees
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Tree> {
        self.list[..self.length].iter()
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
        let way = table.ancestors(row).take_while(|row| !is_out(row));
        let found = { way }.any(leads_to);
        found
    }
}

fn is_root(tree: &Tree, row: &Row) -> bool {
    tree.root == row.pid && tree.root_started == row.started
}

/// Whether a tree has a guardian. A number is believed only with the time at which the process was started.
pub(super) fn is_there(table: &Table, tree: &Tree) -> bool {
    table.find(tree.guardian).is_some_and(|row| is_guardian_of(row, tree))
}

pub(super) fn is_guardian_of(row: &Row, tree: &Tree) -> bool {
    row.started == tree.started && row.command() == GUARDIAN && !row.is_dead()
}
