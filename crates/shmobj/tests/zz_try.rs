mod common;
use common::Place;
use common::sleeper::{LONG, Sleeper, done, until};
use shmobj::wait;
use shmobj::*;
use std::time::Duration;
fn pin(cpu: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    rustix::thread::sched_setaffinity(None, &set).unwrap();
}
#[test]
fn stale_multi() {
    let place = Place::new();
    pin(0);
    for stale in [false, true] {
    for kind in 0..2 {
    let mut bad = 0;
    for _ in 0..200 {
        let event = place.event("n", Reset::Auto);
        let sem = place.semaphore("s", 0, 1);
        let other = place.event("other", Reset::Auto);
        if stale { while !place.is_waited_for("n") || !place.is_waited_for("s") { let _ = wait::any(&[&event, &sem, &other], Duration::from_millis(2)).unwrap(); } }
        std::thread::scope(|scope| {
            if kind == 0 {
            let sleepers = Sleeper::many(2, scope, || event.wait(LONG).unwrap());
            event.set().unwrap();
            event.set().unwrap();
            until("one", || done(&sleepers) >= 1);
            std::thread::sleep(Duration::from_millis(2));
            if done(&sleepers) != 2 { bad += 1 }
            event.set().unwrap();
            } else {
            let _s = Sleeper::asleep(scope, || sem.wait(LONG).unwrap());
            sem.release(1).unwrap();
            if sem.release(1).is_err() { bad += 1 }
            }
        });
    }
    println!("stale {stale} kind {kind} bad {bad}");
    }}
}
#[test]
fn many_tickets() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    std::thread::scope(|scope| {
        let n = 140;
        pin(0);
        let sleepers = Sleeper::many(n, scope, || event.wait(LONG).unwrap());
        for _ in 0..n { event.set().unwrap(); }
        std::thread::sleep(Duration::from_millis(300));
        println!("released {} of {n}", done(&sleepers));
        while done(&sleepers) < n { event.set().unwrap(); std::thread::sleep(Duration::from_millis(1));}
    });
}
