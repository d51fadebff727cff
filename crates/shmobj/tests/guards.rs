//! Guards of mutexes: they release once, what is still owned.

mod common;

use std::marker::PhantomData;

use common::Place;
use common::objects::abandon;
use common::sleeper::Elsewhere;
use shmobj::{Event, Lock, Mutex, MutexGuard, Semaphore, WaitableTimer};

fn is_free(mutex: &Mutex) -> bool {
    std::thread::scope(|scope| scope.spawn(|| mutex.try_lock().unwrap().is_some()).join().unwrap())
}

#[test]
fn dropping_a_lock_releases_the_mutex_once() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let outer = mutex.lock().unwrap();
    let inner = mutex.lock().unwrap();
    assert_eq!(mutex.depth(), 2);
    drop(inner);
    assert_eq!(mutex.depth(), 1);
    assert!(!is_free(&mutex));
    drop(outer);
    assert_eq!(mutex.depth(), 0);
    assert!(is_free(&mutex));
}

#[test]
fn guards_may_be_dropped_in_any_order() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let outer = mutex.lock().unwrap();
    let inner = mutex.try_lock().unwrap();
    drop(outer);
    assert!(!is_free(&mutex));
    drop(inner);
    assert!(is_free(&mutex));
}

#[test]
fn a_guard_is_made_for_a_lock_that_has_none() {
    let place = Place::new();
    let mutex = place.mutex("n");
    std::mem::forget(mutex.lock().unwrap());
    assert_eq!(mutex.depth(), 1, "a forgotten lock stays");
    let guard = mutex.guard().unwrap();
    assert_eq!(mutex.depth(), 1, "a guard locks nothing");
    assert!(std::ptr::eq(guard.mutex(), &mutex));
    drop(guard);
    assert_eq!(mutex.depth(), 0);
    assert!(is_free(&mutex));
    assert_eq!(mutex.guard().unwrap_err().win32_code(), 288);
}

#[test]
fn a_guard_whose_mutex_was_released_by_hand_does_nothing() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let guard = mutex.lock().unwrap();
    mutex.release().unwrap();
    assert!(is_free(&mutex));
    let owned = [&mutex];
    std::thread::scope(|scope| {
        let other = Elsewhere::owns(scope, &owned);
        drop(guard);
        assert!(!is_free(&mutex), "it takes nothing away from another thread");
        other.releases();
    });
}

#[test]
fn a_guard_releases_one_of_several_levels_also_if_others_were_released_by_hand() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let guards = [mutex.lock().unwrap(), mutex.lock().unwrap()];
    mutex.release().unwrap();
    let [first, second] = guards;
    drop(first);
    assert!(is_free(&mutex));
    drop(second);
    assert_eq!(mutex.depth(), 0);
}

#[test]
fn a_guard_that_is_dropped_by_a_panic_releases_the_mutex() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _lock = mutex.lock().unwrap();
        std::panic::resume_unwind(Box::new("on purpose"));
    }));
    assert!(panicked.is_err());
    assert!(is_free(&mutex));
    assert!(!mutex.lock().unwrap().is_abandoned());
}

#[test]
fn a_lock_tells_how_it_was_got_and_gives_its_guard() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let lock = mutex.lock().unwrap();
    assert!(!lock.is_abandoned());
    let guard = lock.into_guard();
    assert_eq!(mutex.depth(), 1, "taking the guard out releases nothing");
    drop(guard);
    abandon(&[&mutex], 1);
    let lock = mutex.lock().unwrap();
    assert!(
        lock.is_abandoned() && matches!(&lock, Lock::Abandoned(guard) if std::ptr::eq(guard.mutex(), &mutex))
    );
    let guard = lock.into_guard();
    assert_eq!(mutex.depth(), 1);
    drop(guard);
    assert!(is_free(&mutex));
}

#[test]
fn an_initially_owned_mutex_is_guarded_by_hand() {
    let place = Place::new();
    let mutex = place.mutexes().initially_owned(true).create("n").unwrap();
    let guard = mutex.guard().unwrap();
    assert!(!is_free(&mutex));
    drop(guard);
    assert!(is_free(&mutex));
}

/// Ownership is a thread's, so a guard stays in its thread. That is decided when this is compiled: for a type that is
/// `Send` (or `Sync`) there are two impls to choose from, and the choice is an error.
#[test]
fn a_guard_is_neither_send_nor_sync_and_handles_are_both() {
    trait NotSend<A> {
        const IS: bool = true;
    }
    struct IfSend<T: ?Sized>(PhantomData<T>);
    impl<T: ?Sized> NotSend<()> for PhantomData<T> {}
    impl<T: ?Sized + Send> NotSend<IfSend<T>> for PhantomData<T> {}
    trait NotSync<A> {
        const IS: bool = true;
    }
    impl<T: ?Sized> NotSync<()> for PhantomData<T> {}
    impl<T: ?Sized + Sync> NotSync<IfSend<T>> for PhantomData<T> {}
    let not_send =
        [<PhantomData<MutexGuard<'_>> as NotSend<_>>::IS, <PhantomData<Lock<'_>> as NotSend<_>>::IS];
    let not_sync =
        [<PhantomData<MutexGuard<'_>> as NotSync<_>>::IS, <PhantomData<Lock<'_>> as NotSync<_>>::IS];
    assert_eq!(not_send, not_sync);

    fn may_cross_threads<T: Send + Sync>() {}
    may_cross_threads::<Mutex>();
    may_cross_threads::<Event>();
    may_cross_threads::<Semaphore>();
    may_cross_threads::<WaitableTimer>();
}
