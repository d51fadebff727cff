//! Putting processes into jobs.
#![allow(unsafe_code)] // runs code between fork and exec

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::board::News;
use super::cgroup::{self, Group};
use super::child::{self, Child};
use super::guardian::{self, Answer, Charge, Task};
use super::lock::Lock;
use super::members::{Trees, is_there};
use super::nesting::{self, innermost, may_join};
use super::table::{MOST_OUTSIDE, Table};
use super::{Jobs, Pipes, own_namespace};
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::job::{Breakaway, Limit, Limits};
use crate::sys::linux::object::Object;
use crate::sys::linux::proc;
use crate::sys::linux::transfer::above_standard;
use crate::test_hooks::step;

/// Starts a process in a job.
pub(super) fn spawn(job: &Jobs<'_>, command: &mut Command) -> Result<(Child, Pipes)> {
    let attempt = job.attempt;
    let own = std::process::id();
    let entering = Entering::begin(job, own)?;
    if entering.is_full(1) {
        entering.refuse();
        return Err(full(attempt, entering.limits.max_processes));
    }
    let group = entering.group(own);
    let (ours, theirs) = link(attempt)?;
    let charge = entering.charge(group, theirs, Task::Start)?;
    start(attempt, command, ours, move || guardian::start(&charge))
}

/// Starts a process outside of the jobs that this process is in, from the innermost one on as far as they permit it (JC-3). They have to permit it as far as this one.
pub(super) fn spawn_outside(job: &Jobs<'_>, command: &mut Command) -> Result<(Child, Pipes)> {
    let attempt = job.attempt;
    let table = job.table()?;
    let around = nesting::around(&table, std::process::id());
    let left: Vec<_> = around.iter().take_while(|around| around.permits).collect();
    let levels = left.iter().filter(|around| around.by_descent).count().min(MOST_OUTSIDE);
    let left: Vec<_> = left.into_iter().map(|around| around.id).collect();
    let id = job.object().header.id.0;
    if around.iter().any(|around| around.id == id) && !left.contains(&id) {
        return Err(attempt
            .fails(ErrorKind::AccessDenied, "it, or a job inside of it, does not let processes start outside") // JC-2
            .with_remedy("create it with Breakaway::Allowed"));
    }
    let (ours, theirs) = link(attempt)?;
    let group = match left.is_empty() {
        true => None,
        false => cgroup::of_process("self").and_then(|path| cgroup::outside_of(&path, &left)),
    };
    let group = group.and_then(|path| open_directory(&path).ok());
    start(attempt, command, ours, move || guardian::start_outside(&theirs, levels, group.as_ref()))
}

/// Runs the command with a detour between fork and exec, and hears from the guardians what became of it.
fn start(
    attempt: &Attempt<'_>,
    command: &mut Command,
    link: OwnedFd,
    detour: impl FnMut() -> Result<(), Errno> + Send + Sync + 'static,
) -> Result<(Child, Pipes)> {
    // A command keeps what it is to run between fork and exec for ever. It is used once, and what it has goes with it.
    let detour = Arc::new(Mutex::new(Some(detour)));
    let once = detour.clone();
    let run = move || match &mut *once.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(detour) => detour().map_err(std::io::Error::from),
        None => Ok(()),
    };
    // SAFETY: what runs there makes system calls only, and the lock is not taken by anybody else meanwhile.
    unsafe { command.pre_exec(run) };
    let spawned = command.spawn();
    drop(detour.lock().unwrap_or_else(PoisonError::into_inner).take());
    let mut forked = spawned.map_err(|error| not_started(attempt, error))?;
    let pipes = (forked.stdin.take(), forked.stdout.take(), forked.stderr.take());
    let _ = forked.wait(); // C, which has ended
    match child::receive(&link, true) {
        Ok(Some((Answer::Started(pid), process))) => Ok((Child::new(pid, process, link), pipes)),
        Ok(Some((Answer::Refused(errno), _))) => Err(refused(attempt, errno)),
        Ok(Some((Answer::Unfit(errno), _))) => Err(unfit(attempt, errno)),
        Ok(_) => Err(attempt.fails(ErrorKind::Other, "its guardians were killed while it started")),
        Err(errno) => Err(attempt.os("listening to its guardians", errno)),
    }
}

/// A guardian was not able to do its work.
fn refused(attempt: &Attempt<'_>, errno: i32) -> Error {
    if errno == guardian::UNSEEN.raw_os_error() {
        return attempt
            .fails(ErrorKind::NotSupported, "its guardians do not find themselves in /proc")
            .with_remedy("see whether the command enters another PID namespace or root before, and whether descriptors are free");
    }
    not_started(attempt, std::io::Error::from_raw_os_error(errno))
}

fn not_started(attempt: &Attempt<'_>, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => attempt
            .fails_by(error, "the program or its directory was not found")
            .with_remedy("look at its path, and at PATH"),
        std::io::ErrorKind::PermissionDenied => attempt
            .fails_by(error, "the program cannot be run")
            .with_remedy("look at its rights, and those of its directories"),
        std::io::ErrorKind::WouldBlock => {
            attempt.fails_by(error, "there are as many processes as there may be").with_remedy(
                "end some, or raise the limit of the job, of its control group or of the user (ulimit -u)",
            )
        }
        _ => attempt.fails_by(error, "starting the program"),
    }
}

/// Guardians that could not end their tree do not begin one.
fn unfit(attempt: &Attempt<'_>, errno: i32) -> Error {
    attempt
        .fails(
            ErrorKind::NotSupported,
            "the system refuses what its guardians need: prctl, pidfd_open, pidfd_send_signal, signalfd4 or waitid",
        )
        .with_source(std::io::Error::from_raw_os_error(errno))
        .with_remedy("permit them in the filter of system calls (seccomp) that this process has")
}

fn full(attempt: &Attempt<'_>, limit: Option<u32>) -> Error {
    let limit = limit.unwrap_or_default();
    attempt
        .fails(ErrorKind::Quota, format!("it has as many processes as it may have: {limit}"))
        .with_remedy("wait until some have ended, or raise the limit")
}

/// Puts a running process into a job.
pub(super) fn assign(job: &Jobs<'_>, pid: u32) -> Result<()> {
    let attempt = job.attempt;
    let process = open_process(attempt, pid)?;
    let entering = Entering::begin(job, pid)?;
    let row = entering.table.find(pid).copied().filter(|row| !row.is_dead()).ok_or_else(|| {
        attempt
            .fails(ErrorKind::AccessDenied, format!("process {pid} has ended")) // JA-6
            .with_remedy("assign it while it runs")
    })?;
    if entering.trees.have(&entering.table, &row) {
        return Ok(()); // JA-2
    }
    // It may be in the group and have no guardians: who put it there was killed before they were started.
    let is_in = job.has(&entering.board, &entering.table, &entering.trees, &row);
    if entering.is_full(usize::from(!is_in)) {
        let _ = rustix::process::pidfd_send_signal(&process, Signal::KILL); // JA-11
        entering.refuse();
        return Err(full(attempt, entering.limits.max_processes));
    }
    let group = entering
        .group(pid)
        .filter(|group| cgroup::write(&group.directory, "cgroup.procs", &pid.to_string()).is_ok());
    step("assign: in the group");
    super::limit_process(pid, &entering.limits);
    let (ours, theirs) = link(attempt)?;
    let task = Task::Watch { process, pid, started: row.started };
    let charge = entering.charge(group, theirs, task)?;
    guardian::start_to_watch(&charge).map_err(|errno| attempt.os("starting its guardians", errno))?;
    drop(charge);
    match child::receive(&ours, true) {
        Ok(Some((Answer::Started(_), _))) => Ok(()),
        Ok(Some((Answer::Refused(errno), _))) => Err(refused(attempt, errno)),
        Ok(Some((Answer::Unfit(errno), _))) => Err(unfit(attempt, errno)),
        Ok(_) => Err(attempt.fails(ErrorKind::Other, "its guardians were killed while they started")),
        Err(errno) => Err(attempt.os("listening to its guardians", errno)),
    }
}

fn open_process(attempt: &Attempt<'_>, pid: u32) -> Result<OwnedFd> {
    let none = || {
        attempt
            .fails(ErrorKind::InvalidParameter, format!("there is no process {pid}"))
            .with_remedy("look at its number")
    };
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(none)?;
    let process = rustix::process::pidfd_open(number, PidfdFlags::empty()).map_err(|errno| match errno {
        Errno::SRCH | Errno::INVAL | Errno::NOENT => none(),
        errno => attempt.os("opening the process", errno),
    })?;
    rustix::process::test_kill_process(number).map_err(|errno| match errno {
        Errno::SRCH => none(),
        _ => attempt
            .fails(ErrorKind::AccessDenied, format!("process {pid} is another user's")) // JA-8
            .with_remedy("have that user assign it"),
    })?;
    Ok(process)
}

/// A job while a process is being put into it: nobody else does that meanwhile.
struct Entering<'a> {
    job: &'a Jobs<'a>,
    board: Arc<super::board::Mapped>,
    limits: Limits,
    table: Table,
    trees: Box<Trees>,
    slot: usize,
    /// The job around who enters.
    around: Option<[u8; 16]>,
    lock: Lock,
}

impl<'a> Entering<'a> {
    /// `pid` is who enters, or who starts what does.
    fn begin(job: &'a Jobs<'a>, pid: u32) -> Result<Self> {
        let attempt = job.attempt;
        if !proc::is_ours() {
            return Err(attempt
                .fails(ErrorKind::NotSupported, "/proc is missing, or shows another PID namespace")
                .with_remedy("mount it: jobs find their processes there"));
        }
        let lock = Lock::take(attempt, job.open(true)?)?;
        let board = Arc::new(job.board(true)?);
        let mut table = job.table()?;
        let trees = Box::new(job.trees(&board, &mut table));
        let is_in = table.find(pid).is_some_and(|row| job.has(&board, &table, &trees, row));
        let around = innermost(&table, pid).filter(|id| *id != job.object().header.id.0);
        if !is_in && !may_join(&board, around) {
            return Err(attempt
                .fails(
                    ErrorKind::AccessDenied,
                    "it has or had processes outside of the job that this process is in", // JA-5
                )
                .with_remedy("use a new job"));
        }
        let namespace = own_namespace();
        let is_free = |slot: &super::board::Slot| match slot.read() {
            None => true,
            Some(tree) => tree.namespace == namespace && !is_there(&table, &tree, job.suspect()),
        };
        let slot = board.roster().iter().position(is_free).ok_or_else(|| {
            attempt
                .fails(
                    ErrorKind::NoResources,
                    "so many processes were started in it or assigned to it that still run",
                )
                .with_remedy("start them by one that is in the job, or use several jobs")
        })?;
        Ok(Self { job, limits: board.limits(), board, table, trees, slot, around, lock })
    }

    /// Whether there is no room for so many more.
    fn is_full(&self, more: usize) -> bool {
        let Some(limit) = self.limits.max_processes else { return false };
        self.job.members(&self.board, &self.table).len() + more > limit as usize
    }

    /// Somebody was not let in: that counts (JQ-4), and is told.
    fn refuse(&self) {
        self.board.count_process();
        self.board.count_terminated(1);
        self.board.tell(News::Hit(Limit::Processes));
    }

    /// The job's control group; made when the first process comes, inside of the one that it is in if that is a job's.
    fn group(&self, pid: u32) -> Option<Group> {
        use std::os::unix::ffi::OsStrExt;
        if self.limits.breakaway == Breakaway::Silent {
            return None; // in a group, all that a process starts is inside
        }
        let path = match self.job.group_path(&self.board) {
            Some(path) => path,
            None => {
                let current = cgroup::of_process(&pid.to_string());
                let around = current.filter(|path| cgroup::jobs_on(path).next().is_some());
                let parent = cgroup::parent().ok().map(|parent| around.unwrap_or(parent))?;
                if let Ok(parent) = open_directory(&parent) {
                    cgroup::sweep(parent.as_fd());
                }
                cgroup::directory_of(&parent, &self.job.object().header.id.to_string())
            }
        };
        let group = Group::open(&path).ok()?;
        group.limit(&self.limits);
        self.board.set_path(path.as_os_str().as_bytes()).then_some(group)
    }

    fn charge(self, group: Option<Group>, link: OwnedFd, task: Task) -> Result<Charge> {
        let attempt = self.job.attempt;
        let object = self.job.object();
        let os = |errno| attempt.os("opening what its guardians need", errno);
        let group = match group {
            Some(group) => {
                let parent = open_directory(group.path.parent().unwrap_or(Path::new("/"))).map_err(os)?;
                let directory = above_standard(group.directory).map_err(os)?;
                Some((Group { directory, ..group }, above_standard(parent).map_err(os)?))
            }
            None => None,
        };
        if self.board.parent().is_none() {
            self.board.set_parent(self.around);
        }
        Ok(Charge {
            board: self.board.clone(),
            page: object.page(true).map_err(os)?.clone(),
            slot: self.slot,
            entry: above_standard(self.job.open(true)?).map_err(os)?,
            home: home(object).map_err(os)?,
            key: object.key(),
            group,
            link: above_standard(link).map_err(os)?,
            task,
            limits: (self.limits.process_memory, self.limits.process_cpu_time.map(whole_seconds)),
            lock: self.lock,
            suspect: self.job.suspect(),
        })
    }
}

/// The kernel counts whole seconds.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn home(object: &Object) -> Result<Option<(OwnedFd, [u8; 256])>, Errno> {
    let Some((directory, file)) = object.place() else { return Ok(None) };
    let mut name = [0; 256];
    let bytes = file.to_bytes();
    name[..bytes.len()].copy_from_slice(bytes); // names of files have at most 255 bytes
    Ok(Some((rustix::io::fcntl_dupfd_cloexec(directory.as_fd(), 3)?, name)))
}

pub(super) fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    use rustix::fs::{Mode, OFlags};
    rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Two ends: the spawner's and the guardians'.
fn link(attempt: &Attempt<'_>) -> Result<(OwnedFd, OwnedFd)> {
    rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(|errno| attempt.os("making a socket for its guardians", errno))
}
