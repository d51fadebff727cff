//! What a job tells while its processes come and go.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{Attempt, Result};
use crate::event::{Event, Reset};
use crate::handle::Handle;
use crate::sys::job::Port;
use crate::timeout::Timeout;
use crate::wait::{self, Waitable};

/// Something that happened in a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Notification {
    /// A process is in the job (`JOB_OBJECT_MSG_NEW_PROCESS`). Its number may have been used again by the time this is read (JP-7).
    Started(u32),
    /// A process of the job has ended (`JOB_OBJECT_MSG_EXIT_PROCESS`).
    Ended(u32),
    /// No process is left (`JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO`).
    Empty,
    /// A limit was hit: a process was refused, or ended.
    Limit(Limit),
}

/// A limit that was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// [`max_processes`](super::Limits::max_processes) (`JOB_OBJECT_MSG_ACTIVE_PROCESS_LIMIT`).
    Processes,
    /// [`memory`](super::Limits::memory) (`JOB_OBJECT_MSG_JOB_MEMORY_LIMIT`).
    Memory,
    /// [`process_memory`](super::Limits::process_memory) (`JOB_OBJECT_MSG_PROCESS_MEMORY_LIMIT`), of this process. On Linux an allocation
    /// fails, and nobody is told.
    ProcessMemory(u32),
    /// [`cpu_time`](super::Limits::cpu_time). Windows does not tell, but ends the processes.
    CpuTime,
    /// [`process_cpu_time`](super::Limits::process_cpu_time) (`JOB_OBJECT_MSG_END_OF_PROCESS_TIME`), of this process.
    ProcessCpuTime(u32),
}

/// What happens in a job, from [`Job::notifications`](super::Job::notifications) on, in a queue. It can be waited for together with other objects: it is signalled while
/// something is in the queue, and a wait takes nothing out of it.
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// use shmobj::{Job, Timeout, job::Notification};
/// let job = Job::options().create_unnamed()?;
/// let notifications = job.notifications()?;
/// # #[cfg(unix)]
/// let child = job.spawn(&mut std::process::Command::new("true"))?;
/// # #[cfg(windows)]
/// # let child = job.spawn(std::process::Command::new("cmd").args(["/c", "exit"]))?;
/// assert_eq!(notifications.next(Timeout::NEVER)?, Some(Notification::Started(child.id())));
/// assert_eq!(notifications.next(Timeout::NEVER)?, Some(Notification::Ended(child.id())));
/// assert_eq!(notifications.next(Timeout::NEVER)?, Some(Notification::Empty));
/// # Ok(()) }
/// ```
#[doc(alias = "JOBOBJECT_ASSOCIATE_COMPLETION_PORT")]
#[derive(Debug)]
pub struct Notifications {
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

/// What the listening thread and the reader share.
#[derive(Debug)]
struct Shared {
    /// Set while the queue is not empty.
    filled: Event,
    queue: Mutex<VecDeque<Notification>>,
    closed: AtomicBool,
}

/// How long a listener that nobody wants any more may go on.
const PATIENCE: Duration = Duration::from_millis(50);

impl Notifications {
    pub(super) fn listen(attempt: &Attempt<'_>, mut port: Port) -> Result<Self> {
        let shared = Arc::new(Shared {
            filled: Event::options().reset(Reset::Manual).create_unnamed()?,
            queue: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        let ours = shared.clone();
        let listen = move || {
            while !ours.closed.load(Ordering::Relaxed) {
                if !port.wait(PATIENCE, |notification| ours.push(notification)) {
                    break;
                }
            }
        };
        let listener = std::thread::Builder::new()
            .name("shmobj-job".into())
            .spawn(listen)
            .map_err(|error| attempt.fails_by(error, "starting the thread that listens"))?;
        Ok(Self { shared, listener: Some(listener) })
    }

    /// What happened next. `None`: nothing before the time-out.
    ///
    /// # Errors
    /// Those of a wait for an event.
    #[doc(alias = "GetQueuedCompletionStatus")]
    pub fn next(&self, timeout: impl Into<Timeout>) -> Result<Option<Notification>> {
        let timeout = timeout.into();
        loop {
            if let Some(first) = self.try_next() {
                return Ok(Some(first));
            }
            if wait::for_handle(wait::sealed::Sealed::handle(self), timeout)?.is_none() {
                return Ok(self.try_next());
            }
        }
    }

    /// What happened next, if something has.
    #[must_use]
    pub fn try_next(&self) -> Option<Notification> {
        let mut queue = self.shared.queue();
        let first = queue.pop_front();
        if queue.is_empty() {
            // Nobody else can change this event: it has no name, and has not left the process.
            let _ = self.shared.filled.reset();
        }
        first
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, VecDeque<Notification>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, notification: Notification) {
        let mut queue = self.queue();
        queue.push_back(notification);
        let _ = self.filled.set();
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl wait::sealed::Sealed for Notifications {
    fn handle(&self) -> &Handle {
        self.shared.filled.handle()
    }
}

impl Waitable for Notifications {}
