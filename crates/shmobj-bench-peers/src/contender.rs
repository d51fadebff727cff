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
        how: "compare-exchange and exchange on a word of shared memory, without names, errors or a lifetime",
        ..HERE
    },
];
