//! The crate `raw_sync`, in memory of its author's `shared_memory`, as its examples have it.
#![allow(unsafe_code)] // its objects are made at an address

use ::raw_sync::Timeout;
use ::raw_sync::events::{BusyEvent, Event, EventInit};
use ::raw_sync::locks::{LockImpl, LockInit, Mutex};
use ::shared_memory::Shmem;

use super::shared_memory::{Objects, event, set, shared, wait};
use crate::players::tools::clock;
use crate::players::tools::page::Page;
use crate::players::tools::timing;
use crate::players::tools::trips::trips;
use crate::players::{Made, Stage};
use crate::protocol::{Answer, RECOVERY};

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    let objects = Objects(stage.prefix.clone());
    let memory = || shared(&objects, stage.role, "sync", 4096);
    match stage.operation.as_str() {
        "lock" => {
            let (memory, mutex) = mutex(memory(), stage.role);
            Made::of(move |count| {
                let _held = &memory;
                timing::timed(count, || drop(mutex.lock().expect("locked")))
            })
        }
        "contended" => {
            let (memory, mutex) = mutex(memory(), stage.role);
            let page = Page::of(stage);
            Made::of(move |count| {
                let _held = &memory;
                timing::throughput(count, || {
                    let guard = mutex.lock().expect("locked");
                    page.count();
                    drop(guard);
                })
            })
        }
        "event" => {
            let memory = memory();
            let event = event::<Event>(&memory, 0, 0);
            Made::of(move |count| {
                let _held = &memory;
                timing::timed(count, || {
                    set(&*event);
                    wait(&*event);
                })
            })
        }
        "ping-pong" | "ping-pong-one-core" => ping_pong::<Event>(stage, memory()),
        "ping-pong-spinning" => ping_pong::<BusyEvent>(stage, memory()),
        "recovery" => recovery(memory(), stage.role),
        _ => Made::Unsupported,
    }
}

fn mutex(memory: Shmem, role: usize) -> (Shmem, Box<dyn LockImpl>) {
    let place = memory.as_ptr();
    // SAFETY: inside the memory; what the lock protects is elsewhere.
    let data = unsafe { place.add(1024) };
    let made = match role {
        // SAFETY: there is room for it, and nobody uses it yet.
        0 => unsafe { Mutex::new(place, data) },
        // SAFETY: role 0 has made one there.
        _ => unsafe { Mutex::from_existing(place, data) },
    };
    let mutex = made.expect("a mutex").0;
    (memory, mutex)
}

fn ping_pong<E: EventInit>(stage: &Stage, memory: Shmem) -> Made {
    let (there, back) = (event::<E>(&memory, 0, stage.role), event::<E>(&memory, 1024, stage.role));
    match stage.role {
        0 => trips(0, move || {
            let _held = &memory;
            set(&*there);
            wait(&*back);
        }),
        _ => trips(1, move || {
            let _held = &memory;
            wait(&*there);
            set(&*back);
        }),
    }
}

fn recovery(memory: Shmem, role: usize) -> Made {
    let (memory, mutex) = mutex(memory, role);
    if role == 1 {
        std::mem::forget(mutex.lock().expect("locked"));
    }
    Made::of(move |_| {
        let _held = &memory;
        if role == 1 {
            return Answer::Done;
        }
        match mutex.try_lock(Timeout::Val(RECOVERY)) {
            Ok(_guard) => Answer::Got { at: clock::now(), abandoned: false },
            Err(_) => Answer::TimedOut,
        }
    })
}
