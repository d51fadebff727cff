//! The first process of "Sharing Files and Memory": it creates named memory, writes a message, and stays until
//! `named_memory_read` has read it.
//!
//! ```text
//! terminal 1> cargo run -p shmobj-examples --bin named_memory_write -- "How do you do?"
//! wrote 14 bytes; run named_memory_read in another terminal
//! the message was read
//! terminal 2> cargo run -p shmobj-examples --bin named_memory_read
//! How do you do?
//! ```
//!
//! Why it stays: the memory has its name while somebody holds it. When both have ended, nothing is left. Kill this one
//! (Ctrl-C) before the reader comes, and the reader finds nothing.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to who runs it")]

use std::env;
use std::error::Error;
use std::process::ExitCode;

use shmobj::{Event, FileMapping, Reset, Timeout};

// What both programs have to agree on: three names, and that the memory holds the length of the message (8 bytes, the lowest
// first) and then the message.
const MEMORY: &str = "shmobj-example.greeting";
const WRITTEN: &str = "shmobj-example.greeting.written";
const READ: &str = "shmobj-example.greeting.read";

fn main() -> ExitCode {
    let message = env::args().nth(1).unwrap_or_else(|| "Message from the first process.".to_owned());
    match write(&message) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("named_memory_write: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(message: &str) -> Result<(), Box<dyn Error>> {
    // The events come first: who finds the memory finds them, too. `create` would open what another writer has made, and
    // this one would write over its message; `create_new` makes that an error.
    let written = Event::options().reset(Reset::Manual).create_new(WRITTEN)?;
    let read = Event::options().create_new(READ)?;
    let memory = FileMapping::options().size(64 << 10).create_new(MEMORY)?;

    let view = memory.map_mut()?;
    view.write_at(0, &(message.len() as u64).to_le_bytes())?;
    view.write_at(8, message.as_bytes())?;
    written.set()?; // a reader that was quicker than the two lines above waits for this

    println!("wrote {} bytes; run named_memory_read in another terminal", message.len());
    read.wait(Timeout::NEVER)?;
    println!("the message was read");
    Ok(())
}
