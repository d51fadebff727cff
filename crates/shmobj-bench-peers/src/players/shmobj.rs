//! This project.

use ::shmobj::wait::{Spinning, set_spinning};
use ::shmobj::{Event, Mutex, Namespace, Timeout};

use super::tools::timing;
use super::tools::trips::trips;
use super::{Made, Stage};

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    let namespace = Namespace::at(stage.directory.join("objects"));
    match stage.operation.as_str() {
        "lock" => {
            let mutex = Mutex::options().namespace(&namespace).create("m").expect("m");
            Made::of(move |count| timing::timed(count, || drop(mutex.lock().expect("locked"))))
        }
        "ping-pong" | "ping-pong-one-core" => {
            set_spinning(Spinning::Never);
            ping_pong(stage, &namespace)
        }
        "ping-pong-spinning" => ping_pong(stage, &namespace),
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
