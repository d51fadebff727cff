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
//! `--standby`, alone, waits to take over: kill the first (Ctrl-C) and see. `--quit`, alone, ends the instance.
//!
//! Who *owns* the mutex is the instance; that it exists says nothing, since the others open it as well. Ownership ends with its
//! process, however that ends, so there is no lock file that a crash leaves behind.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to who runs it")]

mod letter;
mod letter_box;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use letter_box::LetterBox;
use shmobj::{Lock, Mutex};

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
    let instance = Mutex::open_or_create("shmobj-example.instance")?;
    let letters = LetterBox::open_or_create("shmobj-example.instance.letters")?;
    if arguments == ["--standby"] {
        println!("waiting for the instance to end");
        return serve(&instance.lock()?, &letters, &[]);
    }
    match instance.try_lock()? {
        Some(place) => serve(&place, &letters, arguments),
        None => hand_over(&instance, &letters, arguments),
    }
}

/// What the instance does. The lock is its place.
fn serve(place: &Lock<'_>, letters: &LetterBox, own: &[String]) -> Result<(), Box<dyn Error>> {
    match place {
        Lock::Acquired(_) => println!("this is the one instance"),
        // To be told, somebody has to keep the mutex while its owner dies: a standby, or who hands over. Who starts when nobody
        // is left makes a new one.
        Lock::Abandoned(_) => println!("the instance was killed; this is the next one"),
    }
    let mut go_on = open(own);
    while go_on {
        letters.wait()?;
        go_on = open(&letter::read(&letters.letter()?)?);
        // Only now: if this process is killed before, the letter is still there for the next instance.
        letters.empty()?;
    }
    Ok(())
}

/// Opens what the arguments name. False: they say that this is the end.
fn open(arguments: &[String]) -> bool {
    if arguments == ["--quit"] {
        return false;
    }
    for name in arguments {
        println!("opening {name}");
    }
    true
}

/// What all others do.
fn hand_over(instance: &Mutex, letters: &LetterBox, arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let letter = letter::write(arguments)?;
    // One at a time. A letter of somebody who was killed here is still in the box, and goes first.
    let desk = letters.desk()?;
    if let Some(place) = letters.until_empty(instance)? {
        drop(desk);
        return serve(&place, letters, arguments);
    }
    letters.put(&letter)?;
    let place = letters.until_empty(instance)?;
    drop(desk);
    match place {
        None => println!("handed over to the instance that runs"),
        Some(place) => return serve(&place, letters, &[]), // which finds its own letter in the box
    }
    Ok(())
}
