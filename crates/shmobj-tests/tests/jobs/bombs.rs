//! Processes that multiply.

use std::time::Duration;

use shmobj_tests::lab::PATIENCE;
use shmobj_tests::system::{note, until};

#[test]
fn a_bomb_without_a_limit_is_terminated() {
    crate::each("a_bomb_without_a_limit_is_terminated", |lab| {
        let mut holder = lab.puppet("holder");
        holder.does("job h bomb kill new");
        holder.does(format!("enter c h {}", lab.escape("bomb 400")));
        assert!(lab.are_ready(1, "bomb"));
        // In the middle of it.
        assert!(until(PATIENCE, || lab.members().len() > 20), "{:?}", lab.running().len());
        holder.does("terminate h 1");
        assert_eq!(lab.members(), []);
        holder.does("lose h");
        lab.nothing_is_left("a bomb was terminated");
    });
}

#[test]
fn a_bomb_ends_with_the_last_holder() {
    crate::each("a_bomb_ends_with_the_last_holder", |lab| {
        let mut holder = lab.puppet("holder");
        holder.does("job h bomb kill new");
        holder.does(format!("enter c h {}", lab.escape("bomb 400")));
        assert!(until(PATIENCE, || lab.members().len() > 20));
        holder.kill();
        lab.nothing_is_left("a bomb's holder was killed");
    });
}

/// Where the kernel does not count, guardians do, and end who is too many.
#[test]
fn a_bomb_in_a_job_with_a_limit_comes_down_to_it() {
    crate::each("a_bomb_in_a_job_with_a_limit_comes_down_to_it", |lab| {
        let mut holder = lab.puppet("holder");
        holder.does("job h bomb kill new max=8");
        holder.does(format!("enter c h {}", lab.escape("bomb 600")));
        assert!(lab.are_ready(1, "bomb"));
        let mut most = 0;
        let mut calm = 0;
        // Long enough for several looks of the guardians: it has gone out, and stays below.
        let settled = until(PATIENCE, || {
            let now = lab.members().len();
            most = most.max(now);
            calm = if now <= 8 { calm + 1 } else { 0 };
            std::thread::sleep(Duration::from_millis(10));
            calm > 50
        });
        note(&format!("{:?}: {most} at most where 8 are permitted", lab.means));
        assert!(settled, "{} are there", lab.members().len());
        holder.does("terminate h 1");
        holder.does("lose h");
        lab.nothing_is_left("a bomb in a job with a limit");
    });
}

/// It forks and ends its parent, again and again: whoever looks for it finds a number that is out of date.
#[test]
fn a_process_that_is_another_one_all_the_time_is_terminated() {
    crate::each("a_process_that_is_another_one_all_the_time_is_terminated", |lab| {
        let mut holder = lab.puppet("holder");
        holder.does("job h hop kill new");
        holder.does(format!("enter c h {}", lab.escape("hop 100000")));
        assert!(lab.are_ready(1, "hop"));
        holder.does("terminate h 1");
        assert!(!lab.is_reported("arrived"), "it was ended before it stopped hopping");
        assert_eq!(lab.members(), []);
        holder.does("lose h");
        lab.nothing_is_left("a hopping process was terminated");
    });
}
