//! Jobs: sets of processes that are ended, limited and accounted as one.
//!
//! A job is a synchronization object like others, whose cell is that of a manual-reset event (JT-2), with a *board* behind its page. Its processes are kept
//! together by guardians, and by a control group where one can be had.
//!
//! | room | what |
//! |---|---|
//! | [`board`] | what processes share about a job: limits, the roster of its trees, news, accounts |
//! | [`spawn`] | putting processes into it; [`lock`] keeps others from that meanwhile; [`child`] is what the spawner gets |
//! | [`guardian`] | the two processes for each tree, that notice everybody's end |
//! | [`cgroup`] | control groups |
//! | [`table`], [`members`], [`nesting`] | who runs, who is in the job, which job somebody is in |
//! | [`watch`], [`usage`] | limits that the kernel does not enforce, and what was used |
//! | [`port`] | what happens in it |
//!
//! | invariant | |
//! |---|---|
//! | **J1** | a job that kills on close has no processes when nobody holds it any more, whoever was killed |
//! | **J2** | when one of the two guardians of a tree is killed, the other one ends the tree |
//! | **J3** | nothing else ends a process of a job but `terminate` and limits |
//! | **J4** | a tree without processes has no guardians, and a job without trees has no processes of ours at all |
//! | **J5** | nobody waits for ever |
//! | **J6** | a control group is there only as long as somebody uses it |
//!
//! `docs/jobs.md` tells users what follows from this.

pub(crate) mod board;
mod cgroup;
mod child;
mod guardian;
mod lock;
mod members;
mod nesting;
mod port;
mod spawn;
mod table;
mod usage;
mod watch;

use std::collections::BTreeSet;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};

use super::namespace::FileKey;
use super::object::Object;
use super::proc::own_descriptor;
use super::sync::words::Words;
use super::sync::{Holder, Synchronizer, cell, own_pid_namespace};
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::job::{Limits, Mechanism, Usage};
use crate::test_hooks::step;
use board::{Board, Mapped, Tree};
use cgroup::Group;
use members::Trees;
use table::{Row, Table};

pub(crate) use child::Child;
pub(crate) use port::Port;
pub(crate) use table::GUARDIAN;

/// Standard input, output and error, as far as they are pipes.
pub(crate) type Pipes = (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>);

/// How long processes may take to end, or to stand still, once the kernel was told to see to it.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn spawn(
    job: &Synchronizer,
    attempt: &Attempt<'_>,
    command: &mut Command,
) -> Result<(Child, Pipes)> {
    spawn::spawn(&Jobs::of(job, attempt), command)
}

pub(crate) fn spawn_breakaway(
    job: &Synchronizer,
    attempt: &Attempt<'_>,
    command: &mut Command,
) -> Result<(Child, Pipes)> {
    spawn::spawn_outside(&Jobs::of(job, attempt), command)
}

pub(crate) fn assign(job: &Synchronizer, attempt: &Attempt<'_>, pid: u32) -> Result<()> {
    spawn::assign(&Jobs::of(job, attempt), pid)
}

pub(crate) fn mechanism() -> Mechanism {
    cgroup::mechanism()
}

/// Ends all processes: their guardians do. Killed in its middle: those that were reached end, and the job is signalled by the last of their guardians.
pub(crate) fn terminate(job: &Synchronizer, attempt: &Attempt<'_>, code: u32) -> Result<()> {
    let jobs = Jobs::of(job, attempt);
    let board = jobs.board(true)?;
    let mut table = jobs.table()?;
    // Before it is announced: these have all looked how often the job had been ended, and learn that it is ended again. One that comes
    // later may have looked after that: it is not ended, and nobody waits for it.
    let ending: Vec<_> = jobs.trees(&board, &mut table).iter().map(Tree::identity).collect();
    board.end(code);
    step("terminate: announced");
    let begun = Instant::now();
    // Who is ending is in no group any more, and may still have files open.
    let mut awaited = BTreeSet::new();
    loop {
        table.read().map_err(|errno| attempt.os("reading /proc", errno))?;
        let trees = jobs.trees(&board, &mut table);
        let (old, later) = trees.split(|tree| ending.contains(&tree.identity()));
        let mut members = jobs.members(&board, &table);
        if later.iter().next().is_some() {
            members.retain(|&pid| table.find(pid).is_some_and(|row| !later.have(&table, row)));
        }
        awaited.extend(members.iter().filter_map(|&pid| Some((pid, table.find(pid)?.started))));
        awaited.retain(|(pid, started)| {
            table.find(*pid).is_some_and(|row| row.started == *started && !row.is_dead())
        });
        // Guardians as well: what calls itself one of them does not hide from its own.
        if awaited.is_empty() && old.iter().next().is_none() {
            if trees.has_foreign {
                return Err(foreign(attempt));
            }
            raise(job.words());
            return Ok(());
        }
        for row in old.iter().filter_map(|tree| table.find(tree.guardian)) {
            signal(&table, row, guardian::LOOK);
            signal(&table, row, Signal::CONT); // somebody may have stopped it
        }
        if begun.elapsed() > PATIENCE {
            return Err(not_ended(attempt, &awaited.into_iter().map(|(pid, _)| pid).collect::<Vec<_>>()));
        }
        if begun.elapsed() > GUARDIANS_TURN {
            end_members(&jobs, &board, &table, &members, later.iter().next().is_none());
        }
        step("terminate: processes signalled");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// How long guardians have, before those are ended whom no guardian ends: both may have been killed, or have come just now and not know of it.
const GUARDIANS_TURN: Duration = Duration::from_millis(200);

/// One by one, unless all of the control group are to end and the kernel can do that (Linux 5.14).
fn end_members(jobs: &Jobs<'_>, board: &Board, table: &Table, members: &[u32], all: bool) {
    let at_once = |group| cgroup::kill(&group).is_ok();
    if !(all && jobs.group(board).is_some_and(at_once)) {
        for row in members.iter().filter_map(|&pid| table.find(pid)) {
            signal(table, row, Signal::KILL);
        }
    }
}

fn not_ended(attempt: &Attempt<'_>, members: &[u32]) -> Error {
    let Some(&first) = members.first() else {
        return attempt
            .fails(ErrorKind::Stalled, "its guardians do not end")
            .with_remedy("see whether they were stopped");
    };
    let may = Pid::from_raw(first as i32).map(rustix::process::test_kill_process);
    match may {
        Some(Err(Errno::PERM)) => attempt
            .fails(ErrorKind::AccessDenied, format!("process {first} runs as another user"))
            .with_remedy("have that user, or root, end it"),
        _ => attempt
            .fails(ErrorKind::Stalled, format!("the kernel does not let process {first} end"))
            .with_remedy("see what it waits for: mostly a disk or a network file system"),
    }
}

fn foreign(attempt: &Attempt<'_>) -> Error {
    attempt
        .fails(ErrorKind::Unreachable, "it has processes in another PID namespace")
        .with_remedy("do it from there, or delegate a control group, which reaches across")
}

pub(crate) fn processes(job: &Synchronizer, attempt: &Attempt<'_>) -> Result<Vec<u32>> {
    let jobs = Jobs::of(job, attempt);
    let board = jobs.board(false)?;
    let mut table = jobs.table()?;
    let trees = jobs.trees(&board, &mut table);
    if trees.has_foreign {
        return Err(foreign(attempt));
    }
    Ok(jobs.members(&board, &table))
}

pub(crate) fn contains(job: &Synchronizer, attempt: &Attempt<'_>, pid: u32) -> Result<bool> {
    let jobs = Jobs::of(job, attempt);
    let board = jobs.board(false)?;
    let mut table = jobs.table()?;
    let trees = jobs.trees(&board, &mut table);
    let row = table.find(pid).ok_or_else(|| {
        attempt
            .fails(ErrorKind::InvalidParameter, format!("there is no process {pid}"))
            .with_remedy("look at its number")
    })?;
    Ok(jobs.has(&board, &table, &trees, row))
}

pub(crate) fn usage(job: &Synchronizer, attempt: &Attempt<'_>) -> Result<Usage> {
    let jobs = Jobs::of(job, attempt);
    let board = jobs.board(false)?;
    let mut table = jobs.table()?;
    jobs.trees(&board, &mut table);
    let members = jobs.members(&board, &table);
    let (user, system) = usage::times(&board, &table);
    let page = rustix::param::page_size() as u64;
    let now: u64 = members.iter().filter_map(|&pid| table.find(pid)).map(|row| row.pages * page).sum();
    let in_group = || value_of(&jobs, &board, "memory.peak");
    let peak_memory = board.peak_memory().max(now).max(in_group().unwrap_or(0));
    if board.writable {
        board.saw_memory(peak_memory);
        Trees::count(&board, &table);
        board.saw_processes(members.len() as u64);
    }
    Ok(Usage {
        user_time: Duration::from_nanos(user),
        system_time: Duration::from_nanos(system),
        peak_memory,
        active_processes: members.len() as u32,
        total_processes: board.total_processes().max(members.len() as u64),
        terminated_processes: board.terminated_processes(),
    })
}

fn value_of(jobs: &Jobs<'_>, board: &Board, file: &str) -> Option<u64> {
    cgroup::read(jobs.group(board)?, file)?.trim().parse().ok()
}

pub(crate) fn limits(job: &Synchronizer, attempt: &Attempt<'_>) -> Result<Limits> {
    Ok(Jobs::of(job, attempt).board(false)?.limits())
}

pub(crate) fn set_limits(job: &Synchronizer, attempt: &Attempt<'_>, limits: &Limits) -> Result<()> {
    let jobs = Jobs::of(job, attempt);
    let _lock = lock::Lock::take(attempt, jobs.open(true)?)?;
    let board = jobs.board(true)?;
    let mut table = jobs.table()?;
    let trees = jobs.trees(&board, &mut table);
    let (user, system) = usage::times(&board, &table);
    board.set_limits(limits, Duration::from_nanos(user + system));
    step("limit: on the board");
    if let Some(path) = jobs.group_path(&board).filter(|path| path.exists()) {
        if let Ok(group) = Group::open(&path) {
            group.limit(limits);
        }
        remove_group(&path); // as a guardian may have wanted to meanwhile
    }
    step("limit: in the group");
    for pid in jobs.members(&board, &table) {
        limit_process(pid, limits);
    }
    // They look whether there is something to look after.
    for row in trees.iter().filter_map(|tree| table.find(tree.guardian)) {
        signal(&table, row, guardian::LOOK);
    }
    Ok(())
}

fn remove_group(path: &Path) {
    use std::os::unix::ffi::OsStrExt;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return };
    let parent = spawn::open_directory(parent);
    if let (Ok(parent), Ok(name)) = (parent, CString::new(name.as_bytes())) {
        cgroup::remove(parent.as_fd(), &name);
    }
}

/// Limits a process that runs.
#[allow(unsafe_code)] // prlimit of another process
fn limit_process(pid: u32, limits: &Limits) {
    let limits = [
        (libc::RLIMIT_DATA, limits.process_memory),
        (libc::RLIMIT_CPU, limits.process_cpu_time.map(spawn::whole_seconds)),
    ];
    for (resource, limit) in limits {
        if let Some(value) = limit {
            let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
            // SAFETY: a whole record. A process that is not ours keeps what it has.
            unsafe { libc::prlimit(pid as libc::pid_t, resource, &raw const limit, std::ptr::null_mut()) };
        }
    }
}

/// Stops all processes, or lets them go on. Those that start others meanwhile are looked at again until all stand still.
pub(crate) fn freeze(job: &Synchronizer, attempt: &Attempt<'_>, frozen: bool) -> Result<()> {
    let jobs = Jobs::of(job, attempt);
    let board = jobs.board(true)?;
    let group = jobs.group(&board);
    if let Some(group) = &group {
        cgroup::write(group, "cgroup.freeze", if frozen { "1" } else { "0" })
            .map_err(|errno| attempt.os("freezing its control group", errno))?;
    }
    let begun = Instant::now();
    loop {
        let mut table = jobs.table()?;
        jobs.trees(&board, &mut table);
        let by_descent = table.rows().iter().filter(|row| !row.is_dead() && row.is_member());
        let grouped = group.as_ref().map(|_| jobs.in_group(&board)).unwrap_or_default();
        let apart: Vec<_> = by_descent.filter(|row| !grouped.contains(&row.pid)).collect();
        if !frozen {
            apart.iter().for_each(|row| _ = signal(&table, row, Signal::CONT));
            return Ok(());
        }
        let running: Vec<_> = apart.into_iter().filter(|row| !row.is_stopped()).collect();
        let is_group_frozen = group.as_ref().is_none_or(|group| {
            let events = cgroup::read(group, "cgroup.events").unwrap_or_default();
            cgroup::value(&events, "frozen") != Some(0) || grouped.is_empty()
        });
        if running.is_empty() && is_group_frozen {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(attempt.fails(ErrorKind::Stalled, "some of its processes do not stand still"));
        }
        running.iter().for_each(|row| _ = signal(&table, row, Signal::STOP));
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Signals the job, for good.
fn raise(words: &Words) {
    loop {
        let state = cell::load(&words.cell);
        if state.has_waiters() {
            // What fails here fails because the entry was truncated: it has no waiters then.
            let _ = cell::raise_for_all(&words.cell, state);
            return;
        }
        if cell::change(&words.cell, state, state.with_signaled(true)) {
            return;
        }
    }
}

/// Sends a signal to the process that was seen, and to no other one that has its number by now.
fn signal(table: &Table, row: &Row, signal: Signal) -> bool {
    let Some(pid) = Pid::from_raw(row.pid as i32) else { return false };
    let Ok(process) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let is_same = table::look(table.proc(), row.pid).is_some_and(|now| now.started == row.started);
    is_same && rustix::process::pidfd_send_signal(&process, signal).is_ok()
}

fn own_namespace() -> u32 {
    own_pid_namespace() as u32
}

/// A job, and what is tried on it.
struct Jobs<'a> {
    job: &'a Synchronizer,
    attempt: &'a Attempt<'a>,
}

impl<'a> Jobs<'a> {
    fn of(job: &'a Synchronizer, attempt: &'a Attempt<'a>) -> Self {
        Self { job, attempt }
    }

    fn object(&self) -> &Object {
        match self.job.holder() {
            Holder::Named { object, .. } => object,
            Holder::Unnamed(_) => unreachable!("a job has an entry, also if it has no name"),
        }
    }

    /// A fresh description of the entry, without a lock.
    fn open(&self, writable: bool) -> Result<OwnedFd> {
        self.object()
            .open_again(writable)
            .map_err(|errno| super::sync::create::unmappable(self.attempt, errno))
    }

    /// Its board; writable if that is possible at all, and an error if it is `needed` and impossible.
    fn board(&self, needed: bool) -> Result<Mapped> {
        let mapped = match self.object().open_again(true) {
            Ok(fd) => Mapped::map(&fd, true),
            Err(_) if !needed => Mapped::map(&self.open(false)?, false),
            Err(errno) => Err(errno),
        };
        mapped.map_err(|errno| super::sync::create::unmappable(self.attempt, errno))
    }

    fn table(&self) -> Result<Table> {
        Table::of_now().map_err(|errno| self.attempt.os("reading /proc", errno))
    }

    fn group_path(&self, board: &Board) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt;
        let path = PathBuf::from(std::ffi::OsString::from_vec(board.path()?));
        // Whoever may write the board could name another group: only one that is called like this job is it.
        let is_ours = cgroup::jobs_on(&path).last() == Some(self.object().header.id.0);
        is_ours.then_some(path)
    }

    /// Its control group, if there is one at the moment. Not locked: whoever looks does not keep it.
    fn group(&self, board: &Board) -> Option<OwnedFd> {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let group = rustix::fs::open(self.group_path(board)?, flags, Mode::empty()).ok()?;
        cgroup::is_group(&group).then_some(group)
    }

    fn in_group(&self, board: &Board) -> Vec<u32> {
        let mut found = Vec::new();
        if let Some(group) = self.group(board) {
            cgroup::processes(Path::new(&own_descriptor(&group)), &mut found);
        }
        found
    }

    /// The trees that are there, and the table marked accordingly. What others may have written is looked at twice.
    fn trees(&self, board: &Board, table: &mut Table) -> Trees {
        let trees = Trees::of(board, table, own_namespace(), self.suspect());
        trees.mark(table);
        trees
    }

    /// The entry's key, if others than its owner and this user may write it.
    fn suspect(&self) -> Option<FileKey> {
        let object = self.object();
        let own = rustix::process::geteuid().as_raw();
        let mode = rustix::fs::fstat(object.entry()).map_or(0o777, |stat| stat.st_mode);
        (object.owner != own || mode & 0o077 != 0).then(|| object.key())
    }

    /// The processes that are in the job now. The table is marked.
    fn members(&self, board: &Board, table: &Table) -> Vec<u32> {
        let grouped: BTreeSet<u32> = self.in_group(board).into_iter().collect();
        let is_in = |row: &&Row| {
            !row.is_dead() && (row.is_member() || !row.is_guardian() && grouped.contains(&row.pid))
        };
        table.rows().iter().filter(is_in).map(|row| row.pid).collect()
    }

    /// Whether a process is in the job, or was until it ended.
    fn has(&self, board: &Board, table: &Table, trees: &Trees, row: &Row) -> bool {
        let in_group = || {
            let own = self.group_path(board);
            own.is_some_and(|own| {
                cgroup::of_process(&row.pid.to_string()).is_some_and(|path| path.starts_with(own))
            })
        };
        trees.have(table, row) || (!row.is_guardian() && in_group())
    }
}
