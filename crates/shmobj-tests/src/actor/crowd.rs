//! Commands that do much at once.
//!
//! ```text
//! litter PREFIX COUNT [beside]    many PREFIX COUNT           churn NAME MILLISECONDS
//! scribble PATH MILLISECONDS      storm TABLE WORKER SEED NAME_PREFIX OPTION...
//! sync-storm keep|work|namesake|careless LEDGER ROW LIFE SEED              sync-storm beat|settle
//! ```
#![allow(unsafe_code)] // fork

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use shmobj::test_hooks::{Fault, force};
use shmobj::{Access, FileMapping, Namespace};

use super::objects::Objects;
use super::{Outcome, Words, misled, shown};
use crate::random::{Random, unique};
use crate::storm::table::Table;
use crate::storm::worker::{Plan, Worker};

pub(super) fn obey(command: &str, words: &mut Words<'_>, objects: &Objects) -> Option<Outcome> {
    // Asked for only where it is used: the first question decides whose default namespace it is.
    let namespace = || objects.chosen_namespace();
    Some(match command {
        "litter" => litter(words, &namespace()),
        "many" => many(words, &namespace()),
        "churn" => churn(words, &namespace()),
        "scribble" => scribble(words),
        "storm" => storm(words, namespace()),
        "sync-storm" => sync_storm(words, &namespace()),
        _ => return None,
    })
}

/// Forks that each create an object under a random name and are killed.
fn litter(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let (prefix, count): (_, u32) = (words.next()?, words.number()?);
    let beside = words.next().is_ok();
    for _ in 0..count {
        // SAFETY: this process has one thread, so the child may do whatever the parent may.
        match unsafe { libc::fork() } {
            -1 => return Err(misled(std::io::Error::last_os_error())),
            0 => {
                let options =
                    FileMapping::options().namespace(namespace).size(4096).across_pid_namespaces(beside);
                let made = options.create(&format!("{prefix}-{:016x}", unique()));
                let signal = if made.is_ok() { Signal::KILL } else { Signal::ABORT };
                let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
            }
            child => {
                let mut status = 0;
                // SAFETY: waits for a child of ours. It leaves no status behind (SIGCHLD is ignored), so this only returns when it is gone.
                unsafe { libc::waitpid(child, &mut status, 0) };
            }
        }
    }
    Ok(String::new())
}

thread_local! {
    static HELD: RefCell<Vec<FileMapping>> = const { RefCell::new(Vec::new()) };
}

/// Creates and holds many objects.
fn many(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let (prefix, count): (_, u32) = (words.next()?, words.number()?);
    for number in 0..count {
        let object =
            FileMapping::options().namespace(namespace).size(4096).create(&format!("{prefix}-{number}"))?;
        HELD.with_borrow_mut(|held| held.push(object));
    }
    Ok(String::new())
}

/// Creates, opens, maps, uses and closes one name, and counts what came of it.
fn churn(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let name = words.next()?;
    let end = Instant::now() + Duration::from_millis(words.number()?);
    let mut counts = BTreeMap::from([("done".to_owned(), 0_u64)]);
    let mut random = Random::new(unique());
    while Instant::now() < end {
        let used = use_once(name, namespace, random.once_in(2));
        let what = used.map_or_else(|error| format!("{:?}", error.kind()), |()| "done".to_owned());
        *counts.entry(what).or_default() += 1;
    }
    Ok(shown(&counts))
}

fn use_once(name: &str, namespace: &Namespace, create: bool) -> shmobj::Result<()> {
    let options = FileMapping::options().namespace(namespace).size(4096);
    let mapping = if create { options.create(name)? } else { options.open(name, Access::READ_WRITE)? };
    let view = mapping.map_mut()?;
    view.write_at(8, b"churn")?;
    assert_eq!(view.read_vec(8, 5)?, b"churn");
    Ok(())
}

/// Writes random bytes to random places of a file.
fn scribble(words: &mut Words<'_>) -> Outcome {
    let path = words.next()?;
    let end = Instant::now() + Duration::from_millis(words.number()?);
    let file = OpenOptions::new().write(true).open(path).map_err(misled)?;
    let mut random = Random::new(unique());
    let mut count = 0;
    while Instant::now() < end {
        let bytes = random.next_u64().to_le_bytes();
        file.write_at(&bytes, random.below(4088)).map_err(misled)?;
        count += 1;
    }
    Ok(count.to_string())
}

fn storm(words: &mut Words<'_>, namespace: Namespace) -> Outcome {
    let table = Table::open(words.next()?).map_err(misled)?;
    let (number, seed) = (words.number()?, words.number()?);
    let prefix = words.next()?.to_owned();
    let mut plan = Plan { beside: false, bytes: 4096, travels: false, forks: false };
    for option in words.each() {
        match option {
            "beside" => plan.beside = true,
            "forks" => plan.forks = true,
            "travels" => plan.travels = true,
            "no-tmpfile" => force(Fault::Tmpfile),
            "no-hints" => force(Fault::Hints),
            other => plan.bytes = other.parse().map_err(misled)?,
        }
    }
    Worker::new(&table, number, seed, namespace, prefix, plan).run();
    Ok(String::new())
}

fn sync_storm(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let what = words.next()?;
    let who = match words.next() {
        Ok(path) => Some((path, words.number()?, words.number()?, words.number()?)),
        Err(_) => None,
    };
    crate::storm::sync::take_part(what, who, namespace).map_err(misled)
}
