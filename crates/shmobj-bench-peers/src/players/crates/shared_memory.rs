//! The crate `shared_memory`, and where processes have to be told something, its author's `raw_sync`, as its examples have it.
#![allow(unsafe_code)] // its memory is a pointer

use ::raw_sync::events::{Event, EventImpl, EventInit, EventState};
use std::any::Any;

use ::raw_sync::Timeout;
use ::shared_memory::{Shmem, ShmemConf};

use super::memory::{self, Memory};
use super::ring;
use crate::players::tools::bulk::{CHUNK, SLOTS};
use crate::players::tools::touch::touch;
use crate::players::{Made, Stage};
use crate::protocol::Answer;

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    let objects = Objects(stage.prefix.clone());
    match stage.operation.as_str() {
        "transfer" => transfer(stage, &objects),
        "leftovers" => leftovers(stage, &objects),
        _ => memory::make(stage, objects),
    }
}

/// Names in `/dev/shm`, with this prefix.
pub(super) struct Objects(pub(super) String);

impl Objects {
    fn named(&self, name: &str) -> ShmemConf {
        ShmemConf::new().os_id(format!("/{}-{name}", self.0))
    }
}

impl Memory for Objects {
    type Created = Shmem;
    type Opened = Shmem;

    fn create(&self, name: &str, size: usize) -> Shmem {
        self.named(name).size(size).create().expect("created")
    }

    fn open(&self, name: &str) -> Shmem {
        self.named(name).open().expect("opened")
    }

    fn base(&self, memory: &mut Shmem) -> *mut u8 {
        memory.as_ptr()
    }

    /// The names stay without a process that has them open: 100,000 descriptors and mappings are more than it may have.
    fn crowd(&self, size: u64) -> Result<Box<dyn Any>, String> {
        for number in 0..size {
            self.create(&number.to_string(), 4096).set_owner(false);
        }
        Ok(Box::new(Crowd(Self(self.0.clone()), size)))
    }
}

struct Crowd(Objects, u64);

impl Drop for Crowd {
    fn drop(&mut self) {
        for number in 0..self.1 {
            self.0.open(&number.to_string()).set_owner(true);
        }
    }
}

/// An auto-reset event of `raw_sync` in memory that lives as long as the process.
pub(super) fn event<E: EventInit>(memory: &Shmem, offset: usize, role: usize) -> Box<dyn EventImpl> {
    assert!(offset + E::size_of(None) + 16 <= memory.len());
    // SAFETY: inside the memory.
    let place = unsafe { memory.as_ptr().add(offset) };
    let made = match role {
        // SAFETY: there is room for it, and nobody uses it yet.
        0 => unsafe { E::new(place, true) },
        // SAFETY: role 0 has made one there.
        _ => unsafe { E::from_existing(place) },
    };
    made.expect("an event").0
}

pub(super) fn wait(event: &dyn EventImpl) {
    event.wait(Timeout::Infinite).expect("waited");
}

pub(super) fn set(event: &dyn EventImpl) {
    event.set(EventState::Signaled).expect("set");
}

/// What is meant for role 0 to create, and for the others to open.
pub(super) fn shared(objects: &Objects, role: usize, name: &str, size: usize) -> Shmem {
    if role == 0 { objects.create(name, size) } else { objects.open(name) }
}

/// A bounded buffer: some chunks of memory, and two events for each, one that it is free and one that it is full.
fn transfer(stage: &Stage, objects: &Objects) -> Made {
    let role = stage.role;
    let events = shared(objects, role, "events", 4096);
    let both = |slot| [0, 1].map(|which| event::<Event>(&events, (2 * slot + which) * 256, role));
    let slots: Vec<[Box<dyn EventImpl>; 2]> = (0..SLOTS).map(both).collect();
    let memory = shared(objects, role, "memory", SLOTS * CHUNK);
    if role == 0 {
        slots.iter().for_each(|[free, _]| set(&**free));
    }
    // SAFETY: inside the memory, which lives as long as the player; the events say whose turn a chunk is.
    let chunk = move |slot: usize| unsafe { memory.as_ptr().add(slot * CHUNK) };
    if role == 0 {
        return ring::sender(stage, move |number, source| {
            let _there = &events;
            let slot = number % SLOTS;
            let [free, full] = &slots[slot];
            wait(&**free);
            // SAFETY: both are so long, and the chunk is free.
            unsafe { chunk(slot).copy_from_nonoverlapping(source.as_ptr(), CHUNK) };
            set(&**full);
        });
    }
    ring::receiver(stage, move |number, read| {
        let _there = &events;
        let slot = number % SLOTS;
        let [free, full] = &slots[slot];
        wait(&**full);
        // SAFETY: so long, and nobody writes there until it is free again.
        read(unsafe { std::slice::from_raw_parts(chunk(slot), CHUNK) });
        set(&**free);
    })
}

fn leftovers(stage: &Stage, objects: &Objects) -> Made {
    let memory = shared(objects, stage.role, "memory", 1 << 20);
    // SAFETY: mapped, so long, and writable.
    unsafe { touch(memory.as_ptr(), memory.len()) };
    Made::of(move |_| {
        let _held = &memory;
        Answer::Done
    })
}
