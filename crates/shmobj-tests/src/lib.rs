//! Tests of the library with real processes that are really killed.
//!
//! | room | what |
//! |---|---|
//! | [`mod@puppet`] | a process that a test drives line by line, and its forks |
//! | [`actor`] | what the puppet program does with each line |
//! | [`sandbox`] | a process that may make listed system calls only |
//! | [`scratch`] | a namespace directory of a test's own |
//! | [`entry`] | entries that the library did not write, from the documented layout |
//! | [`steps`] | the steps at which a process can be made to die |
//! | [`storm`] | many processes, random kills, and the table in which they check each other |
//! | [`scene`] | an object that travels, and whether it is held or gone |
//! | [`lab`] | a place for jobs, and what is left of them |
//! | [`system`] | root or not, who has which memfd, waiting with a bound |
//!
//! A test never uses the library in its own process: between `fork` and `exec` of a puppet that another test starts, a
//! lock held here would live in that puppet, and a name stay busy for reasons that no test is about.

pub mod actor;
pub mod entry;
pub mod lab;
pub mod puppet;
pub mod random;
pub mod sandbox;
pub mod scene;
pub mod scratch;
pub mod steps;
pub mod storm;
pub mod system;

/// Starts a puppet: `puppet!("writer")`, or with a [`scratch::Scratch`] as its namespace: `puppet!("writer", &scratch)`.
#[macro_export]
macro_rules! puppet {
    ($name:expr) => {
        $crate::puppet::Puppet::start(env!("CARGO_BIN_EXE_puppet"), $name, &[])
    };
    ($name:expr, $scratch:expr) => {{
        let mut puppet = $crate::puppet!($name);
        puppet.does(format!("namespace {}", $scratch.path().display()));
        puppet
    }};
}
