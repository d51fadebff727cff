//! Producers and consumers as processes of their own, with a ring between them. One consumer is killed while it takes an item
//! out, and still every item arrives exactly once.
//!
//! ```text
//! > cargo run -p shmobj-examples --bin bounded_buffer
//! 3 producers and 2 consumers move 10000 items through 8 slots
//! a consumer hangs in the middle of taking item 10000 out
//! a consumer was killed
//! a producer found the ring abandoned, and goes on
//! 10000 items arrived, and their sum is 50005000, as it should be
//! ```
//!
//! One terminal is enough: the program starts itself again for each role.
//!
//! | killed | and then |
//! |---|---|
//! | a producer or consumer | its mutex is abandoned; the overseer, who waits for it, gives the semaphores back what it may have taken |
//! | one that owns the ring | that mutex is abandoned, too; the next owner is told, and finds a ring that is whole |
//! | the overseer | its mutex is abandoned; the others, who wait for it as well, end |

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to who runs it")]

mod lives;
mod memory;
mod overseer;
mod ring;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use ring::Ring;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => overseer::oversee(),
        [role @ ("producer" | "consumer"), run, number] => work(role, run, number),
        _ => Err("it takes no arguments".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bounded_buffer: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a producer or a consumer does.
fn work(role: &str, run: &str, number: &str) -> Result<(), Box<dyn Error>> {
    let ring = Ring::of(run)?;
    let life = ring.lives.number(number)?;
    let _alive = life.lock()?.into_guard();
    ring.lives.ready.release(1)?;
    while if role == "producer" { ring.put_next()? } else { ring.take_next()? } {}
    Ok(())
}
