//! One player: a process that is told what to do, and has so long to answer.
#![allow(unsafe_code)] // what has to happen between fork and exec

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, set_parent_process_death_signal};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::tidy;
use crate::protocol::Request;

/// See the module's documentation. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    says: ChildStdout,
    /// What it said after the last line that was asked for.
    rest: Vec<u8>,
    group: Pid,
}

/// Why a player gave no answer.
fn silent(reason: impl Into<String>) -> io::Error {
    io::Error::other(reason.into())
}

impl Process {
    /// Starts it on a core, as the leader of a process group.
    pub(super) fn start(
        command: &[OsString],
        environment: &[(&str, OsString)],
        core: usize,
    ) -> io::Result<Self> {
        let mut cores = CpuSet::new();
        cores.set(core);
        let mut start = Command::new(&command[0]);
        start.args(&command[1..]).envs(environment.iter().map(|(name, value)| (name, value)));
        start.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let before_exec = move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            sched_setaffinity(None, &cores)?;
            Ok(())
        };
        // SAFETY: two system calls, which a child of fork may make.
        unsafe { start.pre_exec(before_exec) };
        let mut child = start.spawn()?;
        let says = child.stdout.take().expect("it was asked for");
        let group = Pid::from_child(&child);
        tidy::started(group);
        Ok(Self { child, says, rest: Vec::new(), group })
    }

    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it something.
    pub(super) fn tell(&mut self, request: Request) -> io::Result<()> {
        writeln!(self.child.stdin.as_mut().expect("it was asked for"), "{request}")
    }

    /// Its next line.
    pub(super) fn hear(&mut self, limit: Duration) -> io::Result<String> {
        let due = Instant::now() + limit;
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim().to_owned());
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(silent(format!("it said nothing for {} s", limit.as_secs())));
            }
            let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
            let mut input = [PollFd::new(&self.says, PollFlags::IN)];
            match poll(&mut input, Some(&left)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            let mut bytes = [0; 1 << 16];
            match self.says.read(&mut bytes)? {
                0 => return Err(silent(self.fate())),
                count => self.rest.extend_from_slice(&bytes[..count]),
            }
        }
    }

    /// How it ended, when it has closed its output.
    fn fate(&mut self) -> String {
        for _ in 0..100 {
            if let Ok(Some(status)) = self.child.try_wait() {
                return format!("it ended: {status}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        "it closed its output".into()
    }

    /// Kills it, and what it started, at once.
    pub(super) fn kill(&mut self) {
        tidy::kill(self.group);
    }

    /// Lets it tidy up.
    pub(super) fn end(mut self, limit: Duration) {
        if self.tell(Request::End).is_ok() {
            let _ = self.hear(limit);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}
