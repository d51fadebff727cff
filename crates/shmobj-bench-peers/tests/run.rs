//! A run of two contenders from its command line to its results.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A directory that is removed when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("shmobj-bench-test-{name}.{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn run(out: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_shmobj-bench-peers");
    Command::new(program)
        .args(["run", "--quick"])
        .args(arguments)
        .arg("--out")
        .arg(out)
        .output()
        .expect("a run")
}

fn results(output: &Output, out: &Path) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(out).expect("results")).expect("JSON")
}

#[test]
fn a_run_measures_ours_beside_another_in_as_many_rounds_as_were_asked_for() {
    let scratch = Scratch::new("lock");
    let out = scratch.0.join("results.json");
    let output = run(&out, &["--only", "lock", "--contender", "raw", "--rounds", "5"]);
    let results = results(&output, &out);
    assert_eq!(results["version"], 1);
    assert_eq!(results["settings"]["rounds"], 5);
    let operations = results["operations"].as_array().expect("a list");
    assert_eq!(operations.len(), 1);
    assert_eq!(operations[0]["name"], "lock");
    assert_eq!(operations[0]["unit"], "ns");
    let rows = operations[0]["contenders"].as_array().expect("a list");
    let names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(names, ["shmobj", "raw"]);
    for row in rows {
        assert_eq!(row["absent"], Value::Null);
        let rounds = row["rounds"].as_array().expect("a list");
        assert_eq!(rounds.len(), 5);
        assert!(rounds.iter().all(|nanoseconds| nanoseconds.as_f64().is_some_and(|n| n > 0.0)));
    }
    let other = &rows[1];
    assert!(other["ratio"].is_object() != other["refused"].is_string(), "a ratio, or why there is none");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(table.contains("Lock and unlock"), "{table}");
}

#[test]
fn whoever_dies_with_a_lock_is_outlived_and_a_plain_mutex_hangs() {
    let scratch = Scratch::new("recovery");
    let out = scratch.0.join("results.json");
    let output = run(&out, &["--only", "recovery", "--contender", "pthread", "--rounds", "1"]);
    let results = results(&output, &out);
    let rows = results["operations"][0]["contenders"].as_array().expect("a list");
    let outcome = |row: usize| rows[row]["outcome"].as_str().expect("an outcome").to_owned();
    assert!(outcome(0).ends_with("is told that it was abandoned"), "{}", outcome(0));
    assert!(outcome(1).starts_with("hangs"), "{}", outcome(1));
    assert_eq!(rows[1]["median"], Value::Null, "a hang is not a figure");
}

#[test]
fn what_a_killed_process_leaves_is_named() {
    let scratch = Scratch::new("leftovers");
    let out = scratch.0.join("results.json");
    let output = run(&out, &["--only", "leftovers", "--contender", "shm-open"]);
    let results = results(&output, &out);
    let left = &results["operations"][0]["contenders"][1]["left"];
    assert_eq!(left["names"], serde_json::json!(["/dev/shm/PREFIX-0"]));
    assert_eq!(left["bytes"], 1 << 20);
}

#[test]
fn a_name_that_there_is_not_is_an_error() {
    let scratch = Scratch::new("unknown");
    let out = scratch.0.join("results.json");
    let output = run(&out, &["--only", "juggling"]);
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("there is no operation \"juggling\""), "{error}");
    assert!(!out.exists());
}
