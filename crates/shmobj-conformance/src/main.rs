//! `shmobj-conformance record [FILE]` runs the suite and keeps the results; `shmobj-conformance report` prints the table of all rows.
#![allow(clippy::print_stdout, clippy::print_stderr)] // it is a command

use std::path::PathBuf;
use std::process::ExitCode;

use shmobj_conformance::platform::Platform;
use shmobj_conformance::results::Results;
use shmobj_conformance::{act_if_told, report, run};

fn main() -> ExitCode {
    act_if_told();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["report"] => match report::text() {
            Ok(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("the recorded results cannot be read: {error}");
                ExitCode::FAILURE
            }
        },
        ["record"] => run::record(&Results::path(Platform::here())),
        ["record", file] => run::record(&PathBuf::from(file)),
        _ => {
            eprintln!("usage: shmobj-conformance report | record [FILE]");
            ExitCode::FAILURE
        }
    }
}
