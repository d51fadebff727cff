//! Named memory.
#![allow(unsafe_code)] // a view that both sides take turns at is read as a slice

use ::shmobj::{Access, Allocation, Event, FileMapping, Mutex, Namespace, Semaphore, Timeout};
use ::shmobj::{ReadWrite, View};

use super::crowd::Crowd;
#[cfg(target_os = "linux")]
use crate::players::tools::held;
use crate::players::tools::touch::touch;
use crate::players::tools::{bulk, timing};
use crate::players::{Made, Stage};
use crate::protocol::Answer;

type Named = (FileMapping, View<ReadWrite>);

/// Creates and maps.
struct Maker {
    namespace: Namespace,
    bytes: u64,
    allocation: Allocation,
}

impl Maker {
    fn create(&self, name: &str) -> Named {
        let options = FileMapping::options().namespace(&self.namespace).size(self.bytes);
        let mapping = options.allocation(self.allocation).create(name).expect("a mapping");
        let view = mapping.map_mut().expect("a view");
        (mapping, view)
    }

    fn open(&self) -> Named {
        let options = FileMapping::options().namespace(&self.namespace);
        let mapping = options.open("n", Access::READ_WRITE).expect("n");
        let view = mapping.map_mut().expect("a view");
        (mapping, view)
    }
}

pub(super) fn make(stage: &Stage, namespace: Namespace) -> Made {
    let reserved = stage.contender == "shmobj-reserved";
    let allocation = if reserved { Allocation::Reserve } else { Allocation::Commit };
    let objects = stage.directory.join("objects");
    let maker = |bytes| Maker { namespace: namespace.clone(), bytes, allocation };
    match stage.operation.as_str() {
        "create" => {
            let maker = maker(stage.parameter);
            Made::of(move |count| timing::timed_part(count, || maker.create("c"), drop))
        }
        "close" => {
            let maker = maker(stage.parameter);
            Made::of(move |count| {
                let mut sum = std::time::Duration::ZERO;
                for _ in 0..count {
                    let (mapping, view) = maker.create("c");
                    let begun = std::time::Instant::now();
                    drop(view);
                    drop(mapping);
                    sum += begun.elapsed();
                }
                timing::took(sum)
            })
        }
        "first-touch" => {
            let maker = maker(stage.parameter);
            Made::of(move |count| {
                let mut sum = std::time::Duration::ZERO;
                for _ in 0..count {
                    let (_mapping, view) = maker.create("t");
                    let begun = std::time::Instant::now();
                    if reserved {
                        view.commit(0, view.len()).expect("room");
                    }
                    // SAFETY: the view is so long, and writable.
                    unsafe { touch(view.as_mut_ptr(), view.len()) };
                    sum += begun.elapsed();
                }
                timing::took(sum)
            })
        }
        _ if reserved => Made::Unsupported,
        "create-beside" => {
            let (crowd, maker) = (Crowd::of(&objects, stage.parameter), maker(4096));
            Made::of(move |count| {
                let _there = &crowd;
                timing::timed_part(count, || maker.create("c"), drop)
            })
        }
        "open" => opened(maker(0), Crowd::of_one(&objects, stage.parameter)),
        "open-beside" => {
            opened(maker(0), Crowd::of_one(&objects, 4096).and(Crowd::of(&objects, stage.parameter)))
        }
        "transfer" => transfer(stage, &maker((bulk::SLOTS * bulk::CHUNK) as u64)),
        #[cfg(target_os = "linux")]
        "memory-per-object" | "descriptors-per-object" => {
            let maker = maker(4096);
            held::per_object(stage, move |number| {
                let named = maker.create(&format!("o{number}"));
                // SAFETY: the view is so long, and writable.
                unsafe { touch(named.1.as_mut_ptr(), named.1.len()) };
                named
            })
        }
        "leftovers" => {
            let memory = maker(1 << 20).create("memory");
            let mutex = Mutex::options().namespace(&namespace).create("mutex").expect("a mutex");
            let event = Event::options().namespace(&namespace).create("event").expect("an event");
            let semaphore = Semaphore::options().namespace(&namespace).create("semaphore").expect("one");
            Made::of(move |_| {
                let _held = (&memory, &mutex, &event, &semaphore);
                Answer::Done
            })
        }
        _ => Made::Unsupported,
    }
}

fn opened(maker: Maker, holders: Crowd) -> Made {
    Made::of(move |count| {
        let _there = &holders;
        timing::timed_part(count, || maker.open(), drop)
    })
}

/// A bounded buffer: some chunks of memory, a semaphore of those that are free, and one of those that are full.
fn transfer(stage: &Stage, maker: &Maker) -> Made {
    let (mapping, view) = maker.create("slots");
    let slots = bulk::SLOTS as u32;
    let semaphore = |name, initial| {
        let options = Semaphore::options().namespace(&maker.namespace).initial(initial).max(slots);
        options.create(name).expect("a semaphore")
    };
    let (free, full) = (semaphore("free", slots), semaphore("full", 0));
    let (role, bytes) = (stage.role, stage.parameter);
    let (source, expected) = (bulk::source(), bulk::expected(bytes));
    let wait = |semaphore: &Semaphore| assert!(semaphore.wait(Timeout::NEVER).expect("waited"));
    Made::of(move |count| {
        let _open = &mapping;
        let chunk = |number: u64| (number as usize % bulk::SLOTS) * bulk::CHUNK;
        let chunks = bytes / bulk::CHUNK as u64;
        if role == 1 {
            return timing::timed(count, || {
                let mut sum = 0_u64;
                for number in 0..chunks {
                    wait(&full);
                    // SAFETY: inside the view.
                    let start = unsafe { view.as_ptr().add(chunk(number)) };
                    // SAFETY: as above, and nobody writes there until the chunk is free again.
                    let bytes = unsafe { std::slice::from_raw_parts(start, bulk::CHUNK) };
                    sum = sum.wrapping_add(bulk::sum(bytes));
                    free.release(1).expect("released");
                }
                assert_eq!(sum, expected, "every byte arrives");
            });
        }
        for _ in 0..count {
            for number in 0..chunks {
                wait(&free);
                view.write_at(chunk(number), &source).expect("written");
                full.release(1).expect("released");
            }
        }
        Answer::Done
    })
}
