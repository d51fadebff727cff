//! System calls that nothing else offers, or that have to be made without the C library's own record of processes and signals.
#![allow(unsafe_code)] // raw system calls

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::PidfdFlags;

use super::super::table::look_up;

/// Forks without the handlers that the process has for that: they are about threads and locks that the child does not have.
/// `None` in the child.
///
/// # Safety
/// The child must only make system calls until it execs: other threads may have been in the middle of anything.
pub(super) unsafe fn fork(group: Option<RawFd>) -> Result<Option<u32>, Errno> {
    let mut arguments = CloneArguments { exit_signal: libc::SIGCHLD as u64, ..CloneArguments::default() };
    if let Some(group) = group {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = group as u64;
    }
    // SAFETY: arguments of the size that is told; without CLONE_VM the child has its own copy of all memory, and goes on with this stack.
    let forked =
        unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<CloneArguments>()) };
    match forked {
        0 => Ok(None),
        -1 => match last_error() {
            // A filter that cannot look into the arguments refuses all of them.
            Errno::NOSYS | Errno::PERM if group.is_none() => fork_plainly(),
            errno => Err(errno),
        },
        pid => Ok(Some(pid as u32)),
    }
}

fn fork_plainly() -> Result<Option<u32>, Errno> {
    // SAFETY: as of `fork`; the order of the arguments differs between machines, but all but the first are 0.
    match unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) } {
        0 => Ok(None),
        -1 => Err(last_error()),
        pid => Ok(Some(pid as u32)),
    }
}

const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// `struct clone_args` of the kernel.
#[derive(Debug, Default)]
#[repr(C, align(8))]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

pub(super) fn exit(code: i32) -> ! {
    // SAFETY: ends the process at once, without anything that was registered for its end.
    unsafe { libc::_exit(code) }
}

/// Ends the process instead of letting a panic return into code that is another process's.
pub(super) struct NoWayBack;

impl Drop for NoWayBack {
    fn drop(&mut self) {
        exit(101);
    }
}

/// Makes a description of a process visible in `ps`, and recognisable to us.
pub(super) fn set_name(name: &[u8]) {
    let mut text = [0_u8; 16];
    text[..name.len().min(15)].copy_from_slice(&name[..name.len().min(15)]);
    // SAFETY: a text of 16 bytes that ends with 0.
    unsafe { libc::prctl(libc::PR_SET_NAME, text.as_ptr()) };
}

/// Orphans among this process's descendants become its children.
pub(super) fn become_subreaper() -> Result<(), Errno> {
    // SAFETY: takes numbers only.
    succeeded(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })
}

/// This process gets a signal when its parent dies. It has to look afterwards whether that is still the one that it means.
pub(super) fn set_parent_death_signal(signal: i32) -> Result<(), Errno> {
    // SAFETY: takes numbers only.
    succeeded(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal, 0, 0, 0) })
}

fn succeeded(answer: libc::c_int) -> Result<(), Errno> {
    if answer == 0 { Ok(()) } else { Err(last_error()) }
}

/// Whether this process, which has no children yet, may do what it cannot end a tree without. A filter of system calls may refuse it, and the tree would
/// outlive its job.
pub(super) fn try_out() -> Result<(), Errno> {
    let own = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
    let (no_signal, no_information) = (0, std::ptr::null::<libc::siginfo_t>());
    // SAFETY: a descriptor and numbers; nothing is sent.
    let sent =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, own.as_raw_fd(), no_signal, no_information, 0) };
    succeeded(sent as libc::c_int)?;
    signal_descriptor(&[])?;
    match reap(|_| {}) {
        Reap::NoChildren => Ok(()),
        // `waitid` has failed in another way.
        Reap::NobodyYet | Reap::One(_) => Err(Errno::PERM),
    }
}

pub(super) fn parent() -> u32 {
    rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get() as u32)
}

/// All signals of this thread.
#[derive(Clone, Copy)]
pub(super) struct Mask(libc::sigset_t);

/// Blocks all signals, and tells which were blocked before.
pub(super) fn block_signals() -> Mask {
    let mut all = empty_set();
    let mut before = empty_set();
    // SAFETY: a set of signals, to be filled.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: two sets of signals.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const all, &raw mut before) };
    Mask(before)
}

impl Mask {
    pub(super) fn restore(self) {
        // SAFETY: a set of signals.
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
    }
}

fn empty_set() -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: writes a whole set.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: written just now.
    unsafe { set.assume_init() }
}

/// Lets a signal through.
pub(super) fn allow(signal: i32) {
    let mut one = empty_set();
    // SAFETY: a set of signals.
    unsafe { libc::sigaddset(&raw mut one, signal) };
    // SAFETY: a set of signals.
    unsafe { libc::sigprocmask(libc::SIG_UNBLOCK, &raw const one, std::ptr::null_mut()) };
}

/// Pauses between looks at something that should not last long, each longer than the one before.
#[derive(Debug)]
pub(super) struct Pause(Duration);

impl Pause {
    pub(super) fn new() -> Self {
        Self(Duration::from_millis(1))
    }

    pub(super) fn make(&mut self) {
        poll(&[], Some(self.0));
        self.0 = (self.0 * 5 / 4).min(Duration::from_millis(100));
    }
}

/// Has one signal handled, and lets it through; all others stay as they are. A handler may touch the board, and find that it is gone: it is interrupted by no other.
pub(super) fn handle(signal: i32, handler: extern "C" fn(i32)) {
    let mut mask = empty_set();
    // SAFETY: a set of signals.
    unsafe { libc::sigfillset(&raw mut mask) };
    if signal != libc::SIGBUS {
        // SAFETY: a set of signals.
        unsafe { libc::sigdelset(&raw mut mask, libc::SIGBUS) };
    }
    let action = libc::sigaction {
        sa_sigaction: handler as *const () as usize,
        sa_mask: mask,
        sa_flags: libc::SA_RESTART,
        sa_restorer: None,
    };
    // SAFETY: a handler that may be called at any time, as the caller says.
    unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    allow(signal);
}

/// Whether SIGCHLD was ignored, which it is not any more.
pub(super) fn stop_ignoring_children() -> bool {
    // SAFETY: gives up what was set by the process that this one is a copy of.
    (unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) }) == libc::SIG_IGN
}

pub(super) fn ignore_children() {
    // SAFETY: sets no handler.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// Takes off the handlers of the process that this one is a copy of.
pub(super) fn set_default(signals: &[i32]) {
    for &signal in signals {
        // SAFETY: gives up what was set by the process that this one is a copy of.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// A descriptor that can be read when one of these signals, which are blocked, has come.
pub(super) fn signal_descriptor(signals: &[i32]) -> Result<OwnedFd, Errno> {
    let mut set = empty_set();
    for &signal in signals {
        // SAFETY: a set of signals.
        unsafe { libc::sigaddset(&raw mut set, signal) };
    }
    // SAFETY: makes a descriptor.
    let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    if fd < 0 {
        return Err(last_error());
    }
    // SAFETY: made just now.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A signal that has come, and who sent it.
pub(super) fn next_signal(fd: BorrowedFd<'_>) -> Option<(i32, u32)> {
    let mut information = [0_u8; 128];
    let bytes = rustix::io::read(fd, &mut information).ok()?;
    let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|index| information[at + index]));
    // `ssi_signo` and `ssi_pid` of `struct signalfd_siginfo`.
    (bytes == 128).then(|| (word(0) as i32, word(12)))
}

/// Closes all descriptors but these.
pub(super) fn close_all_but(kept: &mut [RawFd]) {
    kept.sort_unstable();
    let mut from = 0;
    for &fd in &*kept {
        if fd > from {
            close_range(from, fd - 1);
        }
        from = fd + 1;
    }
    close_range(from, RawFd::MAX);
}

fn close_range(from: RawFd, to: RawFd) {
    // SAFETY: this process is a copy whose descriptors nobody else uses.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, from, to, 0) };
    if closed == 0 {
        return;
    }
    // Before Linux 5.9.
    for fd in from..=to.min(1 << 16) {
        // SAFETY: as above.
        unsafe { libc::close(fd) };
    }
}

/// A child that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reaped {
    pub(super) pid: u32,
    /// As `wait` tells it.
    pub(super) status: i32,
    /// A process of a job inside of this one that is none of its processes.
    pub(super) is_guardian: bool,
    /// Clock ticks since boot; 0: unknown.
    pub(super) started: u64,
    /// Nanoseconds that it and those that it waited for have used.
    pub(super) used: u64,
}

/// What there is to reap.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reap {
    One(Reaped),
    /// Children, and all of them run.
    NobodyYet,
    NoChildren,
}

/// Reaps a child, if one has ended. `tell` is told before: once it is reaped, nobody can see it any more.
pub(super) fn reap(tell: impl FnOnce(u32)) -> Reap {
    let mut ended = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    // SAFETY: writes a record.
    let waited = unsafe { libc::waitid(libc::P_ALL, 0, ended.as_mut_ptr(), flags) };
    if waited == -1 {
        return if last_error() == Errno::CHILD { Reap::NoChildren } else { Reap::NobodyYet };
    }
    // SAFETY: zeros are a record, too.
    let ended = unsafe { ended.assume_init() };
    // SAFETY: what `waitid` writes has a process number.
    let pid = unsafe { ended.si_pid() } as u32;
    if pid == 0 {
        return Reap::NobodyYet;
    }
    let row = look_up(pid).unwrap_or_default();
    let is_guardian = row.is_guardian();
    if !is_guardian {
        tell(pid);
    }
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    let flags = libc::WNOHANG | libc::__WALL;
    // SAFETY: writes a number and a record.
    let reaped = unsafe { libc::wait4(pid as libc::pid_t, &raw mut status, flags, usage.as_mut_ptr()) };
    // SAFETY: zeros are a record, too.
    let (user, system) = times(unsafe { usage.assume_init() });
    if reaped as u32 != pid {
        return Reap::NobodyYet;
    }
    Reap::One(Reaped { pid, status, is_guardian, started: row.started, used: user + system })
}

/// Waits for a child of this process that is about to end.
pub(super) fn wait_for_child(pid: u32) {
    loop {
        let mut status = 0;
        // SAFETY: writes a number.
        let waited = unsafe { libc::waitpid(pid as libc::pid_t, &raw mut status, libc::__WALL) };
        if waited != -1 || last_error() != Errno::INTR {
            return;
        }
    }
}

/// Leaves the spawner's session, whose end would be this process's, and its directory, which could not be unmounted.
pub(super) fn detach() {
    // SAFETY: has no preconditions.
    unsafe { libc::setsid() };
    let _ = rustix::process::chdir(c"/");
}

/// Before those whom it guards, who may be many; where this user may not, like them.
pub(super) fn go_first() {
    // SAFETY: takes numbers only.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -10) };
}

/// What C was the leader of, before it ended.
#[derive(Clone, Copy)]
pub(super) struct Led {
    session: bool,
    group: bool,
}

/// Asked in C. The kernel says 0 where the leader is outside of this process's PID namespace, which is what a container
/// that was entered from a shell sees: not a process number, so the calls of rustix, whose results are, will not do.
pub(super) fn led() -> Led {
    // SAFETY: has no preconditions.
    let own = unsafe { libc::getpid() };
    // SAFETY: takes a number only.
    let session = unsafe { libc::getsid(0) };
    // SAFETY: has no preconditions.
    let group = unsafe { libc::getpgrp() };
    Led { session: session == own, group: group == own }
}

impl Led {
    /// In P: a command that was to lead a session or a group does, under its own number.
    pub(super) fn inherit(self) {
        if self.session {
            // SAFETY: has no preconditions.
            unsafe { libc::setsid() };
        } else if self.group {
            // SAFETY: takes numbers only.
            unsafe { libc::setpgid(0, 0) };
        }
    }
}

pub(super) fn kill(pid: u32, signal: i32) {
    // SAFETY: takes numbers only.
    unsafe { libc::kill(pid as libc::pid_t, signal) };
}

/// Processor time of all children that were reaped, in nanoseconds: in user mode and in the kernel.
pub(super) fn times_of_children() -> (u64, u64) {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: writes a whole record.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) };
    // SAFETY: written just now; zeros are a record, too.
    times(unsafe { usage.assume_init() })
}

fn times(usage: libc::rusage) -> (u64, u64) {
    let nanoseconds = |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1000;
    (nanoseconds(usage.ru_utime), nanoseconds(usage.ru_stime))
}

/// Waits until one of these descriptors can be read, or the time is over.
pub(super) fn poll(descriptors: &[RawFd], time: Option<Duration>) {
    let mut list = [libc::pollfd { fd: -1, events: libc::POLLIN, revents: 0 }; 4];
    for (place, &fd) in list.iter_mut().zip(descriptors) {
        place.fd = fd;
    }
    let time = time.map(|time| libc::timespec {
        tv_sec: time.as_secs() as libc::time_t,
        tv_nsec: time.subsec_nanos().into(),
    });
    let timeout = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let count = descriptors.len().min(list.len()) as libc::nfds_t;
    // SAFETY: a list of so many descriptors, and a time or none.
    unsafe { libc::ppoll(list.as_mut_ptr(), count, timeout, std::ptr::null()) };
}

/// Whether a descriptor of a process says that it has ended.
pub(super) fn has_ended(process: BorrowedFd<'_>) -> bool {
    let mut list = [libc::pollfd { fd: process.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
    // SAFETY: a list of one descriptor.
    let ready = unsafe { libc::poll(list.as_mut_ptr(), 1, 0) };
    ready == 1
}

/// Where the C library keeps the number of the last error: in this thread's own memory.
pub(super) fn thread_memory() -> usize {
    // SAFETY: has no preconditions.
    (unsafe { libc::__errno_location() }) as usize
}

/// A limit of this process and of all that it starts.
pub(super) fn limit(resource: libc::__rlimit_resource_t, value: u64) {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: a whole record. What exceeds a harder limit that is there is refused, and that one stays.
    unsafe { libc::setrlimit(resource, &raw const limit) };
}
