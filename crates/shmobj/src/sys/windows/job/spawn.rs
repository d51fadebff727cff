//! Processes that are started in a job, or outside of it.
//!
//! The standard library can neither name a job when it starts a process (`PROC_THREAD_ATTRIBUTE_JOB_LIST`) nor tell which flags a command
//! already has, so the process is made suspended, put into the job, and then let go. Killed between the first and the last of
//! these, this process leaves one behind that never runs an instruction; it may not be in the job yet.

use std::os::windows::io::{AsHandle, AsRawHandle};
use std::os::windows::process::CommandExt;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};

use windows_sys::Win32::System::JobObjects::AssignProcessToJobObject;
use windows_sys::Win32::System::Threading::{CREATE_BREAKAWAY_FROM_JOB, CREATE_SUSPENDED};

use super::done;
use super::processes::{is_in, refused};
use crate::error::{Attempt, ErrorKind, Result};
use crate::sys::windows::handle::current_process;
use crate::sys::windows::nt;
use crate::sys::windows::sync::Synchronizer;

pub(crate) type Pipes = (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>);

/// A process that was started here. Its number stays its own as long as this lives: it has a handle.
#[derive(Debug)]
pub(crate) struct Child(std::process::Child);

impl Child {
    fn new(mut child: std::process::Child) -> (Self, Pipes) {
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        (Self(child), pipes)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        self.0.wait().map_err(|error| trying("wait for").fails_by(error, "waiting"))
    }

    pub(crate) fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        self.0.try_wait().map_err(|error| trying("wait for").fails_by(error, "looking whether it has ended"))
    }

    pub(crate) fn kill(&mut self) -> Result<()> {
        self.0.kill().map_err(|error| trying("end").fails_by(error, "ending it"))
    }
}

fn trying(verb: &'static str) -> Attempt<'static> {
    Attempt { verb, subject: "the process", name: "" }
}

pub(crate) fn spawn(
    job: &Synchronizer,
    attempt: &Attempt<'_>,
    command: &mut Command,
) -> Result<(Child, Pipes)> {
    spawn_with_flags(job, attempt, command, 0)
}

pub(crate) fn spawn_with_flags(
    job: &Synchronizer,
    attempt: &Attempt<'_>,
    command: &mut Command,
    flags: u32,
) -> Result<(Child, Pipes)> {
    let child = start(attempt, command, flags | CREATE_SUSPENDED)?;
    let (raw, process) = (job.handle().as_raw_handle(), child.as_raw_handle());
    // SAFETY: both handles are open.
    let put = done(unsafe { AssignProcessToJobObject(raw, process) });
    let_go(attempt, child, put.map_err(|code| refused(attempt, "putting the new process into it", code)))
}

/// The jobs that this process is in decide, from the innermost one: the way out ends at the first that does not permit it (JC-3). So what matters
/// is where the new process has come to. Who is not in the job has no way to go (JC-5), and is not to be kept in by other jobs.
pub(crate) fn spawn_breakaway(
    job: &Synchronizer,
    attempt: &Attempt<'_>,
    command: &mut Command,
) -> Result<(Child, Pipes)> {
    let denied = || {
        attempt
            .fails(
                ErrorKind::AccessDenied,
                "it, or a job inside of it, does not permit its processes to start others outside",
            ) // JC-2
            .with_remedy("create it with `breakaway`")
    };
    let asking = |code| attempt.os("asking who is in it", code);
    let breakaway =
        if is_in(current_process(), job).map_err(asking)? { CREATE_BREAKAWAY_FROM_JOB } else { 0 };
    let child = start(attempt, command, breakaway | CREATE_SUSPENDED).map_err(|error| {
        if breakaway != 0 && error.kind() == ErrorKind::AccessDenied { denied() } else { error }
    })?;
    let is_outside = match is_in(child.as_handle(), job) {
        Ok(false) => Ok(()),
        Ok(true) => Err(denied()),
        Err(code) => Err(asking(code)),
    };
    let_go(attempt, child, is_outside)
}

/// Lets a suspended process go, or ends it if something is the matter.
fn let_go(
    attempt: &Attempt<'_>,
    mut child: std::process::Child,
    so_far: Result<()>,
) -> Result<(Child, Pipes)> {
    let resume =
        || nt::resume(child.as_handle()).map_err(|code| attempt.os("letting the new process go", code));
    match so_far.and_then(|()| resume()) {
        Ok(()) => Ok(Child::new(child)),
        Err(error) => {
            let _ = child.kill(); // the kernel may have ended it already (JA-11)
            let _ = child.wait();
            Err(error)
        }
    }
}

/// Starts a process with these flags instead of the command's own, which the standard library does not tell. The command has none after it.
fn start(attempt: &Attempt<'_>, command: &mut Command, flags: u32) -> Result<std::process::Child> {
    let child = command.creation_flags(flags).spawn();
    command.creation_flags(0);
    child.map_err(|error| attempt.fails_by(error, "starting the process"))
}
