//! Section 17: events.
//!
//! Not to be observed here: EV-9 (no APC takes a thread out of its wait), EV-10 (a handle is never closed or of
//! another type), EV-14 (options have no undefined bits).

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(target_os = "linux")]
use std::time::Duration;

use common::Place;
use common::sleeper::{LONG, SHORT, Sleeper, done, exactly, until};
use shmobj::wait::{self, Waited};
use shmobj::{Access, ErrorKind, Reset, Timeout};

#[test]
fn an_event_is_not_set_at_first_unless_that_is_asked_for() {
    let place = Place::new();
    for reset in [Reset::Auto, Reset::Manual] {
        assert!(!place.events().reset(reset).create("").unwrap().wait(Timeout::NOW).unwrap());
        assert!(place.events().reset(reset).signaled(true).create("").unwrap().wait(Timeout::NOW).unwrap());
        let named = place.events().reset(reset).signaled(true).create("n").unwrap();
        assert_eq!(named.reset_mode(), reset);
        assert!(named.wait(Timeout::NOW).unwrap());
    }
}

#[test]
fn ev_1_a_manual_event_lets_all_pass_until_it_is_reset() {
    let place = Place::new();
    let event = place.event("n", Reset::Manual);
    std::thread::scope(|scope| {
        let sleepers = Sleeper::many(4, scope, || event.wait(LONG).unwrap());
        event.set().unwrap();
        assert!(sleepers.into_iter().all(Sleeper::outcome), "those who wait now");
    });
    for _ in 0..3 {
        assert!(event.wait(Timeout::NOW).unwrap(), "those who come later");
    }
    event.reset().unwrap();
    assert!(!event.wait(Timeout::NOW).unwrap());
}

#[test]
fn ev_2_an_auto_event_lets_exactly_one_of_those_pass_who_wait() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    std::thread::scope(|scope| {
        let sleepers = Sleeper::many(3, scope, || event.wait(LONG).unwrap());
        for released in 1..=3 {
            event.set().unwrap();
            exactly(released, &sleepers);
        }
        assert!(sleepers.into_iter().all(Sleeper::outcome));
    });
    assert!(!event.wait(Timeout::NOW).unwrap());
}

#[test]
fn ev_3_setting_a_set_event_adds_nothing() {
    let place = Place::new();
    let auto = place.event("auto", Reset::Auto);
    let manual = place.event("manual", Reset::Manual);
    for _ in 0..3 {
        auto.set().unwrap();
        manual.set().unwrap();
    }
    assert!(auto.wait(Timeout::NOW).unwrap());
    assert!(!auto.wait(Timeout::NOW).unwrap());
    manual.reset().unwrap();
    assert!(!manual.wait(Timeout::NOW).unwrap());
}

#[test]
fn ev_4_any_event_can_be_reset_as_often_as_one_likes() {
    let place = Place::new();
    for reset in [Reset::Auto, Reset::Manual] {
        let event = place.events().reset(reset).create("").unwrap();
        event.reset().unwrap();
        event.set().unwrap();
        event.reset().unwrap();
        event.reset().unwrap();
        assert!(!event.wait(Timeout::NOW).unwrap(), "{reset:?}");
        event.set().unwrap();
        assert!(event.wait(Timeout::NOW).unwrap(), "{reset:?}");
    }
}

#[test]
fn ev_5_an_auto_event_that_is_set_while_nobody_waits_stays_set_for_one_wait() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    event.set().unwrap();
    std::thread::sleep(SHORT);
    assert!(place.is_signaled("n"));
    assert!(event.wait(Timeout::NEVER).unwrap());
    assert!(!event.wait(SHORT).unwrap());
}

#[test]
fn ev_5_who_gave_up_waiting_takes_no_signal() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    assert!(!event.wait(SHORT).unwrap());
    assert_eq!(wait::any(&[&event, &event], SHORT).unwrap(), Waited::TimedOut);
    event.set().unwrap();
    event.set().unwrap();
    assert!(event.wait(Timeout::NOW).unwrap());
    assert!(!event.wait(Timeout::NOW).unwrap(), "two sets with nobody asleep are one");
}

#[test]
fn ev_6_a_pulse_of_a_manual_event_releases_all_who_sleep_and_nobody_later() {
    let place = Place::new();
    let event = place.event("n", Reset::Manual);
    for _ in 0..20 {
        std::thread::scope(|scope| {
            let sleepers = Sleeper::many(4, scope, || event.wait(LONG).unwrap());
            event.pulse().unwrap();
            assert!(!event.wait(Timeout::NOW).unwrap(), "it ends not signalled");
            assert!(sleepers.into_iter().all(Sleeper::outcome));
        });
    }
    assert!(!place.is_signaled("n"));
}

#[test]
fn ev_6_a_pulse_of_a_manual_event_releases_those_who_wait_for_any_of_several() {
    let place = Place::new();
    let event = place.event("n", Reset::Manual);
    let other = place.event("other", Reset::Manual);
    std::thread::scope(|scope| {
        let sleepers = Sleeper::many(3, scope, || wait::any(&[&other, &event], LONG).unwrap());
        event.pulse().unwrap();
        for sleeper in sleepers {
            assert_eq!(sleeper.outcome(), Waited::Signaled(1));
        }
    });
    assert!(!event.wait(Timeout::NOW).unwrap());
}

#[test]
fn ev_7_a_pulse_of_an_auto_event_releases_exactly_one_who_sleeps() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    std::thread::scope(|scope| {
        let sleepers = Sleeper::many(3, scope, || event.wait(LONG).unwrap());
        for released in 1..=3 {
            event.pulse().unwrap();
            exactly(released, &sleepers);
            assert!(!place.is_signaled("n"));
        }
        assert!(sleepers.into_iter().all(Sleeper::outcome));
    });
    assert!(!event.wait(Timeout::NOW).unwrap());
}

#[test]
fn ev_8_a_pulse_without_anybody_waiting_leaves_the_event_reset() {
    let place = Place::new();
    for reset in [Reset::Auto, Reset::Manual] {
        for signaled in [false, true] {
            let event = place.events().reset(reset).signaled(signaled).create("").unwrap();
            event.pulse().unwrap();
            assert!(!event.wait(Timeout::NOW).unwrap(), "{reset:?}, set before: {signaled}");
        }
    }
}

#[test]
fn ev_8_a_pulse_after_the_last_one_gave_up_leaves_the_event_reset() {
    let place = Place::new();
    for reset in [Reset::Auto, Reset::Manual] {
        let event = place.events().reset(reset).create("").unwrap();
        assert!(!event.wait(SHORT).unwrap());
        event.pulse().unwrap();
        assert!(!event.wait(Timeout::NOW).unwrap(), "{reset:?}");
        assert_eq!(wait::any(&[&event, &event], SHORT).unwrap(), Waited::TimedOut);
        event.pulse().unwrap();
        assert!(!event.wait(Timeout::NOW).unwrap(), "{reset:?}, among several");
    }
}

/// Also AR-2.
#[test]
fn ev_11_without_the_right_to_modify_its_state_stays() {
    let place = Place::new();
    for reset in [Reset::Auto, Reset::Manual] {
        let event = place.event("n", reset);
        let handle = place.events().open("n", Access::SYNCHRONIZE | Access::QUERY).unwrap();
        for result in [handle.set(), handle.reset(), handle.pulse()] {
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.win32_code()), (ErrorKind::AccessDenied, 5));
        }
        assert!(!handle.wait(Timeout::NOW).unwrap(), "it was not set");
        event.set().unwrap();
        assert_eq!(handle.reset().unwrap_err().win32_code(), 5);
        assert_eq!(handle.pulse().unwrap_err().win32_code(), 5);
        assert!(handle.wait(Timeout::NOW).unwrap(), "it was not reset");
    }
}

#[test]
fn ev_12_an_existing_event_keeps_its_sort_and_its_state() {
    let place = Place::new();
    for reset in [Reset::Auto, Reset::Manual] {
        let other = if reset == Reset::Auto { Reset::Manual } else { Reset::Auto };
        let first = place.event("n", reset);
        let second = place.events().reset(other).signaled(true).create("n").unwrap();
        assert!(second.existed());
        assert_eq!(second.reset_mode(), reset);
        assert!(!second.wait(Timeout::NOW).unwrap());
        first.set().unwrap();
        assert!(second.wait(Timeout::NOW).unwrap());
        assert_eq!(second.wait(Timeout::NOW).unwrap(), reset == Reset::Manual);
    }
}

#[test]
fn ev_13_two_sets_release_two_sleeping_threads() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    for _ in 0..100 {
        std::thread::scope(|scope| {
            let sleepers = Sleeper::many(2, scope, || event.wait(LONG).unwrap());
            event.set().unwrap();
            event.set().unwrap();
            assert!(sleepers.into_iter().all(Sleeper::outcome));
        });
        assert!(!event.wait(Timeout::NOW).unwrap());
    }
}

#[test]
fn ev_13_so_many_sets_release_exactly_so_many_of_more_sleeping_threads() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    std::thread::scope(|scope| {
        let sleepers = Sleeper::many(12, scope, || event.wait(LONG).unwrap());
        for (sets, released) in [(5, 5), (1, 6), (4, 10)] {
            for _ in 0..sets {
                event.set().unwrap();
            }
            exactly(released, &sleepers);
        }
        event.set().unwrap();
        event.set().unwrap();
        assert!(sleepers.into_iter().all(Sleeper::outcome));
    });
    assert!(!event.wait(Timeout::NOW).unwrap());
}

#[test]
fn ev_13_ninety_sets_in_a_row_release_ninety_sleeping_threads() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    std::thread::scope(|scope| {
        let sleepers = Sleeper::many(90, scope, || event.wait(LONG).unwrap());
        for _ in 0..90 {
            event.set().unwrap();
        }
        assert!(sleepers.into_iter().all(Sleeper::outcome));
    });
    assert!(!event.wait(Timeout::NOW).unwrap());
}

/// What somebody left behind who waited for several objects must not change what two sets do.
#[test]
#[cfg(target_os = "linux")] // Windows does not tell who waits
fn ev_13_two_sets_release_two_sleeping_threads_after_a_wait_for_any_gave_up() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    let other = place.event("other", Reset::Auto);
    for _ in 0..20 {
        while !place.is_waited_for("n") {
            assert_eq!(wait::any(&[&event, &other], Duration::from_millis(2)).unwrap(), Waited::TimedOut);
        }
        std::thread::scope(|scope| {
            let sleepers = Sleeper::many(2, scope, || event.wait(LONG).unwrap());
            event.set().unwrap();
            event.set().unwrap();
            assert!(sleepers.into_iter().all(Sleeper::outcome));
        });
        assert!(!event.wait(Timeout::NOW).unwrap());
    }
}

#[test]
fn ev_13_a_manual_event_that_is_reset_at_once_has_released_all_who_slept() {
    let place = Place::new();
    let event = place.event("n", Reset::Manual);
    for _ in 0..100 {
        std::thread::scope(|scope| {
            let sleepers = Sleeper::many(4, scope, || event.wait(LONG).unwrap());
            event.set().unwrap();
            event.reset().unwrap();
            assert!(!event.wait(Timeout::NOW).unwrap());
            assert!(sleepers.into_iter().all(Sleeper::outcome));
        });
    }
}

#[test]
fn ev_13_an_auto_event_that_is_reset_at_once_has_released_one_who_slept() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    for _ in 0..50 {
        std::thread::scope(|scope| {
            let sleepers = Sleeper::many(2, scope, || event.wait(LONG).unwrap());
            event.set().unwrap();
            event.reset().unwrap();
            until("one passes", || done(&sleepers) == 1);
            event.set().unwrap();
            assert!(sleepers.into_iter().all(Sleeper::outcome));
        });
        assert!(!event.wait(Timeout::NOW).unwrap());
    }
}

#[test]
fn ev_13_no_signal_is_lost_or_doubled_between_setters_and_waiters_that_never_stop() {
    const SIGNALS: usize = 3000;
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    let taken = AtomicUsize::new(0);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    if event.wait(LONG).unwrap() {
                        taken.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        for sent in 1..=SIGNALS {
            event.set().unwrap();
            until("a signal is taken", || taken.load(Ordering::Relaxed) >= sent);
        }
        assert_eq!(taken.load(Ordering::SeqCst), SIGNALS);
        is_over.store(true, Ordering::SeqCst);
        for waiter in 1..=3 {
            event.set().unwrap();
            until("a waiter ends", || taken.load(Ordering::SeqCst) >= SIGNALS + waiter);
        }
    });
}
