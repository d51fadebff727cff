//! Signals as something to wait for: the handlers only write to a pipe.
//!
//! `unsafe` is here because a handler may do nothing that is not async-signal-safe, which the compiler cannot check.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use shmobj::Event;
use signal_hook_registry::register_sigaction;

/// Signals that have been caught and not yet been looked at.
#[derive(Debug)]
pub(crate) struct Signals {
    pipe: OwnedFd,
    writer: Arc<OwnedFd>,
}

/// A signal that was caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caught {
    pub(crate) signal: i32,
    /// A process sent it to this one. Otherwise the kernel did: a key of the terminal, which reaches the whole
    /// foreground group, or the end of a child.
    pub(crate) by_process: bool,
}

impl Signals {
    /// Catches these signals from now on, except those that whoever started us wants ignored (`nohup`). The end of a
    /// child is caught all the same: ignored, its exit code would be lost.
    pub(crate) fn catch(signals: &[i32]) -> io::Result<Self> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let caught = Self { pipe: reader, writer: Arc::new(writer) };
        caught.catch_also(signals)?;
        Ok(caught)
    }

    /// Catches these as well.
    pub(crate) fn catch_also(&self, signals: &[i32]) -> io::Result<()> {
        let ignored = ignored_signals();
        let wanted = |signal: i32| signal == libc::SIGCHLD || ignored & 1 << (signal - 1) == 0;
        for &signal in signals.iter().filter(|&&signal| wanted(signal)) {
            let writer = self.writer.clone();
            let tell = move |info: &libc::siginfo_t| {
                let by_process = u8::from(info.si_code <= 0);
                // A full pipe has enough to wake the reader.
                let _ = rustix::io::write(&*writer, &[signal as u8, by_process]);
            };
            // SAFETY: the action makes one system call, allocates nothing, takes no lock, cannot panic, and leaves
            // errno alone: rustix calls the kernel directly.
            unsafe { register_sigaction(signal, tell)? };
        }
        Ok(())
    }

    /// An event that is set when there is a signal to look at, for waits that take no descriptors.
    pub(crate) fn bell(&self) -> anyhow::Result<Arc<Event>> {
        let bell = Arc::new(Event::options().create_unnamed()?);
        let (ours, pipe) = (bell.clone(), self.pipe.try_clone()?);
        // It sleeps until a signal comes or the process ends.
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            let mut pipe = [PollFd::new(&pipe, PollFlags::IN)];
            while matches!(poll(&mut pipe, None), Err(Errno::INTR)) {}
            let _ = ours.set();
        })?;
        Ok(bell)
    }

    /// The next signal, if one was caught.
    pub(crate) fn next(&self) -> Option<Caught> {
        let mut caught = [0; 2];
        match rustix::io::read(&self.pipe, &mut caught) {
            Ok(2) => Some(Caught { signal: i32::from(caught[0]), by_process: caught[1] != 0 }),
            _ => None,
        }
    }

    /// Waits for a signal.
    pub(crate) fn wait(&self) -> io::Result<Caught> {
        loop {
            if let Some(caught) = self.next() {
                return Ok(caught);
            }
            self.wait_with(None, None)?;
        }
    }

    /// Waits until there is a signal, or something to read from another descriptor, or the time is up. Returns whether
    /// the other descriptor is ready.
    pub(crate) fn wait_with(
        &self,
        other: Option<BorrowedFd<'_>>,
        time: Option<Duration>,
    ) -> io::Result<bool> {
        let other = other.unwrap_or(self.pipe.as_fd());
        let mut both =
            [PollFd::new(&self.pipe, PollFlags::IN), PollFd::from_borrowed_fd(other, PollFlags::IN)];
        let time = time.and_then(|time| Timespec::try_from(time).ok());
        match poll(&mut both, time.as_ref()) {
            Ok(_) => Ok(!both[1].revents().is_empty()),
            // By a signal, whose handler has written to the pipe.
            Err(Errno::INTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// The signals that this process was started to ignore, a bit for each.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use shmobj::Timeout;

    use super::*;

    #[test]
    fn a_caught_signal_says_who_sent_it() {
        let signals = Signals::catch(&[libc::SIGUSR1]).unwrap();
        assert_eq!(signals.next(), None);
        let bell = signals.bell().unwrap();
        assert!(!bell.wait(Timeout::NOW).unwrap());
        let me = rustix::process::getpid();
        rustix::process::kill_process(me, rustix::process::Signal::USR1).unwrap();
        assert!(bell.wait(Timeout::NEVER).unwrap(), "the signal stays to be looked at");
        assert_eq!(signals.wait().unwrap(), Caught { signal: libc::SIGUSR1, by_process: true });
        assert_eq!(signals.next(), None);
    }
}
