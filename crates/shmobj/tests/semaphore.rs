//! Section 16: semaphores.
//!
//! Not to be observed here: SE-8 (a count is never negative), SE-9 (the count before is always returned), SE-10 (a handle is never
//! closed or of another type), SE-15 (options have no undefined bits).

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
#[cfg(target_os = "linux")]
use std::time::Duration;

use common::Place;
use common::sleeper::{LONG, SHORT, Sleeper, exactly};
use shmobj::wait::{self, Waited};
use shmobj::{Access, ErrorKind, Semaphore, State, Timeout};

const LARGEST: u32 = i32::MAX as u32;

/// What can be taken at once; all of it is taken.
fn drain(semaphore: &Semaphore) -> u32 {
    std::iter::repeat_with(|| semaphore.wait(Timeout::NOW).unwrap()).take_while(|taken| *taken).count() as u32
}

/// Also SE-3: the same values fail although the name exists; and NM-20: although the name is bad.
#[test]
fn se_1_impossible_counts_make_no_semaphore() {
    let place = Place::new();
    let rows = [
        (0, Some(0)),
        (1, Some(0)),
        (2, Some(1)),
        (0, Some(LARGEST + 1)),
        (0, Some(u32::MAX)),
        (LARGEST + 1, None),
    ];
    for exists in [false, true] {
        let _existing = exists.then(|| place.semaphore("n", 0, 1));
        for (initial, max) in rows {
            let mut options = place.semaphores().initial(initial);
            if let Some(max) = max {
                options = options.max(max);
            }
            for name in ["n", "", "\\bad"] {
                for error in [options.create(name).unwrap_err(), options.create_new(name).unwrap_err()] {
                    assert_eq!((error.kind(), error.win32_code()), (ErrorKind::InvalidParameter, 87));
                }
            }
            assert_eq!(options.create_unnamed().unwrap_err().win32_code(), 87);
        }
    }
    assert_eq!(place.semaphores().open("n", Access::ALL).unwrap_err().win32_code(), 2, "nothing is left");
}

#[test]
fn se_2_a_semaphore_can_have_any_count_up_to_its_maximum() {
    let place = Place::new();
    for (initial, max) in [(0, 1), (1, 1), (5, 7), (0, LARGEST), (LARGEST, LARGEST)] {
        let semaphore = place.semaphore("n", initial, max);
        assert_eq!((semaphore.existed(), semaphore.max()), (false, max));
        assert_eq!(place.state("n"), State::Semaphore { count: initial, max });
        assert_eq!(semaphore.wait(Timeout::NOW).unwrap(), initial > 0);
    }
    let by_default = place.semaphores().create("n").unwrap();
    assert_eq!((by_default.max(), by_default.wait(Timeout::NOW).unwrap()), (LARGEST, false));
}

#[test]
fn se_4_an_existing_semaphore_keeps_its_counts() {
    let place = Place::new();
    let first = place.semaphore("n", 2, 3);
    let second = place.semaphore("n", 9, 10);
    assert!(second.existed() && second.is_same_object(&first));
    assert_eq!((second.max(), place.count("n")), (3, 2));
    assert_eq!(drain(&second), 2);
}

#[test]
fn se_5_a_release_adds_to_the_count_and_tells_what_it_was() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 1, 10);
    assert_eq!(semaphore.release(1).unwrap(), 1);
    assert_eq!(semaphore.release(5).unwrap(), 2);
    assert_eq!(semaphore.release(3).unwrap(), 7);
    assert_eq!(drain(&semaphore), 10);
}

#[test]
fn se_5_the_full_range_can_be_released_at_once_and_in_parts() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 0, LARGEST);
    assert_eq!(semaphore.release(LARGEST).unwrap(), 0);
    assert_eq!(semaphore.release(1).unwrap_err().win32_code(), 298);
    assert!(semaphore.wait(Timeout::NOW).unwrap());
    assert_eq!(place.count("n"), LARGEST - 1);
    assert_eq!(semaphore.release(1).unwrap(), LARGEST - 1);
    let parts = place.semaphore("parts", 1, LARGEST);
    assert_eq!(parts.release(LARGEST - 2).unwrap(), 1);
    assert_eq!(parts.release(1).unwrap(), LARGEST - 1);
    assert_eq!(place.count("parts"), LARGEST);
}

#[test]
fn se_5_a_release_wakes_as_many_as_it_can_satisfy() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 0, 100);
    std::thread::scope(|scope| {
        let sleepers = Sleeper::many(8, scope, || semaphore.wait(LONG).unwrap());
        for (count, released) in [(3, 3), (1, 4), (2, 6)] {
            assert_eq!(semaphore.release(count).unwrap(), 0, "sleepers have taken what was released before");
            exactly(released, &sleepers);
        }
        assert_eq!(semaphore.release(7).unwrap(), 0);
        assert!(sleepers.into_iter().all(Sleeper::outcome));
    });
    assert_eq!(drain(&semaphore), 5);
}

#[test]
fn se_5_two_releases_in_a_row_fit_if_a_sleeping_thread_takes_the_first() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 0, 1);
    for _ in 0..50 {
        std::thread::scope(|scope| {
            let sleeper = Sleeper::asleep(scope, || semaphore.wait(LONG).unwrap());
            assert_eq!(semaphore.release(1).unwrap(), 0);
            assert_eq!(semaphore.release(1).unwrap(), 0);
            assert_eq!(semaphore.release(1).unwrap_err().win32_code(), 298);
            assert!(sleeper.outcome());
        });
        assert_eq!(drain(&semaphore), 1);
    }
}

/// What somebody left behind who waited for several objects must not change what two releases do.
#[test]
#[cfg(target_os = "linux")] // Windows does not tell who waits
fn se_5_two_releases_in_a_row_fit_after_a_wait_for_any_gave_up() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 0, 1);
    let other = place.semaphore("other", 0, 1);
    while !place.is_waited_for("n") {
        assert_eq!(wait::any(&[&semaphore, &other], Duration::from_millis(2)).unwrap(), Waited::TimedOut);
    }
    std::thread::scope(|scope| {
        let sleeper = Sleeper::asleep(scope, || semaphore.wait(LONG).unwrap());
        assert_eq!(semaphore.release(1).unwrap(), 0);
        let second = semaphore.release(1);
        assert!(sleeper.outcome());
        assert_eq!(second.unwrap(), 0);
    });
}

#[test]
fn se_5_more_than_sixty_four_are_released_to_as_many_sleepers_at_once() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 0, LARGEST);
    for (sleepers, released) in [(70, 70), (66, 65), (3, 65)] {
        std::thread::scope(|scope| {
            let threads = Sleeper::many(sleepers, scope, || semaphore.wait(LONG).unwrap());
            assert_eq!(semaphore.release(released).unwrap(), 0);
            exactly(sleepers.min(released as usize), &threads);
            if (released as usize) < sleepers {
                semaphore.release(sleepers as u32 - released).unwrap();
            }
            assert!(threads.into_iter().all(Sleeper::outcome));
        });
        assert_eq!(drain(&semaphore), released.saturating_sub(sleepers as u32));
    }
}

#[test]
fn se_5_many_releases_in_a_row_reach_a_hundred_sleepers() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 0, LARGEST);
    std::thread::scope(|scope| {
        let threads = Sleeper::many(120, scope, || semaphore.wait(LONG).unwrap());
        for _ in 0..3 {
            semaphore.release(40).unwrap();
        }
        assert!(threads.into_iter().all(Sleeper::outcome));
    });
    assert_eq!(drain(&semaphore), 0);
}

#[test]
fn se_5_a_release_to_those_who_wait_for_several_adds_neither_more_nor_less() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 0, 10);
    let other = place.semaphore("other", 0, 10);
    std::thread::scope(|scope| {
        let sleepers = Sleeper::many(4, scope, || wait::any(&[&other, &semaphore], LONG).unwrap());
        semaphore.release(2).unwrap();
        exactly(2, &sleepers);
        semaphore.release(5).unwrap();
        for sleeper in sleepers {
            assert_eq!(sleeper.outcome(), Waited::Signaled(1));
        }
    });
    assert_eq!((drain(&semaphore), drain(&other)), (3, 0));
}

#[test]
fn se_6_a_release_beyond_the_maximum_changes_nothing() {
    let place = Place::new();
    for (initial, max, count) in [
        (2, 3, 2),
        (3, 3, 1),
        (0, 1, 2),
        (1, LARGEST, LARGEST),
        (0, 3, u32::MAX),
        (LARGEST, LARGEST, u32::MAX),
    ] {
        let semaphore = place.semaphore("n", initial, max);
        let error = semaphore.release(count).unwrap_err();
        assert_eq!((error.kind(), error.win32_code()), (ErrorKind::TooManyPosts, 298));
        assert_eq!(place.count("n"), initial, "not saturated: {initial} + {count} of {max}");
    }
}

/// Also TS-15.
#[test]
fn se_6_a_release_that_would_overfill_wakes_nobody() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 0, 2);
    std::thread::scope(|scope| {
        let sleeper = Sleeper::asleep(scope, || semaphore.wait(LONG).unwrap());
        for count in [3, 64, 65, LARGEST, u32::MAX] {
            assert_eq!(semaphore.release(count).unwrap_err().win32_code(), 298, "{count}");
        }
        sleeper.stays_asleep();
        semaphore.release(1).unwrap();
        assert!(sleeper.outcome());
    });
    assert_eq!(drain(&semaphore), 0);
}

#[test]
fn se_7_a_release_of_nothing_is_refused() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 1, 2);
    let error = semaphore.release(0).unwrap_err();
    assert_eq!((error.kind(), error.win32_code()), (ErrorKind::InvalidParameter, 87));
    assert_eq!(drain(&semaphore), 1);
}

/// Also AR-3.
#[test]
fn se_11_without_the_right_to_modify_nothing_is_released() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 0, 2);
    let handle = place.semaphores().open("n", Access::SYNCHRONIZE | Access::QUERY).unwrap();
    let error = handle.release(1).unwrap_err();
    assert_eq!((error.kind(), error.win32_code()), (ErrorKind::AccessDenied, 5));
    assert!(!handle.wait(Timeout::NOW).unwrap());
    semaphore.release(1).unwrap();
    assert!(handle.wait(Timeout::NOW).unwrap());
}

#[test]
fn se_12_any_thread_may_release_and_what_a_thread_took_that_ended_is_gone() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 2, 2);
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(semaphore.wait(Timeout::NOW).unwrap())).join().unwrap();
        assert_eq!(place.count("n"), 1);
        scope.spawn(|| assert_eq!(semaphore.release(1).unwrap(), 1)).join().unwrap();
    });
    assert_eq!(drain(&semaphore), 2);
}

#[test]
fn se_13_each_wait_takes_exactly_one() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 3, 3);
    for left in [2, 1, 0] {
        assert!(semaphore.wait(Timeout::NEVER).unwrap());
        assert_eq!(place.count("n"), left);
    }
    assert!(!semaphore.wait(SHORT).unwrap());
    assert_eq!(place.count("n"), 0);
}

/// SE-14: on Windows a wait and a release read the count; here a look at the namespace does, and changes nothing.
#[test]
fn se_14_a_wait_and_a_release_read_the_count() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 5, 9);
    assert!(semaphore.wait(Timeout::NOW).unwrap());
    assert_eq!(semaphore.release(1).unwrap() + 1, 5);
    assert_eq!(place.count("n"), 5);
}

#[test]
fn se_5_no_unit_is_lost_or_made_by_threads_that_never_stop() {
    const UNITS: u32 = 3;
    const ROUNDS: u32 = 1000;
    let place = Place::new();
    let semaphore = place.semaphore("n", UNITS, UNITS);
    let holders = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    assert!(semaphore.wait(LONG).unwrap());
                    assert!(
                        holders.fetch_add(1, Ordering::SeqCst) < UNITS,
                        "more hold a unit than there are"
                    );
                    holders.fetch_sub(1, Ordering::SeqCst);
                    semaphore.release(1).unwrap();
                }
            });
        }
    });
    assert_eq!(drain(&semaphore), UNITS);
}
