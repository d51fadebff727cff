//! A process that was started in a job.

use std::io::Read;
use std::process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus, Output};

use crate::error::Result;
use crate::sys::job as sys;

/// A process that was started in a job: what [`std::process::Child`] is for others. Dropping it leaves the process running, and on Linux leaves no
/// zombie.
#[derive(Debug)]
pub struct Child {
    /// The other end of its standard input, if that is a pipe.
    pub stdin: Option<ChildStdin>,
    /// The other end of its standard output, if that is a pipe.
    pub stdout: Option<ChildStdout>,
    /// The other end of its standard error, if that is a pipe.
    pub stderr: Option<ChildStderr>,
    inner: sys::Child,
}

impl Child {
    pub(super) fn new(inner: sys::Child, pipes: sys::Pipes) -> Self {
        let (stdin, stdout, stderr) = pipes;
        Self { stdin, stdout, stderr, inner }
    }

    /// Its number (`GetProcessId`).
    #[must_use]
    pub fn id(&self) -> u32 {
        self.inner.id()
    }

    /// Waits until it ends. Closes its standard input first, if that is a pipe.
    ///
    /// A process that [`Job::terminate`](super::Job::terminate) ended has exited with that code, of which Linux keeps the low 8 bits.
    ///
    /// # Errors
    /// [`Unreachable`](crate::ErrorKind::Unreachable): on Linux, its guardians were killed, and nobody knows how it ended.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        drop(self.stdin.take());
        self.inner.wait()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// Those of [`wait`](Self::wait).
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        self.inner.try_wait()
    }

    /// Waits until it ends, and collects what it writes meanwhile to those streams that are pipes.
    ///
    /// # Errors
    /// Those of [`wait`](Self::wait), and of reading.
    pub fn wait_with_output(mut self) -> Result<Output> {
        drop(self.stdin.take());
        let (out, err) = (self.stdout.take(), self.stderr.take());
        let errors = std::thread::spawn(move || collect(err));
        let stdout = collect(out);
        let stderr = errors.join().unwrap_or_default();
        Ok(Output { status: self.inner.wait()?, stdout, stderr })
    }

    /// Ends this process alone, at once (SIGKILL; on Windows `TerminateProcess` with the code 1). Those that it has started go on, in the job.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): it runs as another user.
    pub fn kill(&mut self) -> Result<()> {
        self.inner.kill()
    }
}

/// What comes before the end, or before an error, which ends it as well.
fn collect(stream: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        let _ = stream.read_to_end(&mut bytes);
    }
    bytes
}
