//! Section 15: mutexes. What becomes of them when their owner ends is in `abandoned.rs`, guards are in `guards.rs`.
//!
//! Not to be observed here: MX-7 (a handle is never closed or of another type), MX-18 (options have no undefined bits), MX-19 (that
//! there is no order is no promise). MX-16 is tested beside the code: two thousand million recursions take minutes.

mod common;

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::sleeper::{Elsewhere, LONG, SHORT, Sleeper, own_number};
use common::{Place, on_wine};
use shmobj::{Access, ErrorKind, Lock, Mutex, State, Timeout};

/// Locks it for good.
fn own(mutex: &Mutex) {
    std::mem::forget(mutex.lock().unwrap());
}

/// Whether another thread could have it now.
fn is_free(mutex: &Mutex) -> bool {
    std::thread::scope(|scope| scope.spawn(|| mutex.try_lock().unwrap().is_some()).join().unwrap())
}

#[test]
fn mx_1_the_creating_thread_owns_a_new_mutex_if_that_is_asked_for() {
    let place = Place::new();
    for name in ["n", ""] {
        let owned = place.mutexes().initially_owned(true).create(name).unwrap();
        assert_eq!((owned.existed(), owned.depth()), (false, 1));
        assert!(!is_free(&owned));
        owned.release().unwrap();
        assert!(is_free(&owned));
        assert_eq!(owned.release().unwrap_err().win32_code(), 288, "the count was 1");
        let free = place.mutexes().create("free").unwrap();
        assert_eq!(free.depth(), 0);
        assert!(is_free(&free));
    }
}

#[test]
fn mx_1_create_new_and_create_unnamed_can_be_owned_from_the_beginning_too() {
    let place = Place::new();
    let options = place.mutexes().initially_owned(true);
    for owned in [options.create_new("n").unwrap(), options.create_unnamed().unwrap()] {
        assert_eq!(owned.depth(), 1);
        assert!(!is_free(&owned));
        drop(owned.guard().unwrap());
        assert!(is_free(&owned));
    }
}

#[test]
fn mx_1_an_owned_mutex_that_is_dropped_and_made_anew_is_owned_once() {
    let place = Place::new();
    for _ in 0..3 {
        let owned = place.mutexes().initially_owned(true).create("n").unwrap();
        assert_eq!((owned.existed(), owned.depth()), (false, 1));
    }
    let free = place.mutex("n");
    assert_eq!((free.existed(), free.depth()), (false, 0));
    assert!(matches!(free.try_lock().unwrap(), Some(Lock::Acquired(_))));
}

/// Also TS-24 with an owner: of many at once, one owns.
#[test]
fn mx_2_an_existing_mutex_is_not_owned_by_who_asks_for_it_at_creation() {
    let place = Place::new();
    let first = place.mutex("n");
    let second = place.mutexes().initially_owned(true).create("n").unwrap();
    assert!(second.existed());
    assert_eq!((first.depth(), second.depth()), (0, 0));
    assert!(is_free(&first));
    assert_eq!(second.release().unwrap_err().win32_code(), 288);
}

#[test]
fn mx_2_of_many_simultaneous_creators_who_want_to_own_it_exactly_one_does() {
    const CREATORS: usize = 8;
    let place = Place::new();
    for round in 0..30 {
        let (start, end) = (Barrier::new(CREATORS), Barrier::new(CREATORS));
        let create = || {
            start.wait();
            let mutex = place.mutexes().initially_owned(true).create("n").unwrap();
            let outcome = (mutex.existed(), mutex.depth(), mutex.try_lock().unwrap().is_some());
            end.wait();
            outcome
        };
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CREATORS).map(|_| scope.spawn(create)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let owners = outcomes.iter().filter(|outcome| **outcome == (false, 1, true)).count();
        let others = outcomes.iter().filter(|outcome| **outcome == (true, 0, false)).count();
        assert_eq!((owners, others), (1, CREATORS - 1), "round {round}: {outcomes:?}");
    }
}

#[test]
fn mx_3_the_owner_locks_it_again_at_once_through_any_handle() {
    let place = Place::new();
    let first = place.mutex("n");
    let second = place.mutexes().open("n", Access::SYNCHRONIZE).unwrap();
    own(&first);
    own(&second);
    assert!(matches!(first.try_lock().unwrap().map(std::mem::forget), Some(())));
    assert_eq!((first.depth(), second.depth()), (3, 3));
    for left in [2, 1, 0] {
        assert!(!is_free(&first));
        second.release().unwrap();
        assert_eq!((first.depth(), second.depth()), (left, left));
    }
    assert!(is_free(&first));
    assert_eq!(first.release().unwrap_err().win32_code(), 288);
}

#[test]
fn mx_3_a_thousand_locks_take_a_thousand_releases() {
    let place = Place::new();
    let mutex = place.mutex("n");
    for depth in 1..=1000 {
        own(&mutex);
        assert_eq!(mutex.depth(), depth);
    }
    for depth in (0..1000).rev() {
        mutex.release().unwrap();
        assert_eq!(mutex.depth(), depth);
        if [999, 500, 1, 0].contains(&depth) {
            assert_eq!(is_free(&mutex), depth == 0);
        }
    }
}

#[test]
fn mx_4_another_thread_of_the_same_process_is_kept_out() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let handle = place.mutexes().open("n", Access::ALL).unwrap();
    own(&mutex);
    std::thread::scope(|scope| {
        let sleepers = [&mutex, &handle]
            .map(|mutex| Sleeper::asleep(scope, || mutex.lock_timeout(LONG).unwrap().is_some()));
        for sleeper in &sleepers {
            sleeper.stays_asleep();
        }
        mutex.release().unwrap();
        assert!(sleepers.into_iter().all(Sleeper::outcome));
    });
}

#[test]
fn mx_5_the_last_release_lets_exactly_one_in() {
    let place = Place::new();
    let mutex = place.mutex("n");
    own(&mutex);
    own(&mutex);
    std::thread::scope(|scope| {
        let sleeper = Sleeper::asleep(scope, || {
            own(&mutex);
            mutex.release().unwrap();
        });
        mutex.release().unwrap();
        sleeper.stays_asleep();
        mutex.release().unwrap();
        sleeper.outcome();
    });
    assert!(is_free(&mutex));
}

#[test]
fn mx_6_who_does_not_own_it_cannot_release_it() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let not_owner = |mutex: &Mutex| {
        let error = mutex.release().unwrap_err();
        assert_eq!((error.kind(), error.win32_code()), (ErrorKind::NotOwner, 288));
        assert_eq!(mutex.guard().unwrap_err().win32_code(), 288);
        assert_eq!(mutex.depth(), 0);
    };
    not_owner(&mutex);
    let _lock = mutex.lock().unwrap();
    std::thread::scope(|scope| scope.spawn(|| not_owner(&mutex)).join().unwrap());
    assert_eq!(mutex.depth(), 1, "it is still ours");
    assert!(!is_free(&mutex));
}

#[test]
fn mx_6_who_has_released_it_cannot_release_it_again() {
    let place = Place::new();
    let mutex = place.mutex("n");
    own(&mutex);
    mutex.release().unwrap();
    let owned = [&mutex];
    std::thread::scope(|scope| {
        let other = Elsewhere::owns(scope, &owned);
        assert_eq!(mutex.release().unwrap_err().win32_code(), 288, "it belongs to another thread now");
        assert!(!is_free(&mutex));
        other.releases();
    });
}

/// Also AR-4.
#[test]
fn mx_8_the_owner_releases_it_through_a_handle_without_that_right() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let handle = place.mutexes().open("n", Access::QUERY).unwrap();
    own(&mutex);
    handle.release().unwrap();
    assert!(is_free(&mutex));
    assert_eq!(handle.release().unwrap_err().win32_code(), 288);
}

/// Also AR-1.
#[test]
fn ws_2_a_mutex_is_not_locked_without_the_right_to_wait() {
    let place = Place::new();
    let mutex = place.mutex("n");
    for rights in [Access::QUERY, Access::MODIFY, Access::QUERY | Access::MODIFY] {
        let handle = place.mutexes().open("n", rights).unwrap();
        assert_eq!(handle.lock().unwrap_err().kind(), ErrorKind::AccessDenied);
        assert_eq!(handle.try_lock().unwrap_err().win32_code(), 5);
        assert_eq!(handle.lock_timeout(SHORT).unwrap_err().win32_code(), 5);
        let _lock = mutex.lock().unwrap();
        assert_eq!(handle.try_lock().unwrap_err().win32_code(), 5, "not even by its owner");
        assert_eq!(handle.depth(), 1);
    }
}

/// Also CH-6.
#[test]
fn mx_15_closing_a_handle_releases_nothing_while_there_are_others() {
    let place = Place::new();
    let kept = place.mutex("n");
    std::thread::scope(|scope| {
        let owner = Sleeper::start(scope, || {
            let handle = place.mutexes().open("n", Access::ALL).unwrap();
            own(&handle);
            own(&handle);
            drop(handle);
            let reopened = place.mutexes().open("n", Access::SYNCHRONIZE).unwrap();
            assert_eq!(reopened.depth(), 2, "it is still owned");
            reopened.release().unwrap();
            assert!(!is_free(&reopened));
            own(&reopened);
            drop(reopened);
        });
        owner.outcome();
    });
    let Lock::Abandoned(_guard) = kept.lock().unwrap() else { panic!("it was owned when its owner ended") };
}

#[test]
fn mx_15_a_mutex_goes_with_its_last_handle_although_it_is_owned() {
    let place = Place::new();
    let mutex = place.mutex("n");
    own(&mutex);
    drop(mutex);
    assert_eq!(place.mutexes().open("n", Access::ALL).unwrap_err().win32_code(), 2);
    let anew = place.mutex("n");
    assert_eq!((anew.existed(), anew.depth()), (false, 0));
    assert!(is_free(&anew));
}

#[test]
fn mx_20_a_thread_owns_only_what_it_has_waited_for() {
    let place = Place::new();
    let mutex = place.mutex("n");
    own(&mutex);
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(mutex.depth(), 0)).join().unwrap();
    });
    let State::Mutex { owner: Some(owner), .. } = place.state("n") else { panic!("it is owned") };
    if !on_wine() {
        assert_eq!(owner.thread, own_number()); // it does not tell
    }
}

/// Also WS-3.
#[test]
fn a_zero_time_out_never_waits_for_the_owner() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let owned = [&mutex];
    std::thread::scope(|scope| {
        let other = Elsewhere::owns(scope, &owned);
        for _ in 0..1000 {
            assert!(mutex.try_lock().unwrap().is_none());
            assert!(mutex.lock_timeout(Timeout::NOW).unwrap().is_none());
        }
        assert!(mutex.lock_timeout(SHORT).unwrap().is_none());
        assert_eq!(mutex.depth(), 0, "a time-out takes nothing");
        other.releases();
    });
    assert!(is_free(&mutex));
}

#[test]
fn a_thread_can_own_many_mutexes_at_once() {
    let place = Place::new();
    let mutexes: Vec<Mutex> = (0..300).map(|index| place.mutex(&format!("n{index}"))).collect();
    mutexes.iter().for_each(own);
    assert!(mutexes.iter().all(|mutex| mutex.depth() == 1));
    assert!([0, 17, 130, 299].iter().all(|&index| !is_free(&mutexes[index])));
    for mutex in &mutexes {
        mutex.release().unwrap();
    }
    assert!([0, 17, 130, 299].iter().all(|&index| is_free(&mutexes[index])));
}

#[test]
fn a_mutex_keeps_all_but_one_out_however_many_want_it() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 3000;
    let place = Place::new();
    let mutex = place.mutex("n");
    let counter = AtomicUsize::new(0);
    let counter = &counter;
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let handle = place.mutexes().open("n", Access::SYNCHRONIZE).unwrap();
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let _lock = handle.lock_timeout(LONG).unwrap().expect("nobody keeps it");
                    if round % 64 == 0 {
                        std::thread::yield_now();
                    }
                    // Not one step: a lock that lets two in loses counts.
                    let count = counter.load(Ordering::Relaxed);
                    std::hint::spin_loop();
                    counter.store(count + 1, Ordering::Relaxed);
                }
            });
        }
    });
    let _lock = mutex.lock().unwrap();
    assert_eq!(counter.load(Ordering::Relaxed), THREADS * ROUNDS);
}
