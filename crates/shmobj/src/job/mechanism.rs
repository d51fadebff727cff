//! What keeps the processes of a job together, on Linux.

use std::path::PathBuf;

use crate::sys::job as sys;

/// What keeps the processes of those jobs together that this process puts processes into. Its guardians end a job in either case.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mechanism {
    /// A control group (version 2) for each job, below this one, which is delegated to this user.
    ControlGroups {
        /// The directory in which those of the jobs are made.
        parent: PathBuf,
        /// The controllers that the kernel enforces limits with there: of `cpu`, `memory` and `pids`. The guardians do the rest.
        controllers: Vec<String>,
    },
    /// The guardians alone: what a job's processes start are their descendants.
    Guardians {
        /// Why there are no control groups.
        reason: String,
    },
}

impl Mechanism {
    /// What is found here and now: with a writable control group, that. The environment variable `SHMOBJ_CGROUP` names another one,
    /// or none at all if it is empty.
    #[must_use]
    pub fn here() -> Self {
        sys::mechanism()
    }
}
