//! Section 14.4, waiting for any of several objects.
//!
//! Not to be observed here: WM-4, WM-7 and WM-11 (there are no bad or pseudo handles, and no bad array), WM-10 (all or any is
//! no number), WM-21 (a possibility is no promise), WM-22 (there are no APCs).

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::Place;
use common::objects::abandon;
use common::sleeper::{Elsewhere, LONG, SHORT, Sleeper, done, exactly, until};
use shmobj::wait::{self, MAXIMUM_OBJECTS, Waitable, Waited, WaitedAll};
use shmobj::{Access, Due, ErrorKind, Event, Mutex, Reset, Semaphore, State, Timeout, WaitableTimer};

/// Also TS-17.
#[test]
fn wm_1_wm_2_none_and_too_many_cannot_be_waited_for() {
    let place = Place::new();
    let event = place.events().reset(Reset::Manual).signaled(true).create("n").unwrap();
    let semaphores: Vec<Semaphore> = (0..=MAXIMUM_OBJECTS).map(|_| place.semaphore("", 1, 1)).collect();
    let too_many: Vec<&dyn Waitable> = semaphores.iter().map(|semaphore| semaphore as _).collect();
    let the_same: Vec<&dyn Waitable> = vec![&event; MAXIMUM_OBJECTS + 1];
    for objects in [&[][..], &too_many, &the_same] {
        for error in [
            wait::any(objects, Timeout::NOW).unwrap_err(),
            wait::any(objects, Timeout::NEVER).unwrap_err(),
            wait::all(objects, Timeout::NOW).unwrap_err(),
            wait::all(objects, Timeout::NEVER).unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.win32_code()), (ErrorKind::InvalidParameter, 87));
        }
    }
    assert!(semaphores[0].wait(Timeout::NOW).unwrap(), "nothing was taken");
}

/// WM-3, with a larger limit on Linux, and every kind.
#[test]
fn wm_3_as_many_objects_as_the_limit_says_of_all_kinds_can_be_waited_for() {
    const EACH: usize = MAXIMUM_OBJECTS / 4;
    assert_eq!(MAXIMUM_OBJECTS, if cfg!(target_os = "linux") { 128 } else { 64 });
    let place = Place::new();
    let mutexes: Vec<Mutex> = (0..EACH).map(|_| place.mutex("")).collect();
    let events: Vec<Event> = (0..EACH).map(|_| place.event("", Reset::Auto)).collect();
    let semaphores: Vec<Semaphore> = (0..EACH).map(|_| place.semaphore("", 0, 1)).collect();
    let timers: Vec<WaitableTimer> = (0..EACH).map(|_| place.timer("", Reset::Auto)).collect();
    let mut objects: Vec<&dyn Waitable> = Vec::new();
    for index in 0..EACH {
        objects.push(&mutexes[index]);
        objects.push(&events[index]);
        objects.push(&semaphores[index]);
        objects.push(&timers[index]);
    }
    let owned: Vec<&Mutex> = mutexes.iter().collect();
    let (most, last) = owned.split_at(EACH - 1);
    let any = |timeout: Timeout| wait::any(&objects, timeout).unwrap();
    std::thread::scope(|scope| {
        let owner = Elsewhere::owns(scope, most);
        let owner_of_last = Elsewhere::owns(scope, last);
        assert_eq!(any(Timeout::NOW), Waited::TimedOut);
        assert_eq!(any(SHORT.into()), Waited::TimedOut);
        let at_last = 4 * (EACH - 1);
        timers[EACH - 1].set(Due::after(Duration::from_millis(5)), None).unwrap();
        assert_eq!(any(LONG.into()), Waited::Signaled(at_last + 3));
        let signaller = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(5));
            semaphores[EACH - 1].release(1).unwrap();
        });
        assert_eq!(any(LONG.into()), Waited::Signaled(at_last + 2));
        signaller.join().unwrap();
        let signaller = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(5));
            events[EACH - 1].set().unwrap();
        });
        assert_eq!(any(LONG.into()), Waited::Signaled(at_last + 1));
        signaller.join().unwrap();
        let signaller = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(5));
            owner_of_last.ends();
        });
        assert_eq!(any(LONG.into()), Waited::Abandoned(at_last));
        signaller.join().unwrap();
        mutexes[EACH - 1].release().unwrap();
        assert_eq!(any(Timeout::NOW), Waited::Signaled(at_last));
        mutexes[EACH - 1].release().unwrap();
        owner.releases();
    });
    assert_eq!(any(Timeout::NOW), Waited::Signaled(0));
    mutexes[0].release().unwrap();
}

/// Also WM-6.
#[test]
fn wm_5_one_handle_without_the_right_to_wait_spoils_it_all() {
    let place = Place::new();
    let good = place.semaphore("good", 1, 1);
    let _bad = [place.semaphore("bad", 1, 1), place.semaphore("worse", 1, 1)];
    let bad = place.semaphores().open("bad", Access::MODIFY).unwrap();
    let worse = place.semaphores().open("worse", Access::QUERY).unwrap();
    let objects: [&dyn Waitable; 3] = [&good, &bad, &worse];
    let error = wait::any(&objects, LONG).unwrap_err();
    assert_eq!((error.kind(), error.win32_code()), (ErrorKind::AccessDenied, 5));
    assert!(error.object().contains("bad"), "the first in order decides: {error}");
    let error = wait::all(&objects, LONG).unwrap_err();
    assert_eq!((error.kind(), error.win32_code()), (ErrorKind::AccessDenied, 5));
    let error = wait::any(&[&good, &worse, &bad], Timeout::NOW).unwrap_err();
    assert!(error.object().contains("worse"), "the first in order decides: {error}");
    assert_eq!((place.count("good"), place.count("bad"), place.count("worse")), (1, 1, 1));
}

#[test]
fn wm_9_the_same_object_may_be_given_twice_and_is_taken_once() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 2, 2);
    let other = place.semaphores().open("n", Access::SYNCHRONIZE).unwrap();
    let never = place.event("never", Reset::Auto);
    assert_eq!(wait::any(&[&semaphore, &semaphore], LONG).unwrap(), Waited::Signaled(0));
    assert_eq!(wait::any(&[&never, &other, &semaphore], LONG).unwrap(), Waited::Signaled(1));
    assert_eq!(place.count("n"), 0);
    std::thread::scope(|scope| {
        let sleeper =
            Sleeper::asleep(scope, || wait::any(&[&never, &semaphore, &other, &semaphore], LONG).unwrap());
        semaphore.release(1).unwrap();
        assert_eq!(sleeper.outcome(), Waited::Signaled(1));
    });
    assert_eq!(place.count("n"), 0);
    let mutex = place.mutex("mutex");
    assert_eq!(wait::any(&[&mutex, &mutex], LONG).unwrap(), Waited::Signaled(0));
    assert_eq!(mutex.depth(), 1);
}

#[test]
fn wm_12_the_first_of_several_signalled_objects_is_taken_and_no_other() {
    let place = Place::new();
    let never = place.event("never", Reset::Manual);
    let a = place.semaphore("a", 1, 1);
    let b = place.events().signaled(true).create("b").unwrap();
    let mutex = place.mutex("mutex");
    let timer = place.timer("timer", Reset::Auto);
    timer.set(Due::NOW, None).unwrap();
    let objects: [&dyn Waitable; 5] = [&never, &a, &b, &mutex, &timer];
    assert_eq!(wait::any(&objects, LONG).unwrap(), Waited::Signaled(1));
    assert_eq!(
        (place.count("a"), place.is_signaled("b"), mutex.depth(), place.is_signaled("timer")),
        (0, true, 0, true)
    );
    assert_eq!(wait::any(&objects, Timeout::NOW).unwrap(), Waited::Signaled(2));
    assert_eq!((place.is_signaled("b"), mutex.depth(), place.is_signaled("timer")), (false, 0, true));
    assert_eq!(wait::any(&objects, Timeout::NEVER).unwrap(), Waited::Signaled(3));
    assert_eq!((mutex.depth(), place.is_signaled("timer")), (1, true));
    assert_eq!(wait::any(&objects, LONG).unwrap(), Waited::Signaled(3), "its owner gets it again");
    assert_eq!(mutex.depth(), 2);
    assert_eq!(wait::any(&[&never, &timer, &mutex], LONG).unwrap(), Waited::Signaled(1));
    assert!(!place.is_signaled("timer"));
}

#[test]
fn wm_12_a_sleeping_thread_takes_whichever_is_signalled_and_no_other() {
    let place = Place::new();
    let (a, b) = (place.semaphore("a", 0, 1), place.event("b", Reset::Auto));
    let (mutex, timer) = (place.mutex("mutex"), place.timer("timer", Reset::Auto));
    let owned = [&mutex];
    std::thread::scope(|scope| {
        let owner = Elsewhere::owns(scope, &owned);
        let wait = || {
            let waited = wait::any(&[&a, &b, &mutex, &timer], LONG).unwrap();
            if mutex.depth() > 0 {
                mutex.release().unwrap();
            }
            waited
        };
        let sleeper = Sleeper::asleep(scope, wait);
        a.release(1).unwrap();
        assert_eq!(sleeper.outcome(), Waited::Signaled(0));
        let sleeper = Sleeper::asleep(scope, wait);
        b.set().unwrap();
        assert_eq!(sleeper.outcome(), Waited::Signaled(1));
        let sleeper = Sleeper::asleep(scope, wait);
        timer.set(Due::after(Duration::from_millis(2)), None).unwrap();
        assert_eq!(sleeper.outcome(), Waited::Signaled(3));
        let sleeper = Sleeper::asleep(scope, wait);
        owner.releases();
        assert_eq!(sleeper.outcome(), Waited::Signaled(2));
    });
    assert_eq!((place.count("a"), place.is_signaled("b"), place.is_signaled("timer")), (0, false, false));
}

#[test]
fn wm_12_who_answers_and_then_lets_go_has_answered() {
    const ROUNDS: usize = 3000;
    let place = Place::new();
    let (answer, alive) = (place.event("answer", Reset::Auto), place.mutex("alive"));
    let [owned, next] = ["owned", "next"].map(|name| place.event(name, Reset::Auto));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                let guard = alive.lock().unwrap();
                owned.set().unwrap();
                answer.set().unwrap();
                drop(guard);
                assert!(next.wait(LONG).unwrap());
            }
        });
        for round in 0..ROUNDS {
            assert!(owned.wait(LONG).unwrap());
            let waited = wait::any(&[&answer, &alive], LONG).unwrap();
            assert_eq!(waited, Waited::Signaled(0), "in round {round}");
            next.set().unwrap();
        }
    });
}

/// Also TS-13.
#[test]
fn wm_16_an_abandoned_mutex_that_comes_first_is_taken_and_told() {
    let place = Place::new();
    let [owned_elsewhere, m1, m2] = ["m0", "m1", "m2"].map(|name| place.mutex(name));
    abandon(&[&m1, &m2], 2);
    let owned = [&owned_elsewhere];
    std::thread::scope(|scope| {
        let owner = Elsewhere::owns(scope, &owned);
        assert_eq!(wait::any(&[&owned_elsewhere, &m1, &m2], LONG).unwrap(), Waited::Abandoned(1));
        assert_eq!((m1.depth(), m2.depth()), (1, 0));
        assert_eq!(place.state("m2"), State::Mutex { owner: None, abandoned: true });
        owner.releases();
    });
    assert!(m2.lock().unwrap().is_abandoned(), "it is still abandoned");
}

#[test]
fn wm_18_an_abandoned_mutex_behind_something_signalled_is_left_alone() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let semaphore = place.semaphore("semaphore", 1, 1);
    abandon(&[&mutex], 1);
    assert_eq!(wait::any(&[&semaphore, &mutex], LONG).unwrap(), Waited::Signaled(0));
    assert_eq!(mutex.depth(), 0);
    assert_eq!(place.state("n"), State::Mutex { owner: None, abandoned: true });
    assert!(mutex.lock().unwrap().is_abandoned());
}

#[test]
fn ws_3_a_zero_time_out_never_blocks_also_if_a_mutex_is_owned_elsewhere() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let semaphore = place.semaphore("semaphore", 0, 1);
    let free = place.semaphore("free", 3, 3);
    let owned = [&mutex];
    std::thread::scope(|scope| {
        let owner = Elsewhere::owns(scope, &owned);
        for _ in 0..200 {
            assert_eq!(wait::any(&[&mutex, &semaphore], Timeout::NOW).unwrap(), Waited::TimedOut);
            assert_eq!(wait::all(&[&free, &mutex], Timeout::NOW).unwrap(), WaitedAll::TimedOut);
        }
        assert_eq!(place.count("free"), 3);
        owner.releases();
    });
}

#[test]
fn ws_5_a_time_out_is_not_early_and_takes_nothing() {
    let place = Place::new();
    let (a, b) = (place.semaphore("a", 0, 1), place.event("b", Reset::Auto));
    let mutex = place.mutex("n");
    let timer = place.timer("timer", Reset::Auto);
    timer.set(Due::after(Duration::from_secs(3600)), None).unwrap();
    let owned = [&mutex];
    std::thread::scope(|scope| {
        let owner = Elsewhere::owns(scope, &owned);
        // Some are longer than what sleepers on a mutex sleep at most.
        for limit in [1, 4, 130].map(Duration::from_millis) {
            let begun = Instant::now();
            assert_eq!(wait::any(&[&a, &mutex, &b, &timer], limit).unwrap(), Waited::TimedOut);
            assert!(begun.elapsed() >= limit, "{limit:?}");
        }
        owner.releases();
    });
    assert!(mutex.try_lock().unwrap().is_some());
    a.release(1).unwrap();
    b.set().unwrap();
    assert!(a.wait(Timeout::NOW).unwrap() && b.wait(Timeout::NOW).unwrap());
}

#[test]
fn ws_11_one_signal_satisfies_one_of_those_who_wait_for_it_in_different_ways() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    let other = place.event("other", Reset::Auto);
    std::thread::scope(|scope| {
        let mut sleepers = Sleeper::many(2, scope, || event.wait(LONG).unwrap());
        let several = || wait::any(&[&other, &event], LONG).unwrap() == Waited::Signaled(1);
        sleepers.extend(Sleeper::many(2, scope, several));
        for released in 1..=4 {
            event.set().unwrap();
            exactly(released, &sleepers);
        }
        assert!(sleepers.into_iter().all(Sleeper::outcome));
    });
    assert!(!event.wait(Timeout::NOW).unwrap() && !other.wait(Timeout::NOW).unwrap());
}

#[test]
fn ev_13_a_manual_event_that_is_reset_at_once_has_released_those_who_slept_for_several() {
    let place = Place::new();
    let event = place.event("n", Reset::Manual);
    let other = place.semaphore("other", 0, 1);
    for _ in 0..50 {
        std::thread::scope(|scope| {
            let sleepers = Sleeper::many(3, scope, || wait::any(&[&other, &event], LONG).unwrap());
            event.set().unwrap();
            event.reset().unwrap();
            assert!(sleepers.into_iter().all(|sleeper| sleeper.outcome() == Waited::Signaled(1)));
        });
    }
}

#[test]
fn a_wait_for_one_of_several_mutexes_gets_each_unit_back_that_its_owner_lost() {
    let place = Place::new();
    let [a, b] = ["a", "b"].map(|name| place.mutex(name));
    let owned = [&a, &b];
    std::thread::scope(|scope| {
        let owner = Elsewhere::owns(scope, &owned);
        let wait = || {
            let waited = wait::any(&[&a, &b], LONG).unwrap();
            let depths = (a.depth(), b.depth());
            (waited, depths)
        };
        let sleepers = Sleeper::many(2, scope, wait);
        owner.ends();
        // Each ends owning what it got, which abandons it for the other, who may get the same.
        for sleeper in sleepers {
            match sleeper.outcome() {
                (Waited::Abandoned(0), (1, 0)) | (Waited::Abandoned(1), (0, 1)) => {}
                other => panic!("{other:?}"),
            }
        }
    });
    assert!(a.lock().unwrap().is_abandoned() && b.lock().unwrap().is_abandoned());
}

#[test]
fn a_release_reaches_a_sleeper_for_several_also_if_another_one_takes_something_else() {
    let place = Place::new();
    let [a, b] = ["a", "b"].map(|name| place.semaphore(name, 0, 1000));
    let taken = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let sleepers = Sleeper::many(3, scope, || {
            for _ in 0..200 {
                match wait::any(&[&a, &b], LONG).unwrap() {
                    Waited::Signaled(_) => taken.fetch_add(1, Ordering::SeqCst),
                    other => panic!("{other:?}"),
                };
            }
        });
        for sent in 1..=600 {
            if sent % 2 == 0 { &a } else { &b }.release(1).unwrap();
            if sent % 5 == 0 {
                until("all is taken", || taken.load(Ordering::SeqCst) == sent);
            }
        }
        until("all have ended", || done(&sleepers) == 3);
    });
    assert_eq!((place.count("a"), place.count("b")), (0, 0));
}

#[test]
fn ev_13_two_sets_release_two_who_sleep_for_any() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    let other = place.event("other", Reset::Auto);
    for _ in 0..50 {
        std::thread::scope(|scope| {
            let sleepers = Sleeper::many(2, scope, || wait::any(&[&other, &event], LONG).unwrap());
            event.set().unwrap();
            event.set().unwrap();
            assert!(sleepers.into_iter().all(|sleeper| sleeper.outcome() == Waited::Signaled(1)));
        });
        assert!(!event.wait(Timeout::NOW).unwrap());
    }
}

#[test]
fn ev_13_two_sets_release_one_who_sleeps_for_any_and_one_who_sleeps_for_it_alone() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    let other = place.event("other", Reset::Auto);
    for _ in 0..50 {
        std::thread::scope(|scope| {
            let any = Sleeper::asleep(scope, || wait::any(&[&other, &event], LONG).unwrap());
            let one = Sleeper::asleep(scope, || event.wait(LONG).unwrap());
            event.set().unwrap();
            event.set().unwrap();
            assert_eq!((any.outcome(), one.outcome()), (Waited::Signaled(1), true));
        });
        assert!(!event.wait(Timeout::NOW).unwrap());
    }
}

#[test]
fn ev_13_an_auto_event_that_is_reset_at_once_has_released_one_who_slept_for_any() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    let other = place.event("other", Reset::Auto);
    for _ in 0..50 {
        std::thread::scope(|scope| {
            let sleeper = Sleeper::asleep(scope, || wait::any(&[&event, &other], LONG).unwrap());
            event.set().unwrap();
            event.reset().unwrap();
            assert_eq!(sleeper.outcome(), Waited::Signaled(0));
        });
        assert!(!event.wait(Timeout::NOW).unwrap());
    }
}

#[test]
fn se_5_two_releases_in_a_row_fit_if_one_who_sleeps_for_any_takes_the_first() {
    let place = Place::new();
    let [semaphore, other] = ["n", "other"].map(|name| place.semaphore(name, 0, 1));
    for _ in 0..20 {
        std::thread::scope(|scope| {
            let sleeper = Sleeper::asleep(scope, || wait::any(&[&other, &semaphore], LONG).unwrap());
            let released = [semaphore.release(1), semaphore.release(1)].map(common::code);
            assert_eq!(sleeper.outcome(), Waited::Signaled(1));
            assert_eq!(released, [0, 0]);
        });
        assert!(semaphore.wait(Timeout::NOW).unwrap() && !semaphore.wait(Timeout::NOW).unwrap());
    }
}

/// The sleeper takes one of them. What the other one was signalled with is an ordinary signal then.
#[test]
fn wm_12_what_a_sleeper_for_any_did_not_take_is_an_ordinary_signal() {
    let place = Place::new();
    let [a, b] = ["a", "b"].map(|name| place.event(name, Reset::Auto));
    let [c, d] = ["c", "d"].map(|name| place.semaphore(name, 0, 1));
    for _ in 0..50 {
        std::thread::scope(|scope| {
            let sleeper = Sleeper::asleep(scope, || wait::any(&[&a, &b], LONG).unwrap());
            b.set().unwrap();
            a.set().unwrap();
            assert!(matches!(sleeper.outcome(), Waited::Signaled(0 | 1)));
            let left = [place.is_signaled("a"), place.is_signaled("b")];
            assert_eq!(left.iter().filter(|left| **left).count(), 1, "{left:?}");
            a.set().unwrap();
            b.set().unwrap();
            a.reset().unwrap();
            b.reset().unwrap();
            assert!(!a.wait(Timeout::NOW).unwrap() && !b.wait(Timeout::NOW).unwrap(), "they were reset");

            let sleeper = Sleeper::asleep(scope, || wait::any(&[&c, &d], LONG).unwrap());
            d.release(1).unwrap();
            c.release(1).unwrap();
            let Waited::Signaled(index) = sleeper.outcome() else { panic!("it has to pass") };
            let [taken, left] = if index == 0 { [&c, &d] } else { [&d, &c] };
            assert_eq!(left.release(1).unwrap_err().win32_code(), 298, "its count is 1, and its maximum too");
            assert_eq!(taken.release(1).unwrap(), 0);
            for semaphore in [&c, &d] {
                assert!(semaphore.wait(Timeout::NOW).unwrap() && !semaphore.wait(Timeout::NOW).unwrap());
            }
        });
    }
}
