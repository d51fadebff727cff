//! Somebody writes nonsense on a job's board, or makes it shorter. Who reads it may be told nonsense, but goes on.

use shmobj_tests::lab::{Lab, PATIENCE};
use shmobj_tests::puppet::Puppet;
use shmobj_tests::system::until;

/// A holder with a job of two processes, and the path of its entry.
fn begin(lab: &Lab) -> (Puppet, String) {
    lab.forget();
    let mut holder = lab.puppet("holder");
    holder.does("job h board new kill");
    holder.does(format!("enter c h {}", lab.escape("two")));
    assert!(lab.are_ready(2, "the members"));
    let file = lab.scratch.files().pop().expect("an entry");
    (holder, lab.scratch.file(&file).display().to_string())
}

/// What is not the job's is none of its business.
fn bystander(lab: &Lab) -> (Puppet, u32) {
    lab.forget();
    let mut parent = lab.puppet("parent of the bystander");
    let pid = parent.does(format!("alone {}", lab.escape("none"))).parse().expect("a number");
    assert!(lab.are_ready(1, "the bystander"));
    (parent, pid)
}

/// Whatever the guardians make of it: nobody crashes or hangs, and with the end of both all is gone.
#[test]
fn random_words_on_the_board_crash_nobody() {
    crate::each("random_words_on_the_board_crash_nobody", |lab| {
        let (parent, bystander) = bystander(lab);
        let (mut holder, entry) = begin(lab);
        let mut enemy = lab.puppet("enemy");
        enemy.tell(format!("scribble-board {entry} 1500"));
        let begun = std::time::Instant::now();
        let mut user = lab.puppet("user");
        while begun.elapsed().as_millis() < 1500 {
            for command in ["members h", "usage h", "limit-job h kill", "await-job h 0"] {
                let _ = holder.ask(command);
            }
            let _ = user.ask("job-open h board");
            let _ = user.ask("usage h");
            let _ = user.ask(format!("enter c h {}", lab.escape("two")));
            let _ = user.ask(format!("is-member h {}", holder.pid()));
        }
        enemy.answer().expect("it has only written");
        let _ = user.ask("terminate h 1");
        drop((holder, user, enemy));
        // What is left may be what the words have let go; guardians are not among that.
        let only_members = || lab.running().iter().all(|process| !process.is_guardian());
        let mut end = || {
            for process in lab.members().iter().filter(|process| process.pid != bystander) {
                let _ = rustix::process::kill_process(
                    rustix::process::Pid::from_raw(process.pid as i32).expect("a number"),
                    rustix::process::Signal::KILL,
                );
            }
            only_members()
        };
        assert!(until(PATIENCE, &mut end), "guardians stay for ever: {:?}", lab.running());
        let alive = lab.running().iter().any(|process| process.pid == bystander);
        assert!(alive, "who is not in the job has nothing to do with it");
        drop(parent);
    });
}

/// It is as if somebody had killed the guardians.
#[test]
fn a_board_that_is_cut_off_hangs_nobody() {
    crate::each("a_board_that_is_cut_off_hangs_nobody", |lab| {
        let (mut holder, entry) = begin(lab);
        let mut enemy = lab.puppet("enemy");
        enemy.does(format!("truncate-board {entry} 4096"));
        for command in ["members h", "usage h", "terminate h 1", "limit-job h kill"] {
            let _ = holder.ask(command);
        }
        let _ = holder.ask(format!("enter d h {}", lab.escape("none")));
        drop((holder, enemy));
        let no_guardians = || {
            for process in lab.members() {
                let _ = rustix::process::kill_process(
                    rustix::process::Pid::from_raw(process.pid as i32).expect("a number"),
                    rustix::process::Signal::KILL,
                );
            }
            lab.running().is_empty()
        };
        assert!(until(PATIENCE, no_guardians), "{:?}", lab.running());
    });
}
