//! `shmobj completions` and `shmobj man`, for those who package the command.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::Arguments;

/// Prints completions for a shell.
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "shmobj", &mut script);
        std::io::stdout().write_all(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints the manual page, or writes those of all subcommands into a directory.
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    directory: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.directory {
            Some(directory) => clap_mangen::generate_to(Arguments::command(), directory)?,
            None => clap_mangen::Man::new(Arguments::command()).render(&mut std::io::stdout())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
