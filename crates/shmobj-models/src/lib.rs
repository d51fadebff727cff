//! Models of the protocols of `shmobj`, explored exhaustively.
//!
//! The protocols that decide whether an object lives, or whether a sleeper wakes up, are short, but they run in several processes
//! at once and every one of them may be killed between any two instructions. No test of the real
//! code reaches all of those interleavings. A model does: each module here is a state machine of
//! one protocol, small enough that [`stateright`] visits *every* state it can reach.
//!
//! | Module | Protocol |
//! |---|---|
//! | [`lifecycle`] | create, open, close and reclaim of one name |
//! | [`mutex`] | lock and unlock of a mutex whose owner may die |
//! | [`cell`] | set, reset and waits of events and semaphores |
//! | [`gate`] | waits for all of several objects |
//! | [`job`] | the guardians of a job's processes |
//!
//! The three before the last share what the kernel does for words in shared memory: futex queues, `FUTEX_WAKE_OP`, robust lists.
//!
//! Each model comes with *faults*: rules that are broken on purpose, one at a time. A fault that
//! the checker doesn't notice means that a property is too weak, so every fault has a test.
//!
//! What a model does not show: that the code follows it. The names of the steps are those of the
//! design, so that the two can be read side by side.

pub mod cell;
pub mod gate;
pub mod job;
mod kernel;
pub mod lifecycle;
pub mod mutex;
mod search;

pub use search::{explore, find_path, shortest_path};
