//! Namespaces of a test's own, and programs that do not outlive their test.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Far longer than anything here takes. What does not come until then never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A namespace that goes with the test, and a directory for temporary files.
pub(crate) struct Place {
    names: TempDir,
    files: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        // Names are files on Linux, and belong into memory.
        let mut builder = tempfile::Builder::new();
        builder.prefix("shmobj-examples."); // tells whose it is, should it stay
        let names =
            if cfg!(target_os = "linux") { builder.tempdir_in("/dev/shm") } else { builder.tempdir() };
        Self { names: names.unwrap(), files: builder.tempdir().unwrap() }
    }

    /// Starts a program.
    pub(crate) fn start(&self, program: &str, arguments: &[&str]) -> Program {
        let mut command = Command::new(program);
        command.args(arguments).env("SHMOBJ_DIR", self.names.path());
        // What `temp_dir` asks for, on Unix and on Windows.
        for variable in ["TMPDIR", "TMP", "TEMP"] {
            command.env(variable, self.files.path());
        }
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        let (complained, complaints) = channel();
        let mut stderr = child.stderr.take().unwrap();
        thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            complained.send(text)
        });
        Program { child, lines, complaints }
    }

    /// Runs a program to its end, and returns what it and all its processes have printed.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Vec<String> {
        self.start(program, arguments).succeeds()
    }

    /// Fails the test if a program has left a name or a file behind. On Windows names are no files, so there this sees only the
    /// files.
    #[track_caller]
    pub(crate) fn assert_empty(&self) {
        for directory in [&self.names, &self.files] {
            let left: Vec<_> =
                fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }
}

/// A program that is killed with its test. The processes that it has started see that, and end.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    complaints: Receiver<String>,
}

impl Program {
    /// The next line that it prints.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("another line")
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// All further lines, until no process of this program is left that could print: the pipe has its end when the last of
    /// them has ended.
    #[track_caller]
    pub(crate) fn rest(&self) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("a process does not end; until now: {lines:#?}")
                }
                Err(RecvTimeoutError::Disconnected) => return lines,
            }
        }
    }

    /// What it complains of, when it and all its processes have ended.
    #[track_caller]
    pub(crate) fn complaints(&self) -> String {
        self.complaints.recv_timeout(PATIENCE).expect("an end")
    }

    /// Its further lines, if it and all its processes end well.
    #[track_caller]
    pub(crate) fn succeeds(mut self) -> Vec<String> {
        let (lines, complaints) = (self.rest(), self.complaints());
        assert_eq!((self.status().success(), &complaints[..]), (true, ""), "{lines:#?}");
        lines
    }

    /// What it complains of, if it ends with an error and prints nothing.
    #[track_caller]
    pub(crate) fn fails(mut self) -> String {
        let (lines, complaints) = (self.rest(), self.complaints());
        assert_eq!((self.status().code(), lines.len()), (Some(1), 0), "{lines:#?} {complaints}");
        complaints
    }

    /// How it has ended. Its output has come to its end, so it does at once.
    fn status(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
