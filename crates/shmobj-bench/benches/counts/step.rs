//! Counting the instructions of another process, by letting it do one at a time.
//!
//! Why neither Valgrind nor a crate that is built on it: Valgrind refuses `mremap` with a length of 0, with which each thread maps
//! the page of a mutex once more, and the kernel's own clock page, so that nothing could be counted but what is not like on the
//! real machine; and the crate brings a program of its own that takes minutes to build. Processors' own counters are missing on most
//! virtual machines. A single step is what every kernel has, the operation runs as it always does, and a step takes a
//! few microseconds.
//!
//! A process stops itself (`SIGSTOP`) before it does its operation once, before it does it `iterations` times more than that, and behind. The
//! difference between the two stretches is `iterations` operations exactly: stopping and the loop's beginning are in both.
#![allow(unsafe_code)] // ptrace, which no crate wraps, and being forked into it

use std::os::unix::process::CommandExt;
use std::process::Command;

use shmobj_bench::Scratch;

/// Stops this process for who counts.
pub(crate) fn mark() {
    // SAFETY: a signal to this thread.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// The instructions of one operation. `look` is shown each instruction's address in the second stretch.
pub(crate) fn count(name: &str, iterations: u32, mut look: impl FnMut(libc::pid_t, u64)) -> f64 {
    let scratch = Scratch::new("/dev/shm");
    stay_on_this_core();
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.arg("path").arg(name).arg(&scratch.0).env_clear();
    // The C library picks its copying routines by the processor's abilities: those that every processor has.
    command.env(
        "GLIBC_TUNABLES",
        "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,-SSSE3,-SSE4_2,-ERMS,-FSRM,-RTM",
    );
    // SAFETY: one system call between fork and exec.
    unsafe { command.pre_exec(ask_to_be_traced) };
    let mut child = command.spawn().expect("a process that may be traced");
    let tracee = Tracee(libc::pid_t::try_from(child.id()).expect("a process id"));
    assert_eq!(tracee.stopped_by(), libc::SIGTRAP, "the stop of an exec");
    tracee.request(libc::PTRACE_SETOPTIONS, libc::PTRACE_O_EXITKILL as usize);
    tracee.go_to_mark();
    let one = tracee.step_to_mark(|_| ());
    let all = tracee.step_to_mark(|address| look(tracee.0, address));
    tracee.request(libc::PTRACE_CONT, 0);
    assert!(child.wait().expect("its end").success(), "{name}");
    (all as f64 - one as f64) / f64::from(iterations)
}

/// Whether this system lets a process trace its own child: some containers do not.
pub(crate) fn try_out() -> std::io::Result<()> {
    let mut command = Command::new("/proc/self/exe");
    // SAFETY: one system call between fork and exec.
    unsafe { command.pre_exec(ask_to_be_traced) };
    let mut child = command.spawn()?; // stands still behind its exec
    child.kill()?;
    child.wait().map(drop)
}

fn ask_to_be_traced() -> std::io::Result<()> {
    // SAFETY: this request takes nothing.
    succeeded(unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) })
}

/// The stepping and the stepped process wake each other up: without a second core to be woken, that is several times as fast.
fn stay_on_this_core() {
    // SAFETY: takes nothing.
    let core = unsafe { libc::sched_getcpu() };
    // SAFETY: a set of bits, all of which may be 0.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel's own core number is within the set.
    unsafe { libc::CPU_SET(core as usize, &mut set) };
    // SAFETY: the set lives.
    unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
}

/// A process that stands still except when it is told to go.
struct Tracee(libc::pid_t);

impl Tracee {
    fn request(&self, request: libc::c_uint, data: usize) {
        // SAFETY: these requests take numbers only.
        let result = unsafe { libc::ptrace(request, self.0, 0_usize, data) };
        succeeded(result).expect("ptrace, which this system may forbid");
    }

    /// Waits for it to stop, and says for which signal.
    fn stopped_by(&self) -> libc::c_int {
        let mut status = 0;
        // SAFETY: writes the status.
        let pid = unsafe { libc::waitpid(self.0, &raw mut status, libc::__WALL) };
        assert_eq!(pid, self.0, "a process that is traced");
        assert!(libc::WIFSTOPPED(status), "it ended on its way: {status:#x}");
        libc::WSTOPSIG(status)
    }

    fn go_to_mark(&self) {
        self.request(libc::PTRACE_CONT, 0);
        assert_eq!(self.stopped_by(), libc::SIGSTOP, "a mark");
    }

    /// The instructions up to its next mark.
    fn step_to_mark(&self, mut look: impl FnMut(u64)) -> u64 {
        let (mut count, mut last) = (0, 0);
        loop {
            self.request(libc::PTRACE_SINGLESTEP, 0);
            match self.stopped_by() {
                libc::SIGTRAP => {
                    let address = self.address();
                    // An instruction that repeats itself (`rep movsb`) is one, though each repetition is a step.
                    if address != last {
                        count += 1;
                        look(address);
                    }
                    last = address;
                }
                libc::SIGSTOP => return count,
                signal => panic!("signal {signal} in the middle of an operation"),
            }
        }
    }

    /// Of its next instruction.
    fn address(&self) -> u64 {
        let register = std::mem::offset_of!(libc::user_regs_struct, rip);
        // SAFETY: reads a register of a process that stands still.
        let value = unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, self.0, register, 0_usize) };
        value as u64
    }
}

fn succeeded(result: libc::c_long) -> std::io::Result<()> {
    if result == -1 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}
