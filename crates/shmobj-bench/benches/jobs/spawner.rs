//! In a process of its own: starts processes, in jobs and without.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shmobj::job::{Limits, Mechanism};
use shmobj::{Job, Namespace};

use super::proc;
use super::raw::{ProcessGroup, make_fork};

/// Above what any part starts, so that it is looked after and nobody is ended.
const LIMIT: u32 = 1000;

/// Does what it is told, until nobody is there who could tell it anything.
pub(crate) fn run(directory: &Path, megabytes: usize) {
    let namespace = Namespace::at(directory);
    // Ones: zeroes would be pages that are not there.
    let memory = vec![1_u8; megabytes << 20];
    let job = job(&namespace, "spawner", Limits::new());
    let mut kept = None;
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words[..] {
            ["groups"] => matches!(Mechanism::here(), Mechanism::ControlGroups { .. }).to_string(),
            ["job", times] => nanoseconds(times, || in_job(&job)),
            ["plain", times] => nanoseconds(times, || beside(&mut quick())),
            ["fork", times] => nanoseconds(times, || {
                let mut command = quick();
                make_fork(&mut command);
                beside(&mut command)
            }),
            ["terminate", how, count, times] => {
                let count = number(count);
                nanoseconds(times, || terminate(&namespace, how == "each", count))
            }
            ["kill", count, times] => {
                let count = number(count);
                nanoseconds(times, || ProcessGroup::start(count, sleeper).end())
            }
            ["keep", name, count, limit] => {
                drop(kept.take()); // its processes have ended when this is done
                let limits = Limits::new();
                let limits = if limit == "limited" { limits.max_processes(LIMIT) } else { limits };
                let (own, guardians) = keep(&namespace, name, number(count), limits);
                kept = Some(own);
                guardians
            }
            _ => unreachable!("{line}"),
        };
        println!("{answer}");
        std::io::stdout().flush().expect("a listener");
    }
    drop(std::hint::black_box(memory));
}

fn number(text: &str) -> u32 {
    text.parse().expect("a number")
}

/// What all of them took together.
fn nanoseconds(times: &str, once: impl FnMut() -> Duration) -> String {
    let total: Duration = std::iter::repeat_with(once).take(number(times) as usize).sum();
    total.as_nanos().to_string()
}

fn job(namespace: &Namespace, name: &str, limits: Limits) -> Job {
    let name = format!("{name} of {}", std::process::id());
    Job::options().namespace(namespace).limits(limits.kill_on_close(true)).create(&name).expect("a job")
}

fn quick() -> Command {
    silent(Command::new("/bin/true"))
}

fn sleeper() -> Command {
    let mut command = silent(Command::new("/bin/sleep"));
    command.arg("600");
    command
}

/// A process that starts so many but one.
fn crowd(count: u32) -> Command {
    if count == 1 {
        return sleeper();
    }
    let mut command = silent(Command::new("/bin/sh"));
    command.arg("-c").arg(format!("i=1; while [ $i -lt {count} ]; do sleep 600 & i=$((i+1)); done; wait"));
    command
}

/// Nobody's input and output are kept open by it.
fn silent(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn in_job(job: &Job) -> Duration {
    let mut command = quick();
    let begun = Instant::now();
    let mut child = job.spawn(&mut command).expect("a process");
    assert!(child.wait().expect("its status").success());
    begun.elapsed()
}

fn beside(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let mut child = command.spawn().expect("a process");
    assert!(child.wait().expect("its status").success());
    begun.elapsed()
}

fn terminate(namespace: &Namespace, each: bool, count: u32) -> Duration {
    let job = job(namespace, "ended", Limits::new());
    let children: Vec<_> = match each {
        true => (0..count).map(|_| job.spawn(&mut sleeper()).expect("a process")).collect(),
        false => vec![job.spawn(&mut crowd(count)).expect("a process")],
    };
    wait_for(&job, count);
    let begun = Instant::now();
    job.terminate(1).expect("ended");
    let time = begun.elapsed();
    assert_eq!(job.processes().expect("a list"), []);
    drop(children);
    time
}

/// Starts a crowd, and finds its guardians.
fn keep(namespace: &Namespace, name: &str, count: u32, limits: Limits) -> (Job, String) {
    let job = job(namespace, name, limits);
    let child = job.spawn(&mut crowd(count)).expect("a process");
    wait_for(&job, count);
    let lower = proc::parent(child.id());
    let upper = proc::parent(lower);
    (job, format!("{upper} {lower}"))
}

/// All are there, and have had time to fall asleep.
fn wait_for(job: &Job, count: u32) {
    while job.processes().expect("a list").len() < count as usize {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(10));
}
