//! Section 14.5: signalling one object and waiting for another.
//!
//! Not to be observed here: SW-2 and SW-3 (what cannot be signalled does not compile; a handle is never bad), SW-9 (not being
//! atomic is no promise; that the signal comes first is tested).

mod common;

use common::Place;
use common::objects::abandon;
use common::sleeper::{Elsewhere, LONG, SHORT, Sleeper};
use shmobj::wait::{self, Signal, Waited};
use shmobj::{Access, ErrorKind, Reset, Timeout};

#[test]
fn sw_1_the_one_is_signalled_and_the_other_waited_for() {
    let place = Place::new();
    let event = place.event("event", Reset::Auto);
    let semaphore = place.semaphore("semaphore", 0, 5);
    let mutex = place.mutex("mutex");
    std::mem::forget(mutex.lock().unwrap());
    std::mem::forget(mutex.lock().unwrap());
    let signals: [&dyn Signal; 3] = [&event, &semaphore, &mutex];
    for (round, signal) in signals.into_iter().enumerate() {
        let go = place.semaphore("go", 1, 1);
        assert_eq!(wait::signal_and_wait(signal, &go, LONG).unwrap(), Waited::Signaled(0));
        assert_eq!(place.count("go"), 0);
        let state = (place.is_signaled("event"), place.count("semaphore"), mutex.depth());
        assert_eq!(state, [(true, 0, 2), (true, 1, 2), (true, 1, 1)][round]);
    }
    mutex.release().unwrap();
}

#[test]
fn sw_1_the_result_is_that_of_the_wait() {
    let place = Place::new();
    let event = place.event("event", Reset::Auto);
    let mutex = place.mutex("mutex");
    abandon(&[&mutex], 1);
    assert_eq!(wait::signal_and_wait(&event, &mutex, LONG).unwrap(), Waited::Abandoned(0));
    assert_eq!(mutex.depth(), 1);
    assert!(event.wait(Timeout::NOW).unwrap());
}

#[test]
fn sw_1_two_threads_take_turns_with_it() {
    let place = Place::new();
    let [ping, pong] = ["ping", "pong"].map(|name| place.event(name, Reset::Auto));
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            assert!(ping.wait(LONG).unwrap());
            for _ in 0..300 {
                assert_eq!(wait::signal_and_wait(&pong, &ping, LONG).unwrap(), Waited::Signaled(0));
            }
            pong.set().unwrap();
        });
        for _ in 0..301 {
            assert_eq!(wait::signal_and_wait(&ping, &pong, LONG).unwrap(), Waited::Signaled(0));
        }
        other.join().unwrap();
    });
    assert!(!ping.wait(Timeout::NOW).unwrap() && !pong.wait(Timeout::NOW).unwrap());
}

#[test]
fn sw_4_a_mutex_that_is_not_owned_is_not_signalled_and_nothing_is_waited_for() {
    let place = Place::new();
    let mutex = place.mutex("mutex");
    let semaphore = place.semaphore("semaphore", 1, 1);
    let refused = || {
        let error = wait::signal_and_wait(&mutex, &semaphore, LONG).unwrap_err();
        assert_eq!((error.kind(), error.win32_code()), (ErrorKind::NotOwner, 288));
        assert_eq!(place.count("semaphore"), 1);
    };
    refused();
    let owned = [&mutex];
    std::thread::scope(|scope| {
        let owner = Elsewhere::owns(scope, &owned);
        refused();
        owner.releases();
    });
}

#[test]
fn sw_5_a_full_semaphore_is_not_signalled_and_nothing_is_waited_for() {
    let place = Place::new();
    let full = place.semaphore("full", 2, 2);
    let other = place.semaphore("other", 1, 1);
    let error = wait::signal_and_wait(&full, &other, LONG).unwrap_err();
    assert_eq!((error.kind(), error.win32_code()), (ErrorKind::TooManyPosts, 298));
    assert_eq!((place.count("full"), place.count("other")), (2, 1));
}

#[test]
fn sw_6_without_the_right_to_modify_nothing_is_signalled_or_waited_for() {
    let place = Place::new();
    let _objects = (place.event("event", Reset::Auto), place.semaphore("semaphore", 0, 1));
    let event = place.events().open("event", Access::SYNCHRONIZE).unwrap();
    let semaphore = place.semaphores().open("semaphore", Access::SYNCHRONIZE).unwrap();
    let other = place.semaphore("other", 1, 1);
    let signals: [&dyn Signal; 2] = [&event, &semaphore];
    for signal in signals {
        let error = wait::signal_and_wait(signal, &other, LONG).unwrap_err();
        assert_eq!((error.kind(), error.win32_code()), (ErrorKind::AccessDenied, 5));
    }
    assert_eq!((place.is_signaled("event"), place.count("semaphore"), place.count("other")), (false, 0, 1));
}

#[test]
fn sw_6_a_mutex_needs_no_right_to_be_released() {
    let place = Place::new();
    let mutex = place.mutex("mutex");
    let handle = place.mutexes().open("mutex", Access::QUERY).unwrap();
    let other = place.semaphore("other", 1, 1);
    std::mem::forget(mutex.lock().unwrap());
    assert_eq!(wait::signal_and_wait(&handle, &other, LONG).unwrap(), Waited::Signaled(0));
    assert_eq!(mutex.depth(), 0);
}

#[test]
fn sw_7_without_the_right_to_wait_nothing_is_signalled() {
    let place = Place::new();
    let (event, semaphore, mutex) =
        (place.event("event", Reset::Manual), place.semaphore("semaphore", 0, 1), place.mutex("mutex"));
    std::mem::forget(mutex.lock().unwrap());
    let _other = place.semaphore("other", 1, 1);
    let other = place.semaphores().open("other", Access::MODIFY | Access::QUERY).unwrap();
    let signals: [&dyn Signal; 3] = [&event, &semaphore, &mutex];
    for signal in signals {
        let error = wait::signal_and_wait(signal, &other, LONG).unwrap_err();
        assert_eq!((error.kind(), error.win32_code()), (ErrorKind::AccessDenied, 5));
    }
    assert_eq!((place.is_signaled("event"), place.count("semaphore"), mutex.depth()), (false, 0, 1));
}

#[test]
fn sw_8_the_same_object_can_be_signalled_and_waited_for() {
    let place = Place::new();
    let auto = place.event("auto", Reset::Auto);
    let manual = place.event("manual", Reset::Manual);
    let semaphore = place.semaphore("semaphore", 0, 1);
    let mutex = place.mutex("mutex");
    std::mem::forget(mutex.lock().unwrap());
    for timeout in [Timeout::NOW, Timeout::NEVER] {
        assert_eq!(wait::signal_and_wait(&auto, &auto, timeout).unwrap(), Waited::Signaled(0));
        assert_eq!(wait::signal_and_wait(&manual, &manual, timeout).unwrap(), Waited::Signaled(0));
        assert_eq!(wait::signal_and_wait(&semaphore, &semaphore, timeout).unwrap(), Waited::Signaled(0));
        assert_eq!(wait::signal_and_wait(&mutex, &mutex, timeout).unwrap(), Waited::Signaled(0));
        assert_eq!((place.is_signaled("auto"), place.is_signaled("manual")), (false, true));
        assert_eq!((place.count("semaphore"), mutex.depth()), (0, 1));
    }
}

#[test]
fn sw_9_the_signal_is_seen_before_the_wait_ends() {
    let place = Place::new();
    let [event, go] = ["event", "go"].map(|name| place.event(name, Reset::Auto));
    std::thread::scope(|scope| {
        let sleeper = Sleeper::asleep(scope, || wait::signal_and_wait(&event, &go, LONG).unwrap());
        assert!(event.wait(LONG).unwrap());
        sleeper.stays_asleep();
        go.set().unwrap();
        assert_eq!(sleeper.outcome(), Waited::Signaled(0));
    });
}

#[test]
fn sw_10_after_a_time_out_the_signal_stays_done() {
    let place = Place::new();
    let (event, semaphore, mutex) =
        (place.event("event", Reset::Auto), place.semaphore("semaphore", 0, 3), place.mutex("mutex"));
    std::mem::forget(mutex.lock().unwrap());
    let never = place.event("never", Reset::Auto);
    let signals: [&dyn Signal; 3] = [&event, &semaphore, &mutex];
    for (signal, timeout) in signals.into_iter().zip([Timeout::NOW, SHORT.into(), Timeout::NOW]) {
        assert_eq!(wait::signal_and_wait(signal, &never, timeout).unwrap(), Waited::TimedOut);
    }
    assert_eq!((place.is_signaled("event"), place.count("semaphore"), mutex.depth()), (true, 1, 0));
}

#[test]
fn a_signal_by_itself_is_the_operation_that_it_stands_for() {
    let place = Place::new();
    let (event, semaphore, mutex) =
        (place.event("event", Reset::Auto), place.semaphore("semaphore", 0, 1), place.mutex("mutex"));
    let signals: [&dyn Signal; 3] = [&event, &semaphore, &mutex];
    assert_eq!(signals.map(|signal| common::code(signal.signal())), [0, 0, 288]);
    assert_eq!(signals.map(|signal| common::code(signal.signal())), [0, 298, 288]);
}
