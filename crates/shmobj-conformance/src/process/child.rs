//! The parent's end.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use shmobj::{Job, Result};

use super::lifeline::Lifeline;
use super::started::Started;
use super::{MARK, PANICKED, SAY, escaped, unescaped};
use crate::threads::{LONG, SHORT, until};

/// A process that plays a role. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    role: String,
    count: u32,
    child: Started,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// What it starts is on it.
    lifeline: Option<Lifeline>,
}

/// How a process ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its role was over.
    Success,
    /// It touched memory that it may not touch, or that is not there.
    Fault,
    /// In some other way.
    Other(ExitStatus),
}

/// What starts this program as a role. The role's own arguments follow.
pub(super) fn command(section: &str, role: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.arg(MARK).arg(section).arg(role).arg(directory);
    command
}

impl Process {
    #[track_caller]
    pub(crate) fn start(
        section: &str,
        role: &str,
        directory: &Path,
        arguments: &[&str],
        more: impl FnOnce(&mut Command),
    ) -> Self {
        let mut command = command(section, role, directory);
        command.args(arguments);
        more(&mut command);
        Self::listen(role, None, &mut command, Started::child)
            .unwrap_or_else(|error| panic!("process {role:?} did not start: {error}"))
    }

    /// One that may start others, which outlive it, and end with the test at the latest.
    #[track_caller]
    pub(crate) fn start_parent(
        section: &str,
        role: &str,
        directory: &Path,
        more: impl FnOnce(&mut Command),
    ) -> Self {
        Self::parent(section, role, directory, more, Started::child)
            .unwrap_or_else(|error| panic!("process {role:?} did not start: {error}"))
    }

    /// The same, in a job.
    pub(crate) fn start_member(
        job: &Job,
        section: &str,
        role: &str,
        directory: &Path,
        more: impl FnOnce(&mut Command),
    ) -> Result<Self> {
        Self::parent(section, role, directory, more, |command| Started::member(job, command))
    }

    /// The same, outside of a job.
    pub(crate) fn start_outsider(job: &Job, section: &str, role: &str, directory: &Path) -> Result<Self> {
        Self::parent(section, role, directory, |_| (), |command| Started::outsider(job, command))
    }

    fn parent<E>(
        section: &str,
        role: &str,
        directory: &Path,
        more: impl FnOnce(&mut Command),
        start: impl FnOnce(&mut Command) -> Result<Started, E>,
    ) -> Result<Self, E> {
        let mut command = command(section, role, directory);
        let lifeline = Lifeline::new();
        lifeline.give(&mut command);
        more(&mut command);
        Self::listen(role, Some(lifeline), &mut command, start)
    }

    fn listen<E>(
        role: &str,
        lifeline: Option<Lifeline>,
        command: &mut Command,
        start: impl FnOnce(&mut Command) -> Result<Started, E>,
    ) -> Result<Self, E> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let mut child = start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let (input, output) = child.pipes();
        let (sender, lines) = channel();
        // So that waiting for a line can have a bound.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(io::Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { role: role.to_owned(), count, child, input: Some(input), lines, lifeline })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells it something, which it gets by `hear`.
    #[track_caller]
    pub(crate) fn tell(&mut self, text: &str) {
        let line = format!("{}\n", escaped(text));
        let input = self.input.as_mut().expect("its input is open until it is dropped");
        if let Err(error) = input.write_all(line.as_bytes()).and_then(|()| input.flush()) {
            let said = self.last_words();
            panic!("{self} cannot be told {text:?}: {error}{said}");
        }
    }

    /// The next thing that it says.
    #[track_caller]
    pub(crate) fn hear(&mut self) -> String {
        match self.heard_within(LONG) {
            Some(text) => text,
            None => panic!("{self} hangs: it says nothing within {LONG:?}"),
        }
    }

    /// The next thing that it says has to be this.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) {
        let heard = self.hear();
        assert_eq!(heard, text, "{self} was to say {text:?}");
    }

    /// It is told something and answers it.
    #[track_caller]
    pub(crate) fn ask(&mut self, text: &str) -> String {
        self.tell(text);
        self.hear()
    }

    #[track_caller]
    fn heard_within(&mut self, time: Duration) -> Option<String> {
        match self.lines.recv_timeout(time) {
            Ok(line) => match (line.strip_prefix(SAY), line.strip_prefix(PANICKED)) {
                (Some(text), _) => Some(unescaped(text)),
                (_, Some(message)) => panic!("{self} panicked: {}", unescaped(message)),
                _ => panic!("{self} printed {line:?}"),
            },
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => match self.ended() {
                Ending::Success => panic!("{self} has ended and said nothing"),
                ending => panic!("{self} has ended and said nothing: {ending}"),
            },
        }
    }

    /// What came of it, if it is one that runs a test: nothing, or a message.
    pub(crate) fn verdict(mut self) -> Result<(), String> {
        /// Several times what a test gives each of its own processes.
        const PATIENCE: Duration = LONG.saturating_mul(5);
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) if line.starts_with(SAY) => match self.ended() {
                Ending::Success => Ok(()),
                ending => Err(format!("it passed, and then its process did not end well: {ending}")),
            },
            Ok(line) => Err(unescaped(line.strip_prefix(PANICKED).unwrap_or(&line))),
            Err(RecvTimeoutError::Timeout) => Err(format!("it hangs: nothing within {PATIENCE:?}")),
            Err(RecvTimeoutError::Disconnected) => Err(format!("its process has ended: {}", self.ended())),
        }
    }

    /// SIGKILL, or `TerminateProcess`. When this returns the process is gone, with all that it had.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// It ends by itself because its role is over.
    #[track_caller]
    pub(crate) fn wait(mut self) {
        let ending = self.ended();
        if ending != Ending::Success {
            let said = self.last_words();
            panic!("{self} was to end well: {ending}{said}");
        }
    }

    /// It ends by itself because it touches memory that it may not touch.
    #[track_caller]
    pub(crate) fn faults(mut self) {
        let ending = self.ended();
        if ending != Ending::Fault {
            let said = self.last_words();
            panic!("{self} was to fault: {ending}{said}");
        }
    }

    /// Its exit code, when it has ended. A signal is none.
    #[track_caller]
    pub(crate) fn code(&mut self) -> Option<i32> {
        self.status().code()
    }

    /// Waits until it has ended, and leaves it at that: its number stays its own.
    #[track_caller]
    pub(crate) fn has_ended(&mut self) {
        if cfg!(target_os = "linux") {
            let stat = format!("/proc/{}/stat", self.pid());
            // A zombie without other threads, which can end after the first one.
            let is_over = |stat: &str| {
                let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
                fields.next() == Some("Z") && fields.nth(16) == Some("1")
            };
            until(&format!("{self} ends"), || {
                std::fs::read_to_string(&stat).is_ok_and(|stat| is_over(&stat))
            });
        } else {
            self.status();
        }
    }

    #[track_caller]
    fn ended(&mut self) -> Ending {
        match self.status() {
            status if status.success() => Ending::Success,
            status if is_fault(status) => Ending::Fault,
            status => Ending::Other(status),
        }
    }

    #[track_caller]
    fn status(&mut self) -> ExitStatus {
        let mut status = None;
        until(&format!("{self} ends"), || {
            status = self.child.try_wait().expect("a child can be waited for");
            status.is_some()
        });
        status.expect("it has ended")
    }

    /// What is left to read of what it printed.
    fn last_words(&self) -> String {
        let mut words = String::new();
        while let Ok(line) = self.lines.recv_timeout(SHORT) {
            let text = line.strip_prefix(SAY).or_else(|| line.strip_prefix(PANICKED)).unwrap_or(&line);
            words = format!("{words}; {}", unescaped(text));
        }
        words
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (process {})", self.role, self.count, self.child.id())
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("its role was over"),
            Self::Fault => f.write_str("it touched memory that it may not touch"),
            Self::Other(status) => write!(f, "{status}"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.end();
        if self.lifeline.take().is_none() {
            return;
        }
        // What it has started has its standard output, and nobody else.
        let gone = loop {
            match self.lines.recv_timeout(LONG) {
                Ok(_) => {}
                Err(error) => break error == RecvTimeoutError::Disconnected,
            }
        };
        assert!(gone || std::thread::panicking(), "what {self} has started does not end");
    }
}

/// SIGSEGV or SIGBUS.
#[cfg(unix)]
fn is_fault(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    const SIGBUS: i32 = 7;
    const SIGSEGV: i32 = 11;
    matches!(status.signal(), Some(SIGBUS | SIGSEGV))
}

/// An access violation, or a page that could not be read in.
#[cfg(windows)]
fn is_fault(status: ExitStatus) -> bool {
    const ACCESS_VIOLATION: u32 = 0xC000_0005;
    const IN_PAGE_ERROR: u32 = 0xC000_0006;
    status.code().is_some_and(|code| matches!(code as u32, ACCESS_VIOLATION | IN_PAGE_ERROR))
}
