//! Several processes that all want one mutex all the time.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

use shmobj::Mutex;
use shmobj_bench::quartiles::{Bound, Quartiles};

use super::raw::machine;
use super::raw::pthread::{PthreadMutex, Sort};
use super::stage::{Peer, Stage, commands, say};

const ROUNDS: usize = 11;
const ROUND: Duration = Duration::from_secs(1);
/// What is protected: so many words, not atomic.
const WORDS: usize = 4;

const RUNNING: usize = 1;
const PTHREAD: usize = 2;
const COUNTED: usize = 3;

/// A process that locks, adds one to the words, unlocks, and starts again, until it is told to stop.
pub(crate) fn worker(stage: &Stage) {
    let mutex = Mutex::options().namespace(&stage.namespace).create("m").expect("m");
    let pthread = PthreadMutex::at(stage.shared, PTHREAD);
    let running = stage.shared.word(RUNNING);
    for (how, _) in commands() {
        say("ready");
        while running.load(Acquire) == 0 {
            std::hint::spin_loop();
        }
        let mut count = 0_u64;
        let busy = machine::busy();
        while running.load(Relaxed) != 0 {
            if how == "library" {
                let guard = mutex.lock().expect("locked");
                stage.shared.increment(COUNTED, WORDS);
                drop(guard);
            } else {
                pthread.lock();
                stage.shared.increment(COUNTED, WORDS);
                pthread.unlock();
            }
            count += 1;
        }
        say(&format!("{count} {}", machine::busy() - busy));
    }
}

/// What one round came to.
struct Round {
    /// How often the mutex was locked in a microsecond.
    speed: f64,
    /// The same, of a microsecond in which a core was busy with it: what else runs on the machine matters less.
    thrift: f64,
    /// The least of a process relative to the most.
    share: f64,
}

fn round(stage: &Stage, workers: &mut [Peer], how: &str) -> Round {
    let running = stage.shared.word(RUNNING);
    for worker in &mut *workers {
        worker.tell(how, 1);
    }
    for worker in &mut *workers {
        assert_eq!(worker.hear(), "ready");
    }
    let start = Instant::now();
    running.store(1, Release);
    std::thread::sleep(ROUND);
    running.store(0, Release);
    let time = start.elapsed();
    let answers: Vec<String> = workers.iter_mut().map(Peer::hear).collect();
    let (counts, busy): (Vec<u64>, Vec<u64>) = answers.iter().map(|answer| numbers(answer)).unzip();
    let total: u64 = counts.iter().sum();
    assert_eq!(stage.shared.take_count(COUNTED, WORDS), [total; WORDS], "two were inside at once");
    let share = |count: Option<&u64>| *count.expect("a worker") as f64;
    Round {
        speed: total as f64 / time.as_micros() as f64,
        thrift: total as f64 * 1000.0 / busy.iter().sum::<u64>() as f64,
        share: share(counts.iter().min()) / share(counts.iter().max()),
    }
}

fn numbers(answer: &str) -> (u64, u64) {
    let (count, busy) = answer.split_once(' ').expect("two numbers");
    (count.parse().expect("a count"), busy.parse().expect("nanoseconds"))
}

fn contended(stage: &Stage, processes: usize) {
    PthreadMutex::make(stage.shared, PTHREAD, Sort::RobustRecursive);
    let mutex = Mutex::options().namespace(&stage.namespace).create("m").expect("m");
    let mut workers: Vec<Peer> = (0..processes).map(|_| stage.peer("worker", "")).collect();
    let mut rounds: [Vec<Round>; 2] = Default::default();
    for turn in 0..ROUNDS {
        for index in [turn % 2, 1 - turn % 2] {
            rounds[index].push(round(stage, &mut workers, ["library", "pthread"][index]));
        }
    }
    drop(mutex);
    println!(
        "\n{processes} processes on one mutex, {WORDS} words incremented, {} ({ROUNDS} rounds of {ROUND:?})",
        stage.placement()
    );
    println!("  {:<38} {:^26}  {:^26}  {:^26}", "", "million/s", "million/s of busy cores", "least to most");
    let of = |index: usize, what: fn(&Round) -> f64| rounds[index].iter().map(what).collect::<Vec<f64>>();
    let columns: [fn(&Round) -> f64; 3] = [|round| round.speed, |round| round.thrift, |round| round.share];
    for (index, name) in ["named Mutex", "pthread: shared, robust, recursive"].iter().enumerate() {
        let figures = columns.map(|column| Quartiles::of(of(index, column)).to_string());
        println!("  {name:<38} {:<26}  {:<26}  {:<26}", figures[0], figures[1], figures[2]);
    }
    let ratio = |column| Quartiles::of_ratios(&of(0, column), &of(1, column));
    let (speed, thrift) = (ratio(columns[0]), ratio(columns[1]));
    println!("  {:<38} {speed}  {}", "throughput, ratio", Bound::AtLeast(1.0).verdict(speed.median));
    println!("  {:<38} {thrift}", "the same of busy cores");
    let share = Quartiles::of(of(0, columns[2]));
    println!("  {:<38} {share}  {}", "least to most of a process", Bound::AtLeast(0.5).verdict(share.median));
}

pub(crate) fn two(stage: &Stage) {
    contended(stage, 2);
}

pub(crate) fn four(stage: &Stage) {
    contended(stage, 4);
}
