//! Section 14.3: waiting for one object.

use std::time::{Duration, Instant};

use shmobj::wait::{self, Waitable, Waited};
use shmobj::{Due, Event, Mutex, Reset, Semaphore, Timeout, WaitableTimer};

use crate::case::{Remark, Role, Test, test};
use crate::looks::{count, is_set};
use crate::objects::Objects;
use crate::owners::{Owner, is_free};
use crate::stage::Stage;
use crate::threads::{LONG, SHORT, Waiter, exactly};

pub(super) const TESTS: &[Test] = &[
    test!(["WS-3", "WS-6"], what_is_signalled_is_taken_whatever_the_time_out),
    test!(["WS-3"], a_zero_time_out_looks_and_does_not_wait),
    test!(["WS-4"], a_wait_without_limit_goes_on_until_the_object_is_signalled),
    test!(["WS-5"], a_time_out_is_not_early),
    test!(["WS-5"], a_time_out_takes_nothing),
    test!(["WS-11"], a_signal_releases_only_as_many_as_it_satisfies),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["WS-1"], "a handle is a value, and open as long as it is there"),
    Remark::new(&["WS-7"], "there are no pseudo handles, and none to processes and threads"),
    Remark::new(&["WS-8"], "handles have no numbers here"),
    Remark::new(&["WS-9"], "there are no alertable waits, and no procedures to be called in them"),
    Remark::new(&["WS-10"], "that there is no order is no promise, so that nothing can break it"),
];

pub(super) const NOTES: &[Remark] = &[Remark::new(&["WS-5"], "no test suspends the machine")];

/// What the system's clock may be behind (WS-5).
const TICK: Duration = Duration::from_millis(16);

/// An object of each sort, of which none is signalled but the mutex, which is free.
struct Quiet {
    mutex: Mutex,
    auto: Event,
    manual: Event,
    semaphore: Semaphore,
    timer: WaitableTimer,
    manual_timer: WaitableTimer,
}

impl Quiet {
    fn new(stage: &Stage) -> Self {
        let timer = stage.timer("timer", Reset::Auto);
        timer.set(Due::after(Duration::from_secs(3600)), None).unwrap();
        Self {
            mutex: stage.mutex("mutex"),
            auto: stage.event("auto", Reset::Auto),
            manual: stage.event("manual", Reset::Manual),
            semaphore: stage.semaphore("semaphore", 0, 5),
            timer,
            manual_timer: stage.timer("manual timer", Reset::Manual),
        }
    }

    fn objects(&self) -> [&dyn Waitable; 6] {
        [&self.mutex, &self.auto, &self.manual, &self.semaphore, &self.timer, &self.manual_timer]
    }

    /// Does something to each while another thread owns the mutex.
    fn each(&self, mut act: impl FnMut(&dyn Waitable)) {
        std::thread::scope(|scope| {
            let owner = Owner::of(scope, [&self.mutex]);
            for object in self.objects() {
                act(object);
            }
            owner.releases();
        });
    }
}

/// A timer that is due now may need a moment.
fn set_and_expired(timer: &WaitableTimer) {
    timer.set(Due::NOW, None).unwrap();
    assert!(timer.wait(LONG).unwrap());
    if timer.wait(Timeout::NOW).unwrap() {
        return; // it stays signalled
    }
    timer.set(Due::NOW, None).unwrap();
    std::thread::sleep(SHORT);
}

fn what_is_signalled_is_taken_whatever_the_time_out(stage: &Stage) {
    let quiet = Quiet::new(stage);
    let Quiet { mutex, auto, manual, semaphore, timer, manual_timer } = &quiet;
    for timeout in [Timeout::NOW, Timeout::NEVER, Timeout::after(LONG), Timeout::at(Instant::now() + LONG)] {
        auto.set().unwrap();
        manual.set().unwrap();
        semaphore.release(2).unwrap();
        set_and_expired(timer);
        set_and_expired(manual_timer);
        for object in quiet.objects() {
            assert_eq!(wait::one(object, timeout).unwrap(), Waited::Signaled(0), "{timeout:?}");
        }
        assert_eq!((is_set(auto), is_set(manual)), (false, true), "{timeout:?}");
        assert!(!timer.wait(Timeout::NOW).unwrap(), "{timeout:?}");
        assert!(manual_timer.wait(Timeout::NOW).unwrap(), "{timeout:?}");
        assert_eq!(count(semaphore), 1, "{timeout:?}");
        assert!(!is_free(mutex), "{timeout:?}");
        assert_eq!(wait::one(mutex, timeout).unwrap(), Waited::Signaled(0), "it is signalled for its owner");
        mutex.release().unwrap();
        mutex.release().unwrap();
        assert!(is_free(mutex), "{timeout:?}");
        assert_eq!(wait::one(semaphore, timeout).unwrap(), Waited::Signaled(0), "{timeout:?}");
    }
}

fn a_zero_time_out_looks_and_does_not_wait(stage: &Stage) {
    let past = Instant::now();
    let at_once = [Timeout::NOW, Timeout::at(past), Duration::ZERO.into(), Some(Duration::ZERO).into()];
    Quiet::new(stage).each(|object| {
        for timeout in at_once {
            for _ in 0..20 {
                assert_eq!(wait::one(object, timeout).unwrap(), Waited::TimedOut, "{timeout:?}");
            }
        }
    });
}

fn a_wait_without_limit_goes_on_until_the_object_is_signalled(stage: &Stage) {
    let event = stage.event("n", Reset::Auto);
    for never in [Timeout::NEVER, None.into(), Duration::MAX.into(), Timeout::after(Duration::MAX)] {
        std::thread::scope(|scope| {
            let waiter = Waiter::blocked(scope, || event.wait(never).unwrap());
            waiter.stays_blocked();
            event.set().unwrap();
            assert!(waiter.outcome(), "{never:?}");
        });
    }
}

fn a_time_out_is_not_early(stage: &Stage) {
    Quiet::new(stage).each(|object| {
        for limit in [1, 5, 70].map(Duration::from_millis) {
            let begun = Instant::now();
            assert_eq!(wait::one(object, limit).unwrap(), Waited::TimedOut);
            assert!(begun.elapsed() + TICK >= limit, "{limit:?}");
            let deadline = Instant::now() + limit;
            assert_eq!(wait::one(object, deadline).unwrap(), Waited::TimedOut);
            assert!(Instant::now() + TICK >= deadline, "{limit:?}");
        }
    });
}

fn a_time_out_takes_nothing(stage: &Stage) {
    let quiet = Quiet::new(stage);
    quiet.each(|object| {
        assert_eq!(wait::one(object, Duration::from_millis(2)).unwrap(), Waited::TimedOut);
    });
    let Quiet { mutex, auto, semaphore, timer, .. } = &quiet;
    assert!(is_free(mutex));
    // Who gave up gets nothing later.
    semaphore.release(1).unwrap();
    auto.set().unwrap();
    timer.set(Due::NOW, None).unwrap();
    assert!(semaphore.wait(Timeout::NOW).unwrap());
    assert!(auto.wait(Timeout::NOW).unwrap());
    assert!(timer.wait(LONG).unwrap());
}

fn a_signal_releases_only_as_many_as_it_satisfies(stage: &Stage) {
    let event = stage.event("event", Reset::Auto);
    let semaphore = stage.semaphore("semaphore", 0, 10);
    std::thread::scope(|scope| {
        let for_event = [(); 3].map(|()| Waiter::start(scope, || wait::one(&event, LONG).unwrap()));
        let for_semaphore = [(); 4].map(|()| Waiter::start(scope, || wait::one(&semaphore, LONG).unwrap()));
        event.set().unwrap();
        semaphore.release(2).unwrap();
        exactly(1, &for_event);
        exactly(2, &for_semaphore);
        event.set().unwrap();
        semaphore.release(2).unwrap();
        exactly(2, &for_event);
        exactly(4, &for_semaphore);
        event.set().unwrap();
        for waiter in for_event.into_iter().chain(for_semaphore) {
            assert_eq!(waiter.outcome(), Waited::Signaled(0));
        }
    });
}
