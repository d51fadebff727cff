//! Section 19.1: processes that are put into a job.

use shmobj::{Access, job};

use crate::case::{Remark, Role, Test, test};
use crate::objects::{Objects, code};
use crate::stage::Stage;
use crate::suite::members::{
    all_end, dismiss, end, is_there, member, started, stranger, survivors, try_member,
};
use crate::threads::{LONG, until};

pub(in crate::suite) const TESTS: &[Test] = &[
    test!(["JA-1"], a_process_of_no_job_can_be_assigned),
    test!(["JA-2"], a_process_that_is_in_the_job_can_be_assigned_again),
    test!(["JA-3"], a_new_job_comes_to_be_inside_of_that_of_its_first_process),
    test!(["JA-4"], a_second_process_can_be_assigned_to_a_job_inside_of_its_own),
    test!(["JA-5"], a_job_with_processes_outside_is_closed_to_one_of_another_job),
    test!(["JA-6"], a_process_that_has_ended_is_5),
    test!(["JA-8"], who_may_not_assign_is_5),
    test!(["JA-11"], a_process_more_than_there_may_be_is_1816_and_ended)
        .but_wine("ignores the limit", "one is started\n  left: 0\n"),
    test!(["JA-12"], a_process_can_assign_itself_and_others),
    test!(["JA-13"], when_its_processes_have_ended_with_the_last_handle_there_is_no_job),
];

pub(in crate::suite) const ROLES: &[Role] = &[];

pub(in crate::suite) const REASONS: &[Remark] = &[
    Remark::new(
        &["JA-7"],
        "a handle is a value, and open as long as it is there; a process is named by its number",
    ),
    Remark::new(&["JA-9"], "restrictions of the user interface are not offered"),
    Remark::new(&["JA-10"], "not tested: it needs two sessions"),
];

pub(in crate::suite) const NOTES: &[Remark] = &[
    Remark::new(
        &["JA-1"],
        "there is no operation that takes a process out of a job. On Linux without control groups, what a process has started before stays outside",
    ),
    Remark::new(&["JA-8"], "that of the process's rights needs two users: a process is named by its number"),
];

fn a_process_of_no_job_can_be_assigned(stage: &Stage) {
    let job = stage.job("job");
    let mut process = stranger(stage);
    assert!(!job.contains(process.pid()).unwrap());
    assert_eq!(process.ask("is in job"), "false");
    job.assign(process.pid()).unwrap();
    assert!(job.contains(process.pid()).unwrap());
    assert_eq!(process.ask("is in job"), "true");
    assert_eq!(job.processes().unwrap(), [process.pid()]);
    let child = started(&mut process, "start");
    assert!(job.contains(child).unwrap(), "what it starts from now on");
}

fn a_process_that_is_in_the_job_can_be_assigned_again(stage: &Stage) {
    let job = stage.job("job");
    let (was_started, was_assigned) = (member(stage, &job), stranger(stage));
    job.assign(was_assigned.pid()).unwrap();
    for process in [&was_started, &was_assigned] {
        job.assign(process.pid()).unwrap();
        assert!(job.contains(process.pid()).unwrap());
    }
    let usage = job.usage().unwrap();
    assert_eq!((usage.active_processes, usage.total_processes), (2, 2));
    assert_eq!(job.processes().unwrap().len(), 2);
}

fn a_new_job_comes_to_be_inside_of_that_of_its_first_process(stage: &Stage) {
    let (outer, inner, third) = (stage.job("outer"), stage.job("inner"), stage.job("third"));
    let mut process = member(stage, &outer);
    inner.assign(process.pid()).unwrap();
    let child = started(&mut process, "start");
    for pid in [process.pid(), child] {
        assert!(outer.contains(pid).unwrap() && inner.contains(pid).unwrap());
    }
    // Whoever starts a process in a job puts the job inside of its own.
    let mut other = member(stage, &outer);
    let child = started(&mut other, "start in third");
    assert!(outer.contains(child).unwrap() && third.contains(child).unwrap());
    assert!(!inner.contains(child).unwrap());
    assert!(!third.contains(other.pid()).unwrap());
}

fn a_second_process_can_be_assigned_to_a_job_inside_of_its_own(stage: &Stage) {
    let (outer, inner) = (stage.job("outer"), stage.job("inner"));
    let (one, other) = (member(stage, &outer), member(stage, &outer));
    inner.assign(one.pid()).unwrap();
    inner.assign(other.pid()).unwrap();
    for process in [one, other] {
        assert!(outer.contains(process.pid()).unwrap() && inner.contains(process.pid()).unwrap());
    }
}

fn a_job_with_processes_outside_is_closed_to_one_of_another_job(stage: &Stage) {
    let (job, other) = (stage.job("job"), stage.job("other"));
    let mut outside = member(stage, &other);
    let process = member(stage, &job);
    assert_eq!(code(other.assign(process.pid())), 5);
    dismiss(&mut outside);
    assert_eq!(code(other.assign(process.pid())), 5, "it has had one outside");
    assert!(job.contains(process.pid()).unwrap() && !other.contains(process.pid()).unwrap());
}

fn a_process_that_has_ended_is_5(stage: &Stage) {
    let job = stage.job("job");
    let mut process = stranger(stage);
    process.tell("end");
    process.has_ended();
    assert_eq!(code(job.assign(process.pid())), 5);
    assert_eq!(job.usage().unwrap().total_processes, 0);
}

fn who_may_not_assign_is_5(stage: &Stage) {
    let job = stage.job("job");
    let process = stranger(stage);
    let others = Access::ALL.difference(Access::READ_WRITE | Access::ASSIGN);
    for handle in [stage.jobs().open("job", others).unwrap(), job.try_clone_with(others).unwrap()] {
        assert_eq!(code(handle.assign(process.pid())), 5);
        assert_eq!(code(stage.member_with(&handle, "acts", |_| ())), 5);
    }
    assert_eq!(job.usage().unwrap().total_processes, 0);
    let assigning = stage.jobs().open("job", Access::ASSIGN).unwrap();
    assigning.assign(process.pid()).unwrap();
    assert!(job.contains(process.pid()).unwrap());
}

fn a_process_more_than_there_may_be_is_1816_and_ended(stage: &Stage) {
    let job = stage.jobs().max_processes(1).create("job").unwrap();
    let notifications = job.notifications().unwrap();
    let mut first = member(stage, &job);
    assert_eq!(code(try_member(stage, &job)), 1816, "one is started");
    let mut other = stranger(stage);
    assert_eq!(code(job.assign(other.pid())), 1816, "one is assigned");
    assert_ne!(other.code(), Some(0), "it is ended");
    let hit = job::Notification::Limit(job::Limit::Processes);
    until("the limit is told", || {
        let next = notifications.next(LONG).unwrap();
        assert!(next.is_some(), "the limit is told");
        next == Some(hit)
    });
    assert_eq!(job.processes().unwrap(), [first.pid()]);
    assert!(is_there(stage, first.pid()));
    dismiss(&mut first);
    let next = member(stage, &job);
    assert_eq!(job.processes().unwrap(), [next.pid()], "there is room for one again");
}

fn a_process_can_assign_itself_and_others(stage: &Stage) {
    let job = stage.job("job");
    let (mut process, other) = (stranger(stage), stranger(stage));
    assert_eq!(process.ask("assign self to job"), "0");
    assert_eq!(process.ask("is in job"), "true");
    assert_eq!(process.ask(&format!("assign {} to job", other.pid())), "0");
    assert!(job.contains(other.pid()).unwrap());
    let child = started(&mut process, "start");
    assert!(job.contains(child).unwrap());
    end(stage, child);
}

fn when_its_processes_have_ended_with_the_last_handle_there_is_no_job(stage: &Stage) {
    let job = stage.jobs().kill_on_close(true).create("job").unwrap();
    let process = member(stage, &job);
    assert_eq!(survivors(stage, &[process.pid()]), 1);
    drop(job);
    all_end(stage, &[process.pid()]);
    drop(process);
    until("the job is gone", || code(stage.jobs().open("job", Access::ALL)) == 2);
    let anew = stage.job("job");
    assert!(!anew.existed());
    assert_eq!(anew.processes().unwrap(), []);
    assert!(!anew.limits().unwrap().kill_on_close);
}
