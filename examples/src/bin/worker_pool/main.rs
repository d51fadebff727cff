//! A pool of worker processes. A semaphore wakes a worker for each item, an event tells all of them to stop, and a mutex for each
//! worker tells when it dies: what it was working on then goes to another.
//!
//! ```text
//! > cargo run -p shmobj-examples --bin worker_pool
//! 3 workers count primes
//! worker 1 hangs at item 4
//! worker 1 was killed, and item 4 goes to another
//! item 1: 168 primes below 1000
//! item 2: 303 primes below 2000
//! ...
//! item 8: 1007 primes below 8000
//! all items are done, item 4 at its attempt 2
//! ```
//!
//! One terminal is enough: the program starts itself again for each worker.
//!
//! | killed | and then |
//! |---|---|
//! | a worker | its mutex is abandoned; the boss, who waits for it, gives its item to the others |
//! | the boss | its mutex is abandoned; the workers, who wait for it, end |

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to who runs it")]

mod boss;
mod table;
mod worker;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use shmobj::{Event, Mutex, Reset, Semaphore};
use table::Table;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match &arguments[..] {
        [] => boss::lead(),
        [run, number] => worker::work(run, number),
        _ => Err("it takes no arguments".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("worker_pool: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the boss and the workers have in common.
struct Pool {
    /// The names have the number of the boss's process in them, so that two pools do not meet.
    run: String,
    /// Manual reset: set once, it tells everybody.
    stop: Event,
    /// A unit for each item that waits for a worker.
    work: Semaphore,
    /// Auto reset: some item is done. Several sets may be one; the boss looks at the whole table.
    done: Event,
    /// A worker hangs, which says so here for the sake of the demonstration. Real ones do not; give them a time-out.
    stuck: Event,
    /// A unit for each worker that has its mutex.
    ready: Semaphore,
    /// The boss owns it for as long as it lives.
    boss: Mutex,
    table: Table,
}

impl Pool {
    /// Who comes first makes the objects, who comes later opens them.
    fn of(run: &str) -> Result<Self, Box<dyn Error>> {
        let name = |part| format!("shmobj-example.pool-{run}.{part}");
        Ok(Self {
            run: run.to_owned(),
            stop: Event::options().reset(Reset::Manual).create(&name("stop"))?,
            work: Semaphore::options().create(&name("work"))?,
            done: Event::options().create(&name("done"))?,
            stuck: Event::options().create(&name("stuck"))?,
            ready: Semaphore::options().create(&name("ready"))?,
            boss: Mutex::open_or_create(&name("boss"))?,
            table: Table::of(&name("table"))?,
        })
    }

    /// The mutex that a worker owns for as long as it lives.
    fn life_of(&self, worker: u64) -> shmobj::Result<Mutex> {
        Mutex::open_or_create(&format!("shmobj-example.pool-{}.worker-{worker}", self.run))
    }
}
