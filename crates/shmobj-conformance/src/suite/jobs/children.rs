//! Section 19.2: in which job the processes are that others start.

use shmobj::Job;
use shmobj::job::Breakaway;

use crate::case::{Remark, Role, Test, role, test};
use crate::objects::Objects;
use crate::process::{Cue, Process};
use crate::stage::Stage;
use crate::suite::members::{dismiss, end, is_there, member, started, stranger, try_started};

pub(in crate::suite) const TESTS: &[Test] = &[
    test!(["JC-1"], a_child_is_in_every_job_of_its_parent),
    test!(["JC-1"], a_child_stays_in_the_job_when_its_parent_has_ended),
    test!(["JC-2"], nobody_gets_out_of_a_job_that_does_not_permit_it),
    test!(["JC-3"], a_child_can_be_started_outside_where_that_is_permitted),
    test!(["JC-3"], a_child_gets_out_as_far_as_the_jobs_permit_it),
    test!(["JC-4"], children_are_outside_where_that_is_said),
    test!(["JC-4"], children_are_outside_as_far_as_the_jobs_say),
    test!(["JC-5"], who_is_in_no_job_starts_outside_anyway),
    test!(["JC-6"], a_process_is_in_the_job_before_it_does_anything),
    test!(["JC-7"], a_process_is_in_its_job_and_in_those_around_it),
    test!(["JC-7"], a_process_that_has_ended_is_in_the_job_still).but_linux(
        "87: the number of a process that has ended is nobody's, as soon as it was waited for",
        "left: Err(87)",
    ),
];

pub(in crate::suite) const ROLES: &[Role] = &[role!(looks_first)];
pub(in crate::suite) const REASONS: &[Remark] = &[];

pub(in crate::suite) const NOTES: &[Remark] = &[
    Remark::new(&["JC-6"], "`spawn` names one job; those around it come from the process that calls it"),
    Remark::new(&["JC-7"], "whether a process is in any job at all cannot be asked"),
];

/// A job, and a job inside of it with a process.
fn nested(stage: &Stage, outer: Breakaway, inner: Breakaway) -> (Job, Job, Process) {
    let outer = stage.jobs().breakaway(outer).create("outer").unwrap();
    let inner = stage.jobs().breakaway(inner).create("inner").unwrap();
    let process = member(stage, &outer);
    inner.assign(process.pid()).unwrap();
    (outer, inner, process)
}

/// In which of two jobs a process is.
fn places(jobs: [&Job; 2], pid: u32) -> [bool; 2] {
    jobs.map(|job| job.contains(pid).unwrap())
}

fn a_child_is_in_every_job_of_its_parent(stage: &Stage) {
    let (outer, inner, mut process) = nested(stage, Breakaway::Denied, Breakaway::Denied);
    for _ in 0..3 {
        let child = started(&mut process, "start");
        assert_eq!(places([&outer, &inner], child), [true, true]);
    }
    assert_eq!([&outer, &inner].map(|job| job.processes().unwrap().len()), [4, 4]);
}

fn a_child_stays_in_the_job_when_its_parent_has_ended(stage: &Stage) {
    let job = stage.job("job");
    let mut process = member(stage, &job);
    let child = started(&mut process, "start");
    dismiss(&mut process);
    assert!(job.contains(child).unwrap());
    assert_eq!(job.processes().unwrap(), [child]);
    end(stage, child);
}

fn nobody_gets_out_of_a_job_that_does_not_permit_it(stage: &Stage) {
    let job = stage.job("job");
    let mut process = member(stage, &job);
    assert_eq!(try_started(&mut process, "start out of job"), Err(5));
    assert_eq!(job.processes().unwrap(), [process.pid()]);
}

fn a_child_can_be_started_outside_where_that_is_permitted(stage: &Stage) {
    let job = stage.jobs().breakaway(Breakaway::Allowed).create("job").unwrap();
    let mut process = member(stage, &job);
    let inside = started(&mut process, "start");
    let outside = started(&mut process, "start out of job");
    assert!(job.contains(inside).unwrap(), "it was not asked for");
    assert!(!job.contains(outside).unwrap());
    job.terminate(1).unwrap();
    assert!(!is_there(stage, inside) && is_there(stage, outside));
    end(stage, outside);
}

fn a_child_gets_out_as_far_as_the_jobs_permit_it(stage: &Stage) {
    let (outer, inner, mut process) = nested(stage, Breakaway::Denied, Breakaway::Allowed);
    let child = started(&mut process, "start out of inner");
    assert_eq!(places([&outer, &inner], child), [true, false]);
}

fn children_are_outside_where_that_is_said(stage: &Stage) {
    let job = stage.jobs().breakaway(Breakaway::Silent).create("job").unwrap();
    let mut process = member(stage, &job);
    for order in ["start", "start out of job"] {
        let child = started(&mut process, order);
        assert!(!job.contains(child).unwrap(), "{order}");
    }
    assert_eq!(job.processes().unwrap(), [process.pid()]);
    let other = member(stage, &job);
    assert!(job.contains(other.pid()).unwrap(), "it was started in the job");
}

fn children_are_outside_as_far_as_the_jobs_say(stage: &Stage) {
    let (outer, inner, mut process) = nested(stage, Breakaway::Denied, Breakaway::Silent);
    let child = started(&mut process, "start");
    assert_eq!(places([&outer, &inner], child), [true, false]);
}

fn who_is_in_no_job_starts_outside_anyway(stage: &Stage) {
    for breakaway in [Breakaway::Denied, Breakaway::Allowed, Breakaway::Silent] {
        let job = stage.jobs().breakaway(breakaway).create("").unwrap();
        let mut process = stage.outsider(&job, "acts").unwrap();
        process.expect("ready");
        assert!(!job.contains(process.pid()).unwrap(), "{breakaway:?}");
        assert_eq!(job.usage().unwrap().total_processes, 0, "{breakaway:?}");
    }
}

/// Says, first of all, whether it is in the job.
fn looks_first(cue: &Cue) {
    let job = cue.jobs().open("job", shmobj::Access::QUERY).unwrap();
    cue.say(job.contains(std::process::id()).unwrap().to_string());
}

fn a_process_is_in_the_job_before_it_does_anything(stage: &Stage) {
    let job = stage.job("job");
    let mut process = stage.member_with(&job, "looks_first", |_| ()).unwrap();
    process.expect("true");
    process.wait();
    // With a job around it: first that one, and this one inside of it.
    let (outer, inner) = (stage.job("outer"), stage.job("inner"));
    let mut process = member(stage, &outer);
    let child = started(&mut process, "start in inner");
    assert_eq!(places([&outer, &inner], child), [true, true]);
    assert_eq!(places([&outer, &inner], process.pid()), [true, false]);
}

fn a_process_is_in_its_job_and_in_those_around_it(stage: &Stage) {
    let (outer, inner, process) = nested(stage, Breakaway::Denied, Breakaway::Denied);
    let (beside, stranger) = (stage.job("beside"), stranger(stage));
    assert_eq!(places([&outer, &inner], process.pid()), [true, true]);
    assert!(!beside.contains(process.pid()).unwrap());
    assert_eq!(places([&outer, &inner], stranger.pid()), [false, false]);
}

fn a_process_that_has_ended_is_in_the_job_still(stage: &Stage) {
    let job = stage.job("job");
    let mut process = member(stage, &job);
    dismiss(&mut process);
    assert_eq!(job.contains(process.pid()).map_err(|error| error.win32_code()), Ok(true));
}
