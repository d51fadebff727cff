//! A member kills its guardians. It is of the same user, so nothing prevents that.

use shmobj_tests::lab::{Lab, Means};

/// A job with four processes: the one that was started, and three that have detached themselves. One of those kills the guardians.
/// Returns those that are left when all has come to rest.
fn murdered(lab: &Lab, whom: &str) {
    let mut holder = lab.puppet("holder");
    holder.does("job h murder kill new");
    holder.does(format!("enter c h {}", lab.escape(&format!("murder {whom}"))));
    assert!(lab.are_ready(4, whom));
    assert_eq!(lab.members().len(), 4, "{:?}", lab.running());
    lab.go();
    lab.no_process_is_left(&format!("a member killed the {whom} guardian"));
    // The status is told by whoever survives.
    assert_eq!(holder.does("end-of c"), "signal=9");
    assert_eq!(holder.does("members h"), "");
    holder.does("lose h");
    lab.nothing_is_left_after_a_sweep("murder", whom);
    drop(holder);
}

#[test]
fn a_member_that_kills_the_upper_guardian_ends_with_all_others() {
    crate::each("upper guardian killed by a member", |lab| murdered(lab, "upper"));
}

#[test]
fn a_member_that_kills_the_lower_guardian_ends_with_all_others() {
    crate::each("lower guardian killed by a member", |lab| murdered(lab, "lower"));
}

/// What remains is what the documentation says: who has detached itself goes on. In a control group, `terminate` finds them.
#[test]
fn a_member_that_kills_both_guardians_at_once_ends_its_parent_and_lets_go_who_has_left_it() {
    crate::each("both guardians killed by a member", |lab| {
        let mut holder = lab.puppet("holder");
        holder.does("job h murder kill new");
        let first: u32 = holder
            .does(format!("enter c h {}", lab.escape("murder both")))
            .parse()
            .expect("the number of the process");
        assert!(lab.are_ready(4, "both"));
        lab.go();
        let three = || {
            let left = lab.running();
            left.len() == 3 && left.iter().all(|process| !process.is_guardian() && process.pid != first)
        };
        assert!(shmobj_tests::system::until(shmobj_tests::lab::PATIENCE, three), "{:#?}", lab.running());
        holder.fails("end-of c", shmobj::ErrorKind::Unreachable);
        if lab.means == Means::Groups {
            assert_eq!(holder.does("members h").split(' ').count(), 3);
            holder.does("terminate h 1");
            assert_eq!(lab.members(), []);
        }
        for process in lab.members() {
            let pid = rustix_pid(process.pid);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        holder.does("lose h");
        lab.nothing_is_left_after_a_sweep("murder", "both");
    });
}

fn rustix_pid(pid: u32) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(pid as i32).expect("a number")
}
