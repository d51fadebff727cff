//! How soon the next one has a mutex whose owner was killed.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use shmobj::Mutex;
use shmobj_bench::quartiles::{Quartiles, quantile};

use super::raw::pthread::{PthreadMutex, Sort};
use super::raw::{machine, robust};
use super::stage::{Stage, say};

const KILLS: usize = 1000;
const BARE: usize = 1;
const PTHREAD: usize = 2;
const WAYS: [(&str, &str); 3] = [
    ("library", "named Mutex"),
    ("bare", "bare robust futex"),
    ("pthread", "pthread: shared, robust, recursive"),
];

/// A process that owns, and is killed.
pub(crate) fn victim(stage: &Stage, how: &str) {
    match how {
        "library" => {
            let mutex = Mutex::options().namespace(&stage.namespace).create("m").expect("m");
            std::mem::forget(mutex.lock().expect("locked"));
            wait_for_the_end();
        }
        "bare" => robust::own(stage.shared.word(BARE)),
        _ => assert!(!PthreadMutex::at(stage.shared, PTHREAD).lock()),
    }
    wait_for_the_end();
}

fn wait_for_the_end() -> ! {
    say("owned");
    loop {
        std::thread::park();
    }
}

/// Kills whom it is told to, when everybody has had time to fall asleep; answers when that was.
fn killer(victims: &Receiver<u32>, times: &Sender<Instant>) {
    for victim in victims {
        std::thread::sleep(Duration::from_millis(2));
        let time = Instant::now();
        machine::kill(victim);
        times.send(time).expect("a listener");
    }
}

pub(crate) fn killed(stage: &Stage) {
    let mutex = Mutex::options().namespace(&stage.namespace).create("m").expect("m");
    let pthread = PthreadMutex::make(stage.shared, PTHREAD, Sort::RobustRecursive);
    let (victims, to_kill) = channel();
    let (killed, times) = channel();
    let killer = std::thread::spawn(move || killer(&to_kill, &killed));
    let mut samples: [Vec<f64>; 3] = Default::default();
    for turn in 0..KILLS {
        for index in (0..WAYS.len()).map(|index| (index + turn) % WAYS.len()) {
            let mut peer = stage.peer("victim", WAYS[index].0);
            assert_eq!(peer.hear(), "owned");
            victims.send(peer.id()).expect("a killer");
            let got = match index {
                0 => {
                    let lock = mutex.lock().expect("locked");
                    let got = Instant::now();
                    assert!(lock.is_abandoned());
                    got
                }
                1 => {
                    robust::outlive(stage.shared.word(BARE));
                    Instant::now()
                }
                _ => {
                    assert!(pthread.lock());
                    let got = Instant::now();
                    pthread.unlock();
                    got
                }
            };
            let time = times.recv().expect("a time");
            samples[index].push(got.duration_since(time).as_nanos() as f64 / 1000.0);
        }
    }
    drop(victims);
    killer.join().expect("it ends");
    print(stage, &samples);
}

fn print(stage: &Stage, samples: &[Vec<f64>; 3]) {
    println!("\na mutex whose owner is killed, {} ({KILLS} kills each, microseconds)", stage.placement());
    print!("  {:<46}", "");
    for heading in ["p10", "median", "p90", "p99", "max"] {
        print!(" {heading:>9}");
    }
    println!("  subject's median to this");
    let median = |samples: &[f64]| Quartiles::of(samples.iter().copied()).median;
    for ((_, name), own) in WAYS.iter().zip(samples) {
        let mut sorted = own.clone();
        sorted.sort_by(f64::total_cmp);
        print!("  {name:<46}");
        for part in [0.1, 0.5, 0.9, 0.99, 1.0] {
            print!(" {:>9.1}", quantile(&sorted, part));
        }
        println!("  {:.2}", median(&samples[0]) / median(own));
    }
}
