//! A program that runs once. A second start finds the first, hands its arguments over, and ends. When the first is killed, the
//! next one takes its place.
//!
//! ```text
//! terminal 1> cargo run -p shmobj-examples --bin single_instance -- letter.txt
//! this is the one instance
//! opening letter.txt
//! terminal 2> cargo run -p shmobj-examples --bin single_instance -- photo.png
//! handed over to the instance that runs
//! terminal 1, meanwhile:
//! opening photo.png
//! ```
//!
//! `--standby` as the only argument waits to take over: kill the first (Ctrl-C) and see. `--quit` ends the instance.
//!
//! Who *owns* the mutex is the instance; that it exists says nothing, since the others open it as well. Ownership ends with its
//! process, however that ends, so there is no lock file that a crash leaves behind.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to who runs it")]

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use shmobj::wait::{self, Waited};
use shmobj::{Event, FileMapping, Lock, Mutex, ReadWrite, Timeout, View};

// The letter box: whether a letter is in it (0 or 1), its length, its text.
const FULL: usize = 0;
const LENGTH: usize = 8;
const TEXT: usize = 16;

struct Program {
    instance: Mutex,
    desk: Mutex, // whose owner may fill the letter box
    posted: Event,
    taken: Event,
    letters: View<ReadWrite>,
    _memory: FileMapping,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned()).collect();
    match start(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("single_instance: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    // Everybody creates everything: who comes later opens what is there.
    let memory = FileMapping::options().size(64 << 10).create("shmobj-example.instance.letters")?;
    let program = Program {
        instance: Mutex::open_or_create("shmobj-example.instance")?,
        desk: Mutex::open_or_create("shmobj-example.instance.desk")?,
        posted: Event::options().create("shmobj-example.instance.posted")?,
        taken: Event::options().create("shmobj-example.instance.taken")?,
        letters: memory.map_mut()?,
        _memory: memory,
    };
    let lock = match arguments {
        [only] if only == "--standby" => {
            println!("waiting for the instance to end");
            Some(program.instance.lock()?)
        }
        _ => program.instance.try_lock()?,
    };
    match lock {
        Some(lock) => program.serve(&lock, arguments),
        None => program.hand_over(arguments),
    }
}

/// Opens what the lines say. False: they say that this is the end.
fn open(lines: &str) -> bool {
    for line in lines.lines().filter(|line| !line.starts_with("--")) {
        println!("opening {line}");
    }
    !lines.lines().any(|line| line == "--quit")
}

impl Program {
    /// What the instance does. The lock is its place.
    fn serve(&self, place: &Lock<'_>, arguments: &[String]) -> Result<(), Box<dyn Error>> {
        match place {
            Lock::Acquired(_) => println!("this is the one instance"),
            // To be told, somebody has to keep the mutex while its owner dies: a standby, or who hands over. Who starts when
            // nobody is left makes a new one.
            Lock::Abandoned(_) => println!("the instance was killed; this is the next one"),
        }
        let mut go_on = open(&arguments.join("\n"));
        while go_on {
            // It looks before it waits: who put a letter in may have been killed before the event was set.
            while self.full()?.load(Acquire) == 0 {
                self.posted.wait(Timeout::NEVER)?;
            }
            let length = self.letters.load::<AtomicU64>(LENGTH, Relaxed)?;
            let text = self.letters.read_vec(TEXT, usize::try_from(length)?)?;
            go_on = open(&String::from_utf8_lossy(&text));
            // Only now: if this process is killed before, the letter is still there for the next instance.
            self.full()?.store(0, Release);
            self.taken.set()?;
        }
        Ok(())
    }

    /// What all others do.
    fn hand_over(&self, arguments: &[String]) -> Result<(), Box<dyn Error>> {
        // One at a time. If the former one was killed here, its letter is whole when the box is full, and goes first.
        let desk = self.desk.lock()?.into_guard();
        let mut own = arguments;
        let mut place = self.until_taken()?;
        if place.is_none() {
            let text = arguments.join("\n");
            self.letters.write_at(TEXT, text.as_bytes())?;
            self.letters.atomic::<AtomicU64>(LENGTH)?.store(text.len() as u64, Relaxed);
            self.full()?.store(1, Release); // the letter is in the box now, and not before
            own = &[];
            place = self.until_taken()?;
        }
        drop(desk);
        match place {
            None => println!("handed over to the instance that runs"),
            Some(place) => return self.serve(&place, own),
        }
        Ok(())
    }

    /// Waits until the box is empty. If the instance ends before, this process has its place, and takes the letter itself.
    fn until_taken(&self) -> shmobj::Result<Option<Lock<'_>>> {
        while self.full()?.load(Acquire) == 1 {
            self.posted.set()?;
            match wait::any(&[&self.taken, &self.instance], Timeout::NEVER)? {
                Waited::Signaled(1) => return Ok(Some(Lock::Acquired(self.instance.guard()?))),
                Waited::Abandoned(_) => return Ok(Some(Lock::Abandoned(self.instance.guard()?))),
                _ => {} // perhaps the event was set for a sender that was killed: look into the box
            }
        }
        Ok(None)
    }

    fn full(&self) -> shmobj::Result<&AtomicU64> {
        self.letters.atomic(FULL)
    }
}
