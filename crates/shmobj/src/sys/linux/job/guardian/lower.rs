//! The lower guardian, K2: the parent of the tree. It reaps, tells how the first process ended, enforces limits, and ends the tree.
//!
//! It sleeps until a signal comes: a child has ended; somebody wants it to look at the board; K1 wants the tree ended, or is gone.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{Acquire, Release};

use rustix::io::Errno;
use rustix::process::Signal;

use super::super::board::{Board, News, Tree, tree};
use super::super::members::Trees;
use super::super::table::{self, GUARDIAN, MOST_OUTSIDE, OUTSIDE, Row, Table};
use super::super::{cgroup, watch};
use super::system::{self, Led, NoWayBack, Pause, Reap, Reaped};
use super::{Charge, Place, Task, borrow, trim};
use crate::job::{Breakaway, Limit};
use crate::sys::linux::namespace::FileKey;
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
    /// The kernel, or a filter of system calls, refuses what guardians cannot do without. Nothing was started.
    Unfit(i32),
}

/// Why a guardian refuses that does not find itself in /proc.
pub(in super::super) const UNSEEN: Errno = Errno::OPNOTSUPP;

pub(in super::super) const TOLD_BYTES: usize = 8;

impl Answer {
    fn to_bytes(self) -> [u8; TOLD_BYTES] {
        let (sort, value) = match self {
            Self::Started(pid) => (1_u32, pid),
            Self::Ended(status) => (2, status as u32),
            Self::Refused(errno) => (3, errno as u32),
            Self::Unfit(errno) => (4, errno as u32),
        };
        (u64::from(sort) << 32 | u64::from(value)).to_le_bytes()
    }

    pub(in super::super) fn of_bytes(bytes: [u8; TOLD_BYTES]) -> Option<Self> {
        let word = u64::from_le_bytes(bytes);
        Some(match word >> 32 {
            1 => Self::Started(word as u32),
            2 => Self::Ended(word as i32),
            3 => Self::Refused(word as i32),
            4 => Self::Unfit(word as i32),
            _ => return None,
        })
    }
}

/// Returns in P.
pub(super) fn run(charge: &Charge, upper: u32) {
    let way_back = NoWayBack;
    // Without the one it would not notice that it is alone, without the other its tree could leave it.
    let is_fit = system::set_parent_death_signal(ALONE).and_then(|()| system::become_subreaper());
    if let Err(errno) = is_fit {
        refuse(charge, Answer::Unfit(errno.raw_os_error()));
    }
    // It may have died before that.
    if system::parent() != upper {
        system::exit(0);
    }
    // Before anything runs that could then not be guarded.
    let wanted = [libc::SIGCHLD, LOOK.as_raw(), END, ALONE];
    let signals = match system::signal_descriptor(&wanted) {
        Ok(signals) => signals,
        Err(errno) => refuse(charge, Answer::Refused(errno.raw_os_error())),
    };
    step("guardian: lower is a subreaper");
    let lower = rustix::process::getpid().as_raw_nonzero().get() as u32;
    // What a command runs before this may have put us where /proc is another one, or none, or where no descriptor is free: nobody would find the tree.
    let Some(own) = table::look_up(lower).filter(|row| row.parent == upper) else {
        refuse(charge, Answer::Refused(UNSEEN.raw_os_error()))
    };
    let board: &Board = &charge.board;
    let slot = &board.roster()[charge.slot];
    let grouped = if charge.group.is_some() { tree::GROUPED } else { 0 };
    let mut ours = Tree {
        guardian: lower,
        flags: grouped,
        started: own.started,
        namespace: own_pid_namespace() as u32,
        ..Tree::default()
    };
    let mut watched = None;
    // Before the tree is on the roster: whoever ends the job after that finds the tree, or has told it.
    let ended_before = board.ended().0;
    match &charge.task {
        Task::Watch { process, pid, started } => {
            ours.flags |= tree::ASSIGNED;
            (ours.root, ours.root_started) = (*pid, *started);
            watched = Some(process.as_raw_fd());
            slot.fill(&ours);
        }
        Task::Start => {
            slot.fill(&ours); // before the process is there
            match fork_into(&mut ours, Place::of(charge)) {
                Ok(Some(pid)) => {
                    (ours.root, ours.root_started) = (pid, table::look_up(pid).map_or(0, |row| row.started));
                }
                Ok(None) => {
                    system::set_name(b"shmobj-spawn"); // no guardian any more
                    let is_set = system::set_parent_death_signal(libc::SIGKILL).is_ok();
                    if !is_set || system::parent() != lower {
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
                    refuse(charge, Answer::Refused(errno.raw_os_error()));
                }
            }
        }
    }
    step("guardian: lower has forked");
    slot.set_root(&ours);
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
        group: Place::of(charge),
        upper,
        watched,
        suspect: charge.suspect,
        ours,
        table: None,
        root_runs: watched.is_none(),
        signals: signals.as_raw_fd(),
        ended_before,
    };
    let needed = [charge.board.range().start, std::ptr::from_ref(charge.page.words()) as usize];
    lower.keep(needed)
}

/// In K, the one guardian of what is let out of a job. Returns in P.
///
/// It is there so that what the process starts can be told from what is in the job. If it is killed, that cannot be told any more.
pub(super) fn run_outside(link: &OwnedFd, left: usize, led: Led) -> Result<(), Errno> {
    let way_back = NoWayBack;
    let mask = system::block_signals();
    let ignored = system::stop_ignoring_children();
    let mut name = [0; 15];
    name[..OUTSIDE.len()].copy_from_slice(OUTSIDE);
    name[OUTSIDE.len()] = b'0' + left.min(MOST_OUTSIDE) as u8;
    system::set_name(&name);
    if let Err(errno) = system::become_subreaper() {
        tell(link.as_fd(), Answer::Unfit(errno.raw_os_error()), None);
        system::exit(0);
    }
    // SAFETY: in a process with a single thread; what runs in the child makes system calls until it execs.
    let root = match unsafe { system::fork(None) } {
        Ok(Some(pid)) => pid,
        Ok(None) => {
            mask.restore();
            if ignored {
                system::ignore_children();
            }
            led.inherit();
            std::mem::forget(way_back);
            return Ok(());
        }
        Err(errno) => {
            tell(link.as_fd(), Answer::Refused(errno.raw_os_error()), None);
            system::exit(0);
        }
    };
    system::detach();
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
            match system::reap(|_| {}) {
                Reap::One(reaped) if reaped.pid == root => tell_status(borrow(link), reaped.status),
                Reap::One(_) => {}
                Reap::NobodyYet => break,
                Reap::NoChildren => system::exit(0),
            }
        }
    }
}

/// Into the job's control group, unless this user may not put anything there from where we are: then the tree is kept together by descent.
fn fork_into(ours: &mut Tree, group: Option<Place>) -> Result<Option<u32>, Errno> {
    if let Some(group) = group {
        // SAFETY: in a process with a single thread; what runs in the child makes system calls until it execs.
        match unsafe { system::fork(Some(group.directory)) } {
            Err(Errno::AGAIN | Errno::NOMEM) => return Err(Errno::AGAIN), // no more processes
            Err(_) => ours.flags &= !tree::GROUPED,
            forked => return forked,
        }
    }
    // SAFETY: as above.
    unsafe { system::fork(None) }
}

struct Lower {
    board: *const Board,
    words: *const Words,
    slot: usize,
    link: RawFd,
    group: Option<Place>,
    upper: u32,
    /// A process that is not our child, by its descriptor.
    watched: Option<RawFd>,
    suspect: Option<FileKey>,
    /// As this process knows it: what the board says others may have written.
    ours: Tree,
    table: Option<Table>,
    /// The root is our child, and has not been reaped.
    root_runs: bool,
    /// Readable when a signal has come.
    signals: RawFd,
    /// How often the job had been ended when this tree began.
    ended_before: u32,
}

impl Lower {
    fn board(&self) -> &Board {
        // SAFETY: mapped until this process ends.
        unsafe { &*self.board }
    }

    fn keep(mut self, [board, words]: [usize; 2]) -> ! {
        system::detach();
        // The name comes with K1's, but for what came before it.
        system::set_name(GUARDIAN);
        system::set_default(&FATAL);
        let signals = self.signals;
        let unused = -1;
        let (group, parent) = self.group.map_or((unused, unused), |place| (place.directory, place.parent));
        let mut kept = [self.link, signals, group, parent, self.watched.unwrap_or(unused)];
        system::close_all_but(&mut kept);
        // SAFETY: from here on only what is on this stack, in the program's variables and on the board is used.
        unsafe { trim::trim(&[&raw const self as usize, system::thread_memory(), board, words]) };
        system::go_first();
        // Without it this process could end nothing: then K1 does, at once.
        let Ok(table) = Table::new() else { system::exit(1) };
        self.table = Some(table);
        LOWER.store(&raw mut self, Release);
        system::handle(libc::SIGBUS, board_is_gone);
        let mut watch = watch::Watch::new(self.group.map(|place| place.directory), self.suspect);
        loop {
            if self.board().ended().0 != self.ended_before {
                self.end_job();
            }
            let time = watch.next_look(self.board());
            match self.watched {
                Some(process) => system::poll(&[signals, process], time),
                None => system::poll(&[signals], time),
            }
            while let Some((signal, sender)) = system::next_signal(borrow(signals)) {
                if signal == END && sender == self.upper {
                    self.end_tree(); // J1
                }
            }
            if system::parent() != self.upper {
                self.end_tree(); // J2
            }
            self.reap();
            // Another guardian may have found just what this one would.
            if self.board().ended().0 != self.ended_before {
                self.end_job();
            }
            if watch.enforce(self.board(), self.ours.guardian) {
                self.end_job();
            }
        }
    }

    /// Reaps who has ended. If nobody is left, so ends this process.
    fn reap(&mut self) {
        loop {
            match system::reap(|pid| self.board().tell(News::Ended(pid))) {
                Reap::One(reaped) if reaped.pid == self.ours.root && self.watched.is_none() => {
                    self.root_runs = false;
                    self.note_time_limit(&reaped);
                    tell_status(borrow(self.link), self.told(reaped.status));
                }
                // One that has detached itself, and that nobody has counted.
                Reap::One(reaped) if !reaped.is_guardian => {
                    self.board().count_unseen(reaped.started, reaped.pid);
                }
                Reap::One(_) => {}
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

    /// The kernel has ended it because it had used up its own time.
    fn note_time_limit(&self, reaped: &Reaped) {
        let limit = self.board().limits().process_cpu_time;
        // It counts ticks, which is less exact, and nobody else kills for having used so much.
        let limit = limit.map(|limit| limit / 2);
        let was_killed = matches!(reaped.status & 0x7f, libc::SIGKILL | libc::SIGXCPU);
        if was_killed && limit.is_some_and(|limit| u128::from(reaped.used) >= limit.as_nanos()) {
            self.board().count_terminated(1);
            self.board().tell(News::Hit(Limit::ProcessCpuTime(reaped.pid)));
        }
    }

    /// All processes of the job. First those of this tree, one by one, so that guardians of inner jobs see their own end and tidy up; where that
    /// does not lead to the end, all at once, as the kernel can with a control group.
    fn end_job(&mut self) -> ! {
        self.end(self.group)
    }

    fn end_tree(&mut self) -> ! {
        self.end(None)
    }

    /// Most trees are one process, whose end needs no look at all others.
    fn end_root(&mut self) {
        if self.root_runs {
            system::kill(self.ours.root, libc::SIGKILL); // our child, not reaped yet: the number is its own
            system::poll(&[self.signals], Some(std::time::Duration::from_millis(20)));
            self.reap();
        }
    }

    /// Kills what descends from this process until nothing does. What is forked meanwhile is found by the next look, and nobody but us
    /// can become its parent.
    fn end(&mut self, group: Option<Place>) -> ! {
        step("ending: lower has been told");
        self.end_root();
        let breakaway = self.board().breakaway();
        let mut pause = Pause::new();
        let mut looks = 0;
        let mut empty_looks = 0;
        loop {
            self.reap(); // what has ended is not looked at again
            let ours = self.ours;
            let killed =
                self.table.as_mut().map(|table| kill_tree(table, breakaway, &ours, ours.guardian, looks));
            empty_looks = if killed == Some(Ok(0)) { empty_looks + 1 } else { 0 };
            looks += 1;
            // What is left was let out: two looks, as one may miss who has just got another parent.
            if empty_looks > 1 && breakaway != Breakaway::Denied {
                self.leave();
            }
            if let Some(place) = group.filter(|_| looks > PATIENT_LOOKS) {
                let _ = cgroup::kill(borrow(place.directory));
            }
            pause.make();
        }
    }

    fn leave(&self) -> ! {
        step("ending: tree is gone");
        let (user, system) = system::times_of_children();
        let board = self.board();
        board.roster()[self.slot].clear();
        board.add_past_times(user, system);
        // If K1 is gone, nobody else does it.
        if let Some(place) = self.group.filter(|_| system::parent() != self.upper) {
            place.remove();
        }
        // Whoever ended the job signals it as well, if it lives so long.
        if board.ended().0 != self.ended_before && !watch::has_others(board, self.suspect) {
            // SAFETY: mapped until this process ends.
            super::super::raise(unsafe { &*self.words });
        }
        system::exit(0)
    }
}

/// After so many looks the kernel ends all at once, and guardians of inner jobs are not spared any more.
const PATIENT_LOOKS: u32 = 10;

/// Somebody has truncated the entry: nobody can say any more what is to become of the job, so this tree ends, by what this process knows itself.
extern "C" fn board_is_gone(_signal: i32) {
    // SAFETY: on the stack of `keep`, which never returns, and was interrupted for good.
    let lower = unsafe { &mut *LOWER.load(Acquire) };
    let Some(table) = &mut lower.table else { system::exit(1) };
    end_blindly(table, &lower.ours, lower.ours.guardian, lower.link)
}

/// Ends what descends from a guardian, and what was assigned, without a look at the board.
pub(super) fn end_blindly(table: &mut Table, tree: &Tree, guardian: u32, link: RawFd) -> ! {
    let mut pause = Pause::new();
    for looks in 0.. {
        let killed = kill_tree(table, Breakaway::Denied, tree, guardian, looks);
        loop {
            match system::reap(|_| {}) {
                Reap::One(reaped) if reaped.pid == tree.root => tell_status(borrow(link), reaped.status),
                Reap::One(_) => {}
                Reap::NoChildren if killed == Ok(0) => system::exit(1),
                Reap::NobodyYet | Reap::NoChildren => break,
            }
        }
        pause.make();
    }
    system::exit(1)
}

static LOWER: AtomicPtr<Lower> = AtomicPtr::new(std::ptr::null_mut());

/// Kills what belongs to a tree, and descends from this guardian or from the process that was assigned. How many there were.
///
/// `looks`: how many there have been. Guardians of inner jobs are left to end by themselves for a while, as they do when what they guard has.
pub(super) fn kill_tree(
    table: &mut Table,
    breakaway: Breakaway,
    tree: &Tree,
    guardian: u32,
    looks: u32,
) -> Result<usize, Errno> {
    let trees = Trees::one(Tree { guardian, ..*tree }, breakaway);
    table.read()?;
    trees.mark(table);
    if tree.is_assigned() {
        // Its children would be nobody's that we know if it died before they are seen: all stand still first.
        for _ in 0..100 {
            let runs = |row: &&Row| row.mark.belongs && !row.is_dead() && !row.is_stopped();
            let stop = |row: &&Row| super::super::signal(table, row, Signal::STOP);
            if table.rows().iter().filter(runs).filter(stop).count() == 0 {
                break;
            }
            table.read()?;
            trees.mark(table);
        }
    }
    let table = &*table;
    let is_spared = |row: &Row| row.is_guardian() && looks < PATIENT_LOOKS;
    let kill = |row: &&Row| is_spared(row) || super::super::signal(table, row, Signal::KILL);
    let is_doomed = |row: &&Row| row.mark.belongs && !row.is_dead();
    Ok(table.rows().iter().filter(is_doomed).filter(kill).count())
}

fn pidfd(pid: u32) -> Option<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(pid as i32)?;
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

/// Nothing is started, and the spawner is told why.
pub(super) fn refuse(charge: &Charge, answer: Answer) -> ! {
    if let Some(place) = Place::of(charge) {
        place.remove();
    }
    tell(charge.link.as_fd(), answer, None);
    system::exit(0)
}

pub(super) fn tell_status(link: BorrowedFd<'_>, status: i32) {
    tell(link, Answer::Ended(status), None);
}

/// The spawner may be gone, or not read: then nobody wants to know.
pub(super) fn tell(link: BorrowedFd<'_>, answer: Answer, descriptor: Option<BorrowedFd<'_>>) {
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
