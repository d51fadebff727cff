//! Section 14.4: waiting for any, or for all, of several objects.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use shmobj::wait::{self, MAXIMUM_OBJECTS, Waitable, Waited, WaitedAll};
use shmobj::{Access, Due, Event, Mutex, Reset, Semaphore, Timeout, WaitableTimer};

use crate::case::{Remark, Role, Test, test};
use crate::looks::{count, is_set};
use crate::objects::{Objects, code, error};
use crate::owners::{Owner, abandon, is_free, own};
use crate::stage::Stage;
use crate::suite::members::member;
use crate::threads::{LONG, SHORT, Waiter, exactly, until};

pub(super) const TESTS: &[Test] = &[
    test!(["WM-1", "TS-17"], no_object_at_all_is_87),
    test!(["WM-2", "TS-17"], sixty_five_objects_are_87)
        .but_linux("waits for up to 128", "65 objects\n  left: 0\n"),
    test!(["WM-2"], one_object_more_than_there_may_be_is_87),
    test!(["WM-3"], as_many_as_there_may_be_are_waited_for),
    test!(["WM-3"], as_many_as_there_may_be_are_taken_at_once),
    test!(["WM-5", "WM-6"], one_handle_without_the_right_to_wait_spoils_it_all),
    test!(["WM-8", "TS-16"], the_same_object_cannot_be_taken_twice_at_once)
        .but_wine("accepts it", "list 0\n  left: 0\n"),
    test!(["WM-9"], the_same_object_can_be_waited_for_twice_and_is_taken_once),
    test!(["WM-12"], the_first_of_several_signalled_objects_is_taken_and_no_other),
    test!(["WM-12"], who_is_blocked_takes_whichever_is_signalled),
    test!(["WM-12", "WM-13"], a_job_and_what_it_tells_are_waited_for_with_other_objects),
    test!(["WM-13"], nothing_is_taken_before_all_are_signalled),
    test!(["WM-13"], what_was_signalled_at_different_times_does_not_count),
    test!(["WM-14"], all_are_taken_when_the_last_one_is_signalled),
    test!(["WM-14"], nobody_sees_one_of_two_taken),
    test!(["WM-15"], a_mutex_of_its_own_is_signalled_for_a_thread),
    test!(["WM-16"], an_abandoned_mutex_that_comes_first_is_taken_and_told),
    test!(["WM-17"], all_abandoned_mutexes_are_taken_and_told),
    test!(["WM-18"], an_abandoned_mutex_behind_something_signalled_stays_abandoned),
    test!(["WM-19"], a_pulse_is_missed_while_another_object_is_not_signalled),
    test!(["WM-20"], a_time_out_takes_nothing),
    test!(["WM-23"], waits_for_all_in_any_order_do_not_block_each_other),
    test!(["WS-11"], a_signal_releases_one_of_those_who_wait_in_different_ways),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["WM-4"], "a handle is a value, and open as long as it is there"),
    Remark::new(&["WM-7"], "there are no pseudo handles"),
    Remark::new(&["WM-10"], "waiting for any and waiting for all are two functions"),
    Remark::new(&["WM-11"], "the list is a slice, which is always there"),
    Remark::new(&["WM-21"], "that a wait for all can starve is no promise, so that nothing can break it"),
    Remark::new(&["WM-22"], "there are no alertable waits"),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(
        &["WM-2", "WM-3"],
        "`MAXIMUM_OBJECTS` is 64 on Windows and 128 on Linux; one more is 87 on both",
    ),
    Remark::new(&["WM-17"], "Linux tells which mutexes were abandoned, Windows that at least one was"),
];

const HOUR: Duration = Duration::from_secs(3600);

fn no_object_at_all_is_87(_: &Stage) {
    assert_refused(&[]);
}

fn sixty_five_objects_are_87(stage: &Stage) {
    so_many_are_87(stage, 65);
}

fn one_object_more_than_there_may_be_is_87(stage: &Stage) {
    const { assert!(MAXIMUM_OBJECTS >= 64) };
    so_many_are_87(stage, MAXIMUM_OBJECTS + 1);
}

#[track_caller]
fn assert_refused(objects: &[&dyn Waitable]) {
    for timeout in [Timeout::NOW, Timeout::NEVER] {
        assert_eq!(code(wait::any(objects, timeout)), 87, "any of {} objects", objects.len());
        assert_eq!(code(wait::all(objects, timeout)), 87, "all of {} objects", objects.len());
    }
}

fn so_many_are_87(stage: &Stage, number: usize) {
    let semaphores: Vec<Semaphore> = (0..number).map(|_| stage.semaphore("", 1, 1)).collect();
    let objects: Vec<&dyn Waitable> = semaphores.iter().map(|semaphore| semaphore as _).collect();
    assert_refused(&objects);
    assert!(semaphores.iter().all(|semaphore| count(semaphore) == 1), "nothing was taken");
}

/// As many objects as one wait is for, of all sorts in turn. None is signalled but the mutexes.
struct Many {
    mutexes: Vec<Mutex>,
    events: Vec<Event>,
    semaphores: Vec<Semaphore>,
    timers: Vec<WaitableTimer>,
}

impl Many {
    const EACH: usize = MAXIMUM_OBJECTS / 4;

    fn new(stage: &Stage) -> Self {
        Self {
            mutexes: (0..Self::EACH).map(|_| stage.mutex("")).collect(),
            events: (0..Self::EACH).map(|_| stage.event("", Reset::Auto)).collect(),
            semaphores: (0..Self::EACH).map(|_| stage.semaphore("", 0, 1)).collect(),
            timers: (0..Self::EACH).map(|_| stage.timer("", Reset::Auto)).collect(),
        }
    }

    /// The last four are a semaphore, an event, a timer and a mutex.
    fn objects(&self) -> Vec<&dyn Waitable> {
        let quarters = self.semaphores.iter().zip(&self.events).zip(self.timers.iter().zip(&self.mutexes));
        let objects = quarters.flat_map(|((semaphore, event), (timer, mutex))| -> [&dyn Waitable; 4] {
            [semaphore, event, timer, mutex]
        });
        objects.collect()
    }
}

fn as_many_as_there_may_be_are_waited_for(stage: &Stage) {
    let many = Many::new(stage);
    let last = MAXIMUM_OBJECTS - 1;
    let any = |timeout: Timeout| wait::any(&many.objects(), timeout).unwrap();
    let (mutex, others) = many.mutexes.split_last().unwrap();
    std::thread::scope(|scope| {
        let owner = Owner::of(scope, others);
        let owner_of_last = Owner::of(scope, [mutex]);
        assert_eq!(any(Timeout::NOW), Waited::TimedOut);
        assert_eq!(any(SHORT.into()), Waited::TimedOut);
        many.timers.last().unwrap().set(Due::after(SHORT), None).unwrap();
        assert_eq!(any(LONG.into()), Waited::Signaled(last - 1));
        let waiter = Waiter::blocked(scope, || any(LONG.into()));
        many.events.last().unwrap().set().unwrap();
        assert_eq!(waiter.outcome(), Waited::Signaled(last - 2));
        let waiter = Waiter::blocked(scope, || any(LONG.into()));
        many.semaphores.last().unwrap().release(1).unwrap();
        assert_eq!(waiter.outcome(), Waited::Signaled(last - 3));
        let waiter = Waiter::blocked(scope, || any(LONG.into()));
        owner_of_last.releases();
        assert_eq!(waiter.outcome(), Waited::Signaled(last));
        owner.releases();
    });
}

fn as_many_as_there_may_be_are_taken_at_once(stage: &Stage) {
    let many = Many::new(stage);
    std::thread::scope(|scope| {
        let waiter = Waiter::blocked(scope, || {
            let waited = wait::all(&many.objects(), LONG).unwrap();
            many.mutexes.iter().for_each(|mutex| mutex.release().unwrap());
            waited
        });
        for index in 0..Many::EACH {
            assert!(!waiter.is_done(), "{index} of each are signalled");
            many.events[index].set().unwrap();
            many.semaphores[index].release(1).unwrap();
            many.timers[index].set(Due::NOW, None).unwrap();
        }
        assert_eq!(waiter.outcome(), WaitedAll::Signaled);
    });
    assert!(many.events.iter().all(|event| !is_set(event)));
    assert!(many.semaphores.iter().all(|semaphore| count(semaphore) == 0));
    assert!(many.timers.iter().all(|timer| !timer.wait(Timeout::NOW).unwrap()));
    assert!(many.mutexes.iter().all(is_free));
}

fn one_handle_without_the_right_to_wait_spoils_it_all(stage: &Stage) {
    let good = stage.semaphore("good", 1, 1);
    let held = [stage.semaphore("bad", 1, 1), stage.semaphore("worse", 1, 1)];
    let bad = stage.semaphores().open("bad", Access::MODIFY).unwrap();
    let worse = stage.semaphores().open("worse", Access::QUERY).unwrap();
    for (objects, first) in [
        ([&good as &dyn Waitable, &bad, &worse], "bad"),
        ([&good, &worse, &bad], "worse"),
        ([&worse, &bad, &good], "worse"),
    ] {
        for timeout in [Timeout::NOW, Timeout::NEVER] {
            for error in [error(wait::any(&objects, timeout)), error(wait::all(&objects, timeout))] {
                assert_eq!(error.win32_code(), 5);
                assert!(error.object().contains(first), "the first in order decides: {error}");
            }
        }
    }
    assert_eq!((count(&good), count(&held[0]), count(&held[1])), (1, 1, 1), "nothing was taken");
}

fn the_same_object_cannot_be_taken_twice_at_once(stage: &Stage) {
    let semaphore = stage.semaphore("n", 5, 5);
    let again = stage.semaphores().open("n", Access::ALL).unwrap();
    let duplicate = semaphore.try_clone().unwrap();
    let mutex = stage.mutex("mutex");
    let other = stage.event("other", Reset::Auto);
    other.set().unwrap();
    let lists: [&[&dyn Waitable]; 5] = [
        &[&semaphore, &semaphore],
        &[&semaphore, &again],
        &[&semaphore, &duplicate],
        &[&semaphore, &other, &again],
        &[&mutex, &other, &mutex],
    ];
    for (index, list) in lists.into_iter().enumerate() {
        assert_eq!(code(wait::all(list, Timeout::NOW)), 87, "list {index}");
    }
    assert_eq!((count(&semaphore), is_set(&other)), (5, true), "nothing was taken");
    assert!(is_free(&mutex));
}

fn the_same_object_can_be_waited_for_twice_and_is_taken_once(stage: &Stage) {
    let never = stage.event("never", Reset::Manual);
    let semaphore = stage.semaphore("n", 2, 2);
    let again = stage.semaphores().open("n", Access::ALL).unwrap();
    for left in [1, 0] {
        assert_eq!(wait::any(&[&never, &semaphore, &again], LONG).unwrap(), Waited::Signaled(1));
        assert_eq!(count(&semaphore), left);
    }
    std::thread::scope(|scope| {
        let waiter = Waiter::blocked(scope, || wait::any(&[&again, &semaphore], LONG).unwrap());
        semaphore.release(2).unwrap();
        assert_eq!(waiter.outcome(), Waited::Signaled(0));
    });
    assert_eq!(count(&semaphore), 1);
    let mutex = stage.mutex("mutex");
    assert_eq!(wait::any(&[&mutex, &mutex], LONG).unwrap(), Waited::Signaled(0));
    mutex.release().unwrap();
    assert_eq!(code(mutex.release()), 288, "it was owned once");
}

fn the_first_of_several_signalled_objects_is_taken_and_no_other(stage: &Stage) {
    let never = stage.event("never", Reset::Manual);
    let semaphore = stage.semaphore("semaphore", 1, 1);
    let event = stage.event("event", Reset::Auto);
    event.set().unwrap();
    let mutex = stage.mutex("mutex");
    let timer = stage.timer("timer", Reset::Manual);
    timer.set(Due::NOW, None).unwrap();
    let objects: [&dyn Waitable; 5] = [&never, &semaphore, &event, &mutex, &timer];
    assert_eq!(wait::any(&objects, LONG).unwrap(), Waited::Signaled(1));
    assert_eq!((count(&semaphore), is_set(&event), is_free(&mutex)), (0, true, true));
    assert_eq!(wait::any(&objects, Timeout::NOW).unwrap(), Waited::Signaled(2));
    assert_eq!((is_set(&event), is_free(&mutex)), (false, true));
    assert_eq!(wait::any(&objects, Timeout::NEVER).unwrap(), Waited::Signaled(3));
    assert_eq!(wait::any(&objects, LONG).unwrap(), Waited::Signaled(3), "its owner gets it again");
    mutex.release().unwrap();
    mutex.release().unwrap();
    assert_eq!(code(mutex.release()), 288);
    assert_eq!(wait::any(&[&never, &timer, &mutex], LONG).unwrap(), Waited::Signaled(1));
    assert!(is_free(&mutex));
}

fn who_is_blocked_takes_whichever_is_signalled(stage: &Stage) {
    let (semaphore, event) = (stage.semaphore("semaphore", 0, 1), stage.event("event", Reset::Auto));
    let (mutex, timer) = (stage.mutex("mutex"), stage.timer("timer", Reset::Auto));
    std::thread::scope(|scope| {
        let owner = Owner::of(scope, [&mutex]);
        let wait = || {
            let waited = wait::any(&[&semaphore, &event, &mutex, &timer], LONG).unwrap();
            if waited == Waited::Signaled(2) {
                mutex.release().unwrap();
            }
            waited
        };
        let waiter = Waiter::blocked(scope, wait);
        semaphore.release(1).unwrap();
        assert_eq!(waiter.outcome(), Waited::Signaled(0));
        let waiter = Waiter::blocked(scope, wait);
        event.set().unwrap();
        assert_eq!(waiter.outcome(), Waited::Signaled(1));
        let waiter = Waiter::blocked(scope, wait);
        timer.set(Due::after(Duration::from_millis(2)), None).unwrap();
        assert_eq!(waiter.outcome(), Waited::Signaled(3));
        let waiter = Waiter::blocked(scope, wait);
        owner.releases();
        assert_eq!(waiter.outcome(), Waited::Signaled(2));
    });
    assert_eq!((count(&semaphore), is_set(&event)), (0, false));
    assert!(!timer.wait(Timeout::NOW).unwrap());
}

fn nothing_is_taken_before_all_are_signalled(stage: &Stage) {
    let semaphore = stage.semaphore("semaphore", 1, 1);
    let event = stage.event("event", Reset::Auto);
    let mutex = stage.mutex("mutex");
    std::thread::scope(|scope| {
        let waiter = Waiter::blocked(scope, || {
            let waited = wait::all(&[&semaphore, &mutex, &event], LONG).unwrap();
            mutex.release().unwrap();
            waited
        });
        assert!(semaphore.wait(Timeout::NOW).unwrap(), "others may take single objects");
        assert!(is_free(&mutex), "also the mutex");
        event.set().unwrap();
        waiter.stays_blocked();
        assert!(is_free(&mutex), "it is not reserved");
        semaphore.release(1).unwrap();
        assert_eq!(waiter.outcome(), WaitedAll::Signaled);
    });
    assert_eq!((count(&semaphore), is_set(&event)), (0, false));
    assert!(is_free(&mutex));
}

/// At no instant were both signalled.
fn what_was_signalled_at_different_times_does_not_count(stage: &Stage) {
    let semaphore = stage.semaphore("semaphore", 0, 1);
    let event = stage.event("event", Reset::Manual);
    for round in 0..6 {
        std::thread::scope(|scope| {
            let waiter = Waiter::blocked(scope, || match round % 2 {
                0 => wait::all(&[&semaphore, &event], LONG).unwrap(),
                _ => wait::all(&[&event, &semaphore], LONG).unwrap(),
            });
            event.set().unwrap();
            event.reset().unwrap();
            semaphore.release(1).unwrap();
            waiter.stays_blocked();
            event.set().unwrap();
            assert_eq!(waiter.outcome(), WaitedAll::Signaled, "round {round}");
        });
        event.reset().unwrap();
    }
}

fn all_are_taken_when_the_last_one_is_signalled(stage: &Stage) {
    let semaphore = stage.semaphore("semaphore", 2, 2);
    let auto = stage.event("auto", Reset::Auto);
    let manual = stage.event("manual", Reset::Manual);
    let timer = stage.timer("timer", Reset::Auto);
    let mutex = stage.mutex("mutex");
    auto.set().unwrap();
    manual.set().unwrap();
    std::thread::scope(|scope| {
        let waiter = Waiter::blocked(scope, || {
            let waited = wait::all(&[&semaphore, &auto, &manual, &timer, &mutex], LONG).unwrap();
            mutex.release().unwrap();
            (waited, code(mutex.release()))
        });
        timer.set(Due::after(Duration::from_millis(5)), None).unwrap();
        assert_eq!(waiter.outcome(), (WaitedAll::Signaled, 288));
    });
    assert_eq!((count(&semaphore), is_set(&auto), is_set(&manual)), (1, false, true));
    assert!(!timer.wait(Timeout::NOW).unwrap());
}

/// Who takes the second one after the first would be seen here: an observer that has the first finds the second there, because
/// those who want both give back the second one first.
fn nobody_sees_one_of_two_taken(stage: &Stage) {
    const SEEN: usize = 200;
    let event = stage.event("event", Reset::Auto);
    event.set().unwrap();
    let semaphore = stage.semaphore("semaphore", 1, 1);
    let is_over = AtomicBool::new(false);
    let takes_both = |event_first: bool| {
        while !is_over.load(Ordering::SeqCst) {
            let waited = if event_first {
                wait::all(&[&event, &semaphore], LONG).unwrap()
            } else {
                wait::all(&[&semaphore, &event], LONG).unwrap()
            };
            assert_eq!(waited, WaitedAll::Signaled);
            event.set().unwrap();
            assert_eq!(semaphore.release(1).unwrap(), 0);
            std::thread::yield_now();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| takes_both(true));
        scope.spawn(|| takes_both(false));
        let mut seen = 0;
        let begun = Instant::now();
        let mut torn = false;
        while seen < SEEN && !torn && begun.elapsed() < LONG {
            if semaphore.wait(Timeout::NOW).unwrap() {
                if event.wait(Timeout::NOW).unwrap() {
                    event.set().unwrap();
                } else {
                    torn = true;
                }
                semaphore.release(1).unwrap();
                seen += 1;
            }
            std::thread::yield_now();
        }
        is_over.store(true, Ordering::SeqCst);
        assert!(!torn, "one was there, and the other one was not");
        assert_eq!(seen, SEEN);
    });
    assert_eq!((is_set(&event), count(&semaphore)), (true, 1), "nothing is lost");
}

fn a_mutex_of_its_own_is_signalled_for_a_thread(stage: &Stage) {
    let mutex = stage.mutex("mutex");
    let semaphore = stage.semaphore("semaphore", 1, 1);
    own(&mutex);
    assert_eq!(wait::all(&[&mutex, &semaphore], LONG).unwrap(), WaitedAll::Signaled);
    assert_eq!(count(&semaphore), 0);
    assert_eq!(wait::all(&[&mutex, &semaphore], Timeout::NOW).unwrap(), WaitedAll::TimedOut);
    mutex.release().unwrap();
    assert!(!is_free(&mutex), "it was owned twice");
    mutex.release().unwrap();
    assert!(is_free(&mutex));
    assert_eq!(code(mutex.release()), 288);
}

fn an_abandoned_mutex_that_comes_first_is_taken_and_told(stage: &Stage) {
    let [other, first, second] = ["other", "first", "second"].map(|name| stage.mutex(name));
    abandon(&[&first, &second], 2);
    std::thread::scope(|scope| {
        let owner = Owner::of(scope, [&other]);
        assert_eq!(wait::any(&[&other, &first, &second], LONG).unwrap(), Waited::Abandoned(1));
        owner.releases();
    });
    first.release().unwrap();
    assert_eq!(code(first.release()), 288, "it was owned once");
    assert_eq!(code(second.release()), 288, "it was not taken");
    assert!(second.lock().unwrap().is_abandoned(), "it is still abandoned");
}

fn all_abandoned_mutexes_are_taken_and_told(stage: &Stage) {
    let mutexes = ["m0", "m1", "m2", "m3"].map(|name| stage.mutex(name));
    let [m0, m1, m2, m3] = &mutexes;
    let semaphore = stage.semaphore("semaphore", 1, 1);
    abandon(&[m1, m3], 2);
    let WaitedAll::Abandoned(told) = wait::all(&[m3, m0, &semaphore, m1, m2], LONG).unwrap() else {
        panic!("their owner has ended");
    };
    assert!(told.contains(&0) && told.contains(&3), "{told:?}");
    assert!(!told.contains(&2), "a semaphore is never abandoned: {told:?}");
    assert_eq!(count(&semaphore), 0);
    for mutex in &mutexes {
        assert!(!is_free(mutex));
        mutex.release().unwrap();
        assert_eq!(code(mutex.release()), 288, "it was owned once");
        assert!(!mutex.lock().unwrap().is_abandoned(), "it was told once");
    }
}

fn an_abandoned_mutex_behind_something_signalled_stays_abandoned(stage: &Stage) {
    let mutex = stage.mutex("mutex");
    let semaphore = stage.semaphore("semaphore", 1, 1);
    abandon(&[&mutex], 1);
    assert_eq!(wait::any(&[&semaphore, &mutex], LONG).unwrap(), Waited::Signaled(0));
    assert_eq!(code(mutex.release()), 288, "it was not taken");
    assert!(mutex.lock().unwrap().is_abandoned());
}

/// That it counts if all others are signalled is not promised to anybody: a thread may be out of its wait for a moment.
fn a_pulse_is_missed_while_another_object_is_not_signalled(stage: &Stage) {
    for reset in [Reset::Manual, Reset::Auto] {
        let event = stage.event("event", reset);
        let semaphore = stage.semaphore("semaphore", 0, 1);
        std::thread::scope(|scope| {
            let waiter = Waiter::blocked(scope, || wait::all(&[&event, &semaphore], LONG).unwrap());
            event.pulse().unwrap();
            waiter.stays_blocked();
            semaphore.release(1).unwrap();
            waiter.stays_blocked();
            until("a pulse is met", || {
                event.pulse().unwrap();
                waiter.is_done()
            });
            assert_eq!(waiter.outcome(), WaitedAll::Signaled, "{reset:?}");
        });
        assert_eq!((is_set(&event), count(&semaphore)), (false, 0), "{reset:?}");
    }
}

fn a_time_out_takes_nothing(stage: &Stage) {
    let semaphore = stage.semaphore("semaphore", 1, 1);
    let event = stage.event("event", Reset::Auto);
    event.set().unwrap();
    let timer = stage.timer("timer", Reset::Auto);
    timer.set(Due::NOW, None).unwrap();
    let later = stage.timer("later", Reset::Auto);
    later.set(Due::after(HOUR), None).unwrap();
    let mutex = stage.mutex("mutex");
    let never = stage.event("never", Reset::Manual);
    for limit in [Duration::ZERO, Duration::from_millis(3), SHORT] {
        for missing in [&never as &dyn Waitable, &later] {
            for at in [0, 2, 4] {
                let mut objects: Vec<&dyn Waitable> = vec![&semaphore, &event, &mutex, &timer];
                objects.insert(at, missing);
                assert_eq!(wait::all(&objects, limit).unwrap(), WaitedAll::TimedOut);
                assert_eq!(
                    (count(&semaphore), is_set(&event), is_free(&mutex)),
                    (1, true, true),
                    "{limit:?}"
                );
            }
        }
    }
    never.set().unwrap();
    assert_eq!(wait::all(&[&semaphore, &event, &mutex, &timer, &never], LONG).unwrap(), WaitedAll::Signaled);
    mutex.release().unwrap();
    // Who gave up gets nothing later.
    let [a, b] = ["a", "b"].map(|name| stage.semaphore(name, 0, 5));
    assert_eq!(wait::all(&[&a, &b], SHORT).unwrap(), WaitedAll::TimedOut);
    a.release(1).unwrap();
    b.release(1).unwrap();
    assert_eq!((count(&a), count(&b)), (1, 1));
}

/// Who wants the same two in the opposite order would wait for ever, if one were held while the other one is waited for.
fn waits_for_all_in_any_order_do_not_block_each_other(stage: &Stage) {
    let [a, b, c] = ["a", "b", "c"].map(|name| stage.mutex(name));
    std::thread::scope(|scope| {
        for [x, y] in [[&a, &b], [&b, &c], [&c, &a], [&b, &a]] {
            scope.spawn(move || {
                for _ in 0..200 {
                    assert_eq!(wait::all(&[x, y], LONG).unwrap(), WaitedAll::Signaled);
                    x.release().unwrap();
                    y.release().unwrap();
                }
            });
        }
    });
}

fn a_signal_releases_one_of_those_who_wait_in_different_ways(stage: &Stage) {
    let [event, other] = ["event", "other"].map(|name| stage.event(name, Reset::Auto));
    let semaphore = stage.semaphore("semaphore", 5, 5);
    std::thread::scope(|scope| {
        let waiters = [
            Waiter::start(scope, || event.wait(LONG).unwrap()),
            Waiter::start(scope, || wait::any(&[&other, &event], LONG).unwrap() == Waited::Signaled(1)),
            Waiter::start(scope, || wait::any(&[&event, &other], LONG).unwrap() == Waited::Signaled(0)),
            Waiter::start(scope, || wait::all(&[&semaphore, &event], LONG).unwrap() == WaitedAll::Signaled),
        ];
        for released in 1..=waiters.len() {
            event.set().unwrap();
            exactly(released, &waiters);
        }
        assert!(waiters.into_iter().all(Waiter::outcome));
    });
    assert_eq!((is_set(&event), is_set(&other), count(&semaphore)), (false, false, 4));
}

fn a_job_and_what_it_tells_are_waited_for_with_other_objects(stage: &Stage) {
    let (event, job) = (stage.event("event", Reset::Auto), stage.job("job"));
    let notifications = job.notifications().unwrap();
    let objects: [&dyn Waitable; 3] = [&event, &job, &notifications];
    assert_eq!(wait::any(&objects, SHORT).unwrap(), Waited::TimedOut);
    let process = member(stage, &job);
    assert_eq!(wait::any(&objects, LONG).unwrap(), Waited::Signaled(2), "it tells of the process");
    job.terminate(1).unwrap();
    drop(process);
    assert_eq!(wait::any(&objects, LONG).unwrap(), Waited::Signaled(1), "the first that is signalled");
    assert_eq!(wait::all(&objects, SHORT).unwrap(), WaitedAll::TimedOut);
    event.set().unwrap();
    assert!(matches!(wait::all(&objects, LONG).unwrap(), WaitedAll::Signaled));
    assert!(!is_set(&event), "it was taken");
    assert_eq!(wait::any(&objects, LONG).unwrap(), Waited::Signaled(1), "nothing was taken of the job");
}
