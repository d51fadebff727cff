//! The command `shmobj`: shows what the library does; holds, uses, waits for and lists objects; and examines a system.
//!
//! Data go to stdout and messages to stderr. An error is one line, `shmobj: ` and the library's own sentence.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | an error; from `doctor`: something is broken |
//! | 2 | the command line is wrong |
//! | 124 | a wait, or a command of `run`, timed out |
//! | 126, 127 | `run`, `hold`, `lock`, `sem` and `exec`: the command cannot be run, is not there |
//! | any | `run`, `hold`, `lock`, `sem` and `exec`: the command's own; 128 and the number of the signal that ended it, or the wait for it |

mod commands;
mod description;
mod due;
mod duration;
mod job;
mod output;
mod rights;
mod signals;
mod size;
mod state;
mod users;
mod who;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use shmobj::Namespace;
use shmobj::wait::{self, Spinning};

const AFTER_HELP: &str = "\
Names: `x` and `Local\\x` are the user's own, `Global\\x` is everybody's on this machine.

Exit codes: 0 done, 1 error, 2 wrong command line, 124 a wait timed out, or what `run` ran.
`run`, `hold`, `lock` and `sem` end with the code of their command, or 128 and the number of the signal that ended it;
`exec` becomes it. 126: it cannot be run, 127: it is not there.";

/// Named shared memory and synchronization objects that live exactly as long as somebody holds them.
#[derive(Debug, Parser)]
#[command(name = "shmobj", version, after_help = AFTER_HELP, max_term_width = 110)]
struct Arguments {
    /// The directory in which names are looked up, instead of the user's own. SHMOBJ_DIR does the same.
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    command: commands::Command,
}

/// Where a command looks names up.
#[derive(Debug)]
pub(crate) struct Place {
    /// What `--dir` said.
    pub(crate) dir: Option<PathBuf>,
    pub(crate) namespace: Namespace,
}

fn main() -> ExitCode {
    // What this command waits for takes as long as processes take: looking again before sleeping is a waste.
    wait::set_spinning(Spinning::Never);
    let Arguments { dir, command } = Arguments::parse();
    let namespace = match &dir {
        Some(dir) => Namespace::at(dir),
        None => Namespace::default_namespace().clone(),
    };
    match command.run(&Place { dir, namespace }) {
        Ok(code) => code,
        // Whoever read our output has enough of it.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::message(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Arguments::command().debug_assert();
    }
}
