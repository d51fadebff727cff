//! Every contender that is another program, if it is installed, plays all that it claims to.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout)] // what is absent

use std::process::Command;

/// Runs some operations of a contender with the fewest rounds. Prints why it is absent, if it is.
fn plays(contender: &str, operations: &[&str]) {
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let results = directory.path().join("results.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_shmobj-bench-peers"));
    command.args(["run", "--quick", "--rounds", "1", "--contender", contender, "--out"]).arg(&results);
    for operation in operations {
        command.args(["--only", operation]);
    }
    let output = command.output().expect("a run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&results).expect("its results");
    let results: serde_json::Value = serde_json::from_str(&text).expect("json");
    let tables = results["operations"].as_array().expect("tables");
    assert!(tables.len() >= operations.len());
    for table in tables {
        let rows = table["contenders"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["name"] == contender);
        let row = row.unwrap_or_else(|| panic!("{contender} has no {}", table["name"]));
        match row["absent"].as_str() {
            Some(reason) if reason.starts_with("failed") => panic!("{}: {reason}", table["name"]),
            Some(reason) => println!("{contender} is absent: {reason}"),
            None => assert!(row["median"].is_number() || row["outcome"].is_string(), "{row}"),
        }
    }
}

const SYNC: &[&str] =
    &["lock", "contended", "event", "semaphore", "ping-pong", "ping-pong-one-core", "ping-pong-spinning"];
const MEMORY: &[&str] = &["create", "open", "close", "memory-per-object", "descriptors-per-object"];
const KILLED: &[&str] = &["recovery", "leftovers"];

#[test]
fn boost_plays_with_objects_in_shared_memory() {
    plays("boost", &[SYNC, MEMORY, KILLED, &["transfer"]].concat());
}

#[test]
fn boost_plays_with_named_objects() {
    plays("boost-named", &[SYNC, MEMORY, KILLED].concat());
}

#[test]
fn boost_plays_with_queues() {
    plays("boost-queue", &["ping-pong", "ping-pong-one-core", "transfer", "leftovers"]);
}

#[test]
fn python_plays_with_objects_that_have_no_names() {
    plays("python", &[SYNC, MEMORY, KILLED, &["transfer"]].concat());
}

#[test]
fn python_plays_with_pipes() {
    plays("python-pipe", &["ping-pong", "ping-pong-one-core", "wait-any", "wait-any-asleep"]);
}

#[test]
fn win32_plays_under_wine() {
    plays("wine", &["lock", "event", "semaphore", "ping-pong", "wait-all", "recovery"]);
}
