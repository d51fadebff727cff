//! Commands about the process itself.
//!
//! ```text
//! arm die|pause=MILLISECONDS COUNT STEP   force tmpfile|hints|guard|robust-list|waitv
//! fork SOCKET                             fork-into-pid-namespace SOCKET
//! fork-while-creating SOCKET NAME         exit CODE
//! become UID
//! private-tmpfs PATH OPTIONS              join-mounts PID
//! lock PATH sh|ex                         forget-locks
//! catch-sigbus CODE                       sleep MILLISECONDS
//! exec PROGRAM ARGUMENT...                confine SYSTEMCALL...
//! refuse ERRNO SYSTEMCALL...
//! ```
#![allow(unsafe_code)] // fork, setresuid, unshare and sigaction, in a process with one thread (but see `fork_while_creating`)

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Write};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::process::Command;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use rustix::thread::{LinkNameSpaceType, UnshareFlags};
use shmobj::test_hooks::{Fault, Then, arm, force};
use shmobj::{ErrorKind, FileMapping};

use super::objects::Objects;
use super::{Failure, Lines, Outcome, Words, misled};
use crate::sandbox;

/// The kernel kills this process when the thread that started it ends.
pub(super) fn end_with_parent() {
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
}

/// Forks that nobody waits for vanish when they end.
pub(super) fn never_leave_zombies() {
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// Thousands of objects are two descriptors each.
pub(super) fn open_many_files() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let _ = rustix::process::setrlimit(Resource::Nofile, raised);
}

pub(super) fn obey(
    command: &str,
    words: &mut Words<'_>,
    objects: &Objects,
    lines: &mut Lines,
) -> Option<Outcome> {
    Some(match command {
        "arm" => arm_step(words),
        "force" => force_fault(words),
        "fork" => fork(words, lines),
        "fork-into-pid-namespace" => fork_into_pid_namespace(words, lines),
        "fork-while-creating" => fork_while_creating(words, objects, lines),
        "exec" => exec(words),
        "confine" => confine(words),
        "refuse" => refuse(words),
        "exit" => words.number().map(|code| std::process::exit(code)),
        "become" => become_user(words),
        "private-tmpfs" => private_tmpfs(words),
        "join-mounts" => join_mounts(words),
        "lock" => lock(words),
        "forget-locks" => {
            LOCKED.take();
            Ok(String::new())
        }
        "catch-sigbus" => catch_sigbus(words),
        "sleep" => words.number().map(|milliseconds| {
            std::thread::sleep(Duration::from_millis(milliseconds));
            String::new()
        }),
        _ => return None,
    })
}

/// The argument of a puppet that another one has become: it answers the command that made it so.
pub(super) const GREET: &str = "greet";

fn arm_step(words: &mut Words<'_>) -> Outcome {
    let then = match words.next()?.split_once('=') {
        None => Then::Die,
        Some((what, milliseconds)) => {
            let time = Duration::from_millis(milliseconds.parse().map_err(|_| misled("no number"))?);
            if what == "die-after" { Then::DieAfter(time) } else { Then::Pause(time) }
        }
    };
    let count = words.number()?;
    arm(&words.rest(), count, then);
    Ok(String::new())
}

fn force_fault(words: &mut Words<'_>) -> Outcome {
    force(match words.next()? {
        "tmpfile" => Fault::Tmpfile,
        "hints" => Fault::Hints,
        "guard" => Fault::Guard,
        "robust-list" => Fault::RobustList,
        "waitv" => Fault::Waitv,
        "barrier" => Fault::Barrier,
        "limits" => Fault::Limits,
        other => return Err(misled(format!("what is the fault {other}?"))),
    });
    Ok(String::new())
}

pub(super) fn fork(words: &mut Words<'_>, lines: &mut Lines) -> Outcome {
    let address = words.next()?.to_owned();
    // SAFETY: no other thread of this process holds a lock of the allocator or of the streams for longer than a moment: there is
    // none, or it sleeps at a step.
    match unsafe { libc::fork() } {
        -1 => Err(misled(std::io::Error::last_os_error())),
        0 => match connect(&address, lines) {
            Ok(()) => Ok("forked".to_owned()),
            Err(_) => std::process::abort(), // the answers still go to the parent's pipe
        },
        child => Ok(child.to_string()),
    }
}

/// A child that was started to obey at a socket. What it cannot do it cannot tell either.
pub(super) fn obey_at(address: &str, lines: &mut Lines) {
    let told = connect(address, lines).is_ok() && lines.answers.write_all(b"ok forked\n").is_ok();
    if !told {
        std::process::abort();
    }
}

/// The child's half of a fork: commands come from a socket from now on. It lives until that is closed.
fn connect(address: &str, lines: &mut Lines) -> Result<(), Failure> {
    let nothing = OpenOptions::new().read(true).write(true).open("/dev/null").map_err(misled)?;
    // The parent's pipes must end with the parent.
    rustix::stdio::dup2_stdin(&nothing).map_err(misled)?;
    rustix::stdio::dup2_stdout(&nothing).map_err(misled)?;
    let address = SocketAddr::from_abstract_name(address).map_err(misled)?;
    let socket = UnixStream::connect_addr(&address).map_err(misled)?;
    lines.commands = Box::new(BufReader::new(socket.try_clone().map_err(misled)?));
    lines.answers = Box::new(socket);
    Ok(())
}

fn fork_into_pid_namespace(words: &mut Words<'_>, lines: &mut Lines) -> Outcome {
    // SAFETY: only children are born into the new namespace; the mounts become this process's own.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWPID | UnshareFlags::NEWNS) }.map_err(misled)?;
    keep_mounts_here()?;
    let parent = rustix::process::getpid();
    let answer = fork(words, lines)?;
    if rustix::process::getpid() != parent {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        rustix::mount::mount("proc", "/proc", "proc", flags, None).map_err(misled)?;
    }
    Ok(answer)
}

/// Forks while another thread is in the middle of a create that finds the name taken. Arm a pause before.
fn fork_while_creating(words: &mut Words<'_>, objects: &Objects, lines: &mut Lines) -> Outcome {
    let mut address = Words(words.next()?.split_ascii_whitespace());
    let (name, namespace) = (words.next()?.to_owned(), objects.chosen_namespace());
    let parent = rustix::process::getpid();
    let thread = std::thread::spawn(move || {
        let refused = FileMapping::options().namespace(&namespace).size(4096).create_new(&name);
        assert_eq!(refused.map(drop).map_err(|error| error.kind()), Err(ErrorKind::AlreadyExists));
    });
    std::thread::sleep(Duration::from_millis(30));
    let answer = fork(&mut address, lines)?;
    if rustix::process::getpid() == parent {
        thread.join().map_err(|_| misled("the creating thread panicked"))?;
    }
    Ok(answer)
}

/// Becomes another program. Only tells if that fails.
fn exec(words: &mut Words<'_>) -> Outcome {
    let mut command = Command::new(words.next()?);
    Err(misled(std::os::unix::process::CommandExt::exec(command.args(words.each()))))
}

/// Becomes a new puppet that may make these system calls alone.
fn confine(words: &mut Words<'_>) -> Outcome {
    let permitted: Vec<_> = words.each().filter_map(sandbox::number_of).collect();
    sandbox::confine(&permitted).map_err(misled)?;
    Err(misled(std::os::unix::process::CommandExt::exec(Command::new("/proc/self/exe").arg(GREET))))
}

/// These system calls fail from now on, for this thread and all that it starts.
fn refuse(words: &mut Words<'_>) -> Outcome {
    let errno = words.number()?;
    let refused: Vec<_> = words.each().filter_map(sandbox::number_of).collect();
    sandbox::refuse(&refused, errno).map_err(misled)?;
    Ok(String::new())
}

pub(super) fn keep_mounts_here() -> Result<(), Failure> {
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(misled)
}

/// Becomes another user for good, as a login would, and lets processes of that user look into it.
fn become_user(words: &mut Words<'_>) -> Outcome {
    let id: u32 = words.number()?;
    let failed = |done: i32| if done == 0 { Ok(()) } else { Err(misled(std::io::Error::last_os_error())) };
    // SAFETY: an empty list; no thread but this one has credentials to keep in step.
    failed(unsafe { libc::setgroups(0, std::ptr::null()) })?;
    // SAFETY: as above.
    failed(unsafe { libc::setresgid(id, id, id) })?;
    // SAFETY: as above.
    failed(unsafe { libc::setresuid(id, id, id) })?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable).map_err(misled)?;
    end_with_parent(); // the kernel forgets it when the user changes
    Ok(String::new())
}

/// A tmpfs that only this process, and who joins it, can see. It goes with the last of them.
fn private_tmpfs(words: &mut Words<'_>) -> Outcome {
    let (path, options) = (words.next()?, words.next()?);
    // SAFETY: the mounts become this process's own; nothing else is unshared.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }.map_err(misled)?;
    keep_mounts_here()?;
    let options = std::ffi::CString::new(options).map_err(misled)?;
    rustix::mount::mount("tmpfs", path, "tmpfs", MountFlags::empty(), Some(&*options)).map_err(misled)?;
    Ok(String::new())
}

fn join_mounts(words: &mut Words<'_>) -> Outcome {
    let pid: u32 = words.number()?;
    let mounts = File::open(format!("/proc/{pid}/ns/mnt")).map_err(misled)?;
    rustix::thread::move_into_link_name_space(mounts.as_fd(), Some(LinkNameSpaceType::Mount))
        .map_err(misled)?;
    Ok(String::new())
}

thread_local! {
    static LOCKED: RefCell<Vec<File>> = const { RefCell::new(Vec::new()) };
}

fn lock(words: &mut Words<'_>) -> Outcome {
    let path = words.next()?;
    let how = match words.next()? {
        "sh" => FlockOperation::NonBlockingLockShared,
        _ => FlockOperation::NonBlockingLockExclusive,
    };
    let file = File::open(path).map_err(misled)?;
    rustix::fs::flock(&file, how).map_err(misled)?;
    LOCKED.with_borrow_mut(|locked| locked.push(file));
    Ok(String::new())
}

static EXIT_CODE: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_sigbus(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: `_exit` may be called in a signal handler.
    unsafe { libc::_exit(EXIT_CODE.load(Ordering::Relaxed)) };
}

/// An application's own handler, which ends the process with a code that the test knows.
fn catch_sigbus(words: &mut Words<'_>) -> Outcome {
    EXIT_CODE.store(words.number()?, Ordering::Relaxed);
    // SAFETY: all fields of this structure may be zero.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_sigbus;
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO;
    // SAFETY: the handler only ends the process.
    if unsafe { libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut()) } != 0 {
        return Err(misled(std::io::Error::last_os_error()));
    }
    Ok(String::new())
}
