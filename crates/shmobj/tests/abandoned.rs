//! Section 15: mutexes whose owner ended, MX-9 to MX-14, MX-17 and MX-21. The owners here are threads; deaths of processes are in
//! the tests of crashes.

mod common;

use common::Place;
use common::objects::abandon;
use common::sleeper::{Elsewhere, LONG, SHORT, Sleeper};
use shmobj::wait::{self, Waited, WaitedAll};
use shmobj::{Access, Lock, Mutex, Reset, State, Timeout};

fn is_free(mutex: &Mutex) -> bool {
    std::thread::scope(|scope| scope.spawn(|| mutex.try_lock().unwrap().is_some()).join().unwrap())
}

/// Also MX-21: the process goes on.
#[test]
fn mx_9_a_thread_that_ends_leaves_its_mutex_whatever_the_depth() {
    let place = Place::new();
    for depth in [1, 2, 3, 100] {
        let mutex = place.mutex("n");
        abandon(&[&mutex], depth);
        assert_eq!(place.state("n"), State::Mutex { owner: None, abandoned: true });
        assert!(mutex.lock().unwrap().is_abandoned(), "at depth {depth}");
    }
}

#[test]
fn mx_9_a_thread_that_ends_leaves_what_it_owned_from_the_beginning() {
    let place = Place::new();
    for name in ["n", ""] {
        let make = || place.mutexes().initially_owned(true).create(name).unwrap();
        let mutex = std::thread::scope(|scope| scope.spawn(make).join().unwrap());
        assert!(mutex.lock().unwrap().is_abandoned());
        assert!(!mutex.lock().unwrap().is_abandoned());
    }
}

#[test]
fn mx_9_a_thread_that_panics_leaves_what_no_guard_released() {
    let place = Place::new();
    let mutex = place.mutex("n");
    std::thread::scope(|scope| {
        let owner = scope.spawn(|| {
            std::mem::forget(mutex.lock().unwrap());
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(owner.join().is_err());
    });
    assert!(mutex.lock().unwrap().is_abandoned());
}

#[test]
fn mx_9_a_thread_that_ends_leaves_all_its_mutexes() {
    let place = Place::new();
    let mutexes: Vec<Mutex> = (0..200).map(|index| place.mutex(&format!("n{index}"))).collect();
    let (owned, released) = mutexes.split_at(150);
    std::thread::scope(|scope| {
        let owner = scope.spawn(|| {
            for mutex in &mutexes {
                std::mem::forget(mutex.lock().unwrap());
            }
            for mutex in released {
                mutex.release().unwrap();
            }
        });
        owner.join().unwrap();
    });
    assert!(owned.iter().all(|mutex| mutex.lock().unwrap().is_abandoned()));
    assert!(released.iter().all(|mutex| !mutex.lock().unwrap().is_abandoned()));
}

/// Also MX-11.
#[test]
fn mx_10_the_next_owner_is_told_once_and_owns_it_once() {
    let place = Place::new();
    let mutex = place.mutex("n");
    abandon(&[&mutex], 3);
    let Lock::Abandoned(guard) = mutex.lock().unwrap() else { panic!("its owner has ended") };
    assert_eq!(mutex.depth(), 1);
    assert!(matches!(place.state("n"), State::Mutex { owner: Some(_), abandoned: false }));
    assert!(matches!(mutex.lock().unwrap(), Lock::Acquired(_)), "a recursive lock is told nothing");
    drop(guard);
    assert!(is_free(&mutex));
    assert_eq!(mutex.release().unwrap_err().win32_code(), 288);
}

#[test]
fn mx_10_every_way_to_lock_it_tells() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let other = place.mutex("other");
    abandon(&[&mutex], 1);
    assert!(mutex.try_lock().unwrap().unwrap().is_abandoned());
    abandon(&[&mutex], 1);
    assert!(mutex.lock_timeout(LONG).unwrap().unwrap().is_abandoned());
    abandon(&[&mutex], 1);
    assert_eq!(wait::one(&mutex, LONG).unwrap(), Waited::Abandoned(0));
    mutex.release().unwrap();
    abandon(&[&mutex], 1);
    assert_eq!(wait::any(&[&mutex, &other], LONG).unwrap(), Waited::Abandoned(0));
    mutex.release().unwrap();
    abandon(&[&mutex], 1);
    // Windows tells that one was abandoned, and not which.
    let told = if cfg!(target_os = "linux") { vec![1] } else { vec![0, 1] };
    assert_eq!(wait::all(&[&other, &mutex], LONG).unwrap(), WaitedAll::Abandoned(told));
    mutex.release().unwrap();
    other.release().unwrap();
    assert!(!mutex.lock().unwrap().is_abandoned());
}

#[test]
fn mx_12_after_a_normal_release_nobody_is_told() {
    let place = Place::new();
    let mutex = place.mutex("n");
    abandon(&[&mutex], 1);
    drop(mutex.lock().unwrap());
    for _ in 0..3 {
        assert!(!mutex.lock().unwrap().is_abandoned());
    }
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(!mutex.lock().unwrap().is_abandoned())).join().unwrap();
    });
}

#[test]
fn mx_12_a_mutex_that_is_abandoned_again_is_told_again() {
    let place = Place::new();
    let mutex = place.mutex("n");
    for _ in 0..3 {
        abandon(&[&mutex], 1);
        abandon(&[&mutex], 1);
        assert!(mutex.lock().unwrap().is_abandoned());
        assert!(!mutex.lock().unwrap().is_abandoned());
    }
}

#[test]
fn mx_13_exactly_one_of_several_who_sleep_is_told() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let owned = [&mutex];
    for _ in 0..10 {
        std::thread::scope(|scope| {
            let owner = Elsewhere::owns(scope, &owned);
            let sleepers =
                Sleeper::many(5, scope, || mutex.lock_timeout(LONG).unwrap().map(|lock| lock.is_abandoned()));
            owner.ends();
            let told: Vec<_> = sleepers.into_iter().map(Sleeper::outcome).collect();
            assert!(told.iter().all(Option::is_some), "all get it");
            assert_eq!(told.iter().filter(|told| **told == Some(true)).count(), 1, "{told:?}");
        });
    }
}

#[test]
fn mx_13_exactly_one_is_told_also_if_they_wait_in_different_ways() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let never = place.event("never", Reset::Manual);
    let always = place.events().reset(Reset::Manual).signaled(true).create("always").unwrap();
    let owned = [&mutex];
    let released = |is_abandoned: bool| {
        mutex.release().unwrap();
        u32::from(is_abandoned)
    };
    for _ in 0..10 {
        std::thread::scope(|scope| {
            let owner = Elsewhere::owns(scope, &owned);
            let sleepers = [
                Sleeper::asleep(scope, || {
                    u32::from(mutex.lock_timeout(LONG).unwrap().unwrap().is_abandoned())
                }),
                Sleeper::asleep(scope, || match wait::any(&[&never, &mutex], LONG).unwrap() {
                    Waited::TimedOut => panic!("it has to pass"),
                    waited => released(waited == Waited::Abandoned(1)),
                }),
                Sleeper::asleep(scope, || match wait::all(&[&always, &mutex], LONG).unwrap() {
                    WaitedAll::TimedOut => panic!("it has to pass"),
                    waited => released(waited == WaitedAll::Abandoned(vec![1])),
                }),
            ];
            owner.ends();
            assert_eq!(sleepers.into_iter().map(Sleeper::outcome).sum::<u32>(), 1);
        });
    }
}

#[test]
fn mx_14_a_wait_for_any_is_told_which_mutex_was_abandoned_while_it_slept() {
    let place = Place::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| place.mutex(name));
    let (only_b, others) = ([&b], [&a, &c]);
    std::thread::scope(|scope| {
        let owner_of_b = Elsewhere::owns(scope, &only_b);
        let others = Elsewhere::owns(scope, &others);
        let sleeper = Sleeper::asleep(scope, || {
            let waited = wait::any(&[&a, &b, &c], LONG).unwrap();
            (waited, a.depth(), b.depth(), c.depth())
        });
        owner_of_b.ends();
        assert_eq!(sleeper.outcome(), (Waited::Abandoned(1), 0, 1, 0));
        others.releases();
    });
}

/// The library cannot repair what the mutex protects, and does not try.
#[test]
fn mx_17_what_the_mutex_protects_is_as_its_owner_left_it() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let memory = place.memory("memory", 4096).map_mut().unwrap();
    std::thread::scope(|scope| {
        let owner = scope.spawn(|| {
            std::mem::forget(mutex.lock().unwrap());
            memory.write_at(0, b"half").unwrap();
        });
        owner.join().unwrap();
    });
    assert!(mutex.lock().unwrap().is_abandoned());
    assert_eq!(memory.read_vec(0, 8).unwrap(), b"half\0\0\0\0");
}

/// Also TS-12, with threads.
#[test]
fn mx_21_waiters_learn_of_it_when_the_thread_ends_and_not_before() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let owned = [&mutex];
    std::thread::scope(|scope| {
        let owner = Elsewhere::owns(scope, &owned);
        let sleeper = Sleeper::asleep(scope, || {
            let first = mutex.lock_timeout(LONG).unwrap().map(|lock| lock.is_abandoned());
            let second = mutex.lock_timeout(LONG).unwrap().map(|lock| lock.is_abandoned());
            (first, second)
        });
        sleeper.stays_asleep();
        owner.ends();
        assert_eq!(sleeper.outcome(), (Some(true), Some(false)));
    });
}

#[test]
fn an_abandoned_mutex_goes_with_its_last_handle() {
    let place = Place::new();
    let mutex = place.mutex("n");
    abandon(&[&mutex], 1);
    drop(mutex);
    assert_eq!(place.mutexes().open("n", Access::ALL).unwrap_err().win32_code(), 2);
    assert!(!place.mutex("n").lock().unwrap().is_abandoned());
}

#[test]
fn a_time_out_does_not_tell_and_does_not_forget() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let never = place.event("never", Reset::Auto);
    abandon(&[&mutex], 1);
    assert_eq!(wait::all(&[&mutex, &never], SHORT).unwrap(), WaitedAll::TimedOut);
    assert_eq!(wait::all(&[&never, &mutex], Timeout::NOW).unwrap(), WaitedAll::TimedOut);
    assert_eq!(place.state("n"), State::Mutex { owner: None, abandoned: true });
    assert!(mutex.lock().unwrap().is_abandoned());
}
