//! `worker_pool`.

use std::thread;
use std::time::Duration;

use crate::support::Place;

const WORKER_POOL: &str = env!("CARGO_BIN_EXE_worker_pool");
const PRIMES: [u32; 8] = [168, 303, 430, 550, 669, 783, 900, 1007];

#[test]
fn the_item_of_a_killed_worker_goes_to_another_and_all_end_in_order() {
    let place = Place::new();
    let lines = place.run(WORKER_POOL, &[]);
    let [first, hangs, killed, items @ .., last] = &lines[..] else { panic!("{lines:#?}") };
    assert_eq!(first, "3 workers count primes");
    let worker = hangs.strip_suffix(" hangs at item 4").expect(hangs);
    assert_eq!(*killed, format!("{worker} was killed, and item 4 goes to another"));
    let expected =
        PRIMES.iter().zip(1..).map(|(primes, n)| format!("item {n}: {primes} primes below {n}000"));
    assert_eq!(items, expected.collect::<Vec<_>>());
    assert_eq!(last, "all items are done, item 4 at its attempt 2");
    place.assert_empty();
}

#[test]
fn the_workers_of_a_killed_boss_end() {
    let place = Place::new();
    // From the start of the first worker to the stop of the last one.
    for milliseconds in 0..20 {
        let mut pool = place.start(WORKER_POOL, &[]);
        assert_eq!(pool.line(), "3 workers count primes");
        if cfg!(windows) {
            // There a process is suspended at first, and stays so for ever if its parent is killed in the middle of starting it.
            assert!(pool.line().ends_with(" hangs at item 4"));
        }
        thread::sleep(Duration::from_millis(milliseconds));
        pool.kill();
        // The pipes have their end when the last worker has ended.
        pool.rest();
        pool.complaints();
    }
}

#[test]
fn a_worker_without_a_boss_says_so_and_ends() {
    let place = Place::new();
    let complaint = place.start(WORKER_POOL, &["1", "7"]).fails();
    assert_eq!(complaint.trim_end(), "worker_pool: worker 7 ends, because the boss is gone");
    place.assert_empty();
}
