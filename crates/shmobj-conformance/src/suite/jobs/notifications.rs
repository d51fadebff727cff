//! Section 19.7: what a job tells, to those who listen.

use shmobj::job::{Notification, Notifications};
use shmobj::{Job, Timeout};

use crate::case::{Remark, Role, Test, test};
use crate::objects::{Objects, code};
use crate::process::Process;
use crate::stage::Stage;
use crate::suite::members::{all_stay, dismiss, end, member, started, stranger};
use crate::threads::LONG;

pub(in crate::suite) const TESTS: &[Test] = &[
    test!(["JP-1"], a_second_listener_is_87).but_linux("there can be any number", "left: 0\n right: 87"),
    test!(["JP-1"], when_a_listener_has_gone_there_can_be_another)
        .but_wine("the first one stays for good", "somebody listens to it already"),
    test!(["JP-2"], those_that_are_there_are_told_first),
    test!(["JP-3"], of_each_process_it_is_told_that_it_starts_and_ends_and_then_that_none_is_left),
    test!(["JP-4"], what_happens_in_a_job_is_told_to_those_around_it_as_well),
    test!(["JP-6"], what_is_terminated_is_told_one_by_one)
        .but_wine("tells only that no process is left", ": [Empty]\n"),
    test!(["JP-6"], that_all_were_terminated_is_told),
    test!(["JP-8"], not_listening_any_more_changes_nothing),
];

pub(in crate::suite) const ROLES: &[Role] = &[];

pub(in crate::suite) const REASONS: &[Remark] = &[
    Remark::new(&["JP-5"], "that messages can be lost is no promise, so that nothing can break it"),
    Remark::new(
        &["JP-7"],
        "that a number may have been used again is no promise, so that nothing can break it",
    ),
];

pub(in crate::suite) const NOTES: &[Remark] =
    &[Remark::new(&["JP-4"], "which of two jobs is told first is not seen: each has a queue of its own")];

#[track_caller]
fn next(notifications: &Notifications) -> Notification {
    notifications.next(LONG).unwrap().expect("something is told")
}

/// What is told until no process is left.
#[track_caller]
fn all(notifications: &Notifications) -> Vec<Notification> {
    let mut told = Vec::new();
    while told.last() != Some(&Notification::Empty) {
        told.push(next(notifications));
    }
    told
}

fn a_second_listener_is_87(stage: &Stage) {
    let job = stage.job("job");
    let _notifications = job.notifications().unwrap();
    assert_eq!(code(job.notifications()), 87);
    assert_eq!(code(stage.job("job").notifications()), 87);
}

fn when_a_listener_has_gone_there_can_be_another(stage: &Stage) {
    let job = stage.job("job");
    for _ in 0..3 {
        let notifications = job.notifications().unwrap();
        let mut process = member(stage, &job);
        let pid = process.pid();
        dismiss(&mut process);
        let expected = [Notification::Started(pid), Notification::Ended(pid), Notification::Empty];
        assert_eq!(all(&notifications), expected);
    }
}

fn those_that_are_there_are_told_first(stage: &Stage) {
    let job = stage.job("job");
    let (one, other) = (member(stage, &job), member(stage, &job));
    let notifications = job.notifications().unwrap();
    let mut told = [next(&notifications), next(&notifications)];
    let mut there = [one.pid(), other.pid()].map(Notification::Started);
    if told[0] != there[0] {
        told.swap(0, 1);
    }
    assert_eq!(told, there);
    let third = member(stage, &job);
    there[0] = Notification::Started(third.pid());
    assert_eq!(next(&notifications), there[0]);
}

fn of_each_process_it_is_told_that_it_starts_and_ends_and_then_that_none_is_left(stage: &Stage) {
    let job = stage.job("job");
    let notifications = job.notifications().unwrap();
    assert_eq!(notifications.next(Timeout::NOW).unwrap(), None);
    for _ in 0..2 {
        let mut parent = member(stage, &job);
        let mut assigned = stranger(stage);
        job.assign(assigned.pid()).unwrap();
        let child = started(&mut parent, "start");
        let pids = [parent.pid(), assigned.pid(), child];
        // What processes start can be told later than what they do.
        let mut told: Vec<_> = (0..pids.len()).map(|_| next(&notifications)).collect();
        dismiss(&mut parent);
        dismiss(&mut assigned);
        end(stage, child);
        told.extend(all(&notifications));
        assert_eq!(told.len(), 2 * pids.len() + 1, "{told:?}");
        for pid in pids {
            let at = |what| told.iter().position(|told| *told == what);
            let [begin, end] = [Notification::Started(pid), Notification::Ended(pid)].map(at);
            assert!(begin.is_some() && begin < end, "{pid}: {told:?}");
        }
    }
    assert_eq!(notifications.try_next(), None);
}

fn what_happens_in_a_job_is_told_to_those_around_it_as_well(stage: &Stage) {
    let jobs @ [outer, inner]: &[Job; 2] = &[stage.job("outer"), stage.job("inner")];
    let queues = jobs.each_ref().map(|job| job.notifications().unwrap());
    let mut process = member(stage, outer);
    let mut assigned = member(stage, outer);
    inner.assign(assigned.pid()).unwrap();
    let child = started(&mut process, "start in inner");
    // What happens in the inner job can be told later to those around it.
    let mut told = [Vec::new(), Vec::new()];
    for pid in [assigned.pid(), child] {
        for (told, queue) in told.iter_mut().zip(&queues) {
            while !told.contains(&Notification::Started(pid)) {
                told.push(next(queue));
            }
        }
    }
    dismiss(&mut assigned);
    end(stage, child);
    dismiss(&mut process);
    for (told, queue) in told.iter_mut().zip(&queues) {
        told.extend(all(queue));
    }
    let [of_the_outer, of_the_inner] = told;
    for pid in [assigned.pid(), child] {
        let both = [Notification::Started(pid), Notification::Ended(pid)];
        for told in [&of_the_outer, &of_the_inner] {
            let of_it: Vec<_> = told.iter().filter(|told| both.contains(told)).copied().collect();
            assert_eq!(of_it, both, "{told:?}");
        }
    }
    let own = Notification::Started(process.pid());
    assert!(of_the_outer.contains(&own) && !of_the_inner.contains(&own));
}

fn what_is_terminated_is_told_one_by_one(stage: &Stage) {
    let job = stage.job("job");
    let notifications = job.notifications().unwrap();
    let processes = [member(stage, &job), member(stage, &job)];
    let pids = processes.each_ref().map(Process::pid);
    for pid in pids {
        assert_eq!(next(&notifications), Notification::Started(pid));
    }
    job.terminate(1).unwrap();
    let told = all(&notifications);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(pids.iter().all(|pid| told.contains(&Notification::Ended(*pid))), "{told:?}");
}

fn that_all_were_terminated_is_told(stage: &Stage) {
    let job = stage.job("job");
    let notifications = job.notifications().unwrap();
    let _processes = [member(stage, &job), member(stage, &job)];
    job.terminate(1).unwrap();
    assert_eq!(all(&notifications).last(), Some(&Notification::Empty));
}

fn not_listening_any_more_changes_nothing(stage: &Stage) {
    let job = stage.jobs().kill_on_close(true).create("job").unwrap();
    let notifications = job.notifications().unwrap();
    let process = member(stage, &job);
    let limits = job.limits().unwrap();
    drop(notifications);
    all_stay(stage, &[process.pid()]);
    assert_eq!(job.limits().unwrap(), limits);
    assert!(!job.wait(Timeout::NOW).unwrap());
    let other = member(stage, &job);
    assert_eq!(job.processes().unwrap().len(), 2);
    assert!(job.contains(other.pid()).unwrap());
}
