//! What a process does that has honest work to do among enemies. Its own objects, of which no enemy knows, have to be right all the
//! time; with the others it may get any answer, but soon.
//!
//! ```text
//! endure MILLISECONDS           uses, opens, looks at and lists the objects named after their kinds
//! accept SOCKET MILLISECONDS    receives what is sent there, and uses it
//! ```
//! Both answer what came of it, `canaries=N`, how often all of these were right, and `longest=MILLISECONDS`.

use std::collections::BTreeMap;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use shmobj::transfer::{self, AnyHandle, Transfer};
use shmobj::wait::{self, Waitable};
use shmobj::{Access, Due, Error, Mutex, Namespace, Scope};

use super::canary::{Canaries, one_of_each};
use super::{Outcome, Words, misled, shown};
use crate::random::{Random, unique};

pub(super) fn obey(
    command: &str,
    words: &mut Words<'_>,
    namespace: &dyn Fn() -> Namespace,
) -> Option<Outcome> {
    Some(match command {
        "endure" => endure(words, &namespace()),
        "welcome" => accept(words, &namespace()),
        _ => return None,
    })
}

/// Any operation that was not asked to wait, or only for a moment.
fn use_at_random(handle: &AnyHandle, random: &mut Random) -> Result<(), Error> {
    let time = Duration::from_micros([0, 0, 300][random.below(3) as usize]);
    match (handle, random.below(5)) {
        (AnyHandle::FileMapping(mapping), 0) => {
            mapping.view().len(4096).map_mut()?.write_at(random.below(4000) as usize, b"honest work")
        }
        (AnyHandle::FileMapping(mapping), _) => mapping.view().len(4096).map()?.read_at(0, &mut [0; 4096]),
        (AnyHandle::Mutex(mutex), 0) => mutex.release(),
        (AnyHandle::Mutex(mutex), 1) => mutex.state().map(drop),
        (AnyHandle::Mutex(mutex), _) => mutex.lock_timeout(time).map(drop),
        (AnyHandle::Event(event), 0) => event.set(),
        (AnyHandle::Event(event), 1) => event.reset(),
        (AnyHandle::Event(event), 2) => event.pulse(),
        (AnyHandle::Event(event), 3) => event.state().map(drop),
        (AnyHandle::Event(event), _) => event.wait(time).map(drop),
        (AnyHandle::Semaphore(semaphore), 0) => semaphore.release(1).map(drop),
        (AnyHandle::Semaphore(semaphore), 1) => semaphore.state().map(drop),
        (AnyHandle::Semaphore(semaphore), _) => semaphore.wait(time).map(drop),
        (AnyHandle::WaitableTimer(timer), 0) => timer.set(Due::after(Duration::from_micros(100)), None),
        (AnyHandle::WaitableTimer(timer), 1) => timer.cancel(),
        (AnyHandle::WaitableTimer(timer), 2) => timer.state().map(drop),
        (AnyHandle::WaitableTimer(timer), _) => timer.wait(time).map(drop),
        _ => Ok(()),
    }
}

fn waitable(handle: &AnyHandle) -> Option<&dyn Waitable> {
    match handle {
        AnyHandle::Mutex(it) => Some(it),
        AnyHandle::Event(it) => Some(it),
        AnyHandle::Semaphore(it) => Some(it),
        AnyHandle::WaitableTimer(it) => Some(it),
        _ => None,
    }
}

/// Waits for several of them, for any or all.
fn use_together(handles: &[AnyHandle], random: &mut Random) -> Result<(), Error> {
    let list: Vec<&dyn Waitable> = handles.iter().filter_map(waitable).collect();
    if list.is_empty() {
        return Ok(());
    }
    let time = Duration::from_micros(random.below(300));
    if random.once_in(2) { wait::any(&list, time).map(drop) } else { wait::all(&list, time).map(drop) }
}

/// What came of it, and how long it took.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<String, u64>,
    longest: Duration,
}

impl Tally {
    fn take<T>(&mut self, what: impl FnOnce() -> Result<T, Error>) -> Option<T> {
        let begun = Instant::now();
        let outcome = what();
        self.longest = self.longest.max(begun.elapsed());
        let name = outcome.as_ref().map_or_else(|error| format!("{:?}", error.kind()), |_| "done".into());
        *self.counts.entry(name).or_default() += 1;
        outcome.ok()
    }

    fn told(mut self, canaries: &Canaries) -> String {
        self.counts.insert("canaries".into(), canaries.round);
        self.counts.insert("longest".into(), self.longest.as_millis() as u64);
        shown(&self.counts)
    }
}

/// A mutex that was taken in a wait for several is given back as often as it was taken.
fn let_go(handles: &[AnyHandle]) {
    for handle in handles {
        let AnyHandle::Mutex(mutex) = handle else { continue };
        while mutex.depth() > 0 {
            let _ = mutex.release();
        }
    }
}

fn endure(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let end = Instant::now() + Duration::from_millis(words.number()?);
    let (mut random, mut tally) = (Random::new(unique()), Tally::default());
    let mut canaries = Canaries::new(namespace)?;
    let held = one_of_each(namespace, "shared")?;
    while Instant::now() < end {
        let handle = &held[random.below(held.len() as u64) as usize];
        match random.below(12) {
            0 => drop(tally.take(|| one_of_each(namespace, "shared"))),
            1 => {
                drop(
                    tally.take(|| Mutex::options().namespace(namespace).open("shared-mutex", Access::QUERY)),
                );
            }
            2 => drop(tally.take(|| namespace.inspect(handle.name()))),
            3 => drop(tally.take(|| namespace.objects(Scope::Local))),
            4 => drop(tally.take(|| transfer::pack(&[handle as &dyn Transfer]).and_then(transfer::unpack))),
            5 => drop(tally.take(|| use_together(&held, &mut random))),
            _ => drop(tally.take(|| use_at_random(handle, &mut random))),
        }
        canaries.sing()?;
    }
    let_go(&held);
    Ok(tally.told(&canaries))
}

fn accept(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let listener = UnixListener::bind(words.next()?).map_err(misled)?;
    listener.set_nonblocking(true).map_err(misled)?;
    let end = Instant::now() + Duration::from_millis(words.number()?);
    let (mut random, mut tally) = (Random::new(unique()), Tally::default());
    let mut canaries = Canaries::new(namespace)?;
    let mut kept: Vec<AnyHandle> = Vec::new();
    while Instant::now() < end {
        if let Ok((socket, _)) = listener.accept() {
            socket.set_nonblocking(false).map_err(misled)?;
            socket.set_read_timeout(Some(Duration::from_millis(100))).map_err(misled)?;
            kept.extend(tally.take(|| transfer::receive(&socket)).into_iter().flatten());
        }
        for _ in 0..10 {
            let Some(handle) = kept.get(random.below(kept.len().max(1) as u64) as usize) else { break };
            tally.take(|| use_at_random(handle, &mut random));
        }
        tally.take(|| use_together(&kept[..kept.len().min(5)], &mut random));
        canaries.sing()?;
        let surplus = kept.len().saturating_sub(30);
        let_go(&kept[..surplus]);
        kept.drain(..surplus);
    }
    let_go(&kept);
    Ok(tally.told(&canaries))
}
