//! Proof that an operation makes no system call: it is run where any would be fatal.
//!
//! A thread in seccomp's strict mode may read, write and exit; at any other call the kernel kills it. So a process prepares an
//! operation, runs it a few times (a thread's first use of an object maps its page), enters that mode, and runs it many times more.
//! If it lives to exit, it has made none. (A process that gives back mutexes a few hundred times registers for barriers, once. So each path is run more
//! often than that before.) [`CONTROL`] is the path that has to die.
//!
//! This is about what happens without contention; whoever really waits has to ask the kernel.
#![allow(unsafe_code)] // two system calls that no crate wraps: entering that mode, and leaving it alive

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use shmobj::wait::{self, Waitable, Waited};
use shmobj::{Event, Mutex, Namespace, Reset, Semaphore, Timeout};

/// The path that makes a system call.
pub const CONTROL: &str = "yield the processor";

/// An operation that is ready to be run.
pub type Operation = Box<dyn FnMut()>;
/// Makes it ready.
pub type Prepare = fn(&Namespace) -> Operation;

/// Every path: what it is called, and how it is made ready.
pub const PATHS: [(&str, Prepare); 9] = [
    ("lock and unlock a mutex", lock),
    ("lock a mutex twice", lock_twice),
    ("set and wait for an auto-reset event", auto_event),
    ("wait for a manual-reset event that is set, set and reset it", manual_event),
    ("release and wait for a semaphore", semaphore),
    ("look at an event that is not set", unset_event),
    ("wait for any of 64 events, the last one set", any_event),
    ("wait for any of 63 events and a free mutex, and release it", any_mutex),
    (CONTROL, control),
];

fn lock(namespace: &Namespace) -> Operation {
    let mutex = Mutex::options().namespace(namespace).create("m").expect("m");
    Box::new(move || drop(mutex.lock().expect("locked")))
}

fn lock_twice(namespace: &Namespace) -> Operation {
    let mutex = Mutex::options().namespace(namespace).create("m").expect("m");
    Box::new(move || {
        let outer = mutex.lock().expect("locked");
        let inner = mutex.try_lock().expect("no error").expect("locked again");
        drop(inner);
        drop(outer);
    })
}

fn auto_event(namespace: &Namespace) -> Operation {
    let event = Event::options().namespace(namespace).create("e").expect("e");
    Box::new(move || {
        event.set().expect("set");
        assert!(event.wait(Timeout::NEVER).expect("waited"));
    })
}

fn manual_event(namespace: &Namespace) -> Operation {
    let event = Event::options().namespace(namespace).reset(Reset::Manual).create("e").expect("e");
    Box::new(move || {
        event.set().expect("set");
        assert!(event.wait(Timeout::NEVER).expect("waited"));
        event.reset().expect("reset");
    })
}

fn semaphore(namespace: &Namespace) -> Operation {
    let semaphore = Semaphore::options().namespace(namespace).create("s").expect("s");
    Box::new(move || {
        assert_eq!(semaphore.release(1).expect("released"), 0);
        assert!(semaphore.wait(Timeout::NEVER).expect("waited"));
    })
}

fn unset_event(namespace: &Namespace) -> Operation {
    let event = Event::options().namespace(namespace).create("e").expect("e");
    Box::new(move || assert!(!event.wait(Timeout::NOW).expect("looked")))
}

fn events(namespace: &Namespace, count: usize) -> Vec<Event> {
    let create = |number| Event::options().namespace(namespace).create(&format!("e{number}"));
    (0..count).map(|number| create(number).expect("an event")).collect()
}

fn any_event(namespace: &Namespace) -> Operation {
    let events = events(namespace, 64);
    Box::new(move || {
        let list: [&dyn Waitable; 64] = std::array::from_fn(|index| &events[index] as &dyn Waitable);
        events[63].set().expect("set");
        assert_eq!(wait::any(&list, Timeout::NEVER).expect("waited"), Waited::Signaled(63));
    })
}

fn any_mutex(namespace: &Namespace) -> Operation {
    let events = events(namespace, 63);
    let mutex = Mutex::options().namespace(namespace).create("m").expect("m");
    Box::new(move || {
        let mut list: [&dyn Waitable; 64] = [&mutex; 64];
        for (place, event) in list.iter_mut().zip(&events) {
            *place = event;
        }
        assert_eq!(wait::any(&list, Timeout::NEVER).expect("waited"), Waited::Signaled(63));
        mutex.release().expect("released");
    })
}

fn control(_: &Namespace) -> Operation {
    let mut first = true;
    Box::new(move || {
        if !std::mem::take(&mut first) {
            std::thread::yield_now();
        }
    })
}

/// Runs a path in strict mode, and exits with 0 if this process is still there. It must have one thread only: the kernel kills
/// threads.
///
/// # Panics
/// There is no path of this name, or it does not work at all.
pub fn run(name: &str, directory: &Path) -> ! {
    let (_, prepare) = PATHS.iter().find(|path| path.0 == name).expect("a path");
    let mut path = prepare(&Namespace::at(directory));
    for _ in 0..2000 {
        path();
    }
    // SAFETY: takes two numbers.
    let entered = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT) };
    assert_eq!(entered, 0, "this kernel has no seccomp");
    for _ in 0..10_000 {
        path();
    }
    // `exit` of the C library would end all threads, with a call that is not allowed.
    // SAFETY: the only thread ends.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!("the thread has ended")
}

/// How a path ended in a process of its own: this program with `strict`, the path and the directory as its arguments, which has to
/// [`run`] it.
///
/// # Panics
/// No process can be started.
#[must_use]
pub fn try_out(name: &str, directory: &Path) -> ExitStatus {
    let program = std::env::current_exe().expect("this program");
    Command::new(program).arg("strict").arg(name).arg(directory).status().expect("a process")
}

/// Whether such a process was killed for a system call.
#[must_use]
pub fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(libc::SIGKILL)
}
