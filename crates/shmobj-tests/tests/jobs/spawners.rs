//! Who starts processes in jobs: with threads, from several processes at once, with memory and descriptors and signals of its own, of which
//! guardians must keep nothing.

use rustix::process::Signal;
use shmobj_tests::lab::{Lab, Marked, PATIENCE, send};
use shmobj_tests::puppet::{in_milliseconds, number};
use shmobj_tests::system::{descriptors, is_root_for, until};

#[test]
fn many_threads_start_processes_in_one_job() {
    crate::each("many_threads_start_processes_in_one_job", |lab| {
        let mut spawner = lab.puppet("spawner");
        spawner.does("job h threads new kill");
        // Each of them ends with the code that it was to end with.
        assert_eq!(spawner.does("enter-many h 8 12"), "96");
        let usage = spawner.does("usage h");
        assert_eq!((number(&usage, "active"), number(&usage, "total")), (0, 96));
        spawner.does("lose h");
        lab.nothing_is_left("eight threads");
    });
}

/// The limit holds for all together, at every moment.
#[test]
fn two_processes_that_start_others_at_once_do_not_exceed_the_limit() {
    crate::each("two_processes_that_start_others_at_once", |lab| {
        const LIMIT: usize = 5;
        let mut spawners = ["one", "other"].map(|name| lab.puppet(name));
        for spawner in &mut spawners {
            spawner.does(format!("job h limited kill max={LIMIT}"));
        }
        let at = in_milliseconds(100);
        for spawner in &mut spawners {
            spawner.tell(format!("at {at} enter-for 1500 h {}", lab.escape("none")));
        }
        let mut most = 0;
        let begun = std::time::Instant::now();
        while begun.elapsed().as_millis() < 1600 {
            most = most.max(lab.members().len());
        }
        let answers = spawners.each_mut().map(|spawner| spawner.answer().expect("it starts what it may"));
        assert!(most <= LIMIT, "{most} at a time: {answers:?}");
        let refused: u64 = answers.iter().map(|answer| number(answer, "Quota")).sum();
        assert!(refused > 0, "it came to the limit: {answers:?}");
        drop(spawners);
        lab.nothing_is_left("two spawners");
    });
}

/// Those that come after it are not its business: it ends those that are there, and returns.
#[test]
fn a_job_in_which_others_start_processes_all_the_time_is_terminated() {
    crate::each("a_job_in_which_others_start_processes_all_the_time", |lab| {
        let mut spawners = ["one", "other"].map(|name| lab.puppet(name));
        for spawner in &mut spawners {
            spawner.does("job h busy kill");
            spawner.tell(format!("enter-for 3000 h {}", lab.escape("none")));
        }
        let mut terminator = lab.puppet("terminator");
        terminator.does("job-open h busy");
        for _ in 0..5 {
            assert!(until(PATIENCE, || !lab.members().is_empty()));
            let before = lab.members();
            terminator.does("terminate h 1");
            let after = lab.members();
            let survivors: Vec<_> = before.iter().filter(|process| after.contains(process)).collect();
            assert!(survivors.is_empty(), "{survivors:?}");
        }
        for spawner in &mut spawners {
            spawner.answer().expect("it has not noticed");
        }
        drop((spawners, terminator));
        lab.nothing_is_left("a busy job");
    });
}

/// It is in the job as soon as that has been ended, before those that were there are looked for. It hides among guardians, so it would not be
/// found with the others.
#[test]
fn what_is_started_just_after_a_job_was_ended_goes_on_and_nobody_waits_for_it() {
    crate::each("what_is_started_just_after_a_job_was_ended", |lab| {
        let mut spawner = lab.puppet("spawner");
        // Guardians of limits look at the board by themselves.
        spawner.does("job h late kill max=50");
        spawner.does(format!("enter before h {}", lab.escape("none")));
        let mut terminator = lab.puppet("terminator");
        terminator.does("job-open h late");
        terminator.does("arm pause=2000 1 terminate: announced");
        terminator.tell("terminate h 5");
        assert_eq!(spawner.does("end-of before"), "code=5");
        spawner.does(format!("enter after h {}", lab.escape("guardian")));
        assert!(until(PATIENCE, || lab
            .running()
            .iter()
            .any(|process| process.arguments.contains(" guardian "))));
        terminator.answer().expect("all that were there have ended");
        let goes_on = || lab.running().iter().any(|process| process.arguments.contains(" guardian "));
        assert!(goes_on(), "{:?}", lab.running());
        spawner.does("terminate h 6");
        assert!(!goes_on(), "{:?}", lab.running());
        terminator.does("lose h");
        spawner.does("lose h");
        lab.nothing_is_left("a late process");
    });
}

/// A spawner with 64 MiB of shared memory, open files and a handle to another object: nothing of that is the guardians'.
#[test]
fn guardians_keep_nothing_of_the_spawner() {
    crate::each("guardians_keep_nothing_of_the_spawner", |lab| {
        let mut spawner = lab.puppet("spawner");
        spawner.does("create m much 67108864");
        spawner.does("map v m rw");
        spawner.does("fill v 0 67108864 7");
        spawner.does("have e event other");
        spawner.does("many held 50");
        spawner.does("job h guarded new kill");
        spawner.does(format!("enter c h {}", lab.escape("none")));
        assert!(lab.are_ready(1, "a member"));
        let (upper, lower) = lab.guardians();
        for guardian in [upper, lower] {
            let kept = || {
                let maps = std::fs::read_to_string(format!("/proc/{guardian}/maps")).expect("its memory");
                // The fourth letter of the permissions; what the kernel itself maps has no path.
                let is_shared = |line: &&str| line.split(' ').nth(1).is_some_and(|bits| bits.ends_with('s'));
                let shared: Vec<String> = maps
                    .lines()
                    .filter(is_shared)
                    .filter(|line| line.contains('/'))
                    .map(str::to_owned)
                    .collect();
                (shared, descriptors(guardian))
            };
            // It closes and unmaps while the process runs already.
            let few = until(PATIENCE, || {
                let (shared, open) = kept();
                shared.len() <= 2 && open.len() <= 6
            });
            let (shared, open) = kept();
            assert!(few, "guardian {guardian} keeps {shared:#?} {open:#?}");
            let entries =
                shared.iter().all(|line| line.contains("/shmobj-test.") && line.contains("guarded"));
            assert!(entries, "only of the job's entry: {shared:#?}");
            let status = std::fs::read_to_string(format!("/proc/{guardian}/status")).expect("its status");
            let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("its memory");
            let kibibytes: u64 = own.trim().trim_end_matches(" kB").parse().expect("a number");
            assert!(kibibytes < 2048, "guardian {guardian} has {kibibytes} KiB of its own");
        }
        // Objects of the spawner's go with the spawner, though the guardians live.
        spawner.does("unmap v");
        spawner.does("close m");
        let left = lab.scratch.files();
        assert!(!left.iter().any(|file| file.contains("much")), "{left:?}");
        spawner.does("lose h");
        lab.no_process_is_left("the job was closed");
    });
}

/// In a container that was entered from a shell, the leaders of its session and its process group have no numbers.
#[test]
fn one_whose_session_was_begun_outside_of_its_pid_namespace_starts_others() {
    const TEST: &str = "one_whose_session_was_begun_outside_of_its_pid_namespace_starts_others";
    if !is_root_for(TEST) {
        return;
    }
    crate::each(TEST, |lab| {
        let mut outer = lab.puppet("outer");
        let mut inner = outer.fork_into_pid_namespace("inner");
        inner.does("job h inside new kill");
        assert_eq!(inner.does("enter-many h 1 3"), "3");
        inner.does(format!("enter c h {}", lab.escape("none")));
        assert!(lab.are_ready(1, "a member"));
        inner.does("terminate h 9");
        assert_eq!(inner.does("end-of c"), "code=9");
        inner.does("lose h");
        // The namespace's first process takes all others along: also guardians that have not yet removed the group.
        let ended = until(PATIENCE, || !lab.running().iter().any(Marked::is_guardian));
        assert!(ended, "a job inside, {:?}: left are {:#?}", lab.means, lab.running());
        drop((inner, outer));
        lab.nothing_is_left("a job inside");
    });
}

/// Its daemon has closed the pipe; guardians have closed it as well.
#[test]
fn a_pipe_ends_with_the_program_although_its_daemon_goes_on() {
    crate::each("a_pipe_ends_with_the_program", |lab| {
        let mut spawner = lab.puppet("spawner");
        spawner.does("job h pipe new kill");
        spawner.does(format!("enter-through-pipe c h {}", lab.escape("talk")));
        assert_eq!(spawner.does("hear-child c"), "said");
        assert_eq!(spawner.does("end-of c"), "code=0");
        assert!(lab.are_ready(1, "the daemon"));
        lab.are_members(1, "the daemon");
        spawner.does("lose h");
        lab.nothing_is_left("the daemon");
    });
}

/// A puppet ignores SIGCHLD from the beginning, so the kernel reaps its children; this one does not any more.
#[test]
fn a_spawner_that_ignores_its_children_is_told_how_they_end_and_so_is_another() {
    crate::each("a_spawner_that_ignores_its_children", |lab| {
        for notices in [false, true] {
            let mut spawner = lab.puppet("spawner");
            if notices {
                spawner.does("notice-children");
            }
            spawner.does("job h codes new kill");
            for code in [0, 1, 77, 255] {
                spawner.does(format!("enter c h {}", lab.escape(&format!("end {code}"))));
                assert_eq!(spawner.does("end-of c"), format!("code={code}"), "notices: {notices}");
            }
            spawner.does("lose h");
            lab.nothing_is_left("codes");
        }
    });
}

/// Signals that are sent to the spawner's process group, its handlers and a terminal's goodbye are nothing to guardians.
#[test]
fn handlers_of_the_spawner_do_not_run_in_guardians() {
    crate::each("handlers_of_the_spawner_do_not_run_in_guardians", |lab| {
        let mut spawner = lab.puppet("spawner");
        spawner.does("handle-signals");
        spawner.does("job h handlers new kill");
        spawner.does(format!("enter c h {}", lab.escape("deaf")));
        assert!(lab.are_ready(2, "members that ignore signals"));
        lab.are_members(2, "members that ignore signals");
        let (upper, lower) = lab.guardians();
        for guardian in [upper, lower] {
            for signal in [
                Signal::TERM,
                Signal::HUP,
                Signal::INT,
                Signal::QUIT,
                Signal::USR1,
                Signal::USR2,
                Signal::PIPE,
                Signal::ALARM,
                Signal::TSTP,
                Signal::CHILD,
            ] {
                send(guardian, signal);
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert_eq!(lab.guardians(), (upper, lower));
        assert_eq!(lab.members().len(), 2);
        assert_ne!(state_of(upper), 'T', "a terminal's stop is not for guardians");
        spawner.kill();
        lab.nothing_is_left("after signals");
    });
}

fn state_of(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("its state");
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).expect("its state")
}

/// The detour into the job is for one start alone.
#[test]
fn a_command_can_be_used_with_a_job_and_without() {
    crate::each("a_command_can_be_used_with_a_job_and_without", |lab| {
        let mut spawner = lab.puppet("spawner");
        spawner.does("job h twice new kill");
        let numbers = spawner.does(format!("enter-twice h {}", lab.escape("none")));
        assert!(lab.are_ready(3, "all three run"));
        let numbers: Vec<&str> = numbers.split(' ').collect();
        for (pid, is_member) in numbers.iter().zip(["true", "false", "true"]) {
            assert_eq!(spawner.does(format!("is-member h {pid}")), is_member, "{numbers:?}");
        }
        spawner.does("lose h");
        let alone = |lab: &Lab| lab.running().iter().all(|process| process.pid.to_string() == numbers[1]);
        assert!(until(PATIENCE, || alone(lab)), "{:?}", lab.running());
        assert_eq!(lab.running().len(), 1, "it was never in the job");
    });
}

/// As a shell starts a pipeline of jobs: the inner one is started by a member of the outer one.
#[test]
fn the_end_of_an_outer_job_is_the_end_of_the_inner_one() {
    crate::each("the_end_of_an_outer_job_is_the_end_of_the_inner_one", |lab| {
        for how in ["terminate h 1", "lose h"] {
            lab.forget();
            let mut outer = lab.puppet("outer");
            outer.does("job h outer new kill");
            let mut member = outer.enter("h", "member");
            member.does(format!("namespace {}", lab.scratch.path().display()));
            member.does("job i inner new kill");
            member.does(format!("enter c i {}", lab.escape("two")));
            assert!(lab.are_ready(2, how));
            lab.are_members(3, how);
            assert_eq!(outer.does("members h").split(' ').count(), 3, "{how}");
            assert_eq!(member.does("members i").split(' ').count(), 2, "{how}");
            outer.does(how);
            lab.no_process_is_left(how);
            outer.kill();
            lab.puppet("sweeper").does("gc");
            lab.nothing_is_left_after_a_sweep("outer", how);
        }
    });
}
