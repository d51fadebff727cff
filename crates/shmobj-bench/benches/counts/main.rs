//! Instructions of hot paths, beside what is written down: `cargo bench -p shmobj-bench --bench counts`.
//!
//! Times say little on a noisy machine; the instructions that an operation takes in user space are the same each time. They are
//! counted one by one (`step.rs`), and compared with `counts.tsv` (`table.rs`): more fails, and much less is told, so that
//! the file stays honest.
//!
//! | argument | |
//! |---|---|
//! | `--record` | writes the file |
//! | `--profile PATH` | says which functions the instructions of one path are in |

#![allow(clippy::print_stdout)] // a benchmark prints its table

#[cfg(target_arch = "x86_64")]
mod paths;
#[cfg(target_arch = "x86_64")]
mod profile;
#[cfg(target_arch = "x86_64")]
mod step;
#[cfg(target_arch = "x86_64")]
mod table;

#[cfg(target_arch = "x86_64")]
fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["path", name, directory] = arguments[..] {
        paths::run(name, std::path::Path::new(directory));
        return std::process::ExitCode::SUCCESS;
    }
    if let Err(error) = step::try_out() {
        println!("nothing is counted, as this system does not let a process trace its own child: {error}");
        return std::process::ExitCode::SUCCESS;
    }
    match arguments[..] {
        ["--profile", name] => profile::print(name),
        ["--record"] => table::record(&count_all()),
        [] => return table::judge(&count_all()),
        _ => panic!("the arguments are --record, or --profile and a path, or none"),
    }
    std::process::ExitCode::SUCCESS
}

#[cfg(target_arch = "x86_64")]
fn count_all() -> Vec<table::Row> {
    if cfg!(debug_assertions) {
        panic!("this is not how users build it: cargo bench -p shmobj-bench --bench counts");
    }
    let program = std::fs::read("/proc/self/exe").expect("this program");
    // A part of the mangled name of what a step calls, which as a whole must not be in here either.
    let hooks = ["test_hooks", "armed"].join("5");
    assert!(
        !program.windows(hooks.len()).any(|bytes| bytes == hooks.as_bytes()),
        "built with the feature test-hooks"
    );
    let count = |path: &paths::Path| table::Row {
        name: path.name.into(),
        instructions: step::count(path.name, path.iterations, |_, _| ()),
        reads_clock: path.reads_clock,
    };
    paths::PATHS.iter().map(count).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("instructions are counted on x86-64 only, where those that are written down come from");
}
