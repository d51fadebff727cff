//! The second process of "Sharing Files and Memory": it opens the memory that `named_memory_write` has created, and prints the
//! message in it.
//!
//! ```text
//! terminal 1> cargo run -p shmobj-examples --bin named_memory_write -- "How do you do?"
//! terminal 2> cargo run -p shmobj-examples --bin named_memory_read
//! How do you do?
//! ```
//!
//! Run it again, or first, and it says that there is no such memory.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to who runs it")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use shmobj::{Access, ErrorKind, Event, FileMapping};

// The same as in named_memory_write.
const MEMORY: &str = "shmobj-example.greeting";
const WRITTEN: &str = "shmobj-example.greeting.written";
const READ: &str = "shmobj-example.greeting.read";

fn main() -> ExitCode {
    match read() {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("named_memory_read: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read() -> Result<String, Box<dyn Error>> {
    // Ask for what is needed and no more: this handle cannot write, whatever a mistake below would try.
    let memory = FileMapping::open(MEMORY, Access::READ).map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("{error} (run named_memory_write in another terminal first)").into(),
        _ => Box::<dyn Error>::from(error),
    })?;
    let written = Event::open(WRITTEN, Access::SYNCHRONIZE)?;
    let read = Event::open(READ, Access::MODIFY)?;

    // The writer needs a moment. One that is killed in it never sets the event, so this does not wait for ever.
    if !written.wait(Duration::from_secs(10))? {
        return Err("the writer has created the memory, but wrote no message within 10 seconds".into());
    }

    // What another process has written is input like any other: a length that is nonsense is an error of `read_vec`.
    let view = memory.map()?;
    let mut length = [0; 8];
    view.read_at(0, &mut length)?;
    let message = view.read_vec(8, usize::try_from(u64::from_le_bytes(length))?)?;
    read.set()?;
    Ok(String::from_utf8_lossy(&message).into_owned())
}
