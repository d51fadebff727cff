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
        // A command line can be seen a moment after the program runs.
        let strays = self.until(|strays| strays.len() >= 2)?;
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
        self.until(<[Stray]>::is_empty)?;
        self.found("of the 2 processes none is left")?;
        self.are_free(&[JOB])?;
        self.is_empty()
    }
    /// Looks at the processes of the job until it is so.
    fn until(&self, is_so: impl Fn(&[Stray]) -> bool) -> anyhow::Result<Vec<Stray>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let strays = evidence::strays(self.home.path());
            if is_so(&strays) {
                return Ok(strays);
            }
            ensure!(self.signals.next().is_none(), "the demo was interrupted");
            ensure!(Instant::now() < deadline, "{} processes of the job run", strays.len());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
