//! A process that tries to get out of its job: `puppet escape TRICK DIRECTORY [NUMBER]`.
//!
//! Each process that is where the trick leads makes a file `ready.<its number>` in the directory, and stays. A trick that the system does
//! not permit here makes a file `unable.<number>`. Nobody stays for longer than [`LONGEST`].
#![allow(unsafe_code)] // fork, and all that a process can do to itself

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};
use rustix::thread::UnshareFlags;

/// Longer than any test.
const LONGEST: Duration = Duration::from_secs(120);
/// A bomb goes out by itself.
const FUSE: Duration = Duration::from_secs(20);

/// The first argument of a process that is to escape.
pub(super) const ESCAPE: &str = "escape";

/// Where it reports to.
struct Reports(OwnedFd);

impl Reports {
    fn to(path: &str) -> Self {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self(rustix::fs::open(path, flags, Mode::empty()).expect("the directory of the reports"))
    }

    fn write(&self, what: &str, number: u32) {
        let (flags, mode) = (OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC, Mode::from_raw_mode(0o644));
        let _ = rustix::fs::openat(&self.0, format!("{what}.{number}"), flags, mode);
    }

    fn ready(&self) {
        self.write("ready", own_number());
    }

    fn unable(&self) -> ! {
        self.write("unable", own_number());
        end()
    }

    fn stays(&self) -> ! {
        self.ready();
        stay()
    }

    /// Waits for the test's word.
    fn await_go(&self) {
        let since = Instant::now();
        while rustix::fs::statat(&self.0, "go", rustix::fs::AtFlags::empty()).is_err() {
            if since.elapsed() > LONGEST {
                end();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Its number for those who are in the PID namespace of the /proc that is mounted.
fn own_number() -> u32 {
    let link = std::fs::read_link("/proc/self").ok();
    link.and_then(|link| link.to_str()?.parse().ok()).unwrap_or_else(std::process::id)
}

fn stay() -> ! {
    let since = Instant::now();
    while since.elapsed() < LONGEST {
        std::thread::sleep(Duration::from_secs(1));
    }
    end()
}

fn end() -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(0) }
}

/// Whether this is the child.
fn forked() -> bool {
    // SAFETY: this process has one thread.
    unsafe { libc::fork() == 0 }
}

/// Becomes a process whose parent is gone, in a session of its own. The one that calls this goes on as well, and gets false.
fn detached() -> bool {
    if !forked() {
        return false;
    }
    // SAFETY: takes nothing.
    unsafe { libc::setsid() };
    if !forked() {
        end();
    }
    true
}

fn prctl(option: i32, value: libc::c_ulong) {
    // SAFETY: options that take a number.
    unsafe { libc::prctl(option, value, 0, 0, 0) };
}

fn is_called(name: &str) {
    let _ = rustix::thread::set_name(&CString::new(name).expect("no zero byte"));
}

fn close_all() {
    // SAFETY: nothing is used any more that has a descriptor.
    unsafe { libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0) };
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid as i32) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

fn parent_of(pid: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().nth(1).and_then(|parent| parent.parse().ok()).unwrap_or(0)
}

/// Does the trick, if this process was started for that.
pub(super) fn was_attempted() -> bool {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [first, trick, directory, rest @ ..] = &words[..] else { return false };
    if first != ESCAPE {
        return false;
    }
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    attempt(trick, directory, &rest, &Reports::to(directory))
}

fn attempt(trick: &str, directory: &str, rest: &[&str], reports: &Reports) -> ! {
    match trick {
        "none" => {}
        "double-fork" => {
            if !detached() {
                end();
            }
        }
        // The parent lives, and so does the one that has left it.
        "two" => {
            let _ = detached();
        }
        "close" => {
            if detached() {
                reports.ready();
                close_all();
                stay();
            }
            end();
        }
        "exec" => {
            if !detached() {
                end();
            }
            let own = std::env::current_exe().expect("its own program");
            let _ = Command::new(own).args([ESCAPE, "none", directory]).env_clear().exec();
        }
        "deaf" => {
            for number in 1..=64 {
                // SAFETY: ignoring a signal runs no code of ours.
                unsafe { libc::signal(number, libc::SIG_IGN) };
            }
            let _ = detached();
        }
        "pid-namespace" => {
            // SAFETY: only children are born into the new namespace.
            if unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWPID) }.is_err() {
                reports.unable();
            }
            if !forked() {
                end();
            }
            let _ = detached();
        }
        "reaper" => {
            prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
            let _ = detached();
        }
        "no-death-signal" => prctl(libc::PR_SET_PDEATHSIG, 0),
        "stop" => {
            let _ = detached();
            reports.ready();
            signal(std::process::id(), Signal::STOP);
            stay();
        }
        "chroot" => {
            if rustix::process::chroot(directory).is_err() {
                reports.unable();
            }
            let _ = detached();
            reports.write("ready", std::process::id()); // there is no /proc any more
            stay();
        }
        "other-user" => {
            // SAFETY: this process has one thread.
            if unsafe { libc::setresuid(65534, 65534, 65534) } != 0 {
                reports.unable();
            }
            let _ = detached();
        }
        // Into another control group.
        "move" => {
            let to = rest.first().copied().unwrap_or_default();
            if std::fs::write(format!("{to}/cgroup.procs"), "0").is_err() {
                reports.unable();
            }
            let _ = detached();
        }
        "guardian" => {
            is_called("shmobj-guardian");
            let _ = detached();
        }
        "outside" => {
            is_called("shmobj-outside");
            let _ = detached();
        }
        "murder" => murder(rest, reports),
        "bomb" => bomb(rest, reports),
        "hop" => hop(rest, reports),
        // Its daemon goes on, without the descriptors.
        "talk" => {
            if detached() {
                reports.ready();
                close_all();
                stay();
            }
            let _ = rustix::io::write(rustix::stdio::stdout(), b"said\n");
            end();
        }
        // A process of its own that ends with the code.
        "end" => {
            let code = rest.first().and_then(|code| code.parse().ok()).unwrap_or(0);
            // SAFETY: ends the process.
            unsafe { libc::_exit(code) }
        }
        _ => reports.unable(),
    }
    reports.stays()
}

/// One that was left by all kills the guardians; two others only stay. All of them report.
fn murder(rest: &[&str], reports: &Reports) {
    let is_murderer = detached();
    if !is_murderer {
        for _ in 0..2 {
            if detached() {
                return;
            }
        }
        return;
    }
    // Its parent is the lower guardian as soon as the one between has ended.
    let lower = || Some(parent_of(std::process::id())).filter(|&pid| is_guardian(pid));
    let since = Instant::now();
    while lower().is_none() && since.elapsed() < FUSE {
        std::thread::sleep(Duration::from_millis(1));
    }
    let Some(lower) = lower() else { reports.unable() };
    let upper = parent_of(lower);
    reports.ready();
    reports.await_go();
    let both = [upper, lower];
    let victims = match rest.first().copied() {
        Some("upper") => &both[..1],
        Some("lower") => &both[1..],
        // None of them is to notice the other's end.
        _ => {
            both.iter().for_each(|&pid| signal(pid, Signal::STOP));
            &both[..]
        }
    };
    victims.iter().for_each(|&pid| signal(pid, Signal::KILL));
    stay()
}

fn is_guardian(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "shmobj-guardian")
}

/// A number that all processes of a bomb share.
fn shared_number() -> &'static AtomicU32 {
    // SAFETY: a new mapping at an address that the kernel chooses touches no existing memory.
    let memory = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    assert_ne!(memory, libc::MAP_FAILED, "memory for a number");
    // SAFETY: mapped just now, zero, and never unmapped.
    unsafe { &*memory.cast::<AtomicU32>() }
}

/// Doubles until there were so many in all; then all stay.
fn bomb(rest: &[&str], reports: &Reports) {
    let total: u32 = rest.first().and_then(|total| total.parse().ok()).unwrap_or(1);
    let (count, since) = (shared_number(), Instant::now());
    reports.ready();
    while since.elapsed() < FUSE && count.fetch_add(1, Ordering::SeqCst) < total {
        // SAFETY: this process has one thread.
        if unsafe { libc::fork() } == -1 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    stay()
}

/// Goes on as another process all the time, so that each number is out of date when somebody has read it.
fn hop(rest: &[&str], reports: &Reports) {
    let total: u32 = rest.first().and_then(|total| total.parse().ok()).unwrap_or(1);
    let (mut count, since) = (0, Instant::now());
    reports.ready();
    while since.elapsed() < FUSE && count < total {
        // SAFETY: this process has one thread.
        match unsafe { libc::fork() } {
            0 => count += 1,
            -1 => std::thread::sleep(Duration::from_millis(1)),
            _ => end(),
        }
    }
    reports.write("arrived", own_number());
    stay()
}
