//! What guardians take while they do nothing, and while they look after a limit.

use std::time::{Duration, Instant};

use shmobj_bench::quartiles::Quartiles;

use super::proc;
use super::stage::{Means, Stage};

const WINDOWS: usize = 7;
const IDLE: Duration = Duration::from_secs(2);
const LOOKING: Duration = Duration::from_secs(2);
/// In this time guardians have given away what they do not need.
const REST: Duration = Duration::from_millis(300);
const PLACES: [&str; 2] = ["upper guardian", "lower guardian"];

/// Guardians of several spawnings, of each kind of spawner.
pub(crate) fn memory(stage: &Stage) {
    println!("\nmemory of a pair of guardians ({WINDOWS} spawnings, KiB)");
    println!("  {:<46} {:^26} {:^26} {:^26}", "", "share (Pss)", "private", "page tables");
    for (megabytes, who) in [(0, "a small process"), (1024, "a process with 1 GiB")] {
        let spawner = stage.guardians(megabytes);
        let mut samples: [Vec<proc::Memory>; 3] = Default::default();
        for _ in 0..WINDOWS {
            let guardians = spawner.keep("keep m 1 free");
            std::thread::sleep(REST);
            let [upper, lower] = guardians.map(proc::memory);
            let both = proc::Memory {
                share: upper.share + lower.share,
                private: upper.private + lower.private,
                tables: upper.tables + lower.tables,
            };
            for (own, memory) in samples.iter_mut().zip([upper, lower, both]) {
                own.push(memory);
            }
        }
        for (place, own) in PLACES.iter().chain([&"both"]).zip(&samples) {
            let of = |what: fn(&proc::Memory) -> u64| {
                Quartiles::of(own.iter().map(|memory| what(memory) as f64)).to_string()
            };
            println!(
                "  {:<46} {:<26} {:<26} {:<26}",
                format!("{place}, spawned by {who}"),
                of(|memory| memory.share),
                of(|memory| memory.private),
                of(|memory| memory.tables),
            );
        }
    }
}

/// Without a limit, guardians run when something ends, and never otherwise.
pub(crate) fn idle(stage: &Stage) {
    println!("\ncontext switches of an idle guardian in {IDLE:?} (0 is wanted)");
    for (means, what) in [(Means::Guardians, "guardians alone"), (Means::Groups, "with a control group")] {
        let Some(spawner) = stage.spawner(means, 0) else { continue };
        for count in [1, 100] {
            let guardians = spawner.keep(&format!("keep i {count} free"));
            std::thread::sleep(REST);
            let before = guardians.map(proc::switches);
            std::thread::sleep(IDLE);
            for (index, guardian) in guardians.into_iter().enumerate() {
                let switches = proc::switches(guardian) - before[index];
                let verdict = if switches == 0 { "ok" } else { "OVER" };
                let title = format!("{}, {what}, {count} processes", PLACES[index]);
                println!("  {title:<60} {switches:>5} {verdict}");
            }
        }
    }
}

/// With a limit that the kernel does not look after, one of the guardians does.
pub(crate) fn watch(stage: &Stage) {
    println!("\na guardian that looks after max_processes ({WINDOWS} times {LOOKING:?})");
    println!("  {:<40} {:^26} {:^26} {:^26}", "", "% of one core", "looks a second", "us a look");
    for count in [1, 100] {
        let spawner = stage.guardians(0);
        let [_, lower] = spawner.keep(&format!("keep w {count} limited"));
        std::thread::sleep(REST);
        let machine = proc::processes();
        let mut columns: [Vec<f64>; 3] = Default::default();
        for _ in 0..WINDOWS {
            let (begun, busy, sleeps) = (Instant::now(), proc::busy(lower), proc::sleeps(lower));
            std::thread::sleep(LOOKING);
            let time = begun.elapsed().as_secs_f64();
            let busy = (proc::busy(lower) - busy) as f64;
            let looks = (proc::sleeps(lower) - sleeps) as f64;
            for (column, figure) in
                columns.iter_mut().zip([busy / time / 1e7, looks / time, busy / looks / 1e3])
            {
                column.push(figure);
            }
        }
        let title = format!("{count} processes, of {machine} of the machine");
        let [share, looks, look] = columns.map(|column| Quartiles::of(column).to_string());
        println!("  {title:<40} {share:<26} {looks:<26} {look:<26}");
    }
}
