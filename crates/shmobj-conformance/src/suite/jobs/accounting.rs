//! Section 19.3, and the list of processes: what a job tells of its processes.

use std::time::Duration;

use shmobj::{Job, job};

use crate::case::{Remark, Role, Test, test};
use crate::objects::{Objects, code};
use crate::stage::Stage;
use crate::suite::members::{dismiss, end, member, started, stranger, try_member};
use crate::threads::{unless_wine, until, until_within};

pub(in crate::suite) const TESTS: &[Test] = &[
    test!(["JQ-1"], the_time_of_processes_is_counted_also_when_they_have_ended)
        .but_wine("counts no time", "its time is counted: not within"),
    test!(["JQ-4"], every_process_is_counted_also_when_it_has_ended),
    test!(["JQ-4"], what_processes_start_is_counted_also_when_it_has_ended)
        .but_linux("counts what processes start only as far as somebody saw it", "left: 1\n right: 2"),
    test!(["JQ-4"], a_process_that_was_refused_is_counted).but_wine("refuses none", "left: 0\n right: 1816"),
    test!(["JQ-5"], those_are_active_that_are_there_now),
    test!(["JQ-6"], what_is_terminated_has_not_gone_over_a_limit),
    test!(["JQ-6"], what_a_limit_has_ended_is_counted).but_wine("ignores the limit", "left: 0\n right: 1816"),
    test!(["JQ-7"], a_job_counts_what_is_in_the_jobs_inside_of_it),
    test!(["JQ-8"], a_process_that_was_waited_for_is_not_active),
    test!(["JI-4"], the_list_has_those_that_are_there_also_in_jobs_inside),
];

pub(in crate::suite) const ROLES: &[Role] = &[];

pub(in crate::suite) const REASONS: &[Remark] = &[
    Remark::new(&["JQ-2"], "there are no periods: time is told from the job's beginning on"),
    Remark::new(&["JQ-3"], "page faults are not told"),
];

pub(in crate::suite) const NOTES: &[Remark] = &[];

fn time(job: &Job) -> Duration {
    let usage = job.usage().unwrap();
    usage.user_time + usage.system_time
}

fn the_time_of_processes_is_counted_also_when_they_have_ended(stage: &Stage) {
    const MUCH: Duration = Duration::from_millis(100);
    let job = stage.job("job");
    let mut process = member(stage, &job);
    process.ask("burn");
    until_within(unless_wine(), "its time is counted", || time(&job) >= MUCH);
    process.ask("rest");
    dismiss(&mut process);
    let after = time(&job);
    assert!(after >= MUCH, "{after:?} when it has ended");
    let mut other = member(stage, &job);
    other.ask("burn");
    until_within(unless_wine(), "the next one's is added", || time(&job) >= after + MUCH);
    let usage = job.usage().unwrap();
    assert!(usage.user_time >= MUCH, "{usage:?}");
}

fn every_process_is_counted_also_when_it_has_ended(stage: &Stage) {
    let job = stage.job("job");
    let total = || job.usage().unwrap().total_processes;
    assert_eq!(total(), 0);
    let mut first = member(stage, &job);
    assert_eq!(total(), 1);
    dismiss(&mut first);
    assert_eq!(total(), 1);
    let mut second = member(stage, &job);
    assert_eq!(total(), 2);
    let child = started(&mut second, "start in job");
    assert_eq!(total(), 3);
    end(stage, child);
    let assigned = stranger(stage);
    job.assign(assigned.pid()).unwrap();
    assert_eq!(total(), 4);
    job.terminate(1).unwrap();
    assert_eq!(total(), 4);
}

fn what_processes_start_is_counted_also_when_it_has_ended(stage: &Stage) {
    let job = stage.job("job");
    let mut process = member(stage, &job);
    let child = started(&mut process, "start");
    end(stage, child);
    // Also nothing that is about to end is there to be seen.
    until("it has ended for good", || !job.contains(child).unwrap_or(false));
    assert_eq!(job.usage().unwrap().total_processes, 2);
}

fn a_process_that_was_refused_is_counted(stage: &Stage) {
    let job = stage.jobs().max_processes(1).create("job").unwrap();
    let _first = member(stage, &job);
    assert_eq!(code(try_member(stage, &job)), 1816);
    assert_eq!(job.usage().unwrap().total_processes, 2);
}

fn those_are_active_that_are_there_now(stage: &Stage) {
    let job = stage.job("job");
    let active = || job.usage().unwrap().active_processes;
    assert_eq!(active(), 0);
    let mut first = member(stage, &job);
    let mut second = member(stage, &job);
    assert_eq!(active(), 2);
    let child = started(&mut first, "start");
    assert_eq!(active(), 3);
    end(stage, child);
    until("the child is not active any more", || active() == 2);
    dismiss(&mut first);
    dismiss(&mut second);
    until("nobody is active any more", || active() == 0);
}

fn what_is_terminated_has_not_gone_over_a_limit(stage: &Stage) {
    let job = stage.job("job");
    let (_one, _other) = (member(stage, &job), member(stage, &job));
    job.terminate(1).unwrap();
    let usage = job.usage().unwrap();
    assert_eq!((usage.total_processes, usage.terminated_processes), (2, 0));
}

fn what_a_limit_has_ended_is_counted(stage: &Stage) {
    let job = stage.jobs().max_processes(1).create("job").unwrap();
    let (first, mut other) = (member(stage, &job), stranger(stage));
    assert_eq!(code(job.assign(other.pid())), 1816);
    assert_ne!(other.code(), Some(0));
    assert_eq!(job.usage().unwrap().terminated_processes, 1);
    assert_eq!(job.processes().unwrap(), [first.pid()], "the other one is not");
}

fn a_job_counts_what_is_in_the_jobs_inside_of_it(stage: &Stage) {
    let (outer, inner) = (stage.job("outer"), stage.job("inner"));
    let counts = |job: &Job| {
        let job::Usage { active_processes, total_processes, .. } = job.usage().unwrap();
        (active_processes, total_processes)
    };
    let mut process = member(stage, &outer);
    let child = started(&mut process, "start in inner");
    assert_eq!(counts(&inner), (1, 1));
    assert_eq!(counts(&outer), (2, 2));
    end(stage, child);
    until("the child is not active any more", || [&inner, &outer].map(|job| counts(job).0) == [0, 1]);
    assert_eq!(counts(&inner), (0, 1));
}

fn a_process_that_was_waited_for_is_not_active(stage: &Stage) {
    let job = stage.job("job");
    for _ in 0..5 {
        dismiss(&mut member(stage, &job));
        assert_eq!(job.usage().unwrap().active_processes, 0);
    }
}

fn the_list_has_those_that_are_there_also_in_jobs_inside(stage: &Stage) {
    let (outer, inner) = (stage.job("outer"), stage.job("inner"));
    let list = |job: &Job| {
        let mut list = job.processes().unwrap();
        list.sort_unstable();
        list
    };
    assert_eq!(list(&outer), []);
    let mut process = member(stage, &outer);
    let ended = started(&mut process, "start");
    end(stage, ended);
    let child = started(&mut process, "start in inner");
    let mut both = [process.pid(), child];
    both.sort_unstable();
    until("those that have ended are not in the list", || list(&outer) == both);
    assert_eq!(list(&inner), [child]);
}
