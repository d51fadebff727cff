//! Section 15: mutexes.

use shmobj::wait::{self, Waited, WaitedAll};
use shmobj::{Access, Lock, Mutex, Reset, Timeout};

use crate::case::{Remark, Role, Test, role, test};
use crate::objects::{Objects, PAGE, code};
use crate::owners::{Owner, abandon, is_free, own};
use crate::process::{Cue, Process};
use crate::stage::Stage;
use crate::threads::{LONG, SHORT, Waiter};

pub(super) const TESTS: &[Test] = &[
    test!(["MX-1"], the_creating_thread_owns_a_new_mutex_if_that_is_asked_for),
    test!(["MX-2"], an_existing_mutex_is_not_owned_by_who_asks_for_it_at_creation),
    test!(["MX-3"], the_owner_locks_it_again_through_any_handle),
    test!(["MX-4"], another_thread_of_the_same_process_is_blocked),
    test!(["MX-5"], the_last_release_lets_another_one_in),
    test!(["MX-6"], who_does_not_own_it_cannot_release_it),
    test!(["MX-9", "MX-21"], a_thread_that_ends_abandons_its_mutexes_whatever_their_depth),
    test!(["MX-9"], a_process_that_is_killed_abandons_its_mutexes),
    test!(["MX-9"], a_process_that_ends_abandons_its_mutexes),
    test!(["MX-10", "MX-11"], the_next_owner_is_told_once_and_owns_it_once),
    test!(["MX-10"], every_way_to_wait_tells),
    test!(["MX-12"], after_a_release_nobody_is_told),
    test!(["MX-13"], exactly_one_of_several_who_wait_is_told),
    test!(["MX-14"], who_waits_for_any_of_several_is_told_which_was_abandoned),
    test!(["MX-15"], closing_a_handle_releases_nothing_while_there_are_others),
    test!(["MX-17"], what_it_protects_is_as_its_owner_left_it),
    test!(["MX-20"], ownership_belongs_to_the_thread_that_waited),
];

pub(super) const ROLES: &[Role] = &[role!(owns), role!(owns_and_ends)];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["MX-7"], "a handle is a value, open as long as it is there, and of the type that it is of"),
    Remark::new(&["MX-16"], "not tested: two thousand million locks take minutes"),
    Remark::new(&["MX-18"], "options have no undefined bits"),
    Remark::new(&["MX-19"], "that there is no order is no promise, so that nothing can break it"),
];

pub(super) const NOTES: &[Remark] = &[];

fn the_creating_thread_owns_a_new_mutex_if_that_is_asked_for(stage: &Stage) {
    let options = stage.mutexes().initially_owned(true);
    let owned = [
        options.create("n").unwrap(),
        options.create("").unwrap(),
        options.create_new("new").unwrap(),
        options.create_unnamed().unwrap(),
    ];
    for mutex in owned {
        assert!(!mutex.existed() && !is_free(&mutex));
        mutex.release().unwrap();
        assert!(is_free(&mutex));
        assert_eq!(code(mutex.release()), 288, "the count was 1");
    }
    let free = stage.mutex("free");
    assert!(is_free(&free));
    assert_eq!(code(free.release()), 288);
}

fn an_existing_mutex_is_not_owned_by_who_asks_for_it_at_creation(stage: &Stage) {
    let first = stage.mutex("n");
    let second = stage.mutexes().initially_owned(true).create("n").unwrap();
    assert!(second.existed() && is_free(&first));
    assert_eq!(code(second.release()), 288);
    own(&first);
    let third = stage.mutexes().initially_owned(true).create("n").unwrap();
    third.release().unwrap();
    assert!(is_free(&first), "it was owned once");
}

fn the_owner_locks_it_again_through_any_handle(stage: &Stage) {
    let first = stage.mutex("n");
    let second = stage.mutexes().open("n", Access::SYNCHRONIZE).unwrap();
    let third = second.try_clone().unwrap();
    own(&first);
    own(&second);
    assert!(third.try_lock().unwrap().map(std::mem::forget).is_some());
    assert_eq!(first.depth(), 3);
    for _ in 0..3 {
        assert!(!is_free(&first));
        second.release().unwrap();
    }
    assert!(is_free(&first));
    assert_eq!(code(first.release()), 288);
}

fn another_thread_of_the_same_process_is_blocked(stage: &Stage) {
    let mutex = stage.mutex("n");
    let handle = stage.mutexes().open("n", Access::ALL).unwrap();
    own(&mutex);
    std::thread::scope(|scope| {
        let waiters = [&mutex, &handle]
            .map(|mutex| Waiter::blocked(scope, || mutex.lock_timeout(LONG).unwrap().is_some()));
        waiters.iter().for_each(Waiter::stays_blocked);
        mutex.release().unwrap();
        assert!(waiters.into_iter().all(Waiter::outcome));
    });
}

fn the_last_release_lets_another_one_in(stage: &Stage) {
    let mutex = stage.mutex("n");
    (0..3).for_each(|_| own(&mutex));
    std::thread::scope(|scope| {
        let waiter = Waiter::blocked(scope, || mutex.lock_timeout(LONG).unwrap().is_some());
        for _ in 0..2 {
            mutex.release().unwrap();
            waiter.stays_blocked();
        }
        mutex.release().unwrap();
        assert!(waiter.outcome());
    });
    assert!(is_free(&mutex));
}

fn who_does_not_own_it_cannot_release_it(stage: &Stage) {
    let mutex = stage.mutex("n");
    assert_eq!((code(mutex.release()), code(mutex.guard())), (288, 288), "nobody owns it");
    own(&mutex);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| (code(mutex.release()), code(mutex.guard())));
        assert_eq!(other.join().unwrap(), (288, 288), "another thread owns it");
    });
    assert!(!is_free(&mutex));
    mutex.release().unwrap();
    assert_eq!(code(mutex.release()), 288, "it was released");
}

fn a_thread_that_ends_abandons_its_mutexes_whatever_their_depth(stage: &Stage) {
    for depth in [1, 2, 3, 100] {
        let [a, b] = ["a", "b"].map(|name| stage.mutex(name));
        abandon(&[&a, &b], depth);
        assert!(a.lock().unwrap().is_abandoned(), "at depth {depth}");
        assert!(b.lock().unwrap().is_abandoned(), "at depth {depth}");
        assert!(is_free(&a) && is_free(&b), "the count begins anew");
    }
    // At that moment, and not before.
    let mutex = stage.mutex("n");
    std::thread::scope(|scope| {
        let owner = Owner::of(scope, [&mutex]);
        let waiter =
            Waiter::blocked(scope, || mutex.lock_timeout(LONG).unwrap().map(|lock| lock.is_abandoned()));
        owner.ends();
        assert_eq!(waiter.outcome(), Some(true));
    });
    let owned_from_the_beginning = std::thread::scope(|scope| {
        scope.spawn(|| stage.mutexes().initially_owned(true).create("owned").unwrap()).join().unwrap()
    });
    assert!(owned_from_the_beginning.lock().unwrap().is_abandoned());
}

/// Another process that owns a mutex, so many times.
fn owner(stage: &Stage, role: &str, name: &str, depth: u32) -> Process {
    let mut owner = stage.child(role, &[name, &depth.to_string()]);
    owner.expect("owned");
    owner
}

fn a_process_that_is_killed_abandons_its_mutexes(stage: &Stage) {
    let mutex = stage.mutex("n");
    for depth in [1, 5] {
        let killed = owner(stage, "owns", "n", depth);
        assert!(mutex.try_lock().unwrap().is_none());
        std::thread::scope(|scope| {
            let wait = || mutex.lock_timeout(LONG).unwrap().map(|lock| lock.is_abandoned());
            let waiter = Waiter::blocked(scope, wait);
            killed.kill();
            assert_eq!(waiter.outcome(), Some(true), "at depth {depth}");
        });
        assert!(!mutex.lock().unwrap().is_abandoned() && is_free(&mutex));
    }
}

fn a_process_that_ends_abandons_its_mutexes(stage: &Stage) {
    let mutex = stage.mutex("n");
    let mut ending = owner(stage, "owns_and_ends", "n", 2);
    ending.tell("end");
    ending.wait();
    assert!(mutex.lock().unwrap().is_abandoned());
    assert!(!mutex.lock().unwrap().is_abandoned());
}

/// Owns the mutex of the name (argument 0), so many times (argument 1), until it is killed.
fn owns(cue: &Cue) {
    owns_and_ends(cue);
    cue.hear();
}

/// The same, and ends when it is told something.
fn owns_and_ends(cue: &Cue) {
    let mutex = cue.mutexes().open(cue.argument(0), Access::ALL).unwrap();
    let depth: u32 = cue.argument(1).parse().unwrap();
    (0..depth).for_each(|_| own(&mutex));
    cue.say("owned");
    cue.hear();
    std::mem::forget(mutex);
}

fn the_next_owner_is_told_once_and_owns_it_once(stage: &Stage) {
    let mutex = stage.mutex("n");
    abandon(&[&mutex], 3);
    let Lock::Abandoned(guard) = mutex.lock().unwrap() else { panic!("its owner has ended") };
    assert!(matches!(mutex.lock().unwrap(), Lock::Acquired(_)), "it is told once");
    assert!(!is_free(&mutex));
    drop(guard);
    assert!(is_free(&mutex), "it was owned once");
    assert_eq!(code(mutex.release()), 288);
}

fn every_way_to_wait_tells(stage: &Stage) {
    let [mutex, other] = ["n", "other"].map(|name| stage.mutex(name));
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
    own(&other);
    assert_eq!(wait::all(&[&other, &mutex], LONG).unwrap(), WaitedAll::Abandoned(vec![1]));
    mutex.release().unwrap();
    assert!(!mutex.lock().unwrap().is_abandoned());
}

fn after_a_release_nobody_is_told(stage: &Stage) {
    let mutex = stage.mutex("n");
    for _ in 0..2 {
        abandon(&[&mutex], 1);
        assert!(mutex.lock().unwrap().is_abandoned());
        for _ in 0..3 {
            assert!(!mutex.lock().unwrap().is_abandoned());
        }
        std::thread::scope(|scope| {
            assert!(!scope.spawn(|| mutex.lock().unwrap().is_abandoned()).join().unwrap());
        });
    }
    // A wait that gave up neither tells nor forgets.
    let never = stage.event("never", Reset::Auto);
    abandon(&[&mutex], 1);
    assert_eq!(wait::all(&[&mutex, &never], SHORT).unwrap(), WaitedAll::TimedOut);
    assert!(mutex.lock().unwrap().is_abandoned());
}

fn exactly_one_of_several_who_wait_is_told(stage: &Stage) {
    let mutex = stage.mutex("n");
    let never = stage.event("never", Reset::Manual);
    for round in 0..5 {
        std::thread::scope(|scope| {
            let owner = Owner::of(scope, [&mutex]);
            let alone = || mutex.lock_timeout(LONG).unwrap().expect("it passes").is_abandoned();
            let any = || {
                let waited = wait::any(&[&never, &mutex], LONG).unwrap();
                assert_ne!(waited, Waited::TimedOut);
                mutex.release().unwrap();
                waited == Waited::Abandoned(1)
            };
            let waiters = [
                Waiter::blocked(scope, alone),
                Waiter::blocked(scope, any),
                Waiter::blocked(scope, alone),
                Waiter::blocked(scope, any),
            ];
            owner.ends();
            let told = waiters.into_iter().map(Waiter::outcome).filter(|told| *told).count();
            assert_eq!(told, 1, "round {round}");
        });
    }
}

fn who_waits_for_any_of_several_is_told_which_was_abandoned(stage: &Stage) {
    let [a, b, c] = ["a", "b", "c"].map(|name| stage.mutex(name));
    std::thread::scope(|scope| {
        let owner_of_b = Owner::of(scope, [&b]);
        let others = Owner::of(scope, [&a, &c]);
        let waiter = Waiter::blocked(scope, || {
            let waited = wait::any(&[&a, &b, &c], LONG).unwrap();
            (waited, [&a, &b, &c].map(|mutex| code(mutex.release())))
        });
        owner_of_b.ends();
        assert_eq!(waiter.outcome(), (Waited::Abandoned(1), [288, 0, 288]));
        others.releases();
    });
}

fn closing_a_handle_releases_nothing_while_there_are_others(stage: &Stage) {
    let kept = stage.mutex("n");
    std::thread::scope(|scope| {
        let owner = scope.spawn(|| {
            let handle = stage.mutexes().open("n", Access::ALL).unwrap();
            own(&handle);
            own(&handle);
            drop(handle);
            assert!(!is_free(&kept));
            let reopened = stage.mutexes().open("n", Access::ALL).unwrap();
            reopened.release().unwrap();
            assert!(!is_free(&kept), "it was owned twice");
        });
        owner.join().unwrap();
    });
    assert!(kept.lock().unwrap().is_abandoned(), "it was owned when its owner ended");
    // With the last handle it goes, owned or not.
    own(&kept);
    drop(kept);
    assert_eq!(code(stage.mutexes().open("n", Access::ALL)), 2);
    let anew = stage.mutex("n");
    assert!(!anew.existed() && is_free(&anew));
}

fn what_it_protects_is_as_its_owner_left_it(stage: &Stage) {
    let mutex = stage.mutex("n");
    let memory = stage.memory("memory", PAGE as u64).map_mut().unwrap();
    std::thread::scope(|scope| {
        let owner = scope.spawn(|| {
            own(&mutex);
            memory.write_at(0, b"half").unwrap();
        });
        owner.join().unwrap();
    });
    assert!(mutex.lock().unwrap().is_abandoned());
    assert_eq!(memory.read_vec(0, 8).unwrap(), b"half\0\0\0\0");
}

fn ownership_belongs_to_the_thread_that_waited(stage: &Stage) {
    let mutex = stage.mutex("n");
    own(&mutex);
    let elsewhere = |mutex: &Mutex| {
        assert_eq!((mutex.depth(), code(mutex.release()), code(mutex.guard())), (0, 288, 288));
        assert!(mutex.lock_timeout(Timeout::NOW).unwrap().is_none());
    };
    std::thread::scope(|scope| {
        scope.spawn(|| elsewhere(&mutex)).join().unwrap();
        let moved = mutex.try_clone().unwrap();
        scope.spawn(move || elsewhere(&moved)).join().unwrap();
    });
    mutex.release().unwrap();
    assert!(is_free(&mutex));
}
