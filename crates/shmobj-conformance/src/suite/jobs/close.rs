//! Section 19.5: what comes of the processes when the last handle to their job is closed.

use shmobj::transfer::InheritExt;
use shmobj::{Access, Job};

use crate::case::{Remark, Role, Test, test};
use crate::objects::{Objects, code};
use crate::platform::Platform;
use crate::stage::Stage;
use crate::suite::jobs::limits::{NARROW, is_narrow};
use crate::suite::members::{all_end, all_stay, member, started, stranger, survivors};

pub(in crate::suite) const TESTS: &[Test] = &[
    test!(["JL-3"], the_processes_of_jobs_inside_end_as_well),
    test!(["JL-3"], processes_that_end_with_the_job_end_with_0).but_linux("a signal ends them", "left: None"),
    test!(["JL-4"], every_handle_keeps_the_processes_and_the_last_one_takes_them),
    test!(["JL-4"], the_processes_end_when_the_last_holder_is_killed),
    test!(["JL-4"], an_inherited_handle_keeps_the_processes),
    test!(["JL-5"], a_member_with_a_handle_keeps_itself_alive).but_wine(
        "its server crashes when a member closes the last handle, and so that is not tried",
        "would crash Wine's server",
    ),
    test!(["JL-6", "LT-14"], processes_go_on_without_the_job),
    test!(["JL-6", "LT-14"], limits_stay_without_the_job)
        .but_wine("ignores limits", "left: \"has it\"\n right: \"refused\""),
    test!(["LT-14"], a_job_with_processes_and_no_handle_has_no_name)
        .but_wine("the name stays as long as the processes do", "opened\n  left: 0\n"),
];

pub(in crate::suite) const ROLES: &[Role] = &[];
pub(in crate::suite) const REASONS: &[Remark] = &[];
pub(in crate::suite) const NOTES: &[Remark] = &[];

fn killing(stage: &Stage, name: &str) -> Job {
    stage.jobs().kill_on_close(true).create(name).unwrap()
}

fn the_processes_of_jobs_inside_end_as_well(stage: &Stage) {
    let (outer, inner, other) = (killing(stage, "outer"), stage.job("inner"), stage.job("other"));
    let beside = member(stage, &other);
    let mut process = member(stage, &outer);
    let pids = [started(&mut process, "start in inner"), started(&mut process, "start"), process.pid()];
    all_stay(stage, &pids);
    drop(outer);
    all_end(stage, &pids);
    assert_eq!(survivors(stage, &[beside.pid()]), 1);
    assert_eq!(inner.processes().unwrap(), []);
}

fn processes_that_end_with_the_job_end_with_0(stage: &Stage) {
    let job = killing(stage, "");
    let mut process = member(stage, &job);
    drop(job);
    assert_eq!(process.code(), Some(0));
}

fn every_handle_keeps_the_processes_and_the_last_one_takes_them(stage: &Stage) {
    let job = killing(stage, "job");
    let mut process = member(stage, &job);
    let pids = [process.pid(), started(&mut process, "start")];
    let others =
        [job.try_clone().unwrap(), killing(stage, "job"), stage.jobs().open("job", Access::QUERY).unwrap()];
    drop(job);
    for other in others {
        all_stay(stage, &pids);
        drop(other);
    }
    all_end(stage, &pids);
}

fn the_processes_end_when_the_last_holder_is_killed(stage: &Stage) {
    let job = killing(stage, "job");
    let mut process = member(stage, &job);
    let pids = [process.pid(), started(&mut process, "start")];
    let mut holder = stranger(stage);
    assert_eq!(holder.ask("hold job"), "held");
    drop(job);
    all_stay(stage, &pids);
    holder.kill();
    all_end(stage, &pids);
}

fn an_inherited_handle_keeps_the_processes(stage: &Stage) {
    let job = killing(stage, "");
    let process = member(stage, &job);
    let mut heir = stage.parent_with("acts", |command| {
        command.inherit("job", &job).unwrap();
    });
    heir.expect("ready");
    drop(job);
    all_stay(stage, &[process.pid()]);
    assert_eq!(heir.ask("take"), "taken");
    assert_eq!(heir.ask("drop"), "dropped");
    all_end(stage, &[process.pid()]);
    assert_eq!(survivors(stage, &[heir.pid()]), 1);
}

fn a_member_with_a_handle_keeps_itself_alive(stage: &Stage) {
    assert!(Platform::here() != Platform::Wine, "it would crash Wine's server, with all that runs there");
    let job = killing(stage, "job");
    let inherits = |command: &mut std::process::Command| {
        command.inherit("job", &job).unwrap();
    };
    let mut process = stage.member_with(&job, "acts", inherits).unwrap();
    process.expect("ready");
    assert_eq!(process.ask("take"), "taken");
    let pids = [process.pid(), started(&mut process, "start")];
    drop(job);
    all_stay(stage, &pids);
    assert_eq!(code(stage.jobs().open("job", Access::QUERY)), 0, "it is open");
    process.tell("drop"); // it may end before it can answer
    all_end(stage, &pids);
}

fn processes_go_on_without_the_job(stage: &Stage) {
    let job = stage.job("");
    let mut process = member(stage, &job);
    let child = started(&mut process, "start");
    drop(job);
    all_stay(stage, &[process.pid(), child]);
    let other = started(&mut process, "start");
    all_stay(stage, &[process.pid(), child, other]);
}

fn limits_stay_without_the_job(stage: &Stage) {
    let job = stage.jobs().process_memory(NARROW).create_unnamed().unwrap();
    let mut process = member(stage, &job);
    drop(job);
    is_narrow(&mut process);
}

fn a_job_with_processes_and_no_handle_has_no_name(stage: &Stage) {
    let job = stage.job("job");
    let process = member(stage, &job);
    drop(job);
    assert_eq!(code(stage.jobs().open("job", Access::ALL)), 2, "opened");
    let anew = stage.job("job");
    assert!(!anew.existed());
    assert_eq!(anew.processes().unwrap(), []);
    anew.terminate(1).unwrap();
    all_stay(stage, &[process.pid()]);
}
