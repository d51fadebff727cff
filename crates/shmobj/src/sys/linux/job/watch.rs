//! Limits that the kernel does not enforce: guardians look from time to time.
//!
//! Of a job's guardians one looks, the first one on the roster that lives. A look takes a pass over /proc; it is repeated
//! so seldom that it takes a twentieth of one processor at most.

use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::board::{Board, News};
use super::guardian::LOOK;
use super::members::{Trees, is_guardian_of};
use super::table::{Row, Table, look};
use super::{cgroup, signal, usage};
use crate::job::Limit;
use crate::sys::linux::namespace::FileKey;
use crate::sys::linux::sync::own_pid_namespace;

/// How often at most, if processes are counted. They multiply fast.
const SHORTEST: Duration = Duration::from_millis(10);
/// How often at most otherwise, and how often at least.
const LONGEST: Duration = Duration::from_millis(500);
/// When somebody had to be ended.
const AT_ONCE: Duration = Duration::from_millis(1);
/// How many times as long as a look it takes until the next one.
const SHARE: u32 = 20;

/// The code with which a job ends that has used up its processor time.
const OUT_OF_TIME: u32 = 1816;

/// A guardian's view of the limits.
pub(super) struct Watch {
    group: Option<RawFd>,
    suspect: Option<FileKey>,
    table: Option<Table>,
    last: Option<Instant>,
    interval: Duration,
}

/// Which limits somebody has to look after.
struct Wanted {
    processes: Option<u32>,
    memory: Option<u64>,
    cpu_time: Option<u64>,
}

impl Wanted {
    fn of(board: &Board, group: Option<RawFd>) -> Self {
        let limits = board.limits();
        let kernel_does = |controller| {
            group.is_some_and(|group| cgroup::enforces(super::guardian::borrow(group), controller))
        };
        Self {
            processes: limits.max_processes.filter(|_| !kernel_does("pids")),
            memory: limits.memory.filter(|_| !kernel_does("memory")),
            cpu_time: board.cpu_time_until(),
        }
    }

    fn is_any(&self) -> bool {
        self.processes.is_some() || self.memory.is_some() || self.cpu_time.is_some()
    }
}

impl Watch {
    pub(super) fn new(group: Option<RawFd>, suspect: Option<FileKey>) -> Self {
        Self { group, suspect, table: None, last: None, interval: SHORTEST }
    }

    /// When to look next: never, where there is nothing to look after.
    pub(super) fn next_look(&self, board: &Board) -> Option<Duration> {
        Wanted::of(board, self.group).is_any().then_some(self.interval)
    }

    /// Looks, if it is time. True: the job is to be ended.
    pub(super) fn enforce(&mut self, board: &Board, guardian: u32) -> bool {
        let wanted = Wanted::of(board, self.group);
        if !wanted.is_any() || self.last.is_some_and(|last| last.elapsed() < self.interval) {
            return false;
        }
        let begun = Instant::now();
        if self.table.is_none() {
            self.table = Table::new().ok();
        }
        let Some(table) = &mut self.table else { return false };
        let is_first = is_first(board, table, guardian);
        let ended_before = board.terminated_processes();
        let ends =
            is_first && table.read().is_ok() && look_after(board, table, &wanted, self.group, self.suspect);
        let shortest = if wanted.processes.is_some() { SHORTEST } else { 5 * SHORTEST };
        self.interval = if !is_first {
            LONGEST
        } else if board.terminated_processes() != ended_before {
            AT_ONCE // more may be coming as fast
        } else {
            (begun.elapsed() * SHARE).clamp(shortest, LONGEST)
        };
        self.last = Some(Instant::now());
        ends
    }
}

fn is_first(board: &Board, table: &Table, guardian: u32) -> bool {
    let namespace = own_pid_namespace() as u32;
    let mut trees = board.roster().iter().filter_map(super::board::Slot::read);
    let first = trees.find(|tree| {
        let is_there = |row: Row| is_guardian_of(&row, tree);
        tree.namespace == namespace
            && (tree.guardian == guardian || look(table.proc(), tree.guardian).is_some_and(is_there))
    });
    first.is_some_and(|tree| tree.guardian == guardian)
}

/// Whether the roster has a tree whose guardian lives.
pub(super) fn has_others(board: &Board, suspect: Option<FileKey>) -> bool {
    let Ok(table) = Table::of_now() else { return false };
    Trees::of(board, &table, own_pid_namespace() as u32, suspect).iter().next().is_some()
}

fn look_after(
    board: &Board,
    table: &mut Table,
    wanted: &Wanted,
    group: Option<RawFd>,
    suspect: Option<FileKey>,
) -> bool {
    let trees = Trees::of(board, table, own_pid_namespace() as u32, suspect);
    trees.mark(table);
    Trees::count(board, table);
    let (user, system) = usage::times(board, table);
    if wanted.cpu_time.is_some_and(|until| user + system >= until) {
        board.count_terminated(living(table).count() as u64);
        board.tell(News::Hit(Limit::CpuTime));
        board.end(OUT_OF_TIME);
        for row in trees.iter().filter_map(|tree| table.find(tree.guardian)) {
            signal(table, row, LOOK);
        }
        return true;
    }
    let page = rustix::param::page_size() as u64;
    let memory = living(table).map(|row| row.pages * page).sum();
    board.saw_memory(memory);
    if wanted.memory.is_some_and(|limit| memory > limit) {
        if let Some(largest) = living(table).max_by_key(|row| row.pages) {
            if signal(table, largest, Signal::KILL) {
                board.count_terminated(1);
                board.tell(News::Hit(Limit::Memory));
            }
        }
    }
    if let Some(limit) = wanted.processes {
        end_newest(board, table, group, limit as usize);
    }
    false
}

fn living(table: &Table) -> impl Iterator<Item = &Row> {
    table.rows().iter().filter(|row| row.is_member() && !row.is_dead())
}

/// Those that came last are those that are too many. Whoever lets many dead children pile up is ended as well: the kernel, too, would not let it have more.
fn end_newest(board: &Board, table: &mut Table, group: Option<RawFd>, limit: usize) {
    let too_many_dead = dead(table).count() > limit.max(MOST_DEAD);
    if living(table).count() <= limit && !too_many_dead {
        return;
    }
    // Others would come as fast as they go.
    let group = group.map(super::guardian::borrow).filter(cgroup::freeze_if_it_runs);
    let mut ended = 0;
    if too_many_dead {
        let children = |row: &&Row| dead(table).filter(|dead| dead.parent == row.pid).count();
        if let Some(careless) = living(table).max_by_key(children) {
            ended += u64::from(signal(table, careless, Signal::KILL));
        }
    }
    table.rows_mut().sort_unstable_by_key(|row| (row.started, row.pid));
    for row in living(table).skip(limit) {
        ended += u64::from(signal(table, row, Signal::KILL));
    }
    if let Some(group) = group {
        let _ = cgroup::write(group, "cgroup.freeze", "0");
    }
    if ended > 0 {
        board.count_terminated(ended);
        board.tell(News::Hit(Limit::Processes));
    }
}

/// How many dead children are always permitted.
const MOST_DEAD: usize = 64;

fn dead(table: &Table) -> impl Iterator<Item = &Row> {
    table.rows().iter().filter(|row| row.is_member() && row.is_dead())
}
