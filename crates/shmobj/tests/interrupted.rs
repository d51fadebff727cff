//! Signal handlers that run while a thread waits change nothing: no wait ends early, and none is missed.
#![cfg(target_os = "linux")] // Windows has no signals
#![allow(unsafe_code)] // installs a signal handler, and sends signals to threads

mod common;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::Place;
use common::sleeper::{Elsewhere, LONG, Sleeper, until};
use shmobj::wait::{self, Waited, WaitedAll};
use shmobj::{Due, Reset};

static HANDLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn handle(_signal: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::SeqCst);
}

/// Makes SIGUSR1 run a handler, and interrupt system calls (without `SA_RESTART`).
fn install() {
    // SAFETY: all zeroes is an empty mask and no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handle as *const () as usize;
    // SAFETY: the handler only adds to an atomic.
    let installed = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
    assert_eq!(installed, 0);
}

/// Sends signals to threads for as long as `body` runs; each of them has been interrupted many times when it ends.
fn while_interrupting<T: Send>(sleepers: &[Sleeper<'_, T>], body: impl FnOnce()) {
    install();
    let is_over = AtomicBool::new(false);
    let process = rustix::process::getpid().as_raw_nonzero().get();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                for sleeper in sleepers.iter().filter(|sleeper| !sleeper.is_done()) {
                    // SAFETY: a thread of this process, or none any more, which is an error that does not matter.
                    unsafe { libc::syscall(libc::SYS_tgkill, process, sleeper.number(), libc::SIGUSR1) };
                }
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let before = HANDLED.load(Ordering::SeqCst);
        until("the handler has run often", || {
            HANDLED.load(Ordering::SeqCst) > before + 50 || sleepers.iter().all(Sleeper::is_done)
        });
        body();
        is_over.store(true, Ordering::SeqCst);
    });
}

#[test]
fn no_wait_for_one_object_ends_by_a_signal_handler() {
    let place = Place::new();
    let event = place.event("event", Reset::Auto);
    let semaphore = place.semaphore("semaphore", 0, 1);
    let mutex = place.mutex("mutex");
    let timer = place.timer("timer", Reset::Auto);
    timer.set(Due::after(Duration::from_secs(3600)), None).unwrap();
    let owned = [&mutex];
    std::thread::scope(|scope| {
        let owner = Elsewhere::owns(scope, &owned);
        let sleepers = [
            Sleeper::asleep(scope, || event.wait(LONG).unwrap()),
            Sleeper::asleep(scope, || semaphore.wait(LONG).unwrap()),
            Sleeper::asleep(scope, || timer.wait(LONG).unwrap()),
            Sleeper::asleep(scope, || mutex.lock_timeout(LONG).unwrap().is_some()),
        ];
        while_interrupting(&sleepers, || {
            assert_eq!(common::sleeper::done(&sleepers), 0);
            event.set().unwrap();
            semaphore.release(1).unwrap();
            timer.set(Due::after(Duration::from_millis(5)), None).unwrap();
            owner.releases();
            until("all pass", || common::sleeper::done(&sleepers) == 4);
        });
        assert!(sleepers.into_iter().all(Sleeper::outcome));
    });
    assert_eq!(
        (place.is_signaled("event"), place.count("semaphore"), place.is_signaled("timer")),
        (false, 0, false)
    );
}

#[test]
fn no_wait_for_several_objects_ends_by_a_signal_handler() {
    let place = Place::new();
    let [a, b] = ["a", "b"].map(|name| place.semaphore(name, 0, 1));
    let [c, d] = ["c", "d"].map(|name| place.semaphore(name, 0, 1));
    std::thread::scope(|scope| {
        let sleepers = [
            Sleeper::asleep(scope, || wait::any(&[&a, &b], LONG).unwrap() == Waited::Signaled(1)),
            Sleeper::asleep(scope, || wait::all(&[&c, &d], LONG).unwrap() == WaitedAll::Signaled),
        ];
        while_interrupting(&sleepers, || {
            assert_eq!(common::sleeper::done(&sleepers), 0);
            b.release(1).unwrap();
            d.release(1).unwrap();
            std::thread::sleep(Duration::from_millis(2));
            c.release(1).unwrap();
            until("both pass", || common::sleeper::done(&sleepers) == 2);
        });
        assert!(sleepers.into_iter().all(Sleeper::outcome));
    });
    assert_eq!([a, b, c, d].map(|semaphore| semaphore.wait(Duration::ZERO).unwrap()), [false; 4]);
}

#[test]
fn no_time_out_is_early_by_a_signal_handler() {
    const LIMIT: Duration = Duration::from_millis(150);
    let place = Place::new();
    let [a, b] = ["a", "b"].map(|name| place.event(name, Reset::Auto));
    let mutex = place.mutex("mutex");
    let owned = [&mutex];
    let begun = Instant::now();
    let took = |is_satisfied: bool| (is_satisfied, begun.elapsed() >= LIMIT);
    std::thread::scope(|scope| {
        let owner = Elsewhere::owns(scope, &owned);
        let sleepers = [
            Sleeper::start(scope, || took(a.wait(LIMIT).unwrap())),
            Sleeper::start(scope, || took(mutex.lock_timeout(LIMIT).unwrap().is_some())),
            Sleeper::start(scope, || took(wait::any(&[&b, &mutex], LIMIT).unwrap() != Waited::TimedOut)),
            Sleeper::start(scope, || took(wait::all(&[&b, &mutex], LIMIT).unwrap() != WaitedAll::TimedOut)),
        ];
        while_interrupting(&sleepers, || until("all give up", || common::sleeper::done(&sleepers) == 4));
        for sleeper in sleepers {
            assert_eq!(sleeper.outcome(), (false, true));
        }
        owner.releases();
    });
}
