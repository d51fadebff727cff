//! What guardians do while there is nothing to do: nothing.

use std::fs;
use std::time::Duration;

use shmobj_tests::lab::{Lab, Means, PATIENCE};
use shmobj_tests::system::until;

/// How often a process has stopped running. `None`: it runs, or is about to.
fn switches_asleep(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a guardian");
    let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let number = |key: &str| value(key).and_then(|text| text.parse::<u64>().ok()).expect("a number");
    let switches = number("voluntary_ctxt_switches:") + number("nonvoluntary_ctxt_switches:");
    value("State:").is_some_and(|state| state.starts_with('S')).then_some(switches)
}

/// A job with one process that sleeps, and its guardians.
fn with_guardians(lab: &Lab, limit: &str, act: impl Fn([u32; 2])) {
    let mut holder = lab.puppet("holder");
    holder.does(format!("job h idle kill new {limit}"));
    holder.does(format!("enter c h {}", lab.escape("none")));
    assert!(lab.are_ready(1, "idle"));
    lab.forget();
    let (upper, lower) = lab.guardians();
    act([upper, lower]);
    holder.does("terminate h 1");
    holder.does("lose h");
    drop(holder);
    lab.nothing_is_left("idle guardians");
}

#[test]
fn idle_guardians_do_not_run_at_all() {
    crate::each("idle_guardians_do_not_run_at_all", |lab| {
        with_guardians(lab, "", |guardians| {
            let quiet_for = |time| {
                let before = guardians.map(switches_asleep);
                std::thread::sleep(time);
                !before.contains(&None) && guardians.map(switches_asleep) == before
            };
            // They have to give away first what they do not need.
            assert!(until(PATIENCE, || quiet_for(Duration::from_millis(200))), "they never come to rest");
            assert!(quiet_for(Duration::from_secs(1)), "one of them has run, and nothing had happened");
        });
    });
}

/// The other test would notice one that looks from time to time.
#[test]
fn a_guardian_that_looks_after_a_limit_is_seen_to_run() {
    crate::each("a_guardian_that_looks_after_a_limit", |lab| {
        if lab.means == Means::Groups {
            return; // the kernel may look after it
        }
        with_guardians(lab, "max=5", |[_, lower]| {
            let mut seen = Vec::new();
            let runs = || {
                seen.extend(switches_asleep(lower));
                seen.last() > seen.first().map(|first| first + 3).as_ref()
            };
            assert!(until(PATIENCE, runs), "it does not look");
        });
    });
}
