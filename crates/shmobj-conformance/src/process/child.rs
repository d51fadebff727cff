//! The parent's end.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::{MARK, PANICKED, SAY, escaped, unescaped};
use crate::threads::{LONG, SHORT, until};

/// A process that plays a role. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    role: String,
    count: u32,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
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

/// Wine at times cannot start a process on a busy machine, and says so with `ERROR_INTERNAL_ERROR`, which no system means otherwise here.
const NOT_STARTED_BY_WINE: i32 = 1359;
/// How often a start is tried.
const TRIES: usize = 4;

impl Process {
    #[track_caller]
    pub(crate) fn start(
        section: &str,
        role: &str,
        directory: &Path,
        arguments: &[&str],
        more: impl FnOnce(&mut Command),
    ) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command.arg(MARK).arg(section).arg(role).arg(directory).args(arguments);
        more(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn();
        let mut tries = 1;
        while tries < TRIES
            && child.as_ref().is_err_and(|error| error.raw_os_error() == Some(NOT_STARTED_BY_WINE))
        {
            tries += 1;
            child = command.spawn();
        }
        let mut child = child.unwrap_or_else(|error| panic!("process {role:?} did not start: {error}"));
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        // So that waiting for a line can have a bound.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let (count, input) = (COUNT.fetch_add(1, Ordering::Relaxed), child.stdin.take());
        Self { role: role.to_owned(), count, child, input, lines }
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

    #[track_caller]
    fn ended(&mut self) -> Ending {
        let mut status = None;
        until(&format!("{self} ends"), || {
            status = self.child.try_wait().expect("a child can be waited for");
            status.is_some()
        });
        match status.expect("it has ended") {
            status if status.success() => Ending::Success,
            status if is_fault(status) => Ending::Fault,
            status => Ending::Other(status),
        }
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
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
