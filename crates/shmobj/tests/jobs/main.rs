//! Section 19: jobs. The processes in them are this program once more, in another role.
//!
//! Not to be observed here: JA-7, JA-9, JA-10 and JA-12 (handles are typed; there are no UI restrictions and no sessions), JC-6 (that is how `spawn` may
//! work), JI-1 to JI-8, JI-10, JI-12, JI-14 and JI-15 (there are no buffers and flags to give), JP-5, JP-7 and JP-8.

mod accounts;
mod assigned;
mod closed;
#[path = "../common/mod.rs"]
mod common;
mod handles;
mod nested;
mod notified;
mod peers;
mod spawned;
#[cfg(target_os = "linux")]
mod spawners;
mod terminated;

use shmobj::{Access, Job, JobOptions};

use common::Place;

impl Place {
    fn jobs(&self) -> JobOptions<'_> {
        Job::options().namespace(&self.namespace)
    }

    fn job(&self, name: &str) -> Job {
        self.jobs().create(name).expect("a job")
    }
}

/// All rights that jobs have.
const EVERYTHING: Access = Access::QUERY
    .union(Access::MODIFY)
    .union(Access::SYNCHRONIZE)
    .union(Access::ASSIGN)
    .union(Access::TERMINATE);
/// A number that no process has.
const NOBODY: u32 = u32::MAX;
