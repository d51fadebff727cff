//! A process that may make the system calls of a list and no others, as under the seccomp profile of a container.
//!
//! Any other call raises SIGSYS, and the process tells its name and ends: were it an error, a fallback of the library could hide
//! that a call is missing from the list. It becomes its own program again, so that the start of a program is checked as well.
#![allow(unsafe_code)] // a filter for the kernel, and the handler of SIGSYS

use std::io;

/// Pairs of a system call's name and its number.
macro_rules! calls {
    ($($name:ident $number:ident),* $(,)?) => { &[$((stringify!($name), libc::$number)),*] };
}

/// The calls that are known here.
const EVERYWHERE: &[(&str, libc::c_long)] = calls![
    brk SYS_brk, chdir SYS_chdir, clock_gettime SYS_clock_gettime, clock_nanosleep SYS_clock_nanosleep, clone SYS_clone,
    clone3 SYS_clone3, close SYS_close, close_range SYS_close_range, connect SYS_connect, dup3 SYS_dup3, execve SYS_execve, exit SYS_exit,
    exit_group SYS_exit_group, faccessat SYS_faccessat, faccessat2 SYS_faccessat2, setpriority SYS_setpriority, fallocate SYS_fallocate, fchmod SYS_fchmod,
    fcntl SYS_fcntl, fgetxattr SYS_fgetxattr, flock SYS_flock, fsetxattr SYS_fsetxattr, fstat SYS_fstat,
    fstatfs SYS_fstatfs, ftruncate SYS_ftruncate, futex SYS_futex, futex_waitv SYS_futex_waitv,
    get_robust_list SYS_get_robust_list, getcwd SYS_getcwd, getdents64 SYS_getdents64, geteuid SYS_geteuid,
    getpgid SYS_getpgid, getpid SYS_getpid, getppid SYS_getppid, getrandom SYS_getrandom,
    getrusage SYS_getrusage, getsid SYS_getsid, getsockopt SYS_getsockopt, getxattr SYS_getxattr, gettid SYS_gettid, kill SYS_kill,
    linkat SYS_linkat, lseek SYS_lseek, madvise SYS_madvise, membarrier SYS_membarrier, memfd_create SYS_memfd_create,
    mkdirat SYS_mkdirat, mmap SYS_mmap, mprotect SYS_mprotect, mremap SYS_mremap, msync SYS_msync,
    munmap SYS_munmap, nanosleep SYS_nanosleep, newfstatat SYS_newfstatat, openat SYS_openat,
    pidfd_getfd SYS_pidfd_getfd, pidfd_open SYS_pidfd_open, pidfd_send_signal SYS_pidfd_send_signal,
    pipe2 SYS_pipe2, ppoll SYS_ppoll, prctl SYS_prctl,
    pread64 SYS_pread64, prlimit64 SYS_prlimit64, process_vm_readv SYS_process_vm_readv,
    process_vm_writev SYS_process_vm_writev, pwrite64 SYS_pwrite64, read SYS_read, readlinkat SYS_readlinkat,
    recvfrom SYS_recvfrom, recvmsg SYS_recvmsg, renameat2 SYS_renameat2, restart_syscall SYS_restart_syscall,
    rseq SYS_rseq, rt_sigaction SYS_rt_sigaction, rt_sigprocmask SYS_rt_sigprocmask,
    rt_sigreturn SYS_rt_sigreturn, sched_getaffinity SYS_sched_getaffinity, sched_yield SYS_sched_yield,
    sendmsg SYS_sendmsg, sendto SYS_sendto, set_robust_list SYS_set_robust_list,
    setpgid SYS_setpgid, setsid SYS_setsid, signalfd4 SYS_signalfd4, getuid SYS_getuid, getgid SYS_getgid, getegid SYS_getegid, set_tid_address SYS_set_tid_address, sigaltstack SYS_sigaltstack, socket SYS_socket,
    socketpair SYS_socketpair, statx SYS_statx, sysinfo SYS_sysinfo, tgkill SYS_tgkill, unlinkat SYS_unlinkat,
    wait4 SYS_wait4, waitid SYS_waitid, write SYS_write, writev SYS_writev,
];

/// What only the older architectures have.
#[cfg(target_arch = "x86_64")]
const HERE: &[(&str, libc::c_long)] = calls![
    access SYS_access, arch_prctl SYS_arch_prctl, dup2 SYS_dup2, open SYS_open, poll SYS_poll,
    readlink SYS_readlink, mkdir SYS_mkdir, getpgrp SYS_getpgrp,
];
#[cfg(not(target_arch = "x86_64"))]
const HERE: &[(&str, libc::c_long)] = &[];

/// How the kernel calls this architecture (`AUDIT_ARCH_...`); a number of a call means nothing without it.
const ARCHITECTURE: u32 = if cfg!(target_arch = "x86_64") {
    0xc000_003e
} else if cfg!(target_arch = "aarch64") {
    0xc000_00b7
} else {
    0xc000_00f3 // riscv64
};

/// The number of a call, if this architecture has it.
#[must_use]
pub fn number_of(name: &str) -> Option<libc::c_long> {
    EVERYWHERE.iter().chain(HERE).find(|(known, _)| *known == name).map(|(_, number)| *number)
}

fn name_of(number: libc::c_long) -> &'static str {
    EVERYWHERE.iter().chain(HERE).find(|(_, known)| *known == number).map_or("another call", |(name, _)| name)
}

/// From now on this thread, and what it becomes with exec, may make these calls alone.
///
/// # Errors
/// The kernel has no seccomp, or somebody does not permit it.
pub fn confine(permitted: &[libc::c_long]) -> io::Result<()> {
    install(&filter(permitted, libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_TRAP))
}

/// From now on these calls fail in this thread, and in all that it starts, as profiles of containers have it.
///
/// # Errors
/// As of [`confine`].
pub fn refuse(calls: &[libc::c_long], errno: u16) -> io::Result<()> {
    install(&filter(calls, libc::SECCOMP_RET_ERRNO | u32::from(errno), libc::SECCOMP_RET_ALLOW))
}

fn install(filter: &[libc::sock_filter]) -> io::Result<()> {
    let program =
        libc::sock_fprog { len: filter.len() as libc::c_ushort, filter: filter.as_ptr().cast_mut() };
    // SAFETY: only takes rights away from this process.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mode = libc::c_ulong::from(libc::SECCOMP_MODE_FILTER);
    // SAFETY: the program is valid for as long as the call, which copies it.
    if unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// What becomes of these calls, and of all others.
fn filter(calls: &[libc::c_long], of_these: u32, of_others: u32) -> Vec<libc::sock_filter> {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const IS_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    /// Where `struct seccomp_data` has them.
    const AT_NUMBER: u32 = 0;
    const AT_ARCHITECTURE: u32 = 4;
    let step = |code: u32, k: u32, jf: u8| libc::sock_filter { code: code as u16, jt: 0, jf, k };
    let mut filter = vec![
        step(LOAD, AT_ARCHITECTURE, 0),
        // Another architecture jumps to the kill; this one, past it.
        libc::sock_filter { jt: 1, ..step(IS_EQUAL, ARCHITECTURE, 0) },
        step(RETURN, libc::SECCOMP_RET_KILL_PROCESS, 0),
        step(LOAD, AT_NUMBER, 0),
    ];
    for number in calls {
        filter.push(step(IS_EQUAL, *number as u32, 1));
        filter.push(step(RETURN, of_these, 0));
    }
    filter.push(step(RETURN, of_others, 0));
    filter
}

/// Has this process tell the name of a call that is not permitted, in the form of an answer, before it ends.
pub(crate) fn tell_what_is_not_permitted() {
    // SAFETY: all fields of this structure may be zero.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_sigsys;
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO;
    // SAFETY: the handler only writes and ends the process.
    unsafe { libc::sigaction(libc::SIGSYS, &action, std::ptr::null_mut()) };
}

extern "C" fn on_sigsys(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    /// Where 64-bit kernels put the number of the call: behind three ints, padding, and the call's address.
    const AT_CALL: usize = 24;
    // SAFETY: the structure is 128 bytes long.
    let call = unsafe { info.cast::<u8>().add(AT_CALL) };
    // SAFETY: the kernel has written an int there, for this signal.
    let call = unsafe { call.cast::<libc::c_int>().read() };
    for part in ["error NotPermitted 0 the system call ", name_of(call.into()), "\n"] {
        for stream in [1, 2] {
            // SAFETY: may be called in a signal handler, and only reads the text.
            unsafe { libc::write(stream, part.as_ptr().cast(), part.len()) };
        }
    }
    // SAFETY: may be called in a signal handler.
    unsafe { libc::_exit(1) };
}
