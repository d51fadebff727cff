//! Operations on objects that somebody scribbles over: none of them was asked to wait.
//!
//! ```text
//! torment MILLISECONDS      with all objects of this process, at random; answers what came of it, and `longest=MILLISECONDS`
//! scribble-words PATH MILLISECONDS      random bytes over the words of an entry
//! ```

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shmobj::wait::{self, Waitable};
use shmobj::{Due, Namespace, Period, Result};

use super::sync::{self, Any};
use super::{Outcome, Words, misled, shown};
use crate::random::{Random, unique};
use crate::system::page_size;

/// How many bytes of words there are, at the end of the page.
const WORDS: u64 = 512;

pub(super) fn obey(
    command: &str,
    words: &mut Words<'_>,
    _namespace: &dyn Fn() -> Namespace,
) -> Option<Outcome> {
    Some(match command {
        "torment" => torment(words),
        "scribble-words" => scribble(words),
        _ => return None,
    })
}

fn torment(words: &mut Words<'_>) -> Outcome {
    let end = Instant::now() + Duration::from_millis(words.number()?);
    let objects = sync::all();
    let mut counts = BTreeMap::new();
    let (mut random, mut longest) = (Random::new(unique()), Duration::ZERO);
    while Instant::now() < end {
        let begun = Instant::now();
        let what = match operate(&objects, &mut random) {
            Ok(()) => "done".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        };
        longest = longest.max(begun.elapsed());
        *counts.entry(what).or_default() += 1;
    }
    counts.insert("longest".to_owned(), longest.as_millis() as u64);
    Ok(shown(&counts))
}

/// One operation that does not ask to wait, or for a moment only.
fn operate(objects: &[Arc<Any>], random: &mut Random) -> Result<()> {
    let chosen = &*objects[random.below(objects.len() as u64) as usize];
    let time = Duration::from_micros([0, 0, 200][random.below(3) as usize]);
    match random.below(8) {
        0 => {
            let list: Vec<&dyn Waitable> = objects.iter().map(|object| object.waitable()).collect();
            return wait::any(&list, time).map(drop);
        }
        1 => return wait::all(&[chosen.waitable()], time).map(drop),
        2..5 => return wait::one(chosen.waitable(), time).map(drop),
        _ => {}
    }
    match (chosen, random.below(3)) {
        (Any::Mutex(mutex), _) => mutex.release(),
        (Any::Event(event), 0) => event.reset(),
        (Any::Event(event), 1) => event.pulse(),
        (Any::Event(event), _) => event.set(),
        (Any::Semaphore(semaphore), 0) => semaphore.release(100).map(drop),
        (Any::Semaphore(semaphore), _) => semaphore.release(1).map(drop),
        (Any::Timer(timer), 0) => timer.cancel(),
        (Any::Timer(timer), 1) => timer.set(Due::NOW, Some(Period::millis(1))),
        (Any::Timer(timer), _) => timer.set(Due::after(Duration::from_secs(1)), None),
    }
}

fn scribble(words: &mut Words<'_>) -> Outcome {
    let path = words.next()?;
    let end = Instant::now() + Duration::from_millis(words.number()?);
    let file = OpenOptions::new().write(true).open(path).map_err(misled)?;
    let mut random = Random::new(unique());
    let start = page_size() as u64 - WORDS;
    while Instant::now() < end {
        if random.once_in(20) {
            // Nothing is decided by anybody then, so that those who wait for a decision go on, into the next noise.
            file.write_at(&[0; WORDS as usize], start).map_err(misled)?;
            std::thread::sleep(Duration::from_micros(random.below(100)));
        }
        // Half of it where the cell, the latch and the token are.
        let at = if random.once_in(2) { random.below(WORDS - 8) } else { WORDS - 64 + random.below(57) };
        let length = 1 + random.below(8) as usize;
        let bytes = if random.once_in(4) { [0; 8] } else { random.next_u64().to_le_bytes() };
        file.write_at(&bytes[..length], start + at).map_err(misled)?;
    }
    Ok(String::new())
}
