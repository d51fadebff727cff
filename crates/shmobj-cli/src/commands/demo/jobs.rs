//! The scene about a job.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use shmobj::{Access, Job};

use super::evidence::{self, Stray};
use super::peer::Task;
use super::stage::{PATIENCE, Stage};
use super::stray::JOB;

impl Stage<'_> {
    /// Tells it.
    pub(super) fn job(&mut self) -> anyhow::Result<()> {
        let mut keeper = self.start("keeper")?;
        self.report.scene("A job, which nobody gets out of")?;
        self.perform(&mut keeper, Task::StartJob)?;
        let strays = evidence::strays(self.home.path());
        let [member, stray] = &strays[..] else { bail!("{} processes run instead of 2", strays.len()) };
        ensure!(stray.session != member.session, "process {} is in the member's session", stray.pid);
        {
            let job = Job::options().namespace(&self.namespace).open(JOB, Access::QUERY)?;
            for Stray { pid, .. } in &strays {
                ensure!(job.contains(*pid)?, "process {pid} is not in the job");
            }
        }
        self.found(&format!(
            "process {} is in session {}, where nobody else is left, and in the job as process {} is",
            stray.pid, stray.session, member.pid
        ))?;
        keeper.kill()?;
        self.found("killed the keeper, who alone held the job")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = evidence::strays(self.home.path()).len();
            if left == 0 {
                break;
            }
            ensure!(self.signals.next().is_none(), "the demo was interrupted");
            ensure!(Instant::now() < deadline, "{left} processes of the job are left");
            std::thread::sleep(Duration::from_millis(1));
        }
        self.found("of the 2 processes none is left")?;
        self.are_free(&[JOB])?;
        self.is_empty()
    }
}
