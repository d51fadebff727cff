//! Sections 14.2 and 14.3: waiting for one object; and how long a wait may take.
//!
//! Not to be observed here: WS-1 and WS-8 (a handle is never closed, and has no number), WS-7 (there are no pseudo handles), WS-9 (there
//! are no APCs), WS-10 (that there is no order is no promise).

mod common;

use std::time::{Duration, Instant};

use common::Place;
use common::sleeper::{Elsewhere, LONG, SHORT, Sleeper, exactly};
use shmobj::wait::{self, Waitable, Waited};
use shmobj::{Access, Due, ErrorKind, Event, Mutex, Reset, Semaphore, Timeout, WaitableTimer};

/// One object of every sort, of which none is signalled.
struct Quiet {
    place: Place,
    mutex: Mutex,
    auto: Event,
    manual: Event,
    semaphore: Semaphore,
    timer: WaitableTimer,
    manual_timer: WaitableTimer,
}

impl Quiet {
    fn new() -> Self {
        let place = Place::new();
        let timer = place.timer("timer", Reset::Auto);
        timer.set(Due::after(Duration::from_secs(3600)), None).unwrap();
        Self {
            mutex: place.mutex("mutex"),
            auto: place.event("auto", Reset::Auto),
            manual: place.event("manual", Reset::Manual),
            semaphore: place.semaphore("semaphore", 0, 5),
            timer,
            manual_timer: place.timer("manual timer", Reset::Manual),
            place,
        }
    }

    fn objects(&self) -> [&dyn Waitable; 6] {
        [&self.mutex, &self.auto, &self.manual, &self.semaphore, &self.timer, &self.manual_timer]
    }

    /// Does something to each while another thread owns the mutex.
    fn each(&self, mut act: impl FnMut(&dyn Waitable)) {
        let owned = [&self.mutex];
        std::thread::scope(|scope| {
            let owner = Elsewhere::owns(scope, &owned);
            for object in self.objects() {
                act(object);
            }
            owner.releases();
        });
    }

    /// The events and timers that are signalled.
    fn signaled(&self) -> [bool; 4] {
        ["auto", "manual", "timer", "manual timer"].map(|name| self.place.is_signaled(name))
    }
}

#[test]
fn ws_2_without_the_right_to_wait_nothing_is_waited_for() {
    let place = Place::new();
    let event = place.events().signaled(true).create("event").unwrap();
    let semaphore = place.semaphore("semaphore", 1, 1);
    let timer = place.timer("timer", Reset::Auto);
    timer.set(Due::NOW, None).unwrap();
    for rights in [Access::MODIFY, Access::QUERY, Access::MODIFY | Access::QUERY] {
        let event = place.events().open("event", rights).unwrap();
        let semaphore = place.semaphores().open("semaphore", rights).unwrap();
        let timer = place.timers().open("timer", rights).unwrap();
        for result in [event.wait(SHORT), semaphore.wait(Timeout::NOW), timer.wait(Timeout::NEVER)] {
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.win32_code()), (ErrorKind::AccessDenied, 5));
        }
        let objects: [&dyn Waitable; 3] = [&event, &semaphore, &timer];
        for object in objects {
            assert_eq!(wait::one(object, LONG).unwrap_err().win32_code(), 5);
        }
    }
    assert!(event.wait(Timeout::NOW).unwrap(), "nothing was taken");
    assert!(semaphore.wait(Timeout::NOW).unwrap());
    assert!(timer.wait(Timeout::NOW).unwrap());
}

#[test]
fn ws_3_a_zero_time_out_never_blocks() {
    let at_once =
        [Timeout::NOW, Timeout::at(Instant::now()), Duration::ZERO.into(), Some(Duration::ZERO).into()];
    Quiet::new().each(|object| {
        for timeout in at_once {
            for _ in 0..100 {
                assert_eq!(wait::one(object, timeout).unwrap(), Waited::TimedOut);
            }
        }
    });
}

/// Also 14.2, each kind's signalled state and what a satisfied wait does; and WS-6.
#[test]
fn ws_3_ws_6_what_is_signalled_is_taken_at_once_whatever_the_time_out() {
    let quiet = Quiet::new();
    let Quiet { place, mutex, auto, manual, semaphore, timer, manual_timer } = &quiet;
    for timeout in [Timeout::NOW, Timeout::NEVER, Timeout::after(LONG), Timeout::at(Instant::now() + LONG)] {
        auto.set().unwrap();
        manual.set().unwrap();
        semaphore.release(2).unwrap();
        timer.set(Due::NOW, None).unwrap();
        manual_timer.set(Due::NOW, None).unwrap();
        assert_eq!(quiet.signaled(), [true; 4]);
        for object in quiet.objects() {
            assert_eq!(wait::one(object, timeout).unwrap(), Waited::Signaled(0));
        }
        assert_eq!(quiet.signaled(), [false, true, false, true]);
        assert_eq!((place.count("semaphore"), mutex.depth()), (1, 1));
        assert_eq!(wait::one(mutex, timeout).unwrap(), Waited::Signaled(0), "signalled for its owner");
        assert_eq!(mutex.depth(), 2);
        mutex.release().unwrap();
        mutex.release().unwrap();
        assert_eq!(wait::one(semaphore, timeout).unwrap(), Waited::Signaled(0));
    }
}

#[test]
fn ws_4_a_wait_without_limit_takes_as_long_as_it_takes() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    for never in
        [Timeout::NEVER, None.into(), Duration::MAX.into(), Timeout::after(Duration::from_secs(u64::MAX))]
    {
        std::thread::scope(|scope| {
            let sleeper = Sleeper::asleep(scope, || event.wait(never).unwrap());
            sleeper.stays_asleep();
            event.set().unwrap();
            assert!(sleeper.outcome());
        });
    }
}

#[test]
fn ws_5_a_time_out_is_never_early() {
    Quiet::new().each(|object| {
        for limit in [Duration::from_nanos(1), Duration::from_micros(300), Duration::from_millis(3)] {
            let begun = Instant::now();
            assert_eq!(wait::one(object, limit).unwrap(), Waited::TimedOut);
            assert!(begun.elapsed() >= limit, "{limit:?}");
            let deadline = Instant::now() + limit;
            assert_eq!(wait::one(object, deadline).unwrap(), Waited::TimedOut);
            assert!(Instant::now() >= deadline, "{limit:?}");
            let begun = Instant::now();
            assert_eq!(wait::one(object, Some(limit)).unwrap(), Waited::TimedOut);
            assert!(begun.elapsed() >= limit, "{limit:?}");
        }
    });
}

#[test]
fn ws_5_an_instant_that_has_passed_is_a_look() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 1, 1);
    let past = Instant::now() - Duration::from_millis(1);
    assert!(semaphore.wait(past).unwrap(), "what is there is taken");
    assert!(!semaphore.wait(past).unwrap());
    assert!(!semaphore.wait(Timeout::at(past)).unwrap());
}

#[test]
fn ws_5_a_time_out_takes_nothing() {
    let quiet = Quiet::new();
    quiet.each(|object| {
        assert_eq!(wait::one(object, Duration::from_millis(2)).unwrap(), Waited::TimedOut);
    });
    assert_eq!(quiet.signaled(), [false; 4]);
    assert_eq!((quiet.place.count("semaphore"), quiet.mutex.depth()), (0, 0));
    quiet.semaphore.release(1).unwrap();
    quiet.auto.set().unwrap();
    quiet.timer.set(Due::NOW, None).unwrap();
    assert!(quiet.semaphore.wait(Timeout::NOW).unwrap());
    assert!(quiet.auto.wait(Timeout::NOW).unwrap());
    assert!(quiet.timer.wait(Timeout::NOW).unwrap());
    assert!(quiet.mutex.try_lock().unwrap().is_some());
}

#[test]
fn ws_11_a_signal_wakes_only_as_many_as_it_satisfies() {
    let place = Place::new();
    let event = place.event("event", Reset::Auto);
    let semaphore = place.semaphore("semaphore", 0, 10);
    std::thread::scope(|scope| {
        let for_event = Sleeper::many(3, scope, || wait::one(&event, LONG).unwrap());
        let for_semaphore = Sleeper::many(4, scope, || wait::one(&semaphore, LONG).unwrap());
        event.set().unwrap();
        semaphore.release(2).unwrap();
        exactly(1, &for_event);
        exactly(2, &for_semaphore);
        event.set().unwrap();
        event.set().unwrap();
        semaphore.release(2).unwrap();
        for sleeper in for_event.into_iter().chain(for_semaphore) {
            assert_eq!(sleeper.outcome(), Waited::Signaled(0));
        }
    });
}

#[test]
fn a_wait_needs_no_right_but_that_to_wait() {
    let place = Place::new();
    let _event = place.events().signaled(true).create("event").unwrap();
    let _semaphore = place.semaphore("semaphore", 1, 1);
    let _mutex = place.mutex("mutex");
    let timer = place.timer("timer", Reset::Auto);
    timer.set(Due::NOW, None).unwrap();
    let rights = Access::SYNCHRONIZE;
    assert!(place.events().open("event", rights).unwrap().wait(LONG).unwrap());
    assert!(place.semaphores().open("semaphore", rights).unwrap().wait(LONG).unwrap());
    assert!(place.timers().open("timer", rights).unwrap().wait(LONG).unwrap());
    let mutex = place.mutexes().open("mutex", rights).unwrap();
    assert!(mutex.try_lock().unwrap().is_some());
}

#[test]
fn a_wait_through_one_handle_is_satisfied_through_another() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    std::thread::scope(|scope| {
        let waiting = place.events().open("n", Access::SYNCHRONIZE).unwrap();
        let sleeper = Sleeper::asleep(scope, move || waiting.wait(LONG).unwrap());
        let setting = place.events().open("Local\\n", Access::MODIFY).unwrap();
        drop(event);
        setting.set().unwrap();
        assert!(sleeper.outcome());
    });
}

/// O-6: the storage lives as long as somebody waits; here as long as somebody's handle does.
#[test]
fn o_6_a_sleeping_thread_keeps_the_object_when_all_others_close_it() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    std::thread::scope(|scope| {
        let waiting = place.events().open("n", Access::ALL).unwrap();
        let sleeper = Sleeper::asleep(scope, move || waiting.wait(LONG).unwrap());
        drop(event);
        sleeper.stays_asleep();
        let again = place.event("n", Reset::Manual);
        assert!(again.existed());
        again.set().unwrap();
        assert!(sleeper.outcome());
    });
}
