//! One object at a time.

use ::shmobj::wait::{Spinning, set_spinning};
use ::shmobj::{Event, Mutex, Namespace, Semaphore, Timeout};

use crate::players::tools::page::Page;
use crate::players::tools::trips::trips;
use crate::players::tools::{clock, timing};
use crate::players::{Made, Stage};
use crate::protocol::{Answer, RECOVERY};

pub(super) fn make(stage: &Stage, namespace: &Namespace) -> Made {
    let mutex = || Mutex::options().namespace(namespace).create("m").expect("m");
    match stage.operation.as_str() {
        "lock" => {
            let mutex = mutex();
            Made::of(move |count| timing::timed(count, || drop(mutex.lock().expect("locked"))))
        }
        "contended" => {
            let (mutex, page) = (mutex(), Page::of(stage));
            Made::of(move |time| {
                timing::throughput(time, || {
                    let guard = mutex.lock().expect("locked");
                    page.count();
                    drop(guard);
                })
            })
        }
        "event" => {
            let event = Event::options().namespace(namespace).create("e").expect("e");
            Made::of(move |count| {
                timing::timed(count, || {
                    event.set().expect("set");
                    assert!(event.wait(Timeout::NEVER).expect("waited"));
                })
            })
        }
        "semaphore" => {
            let semaphore = Semaphore::options().namespace(namespace).create("s").expect("s");
            Made::of(move |count| {
                timing::timed(count, || {
                    semaphore.release(1).expect("released");
                    assert!(semaphore.wait(Timeout::NEVER).expect("waited"));
                })
            })
        }
        "ping-pong" | "ping-pong-one-core" => {
            set_spinning(Spinning::Never);
            ping_pong(stage, namespace)
        }
        "ping-pong-spinning" => ping_pong(stage, namespace),
        "recovery" => recovery(stage, mutex()),
        _ => Made::Unsupported,
    }
}

fn ping_pong(stage: &Stage, namespace: &Namespace) -> Made {
    let event = |name| Event::options().namespace(namespace).create(name).expect("an event");
    let (there, back) = (event("there"), event("back"));
    let wait = |event: &Event| assert!(event.wait(Timeout::NEVER).expect("waited"));
    match stage.role {
        0 => trips(0, move || {
            there.set().expect("set");
            wait(&back);
        }),
        _ => trips(1, move || {
            wait(&there);
            back.set().expect("set");
        }),
    }
}

fn recovery(stage: &Stage, mutex: Mutex) -> Made {
    if stage.role == 1 {
        std::mem::forget(mutex.lock().expect("locked"));
        return Made::of(move |_| {
            let _held = &mutex;
            Answer::Done
        });
    }
    Made::of(move |_| match mutex.lock_timeout(RECOVERY).expect("no error") {
        Some(lock) => Answer::Got { at: clock::now(), abandoned: lock.is_abandoned() },
        None => Answer::TimedOut,
    })
}
