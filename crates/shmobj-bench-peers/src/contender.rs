//! Who takes part.
//!
//! A contender is a name, what it is, how it does its work, and how its players are started. Those that this program has itself are
//! in `players`, by the same name; the others are programs that speak the protocol.

use std::ffi::OsString;

/// How the players of a contender are started.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// This program plays it.
    Here,
    #[allow(dead_code)] // which contenders there are is no reason to change how they are started
    /// Another program does: its command line, to which `play OPERATION ...` is appended. Asked once for a run, so it may compile
    /// something. An error says why the contender is absent.
    Program(fn() -> Result<Vec<OsString>, String>),
}

/// See the module's documentation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contender {
    /// As on the command line and in the results.
    pub(crate) name: &'static str,
    /// As in a table.
    pub(crate) title: &'static str,
    /// One sentence: how it does what it does.
    pub(crate) how: &'static str,
    pub(crate) start: Start,
    /// Which version of it is measured, for the results; `None`: this project's, or the system's.
    pub(crate) version: Option<fn() -> Option<String>>,
}

/// The name of ours, which the others are compared with.
pub(crate) const OURS: &str = "shmobj";

const HERE: Contender = Contender { name: "", title: "", how: "", start: Start::Here, version: None };

/// All of them, in the order in which a table has them before it is sorted.
pub(crate) const CONTENDERS: &[Contender] = &[
    Contender {
        name: OURS,
        title: "shmobj",
        how: "named objects; a word in shared memory, and a futex only when somebody has to wait",
        ..HERE
    },
    Contender {
        name: "shmobj-reserved",
        title: "shmobj, reserved memory",
        how: "the same, where memory is taken from the system when it is first used, not when it is created",
        ..HERE
    },
    Contender {
        name: "raw",
        title: "bare atomics and futexes",
        how: "compare-exchange and exchange on words of shared memory, and futexes to sleep: no names, no errors, no lifetime; the least that any of this costs",
        ..HERE
    },
    Contender {
        name: "raw-store",
        title: "bare atomics, plain release",
        how: "compare-exchange, and a store that would not see anybody who waits: the least that a lock costs which can only spin",
        ..HERE
    },
    Contender {
        name: "pthread",
        title: "pthread mutex",
        how: "process-shared, in a mapped file; whoever dies with it keeps it",
        ..HERE
    },
    Contender {
        name: "pthread-robust",
        title: "pthread mutex, robust",
        how: "process-shared, in a mapped file; the next owner is told that one has died",
        ..HERE
    },
    Contender {
        name: "sem-open",
        title: "POSIX named semaphore",
        how: "sem_open: a file in /dev/shm, and a futex",
        ..HERE
    },
    Contender {
        name: "eventfd",
        title: "eventfd",
        how: "counters of the kernel, sent through a socket, waited for with poll",
        ..HERE
    },
    Contender { name: "pipe", title: "pipe", how: "a fifo of 64 KiB, or of 1 MiB for much data", ..HERE },
    Contender {
        name: "unix-stream",
        title: "Unix stream socket",
        how: "a pair of sockets, one of which is sent to the other process",
        ..HERE
    },
    Contender {
        name: "unix-seqpacket",
        title: "Unix packet socket",
        how: "the same with packets that are kept apart",
        ..HERE
    },
    Contender {
        name: "shm-open",
        title: "shm_open",
        how: "shm_open, ftruncate, mmap; munmap, shm_unlink: the raw calls, memory is taken when it is first used",
        ..HERE
    },
    Contender {
        name: "shm-open-allocated",
        title: "shm_open, posix_fallocate",
        how: "the same with posix_fallocate: no space is an error, not a fault later",
        ..HERE
    },
    Contender {
        name: "memcpy",
        title: "memcpy in one process",
        how: "a copy, and reading it, without anybody else: the limit of the processor",
        ..HERE
    },
];
