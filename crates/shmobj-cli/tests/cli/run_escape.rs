//! Ways out of a job that are none, though the kernel lets the process go.

use std::fs;

use crate::marked::with_each_mechanism;
use crate::support::{skip, text};

#[test]
fn a_process_that_moves_to_another_control_group_ends_with_its_run() {
    const TEST: &str = "a_process_that_moves_to_another_control_group_ends_with_its_run";
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mount =
        mounts.lines().find(|line| line.contains(" - cgroup2 ")).and_then(|line| line.split(' ').nth(4));
    let Some(procs) = mount.map(|mount| format!("{mount}/cgroup.procs")) else {
        return skip(TEST, "there are no control groups of version 2");
    };
    if fs::OpenOptions::new().write(true).open(&procs).is_err() {
        return skip(TEST, "no other control group can be written");
    }
    with_each_mechanism(|marked| {
        let script =
            format!("echo $$ >'{procs}' || exit 6; sleep 600 & \"$SHMOBJ\" demo-stray x parent; exit 5");
        let output = marked.shell(&[], &script).output().unwrap();
        if output.status.code() == Some(6) {
            return skip(TEST, "the kernel does not let processes move there");
        }
        assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
        assert_eq!(marked.running(), [0; 0]);
    });
}

#[test]
fn processes_in_a_new_pid_namespace_end_with_their_run() {
    const TEST: &str = "processes_in_a_new_pid_namespace_end_with_their_run";
    let unshare = ["unshare", "--pid", "--fork"];
    let works = std::process::Command::new(unshare[0]).args(&unshare[1..]).arg("true").output();
    if !works.is_ok_and(|output| output.status.success()) {
        return skip(TEST, "new PID namespaces cannot be made here");
    }
    with_each_mechanism(|marked| {
        let script =
            "unshare --pid --fork sh -c 'sleep 600 & sleep 600' & \"$SHMOBJ\" demo-stray x parent; exit 5";
        let output = marked.shell(&[], script).output().unwrap();
        assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
        assert_eq!(marked.running(), [0; 0]);
        let script = "exec unshare --pid --fork sh -c 'trap \"\" TERM; sleep 600 & sleep 600'";
        let output = marked.shell(&["--timeout", "300ms"], script).output().unwrap();
        assert_eq!(output.status.code(), Some(124), "{}", text(&output.stderr));
        assert_eq!(marked.running(), [0; 0]);
    });
}
