//! Section 14.5: signalling one object and waiting for another.

use shmobj::wait::{self, Signal, Waited};
use shmobj::{Access, Reset, Timeout};

use crate::case::{Remark, Role, Test, test};
use crate::looks::{count, is_set};
use crate::objects::{Objects, code};
use crate::owners::{Owner, abandon, is_free, own};
use crate::stage::Stage;
use crate::threads::{LONG, SHORT, Waiter};

pub(super) const TESTS: &[Test] = &[
    test!(["SW-1"], the_one_is_signalled_and_the_other_waited_for),
    test!(["SW-1"], two_threads_take_turns_with_it),
    test!(["SW-4"], a_mutex_that_is_not_owned_is_288_and_nothing_is_waited_for),
    test!(["SW-5"], a_full_semaphore_is_298_and_nothing_is_waited_for),
    test!(["SW-7"], nothing_is_signalled_without_the_right_to_wait),
    test!(["SW-8"], one_object_can_be_signalled_and_waited_for),
    test!(["SW-9"], the_signal_can_be_seen_before_the_wait_ends),
    test!(["SW-10"], after_a_time_out_the_signal_stays_done),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["SW-2"], "what cannot be signalled does not compile"),
    Remark::new(&["SW-3"], "a handle is a value, and open as long as it is there"),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["SW-7"], "a handle is never bad; it can lack the right to wait"),
    Remark::new(&["SW-9"], "that it is not atomic is no promise; that the signal comes first is tested"),
];

fn the_one_is_signalled_and_the_other_waited_for(stage: &Stage) {
    let event = stage.event("event", Reset::Auto);
    let semaphore = stage.semaphore("semaphore", 0, 5);
    let [mutex, abandoned] = ["mutex", "abandoned"].map(|name| stage.mutex(name));
    own(&mutex);
    own(&mutex);
    let go = stage.semaphore("go", 3, 3);
    assert_eq!(wait::signal_and_wait(&event, &go, LONG).unwrap(), Waited::Signaled(0));
    assert_eq!((is_set(&event), count(&go)), (true, 2));
    assert_eq!(wait::signal_and_wait(&semaphore, &go, LONG).unwrap(), Waited::Signaled(0));
    assert_eq!((count(&semaphore), count(&go)), (1, 1));
    assert_eq!(wait::signal_and_wait(&mutex, &go, LONG).unwrap(), Waited::Signaled(0));
    assert_eq!((is_free(&mutex), count(&go)), (false, 0), "it was released once, and is owned once");
    mutex.release().unwrap();
    assert!(is_free(&mutex));
    abandon(&[&abandoned], 1);
    let waited = wait::signal_and_wait(&event, &abandoned, LONG).unwrap();
    assert_eq!(waited, Waited::Abandoned(0), "the result is that of the wait");
}

fn two_threads_take_turns_with_it(stage: &Stage) {
    const TURNS: usize = 200;
    let [ping, pong] = ["ping", "pong"].map(|name| stage.event(name, Reset::Auto));
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            assert!(ping.wait(LONG).unwrap());
            for _ in 0..TURNS {
                assert_eq!(wait::signal_and_wait(&pong, &ping, LONG).unwrap(), Waited::Signaled(0));
            }
            pong.set().unwrap();
        });
        for _ in 0..=TURNS {
            assert_eq!(wait::signal_and_wait(&ping, &pong, LONG).unwrap(), Waited::Signaled(0));
        }
        other.join().unwrap();
    });
    assert_eq!((is_set(&ping), is_set(&pong)), (false, false));
}

fn a_mutex_that_is_not_owned_is_288_and_nothing_is_waited_for(stage: &Stage) {
    let mutex = stage.mutex("mutex");
    let semaphore = stage.semaphore("semaphore", 1, 1);
    assert_eq!(code(wait::signal_and_wait(&mutex, &semaphore, LONG)), 288);
    std::thread::scope(|scope| {
        let owner = Owner::of(scope, [&mutex]);
        assert_eq!(code(wait::signal_and_wait(&mutex, &semaphore, LONG)), 288);
        owner.releases();
    });
    assert_eq!(count(&semaphore), 1);
}

fn a_full_semaphore_is_298_and_nothing_is_waited_for(stage: &Stage) {
    let full = stage.semaphore("full", 2, 2);
    let other = stage.semaphore("other", 1, 1);
    assert_eq!(code(wait::signal_and_wait(&full, &other, LONG)), 298);
    assert_eq!((count(&full), count(&other)), (2, 1));
}

fn nothing_is_signalled_without_the_right_to_wait(stage: &Stage) {
    let (event, semaphore) = (stage.event("event", Reset::Manual), stage.semaphore("semaphore", 0, 1));
    let mutex = stage.mutex("mutex");
    own(&mutex);
    let held = stage.semaphore("other", 1, 1);
    let other = stage.semaphores().open("other", Access::MODIFY | Access::QUERY).unwrap();
    let signals: [&dyn Signal; 3] = [&event, &semaphore, &mutex];
    for signal in signals {
        assert_eq!(code(wait::signal_and_wait(signal, &other, LONG)), 5);
    }
    assert_eq!((is_set(&event), count(&semaphore), is_free(&mutex)), (false, 0, false));
    assert_eq!(count(&held), 1);
}

fn one_object_can_be_signalled_and_waited_for(stage: &Stage) {
    let auto = stage.event("auto", Reset::Auto);
    let manual = stage.event("manual", Reset::Manual);
    let semaphore = stage.semaphore("semaphore", 0, 1);
    let mutex = stage.mutex("mutex");
    own(&mutex);
    for timeout in [Timeout::NOW, Timeout::NEVER] {
        assert_eq!(wait::signal_and_wait(&auto, &auto, timeout).unwrap(), Waited::Signaled(0));
        assert_eq!(wait::signal_and_wait(&manual, &manual, timeout).unwrap(), Waited::Signaled(0));
        assert_eq!(wait::signal_and_wait(&semaphore, &semaphore, timeout).unwrap(), Waited::Signaled(0));
        assert_eq!(wait::signal_and_wait(&mutex, &mutex, timeout).unwrap(), Waited::Signaled(0));
        assert_eq!((is_set(&auto), is_set(&manual), count(&semaphore)), (false, true, 0));
    }
    mutex.release().unwrap();
    assert_eq!(code(mutex.release()), 288, "it was owned once all the time");
}

fn the_signal_can_be_seen_before_the_wait_ends(stage: &Stage) {
    let [event, go] = ["event", "go"].map(|name| stage.event(name, Reset::Auto));
    std::thread::scope(|scope| {
        let waiter = Waiter::start(scope, || wait::signal_and_wait(&event, &go, LONG).unwrap());
        assert!(event.wait(LONG).unwrap());
        waiter.stays_blocked();
        go.set().unwrap();
        assert_eq!(waiter.outcome(), Waited::Signaled(0));
    });
}

fn after_a_time_out_the_signal_stays_done(stage: &Stage) {
    let (event, semaphore) = (stage.event("event", Reset::Auto), stage.semaphore("semaphore", 0, 3));
    let mutex = stage.mutex("mutex");
    own(&mutex);
    let never = stage.event("never", Reset::Auto);
    let signals: [&dyn Signal; 3] = [&event, &semaphore, &mutex];
    for (signal, timeout) in signals.into_iter().zip([Timeout::NOW, SHORT.into(), Timeout::NOW]) {
        assert_eq!(wait::signal_and_wait(signal, &never, timeout).unwrap(), Waited::TimedOut);
    }
    assert_eq!((is_set(&event), count(&semaphore), is_free(&mutex)), (true, 1, true));
}
