//! Sections 19.4 and 19.5: limits, and what a handle needs for them.

use std::time::Duration;

use shmobj::job::{Breakaway, Limits};
use shmobj::{Access, Job};

use crate::case::{Remark, Role, Test, test};
use crate::objects::{Objects, code};
use crate::process::Process;
use crate::stage::Stage;
use crate::suite::members::member;

pub(in crate::suite) const TESTS: &[Test] = &[
    test!(["JI-11", "AR-7"], a_handle_without_the_right_for_it_queries_and_changes_nothing),
    test!(["JI-13"], new_limits_replace_all_that_were_there)
        .but_wine("tells of no limit", "left: Limits { kill_on_close: false, max_processes: None"),
    test!(["JL-1", "JL-2"], of_limits_around_each_other_the_narrower_one_holds)
        .but_wine("ignores the limits", "left: \"has it\"\n right: \"refused\""),
];

pub(in crate::suite) const ROLES: &[Role] = &[];

pub(in crate::suite) const REASONS: &[Remark] = &[
    Remark::new(
        &["JI-1", "JI-2", "JI-3", "JI-5", "JI-6", "JI-8"],
        "what is asked and set are types; there are no classes, buffers and lengths",
    ),
    Remark::new(&["JI-7"], "`Limits` has no bits that are not defined"),
    Remark::new(&["JI-9"], "`Limits` is one type, and has all limits"),
    Remark::new(&["JI-10"], "a job is asked through a handle: the caller's own job has none"),
    Remark::new(&["JI-12"], "a handle is a value, and open as long as it is there"),
    Remark::new(&["JI-14"], "restrictions of the user interface are not offered"),
    Remark::new(&["JI-15"], "the limits that are set are all limits: none is preserved"),
];

pub(in crate::suite) const NOTES: &[Remark] = &[
    Remark::new(&["JI-13"], "there is no PRESERVE_JOB_TIME"),
    Remark::new(
        &["JL-1", "JL-2"],
        "tested with the memory of a process; priorities, processors and working sets are no limits of this library",
    ),
];

/// All rights but one.
fn without(job: &Job, right: Access) -> Job {
    job.try_clone_with(job.access().difference(right)).unwrap()
}

fn a_handle_without_the_right_for_it_queries_and_changes_nothing(stage: &Stage) {
    let job = stage.jobs().max_processes(7).create("job").unwrap();
    let limits = job.limits().unwrap();
    let process = member(stage, &job);
    let blind = without(&job, Access::QUERY);
    let asked = [
        code(blind.processes()),
        code(blind.contains(process.pid())),
        code(blind.usage()),
        code(blind.limits()),
    ];
    assert_eq!(asked, [5; 4], "without QUERY");
    let looking = without(&job, Access::MODIFY);
    let changed = [
        code(looking.set_limits(&Limits::new())),
        code(looking.freeze()),
        code(looking.thaw()),
        code(looking.notifications()),
    ];
    assert_eq!(changed, [5; 4], "without MODIFY");
    assert_eq!(job.limits().unwrap(), limits);
    // Each right is enough by itself.
    let opened = |access| stage.jobs().open("job", access).unwrap();
    assert_eq!(opened(Access::QUERY).processes().unwrap(), [process.pid()]);
    opened(Access::MODIFY).set_limits(&Limits::new().kill_on_close(true)).unwrap();
    assert_eq!(code(without(&job, Access::TERMINATE).terminate(1)), 5);
    assert_eq!(job.processes().unwrap(), [process.pid()]);
    opened(Access::TERMINATE).terminate(1).unwrap();
    assert_eq!(job.processes().unwrap(), []);
}

fn new_limits_replace_all_that_were_there(stage: &Stage) {
    let all = Limits::new()
        .kill_on_close(true)
        .max_processes(7)
        .memory(1 << 33)
        .process_memory(1 << 32)
        .cpu_time(Duration::from_secs(3600))
        .process_cpu_time(Duration::from_secs(1800))
        .breakaway(Breakaway::Allowed);
    let few = [
        Limits::new(),
        Limits::new().max_processes(9),
        Limits::new().breakaway(Breakaway::Silent),
        Limits::new().kill_on_close(true).memory(1 << 34),
    ];
    let job = stage.jobs().limits(all).create("job").unwrap();
    assert_eq!(job.limits().unwrap(), all);
    for limits in few {
        job.set_limits(&limits).unwrap();
        assert_eq!(job.limits().unwrap(), limits);
        job.set_limits(&all).unwrap();
        assert_eq!(stage.jobs().open("job", Access::QUERY).unwrap().limits().unwrap(), all);
    }
}

/// More than the narrow limit, and less than the wide one.
pub(super) const NARROW: u64 = 256 << 20;
const WIDE: u64 = 4 << 30;

/// A process has no more memory than this limit permits.
#[track_caller]
pub(super) fn is_narrow(process: &mut Process) {
    assert_eq!(process.ask("allocate 16"), "has it");
    assert_eq!(process.ask("allocate 512"), "refused");
}

fn of_limits_around_each_other_the_narrower_one_holds(stage: &Stage) {
    for [around, inside] in [[NARROW, WIDE], [WIDE, NARROW]] {
        let outer = stage.jobs().process_memory(around).create_unnamed().unwrap();
        let inner = stage.jobs().process_memory(inside).create_unnamed().unwrap();
        let mut process = member(stage, &outer);
        inner.assign(process.pid()).unwrap();
        is_narrow(&mut process);
    }
}
