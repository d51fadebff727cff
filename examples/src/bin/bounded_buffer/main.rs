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
//! One terminal is enough: the program starts itself again for each role. The ring is in `ring.rs` and
//! `memory.rs`; here is who uses it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to who runs it")]

mod memory;
mod ring;

use std::error::Error;
use std::process::{Child, Command, ExitCode};
use std::time::Duration;
use std::{env, process, thread};

use memory::SLOTS;
use ring::{ITEMS, Ring};

const ROLES: [&str; 5] = ["producer", "consumer", "producer", "consumer", "producer"];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => oversee(),
        ["producer", run] => Ring::join(run).and_then(|ring| while_true(|| ring.put_next())),
        ["consumer", run] => Ring::join(run).and_then(|ring| while_true(|| ring.take_next())),
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

fn while_true(step: impl Fn() -> Result<bool, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    while step()? {}
    Ok(())
}

fn oversee() -> Result<(), Box<dyn Error>> {
    // The names have the number of this process in them, so that two runs do not meet.
    let run = process::id().to_string();
    let ring = Ring::create(&run)?;
    println!("3 producers and 2 consumers move {ITEMS} items through {SLOTS} slots");
    let mut children: Vec<(&str, Child)> = Vec::new();
    for role in ROLES {
        children.push((role, Command::new(env::current_exe()?).args([role, &run]).spawn()?));
    }

    // The standard library cannot wait for any of several children, so this looks at them from time to time.
    while !children.is_empty() {
        thread::sleep(Duration::from_millis(5));
        let hanging = ring.hanging()?;
        let mut running = Vec::new();
        for (role, mut child) in children {
            if hanging == Some(child.id()) {
                child.kill()?; // TerminateProcess, SIGKILL
            }
            match child.try_wait()? {
                None => running.push((role, child)),
                Some(status) if status.success() => {}
                Some(_) => {
                    println!("a {role} was killed");
                    ring.replace_lost_units()?;
                }
            }
        }
        children = running;
    }

    let (taken, sum) = ring.taken()?;
    if (taken, sum) != (ITEMS, ITEMS * (ITEMS + 1) / 2) {
        return Err(format!("{taken} items arrived, and their sum is {sum}, which is wrong").into());
    }
    println!("{taken} items arrived, and their sum is {sum}, as it should be");
    Ok(())
}
