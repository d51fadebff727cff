//! Commands about children that inherit handles.
//!
//! ```text
//! spawn ADDRESS OPTION... [ROLE=HANDLE]...     children that obey at the address; answers their numbers
//! spawn-doomed STAGE [ROLE=HANDLE]...          a child that is killed: `before` or `after` it opened its descriptors
//! keep-command OPTION... [ROLE=HANDLE]...      a command that has handles for its children, and is not started
//! spawn-kept ADDRESS                           lose-command
//! inherited HANDLE ROLE                        roles
//! set-variable TEXT                            variable
//! move-file NUMBER PATH                        opens a file at the number of a descriptor
//! close-number NUMBER
//! ```
//! Options: `+shell` (through `sh -c`), `+uid=N`, `+clear` (environment cleared before), `+program=PATH`.
#![allow(unsafe_code)] // pre_exec; descriptors by their numbers

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use shmobj::transfer::{self, AnyHandle, InheritExt};

use super::{Outcome, Words, luggage, misled};

thread_local! {
    static KEPT: RefCell<Option<Command>> = const { RefCell::new(None) };
}

pub(super) fn obey(command: &str, words: &mut Words<'_>) -> Option<Outcome> {
    Some(match command {
        "spawn" => spawn(words),
        "spawn-doomed" => spawn_doomed(words),
        "keep-command" => keep_command(words),
        "spawn-kept" => words.next().and_then(|address| {
            KEPT.with_borrow_mut(|kept| {
                let command = kept.as_mut().ok_or_else(|| misled("no command"))?;
                start(command.env("PUPPET_ADDRESS", address))
            })
        }),
        "lose-command" => {
            KEPT.take();
            Ok(String::new())
        }
        "inherited" => inherited(words),
        "roles" => Ok(transfer::roles().join(" ")),
        "set-variable" => {
            // SAFETY: this process has one thread.
            unsafe { std::env::set_var("SHMOBJ_INHERITED", words.rest()) };
            Ok(String::new())
        }
        "variable" => Ok(std::env::var("SHMOBJ_INHERITED").unwrap_or_default()),
        "move-file" => move_file(words),
        "close-number" => words.number().map(|number: RawFd| {
            // SAFETY: nobody in this process owns it: the test says so.
            drop(unsafe { OwnedFd::from_raw_fd(number) });
            String::new()
        }),
        _ => return None,
    })
}

fn start(command: &mut Command) -> Outcome {
    Ok(command.spawn().map_err(misled)?.id().to_string())
}

/// The puppet program once more, with what the words say.
fn command(words: &mut Words<'_>) -> Result<Command, super::Failure> {
    let all: Vec<&str> = words.each().collect();
    let option = |wanted: &str| all.iter().find_map(|word| word.strip_prefix('+')?.strip_prefix(wanted));
    let own = std::env::current_exe().map_err(misled)?;
    let program = option("program=").map_or(own, std::path::PathBuf::from);
    let mut command = if option("shell").is_some() {
        let mut shell = Command::new("sh");
        // A shell tells of a child that is killed.
        shell.arg("-c").arg("\"$0\" obey; exit 0").arg(program).stderr(Stdio::null());
        shell
    } else {
        let mut command = Command::new(program);
        command.arg("obey");
        command
    };
    if option("clear").is_some() {
        command.env_clear();
    }
    if let Some(uid) = option("uid=") {
        command.uid(uid.parse().map_err(misled)?);
    }
    for (role, handle) in all.iter().filter_map(|word| word.split_once('=')) {
        if !role.starts_with('+') {
            let role = meant(role);
            luggage::with_handle(handle, |handle| Ok(command.inherit(&role, handle).map(drop)?))?;
        }
    }
    Ok(command)
}

/// Some characters cannot stand in a command.
fn meant(role: &str) -> String {
    role.replace("{blank}", " ").replace("{newline}", "\n")
}

fn spawn(words: &mut Words<'_>) -> Outcome {
    let address = words.next()?;
    start(command(words)?.env("PUPPET_ADDRESS", address))
}

fn keep_command(words: &mut Words<'_>) -> Outcome {
    let command = command(words)?;
    KEPT.replace(Some(command));
    Ok(String::new())
}

fn spawn_doomed(words: &mut Words<'_>) -> Outcome {
    let dies_before = words.next()? == "before";
    let die = || {
        rustix::process::kill_process(rustix::process::getpid(), Signal::KILL)?;
        Ok(())
    };
    let mut doomed = Command::new("true");
    if dies_before {
        // SAFETY: the closure makes one system call.
        unsafe { doomed.pre_exec(die) };
    }
    for (role, handle) in words.each().filter_map(|word| word.split_once('=')) {
        luggage::with_handle(handle, |handle| Ok(doomed.inherit(role, handle).map(drop)?))?;
    }
    if !dies_before {
        // SAFETY: as above.
        unsafe { doomed.pre_exec(die) };
    }
    if let Ok(mut child) = doomed.spawn() {
        let _ = child.wait(); // nothing to be told (SIGCHLD is ignored), but then it is gone
    }
    Ok(String::new())
}

fn inherited(words: &mut Words<'_>) -> Outcome {
    let (name, role) = (words.next()?, meant(&words.rest()));
    luggage::keep(name, transfer::inherited::<AnyHandle>(&role)?)
}

fn move_file(words: &mut Words<'_>) -> Outcome {
    let number: RawFd = words.number()?;
    let file = OpenOptions::new().read(true).write(true).open(words.next()?).map_err(misled)?;
    // SAFETY: nobody in this process owns what is there: the test says so.
    let mut there = std::mem::ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(number) });
    rustix::io::dup2(&file, &mut there).map_err(misled)?;
    Ok(String::new())
}
