//! `shmobj run`: a command of which nothing is left when it ends.
//!
//! Each run has an unnamed job of its own, which nobody else can hold, and which ends with its last handle. So whenever this process
//! is killed, the kernel closes that handle, and all that was started ends; at every other end it terminates the job.
//!
//! A name is that of another job around it, which several runs can share without ending each other, and which others may
//! hold without keeping what a killed run has left. To be inside of both, the command is started by a member of the outer job: this
//! program once more ([`inside`]), which gets a handle to the inner job and has none any more when the command runs. It is not in
//! the inner job, so limits do not count it. Killed, it leaves the command to this process, which sees it end; stopped by a signal,
//! it would be left in the outer job by a SIGKILL of this process, and is ended with that job.

pub(super) mod inside;
mod process;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use shmobj::job::Limits;
use shmobj::{Grant, Job};

use super::limits::LimitArguments;
use super::{ENDING_WITH_COMMAND, TIMED_OUT, child};
use crate::signals::Signals;
use crate::{Place, duration, output, rights};
use process::{End, Process};

/// Runs a command in a job, and ends with its exit code when nothing is left of all that it started.
///
/// What the command started ends with it, also what has become a daemon: when the command ends, when its time is up (exit
/// code 124), when this process gets SIGINT (Ctrl-C), SIGTERM, SIGHUP or SIGQUIT (128 and the number of the signal), and when this process is
/// killed with SIGKILL. All are then killed at once; --grace lets the command end by itself first.
///
/// The command has this process's standard streams and its terminal. It gets --dir as SHMOBJ_DIR.
///
/// With --job, all of this is inside of a job that others find by its name: `shmobj stat` shows its processes, `shmobj kill`
/// ends them, and other runs can be in it as well. It is created if nobody holds it. The limits are this run's alone; those of
/// the job, for all that is in it, are given to `shmobj hold job`, and each run has one process more in it than it starts.
///
/// A command that went over a limit ends with the code that it has then: 128 and 9 if it was killed. When the job's processor time is
/// used up, it is 128 and 24 (SIGXCPU).
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Run it inside of the job of this name, which is created if nobody holds it.
    #[arg(long, value_name = "NAME", value_parser = super::name)]
    job: Option<String>,
    /// If the job NAME is created: end whatever is in it when the last one who holds it has let it go, or was killed. What this run
    /// starts ends with the run in any case.
    #[arg(long)]
    kill_on_close: bool,
    #[command(flatten)]
    limits: LimitArguments,
    /// How long the command may run: 90s, 10m. Then all is ended, with the exit code 124.
    #[arg(long, value_name = "TIME", value_parser = duration::parse_limit)]
    timeout: Option<Duration>,
    /// Before all are killed because the time is up or a signal came: send the command SIGTERM, or that signal, and give it this
    /// long to end by itself.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    grace: Option<Duration>,
    /// If the job NAME is created: who else may open it, in octal as of a file: 0660 lets the group use it.
    #[arg(long, value_parser = super::mode, default_value = "0600", requires = "job")]
    mode: u32,
    /// If the job NAME is created: who else may open it, as for `shmobj hold job`.
    #[arg(long, value_name = "WHO:RIGHTS", value_parser = rights::job_grant, requires = "job")]
    allow: Vec<Grant>,
    /// The command, and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What jobs end with whose processor time is used up (`ERROR_NOT_ENOUGH_QUOTA`), as far as a process can say it.
const OVER_CPU_TIME: u8 = (1816 % 256) as u8;

impl Run {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let Some(mut command) = child::command(place, &self.command)? else { return Ok(ExitCode::SUCCESS) };
        let signals = Signals::catch(&ENDING_WITH_COMMAND)?;
        let limits = self.limits.limits().kill_on_close(true);
        let job = Job::options().namespace(&place.namespace).limits(limits).create_unnamed()?;
        let outer = self.outer(place)?;
        if let Some(caught) = signals.next() {
            // It came before there was a command to end.
            return Ok(child::code_of_signal(caught.signal).into());
        }
        // Who is in the outer job is so with all that it starts.
        let outside =
            outer.as_ref().map(|outer| outer.contains(std::process::id()).map(|is_in| !is_in)).transpose()?;
        let started = match outer.as_ref().filter(|_| outside == Some(true)) {
            Some(outer) => Process::start(outer, &mut inside::command(place, &self.command, &job)?),
            None => Process::start(&job, &mut command),
        };
        let mut process = match started {
            Ok(process) => process,
            Err(error) => return process::cannot_start(&command, error),
        };
        let code = self.wait(&mut process, &signals);
        // If that fails, the job is closed by this process's end, and ends what is left.
        job.terminate(code.as_ref().map_or(1, |&code| code.into()))?;
        process.end()?;
        let code = code?;
        self.over_limit(&job, code, &limits)
    }

    /// The job that others know.
    fn outer(&self, place: &Place) -> anyhow::Result<Option<Job>> {
        let Some(name) = &self.job else { return Ok(None) };
        let options = Job::options().namespace(&place.namespace);
        let options = options.security(rights::security(self.mode, &self.allow));
        let job = options.kill_on_close(self.kill_on_close).create(name)?;
        if job.existed() && self.kill_on_close && !job.limits()?.kill_on_close {
            output::message(&format!("{name:?} exists, and is kept when it is closed"));
        }
        Ok(Some(job))
    }

    /// Waits until the command ends, or is to be ended. Returns the exit code.
    fn wait(&self, process: &mut Process, signals: &Signals) -> anyhow::Result<u8> {
        let deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let (code, signal) = match process.wait(signals, deadline)? {
            End::Ended(status) => return Ok(child::code(status)),
            // A key of the terminal has reached the command as well.
            End::Signal(caught) => {
                (child::code_of_signal(caught.signal), caught.by_process.then_some(caught.signal))
            }
            End::TimedOut => (TIMED_OUT, Some(libc::SIGTERM)),
        };
        if let Some(grace) = self.grace.filter(|grace| !grace.is_zero()) {
            signal.into_iter().for_each(|signal| process.signal(signal));
            // A second signal ends it at once.
            process.wait(signals, Instant::now().checked_add(grace))?;
        }
        Ok(code)
    }

    /// Says so if a limit has ended something, and makes the exit code tell it.
    fn over_limit(&self, job: &Job, code: u8, limits: &Limits) -> anyhow::Result<ExitCode> {
        let usage = job.usage()?;
        let used = usage.user_time.saturating_add(usage.system_time);
        if let Some(limit) = limits.cpu_time.filter(|limit| code == OVER_CPU_TIME && used >= *limit) {
            output::message(&format!("the processor time of {} is used up", duration::exact(limit)));
            return Ok(child::code_of_signal(libc::SIGXCPU).into());
        }
        match usage.terminated_processes {
            0 => {}
            1 => output::message("a limit has ended a process"),
            ended => output::message(&format!("limits have ended {ended} processes")),
        }
        Ok(code.into())
    }
}
