//! Jobs: sets of processes that are ended, limited and accounted as one.

mod child;
mod limits;
#[cfg(target_os = "linux")]
mod mechanism;
mod notification;
mod options;
mod usage;

use std::process::Command;

pub use child::Child;
pub use limits::{Breakaway, Limits};
#[cfg(target_os = "linux")]
pub use mechanism::Mechanism;
pub use notification::{Limit, Notification, Notifications};
pub use options::JobOptions;
pub use usage::Usage;

use crate::access::Access;
use crate::error::Result;
use crate::handle::{Handle, synchronization_object};
use crate::kind::Kind;
use crate::sys::job as sys;
use crate::timeout::Timeout;
use crate::wait;

/// A handle to a job: a set of processes that is ended, limited and accounted as one. It mirrors [Job
/// Objects](https://learn.microsoft.com/windows/win32/procthread/job-objects).
///
/// What a process of a job starts is in the job, however it tries to get out, and stays there until it ends. With
/// [`kill_on_close`](JobOptions::kill_on_close), all end when the last handle to the job goes, also when everybody who had one was killed.
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let namespace = shmobj::Namespace::at(directory.path());
/// use shmobj::Job;
/// use std::process::Command;
///
/// let job = Job::options().namespace(&namespace).kill_on_close(true).max_processes(64).create("build-42")?;
/// # #[cfg(unix)]
/// let mut child = job.spawn(Command::new("sh").args(["-c", "sleep 60 & sleep 60"]))?;
/// # #[cfg(windows)]
/// # let mut child = job.spawn(Command::new("cmd").args(["/c", "ping -n 60 127.0.0.1 > nul"]))?;
/// assert!(job.contains(child.id())?);
/// job.terminate(3)?;
/// assert_eq!(child.wait()?.code(), Some(3));
/// assert_eq!(job.usage()?.active_processes, 0);
/// # Ok(()) }
/// ```
///
/// # Signalled
/// A job is signalled when [`terminate`](Self::terminate), or its limit of processor time, has ended its processes, and stays so. It is *not* when they end by
/// themselves (JT-5): [`notifications`](Self::notifications) tell that.
///
/// # Crashes
/// Who holds the job can be killed at any instruction; the processes then go on, or end with the last handle. On Linux the library keeps two
/// small *guardian* processes for each process that was started in the job, or assigned to it, as long as something of it runs; if one of
/// them is killed, the other one ends what they guard.
#[doc(alias = "CreateJobObject")]
pub struct Job(Handle);

synchronization_object!(Job, JobOptions, Kind::Job, "job", create: "CreateJobObject", open: "OpenJobObject");

impl Job {
    /// Options for creating one, or for opening one in a namespace of one's own.
    pub fn options<'a>() -> JobOptions<'a> {
        JobOptions::default()
    }

    /// Starts a process in the job. It is inside from its first instruction, and so is all that it starts.
    ///
    /// The handle that is spawned through need not be kept; [`kill_on_close`](JobOptions::kill_on_close) is about all handles. If this process is in a job itself, this job
    /// becomes one inside of that, with all consequences (JA-3).
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`ASSIGN`](Access::ASSIGN), or the job has processes outside of the job that this process is in (JA-5).
    /// [`Quota`](crate::ErrorKind::Quota): the job has as many processes as it may have.
    /// [`NotFound`](crate::ErrorKind::NotFound): there is no such program. And what else the system says about starting it.
    ///
    /// # Crashes
    /// Killed before the process runs: it never does; on Windows it may be left as a process that stands still, and not be in the job. After that it
    /// runs, in the job.
    #[doc(alias = "CreateProcess")]
    pub fn spawn(&self, command: &mut Command) -> Result<Child> {
        self.0.require(Access::ASSIGN, "start a process in")?;
        let (child, pipes) = sys::spawn(&self.0.object, &self.0.attempt("start a process in"), command)?;
        Ok(Child::new(child, pipes))
    }

    /// [`spawn`](Self::spawn) with flags such as `CREATE_NO_WINDOW` or `CREATE_NEW_PROCESS_GROUP`. Give them here: `spawn` needs flags of its own, the standard
    /// library does not tell which ones a command has, and what was set with
    /// [`creation_flags`](std::os::windows::process::CommandExt::creation_flags) is lost. The process runs when this returns, also with `CREATE_SUSPENDED`.
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn).
    #[cfg(windows)]
    pub fn spawn_with_flags(&self, command: &mut Command, flags: u32) -> Result<Child> {
        self.0.require(Access::ASSIGN, "start a process in")?;
        let attempt = self.0.attempt("start a process in");
        let (child, pipes) = sys::spawn_with_flags(&self.0.object, &attempt, command, flags)?;
        Ok(Child::new(child, pipes))
    }

    /// Starts a process outside of the job, and outside of the jobs around it as far as they permit it, although this process is in it.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the job, or one inside of it that this process is in, does not permit it (JC-2): it has not
    /// [`Breakaway::Allowed`] or [`Breakaway::Silent`]; or the handle has not the right [`QUERY`](Access::QUERY).
    #[doc(alias = "CREATE_BREAKAWAY_FROM_JOB")]
    pub fn spawn_breakaway(&self, command: &mut Command) -> Result<Child> {
        self.0.require(Access::QUERY, "start a process outside of")?;
        let attempt = self.0.attempt("start a process outside of");
        let (child, pipes) = sys::spawn_breakaway(&self.0.object, &attempt, command)?;
        Ok(Child::new(child, pipes))
    }

    /// Puts a running process into the job. It cannot be taken out again. A process that is in it already stays in it (JA-2). A process that is in another job needs
    /// this one to be new, or inside of that one (JA-3, JA-5).
    ///
    /// On Linux without control groups, what the process has started before stays outside, and what it starts from now on is inside only as long as its
    /// parents live: prefer [`spawn`](Self::spawn).
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`ASSIGN`](Access::ASSIGN); the process has ended (JA-6), or is another user's; or the job has processes outside of the job that it is in (JA-5).
    /// [`InvalidParameter`](crate::ErrorKind::InvalidParameter): no process has this number.
    /// [`Quota`](crate::ErrorKind::Quota): the job has as many processes as it may have. The process is ended (JA-11).
    #[doc(alias = "AssignProcessToJobObject")]
    pub fn assign(&self, pid: u32) -> Result<()> {
        self.0.require(Access::ASSIGN, "assign a process to")?;
        sys::assign(&self.0.object, &self.0.attempt("assign a process to"), pid)
    }

    /// Ends all processes of the job, and of the jobs inside of it, at once; they cannot prevent it. Returns when they have ended, and the job is signalled from then
    /// on (JT-2). It can be used as before (JT-4).
    ///
    /// `code` is what the processes exit with. On Linux, that is what [`Child::wait`] tells of those that were started with [`spawn`](Self::spawn); others are killed by a signal.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`TERMINATE`](Access::TERMINATE), or a process runs as another user.
    /// [`Stalled`](crate::ErrorKind::Stalled): some have not ended within ten seconds, because the kernel does not let them.
    ///
    /// # Crashes
    /// Killed in its middle: on Windows all end or none. On Linux those end whose guardians were told; others may go on until it is done again.
    #[doc(alias = "TerminateJobObject")]
    pub fn terminate(&self, code: u32) -> Result<()> {
        self.0.require(Access::TERMINATE, "terminate")?;
        sys::terminate(&self.0.object, &self.0.attempt("terminate"), code)
    }

    /// The numbers of the processes that are in the job, or in one inside of it, now.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`QUERY`](Access::QUERY).
    #[doc(alias = "JobObjectBasicProcessIdList")]
    pub fn processes(&self) -> Result<Vec<u32>> {
        self.0.require(Access::QUERY, "list the processes of")?;
        sys::processes(&self.0.object, &self.0.attempt("list the processes of"))
    }

    /// Whether a process is in the job, or in one inside of it.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`QUERY`](Access::QUERY).
    /// [`InvalidParameter`](crate::ErrorKind::InvalidParameter): no process has this number.
    #[doc(alias = "IsProcessInJob")]
    pub fn contains(&self, pid: u32) -> Result<bool> {
        self.0.require(Access::QUERY, "look for a process in")?;
        sys::contains(&self.0.object, &self.0.attempt("look for a process in"), pid)
    }

    /// What its processes have used, also those that have ended.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`QUERY`](Access::QUERY).
    #[doc(alias = "QueryInformationJobObject")]
    pub fn usage(&self) -> Result<Usage> {
        self.0.require(Access::QUERY, "query")?;
        sys::usage(&self.0.object, &self.0.attempt("query"))
    }

    /// The limits of the job.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`QUERY`](Access::QUERY).
    #[doc(alias = "QueryInformationJobObject")]
    pub fn limits(&self) -> Result<Limits> {
        self.0.require(Access::QUERY, "query")?;
        sys::limits(&self.0.object, &self.0.attempt("query"))
    }

    /// Replaces all limits of the job (JI-13). They hold for the processes that are in it, and for those that come. On Linux, the limits of *each* process can be lowered for
    /// those that run, and not raised.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`MODIFY`](Access::MODIFY).
    /// [`InvalidParameter`](crate::ErrorKind::InvalidParameter): a limit of zero.
    ///
    /// # Crashes
    /// Killed in its middle, on Linux: some of the limits are new, and others as they were.
    #[doc(alias = "SetInformationJobObject")]
    pub fn set_limits(&self, limits: &Limits) -> Result<()> {
        let attempt = self.0.attempt("limit");
        self.0.require(Access::MODIFY, "limit")?;
        limits.check(&attempt)?;
        sys::set_limits(&self.0.object, &attempt, limits)
    }

    /// Stops all processes of the job until [`thaw`](Self::thaw). Returns when they stand still. Processes that come meanwhile run, on Linux without control groups.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`MODIFY`](Access::MODIFY).
    /// [`NotSupported`](crate::ErrorKind::NotSupported): on Windows versions that cannot.
    ///
    /// # Crashes
    /// Killed in its middle: some of the processes may stand still.
    #[doc(alias = "JobObjectFreezeInformation")]
    pub fn freeze(&self) -> Result<()> {
        self.0.require(Access::MODIFY, "freeze")?;
        sys::freeze(&self.0.object, &self.0.attempt("freeze"), true)
    }

    /// Lets the processes go on.
    ///
    /// # Errors
    /// Those of [`freeze`](Self::freeze).
    pub fn thaw(&self) -> Result<()> {
        self.0.require(Access::MODIFY, "thaw")?;
        sys::freeze(&self.0.object, &self.0.attempt("thaw"), false)
    }

    /// What happens in the job from now on. The processes that are in it are told first (JP-2).
    ///
    /// On Windows a job can tell one listener at a time, of one process; on Linux any number. It keeps a handle to the job for as long as it lives.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`MODIFY`](Access::MODIFY).
    /// [`InvalidParameter`](crate::ErrorKind::InvalidParameter): on Windows, somebody listens already (JP-1).
    #[doc(alias = "JOBOBJECT_ASSOCIATE_COMPLETION_PORT")]
    pub fn notifications(&self) -> Result<Notifications> {
        self.0.require(Access::MODIFY, "listen to")?;
        let attempt = self.0.attempt("listen to");
        Notifications::listen(&attempt, sys::Port::open(&self.0.object, &attempt)?)
    }

    /// Waits until the job is signalled. False: not before the time-out.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): the handle has not the right [`SYNCHRONIZE`](Access::SYNCHRONIZE).
    #[doc(alias = "WaitForSingleObject")]
    pub fn wait(&self, timeout: impl Into<Timeout>) -> Result<bool> {
        wait::for_handle(&self.0, timeout.into()).map(|got| got.is_some())
    }
}
