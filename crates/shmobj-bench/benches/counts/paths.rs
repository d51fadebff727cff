//! The paths that are counted.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use shmobj::wait::{self, Waitable, Waited, WaitedAll};
use shmobj::{Access, Event, FileMapping, Mutex, Namespace, Reset, Timeout, WaitableTimer};
use shmobj_bench::quiet::{self, Operation, Prepare};

use super::step;

/// One of them.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    prepare: Prepare,
    pub(crate) iterations: u32,
    /// Its code is the kernel's, and how often that looks again is chance.
    pub(crate) reads_clock: bool,
}

impl Path {
    const fn with_clock(self) -> Self {
        Self { reads_clock: true, ..self }
    }
}

/// As few as make an exact number, for each instruction takes some 20 us to be counted.
const fn path(name: &'static str, prepare: Prepare) -> Path {
    Path { name, prepare, iterations: 8, reads_clock: false }
}

/// For what costs more now and then: a whole number of such rounds.
const fn rounds(iterations: u32, name: &'static str, prepare: Prepare) -> Path {
    Path { name, prepare, iterations, reads_clock: false }
}

pub(crate) const PATHS: [Path; 26] = [
    path("nothing: what counting adds to each of the others", nothing),
    path(quiet::PATHS[0].0, quiet::PATHS[0].1),
    path("lock and unlock a mutex that somebody has slept for", exchanged_mutex),
    path(quiet::PATHS[1].0, quiet::PATHS[1].1),
    rounds(64, "try to lock a mutex that another thread owns", owned_mutex),
    path(quiet::PATHS[2].0, quiet::PATHS[2].1),
    path("the same with a time-out of a second", event_with_timeout),
    path(quiet::PATHS[3].0, quiet::PATHS[3].1),
    path("wait for a manual-reset event that is set", set_event),
    path(quiet::PATHS[4].0, quiet::PATHS[4].1),
    rounds(64, quiet::PATHS[5].0, quiet::PATHS[5].1),
    rounds(64, "look at a timer that is not due", timer).with_clock(),
    path("wait for any of 2 events, the last one set", any::<2>),
    path("wait for any of 8 events, the last one set", any::<8>),
    path("wait for any of 64 events, the last one set", any::<64>),
    path(quiet::PATHS[7].0, quiet::PATHS[7].1),
    path("wait for all of 2 manual-reset events", all::<2>).with_clock(),
    rounds(2, "wait for all of 64 manual-reset events", all::<64>).with_clock(),
    path("open an event that this process has, and close it", open_event),
    path("duplicate an event, and close it", duplicate),
    rounds(16, "create an event, and close it", create_event),
    path("open a mapping that this process has, and close it", open_mapping),
    path("read 64 bytes of a view", read),
    path("write 64 bytes of a view", write),
    path("load an atomic of a view", load),
    path("add to an atomic of a view", add),
];

/// Does a path between the marks that are counted.
pub(crate) fn run(name: &str, directory: &std::path::Path) {
    let path = PATHS.iter().find(|path| path.name == name).expect("a path");
    let mut operation = (path.prepare)(&Namespace::at(directory));
    // Until what is learned is learned: how long to spin, where the holders are, that a mutex is often given back.
    repeat(&mut operation, 1024);
    step::mark();
    repeat(&mut operation, 1);
    step::mark();
    repeat(&mut operation, 1 + path.iterations);
    step::mark();
}

#[inline(never)]
fn repeat(operation: &mut Operation, times: u32) {
    for _ in 0..times {
        operation();
    }
}

fn nothing(_: &Namespace) -> Operation {
    Box::new(|| {
        black_box(());
    })
}

fn exchanged_mutex(namespace: &Namespace) -> Operation {
    let mutex = Mutex::options().namespace(namespace).create("m").expect("m");
    let others = mutex.try_clone().expect("another handle");
    let owned = mutex.lock().expect("locked");
    let sleeper = std::thread::spawn(move || {
        let got = others.lock_timeout(Duration::from_millis(50)).expect("no error").is_some();
        assert!(!got, "it is owned");
    });
    sleeper.join().expect("a sleeper");
    drop(owned);
    Box::new(move || drop(mutex.lock().expect("locked")))
}

fn owned_mutex(namespace: &Namespace) -> Operation {
    let mutex = Mutex::options().namespace(namespace).create("m").expect("m");
    let owners = mutex.try_clone().expect("another handle");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let _owned = owners.lock().expect("locked");
        sender.send(()).expect("who waits for it");
        loop {
            std::thread::park();
        }
    });
    receiver.recv().expect("an owner");
    Box::new(move || assert!(mutex.try_lock().expect("no error").is_none()))
}

fn event(namespace: &Namespace, reset: Reset) -> Event {
    Event::options().namespace(namespace).reset(reset).create("e").expect("e")
}

fn event_with_timeout(namespace: &Namespace) -> Operation {
    let event = event(namespace, Reset::Auto);
    Box::new(move || {
        event.set().expect("set");
        assert!(event.wait(Duration::from_secs(1)).expect("waited"));
    })
}

fn set_event(namespace: &Namespace) -> Operation {
    let event = event(namespace, Reset::Manual);
    event.set().expect("set");
    Box::new(move || assert!(event.wait(Timeout::NEVER).expect("waited")))
}

fn timer(namespace: &Namespace) -> Operation {
    let timer = WaitableTimer::options().namespace(namespace).create("t").expect("t");
    timer.set(shmobj::Due::after(Duration::from_secs(3600)), None).expect("set");
    Box::new(move || assert!(!timer.wait(Timeout::NOW).expect("looked")))
}

/// Events that stay until the process ends, so that the list of them is not part of what is counted.
fn events(namespace: &Namespace, count: usize, reset: Reset) -> &'static [Event] {
    let create = |number| Event::options().namespace(namespace).reset(reset).create(&format!("e{number}"));
    let events: Vec<Event> = (0..count).map(|number| create(number).expect("an event")).collect();
    events.leak()
}

fn any<const COUNT: usize>(namespace: &Namespace) -> Operation {
    let events = events(namespace, COUNT, Reset::Auto);
    let list: Vec<&dyn Waitable> = events.iter().map(|event| event as &dyn Waitable).collect();
    Box::new(move || {
        events[COUNT - 1].set().expect("set");
        assert_eq!(wait::any(&list, Timeout::NEVER).expect("waited"), Waited::Signaled(COUNT - 1));
    })
}

fn all<const COUNT: usize>(namespace: &Namespace) -> Operation {
    let events = events(namespace, COUNT, Reset::Manual);
    let list: Vec<&dyn Waitable> = events.iter().map(|event| event as &dyn Waitable).collect();
    for event in events {
        event.set().expect("set");
    }
    Box::new(move || assert_eq!(wait::all(&list, Timeout::NEVER).expect("waited"), WaitedAll::Signaled))
}

fn open_event(namespace: &Namespace) -> Operation {
    let (kept, namespace) = (event(namespace, Reset::Auto), namespace.clone());
    Box::new(move || {
        black_box(&kept);
        drop(Event::options().namespace(&namespace).open("e", Access::ALL).expect("open"));
    })
}

fn duplicate(namespace: &Namespace) -> Operation {
    let event = event(namespace, Reset::Auto);
    Box::new(move || drop(event.try_clone().expect("another handle")))
}

fn create_event(namespace: &Namespace) -> Operation {
    let namespace = namespace.clone();
    Box::new(move || drop(event(&namespace, Reset::Auto)))
}

fn mapping(namespace: &Namespace) -> FileMapping {
    FileMapping::options().namespace(namespace).size(4096).create("m").expect("m")
}

fn open_mapping(namespace: &Namespace) -> Operation {
    let (kept, namespace) = (mapping(namespace), namespace.clone());
    Box::new(move || {
        black_box(&kept);
        drop(FileMapping::options().namespace(&namespace).open("m", Access::ALL).expect("open"));
    })
}

fn read(namespace: &Namespace) -> Operation {
    let view = mapping(namespace).map_mut().expect("a view");
    let mut buffer = [0; 64];
    Box::new(move || {
        view.read_at(black_box(64), &mut buffer).expect("read");
        black_box(&buffer);
    })
}

fn write(namespace: &Namespace) -> Operation {
    let view = mapping(namespace).map_mut().expect("a view");
    let bytes = [7; 64];
    Box::new(move || view.write_at(black_box(64), black_box(&bytes)).expect("written"))
}

fn load(namespace: &Namespace) -> Operation {
    let view = mapping(namespace).map_mut().expect("a view");
    Box::new(move || {
        black_box(view.load::<AtomicU64>(black_box(64), Ordering::Acquire).expect("loaded"));
    })
}

fn add(namespace: &Namespace) -> Operation {
    let view = mapping(namespace).map_mut().expect("a view");
    Box::new(move || {
        view.atomic::<AtomicU64>(black_box(64)).expect("an atomic").fetch_add(1, Ordering::AcqRel);
    })
}
