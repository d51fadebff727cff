//! The contenders that this program plays itself, a module each. What several of them need is in `tools`.

#[cfg(target_os = "linux")]
mod crates;
#[cfg(target_os = "linux")]
mod memcpy;
#[cfg(target_os = "linux")]
mod posix;
#[cfg(target_os = "linux")]
mod raw;
mod shmobj;
#[cfg(target_os = "linux")]
mod streams;
mod tools;

use std::path::PathBuf;

use crate::protocol::Answer;

pub(crate) use self::shmobj::hold;

/// Where a player is: what it plays, and which part of it.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) operation: String,
    /// 0 if the operation has none.
    pub(crate) parameter: u64,
    pub(crate) contender: String,
    /// Role 0 is there, and ready, before the others are started.
    pub(crate) role: usize,
    /// In `/dev/shm`, and only for this contender and this operation; the conductor removes it.
    pub(crate) directory: PathBuf,
    /// The directory's last component: what names elsewhere begin with, so that what is left can be found.
    pub(crate) prefix: String,
}

impl Stage {
    pub(crate) fn new(
        operation: String,
        parameter: u64,
        contender: String,
        role: usize,
        directory: PathBuf,
    ) -> Self {
        let prefix = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { operation, parameter, contender, role, directory, prefix }
    }
}

/// One side of an operation, with all that it needs prepared. Dropping it tidies up.
pub(crate) trait Player {
    /// A round. A panic is a failure, and says why.
    fn run(&mut self, count: u64) -> Answer;
}

/// What became of the preparation. A panic is a failure, and says why.
pub(crate) enum Made {
    Player(Box<dyn Player>),
    /// It cannot be measured here, for this reason.
    Absent(String),
    /// The contender has no such operation.
    Unsupported,
}

/// Any closure can play.
impl<F: FnMut(u64) -> Answer> Player for F {
    fn run(&mut self, count: u64) -> Answer {
        self(count)
    }
}

impl Made {
    /// A player that is nothing but a closure.
    pub(crate) fn of(run: impl FnMut(u64) -> Answer + 'static) -> Self {
        Self::Player(Box::new(run))
    }
}

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    match stage.contender.as_str() {
        "shmobj" | "shmobj-reserved" => self::shmobj::make(stage),
        #[cfg(target_os = "linux")]
        "raw" | "raw-store" => raw::make(stage),
        #[cfg(target_os = "linux")]
        "pthread" | "pthread-robust" => posix::mutex::make(stage),
        #[cfg(target_os = "linux")]
        "sem-open" => posix::semaphore::make(stage),
        #[cfg(target_os = "linux")]
        "shm-open" | "shm-open-allocated" => posix::memory::make(stage),
        #[cfg(target_os = "linux")]
        "memcpy" => memcpy::make(stage),
        #[cfg(target_os = "linux")]
        "eventfd" => streams::eventfd::make(stage),
        #[cfg(target_os = "linux")]
        "pipe" | "unix-stream" | "unix-seqpacket" => streams::make(stage),
        #[cfg(target_os = "linux")]
        _ => crates::make(stage),
        #[cfg(not(target_os = "linux"))]
        other => Made::Absent(format!("{other} is not part of this program on this system")),
    }
}
