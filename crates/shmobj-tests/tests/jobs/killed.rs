//! Whoever holds a job, guards it or is in it is killed. Nothing is left, and the name can be used at once.

use rustix::process::{Pid, Signal, kill_process};
use shmobj_tests::lab::Lab;
use shmobj_tests::puppet::Puppet;

fn kill(pid: u32) {
    kill_process(Pid::from_raw(pid as i32).expect("a number"), Signal::KILL).expect("it was there");
}

/// A job with two processes, of which one has left the other.
#[track_caller]
fn begin(lab: &Lab, options: &str) -> (Puppet, u32) {
    lab.forget();
    let mut holder = lab.puppet("holder");
    holder.does(format!("job h killed new {options}"));
    let first = holder.does(format!("enter c h {}", lab.escape("two"))).parse().expect("a number");
    assert!(lab.are_ready(2, options));
    (holder, first)
}

#[track_caller]
fn is_usable_again(lab: &Lab, story: &str) {
    lab.forget();
    let mut next = lab.puppet("next");
    next.does("job h killed new kill");
    next.does(format!("enter c h {}", lab.escape("none")));
    assert!(lab.are_ready(1, story));
    next.does("lose h");
    lab.nothing_is_left(story);
}

#[test]
fn the_creator() {
    crate::each("the_creator", |lab| {
        let (holder, _) = begin(lab, "kill");
        holder.kill();
        lab.nothing_is_left("the creator was killed");
        is_usable_again(lab, "after the creator was killed");
    });
}

#[test]
fn all_holders_at_once() {
    crate::each("all_holders_at_once", |lab| {
        let (mut holder, _) = begin(lab, "kill");
        let mut others: Vec<Puppet> = (0..3).map(|_| lab.puppet("another")).collect();
        for other in &mut others {
            other.does("job-open h killed");
        }
        holder.strike();
        assert_eq!(lab.members().len(), 2, "others hold it");
        for other in &others {
            kill(other.pid());
        }
        drop(others);
        lab.nothing_is_left("all holders were killed");
        is_usable_again(lab, "after all holders were killed");
    });
}

/// Nobody holds it, and nothing is to end: what runs goes on until it ends by itself, and keeps the name until nobody holds the job.
#[test]
fn all_holders_of_a_job_that_does_not_kill() {
    crate::each("all_holders_of_a_job_that_does_not_kill", |lab| {
        let (holder, first) = begin(lab, "");
        holder.kill();
        let gone = || lab.scratch.files().is_empty();
        assert!(
            shmobj_tests::system::until(shmobj_tests::lab::PATIENCE, gone),
            "the entry goes with the holder"
        );
        assert_eq!(lab.members().len(), 2, "the processes stay");
        for process in lab.members() {
            kill(process.pid);
        }
        let _ = first;
        lab.nothing_is_left("its processes were killed");
    });
}

#[test]
fn the_upper_guardian() {
    crate::each("the_upper_guardian", |lab| {
        let (mut holder, _) = begin(lab, "");
        kill(lab.guardians().0);
        lab.no_process_is_left("the upper guardian was killed");
        assert_eq!(holder.does("end-of c"), "signal=9");
        holder.does("lose h");
        lab.nothing_is_left_after_a_sweep("killed", "the upper guardian was killed");
    });
}

#[test]
fn the_lower_guardian() {
    crate::each("the_lower_guardian", |lab| {
        let (mut holder, _) = begin(lab, "");
        kill(lab.guardians().1);
        lab.no_process_is_left("the lower guardian was killed");
        assert_eq!(holder.does("end-of c"), "signal=9");
        holder.does("lose h");
        lab.nothing_is_left_after_a_sweep("killed", "the lower guardian was killed");
    });
}

/// The job goes on with the other tree, and with new ones.
#[test]
fn the_guardians_of_one_of_two_trees() {
    crate::each("the_guardians_of_one_of_two_trees", |lab| {
        for which in [0, 1] {
            let (mut holder, _) = begin(lab, "kill");
            let (upper, lower) = lab.guardians();
            lab.forget();
            let other: u32 =
                holder.does(format!("enter d h {}", lab.escape("none"))).parse().expect("a number");
            assert!(lab.are_ready(1, "the other tree"));
            kill([upper, lower][which]);
            assert_eq!(holder.does("end-of c"), "signal=9");
            let alone = || lab.members().iter().map(|process| process.pid).eq([other]);
            assert!(shmobj_tests::system::until(shmobj_tests::lab::PATIENCE, alone), "{:?}", lab.running());
            assert_eq!(holder.does("members h"), other.to_string());
            holder.does(format!("enter e h {}", lab.escape("none")));
            holder.does("lose h");
            lab.nothing_is_left("the guardians of one of two trees");
        }
    });
}

/// The other one goes on.
#[test]
fn a_member() {
    crate::each("a_member", |lab| {
        let (mut holder, first) = begin(lab, "kill");
        kill(first);
        assert_eq!(holder.does("end-of c"), "signal=9");
        let members = lab.members();
        assert_eq!(members.len(), 1, "{members:?}");
        assert_eq!(holder.does("members h"), members[0].pid.to_string());
        kill(members[0].pid);
        lab.no_process_is_left("all members were killed, so their guardians have ended");
        assert_eq!(lab.scratch.files().len(), 1, "it is held");
        holder.does(format!("enter d h {}", lab.escape("none")));
        holder.kill();
        lab.nothing_is_left("the holder was killed");
    });
}

/// A holder and the guardians at the same moment, in any order.
#[test]
fn a_holder_and_a_guardian() {
    crate::each("a_holder_and_a_guardian", |lab| {
        for which in [0, 1] {
            for holder_first in [true, false] {
                let story = format!("guardian {which}, holder first: {holder_first}");
                let (mut holder, _) = begin(lab, "kill");
                let (upper, lower) = lab.guardians();
                if holder_first {
                    kill(holder.pid());
                }
                let _ = kill_process(Pid::from_raw([upper, lower][which] as i32).expect("it"), Signal::KILL);
                holder.strike();
                lab.no_process_is_left(&story);
                is_usable_again(lab, &story);
            }
        }
    });
}

/// It stands still, and does not hear that it is to end its tree.
#[test]
fn holders_while_the_lower_guardian_stands_still() {
    crate::each("holders_while_the_lower_guardian_stands_still", |lab| {
        let (holder, _) = begin(lab, "kill");
        let lower = Pid::from_raw(lab.guardians().1 as i32).expect("it");
        kill_process(lower, Signal::STOP).expect("it was there");
        holder.kill();
        lab.nothing_is_left("the lower guardian stood still");
    });
}
