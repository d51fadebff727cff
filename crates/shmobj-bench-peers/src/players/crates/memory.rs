//! What every contender with named memory plays in the same way; only how a piece of it is made differs.
#![allow(unsafe_code)] // touches memory where a contender says that it is

use std::any::Any;
use std::time::{Duration, Instant};

use crate::players::tools::touch::touch;
use crate::players::tools::{held, timing};
use crate::players::{Made, Stage};

/// What an operation without a size means.
const SMALL: usize = 4096;

/// Named memory of a contender.
pub(super) trait Memory: 'static {
    /// Memory that this process made, mapped. Dropping it removes the name.
    type Created;
    /// Memory that somebody else made, mapped.
    type Opened;

    fn create(&self, name: &str, size: usize) -> Self::Created;
    fn open(&self, name: &str) -> Self::Opened;
    /// Where it is, so that its pages can be touched: all bytes that were asked for are mapped there, and may be written.
    fn base(&self, memory: &mut Self::Created) -> *mut u8;
    /// Keeps so many names while the player lives, in the way that costs this contender least; an error says why it cannot.
    fn crowd(&self, size: u64) -> Result<Box<dyn Any>, String>;
}

/// The operations on memory.
pub(super) fn make<M: Memory>(stage: &Stage, memory: M) -> Made {
    let size = stage.parameter as usize;
    match stage.operation.as_str() {
        "create" => create(memory, size),
        "open" => open(memory, size),
        "close" => close(memory, size),
        "create-beside" => beside(stage, memory, create),
        "open-beside" => beside(stage, memory, open),
        "first-touch" => first_touch(memory, size),
        "memory-per-object" | "descriptors-per-object" => held::per_object(stage, move |number| {
            let mut made = memory.create(&number.to_string(), SMALL);
            // SAFETY: so says the contender.
            unsafe { touch(memory.base(&mut made), SMALL) };
            made
        }),
        _ => Made::Unsupported,
    }
}

fn create<M: Memory>(memory: M, size: usize) -> Made {
    Made::of(move |count| timing::timed_part(count, || memory.create("m", size), drop))
}

fn open<M: Memory>(memory: M, size: usize) -> Made {
    let made = memory.create("m", size);
    Made::of(move |count| {
        let _there = &made;
        timing::timed_part(count, || memory.open("m"), drop)
    })
}

fn close<M: Memory>(memory: M, size: usize) -> Made {
    second_part(move || Some(memory.create("m", size)), |made| drop(made.take()))
}

fn first_touch<M: Memory>(memory: M, size: usize) -> Made {
    let prepare = move || {
        let mut made = memory.create("m", size);
        let base = memory.base(&mut made);
        (Some(made), base)
    };
    second_part(prepare, move |(_made, base)| {
        // SAFETY: so says the contender, and it has not been closed yet.
        unsafe { touch(*base, size) }
    })
}

/// Only the second part of an iteration is in the time; what it leaves of what the first one made is closed after it.
fn second_part<T: 'static>(
    mut first: impl FnMut() -> T + 'static,
    mut second: impl FnMut(&mut T) + 'static,
) -> Made {
    Made::of(move |count| {
        let mut sum = Duration::ZERO;
        for _ in 0..count {
            let mut made = first();
            let begun = Instant::now();
            second(&mut made);
            sum += begun.elapsed();
        }
        timing::took(sum)
    })
}

/// A player beside others, who go when it goes.
fn beside<M: Memory>(stage: &Stage, memory: M, player: fn(M, usize) -> Made) -> Made {
    let crowd = match memory.crowd(stage.parameter) {
        Ok(crowd) => crowd,
        Err(reason) => return Made::Absent(reason),
    };
    match player(memory, SMALL) {
        Made::Player(mut player) => Made::of(move |count| {
            let _others = &crowd;
            player.run(count)
        }),
        other => other,
    }
}
