//! `shmobj run` whose process is killed with SIGKILL, and guardians that are.

use std::fs;
use std::os::unix::process::CommandExt as _;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::marked::{Marked, with_each_mechanism};
use crate::support::{Process, piped, until};

/// A command that has children, a daemon, and no respect for signals.
const SCRIPT: &str = "trap '' TERM INT HUP; sleep 600 & \"$SHMOBJ\" demo-stray x parent; sleep 600";

fn running(marked: &Marked, options: &[&str]) -> Process {
    let mut run = piped(&mut marked.shell(options, SCRIPT));
    let daemon: u32 = run.line().parse().unwrap();
    // A process that is in the middle of its exec has no environment to be known by.
    until(|| {
        let running = marked.running();
        running.contains(&daemon) && running.len() >= 4
    });
    run
}

#[test]
fn nothing_is_left_of_a_run_that_is_killed() {
    with_each_mechanism(|marked| {
        running(marked, &[]).crash();
        marked.until_nothing_is_left();
    });
}

#[test]
fn nothing_is_left_of_a_run_that_is_killed_though_others_hold_its_job() {
    with_each_mechanism(|marked| {
        // Created by the run, and held by somebody else afterwards; and the other way round.
        let run = running(marked, &["--job", "n"]);
        let holder = piped(&mut marked.command(&["hold", "job", "n"]));
        until(|| marked.place.json(&["stat", "n", "--json"])["holders"].as_array().unwrap().len() == 2);
        run.crash();
        until(|| marked.running() == [holder.pid()]);
        running(marked, &["--job", "n"]).crash();
        until(|| marked.running() == [holder.pid()]);
        until(|| marked.members("n").is_empty());
        drop(holder);
        marked.reclaim();
    });
}

#[test]
fn nothing_is_left_of_a_run_that_is_killed_as_soon_as_it_is_started() {
    with_each_mechanism(|marked| {
        for options in [&[][..], &["--job", "n"]] {
            for delay in [0, 1, 2, 4, 8, 16, 32] {
                let run = piped(&mut marked.shell(options, SCRIPT));
                std::thread::sleep(std::time::Duration::from_millis(delay));
                run.crash();
                until(|| marked.processes().is_empty());
            }
        }
        marked.reclaim();
    });
}

#[test]
fn nothing_is_left_of_a_run_that_was_stopped_by_the_terminal_and_is_killed() {
    with_each_mechanism(|marked| {
        let mut command = marked.shell(&[], "echo ready; sleep 600 & sleep 600");
        let mut run = piped(command.process_group(0));
        assert_eq!(run.line(), "ready");
        let group = Pid::from_raw(run.pid() as i32).unwrap();
        kill_process_group(group, Signal::TSTP).unwrap();
        until(|| fs::read_to_string(format!("/proc/{}/stat", run.pid())).unwrap().contains(") T "));
        run.crash();
        until(|| marked.processes().is_empty());
        // Where the kernel has ended the command before the job could, as it does with stopped groups, nobody is there to remove the entry.
        marked.reclaim();
    });
}

#[test]
fn a_run_goes_on_after_it_was_stopped_by_the_terminal() {
    with_each_mechanism(|marked| {
        let mut command = marked.shell(&[], "echo ready; sleep 0.2; exit 7");
        let mut run = piped(command.process_group(0));
        assert_eq!(run.line(), "ready");
        let group = Pid::from_raw(run.pid() as i32).unwrap();
        kill_process_group(group, Signal::TSTP).unwrap();
        until(|| fs::read_to_string(format!("/proc/{}/stat", run.pid())).unwrap().contains(") T "));
        kill_process_group(group, Signal::CONT).unwrap();
        assert_eq!(run.wait().code(), Some(7));
    });
}

#[test]
fn a_guardian_that_is_killed_takes_the_run_with_it() {
    with_each_mechanism(|marked| {
        for first in [true, false] {
            let mut run = running(marked, &[]);
            let guardians = || {
                let others = marked.running();
                let mut guardians = marked.processes();
                guardians.retain(|pid| !others.contains(pid));
                guardians.sort_unstable();
                guardians
            };
            // Who has started them is called like them, and may be there for a moment longer.
            until(|| guardians().len() == 2);
            let guardians = guardians();
            let guardian = guardians[usize::from(!first)];
            kill_process(Pid::from_raw(guardian as i32).unwrap(), Signal::KILL).unwrap();
            assert_ne!(run.wait().code(), Some(0));
            until(|| marked.processes().is_empty());
        }
        marked.reclaim();
    });
}

#[test]
fn nothing_is_left_when_what_starts_the_command_in_its_job_is_killed() {
    with_each_mechanism(|marked| {
        let mut run = running(marked, &["--job", "n"]);
        let inside = marked.running().into_iter().find(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|&byte| byte == 0).any(|word| word == b"run-inside")
        });
        kill_process(Pid::from_raw(inside.unwrap() as i32).unwrap(), Signal::KILL).unwrap();
        assert_eq!(run.wait().code(), Some(137));
        assert_eq!(marked.running(), [0; 0]);
    });
}
