//! Uncontended operations make no system call: each runs in a process that the kernel would kill for one.

#![allow(clippy::print_stdout)] // it says what it has checked

use std::path::Path;

use shmobj_bench::{Scratch, quiet};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, strict, name, directory] = &arguments[..] {
        if strict == "strict" {
            quiet::run(name, Path::new(directory));
        }
    }
    // What test runners ask a program without the usual harness: which tests it has. It has one, and none that is ignored.
    if arguments.iter().any(|argument| argument == "--list") {
        if !arguments.iter().any(|argument| argument == "--ignored") {
            println!("uncontended_operations_make_no_system_call: test");
        }
        return;
    }
    for (name, _) in quiet::PATHS {
        let scratch = Scratch::new("/dev/shm");
        let status = quiet::try_out(name, &scratch.0);
        if name == quiet::CONTROL {
            assert!(quiet::was_killed(status), "the control must not survive: {status}");
        } else {
            assert!(status.success(), "{name}: {status}; a system call was made if it was killed");
        }
        println!("{name}: {}", if status.success() { "no system call" } else { "killed for a system call" });
    }
}
