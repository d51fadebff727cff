//! The suite, a test per case. This program is also what its own tests start as other processes.

use std::process::ExitCode;

fn main() -> ExitCode {
    shmobj_conformance::act_if_told();
    shmobj_conformance::run::suite()
}
