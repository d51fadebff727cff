//! The library beside its alternatives, all measured in the same run.
//!
//! | command | what it does |
//! |---|---|
//! | `run --out results.json` | measures everything, prints a table of each operation, and writes the results |
//! | `list` | the operations and the contenders |
//! | `report results.json --docs DIR` | makes documents of results |
//! | `play ...` | what `run` starts: one process of one contender |
//!
//! On Windows, and so under Wine, there is `play` alone: the conductor runs on Linux.
#![allow(clippy::print_stdout)] // a command prints

#[cfg(target_os = "linux")]
mod conductor;
#[cfg(target_os = "linux")]
mod contender;
#[cfg(target_os = "linux")]
mod figures;
#[cfg(target_os = "linux")]
mod foreign;
#[cfg(target_os = "linux")]
mod operation;
mod play;
mod players;
mod protocol;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod results;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "The library beside its alternatives, all measured in the same run")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure
    #[cfg(target_os = "linux")]
    Run(conductor::Wanted),
    /// Show the operations and the contenders
    #[cfg(target_os = "linux")]
    List,
    /// Make documents of results
    #[cfg(target_os = "linux")]
    Report {
        /// What a run wrote
        results: PathBuf,
        /// Where the documents go
        #[arg(long, value_name = "DIR")]
        docs: PathBuf,
        /// A file whose table between `<!-- benchmarks:start -->` and `<!-- benchmarks:end -->` is replaced
        #[arg(long, value_name = "FILE")]
        readme: Option<PathBuf>,
    },
    /// Be one process of one contender; `run` starts these
    #[command(hide = true)]
    Play { operation: String, parameter: u64, contender: String, role: usize, directory: PathBuf },
    /// Hold objects of this library; `play` starts these
    #[command(hide = true)]
    Hold { directory: PathBuf, name: String, first: u64, count: u64, bytes: u64 },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        #[cfg(target_os = "linux")]
        Command::Run(wanted) => told(conductor::run(&wanted)),
        #[cfg(target_os = "linux")]
        Command::List => told(conductor::list()),
        #[cfg(target_os = "linux")]
        Command::Report { results, docs, readme } => told(
            results::Results::read(&results)
                .and_then(|results| report::write(&results, &docs, readme.as_deref())),
        ),
        Command::Play { operation, parameter, contender, role, directory } => {
            play::play(&players::Stage::new(operation, parameter, contender, role, directory))
        }
        Command::Hold { directory, name, first, count, bytes } => {
            players::hold(&directory, &name, first, count, bytes);
            ExitCode::SUCCESS
        }
    }
}

#[cfg(target_os = "linux")]
#[allow(clippy::print_stderr)] // errors are not results
fn told(result: std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shmobj-bench-peers: {error}");
            ExitCode::FAILURE
        }
    }
}
