//! A process is killed at every step of starting a process in a job, putting one into it, ending and limiting it: whichever process of the
//! chain of forks passes that step.

use std::time::Duration;

use shmobj_tests::lab::{Lab, PATIENCE};
use shmobj_tests::steps::OF_JOBS;
use shmobj_tests::system::until;

/// Those that a spawner's forks pass.
fn of_spawning() -> impl Iterator<Item = &'static str> {
    OF_JOBS.into_iter().filter(|step| step.starts_with("spawn: ") || step.starts_with("guardian: "))
}

/// The spawner goes on, with a job in which nothing runs, and which it can use.
#[test]
fn whoever_is_killed_while_a_process_starts_takes_the_process_along() {
    crate::each("whoever_is_killed_while_a_process_starts", |lab| {
        for step in of_spawning() {
            lab.forget();
            let mut spawner = lab.puppet("spawner");
            spawner.does("job h steps new");
            spawner.does(format!("arm die 1 {step}"));
            // Whether it is told of an error depends on how far it came.
            let _ = spawner.ask(format!("enter c h {}", lab.escape("two")));
            lab.no_process_is_left(&format!("killed at `{step}`"));
            assert_eq!(spawner.does("members h"), "", "killed at `{step}`");
            spawner.kill();
            let mut next = lab.puppet("next");
            next.does("job h steps kill new");
            lab.forget();
            next.does(format!("enter c h {}", lab.escape("two")));
            assert!(lab.are_ready(2, step), "after `{step}`");
            next.does("terminate h 5");
            next.does("lose h");
            lab.nothing_is_left(&format!("after the death at `{step}`"));
        }
    });
}

/// The spawner is killed while its fork pauses at the step. Nothing is left, or all is in the job.
#[test]
fn the_spawner_is_killed_at_every_step_of_the_start() {
    crate::each("the_spawner_is_killed_at_every_step_of_the_start", |lab| {
        for step in of_spawning() {
            for others_hold in [false, true] {
                let story = format!("the spawner was killed at `{step}`, others hold the job: {others_hold}");
                lab.forget();
                let mut spawner = lab.puppet("spawner");
                spawner.does("job h steps new kill");
                let mut other = lab.puppet("other");
                if others_hold {
                    other.does("job-open h steps");
                }
                spawner.does(format!("arm pause=150 1 {step}"));
                spawner.tell(format!("enter c h {}", lab.escape("two")));
                std::thread::sleep(Duration::from_millis(60));
                spawner.kill();
                if others_hold {
                    // Whoever has begun goes on, and is in the job.
                    std::thread::sleep(Duration::from_millis(200));
                    other.does("terminate h 2");
                    assert_eq!(lab.members(), [], "{story}");
                    other.does("lose h");
                }
                lab.no_process_is_left(&story);
                lab.nothing_is_left_after_a_sweep("steps", &story);
            }
        }
    });
}

/// A terminator that comes while the start pauses misses nobody.
#[test]
fn a_job_is_terminated_at_every_step_of_a_start() {
    crate::each("a_job_is_terminated_at_every_step_of_a_start", |lab| {
        for step in of_spawning() {
            let story = format!("terminated while a start paused at `{step}`");
            lab.forget();
            let mut spawner = lab.puppet("spawner");
            spawner.does("job h steps new");
            let mut other = lab.puppet("other");
            other.does("job-open h steps");
            spawner.does(format!("arm pause=150 1 {step}"));
            spawner.tell(format!("enter c h {}", lab.escape("none")));
            std::thread::sleep(Duration::from_millis(60));
            other.does("terminate h 2");
            let _ = spawner.answer();
            // It came before the terminate or after it: then it is there, and in the job.
            std::thread::sleep(Duration::from_millis(50));
            let there: Vec<String> = lab.members().iter().map(|process| process.pid.to_string()).collect();
            assert_eq!(other.does("members h"), there.join(" "), "{story}");
            other.does("terminate h 2");
            assert_eq!(lab.members(), [], "{story}");
            other.does("lose h");
            spawner.does("lose h");
            lab.nothing_is_left(&story);
        }
    });
}

#[track_caller]
fn job_with_a_daemon(lab: &Lab) -> shmobj_tests::puppet::Puppet {
    lab.forget();
    let mut holder = lab.puppet("holder");
    holder.does("job h steps new kill");
    holder.does(format!("enter c h {}", lab.escape("two")));
    assert!(lab.are_ready(2, "the daemon"));
    holder
}

#[test]
fn a_terminator_that_is_killed_in_the_middle_leaves_a_job_that_can_be_terminated() {
    crate::each("a_terminator_that_is_killed", |lab| {
        for step in ["terminate: announced", "terminate: processes signalled"] {
            let mut holder = job_with_a_daemon(lab);
            let mut terminator = lab.puppet("terminator");
            terminator.does("job-open h steps");
            terminator.does(format!("arm die 1 {step}"));
            assert!(terminator.dies_of("terminate h 1"), "it passes `{step}`");
            holder.does("terminate h 4");
            assert_eq!(lab.members(), [], "after `{step}`");
            assert_eq!(holder.does("await-job h 0"), "true");
            holder.does("lose h");
            lab.nothing_is_left(step);
        }
    });
}

/// Those that it has told end, and the last of their guardians signals the job.
#[test]
fn a_terminator_that_is_killed_after_it_has_signalled_all_has_ended_the_job() {
    crate::each("a_terminator_that_is_killed_after_it_has_signalled_all", |lab| {
        let mut holder = job_with_a_daemon(lab);
        let mut terminator = lab.puppet("terminator");
        terminator.does("job-open h steps");
        terminator.does("arm die 1 terminate: processes signalled");
        assert!(terminator.dies_of("terminate h 1"));
        lab.no_process_is_left("all were signalled");
        assert_eq!(holder.does("await-job h 10000"), "true");
        holder.does("lose h");
        lab.nothing_is_left("all were signalled");
    });
}

#[test]
fn whoever_is_killed_while_it_limits_a_job_leaves_one_that_can_be_limited() {
    crate::each("whoever_is_killed_while_it_limits_a_job", |lab| {
        for step in ["limit: on the board", "limit: in the group"] {
            let mut holder = job_with_a_daemon(lab);
            let mut limiter = lab.puppet("limiter");
            limiter.does("job-open h steps");
            limiter.does(format!("arm die 1 {step}"));
            assert!(limiter.dies_of("limit-job h kill max=2"), "it passes `{step}`");
            holder.does("limit-job h kill max=3");
            holder.does(format!("enter d h {}", lab.escape("none")));
            holder.fails(format!("enter e h {}", lab.escape("none")), shmobj::ErrorKind::Quota);
            holder.does("lose h");
            lab.nothing_is_left(step);
        }
    });
}

/// It is in the job, or it is not; in no case is the job of no use.
#[test]
fn whoever_is_killed_while_it_puts_a_process_into_a_job() {
    crate::each("whoever_is_killed_while_it_puts_a_process_into_a_job", |lab| {
        let steps = of_spawning().filter(|&step| step != "spawn: about to exec");
        for step in steps.chain(["assign: in the group"]) {
            lab.forget();
            let mut parent = lab.puppet("parent");
            let pid = parent.does(format!("alone {}", lab.escape("none")));
            assert!(lab.are_ready(1, step));
            let mut holder = lab.puppet("holder");
            holder.does("job h steps new kill");
            let mut assigner = lab.puppet("assigner");
            assigner.does("job-open h steps");
            assigner.does(format!("arm die 1 {step}"));
            // The assigner itself, or one of its forks.
            let _ = assigner.dies_of(format!("assign h {pid}"));
            assigner.kill();
            let no_guardians = || lab.running().iter().all(|process| !process.is_guardian());
            assert!(until(PATIENCE, no_guardians), "{step}: {:?}", lab.running());
            if lab.members().iter().any(|process| process.pid.to_string() == pid) {
                holder.does(format!("assign h {pid}"));
                assert_eq!(holder.does(format!("is-member h {pid}")), "true", "{step}");
            }
            holder.does("lose h");
            lab.nothing_is_left(&format!("assigned, killed at `{step}`"));
        }
    });
}
