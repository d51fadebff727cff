//! Section 14.4, waiting for all of several objects at once. What is wrong with the list is in `wait_any.rs`.
//!
//! Not to be observed here: WM-10 (all or any is no number), WM-21 (that a wait for all can starve is no promise).

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::objects::abandon;
use common::sleeper::{Elsewhere, LONG, SHORT, Sleeper, until};
use common::{Place, on_wine};
use shmobj::wait::{self, MAXIMUM_OBJECTS, Waitable, WaitedAll};
use shmobj::{Access, Due, ErrorKind, Event, Mutex, Period, Reset, Semaphore, State, Timeout, WaitableTimer};

#[test]
fn wm_3_a_hundred_and_twenty_eight_objects_of_all_kinds_are_taken_at_once() {
    const EACH: usize = MAXIMUM_OBJECTS / 4;
    let place = Place::new();
    let mutexes: Vec<Mutex> = (0..EACH).map(|_| place.mutex("")).collect();
    let events: Vec<Event> = (0..EACH).map(|_| place.event("", Reset::Auto)).collect();
    let semaphores: Vec<Semaphore> = (0..EACH).map(|_| place.semaphore("", 1, 1)).collect();
    let timers: Vec<WaitableTimer> = (0..EACH).map(|_| place.timer("", Reset::Auto)).collect();
    let mut objects: Vec<&dyn Waitable> = Vec::new();
    for index in 0..EACH {
        objects.push(&mutexes[index]);
        objects.push(&events[index]);
        objects.push(&semaphores[index]);
        objects.push(&timers[index]);
    }
    std::thread::scope(|scope| {
        let signaller = scope.spawn(|| {
            for (event, timer) in events.iter().zip(&timers) {
                event.set().unwrap();
                timer.set(Due::after(Duration::from_millis(1)), None).unwrap();
            }
        });
        assert_eq!(wait::all(&objects, LONG).unwrap(), WaitedAll::Signaled);
        signaller.join().unwrap();
    });
    assert!(mutexes.iter().all(|mutex| mutex.depth() == 1));
    assert!(events.iter().all(|event| !event.wait(Timeout::NOW).unwrap()));
    assert!(semaphores.iter().all(|semaphore| !semaphore.wait(Timeout::NOW).unwrap()));
    assert!(timers.iter().all(|timer| !timer.wait(Timeout::NOW).unwrap()));
    for mutex in &mutexes {
        mutex.release().unwrap();
    }
    std::thread::scope(|scope| {
        let others = || mutexes.iter().all(|mutex| mutex.try_lock().unwrap().is_some());
        assert!(scope.spawn(others).join().unwrap());
    });
}

/// Also TS-16.
#[test]
fn wm_8_the_same_object_cannot_be_taken_twice_at_once() {
    let place = Place::new();
    if on_wine() {
        return; // WM-8: it takes it twice
    }
    let semaphore = place.semaphore("n", 5, 5);
    let again = place.semaphores().open("n", Access::ALL).unwrap();
    let other = place.events().signaled(true).create("other").unwrap();
    let mutex = place.mutex("mutex");
    let rows: [&[&dyn Waitable]; 4] = [
        &[&semaphore, &semaphore],
        &[&semaphore, &again],
        &[&semaphore, &other, &again],
        &[&mutex, &other, &mutex],
    ];
    for objects in rows {
        for timeout in [Timeout::NOW, Timeout::NEVER] {
            let error = wait::all(objects, timeout).unwrap_err();
            assert_eq!((error.kind(), error.win32_code()), (ErrorKind::InvalidParameter, 87));
        }
    }
    assert_eq!((place.count("n"), place.is_signaled("other"), mutex.depth()), (5, true, 0));
}

#[test]
fn wm_8_objects_without_a_name_are_told_apart() {
    let [a, b] = [(); 2].map(|()| Semaphore::options().initial(1).create_unnamed().unwrap());
    assert_eq!(wait::all(&[&a, &b], Timeout::NOW).unwrap(), WaitedAll::Signaled);
    if !on_wine() {
        assert_eq!(wait::all(&[&a, &a], Timeout::NOW).unwrap_err().win32_code(), 87); // WM-8
    }
}

#[test]
fn one_object_can_be_waited_for_like_all_of_several() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 1, 1);
    assert_eq!(wait::all(&[&semaphore], LONG).unwrap(), WaitedAll::Signaled);
    assert_eq!(wait::all(&[&semaphore], SHORT).unwrap(), WaitedAll::TimedOut);
}

/// Also TS-14 and WM-23.
#[test]
fn wm_13_nothing_is_taken_before_all_are_signalled() {
    let place = Place::new();
    let semaphore = place.semaphore("semaphore", 1, 1);
    let event = place.event("event", Reset::Auto);
    let mutex = place.mutex("mutex");
    std::thread::scope(|scope| {
        let sleeper = Sleeper::asleep(scope, || {
            let waited = wait::all(&[&semaphore, &mutex, &event], LONG).unwrap();
            mutex.release().unwrap();
            waited
        });
        assert!(semaphore.wait(Timeout::NOW).unwrap(), "others may take single objects");
        drop(mutex.try_lock().unwrap().expect("also the mutex"));
        event.set().unwrap();
        sleeper.stays_asleep();
        assert!(place.is_signaled("event"), "and the event stays set");
        semaphore.release(1).unwrap();
        assert_eq!(sleeper.outcome(), WaitedAll::Signaled);
    });
    assert_eq!((place.count("semaphore"), place.is_signaled("event")), (0, false));
}

/// At no instant were both signalled.
#[test]
fn wm_13_an_event_that_was_reset_before_the_others_were_signalled_does_not_count() {
    let place = Place::new();
    let semaphore = place.semaphore("semaphore", 0, 1);
    let event = place.event("event", Reset::Manual);
    for round in 0..20 {
        let objects: [&(dyn Waitable + Sync); 2] =
            if round % 2 == 0 { [&semaphore, &event] } else { [&event, &semaphore] };
        std::thread::scope(|scope| {
            let sleeper =
                Sleeper::asleep(scope, || wait::all(&[objects[0] as _, objects[1] as _], LONG).unwrap());
            event.set().unwrap();
            event.reset().unwrap();
            semaphore.release(1).unwrap();
            std::thread::sleep(Duration::from_millis(3));
            let was_taken = sleeper.is_done();
            event.set().unwrap();
            assert_eq!(sleeper.outcome(), WaitedAll::Signaled);
            assert!(!was_taken, "in round {round}");
            event.reset().unwrap();
        });
    }
}

#[test]
fn wm_14_all_are_taken_in_one_step_when_the_last_one_is_signalled() {
    let place = Place::new();
    let semaphore = place.semaphore("semaphore", 2, 2);
    let auto = place.event("auto", Reset::Auto);
    let manual = place.event("manual", Reset::Manual);
    let timer = place.timer("timer", Reset::Auto);
    let mutex = place.mutex("mutex");
    auto.set().unwrap();
    manual.set().unwrap();
    std::thread::scope(|scope| {
        let sleeper = Sleeper::asleep(scope, || {
            let waited = wait::all(&[&semaphore, &auto, &manual, &timer, &mutex], LONG).unwrap();
            (waited, mutex.depth())
        });
        timer.set(Due::after(Duration::from_millis(5)), None).unwrap();
        assert_eq!(sleeper.outcome(), (WaitedAll::Signaled, 1));
    });
    assert_eq!(place.count("semaphore"), 1);
    assert_eq!(["auto", "manual", "timer"].map(|name| place.is_signaled(name)), [false, true, false]);
}

/// Who takes the second token after the first would be seen here: an observer that has the first finds the second there, because those
/// who want both give back the second one first.
fn an_observer_never_sees_one_token_missing(
    objects: [&(dyn Waitable + Sync); 2],
    take: impl Fn(usize) -> bool + Sync,
    give_back: impl Fn(usize) + Sync,
) {
    const SEEN: u32 = 400;
    let is_over = AtomicBool::new(false);
    let takes_both = |first: usize| {
        let both = [objects[first] as &dyn Waitable, objects[1 - first]];
        let mut taken = 0_u32;
        while !is_over.load(Ordering::SeqCst) || taken == 0 {
            assert_eq!(wait::all(&both, LONG).unwrap(), WaitedAll::Signaled);
            taken += 1;
            give_back(1);
            give_back(0);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| takes_both(0));
        scope.spawn(|| takes_both(1));
        let mut seen = 0;
        let begun = Instant::now();
        while seen < SEEN && begun.elapsed() < LONG {
            if take(0) {
                let both = take(1);
                if both {
                    give_back(1);
                }
                give_back(0);
                if !both {
                    is_over.store(true, Ordering::SeqCst);
                    panic!("one was there, and the other one was not");
                }
                seen += 1;
            }
            if seen % 16 == 0 {
                std::thread::yield_now();
            }
        }
        is_over.store(true, Ordering::SeqCst);
        assert_eq!(seen, SEEN);
    });
    assert!(take(0) && take(1), "nothing is lost");
    assert!(!take(0) || !take(1), "nothing is doubled");
}

#[test]
fn wm_14_nobody_sees_one_of_two_semaphores_taken() {
    let place = Place::new();
    let [a, b] = ["a", "b"].map(|name| place.semaphore(name, 1, 1));
    an_observer_never_sees_one_token_missing(
        [&a, &b],
        |index| [&a, &b][index].wait(Timeout::NOW).unwrap(),
        |index| assert_eq!([&a, &b][index].release(1).unwrap(), 0),
    );
}

#[test]
fn wm_14_nobody_sees_one_of_two_events_taken() {
    let place = Place::new();
    let [a, b] = ["a", "b"].map(|name| place.events().signaled(true).create(name).unwrap());
    an_observer_never_sees_one_token_missing(
        [&a, &b],
        |index| [&a, &b][index].wait(Timeout::NOW).unwrap(),
        |index| [&a, &b][index].set().unwrap(),
    );
}

#[test]
fn wm_14_nobody_sees_one_of_an_event_and_a_semaphore_taken() {
    let place = Place::new();
    let event = place.events().signaled(true).create("event").unwrap();
    let semaphore = place.semaphore("semaphore", 1, 1);
    let give_back =
        |index| if index == 0 { event.set().unwrap() } else { assert_eq!(semaphore.release(1).unwrap(), 0) };
    let take =
        |index| if index == 0 { event.wait(Timeout::NOW) } else { semaphore.wait(Timeout::NOW) }.unwrap();
    an_observer_never_sees_one_token_missing([&event, &semaphore], take, give_back);
}

#[test]
fn wm_14_nobody_sees_one_of_two_mutexes_taken() {
    let place = Place::new();
    let [a, b] = ["a", "b"].map(|name| place.mutex(name));
    let mutexes = [&a, &b];
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for order in [[&a, &b], [&b, &a]] {
            let is_over = &is_over;
            scope.spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    assert_eq!(
                        wait::all(&[order[0] as _, order[1] as _], LONG).unwrap(),
                        WaitedAll::Signaled
                    );
                    mutexes[1].release().unwrap();
                    mutexes[0].release().unwrap();
                }
            });
        }
        let mut seen = 0;
        until("both are seen often", || {
            if let Some(_lock) = a.try_lock().unwrap() {
                let both = b.try_lock().unwrap().is_some();
                is_over.fetch_or(!both, Ordering::SeqCst);
                assert!(both, "one was there, and the other one was not");
                seen += 1;
            }
            seen == 200
        });
        is_over.store(true, Ordering::SeqCst);
    });
    assert!(a.try_lock().unwrap().is_some() && b.try_lock().unwrap().is_some());
}

#[test]
fn wm_14_tokens_that_threads_pass_around_are_neither_lost_nor_made() {
    let place = Place::new();
    let table = place.mutex("table");
    let [a, b] = ["a", "b"].map(|name| place.semaphore(name, 2, 4));
    std::thread::scope(|scope| {
        for (from, to) in [(&a, &b), (&b, &a), (&a, &b), (&b, &a)] {
            let table = &table;
            scope.spawn(move || {
                for _ in 0..200 {
                    assert_eq!(wait::all(&[from, table], LONG).unwrap(), WaitedAll::Signaled);
                    assert_eq!(table.depth(), 1);
                    to.release(1).unwrap();
                    table.release().unwrap();
                }
            });
        }
    });
    assert_eq!((place.count("a"), place.count("b")), (2, 2));
}

#[test]
fn wm_15_a_mutex_that_this_thread_owns_is_signalled_for_it() {
    let place = Place::new();
    let mutex = place.mutex("mutex");
    let semaphore = place.semaphore("semaphore", 1, 1);
    let _lock = mutex.lock().unwrap();
    assert_eq!(wait::all(&[&mutex, &semaphore], LONG).unwrap(), WaitedAll::Signaled);
    assert_eq!((mutex.depth(), place.count("semaphore")), (2, 0));
    assert_eq!(wait::all(&[&mutex, &semaphore], Timeout::NOW).unwrap(), WaitedAll::TimedOut);
    assert_eq!(mutex.depth(), 2);
    mutex.release().unwrap();
}

#[test]
fn wm_15_a_mutex_of_another_thread_is_waited_for() {
    let place = Place::new();
    let [mutex, other] = ["mutex", "other"].map(|name| place.mutex(name));
    let semaphore = place.semaphore("semaphore", 1, 1);
    let owned = [&mutex];
    std::thread::scope(|scope| {
        let owner = Elsewhere::owns(scope, &owned);
        let sleeper = Sleeper::asleep(scope, || {
            let waited = wait::all(&[&other, &semaphore, &mutex], LONG).unwrap();
            (waited, mutex.depth(), other.depth())
        });
        drop(other.try_lock().unwrap().expect("nobody has it meanwhile"));
        assert_eq!(place.count("semaphore"), 1);
        owner.releases();
        assert_eq!(sleeper.outcome(), (WaitedAll::Signaled, 1, 1));
    });
    assert!(
        mutex.lock().unwrap().is_abandoned() && other.lock().unwrap().is_abandoned(),
        "the thread has ended"
    );
}

#[test]
fn wm_17_all_abandoned_mutexes_are_taken_and_told() {
    let place = Place::new();
    let mutexes = ["m0", "m1", "m2", "m3"].map(|name| place.mutex(name));
    let [m0, m1, m2, m3] = &mutexes;
    let semaphore = place.semaphore("semaphore", 1, 1);
    abandon(&[m1, m3], 2);
    let waited = wait::all(&[m3, m0, &semaphore, m1, m2], LONG).unwrap();
    // Windows tells that one was abandoned, and not which.
    let told = if cfg!(target_os = "linux") { vec![0, 3] } else { vec![0, 1, 3, 4] };
    assert_eq!(waited, WaitedAll::Abandoned(told));
    for mutex in &mutexes {
        assert_eq!(mutex.depth(), 1);
        mutex.release().unwrap();
        assert!(!mutex.lock().unwrap().is_abandoned(), "told once");
    }
}

#[test]
fn wm_17_a_mutex_that_is_abandoned_while_all_are_waited_for_is_told() {
    let place = Place::new();
    let mutex = place.mutex("mutex");
    let event = place.events().signaled(true).create("event").unwrap();
    let owned = [&mutex];
    std::thread::scope(|scope| {
        let owner = Elsewhere::owns(scope, &owned);
        let sleeper = Sleeper::asleep(scope, || {
            let waited = wait::all(&[&event, &mutex], LONG).unwrap();
            mutex.release().unwrap();
            waited
        });
        owner.ends();
        assert_eq!(sleeper.outcome(), WaitedAll::Abandoned(vec![1]));
    });
    assert_eq!(place.state("mutex"), State::Mutex { owner: None, abandoned: false });
}

#[test]
fn wm_19_a_pulse_is_missed_while_another_object_is_not_signalled() {
    let place = Place::new();
    for reset in [Reset::Manual, Reset::Auto] {
        let event = place.event("event", reset);
        let semaphore = place.semaphore("semaphore", 0, 1);
        std::thread::scope(|scope| {
            let sleeper = Sleeper::asleep(scope, || wait::all(&[&event, &semaphore], LONG).unwrap());
            event.pulse().unwrap();
            sleeper.stays_asleep();
            semaphore.release(1).unwrap();
            sleeper.stays_asleep();
            assert_eq!(place.count("semaphore"), 1, "{reset:?}");
            event.set().unwrap();
            assert_eq!(sleeper.outcome(), WaitedAll::Signaled);
        });
    }
}

#[test]
fn wm_19_a_pulse_counts_if_all_others_are_signalled() {
    let place = Place::new();
    let event = place.event("event", Reset::Manual);
    let semaphore = place.semaphore("semaphore", 1, 1);
    std::thread::scope(|scope| {
        let sleeper = Sleeper::asleep(scope, || wait::all(&[&semaphore, &event], LONG).unwrap());
        event.pulse().unwrap();
        assert_eq!(sleeper.outcome(), WaitedAll::Signaled);
    });
    assert_eq!((place.count("semaphore"), place.is_signaled("event")), (0, false));
}

/// Also WS-5.
#[test]
fn wm_20_a_time_out_is_not_early_and_takes_nothing() {
    let place = Place::new();
    let semaphore = place.semaphore("semaphore", 1, 1);
    let event = place.events().signaled(true).create("event").unwrap();
    let timer = place.timer("timer", Reset::Auto);
    timer.set(Due::NOW, None).unwrap();
    let mutex = place.mutex("mutex");
    let never = place.event("never", Reset::Manual);
    for limit in
        [Duration::ZERO, Duration::from_micros(200), Duration::from_millis(3), Duration::from_millis(120)]
    {
        for first in [true, false] {
            let mut objects: Vec<&dyn Waitable> = vec![&semaphore, &event, &mutex, &timer];
            objects.insert(if first { 0 } else { 4 }, &never);
            let begun = Instant::now();
            assert_eq!(wait::all(&objects, limit).unwrap(), WaitedAll::TimedOut);
            assert!(begun.elapsed() >= limit, "{limit:?}");
            let state = (place.count("semaphore"), place.is_signaled("event"), place.is_signaled("timer"));
            assert_eq!((state, mutex.depth()), ((1, true, true), 0));
        }
    }
    never.set().unwrap();
    assert_eq!(
        wait::all(&[&semaphore, &event, &mutex, &timer, &never], Timeout::NOW).unwrap(),
        WaitedAll::Signaled
    );
}

#[test]
fn wm_20_who_gave_up_gets_nothing_later() {
    let place = Place::new();
    let [a, b] = ["a", "b"].map(|name| place.semaphore(name, 0, 5));
    assert_eq!(wait::all(&[&a, &b], SHORT).unwrap(), WaitedAll::TimedOut);
    a.release(1).unwrap();
    b.release(1).unwrap();
    assert_eq!((place.count("a"), place.count("b")), (1, 1));
    assert!(a.wait(Timeout::NOW).unwrap() && b.wait(Timeout::NOW).unwrap());
}

/// Two who want the same two in opposite order: neither holds what the other one needs.
#[test]
fn wm_23_waits_for_all_never_block_each_other() {
    let place = Place::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| place.mutex(name));
    std::thread::scope(|scope| {
        for [x, y] in [[&a, &b], [&b, &c], [&c, &a], [&b, &a]] {
            scope.spawn(move || {
                for _ in 0..300 {
                    assert_eq!(wait::all(&[x, y], LONG).unwrap(), WaitedAll::Signaled);
                    x.release().unwrap();
                    y.release().unwrap();
                }
            });
        }
    });
}

#[test]
fn one_signal_of_each_satisfies_one_of_several_waits_for_all() {
    let place = Place::new();
    let [a, b] = ["a", "b"].map(|name| place.event(name, Reset::Auto));
    std::thread::scope(|scope| {
        let sleepers = Sleeper::many(3, scope, || wait::all(&[&a, &b], LONG).unwrap());
        for released in 1..=3 {
            b.set().unwrap();
            a.set().unwrap();
            common::sleeper::exactly(released, &sleepers);
        }
        assert!(sleepers.into_iter().all(|sleeper| sleeper.outcome() == WaitedAll::Signaled));
    });
    assert!(!place.is_signaled("a") && !place.is_signaled("b"));
}

#[test]
fn a_wait_for_all_that_has_no_use_for_a_signal_leaves_it_to_those_who_have() {
    let place = Place::new();
    let event = place.event("event", Reset::Auto);
    let never = place.semaphore("never", 0, 1);
    std::thread::scope(|scope| {
        let all = Sleeper::asleep(scope, || wait::all(&[&event, &never], LONG).unwrap());
        let one = Sleeper::asleep(scope, || event.wait(LONG).unwrap());
        event.set().unwrap();
        assert!(one.outcome());
        all.stays_asleep();
        event.set().unwrap();
        all.stays_asleep();
        assert!(event.wait(Timeout::NOW).unwrap(), "it is still there");
        event.set().unwrap();
        never.release(1).unwrap();
        assert_eq!(all.outcome(), WaitedAll::Signaled);
    });
}

#[test]
fn a_timer_that_is_due_later_is_waited_for_with_the_others() {
    let place = Place::new();
    let semaphore = place.semaphore("semaphore", 1, 1);
    for reset in [Reset::Auto, Reset::Manual] {
        let timer = place.timer("timer", reset);
        let due = Instant::now() + Duration::from_millis(20);
        timer.set(due.into(), None).unwrap();
        assert_eq!(wait::all(&[&timer, &semaphore], LONG).unwrap(), WaitedAll::Signaled);
        assert!(Instant::now() >= due);
        assert_eq!(place.is_signaled("timer"), reset == Reset::Manual);
        semaphore.release(1).unwrap();
    }
}

#[test]
fn a_periodic_timer_is_waited_for_with_others_again_and_again() {
    let place = Place::new();
    let timer = place.timer("timer", Reset::Auto);
    let [semaphore, done] = ["semaphore", "done"].map(|name| place.semaphore(name, 0, 1));
    let period = Duration::from_millis(2);
    let begun = Instant::now();
    timer.set(Due::after(period), Some(Period::every(period))).unwrap();
    std::thread::scope(|scope| {
        let sleeper = Sleeper::start(scope, || {
            for expiry in 1..=5 {
                assert_eq!(wait::all(&[&timer, &semaphore], LONG).unwrap(), WaitedAll::Signaled);
                assert!(begun.elapsed() >= expiry * period, "expiry {expiry}");
                done.release(1).unwrap();
            }
        });
        for _ in 0..5 {
            std::thread::sleep(3 * period);
            assert_eq!(place.count("semaphore"), 0);
            semaphore.release(1).unwrap();
            assert!(done.wait(LONG).unwrap());
        }
        sleeper.outcome();
    });
    assert_eq!(place.count("semaphore"), 0);
}
