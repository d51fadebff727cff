//! Synchronization objects beside the bare calls: `cargo bench -p shmobj-bench --bench sync`, or with `-- PART` for those parts
//! whose name contains that.
//!
//! | part | operation | reference |
//! |---|---|---|
//! | `alone-mutex` | lock and unlock | a compare-exchange and an exchange; the C library's mutexes and semaphores |
//! | `alone-event`, `alone-semaphore` | set or release, and wait | a compare-exchange and an exchange |
//! | `system-calls` | all of these, and a wait for any of 64 | none is made: see [`shmobj_bench::quiet`] |
//! | `trip-spinning` | there and back through two events, on two cores | spinning on a cache line |
//! | `trip-sleeping`, on one core and on two | the same, always asleep | bare futexes |
//! | `trip-adaptive` | the same, spinning adaptively on one core | bare futexes |
//! | `contended`, with two processes and with four | one mutex | the C library's robust mutex |
//! | `any-signaled` | wait for any of 64, one of which is signalled | a look at 64 words on 64 pages |
//! | `any-beside-poll` | set, and wait for any and for all of 1, 2, 8 and 64 | `poll` and `read` of eventfds |
//! | `any-asleep`, on one core and on two | being woken from a wait for any of 64 | bare `futex_waitv`; `poll` of eventfds |
//! | `killed` | getting a mutex whose owner was killed | a bare robust futex; the C library's robust mutex |

#![allow(clippy::print_stdout)] // a benchmark prints its table

mod alone;
mod contended;
mod killed;
mod raw;
mod several;
mod stage;
mod trip;

use std::path::Path;
use std::process::Command;

use raw::machine;
use shmobj_bench::{Scratch, quiet};
use stage::{Placement, Stage};

struct Part {
    name: &'static str,
    placement: Placement,
    run: fn(&Stage),
}

const fn part(name: &'static str, placement: Placement, run: fn(&Stage)) -> Part {
    Part { name, placement, run }
}

const PARTS: [Part; 14] = [
    part("alone-mutex", Placement::OneCore, alone::mutex),
    part("alone-event", Placement::OneCore, alone::event),
    part("alone-semaphore", Placement::OneCore, alone::semaphore),
    part("trip-spinning", Placement::TwoCores, trip::spinning),
    part("trip-sleeping-two-cores", Placement::TwoCores, trip::sleeping),
    part("trip-sleeping-one-core", Placement::OneCore, trip::sleeping),
    part("trip-adaptive-one-core", Placement::OneCore, trip::adaptive),
    part("contended-two", Placement::Anywhere, contended::two),
    part("contended-four", Placement::Anywhere, contended::four),
    part("any-signaled", Placement::OneCore, several::signaled),
    part("any-beside-poll", Placement::OneCore, several::beside_poll),
    part("any-asleep-two-cores", Placement::TwoCores, several::asleep),
    part("any-asleep-one-core", Placement::OneCore, several::asleep),
    part("killed", Placement::Anywhere, killed::killed),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [_, "strict", name, directory] => quiet::run(name, Path::new(directory)),
        [_, "part", name, directory] => run_part(name, Path::new(directory)),
        [_, "peer", role, directory, core, option] => run_peer(role, Path::new(directory), core, option),
        _ => run_all(arguments.iter().skip(1).find(|argument| !argument.starts_with("--")).copied()),
    }
}

fn run_all(only: Option<&str>) {
    let is_wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    let program = std::env::current_exe().expect("this program");
    if is_wanted("system-calls") {
        alone::system_calls(&Scratch::new("/dev/shm").0);
    }
    for part in PARTS.iter().filter(|part| is_wanted(part.name)) {
        let scratch = Scratch::new("/dev/shm");
        let status = Command::new(&program).args(["part", part.name]).arg(&scratch.0).status();
        assert!(status.expect("a process").success(), "{}", part.name);
    }
}

fn run_part(name: &str, directory: &Path) {
    machine::die_with_parent();
    let part = PARTS.iter().find(|part| part.name == name).expect("a part");
    match Stage::of_part(directory, part.placement) {
        Some(stage) => (part.run)(&stage),
        None => println!("\n{name}: not measured, since this process may use one core only"),
    }
}

fn run_peer(role: &str, directory: &Path, core: &str, option: &str) {
    machine::die_with_parent();
    let stage = Stage::of_peer(directory, core);
    match role {
        "pong" => trip::pong(&stage, option),
        "worker" => contended::worker(&stage),
        "sleeper" => several::sleeper(&stage, option),
        "victim" => killed::victim(&stage, option),
        _ => unreachable!("no such role"),
    }
}
