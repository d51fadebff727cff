//! Waiting for any of 64.

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use shmobj::wait::{self, Spinning, Waitable, Waited, set_spinning};
use shmobj::{Event, Reset, Timeout};
use shmobj_bench::{Contender, Versus};

use super::raw::{futex, machine};
use super::stage::{Peer, Stage, commands, say};

const MANY: usize = 64;
const LAST: usize = MANY - 1;

fn events(stage: &Stage, last: Reset) -> Vec<Event> {
    let create = |number| {
        let reset = if number == LAST { last } else { Reset::Auto };
        Event::options().namespace(&stage.namespace).reset(reset).create(&format!("e{number}"))
    };
    (0..MANY).map(|number| create(number).expect("an event")).collect()
}

fn list(events: &[Event]) -> Vec<&dyn Waitable> {
    events.iter().map(|event| event as &dyn Waitable).collect()
}

fn flags(stage: &Stage) -> Vec<&'static AtomicU32> {
    (0..MANY).map(|page| stage.shared.word(page + 1)).collect()
}

/// Nobody has to sleep.
pub(crate) fn signaled(stage: &Stage) {
    let events = events(stage, Reset::Manual);
    let list = list(&events);
    events[LAST].set().expect("set");
    let flags = flags(stage);
    flags[LAST].store(1, Relaxed);
    let subject = Contender::new("wait::any", || {
        assert_eq!(wait::any(&list, Timeout::NEVER).expect("waited"), Waited::Signaled(LAST));
    });
    Versus::new(format!("any of {MANY} events, the last one set, {}", stage.placement()), subject)
        .rounds(201, 2000)
        .limit(250.0)
        .against(
            Contender::new("a look at 64 words on 64 pages", || {
                let found = black_box(&flags).iter().position(|flag| flag.load(Acquire) != 0);
                assert_eq!(found, Some(LAST));
            }),
            None,
        )
        .run();
}

/// Pages of the raw memory behind those of the flags.
const ASLEEP: usize = 100;
const WOKEN: usize = 101;

/// A process that sleeps on all of them, and says when it woke.
pub(crate) fn sleeper(stage: &Stage) {
    set_spinning(Spinning::Never);
    let events = events(stage, Reset::Auto);
    let list = list(&events);
    let flags = flags(stage);
    let waiters = futex::waiters(&flags);
    say("ready");
    for (how, times) in commands() {
        for time in 1..=times {
            stage.shared.word(ASLEEP).store(time, Release);
            let index = if how == "events" {
                match wait::any(&list, Timeout::NEVER).expect("waited") {
                    Waited::Signaled(index) => index,
                    other => panic!("{other:?}"),
                }
            } else {
                futex::take_any(&flags, &waiters)
            };
            let woken = machine::now();
            assert_eq!(index, LAST);
            stage.shared.long(WOKEN).store(woken, Release);
        }
    }
}

/// How long it takes from a signal in one process until another one knows.
pub(crate) fn asleep(stage: &Stage) {
    let events = events(stage, Reset::Auto);
    let flag = stage.shared.word(MANY);
    let mut peer = stage.peer("sleeper", "");
    assert_eq!(peer.hear(), "ready");
    let peer = RefCell::new(peer);
    let event = || events[LAST].set().expect("set");
    let bare = || futex::raise(flag);
    Versus::new(
        format!("being woken from a wait for any of {MANY}, {}", stage.placement()),
        Contender::timed("wait::any of events", |times| latency(stage, &peer, "events", times, event)),
    )
    .rounds(41, 20)
    .against(
        Contender::timed("bare futex_waitv", |times| latency(stage, &peer, "flags", times, bare)),
        Some(1.3),
    )
    .run();
}

/// The sum of so many.
fn latency(stage: &Stage, peer: &RefCell<Peer>, how: &str, times: u32, signal: impl Fn()) -> Duration {
    let (asleep, woken) = (stage.shared.word(ASLEEP), stage.shared.long(WOKEN));
    let pause = || std::thread::sleep(Duration::from_micros(100));
    asleep.store(0, Release);
    peer.borrow_mut().tell(how, times);
    let mut sum = 0;
    for time in 1..=times {
        while asleep.load(Acquire) != time {
            pause();
        }
        pause(); // until it sleeps
        woken.store(0, Release);
        let begun = machine::now();
        signal();
        while woken.load(Acquire) == 0 {
            pause();
        }
        sum += woken.load(Acquire) - begun;
    }
    Duration::from_nanos(sum)
}
