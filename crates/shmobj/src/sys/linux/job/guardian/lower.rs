//! The lower guardian, K2: the parent of the tree. It reaps, tells how the first process ended, enforces limits, and ends the tree.
//!
//! It sleeps until a signal comes: a child has ended; somebody wants it to look at the board; K1 wants the tree ended, or is gone.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Signal;

use super::super::board::{Board, News, Tree, tree};
use super::super::table::{self, GUARDIAN, OUTSIDE, Row, Table};
use super::super::{cgroup, watch};
use super::system::{self, NoWayBack, Reap};
use super::{Charge, Task, borrow, trim};
use crate::job::Breakaway;
use crate::sys::linux::sync::own_pid_namespace;
use crate::sys::linux::sync::words::Words;
use crate::test_hooks::step;

/// Tells a guardian to look at the board.
pub(in super::super) const LOOK: Signal = Signal::USR1;
/// From K1: the job is closed.
pub(super) const END: i32 = libc::SIGTERM;
/// From the kernel: K1 is gone.
const ALONE: i32 = libc::SIGHUP;
/// What must not lead into handlers of the spawner's.
pub(super) const FATAL: [i32; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];

/// What is told over the link, in the bytes of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Answer {
    /// The process is in the job, and this is its number. Its descriptor comes with it.
    Started(u32),
    /// How it ended, as `wait` tells it.
    Ended(i32),
    /// The kernel refused to start it.
    Refused(i32),
}

pub(in super::super) const TOLD_BYTES: usize = 8;

impl Answer {
    fn to_bytes(self) -> [u8; TOLD_BYTES] {
        let (sort, value) = match self {
            Self::Started(pid) => (1_u32, pid),
            Self::Ended(status) => (2, status as u32),
            Self::Refused(errno) => (3, errno as u32),
        };
        (u64::from(sort) << 32 | u64::from(value)).to_le_bytes()
    }

    pub(in super::super) fn of_bytes(bytes: [u8; TOLD_BYTES]) -> Option<Self> {
        let word = u64::from_le_bytes(bytes);
        Some(match word >> 32 {
            1 => Self::Started(word as u32),
            2 => Self::Ended(word as i32),
            3 => Self::Refused(word as i32),
            _ => return None,
        })
    }
}

/// Returns in P.
pub(super) fn run(charge: &Charge, upper: u32) {
    let way_back = NoWayBack;
    system::set_parent_death_signal(ALONE);
    // It may have died before that.
    if system::parent() != upper {
        system::exit(0);
    }
    system::become_subreaper();
    step("guardian: lower is a subreaper");
    let lower = rustix::process::getpid().as_raw_nonzero().get() as u32;
    let board: &Board = &charge.board;
    let slot = &board.roster()[charge.slot];
    let grouped = if charge.group.is_some() { tree::GROUPED } else { 0 };
    let mut ours = Tree {
        guardian: lower,
        flags: grouped,
        started: table::look_up(lower).map_or(0, |row| row.started),
        namespace: own_pid_namespace() as u32,
        ..Tree::default()
    };
    let mut watched = None;
    let ended_before = board.ended().0;
    match &charge.task {
        Task::Watch { process, pid, started } => {
            ours.flags |= tree::ASSIGNED;
            (ours.root, ours.root_started) = (*pid, *started);
            watched = Some(process.as_raw_fd());
        }
        Task::Start => {
            // Before the process is there, so that whoever ends the job meanwhile finds the tree.
            slot.fill(&ours);
            let group = charge.group.as_ref().map(|(group, _)| group.directory.as_raw_fd());
            // SAFETY: in a process with a single thread; what runs in the child makes system calls until it execs.
            match unsafe { system::fork(group) } {
                Ok(Some(pid)) => {
                    (ours.root, ours.root_started) = (pid, table::look_up(pid).map_or(0, |row| row.started));
                }
                Ok(None) => {
                    system::set_parent_death_signal(libc::SIGKILL);
                    if system::parent() != lower {
                        system::exit(0);
                    }
                    let (memory, seconds) = charge.limits;
                    if let Some(bytes) = memory {
                        system::limit(libc::RLIMIT_DATA, bytes);
                    }
                    if let Some(seconds) = seconds {
                        system::limit(libc::RLIMIT_CPU, seconds);
                    }
                    step("spawn: about to exec");
                    std::mem::forget(way_back);
                    return;
                }
                Err(errno) => {
                    slot.clear();
                    tell(charge.link.as_fd(), Answer::Refused(errno.raw_os_error()), None);
                    system::exit(0);
                }
            }
        }
    }
    step("guardian: lower has forked");
    slot.fill(&ours);
    board.count_process();
    board.tell(News::Started(ours.root));
    let process = match watched {
        Some(_) => None,
        // It is our child, and stays there until we reap it: the number is its own.
        None => pidfd(ours.root),
    };
    tell(charge.link.as_fd(), Answer::Started(ours.root), process.as_ref().map(AsFd::as_fd));
    drop(process);
    step("guardian: lower has told");
    let lower = Lower {
        board: &raw const *board,
        words: std::ptr::from_ref(charge.page.words()),
        slot: charge.slot,
        link: charge.link.as_raw_fd(),
        group: charge.group.as_ref().map(|(group, _)| group.directory.as_raw_fd()),
        upper,
        watched,
        ours,
        ended_before,
    };
    let needed = [charge.board.range().start, std::ptr::from_ref(charge.page.words()) as usize];
    lower.keep(needed)
}

/// In K, the one guardian of what is let out of a job. Returns in P.
///
/// It is there so that what the process starts can be told from what is in the job. If it is killed, that cannot be told any more.
pub(super) fn run_outside(link: &OwnedFd) -> Result<(), Errno> {
    let way_back = NoWayBack;
    let mask = system::block_signals();
    let ignored = system::stop_ignoring_children();
    system::set_name(OUTSIDE);
    system::become_subreaper();
    // SAFETY: in a process with a single thread; what runs in the child makes system calls until it execs.
    let root = match unsafe { system::fork(None) } {
        Ok(Some(pid)) => pid,
        Ok(None) => {
            mask.restore();
            if ignored {
                system::ignore_children();
            }
            std::mem::forget(way_back);
            return Ok(());
        }
        Err(errno) => {
            tell(link.as_fd(), Answer::Refused(errno.raw_os_error()), None);
            system::exit(0);
        }
    };
    let process = pidfd(root);
    tell(link.as_fd(), Answer::Started(root), process.as_ref().map(AsFd::as_fd));
    let link = link.as_raw_fd();
    let Ok(signals) = system::signal_descriptor(&[libc::SIGCHLD]) else { system::exit(1) };
    let signals = signals.as_raw_fd();
    system::close_all_but(&mut [link, signals]);
    system::set_default(&FATAL);
    let local = 0_u8;
    // SAFETY: from here on only what is on this stack and in the program's variables is used.
    unsafe { trim::trim(&[&raw const local as usize, system::thread_memory()]) };
    loop {
        system::poll(&[signals], None);
        while system::next_signal(borrow(signals)).is_some() {}
        loop {
            match system::reap() {
                Reap::One(reaped) if reaped.pid == root => tell_status(borrow(link), reaped.status),
                Reap::One(_) => {}
                Reap::NobodyYet => break,
                Reap::NoChildren => system::exit(0),
            }
        }
    }
}

struct Lower {
    board: *const Board,
    words: *const Words,
    slot: usize,
    link: RawFd,
    group: Option<RawFd>,
    upper: u32,
    /// A process that is not our child, by its descriptor.
    watched: Option<RawFd>,
    ours: Tree,
    /// How often the job had been ended when this tree began.
    ended_before: u32,
}

impl Lower {
    fn board(&self) -> &Board {
        // SAFETY: mapped until this process ends.
        unsafe { &*self.board }
    }

    fn keep(mut self, [board, words]: [usize; 2]) -> ! {
        // The name comes with K1's, but for what came before it.
        system::set_name(GUARDIAN);
        system::set_default(&FATAL);
        let wanted = [libc::SIGCHLD, LOOK.as_raw(), END, ALONE];
        let Ok(signals) = system::signal_descriptor(&wanted) else { system::exit(1) };
        let signals = signals.as_raw_fd();
        let unused = -1;
        let mut kept = [self.link, signals, self.group.unwrap_or(unused), self.watched.unwrap_or(unused)];
        system::close_all_but(&mut kept);
        // SAFETY: from here on only what is on this stack, in the program's variables and on the board is used.
        unsafe { trim::trim(&[&raw const self as usize, system::thread_memory(), board, words]) };
        let mut watch = watch::Watch::new(self.group);
        loop {
            let time = watch.next_look(self.board());
            match self.watched {
                Some(process) => system::poll(&[signals, process], time),
                None => system::poll(&[signals], time),
            }
            while let Some((signal, sender)) = system::next_signal(borrow(signals)) {
                if signal == END && sender == self.upper {
                    self.end_job(); // J1
                }
            }
            if system::parent() != self.upper {
                self.end_tree(); // J2
            }
            if self.board().ended().0 != self.ended_before {
                self.end_job();
            }
            self.reap();
            if watch.enforce(self.board(), self.ours.guardian) {
                self.end_job();
            }
        }
    }

    /// Reaps who has ended. If nobody is left, so ends this process.
    fn reap(&mut self) {
        loop {
            match system::reap() {
                Reap::One(reaped) => {
                    self.board().tell(News::Ended(reaped.pid));
                    if reaped.pid == self.ours.root && self.watched.is_none() {
                        tell_status(borrow(self.link), self.told(reaped.status));
                    } else {
                        self.board().count_process(); // one that has detached itself, and that nobody has counted
                    }
                }
                Reap::NobodyYet => return,
                Reap::NoChildren => break,
            }
        }
        if let Some(process) = self.watched {
            if !system::has_ended(borrow(process)) {
                return;
            }
            self.board().tell(News::Ended(self.ours.root));
        }
        self.leave()
    }

    /// How the first process has ended: by what ended it, the code with which the job was.
    fn told(&self, status: i32) -> i32 {
        let (times, code) = self.board().ended();
        let was_killed = status & 0x7f == libc::SIGKILL;
        if was_killed && times != self.ended_before { (code as i32 & 0xff) << 8 } else { status }
    }

    /// All processes of the job, at once where the kernel can do that, and then those of this tree.
    fn end_job(&mut self) -> ! {
        if let Some(group) = self.group {
            let _ = cgroup::kill(borrow(group));
        }
        self.end_tree()
    }

    /// Kills what descends from this process until nothing does. What is forked meanwhile is found by the next look, and nobody but us
    /// can become its parent.
    fn end_tree(&mut self) -> ! {
        let Ok(mut table) = Table::new() else { system::exit(1) };
        loop {
            let killed = kill_tree(&mut table, self.board(), &self.ours, self.ours.guardian);
            self.reap();
            if killed == 0 && self.board().breakaway() != Breakaway::Denied {
                self.leave(); // what is left was let out
            }
            system::poll(&[], Some(Duration::from_millis(1)));
        }
    }

    fn leave(&self) -> ! {
        let (user, system) = system::times_of_children();
        let board = self.board();
        board.roster()[self.slot].clear();
        board.add_past_times(user, system);
        // Whoever ended the job signals it as well, if it lives so long.
        if board.ended().0 != self.ended_before && !watch::has_others(board) {
            // SAFETY: mapped until this process ends.
            super::super::raise(unsafe { &*self.words });
        }
        system::exit(0)
    }
}

/// Kills what belongs to a tree, and descends from this guardian or from the process that was assigned. How many that were.
pub(super) fn kill_tree(table: &mut Table, board: &Board, tree: &Tree, guardian: u32) -> usize {
    if table.read().is_err() {
        return 0;
    }
    let breakaway = board.breakaway();
    let is_root = |row: &Row| row.pid == tree.root && row.started == tree.root_started;
    let is_out = |row: &Row| breakaway == Breakaway::Allowed && row.command() == OUTSIDE;
    let is_doomed = |row: &&Row| {
        !row.is_dead()
            && (is_root(row)
                || breakaway != Breakaway::Silent
                    && (table.descends(row, guardian, is_out)
                        || tree.is_assigned() && table.descends(row, tree.root, is_out)))
    };
    table.rows().iter().filter(is_doomed).filter(|row| super::super::signal(table, row, Signal::KILL)).count()
}

fn pidfd(pid: u32) -> Option<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(pid as i32)?;
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

pub(super) fn tell_status(link: BorrowedFd<'_>, status: i32) {
    tell(link, Answer::Ended(status), None);
}

/// The spawner may be gone, or not read: then nobody wants to know.
fn tell(link: BorrowedFd<'_>, answer: Answer, descriptor: Option<BorrowedFd<'_>>) {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.map(|fd| [fd]);
    if let Some(descriptors) = &descriptors {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let bytes = answer.to_bytes();
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let _ = rustix::net::sendmsg(link, &[std::io::IoSlice::new(&bytes)], &mut ancillary, flags);
}
