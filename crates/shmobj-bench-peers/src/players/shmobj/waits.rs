//! Several objects at once.

use ::shmobj::wait::{self, Spinning, Waitable, Waited, WaitedAll, set_spinning};
use ::shmobj::{Event, Namespace, Timeout};

use crate::players::tools::sleeper::sleeper;
use crate::players::tools::timing;
use crate::players::{Made, Stage};

pub(super) fn make(stage: &Stage, namespace: &Namespace) -> Made {
    let count = stage.parameter as usize;
    let create = |number| Event::options().namespace(namespace).create(&format!("e{number}"));
    let events: Vec<Event> = (0..count).map(|number| create(number).expect("an event")).collect();
    // For as long as the process: the list borrows them.
    let events: &'static [Event] = events.leak();
    let list: Vec<&dyn Waitable> = events.iter().map(|event| event as &dyn Waitable).collect();
    let last = count - 1;
    let any = move || match wait::any(&list, Timeout::NEVER).expect("waited") {
        Waited::Signaled(index) => assert_eq!(index, last),
        other => panic!("{other:?}"),
    };
    let signal = move || events[last].set().expect("set");
    match (stage.operation.as_str(), stage.role) {
        ("wait-any", _) => Made::of(move |count| {
            timing::timed(count, || {
                signal();
                any();
            })
        }),
        ("wait-all", _) => {
            let list: Vec<&dyn Waitable> = events.iter().map(|event| event as &dyn Waitable).collect();
            Made::of(move |count| {
                timing::timed(count, || {
                    events.iter().for_each(|event| event.set().expect("set"));
                    let all = wait::all(&list, Timeout::NEVER).expect("waited");
                    assert_eq!(all, WaitedAll::Signaled);
                })
            })
        }
        (_, 0) => {
            set_spinning(Spinning::Never);
            sleeper(stage, any)
        }
        _ => sleeper(stage, signal),
    }
}
