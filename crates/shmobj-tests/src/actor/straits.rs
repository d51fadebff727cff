//! Commands that make it hard for the process: limits, signals, forks at bad moments, memory in tatters.
//!
//! ```text
//! descriptors-left COUNT | all            limit-file-size BYTES
//! sigbus ignore|default|block|raise             ballast MIB | ballast changed
//! fork-often COUNT NAME                   start-thread
//! ```
#![allow(unsafe_code)] // signals, fork

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, WaitOptions, getpid, kill_process, pidfd_open, waitpid,
};
use shmobj::{Access, Allocation, FileMapping, Namespace, ReadWrite, Scope, View};

use super::objects::Objects;
use super::process::{never_leave_zombies, open_many_files};
use super::{Outcome, Words, misled};

pub(super) fn obey(command: &str, words: &mut Words<'_>, objects: &Objects) -> Option<Outcome> {
    Some(match command {
        "descriptors-left" => descriptors_left(words),
        "limit-file-size" => limit_file_size(words),
        "sigbus" => sigbus(words),
        "ballast" => ballast(words),
        "fork-often" => fork_often(words, &objects.chosen_namespace()),
        "start-thread" => start_thread(),
        _ => return None,
    })
}

thread_local! {
    static SPENT: RefCell<Vec<OwnedFd>> = const { RefCell::new(Vec::new()) };
    static BALLAST: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Uses up this process's descriptors until so many are left, or gives all of them back.
fn descriptors_left(words: &mut Words<'_>) -> Outcome {
    SPENT.take();
    open_many_files();
    let word = words.next()?;
    if word == "all" {
        return Ok(String::new());
    }
    let left: usize = word.parse().map_err(misled)?;
    let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum }).map_err(misled)?;
    SPENT.with_borrow_mut(|spent| {
        while let Ok(fd) = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3) {
            spent.push(fd);
        }
        spent.truncate(spent.len().saturating_sub(left));
    });
    Ok(String::new())
}

/// No file becomes longer than this by this process, which is told so by an error.
fn limit_file_size(words: &mut Words<'_>) -> Outcome {
    let current = Some(words.number()?);
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let maximum = rustix::process::getrlimit(Resource::Fsize).maximum;
    rustix::process::setrlimit(Resource::Fsize, Rlimit { current, maximum }).map_err(misled)?;
    Ok(String::new())
}

fn sigbus(words: &mut Words<'_>) -> Outcome {
    match words.next()? {
        "ignore" => {
            // SAFETY: ignoring a signal runs no code of ours.
            unsafe { libc::signal(libc::SIGBUS, libc::SIG_IGN) };
        }
        // Programs in Rust start with a handler of the standard library, which takes the first that is sent to it for a fault.
        "default" => {
            // SAFETY: the default action runs no code of ours.
            unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
        }
        "block" => {
            // SAFETY: all fields of a signal set may be zero.
            let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
            // SAFETY: the set is ours.
            unsafe { libc::sigfillset(&mut set) };
            // SAFETY: changes the mask of this thread only.
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) };
        }
        // To the thread and to the process: the kernel tells a handler which it was.
        "raise" => {
            // SAFETY: has no preconditions.
            unsafe { libc::raise(libc::SIGBUS) };
            kill_process(getpid(), Signal::BUS).map_err(misled)?;
        }
        other => return Err(misled(format!("what is `sigbus {other}`?"))),
    }
    Ok(String::new())
}

/// Memory of this process's own, and how many of its bytes have changed since.
fn ballast(words: &mut Words<'_>) -> Outcome {
    const FILL: u8 = 0xaa;
    let word = words.next()?;
    if word == "changed" {
        let changed = |part: &Vec<u8>| part.iter().filter(|&&byte| byte != FILL).count();
        return Ok(BALLAST.with_borrow(|parts| parts.iter().map(changed).sum::<usize>()).to_string());
    }
    let parts: usize = word.parse().map_err(misled)?;
    BALLAST.set((0..parts).map(|_| vec![FILL; 1 << 20]).collect());
    Ok(String::new())
}

fn start_thread() -> Outcome {
    let thread = std::thread::Builder::new().spawn(|| 7).map_err(misled)?;
    thread.join().map_err(|_| misled("the thread panicked"))?;
    Ok(String::new())
}

/// No child takes this long unless it waits for a lock that nobody will release.
const CHILDS_TIME: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// Forks again and again while other threads are in the middle of all that the library does with an object of this
/// name, which exists. Answers how many children did what they were made for, and what became of the rest.
fn fork_often(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let (count, name): (u64, _) = (words.number()?, words.next()?.to_owned());
    let reserved = FileMapping::options().size(1 << 30).allocation(Allocation::Reserve).create_unnamed()?;
    reserved.commit(0..4096)?;
    let view = Arc::new(reserved.map_mut()?);
    let stop = Arc::new(AtomicBool::new(false));
    let rounds = Arc::new(AtomicU64::new(0));
    let busy = |mut work: Box<dyn FnMut() -> bool + Send>| {
        let (stop, rounds) = (Arc::clone(&stop), Arc::clone(&rounds));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                assert!(work());
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let threads = [
        busy({
            let (namespace, name) = (namespace.clone(), name.clone());
            Box::new(move || {
                FileMapping::options().namespace(&namespace).open(&name, Access::READ_WRITE).is_ok()
            })
        }),
        busy({
            let (namespace, name) = (namespace.clone(), name.clone());
            Box::new(move || namespace.objects(Scope::Local).is_ok() && namespace.inspect(&name).is_ok())
        }),
        busy({
            let view = Arc::clone(&view);
            Box::new(move || {
                let mapped = reserved.map_mut().and_then(|own| own.read_vec(0, 1));
                mapped.is_ok() && view.read_vec(0, 1).is_ok()
            })
        }),
    ];
    // SAFETY: the default action runs no code of ours. Children are to leave a status behind.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    let mut done = 0;
    let mut ends = String::from("none");
    for number in 0..count {
        // SAFETY: the library promises that its part of a child works; that of the C library does.
        match unsafe { libc::fork() } {
            -1 => return Err(misled(std::io::Error::last_os_error())),
            0 => {
                let code = as_child(namespace, &name, &view);
                // SAFETY: ends the child without running what the parent registered for its own end.
                unsafe { libc::_exit(code) };
            }
            child => match end_of(child)? {
                Some(0) => done += 1,
                Some(code) => ends = format!("code-{code}-of-child-{number}"),
                None => {
                    ends = format!("child-{number}-hung");
                    break;
                }
            },
        }
    }
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().map_err(|_| misled("a thread was refused what exists"))?;
    }
    never_leave_zombies();
    Ok(format!("done={done} others={ends} rounds={}", rounds.load(Ordering::Relaxed)))
}

/// What a child does: opens, creates, closes and reads. Says with its code what it could not do.
fn as_child(namespace: &Namespace, name: &str, view: &View<ReadWrite>) -> i32 {
    let options = FileMapping::options().namespace(namespace).size(4096);
    let own = format!("child-{}", getpid().as_raw_nonzero());
    let opened = options.open(name, Access::READ);
    let created = options.create(&own);
    match (opened.is_ok(), created.is_ok(), view.read_vec(0, 1).is_ok(), namespace.inspect(name).is_ok()) {
        (true, true, true, true) => 0,
        (false, ..) => 2,
        (_, false, ..) => 3,
        (_, _, false, _) => 4,
        _ => 5,
    }
}

/// The exit code of a child; one that does not end in time is killed.
fn end_of(child: i32) -> Result<Option<i32>, super::Failure> {
    let child = Pid::from_raw(child).ok_or_else(|| misled("no pid"))?;
    let pidfd = pidfd_open(child, PidfdFlags::empty()).map_err(misled)?;
    let ended = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&CHILDS_TIME)).map_err(misled)? > 0;
    if !ended {
        kill_process(child, Signal::KILL).map_err(misled)?;
    }
    let status = waitpid(Some(child), WaitOptions::empty()).map_err(misled)?;
    let code = status.and_then(|(_, status)| status.exit_status()).unwrap_or(-1);
    Ok(ended.then_some(code))
}
