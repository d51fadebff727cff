//! Section 19.6: the end of all processes, and when a job is signalled.

use std::time::Duration;

use shmobj::job::Notification;
use shmobj::{Access, Timeout};

use crate::case::{Remark, Role, Test, test};
use crate::objects::{Objects, code};
use crate::stage::Stage;
use crate::suite::members::{all_stay, dismiss, end, is_there, member, started, stranger, survivors};
use crate::threads::{LONG, SHORT, Waiter, unless_wine, until};

pub(in crate::suite) const TESTS: &[Test] = &[
    test!(["JT-1"], all_processes_end_also_in_jobs_inside),
    test!(["JT-1"], those_that_were_started_in_the_job_end_with_the_code),
    test!(["JT-1"], those_that_were_assigned_end_with_the_code)
        .but_linux("a signal ends those that were not started in the job", "left: None"),
    test!(["JT-2"], a_job_that_was_terminated_is_signalled_and_stays_so),
    test!(["JT-3"], a_job_without_processes_can_be_terminated),
    test!(["JT-4"], a_job_that_was_terminated_can_be_used_again),
    test!(["JT-5"], a_job_whose_processes_have_ended_by_themselves_is_not_signalled),
    test!(["JT-6"], a_job_whose_time_is_used_up_is_ended_and_signalled)
        .but_wine("ignores the limit", "it is signalled"),
    test!(["JT-7", "AR-7"], who_may_not_terminate_is_5),
    test!(["JT-8"], that_no_process_is_left_is_told_and_counted),
    test!(["JT-9"], terminating_goes_inwards_and_not_outwards),
];

pub(in crate::suite) const ROLES: &[Role] = &[];
pub(in crate::suite) const REASONS: &[Remark] = &[];

pub(in crate::suite) const NOTES: &[Remark] = &[
    Remark::new(&["JT-1"], "in which order they end is not seen"),
    Remark::new(&["JT-7"], "a handle is a value, and open as long as it is there"),
];

fn all_processes_end_also_in_jobs_inside(stage: &Stage) {
    let (outer, _inner) = (stage.job("outer"), stage.job("inner"));
    let (mut one, mut other) = (member(stage, &outer), stranger(stage));
    outer.assign(other.pid()).unwrap();
    let mut pids = vec![one.pid(), other.pid()];
    for order in ["start", "start", "start in inner"] {
        pids.push(started(&mut one, order));
    }
    pids.push(started(&mut other, "start"));
    assert_eq!(survivors(stage, &pids), 6);
    outer.terminate(1).unwrap();
    assert_eq!(survivors(stage, &pids), 0, "when it returns");
    assert_eq!(outer.processes().unwrap(), []);
}

fn those_that_were_started_in_the_job_end_with_the_code(stage: &Stage) {
    for expected in [0, 1, 3, 255] {
        let job = stage.job("");
        let mut processes = [member(stage, &job), member(stage, &job)];
        job.terminate(expected).unwrap();
        for process in &mut processes {
            assert_eq!(process.code(), Some(expected as i32));
        }
    }
}

fn those_that_were_assigned_end_with_the_code(stage: &Stage) {
    let job = stage.job("");
    let mut process = stranger(stage);
    job.assign(process.pid()).unwrap();
    job.terminate(3).unwrap();
    assert_eq!(process.code(), Some(3));
}

fn a_job_that_was_terminated_is_signalled_and_stays_so(stage: &Stage) {
    let job = stage.job("job");
    let process = member(stage, &job);
    assert!(!job.wait(SHORT).unwrap(), "it is not from the beginning");
    std::thread::scope(|scope| {
        let waiter = Waiter::blocked(scope, || job.wait(LONG).unwrap());
        job.terminate(1).unwrap();
        assert!(waiter.outcome());
    });
    drop(process);
    let is_signalled = |what: &str| {
        for _ in 0..2 {
            assert!(job.wait(Timeout::NOW).unwrap(), "{what}");
        }
        let opened = stage.jobs().open("job", Access::SYNCHRONIZE).unwrap();
        assert!(opened.wait(Timeout::NOW).unwrap(), "{what}");
    };
    is_signalled("a wait takes nothing");
    let mut started = member(stage, &job);
    is_signalled("a process was started");
    let mut assigned = stranger(stage);
    job.assign(assigned.pid()).unwrap();
    is_signalled("a process was assigned");
    dismiss(&mut started);
    dismiss(&mut assigned);
    is_signalled("they have ended");
}

fn a_job_without_processes_can_be_terminated(stage: &Stage) {
    let job = stage.job("job");
    assert!(!job.wait(Timeout::NOW).unwrap());
    job.terminate(1).unwrap();
    assert!(job.wait(Timeout::NOW).unwrap());
}

fn a_job_that_was_terminated_can_be_used_again(stage: &Stage) {
    let job = stage.job("job");
    for _ in 0..2 {
        let (mut started_in, mut assigned) = (member(stage, &job), stranger(stage));
        job.assign(assigned.pid()).unwrap();
        let pids = [
            started_in.pid(),
            assigned.pid(),
            started(&mut started_in, "start"),
            started(&mut assigned, "start"),
        ];
        all_stay(stage, &pids);
        assert_eq!(job.processes().unwrap().len(), 4);
        job.terminate(1).unwrap();
        assert_eq!(survivors(stage, &pids), 0);
    }
}

fn a_job_whose_processes_have_ended_by_themselves_is_not_signalled(stage: &Stage) {
    let job = stage.job("job");
    let (mut one, mut other) = (member(stage, &job), member(stage, &job));
    dismiss(&mut one);
    dismiss(&mut other);
    until("no process is left", || job.usage().unwrap().active_processes == 0);
    assert!(!job.wait(SHORT).unwrap());
}

fn a_job_whose_time_is_used_up_is_ended_and_signalled(stage: &Stage) {
    let job = stage.jobs().cpu_time(Duration::from_millis(300)).create("job").unwrap();
    let (mut spendthrift, other) = (member(stage, &job), member(stage, &job));
    spendthrift.ask("burn");
    assert!(job.wait(unless_wine()).unwrap(), "it is signalled");
    until("no process is left", || survivors(stage, &[spendthrift.pid(), other.pid()]) == 0);
}

fn who_may_not_terminate_is_5(stage: &Stage) {
    let job = stage.job("job");
    let process = member(stage, &job);
    let others = Access::ALL.difference(Access::READ_WRITE | Access::TERMINATE);
    for handle in [stage.jobs().open("job", others).unwrap(), job.try_clone_with(others).unwrap()] {
        assert_eq!(code(handle.terminate(1)), 5);
    }
    all_stay(stage, &[process.pid()]);
    assert!(!job.wait(Timeout::NOW).unwrap());
    stage.jobs().open("job", Access::TERMINATE).unwrap().terminate(1).unwrap();
    assert!(!is_there(stage, process.pid()));
}

fn that_no_process_is_left_is_told_and_counted(stage: &Stage) {
    let job = stage.job("job");
    let notifications = job.notifications().unwrap();
    let mut process = member(stage, &job);
    let child = started(&mut process, "start");
    dismiss(&mut process);
    until("one is left", || job.usage().unwrap().active_processes == 1);
    while let Some(told) = notifications.try_next() {
        assert_ne!(told, Notification::Empty);
    }
    end(stage, child);
    while notifications.next(LONG).unwrap().expect("something is told") != Notification::Empty {}
    assert_eq!(job.usage().unwrap().active_processes, 0);
    assert!(!job.wait(Timeout::NOW).unwrap());
}

fn terminating_goes_inwards_and_not_outwards(stage: &Stage) {
    let (outer, inner) = (stage.job("outer"), stage.job("inner"));
    let mut process = member(stage, &outer);
    let beside = started(&mut process, "start");
    let inside = started(&mut process, "start in inner");
    inner.terminate(1).unwrap();
    assert!(!is_there(stage, inside));
    all_stay(stage, &[process.pid(), beside]);
    assert!(!outer.wait(Timeout::NOW).unwrap() && inner.wait(Timeout::NOW).unwrap());
    let inside = started(&mut process, "start in inner");
    outer.terminate(1).unwrap();
    assert_eq!(survivors(stage, &[process.pid(), beside, inside]), 0);
}
