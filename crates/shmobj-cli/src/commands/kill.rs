//! `shmobj kill`: ends all processes of a job.

use std::process::ExitCode;

use shmobj::{Access, Job};

use crate::Place;

/// Ends all processes of a job, and of the jobs inside of it, at once, and returns when they have ended.
///
/// They cannot prevent it, or clean up before. The job is signaled from then on, for `shmobj wait`, and can be used as before.
#[derive(Debug, clap::Args)]
pub(crate) struct Kill {
    /// The job, which somebody has to hold.
    #[arg(value_parser = super::name)]
    name: String,
    /// What the processes exit with, as far as those can tell who started them in the job: a command of `shmobj run` ends
    /// with it. Others are seen to be killed by a signal.
    #[arg(long, value_name = "N", default_value_t = 1)]
    code: u8,
}

impl Kill {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let job = Job::options().namespace(&place.namespace).open(&self.name, Access::TERMINATE)?;
        job.terminate(self.code.into())?;
        Ok(ExitCode::SUCCESS)
    }
}
