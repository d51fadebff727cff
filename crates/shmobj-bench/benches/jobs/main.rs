//! Jobs beside what one would do without them: `cargo bench -p shmobj-bench --bench jobs`, or with `-- PART` for those parts whose
//! name contains that.
//!
//! | part | operation | reference |
//! |---|---|---|
//! | `create` | create and close a named job | a named event |
//! | `spawn-small`, `spawn-large` | start `/bin/true` in a job, and wait for it; the spawner is small, or has touched 1 GiB | `std::process::Command`, as it is and made to fork |
//! | `terminate-1`, `terminate-100` | end so many sleeping processes | `kill` of a process group, and `wait` for each |
//! | `memory` | what a pair of guardians takes | |
//! | `idle` | how often an idle guardian runs: never | |
//! | `watch` | processor time of a guardian that looks after a limit | |
//!
//! Each mechanism is measured, guardians alone and control groups, if the machine has them: the spawners are processes of their own,
//! with environments of their own.

#![allow(clippy::print_stdout)] // a benchmark prints its table

mod create;
mod guardians;
mod proc;
mod raw;
mod spawn;
mod spawner;
mod stage;
mod terminate;

use std::path::Path;

use shmobj_bench::Scratch;
use stage::Stage;

type Part = (&'static str, fn(&Stage));

const PARTS: [Part; 8] = [
    ("create", create::create),
    ("spawn-small", spawn::small),
    ("spawn-large", spawn::large),
    ("terminate-1", terminate::one),
    ("terminate-100", terminate::hundred),
    ("memory", guardians::memory),
    ("idle", guardians::idle),
    ("watch", guardians::watch),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [_, "spawner", directory, megabytes] = arguments[..] {
        return spawner::run(Path::new(directory), megabytes.parse().expect("a number"));
    }
    let only = arguments.iter().skip(1).find(|argument| !argument.starts_with("--"));
    for (_, run) in PARTS.iter().filter(|(name, _)| only.is_none_or(|only| name.contains(only))) {
        let scratch = Scratch::new("/dev/shm");
        run(&Stage::at(&scratch.0));
    }
}
