//! Waiting for any of several, and for all of them.

use std::cell::RefCell;
use std::hint::black_box;
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use shmobj::wait::{self, Spinning, Waitable, Waited, WaitedAll, set_spinning};
use shmobj::{Event, Reset, Timeout};
use shmobj_bench::{Contender, Versus};

use super::raw::{eventfd, futex, machine};
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

/// Beside `poll`, where each signal is taken.
pub(crate) fn beside_poll(stage: &Stage) {
    let events = events(stage, Reset::Auto);
    for count in [1, 2, 8, MANY] {
        let events = &events[MANY - count..];
        let list = list(events);
        let descriptors = eventfd::several(count);
        let polled = RefCell::new(eventfd::list(descriptors.iter().map(AsRawFd::as_raw_fd)));
        let heading = |what| format!("{what} of {count}, {}", stage.placement());
        let subject = Contender::new("set, and wait::any", || {
            events[count - 1].set().expect("set");
            assert_eq!(wait::any(&list, Timeout::NEVER).expect("waited"), Waited::Signaled(count - 1));
        });
        let polling = || {
            eventfd::raise(&descriptors[count - 1]);
            assert_eq!(eventfd::take_any(&mut polled.borrow_mut()), count - 1);
        };
        Versus::new(heading("the last one"), subject)
            .rounds(101, 500)
            .against(Contender::new("write, poll and read of eventfds", polling), Some(1.0))
            .run();
        let subject = Contender::new("set, and wait::all", || {
            events.iter().for_each(|event| event.set().expect("set"));
            assert_eq!(wait::all(&list, Timeout::NEVER).expect("waited"), WaitedAll::Signaled);
        });
        let reading = || {
            descriptors.iter().for_each(eventfd::raise);
            descriptors.iter().for_each(|fd| eventfd::take(fd.as_raw_fd()));
        };
        Versus::new(heading("all"), subject)
            .rounds(101, 200)
            .against(Contender::new("write and read of each eventfd", reading), Some(1.0))
            .run();
    }
}

/// Pages of the raw memory behind those of the flags.
const ASLEEP: usize = 100;
const WOKEN: usize = 101;

/// A process that sleeps on all of them, and says when it woke. It has inherited the eventfds of these numbers.
pub(crate) fn sleeper(stage: &Stage, descriptors: &str) {
    set_spinning(Spinning::Never);
    let events = events(stage, Reset::Auto);
    let list = list(&events);
    let flags = flags(stage);
    let waiters = futex::waiters(&flags);
    let mut polled = eventfd::list(descriptors.split(',').map(|number| number.parse().expect("a number")));
    say("ready");
    for (how, times) in commands() {
        for time in 1..=times {
            stage.shared.word(ASLEEP).store(time, Release);
            let index = if how == "events" {
                match wait::any(&list, Timeout::NEVER).expect("waited") {
                    Waited::Signaled(index) => index,
                    other => panic!("{other:?}"),
                }
            } else if how == "eventfds" {
                eventfd::take_any(&mut polled)
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
    let descriptors = eventfd::several(MANY);
    let numbers: Vec<String> = descriptors.iter().map(|fd| fd.as_raw_fd().to_string()).collect();
    let mut peer = stage.peer("sleeper", &numbers.join(","));
    assert_eq!(peer.hear(), "ready");
    let peer = RefCell::new(peer);
    let event = || events[LAST].set().expect("set");
    let bare = || futex::raise(flag);
    let polled = || eventfd::raise(&descriptors[LAST]);
    Versus::new(
        format!("being woken from a wait for any of {MANY}, {}", stage.placement()),
        Contender::timed("wait::any of events", |times| latency(stage, &peer, "events", times, event)),
    )
    .rounds(41, 20)
    .against(
        Contender::timed("bare futex_waitv", |times| latency(stage, &peer, "flags", times, bare)),
        Some(1.3),
    )
    .against(
        Contender::timed("poll of eventfds", |times| latency(stage, &peer, "eventfds", times, polled)),
        Some(1.0),
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
