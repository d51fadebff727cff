//! Commands about jobs. The handles are those of `luggage`, so that jobs travel, are inherited and lost as all others are.
//!
//! ```text
//! job HANDLE NAME OPTION...            job-open HANDLE NAME          mechanism
//! enter CHILD HANDLE WORD...           enter-through-pipe CHILD HANDLE WORD...
//! enter-puppet SOCKET HANDLE [ROLE=HANDLE...]
//! enter-twice HANDLE WORD...           enter-many HANDLE THREADS TIMES
//! enter-for MILLISECONDS HANDLE WORD...
//! assign HANDLE PID                    terminate HANDLE CODE         limit-job HANDLE OPTION...
//! members HANDLE                       is-member HANDLE PID          usage HANDLE
//! end-of CHILD                         hear-child CHILD              await-job HANDLE MILLISECONDS
//! cycle PREFIX COUNT                   alone WORD...
//! notice-children                      handle-signals
//! scribble-board PATH MILLISECONDS     truncate-board PATH BYTES
//! job-storm MILLISECONDS SEED DIRECTORY [steps]
//! ```
//! Options: `kill max=N memory process-memory process-time breakaway=allowed|silent new`. Words are arguments of the puppet program: mostly `escape TRICK DIRECTORY`.
#![allow(unsafe_code)] // signal handlers

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shmobj::job::{Breakaway, Child, Limits, Mechanism};
use shmobj::transfer::{AnyHandle, InheritExt};
use shmobj::{Access, Job, Namespace};

use super::{Failure, Outcome, Words, luggage, misled, shown};
use crate::random::{Random, unique};
use crate::storm::jobs::Worker;

thread_local! {
    static CHILDREN: RefCell<BTreeMap<String, Child>> = const { RefCell::new(BTreeMap::new()) };
}

pub(super) fn obey(
    command: &str,
    words: &mut Words<'_>,
    namespace: &dyn Fn() -> Namespace,
) -> Option<Outcome> {
    Some(match command {
        "job" => create(words, &namespace()),
        "job-open" => open(words, &namespace()),
        "mechanism" => Ok(mechanism()),
        "enter" | "enter-through-pipe" => enter(command, words),
        "enter-puppet" => enter_puppet(words),
        "enter-twice" => enter_twice(words),
        "enter-many" => enter_many(words),
        "enter-for" => enter_for(words),
        "alone" => alone(words),
        "assign" => with_job(words, |job, words| done(job.assign(words.number()?)?)),
        "terminate" => with_job(words, |job, words| done(job.terminate(words.number()?)?)),
        "limit-job" => with_job(words, |job, words| done(job.set_limits(&limits(words)?.0)?)),
        "is-member" => with_job(words, |job, words| Ok(job.contains(words.number()?)?.to_string())),
        "members" => with_job(words, |job, _| {
            Ok(job.processes()?.iter().map(u32::to_string).collect::<Vec<_>>().join(" "))
        }),
        "usage" => with_job(words, |job, _| {
            let usage = job.usage()?;
            let worked = !(usage.user_time + usage.system_time).is_zero();
            Ok(format!("active={} total={} worked={worked}", usage.active_processes, usage.total_processes))
        }),
        "await-job" => {
            with_job(words, |job, words| Ok(job.wait(Duration::from_millis(words.number()?))?.to_string()))
        }
        "end-of" => end_of(words),
        "hear-child" => hear_child(words),
        "cycle" => cycle(words, &namespace()),
        "job-storm" => storm(words, namespace()),
        "notice-children" => {
            // SAFETY: the default action runs no code of ours.
            unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
            done(())
        }
        "handle-signals" => handle_signals(),
        "scribble-board" => scribble_board(words),
        "truncate-board" => {
            let file = OpenOptions::new().write(true).open(words.next().ok()?).map_err(misled);
            file.and_then(|file| file.set_len(words.number()?).map_err(misled)).and_then(done)
        }
        _ => return None,
    })
}

fn done((): ()) -> Outcome {
    Ok(String::new())
}

fn with_job(words: &mut Words<'_>, act: impl FnOnce(&Job, &mut Words<'_>) -> Outcome) -> Outcome {
    let handle = words.next()?;
    luggage::with_handle(handle, |handle| match handle {
        AnyHandle::Job(job) => act(job, words),
        _ => Err(misled("not a job")),
    })
}

/// Limits, and whether the job is to be new.
fn limits(words: &mut Words<'_>) -> Result<(Limits, bool), Failure> {
    let (mut limits, mut is_new) = (Limits::new(), false);
    for word in words.each() {
        limits = match word.split_once('=').unwrap_or((word, "")) {
            ("kill", _) => limits.kill_on_close(true),
            ("max", count) => limits.max_processes(count.parse().map_err(misled)?),
            ("memory", _) => limits.memory(1 << 40),
            ("process-memory", _) => limits.process_memory(1 << 40),
            ("process-time", _) => limits.process_cpu_time(Duration::from_secs(1000)),
            ("breakaway", "allowed") => limits.breakaway(Breakaway::Allowed),
            ("breakaway", _) => limits.breakaway(Breakaway::Silent),
            ("new", _) => {
                is_new = true;
                limits
            }
            _ => return Err(misled(format!("what is the option {word}?"))),
        };
    }
    Ok((limits, is_new))
}

fn create(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let (handle, name) = (words.next()?, words.next()?);
    let (limits, is_new) = limits(words)?;
    let options = Job::options().limits(limits).namespace(namespace);
    let job = match (name, is_new) {
        ("-", _) => options.create_unnamed()?,
        (_, true) => options.create_new(name)?,
        (_, false) => options.create(name)?,
    };
    luggage::keep(handle, job.into())
}

fn open(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let (handle, name) = (words.next()?, words.next()?);
    luggage::keep(handle, Job::options().namespace(namespace).open(name, Access::ALL)?.into())
}

fn mechanism() -> String {
    match Mechanism::here() {
        Mechanism::ControlGroups { parent, .. } => format!("groups {}", parent.display()),
        Mechanism::Guardians { reason } => format!("guardians {reason}"),
        _ => "other".to_owned(),
    }
}

/// The puppet program once more. What it writes must not come between our answers.
fn program(words: &mut Words<'_>) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe().map_err(misled)?);
    command.args(words.each()).stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

fn enter(how: &str, words: &mut Words<'_>) -> Outcome {
    let name = words.next()?.to_owned();
    with_job(words, |job, words| {
        let mut command = program(words)?;
        if how == "enter-through-pipe" {
            command.stdout(Stdio::piped());
        }
        let child = job.spawn(&mut command)?;
        let answer = child.id().to_string();
        CHILDREN.with_borrow_mut(|children| children.insert(name, child));
        Ok(answer)
    })
}

/// A member that obeys the test.
fn enter_puppet(words: &mut Words<'_>) -> Outcome {
    let address = words.next()?;
    with_job(words, |job, words| {
        let mut command = Command::new(std::env::current_exe().map_err(misled)?);
        command.arg("obey").env("PUPPET_ADDRESS", address).stdin(Stdio::null()).stdout(Stdio::null());
        for (role, handle) in words.each().filter_map(|word| word.split_once('=')) {
            luggage::with_handle(handle, |handle| Ok(command.inherit(role, handle).map(drop)?))?;
        }
        Ok(job.spawn(&mut command)?.id().to_string())
    })
}

/// One command is run in a job, then by itself, then in the job again: the numbers of the three.
fn enter_twice(words: &mut Words<'_>) -> Outcome {
    with_job(words, |job, words| {
        let mut command = program(words)?;
        let first = job.spawn(&mut command)?.id();
        let alone = command.spawn().map_err(misled)?.id();
        let second = job.spawn(&mut command)?.id();
        Ok(format!("{first} {alone} {second}"))
    })
}

/// Without any job.
fn alone(words: &mut Words<'_>) -> Outcome {
    Ok(program(words)?.spawn().map_err(misled)?.id().to_string())
}

/// Several threads start processes that end at once, and wait for them.
fn enter_many(words: &mut Words<'_>) -> Outcome {
    with_job(words, |job, words| {
        let (threads, times): (usize, usize) = (words.number()?, words.number()?);
        let one = || -> shmobj::Result<usize> {
            let mut right = 0;
            for number in 0..times {
                let code = number as i32 % 200;
                let mut command = Command::new("sh");
                let mut child = job.spawn(command.arg("-c").arg(format!("exit {code}")))?;
                right += usize::from(child.wait()?.code() == Some(code));
            }
            Ok(right)
        };
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
            let mut right = 0;
            for thread in all {
                right += thread.join().map_err(|_| misled("a thread panicked"))??;
            }
            Ok(right.to_string())
        })
    })
}

/// Starts as many as it can for a time, and ends some of them. Where there is a limit it goes on until it has come to that.
fn enter_for(words: &mut Words<'_>) -> Outcome {
    let end = Instant::now() + Duration::from_millis(words.number()?);
    with_job(words, |job, words| {
        let mut command = program(words)?;
        let mut random = Random::new(unique());
        let mut counts = BTreeMap::from(["done", "Quota"].map(|what| (what.to_owned(), 0_u64)));
        let mut children: Vec<Child> = Vec::new();
        let is_limited = job.limits()?.max_processes.is_some();
        let latest = end + Duration::from_secs(20);
        while Instant::now() < end || is_limited && counts["Quota"] == 0 && Instant::now() < latest {
            let what = match job.spawn(&mut command) {
                Ok(child) => {
                    children.push(child);
                    "done".to_owned()
                }
                Err(error) => format!("{:?}", error.kind()),
            };
            *counts.entry(what).or_default() += 1;
            if !children.is_empty() && random.once_in(4) {
                let mut child = children.swap_remove(random.below(children.len() as u64) as usize);
                child.kill()?;
                child.wait()?;
            }
        }
        Ok(shown(&counts))
    })
}

fn end_of(words: &mut Words<'_>) -> Outcome {
    let name = words.next()?;
    let child = CHILDREN.with_borrow_mut(|children| children.remove(name));
    let status = child.ok_or_else(|| misled(format!("no child {name}")))?.wait()?;
    Ok(match (status.code(), status.signal()) {
        (Some(code), _) => format!("code={code}"),
        (_, signal) => format!("signal={}", signal.unwrap_or(0)),
    })
}

/// All that a child writes, until nobody can write any more.
fn hear_child(words: &mut Words<'_>) -> Outcome {
    let name = words.next()?;
    CHILDREN.with_borrow_mut(|children| {
        let child = children.get_mut(name).ok_or_else(|| misled(format!("no child {name}")))?;
        let mut text = String::new();
        let mut out = child.stdout.take().ok_or_else(|| misled("no pipe"))?;
        out.read_to_string(&mut text).map_err(misled)?;
        Ok(text.trim().to_owned())
    })
}

/// Jobs with a process each: half of them are terminated, the others closed. Answers what this process has at the end, and
/// what it had after the first two.
fn cycle(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let (prefix, count): (_, u32) = (words.next()?, words.number()?);
    let mut before = (0, 0);
    for number in 0..count {
        if number == 2 {
            before = own();
        }
        let options = Job::options().namespace(namespace).kill_on_close(true);
        let job = options.create_new(&format!("{prefix}-{number}"))?;
        let mut command = Command::new("sleep");
        let mut child = job.spawn(command.arg("600").stdin(Stdio::null()).stdout(Stdio::null()))?;
        if number % 2 == 0 {
            job.terminate(7)?;
        } else {
            drop(job);
        }
        let status = child.wait()?;
        let expected = if number % 2 == 0 { status.code() == Some(7) } else { status.signal() == Some(9) };
        if !expected {
            return Err(misled(format!("job {number}: its process ended with {status}")));
        }
    }
    let now = own();
    Ok(format!("descriptors={}->{} mappings={}->{}", before.0, now.0, before.1, now.1))
}

/// How many descriptors and mappings of entries this process has.
fn own() -> (usize, usize) {
    let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    (descriptors, maps.lines().filter(|line| line.contains("/shmobj-test.")).count())
}

fn storm(words: &mut Words<'_>, namespace: Namespace) -> Outcome {
    let (time, seed) = (Duration::from_millis(words.number()?), words.number()?);
    let reports = words.next()?.to_owned();
    Ok(shown(&Worker::new(namespace, seed, reports, words.next().is_ok()).run(time)))
}

extern "C" fn on_signal(_: libc::c_int) {
    // SAFETY: `_exit` may be called in a signal handler.
    unsafe { libc::_exit(99) };
}

/// Has a handler for everything that would end a process: whoever runs it by mistake ends with 99.
fn handle_signals() -> Outcome {
    let handler: extern "C" fn(libc::c_int) = on_signal;
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT, libc::SIGUSR1, libc::SIGUSR2] {
        // SAFETY: the handler only ends the process.
        unsafe { libc::signal(signal, handler as *const () as libc::sighandler_t) };
    }
    done(())
}

/// Writes random words to random places of a job's board.
fn scribble_board(words: &mut Words<'_>) -> Outcome {
    const BOARD_AT: u64 = 1 << 20;
    let path = words.next()?;
    let end = Instant::now() + Duration::from_millis(words.number()?);
    let file = OpenOptions::new().write(true).open(path).map_err(misled)?;
    let mut random = Random::new(unique());
    let mut count = 0;
    while Instant::now() < end {
        // Small numbers are the more dangerous ones.
        let word = random.next_u64() >> random.below(64);
        file.write_at(&word.to_le_bytes(), BOARD_AT + 8 * random.below(2048)).map_err(misled)?;
        count += 1;
    }
    Ok(count.to_string())
}
