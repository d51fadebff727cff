//! Section 16: semaphores.

use std::sync::atomic::{AtomicU32, Ordering};

use shmobj::wait::{self, WaitedAll};
use shmobj::{Access, Reset, Timeout};

use crate::case::{Remark, Role, Test, role, test};
use crate::looks::{count, drain};
use crate::objects::{Objects, code};
use crate::process::Cue;
use crate::stage::Stage;
use crate::threads::{LONG, SHORT, Waiter, exactly};

pub(super) const TESTS: &[Test] = &[
    test!(["SE-1", "SE-3"], impossible_counts_are_87_whether_the_name_exists_or_not),
    test!(["SE-2"], a_semaphore_has_any_count_up_to_its_maximum),
    test!(["SE-4"], an_existing_semaphore_keeps_its_counts),
    test!(["SE-5"], a_release_adds_to_the_count_and_tells_what_it_was),
    test!(["SE-5"], a_release_lets_as_many_pass_as_it_adds),
    test!(["SE-5"], no_unit_is_lost_or_made_by_threads_that_never_stop),
    test!(["SE-6", "TS-15"], a_release_beyond_the_maximum_is_298_and_changes_nothing),
    test!(["SE-7"], a_release_of_nothing_is_87),
    test!(["SE-12"], anybody_may_release_and_what_the_dead_took_is_gone),
    test!(["SE-13"], each_wait_takes_exactly_one),
    test!(["SE-14"], a_wait_and_a_release_read_the_count),
];

pub(super) const ROLES: &[Role] = &[role!(takes)];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["SE-8"], "a count is never negative"),
    Remark::new(&["SE-9"], "the count before is always returned"),
    Remark::new(
        &["SE-10"],
        "a handle is a value, open as long as it is there, and of the type that it is of",
    ),
    Remark::new(&["SE-15"], "options have no undefined bits"),
];

pub(super) const NOTES: &[Remark] = &[Remark::new(
    &["SE-14"],
    "that waiting and releasing tell the count is tested. That nothing tells it unchanged does not hold: `Semaphore::state` does",
)];

const LARGEST: u32 = i32::MAX as u32;

fn impossible_counts_are_87_whether_the_name_exists_or_not(stage: &Stage) {
    let impossible =
        [(0, 0), (1, 0), (2, 1), (0, LARGEST + 1), (0, u32::MAX), (u32::MAX, 1), (u32::MAX, LARGEST)];
    for exists in [false, true] {
        let _existing = exists.then(|| stage.semaphore("n", 0, 1));
        for (initial, max) in impossible {
            let options = stage.semaphores().initial(initial).max(max);
            for name in ["n", ""] {
                let codes = [code(options.create(name)), code(options.create_new(name))];
                assert_eq!(codes, [87, 87], "{initial} of {max}, {name:?}, exists: {exists}");
            }
        }
    }
    assert_eq!(code(stage.semaphores().open("n", Access::ALL)), 2, "nothing is left");
}

fn a_semaphore_has_any_count_up_to_its_maximum(stage: &Stage) {
    for (initial, max) in [(0, 1), (1, 1), (5, 7), (0, LARGEST), (LARGEST, LARGEST)] {
        let semaphore = stage.semaphore("n", initial, max);
        assert!(!semaphore.existed());
        assert_eq!(count(&semaphore), initial);
        if max > initial {
            assert_eq!(semaphore.release(max - initial).unwrap(), initial);
        }
        assert_eq!(code(semaphore.release(1)), 298, "{max} is the maximum");
    }
}

fn an_existing_semaphore_keeps_its_counts(stage: &Stage) {
    let first = stage.semaphore("n", 2, 3);
    let second = stage.semaphore("n", 9, 10);
    assert!(second.existed());
    assert_eq!(code(second.release(2)), 298);
    assert_eq!((drain(&second), count(&first)), (2, 0));
}

fn a_release_adds_to_the_count_and_tells_what_it_was(stage: &Stage) {
    let semaphore = stage.semaphore("n", 1, 10);
    assert_eq!(semaphore.release(1).unwrap(), 1);
    assert_eq!(semaphore.release(5).unwrap(), 2);
    assert_eq!(semaphore.release(3).unwrap(), 7);
    assert_eq!(drain(&semaphore), 10);
    let large = stage.semaphore("large", 0, LARGEST);
    assert_eq!(large.release(LARGEST - 1).unwrap(), 0);
    assert_eq!(large.release(1).unwrap(), LARGEST - 1);
    assert_eq!(count(&large), LARGEST);
}

fn a_release_lets_as_many_pass_as_it_adds(stage: &Stage) {
    let semaphore = stage.semaphore("n", 0, 100);
    std::thread::scope(|scope| {
        let waiters = [(); 8].map(|()| Waiter::start(scope, || semaphore.wait(LONG).unwrap()));
        for (released, passed) in [(3, 3), (1, 4), (2, 6)] {
            semaphore.release(released).unwrap();
            exactly(passed, &waiters);
        }
        semaphore.release(7).unwrap();
        assert!(waiters.into_iter().all(Waiter::outcome));
    });
    assert_eq!(drain(&semaphore), 5);
}

fn no_unit_is_lost_or_made_by_threads_that_never_stop(stage: &Stage) {
    const UNITS: u32 = 3;
    let semaphore = stage.semaphore("n", UNITS, UNITS);
    let holders = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..200 {
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

fn a_release_beyond_the_maximum_is_298_and_changes_nothing(stage: &Stage) {
    for (initial, max, more) in [(2, 3, 2), (3, 3, 1), (0, 1, 2), (1, LARGEST, LARGEST), (0, 3, LARGEST)] {
        let semaphore = stage.semaphore("n", initial, max);
        assert_eq!(code(semaphore.release(more)), 298, "{initial} and {more} of {max}");
        assert_eq!(count(&semaphore), initial, "not saturated: {initial} and {more} of {max}");
    }
    // Nobody is released by it.
    let semaphore = stage.semaphore("n", 0, 2);
    std::thread::scope(|scope| {
        let waiter = Waiter::blocked(scope, || semaphore.wait(LONG).unwrap());
        assert_eq!(code(semaphore.release(4)), 298);
        waiter.stays_blocked();
        semaphore.release(1).unwrap();
        assert!(waiter.outcome());
    });
    assert_eq!(drain(&semaphore), 0);
}

fn a_release_of_nothing_is_87(stage: &Stage) {
    let semaphore = stage.semaphore("n", 1, 2);
    assert_eq!(code(semaphore.release(0)), 87);
    assert_eq!(count(&semaphore), 1);
}

fn anybody_may_release_and_what_the_dead_took_is_gone(stage: &Stage) {
    let semaphore = stage.semaphore("n", 3, 3);
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(semaphore.wait(Timeout::NOW).unwrap())).join().unwrap();
        assert_eq!(count(&semaphore), 2, "a thread that ended gives nothing back");
        scope.spawn(|| assert_eq!(semaphore.release(1).unwrap(), 2)).join().unwrap();
    });
    let mut killed = stage.child("takes", &["n"]);
    killed.expect("taken");
    assert_eq!(count(&semaphore), 2);
    killed.kill();
    assert_eq!(count(&semaphore), 2, "nor does a process that was killed");
    assert_eq!(semaphore.release(1).unwrap(), 2, "another one may");
}

fn takes(cue: &Cue) {
    let semaphore = cue.semaphores().open(cue.argument(0), Access::ALL).unwrap();
    assert!(semaphore.wait(Timeout::NOW).unwrap());
    cue.say("taken");
    cue.hear();
}

fn each_wait_takes_exactly_one(stage: &Stage) {
    let semaphore = stage.semaphore("n", 4, 4);
    let set = stage.event("set", Reset::Manual);
    set.set().unwrap();
    assert!(semaphore.wait(Timeout::NEVER).unwrap());
    assert_eq!(count(&semaphore), 3);
    assert!(matches!(wait::any(&[&semaphore, &set], LONG).unwrap(), wait::Waited::Signaled(0)));
    assert_eq!(count(&semaphore), 2);
    assert_eq!(wait::all(&[&set, &semaphore], LONG).unwrap(), WaitedAll::Signaled);
    assert_eq!(count(&semaphore), 1);
    assert!(semaphore.wait(LONG).unwrap());
    assert!(!semaphore.wait(SHORT).unwrap());
    assert_eq!(count(&semaphore), 0);
}

fn a_wait_and_a_release_read_the_count(stage: &Stage) {
    let semaphore = stage.semaphore("n", 5, 9);
    assert!(semaphore.wait(Timeout::NOW).unwrap());
    assert_eq!(semaphore.release(1).unwrap() + 1, 5);
    assert_eq!(drain(&semaphore), 5);
}
