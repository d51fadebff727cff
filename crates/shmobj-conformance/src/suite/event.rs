//! Section 17: events.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use shmobj::wait::{self, Waited};
use shmobj::{Reset, Timeout};

use crate::case::{Remark, Role, Test, test};
use crate::looks::is_set;
use crate::objects::Objects;
use crate::stage::Stage;
use crate::threads::{LONG, SHORT, Waiter, exactly, until};

pub(super) const TESTS: &[Test] = &[
    test!(["EV-1"], a_manual_event_lets_all_pass_until_it_is_reset),
    test!(["EV-2"], an_auto_event_lets_exactly_one_pass),
    test!(["EV-3"], setting_a_set_event_adds_nothing),
    test!(["EV-4"], any_event_can_be_reset_as_often_as_one_likes),
    test!(["EV-5"], an_auto_event_that_nobody_waits_for_stays_set_for_one_wait),
    test!(["EV-6"], a_pulse_of_a_manual_event_releases_all_who_wait),
    test!(["EV-7"], a_pulse_of_an_auto_event_releases_one_who_waits),
    test!(["EV-8"], a_pulse_without_anybody_waiting_leaves_the_event_reset),
    test!(["EV-12"], an_existing_event_keeps_its_sort_and_its_state),
    test!(["EV-13"], two_sets_release_two_who_are_blocked),
    test!(["EV-13"], no_signal_is_lost_or_doubled_between_threads_that_never_stop),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["EV-9"], "that a pulse can be missed is no promise, so that nothing can break it"),
    Remark::new(
        &["EV-10"],
        "a handle is a value, open as long as it is there, and of the type that it is of",
    ),
    Remark::new(&["EV-14"], "options have no undefined bits"),
];

pub(super) const NOTES: &[Remark] = &[Remark::new(
    &["EV-6", "EV-7", "EV-13"],
    "a test cannot see that a thread is blocked; it tries until it has been so",
)];

const BOTH: [Reset; 2] = [Reset::Auto, Reset::Manual];

fn a_manual_event_lets_all_pass_until_it_is_reset(stage: &Stage) {
    let event = stage.event("n", Reset::Manual);
    let other = stage.event("other", Reset::Manual);
    std::thread::scope(|scope| {
        let waiters = [
            Waiter::blocked(scope, || event.wait(LONG).unwrap()),
            Waiter::start(scope, || event.wait(LONG).unwrap()),
            Waiter::start(scope, || wait::any(&[&other, &event], LONG).unwrap() == Waited::Signaled(1)),
        ];
        event.set().unwrap();
        assert!(waiters.into_iter().all(Waiter::outcome), "who waits passes");
    });
    for _ in 0..3 {
        assert!(event.wait(Timeout::NOW).unwrap(), "who comes later passes");
    }
    event.reset().unwrap();
    assert!(!event.wait(SHORT).unwrap());
}

fn an_auto_event_lets_exactly_one_pass(stage: &Stage) {
    let event = stage.event("n", Reset::Auto);
    std::thread::scope(|scope| {
        let waiters = [(); 3].map(|()| Waiter::start(scope, || event.wait(LONG).unwrap()));
        for passed in 1..=3 {
            event.set().unwrap();
            exactly(passed, &waiters);
        }
        assert!(waiters.into_iter().all(Waiter::outcome));
    });
    assert!(!event.wait(Timeout::NOW).unwrap());
}

fn setting_a_set_event_adds_nothing(stage: &Stage) {
    for reset in BOTH {
        let event = stage.event("n", reset);
        (0..3).for_each(|_| event.set().unwrap());
        assert!(event.wait(Timeout::NOW).unwrap());
        if reset == Reset::Manual {
            event.reset().unwrap();
        }
        assert!(!event.wait(Timeout::NOW).unwrap(), "{reset:?}");
    }
}

fn any_event_can_be_reset_as_often_as_one_likes(stage: &Stage) {
    for reset in BOTH {
        let event = stage.event("n", reset);
        event.reset().unwrap();
        event.set().unwrap();
        event.reset().unwrap();
        event.reset().unwrap();
        assert!(!event.wait(Timeout::NOW).unwrap(), "{reset:?}");
        event.set().unwrap();
        assert!(event.wait(Timeout::NOW).unwrap(), "{reset:?}");
    }
}

fn an_auto_event_that_nobody_waits_for_stays_set_for_one_wait(stage: &Stage) {
    let event = stage.event("n", Reset::Auto);
    assert!(!event.wait(SHORT).unwrap(), "who gave up takes nothing later");
    event.set().unwrap();
    std::thread::sleep(SHORT);
    assert!(event.wait(Timeout::NEVER).unwrap());
    assert!(!event.wait(SHORT).unwrap());
    let set = stage.events().signaled(true).create("set").unwrap();
    assert!(set.wait(Timeout::NOW).unwrap());
    assert!(!set.wait(Timeout::NOW).unwrap());
}

fn a_pulse_of_a_manual_event_releases_all_who_wait(stage: &Stage) {
    let event = stage.event("n", Reset::Manual);
    let other = stage.event("other", Reset::Manual);
    // A slow machine may not let them wait, or end, in time: then there is another round.
    until("one pulse releases all three", || {
        let all = std::thread::scope(|scope| {
            let waiters = [
                Waiter::blocked(scope, || event.wait(LONG).unwrap()),
                Waiter::blocked(scope, || event.wait(LONG).unwrap()),
                Waiter::blocked(scope, || wait::any(&[&other, &event], LONG).unwrap() == Waited::Signaled(1)),
            ];
            event.pulse().unwrap();
            assert!(!is_set(&event), "it ends not signalled");
            std::thread::sleep(SHORT);
            let all = waiters.iter().all(Waiter::is_done);
            event.set().unwrap();
            assert!(waiters.into_iter().all(Waiter::outcome));
            all
        });
        event.reset().unwrap();
        all
    });
    // Whoever comes later has missed it.
    assert!(!event.wait(SHORT).unwrap());
}

fn a_pulse_of_an_auto_event_releases_one_who_waits(stage: &Stage) {
    let event = stage.event("n", Reset::Auto);
    std::thread::scope(|scope| {
        let waiters = [(); 3].map(|()| Waiter::blocked(scope, || event.wait(LONG).unwrap()));
        let done = || waiters.iter().filter(|waiter| waiter.is_done()).count();
        until("all are released, one after the other", || {
            let before = done();
            event.pulse().unwrap();
            std::thread::sleep(SHORT);
            assert!(done() <= before + 1, "{before} were released before, and {} now", done());
            done() == waiters.len()
        });
        assert!(waiters.into_iter().all(Waiter::outcome));
    });
    assert!(!event.wait(Timeout::NOW).unwrap());
}

fn a_pulse_without_anybody_waiting_leaves_the_event_reset(stage: &Stage) {
    for reset in BOTH {
        for signaled in [false, true] {
            let event = stage.events().reset(reset).signaled(signaled).create("n").unwrap();
            event.pulse().unwrap();
            assert!(!event.wait(Timeout::NOW).unwrap(), "{reset:?}, set before: {signaled}");
            assert!(!event.wait(SHORT).unwrap());
            event.pulse().unwrap();
            assert!(!event.wait(Timeout::NOW).unwrap(), "{reset:?}, after somebody gave up");
        }
    }
}

fn an_existing_event_keeps_its_sort_and_its_state(stage: &Stage) {
    for reset in BOTH {
        let other = if reset == Reset::Auto { Reset::Manual } else { Reset::Auto };
        let first = stage.event("n", reset);
        let second = stage.events().reset(other).signaled(true).create("n").unwrap();
        assert!(second.existed());
        assert!(!second.wait(Timeout::NOW).unwrap(), "{reset:?}: it was not set");
        first.set().unwrap();
        assert!(second.wait(Timeout::NOW).unwrap(), "{reset:?}");
        assert_eq!(second.wait(Timeout::NOW).unwrap(), reset == Reset::Manual, "{reset:?}");
        assert_eq!(second.reset_mode(), reset);
    }
}

/// With nobody blocked two sets are one, which the end of each round shows; with two who are blocked they are two.
fn two_sets_release_two_who_are_blocked(stage: &Stage) {
    let event = stage.event("n", Reset::Auto);
    until("two who are blocked when it is set twice", || {
        let both = std::thread::scope(|scope| {
            let waiters = [(); 2].map(|()| Waiter::blocked(scope, || event.wait(LONG).unwrap()));
            event.set().unwrap();
            event.set().unwrap();
            until("one passes", || waiters.iter().any(Waiter::is_done));
            std::thread::sleep(SHORT);
            let both = waiters.iter().all(Waiter::is_done);
            if !both {
                event.set().unwrap();
            }
            assert!(waiters.into_iter().all(Waiter::outcome));
            both
        });
        event.set().unwrap();
        event.set().unwrap();
        assert!(event.wait(Timeout::NOW).unwrap());
        assert!(!event.wait(Timeout::NOW).unwrap(), "two sets with nobody blocked are one");
        both
    });
}

fn no_signal_is_lost_or_doubled_between_threads_that_never_stop(stage: &Stage) {
    const SIGNALS: usize = 500;
    let event = stage.event("n", Reset::Auto);
    let taken = AtomicUsize::new(0);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let waiters = [(); 3].map(|()| {
            Waiter::start(scope, || {
                while !is_over.load(Ordering::SeqCst) {
                    assert!(event.wait(LONG).unwrap());
                    taken.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        for sent in 1..=SIGNALS {
            event.set().unwrap();
            until("a signal is taken", || taken.load(Ordering::SeqCst) >= sent);
        }
        assert_eq!(taken.load(Ordering::SeqCst), SIGNALS);
        is_over.store(true, Ordering::SeqCst);
        until("the waiters end", || {
            event.set().unwrap();
            waiters.iter().all(Waiter::is_done)
        });
    });
}
