//! Processes that try to get out of their job. Whatever they do, they end with it.

use shmobj_tests::lab::{Lab, Means};
use shmobj_tests::system::skip;

/// How a job ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Terminate,
    CloseLastHandle,
    KillHolder,
}

const ENDS: [End; 3] = [End::Terminate, End::CloseLastHandle, End::KillHolder];

/// So many processes do the trick in a job that kills on close; then it ends, in each way.
fn ends_whoever_does(trick: &str, processes: usize) {
    crate::each(trick, |lab| {
        for end in ENDS {
            if !comes_to_nothing(lab, trick, processes, end) {
                return skip(trick, "it is not permitted here");
            }
        }
    });
}

/// False: the system does not permit the trick.
fn comes_to_nothing(lab: &Lab, trick: &str, processes: usize, end: End) -> bool {
    let story = format!("{trick}, {end:?}");
    lab.forget();
    let mut holder = lab.puppet("holder");
    holder.does("job h escape kill new");
    holder.does(format!("enter c h {}", lab.escape(trick)));
    let permitted = lab.are_ready(processes, &story);
    if permitted {
        assert_eq!(lab.members().len(), processes, "{story}: {:?}", lab.running());
    }
    match end {
        End::Terminate => {
            holder.does("terminate h 3");
            // When it returns, they have ended. Their guardians may need a moment more.
            assert_eq!(lab.members(), [], "{story}, {:?}: after terminate", lab.means);
            holder.does("lose h");
        }
        End::CloseLastHandle => drop(holder.does("lose h")),
        End::KillHolder => holder.strike(),
    }
    lab.nothing_is_left(&story);
    permitted
}

#[test]
fn a_process_that_does_nothing_special() {
    ends_whoever_does("none", 1);
}

#[test]
fn a_daemon() {
    ends_whoever_does("double-fork", 1);
}

#[test]
fn a_process_and_its_daemon() {
    ends_whoever_does("two", 2);
}

#[test]
fn a_daemon_without_descriptors() {
    ends_whoever_does("close", 1);
}

#[test]
fn a_daemon_that_becomes_another_program_and_forgets_its_environment() {
    ends_whoever_does("exec", 1);
}

#[test]
fn processes_that_ignore_all_signals() {
    ends_whoever_does("deaf", 2);
}

#[test]
fn processes_in_a_pid_namespace_of_their_own() {
    ends_whoever_does("pid-namespace", 2);
}

#[test]
fn a_process_that_collects_orphans_itself() {
    ends_whoever_does("reaper", 2);
}

#[test]
fn a_process_that_does_not_want_to_die_with_its_parent() {
    ends_whoever_does("no-death-signal", 1);
}

#[test]
fn processes_that_stop_themselves() {
    ends_whoever_does("stop", 2);
}

#[test]
fn processes_with_another_root_directory() {
    ends_whoever_does("chroot", 2);
}

#[test]
fn processes_that_have_become_another_user() {
    ends_whoever_does("other-user", 2);
}

/// They are named like what is in no job. Where nothing is let out, a name does not help.
#[test]
fn processes_that_call_themselves_guardians() {
    ends_whoever_does("guardian", 2);
}

#[test]
fn processes_that_call_themselves_guardians_of_what_is_outside() {
    ends_whoever_does("outside", 2);
}

/// Root can move a process to another control group, where `cgroup.kill` does not reach it: it still descends from its guardians.
#[test]
fn processes_that_move_to_another_control_group() {
    crate::each("processes_that_move_to_another_control_group", |lab| {
        let Some(elsewhere) = lab.elsewhere() else { return assert_eq!(lab.means, Means::Guardians) };
        for end in ENDS {
            if !comes_to_nothing(lab, &format!("move {}", elsewhere.display()), 2, end) {
                return skip("moving to another control group", "it is not permitted here");
            }
        }
        let _ = std::fs::remove_dir(elsewhere);
    });
}

/// It is a member, as it descends from the guardians; being in the group is not needed for that.
#[test]
fn who_has_moved_to_another_control_group_is_still_a_member() {
    crate::each("who_has_moved_to_another_control_group_is_still_a_member", |lab| {
        let Some(elsewhere) = lab.elsewhere() else { return assert_eq!(lab.means, Means::Guardians) };
        let mut holder = lab.puppet("holder");
        holder.does("job h moved kill new");
        holder.does(format!("enter c h {}", lab.escape(&format!("move {}", elsewhere.display()))));
        if !lab.are_ready(2, "moved") {
            return skip("moving to another control group", "it is not permitted here");
        }
        let mut seen: Vec<u32> =
            holder.does("members h").split(' ').map(|pid| pid.parse().expect("a number")).collect();
        seen.sort_unstable();
        let mut expected: Vec<u32> = lab.members().iter().map(|process| process.pid).collect();
        expected.sort_unstable();
        assert_eq!(seen, expected);
        holder.does("terminate h 1");
        holder.does("lose h");
        lab.nothing_is_left("moved");
        let _ = std::fs::remove_dir(elsewhere);
    });
}
