//! Namespaces of one's own, and processes that do not outlive their test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub(crate) const SHMOBJ: &str = env!("CARGO_BIN_EXE_shmobj");

/// A namespace that goes with the test.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// On a file system that has access control lists for certain.
    pub(crate) fn in_memory() -> Self {
        Self { directory: tempfile::Builder::new().prefix("shmobj-test.").tempdir_in("/dev/shm").unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A path of a file that is no entry: below a directory of its own.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let files = self.path().join("files");
        std::fs::create_dir_all(&files).unwrap();
        files.join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SHMOBJ);
        command.arg("--dir").arg(self.path()).args(arguments).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What it prints when it succeeds.
    pub(crate) fn stdout(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        output.stdout
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_slice(&self.stdout(arguments)).unwrap()
    }

    /// The one line that it prints when it fails.
    pub(crate) fn error(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
        one_line(&output.stderr)
    }

    /// Writes into a mapping.
    pub(crate) fn write(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(&[&["write"], arguments].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Refused, it does not read to the end.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    /// A holder of a mapping that is there.
    pub(crate) fn hold(&self, arguments: &[&str]) -> Process {
        self.hold_a("mapping", arguments)
    }

    /// A holder of an object of this kind that is there.
    pub(crate) fn hold_a(&self, kind: &str, arguments: &[&str]) -> Process {
        let mut holder = piped(&mut self.command(&[&["hold", kind], arguments].concat()));
        let line = holder.line();
        assert!(line.starts_with("holding "), "{line}");
        holder.first_line = line;
        holder
    }

    /// What `stat` says about the state of an object.
    pub(crate) fn state(&self, name: &str) -> serde_json::Value {
        self.json(&["stat", name, "--json"])["state"].clone()
    }

    /// Returns when somebody waits for the object.
    pub(crate) fn until_waited_for(&self, name: &str) {
        until(|| self.json(&["stat", name, "--json"])["waited_for"] == true);
    }
}

/// Returns when it is so, and fails the test if that does not come.
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "it does not come to that");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process is gone, or only waits for its parent to look at its exit code.
pub(crate) fn has_ended(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    stat.rsplit(") ").next().is_some_and(|behind| behind.starts_with(['Z', 'X']))
}

/// Says loudly that a test did not run: past the test harness, which shows the words of a passed test to nobody.
pub(crate) fn skip(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}

/// Starts a process whose stdout is read.
pub(crate) fn piped(command: &mut Command) -> Process {
    started(command.stdout(Stdio::piped()))
}

/// Starts a process.
pub(crate) fn started(command: &mut Command) -> Process {
    let mut child = command.spawn().unwrap();
    let stdout = child.stdout.take().map(BufReader::new);
    Process { child, stdout, first_line: String::new() }
}

/// A process that is killed with its test.
pub(crate) struct Process {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    /// What a holder said when its object was there.
    pub(crate) first_line: String,
}

impl Process {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Everything that it says on stderr until it ends.
    pub(crate) fn stderr(&mut self) -> String {
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end, and fails the test if that does not come.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the process does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills it with SIGKILL, as at a crash.
    pub(crate) fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A message, which has to be one line of ours.
pub(crate) fn one_line(bytes: &[u8]) -> String {
    let message = text(bytes);
    assert!(message.ends_with('\n') && message.lines().count() == 1, "{message:?}");
    assert!(message.starts_with("shmobj: "), "{message:?}");
    message.trim_end().to_owned()
}

/// A shell that finds the program as `$SHMOBJ`.
pub(crate) fn shell(script: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).env("SHMOBJ", SHMOBJ).stdin(Stdio::null());
    command
}
