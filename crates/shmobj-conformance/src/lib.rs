//! One suite for what `shmobj` promises, row by row, on every system.
//!
//! The behaviour is that of Win32, written down as rows with numbers such as NS-2 ([`spec`]). Each row has tests that cite it,
//! or a reason why it has none. The tests use the public interface alone, and are the same on Linux and on Windows: what holds on both
//! a program can rely on when it is ported. `docs/conformance.md` is the outcome; how to write a test is in this crate's `README.md`.
//!
//! | module | what |
//! |---|---|
//! | [`spec`] | the rows |
//! | `suite` | the tests, by sections of the rows, with reasons and notes beside them |
//! | `case` | what a test, a role and a remark are |
//! | `stage`, `process` | a place for a test, and the processes that it starts |
//! | `objects`, `kinds`, `looks`, `owners`, `threads`, `touch` | what tests have in common |
//! | [`run`], [`results`], [`report`], [`platform`] | running them, and telling what came of it |

mod case;
mod kinds;
mod looks;
mod objects;
mod owners;
pub mod platform;
mod process;
pub mod report;
pub mod results;
pub mod run;
pub mod spec;
mod stage;
mod suite;
pub mod tables;
mod threads;
mod touch;

pub use process::act_if_told;
