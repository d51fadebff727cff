//! Killed while it locks or releases a mutex, or while a thread ends that owns one.

use super::{Stage, woken};
use shmobj_tests::puppet::{Puppet, value};

/// The steps that tests of this file crash at.
pub(crate) const STEPS: &[&str] = &[
    "latch: taken",
    "mutex: owned",
    "latch: about to sleep",
    "mutex: token erased",
    "latch: about to be given back",
    "latch: free, nobody woken",
    "latch: nobody sleeps",
    "latch: about to be stored",
    "latch: stored, not looked behind",
    "latch: change announced",
    "latch: marked by its owner",
    "mutex: created as owned",
];

/// The next to lock it is told `expected`, and the one after that nothing.
#[track_caller]
fn next_is_told(other: &mut Puppet, expected: &str, story: &str) {
    assert_eq!(other.does("wait o 10000"), expected, "{story}");
    assert_eq!(other.does("depth o"), "1", "{story}");
    other.does("release o");
    assert_eq!(other.does("wait o 10000"), "signaled", "{story}, the one after");
    other.does("release o");
}

/// The mutex as it is when its owner died owning it.
fn abandon(stage: &Stage) {
    let mut former = shmobj_tests::puppet!("former", &stage.scratch);
    former.does("reach o mutex o");
    assert_eq!(former.does("wait o 0"), "signaled");
    former.kill();
}

#[test]
fn killed_in_a_lock() {
    for (step, expected) in [("latch: taken", "signaled"), ("mutex: owned", "abandoned")] {
        let mut stage = Stage::with("mutex", "");
        stage.dies(step, 1, "wait o never");
        next_is_told(&mut stage.other, expected, step);
    }
}

#[test]
fn killed_in_the_lock_of_an_abandoned_mutex_nobody_was_told_yet() {
    for step in ["latch: taken", "mutex: owned"] {
        let mut stage = Stage::with("mutex", "");
        abandon(&stage);
        stage.dies(step, 1, "wait o never");
        next_is_told(&mut stage.other, "abandoned", step);
    }
}

#[test]
fn killed_in_the_lock_of_a_mutex_whose_taker_died_before_it_owned_it() {
    for (step, expected) in [("latch: taken", "signaled"), ("mutex: owned", "abandoned")] {
        let mut stage = Stage::with("mutex", "");
        let mut former = shmobj_tests::puppet!("former", &stage.scratch);
        former.does("reach o mutex o");
        former.does("arm die 1 latch: taken");
        assert!(former.dies_of("wait o 0"));
        stage.dies(step, 1, "wait o never");
        next_is_told(&mut stage.other, expected, step);
    }
}

#[test]
fn killed_while_it_falls_asleep_or_sleeps_for_a_mutex() {
    for asleep in [false, true] {
        for sleepers in 0..2 {
            let mut stage = Stage::with("mutex", "");
            stage.other.does("wait o 0");
            let mut sleeper = (sleepers > 0).then(|| stage.sleeper("mutex"));
            if asleep {
                stage.victim.falls_asleep_in("wait o never");
                stage.victim.strike();
            } else {
                stage.dies("latch: about to sleep", 1, "wait o never");
            }
            stage.other.does("release o");
            if let Some(sleeper) = &mut sleeper {
                assert_eq!(woken(sleeper, "another sleeper"), "signaled");
                sleeper.does("release o");
            }
            next_is_told(&mut stage.other, "signaled", "after a sleeper's death");
        }
    }
}

#[test]
fn a_sleeper_that_is_killed_instead_of_taking_what_it_was_woken_for_strands_nobody() {
    let mut stage = Stage::with("mutex", "");
    stage.slept_for(); // so that one is woken, and not everybody
    stage.other.does("wait o 0");
    // It sleeps first, so it is the one that is woken. It takes the mutex and dies before it owns it.
    stage.victim.does("arm die 1 latch: taken");
    stage.victim.falls_asleep_in("wait o never");
    let mut sleepers = vec![stage.sleeper("mutex"), stage.sleeper("mutex")];
    stage.other.does("release o");
    assert!(stage.victim.ended().signal.is_some());
    while !sleepers.is_empty() {
        let first = super::first_to_answer(&mut sleepers, "the woken one was killed");
        sleepers.remove(first).does("release o");
    }
}

#[test]
fn killed_in_a_release() {
    for step in ["mutex: token erased", "latch: about to be given back"] {
        let mut stage = Stage::with("mutex", "");
        stage.victim.does("wait o 0");
        stage.dies(step, 1, "release o");
        next_is_told(&mut stage.other, "signaled", step);
    }
}

#[test]
fn killed_in_a_release_while_another_one_sleeps() {
    for step in ["mutex: token erased", "latch: about to be given back", "latch: free, nobody woken"] {
        let mut stage = Stage::with("mutex", "");
        stage.slept_for();
        stage.victim.does("wait o 0");
        let mut sleeper = stage.sleeper("mutex");
        stage.dies(step, 1, "release o");
        assert_eq!(woken(&mut sleeper, step), "signaled", "{step}");
        sleeper.does("release o");
        next_is_told(&mut stage.other, "signaled", step);
    }
}

#[test]
fn killed_in_a_release_after_all_who_slept_have_died() {
    for step in ["latch: free, nobody woken", "latch: nobody sleeps"] {
        let mut stage = Stage::with("mutex", "");
        stage.slept_for();
        stage.victim.does("wait o 0");
        stage.sleeper("mutex").kill();
        stage.dies(step, 1, "release o");
        next_is_told(&mut stage.other, "signaled", step);
    }
}

#[test]
fn killed_in_a_release_by_a_store() {
    for step in ["latch: about to be stored", "latch: stored, not looked behind"] {
        let mut stage = Stage::with("mutex", "");
        stage.victim.does("lock-often o 1000");
        stage.victim.does("wait o 0");
        stage.dies(step, 1, "release o");
        next_is_told(&mut stage.other, "signaled", step);
    }
}

#[test]
fn killed_in_a_release_by_a_store_that_others_have_announced_to_sleep_during() {
    let mut stage = Stage::with("mutex", "");
    stage.victim.does("lock-often o 1000");
    stage.victim.does("wait o 0");
    stage.victim.does("arm pause=60000 1 latch: about to be stored");
    stage.victim.tell("release o");
    let mut sleepers = vec![stage.sleeper("mutex"), stage.sleeper("mutex")];
    stage.victim.kill();
    while !sleepers.is_empty() {
        let first = super::first_to_answer(&mut sleepers, "the owner never came to store");
        sleepers.remove(first).does("release o");
    }
    next_is_told(&mut stage.other, "signaled", "after the change");
}

/// Their sleeps have no limit, so that whoever is not woken sleeps for ever.
#[test]
fn a_store_that_erases_the_marks_of_sleepers_is_made_up_for() {
    let mut stage = Stage::with("mutex", "");
    stage.victim.does("lock-often o 1000");
    stage.victim.does("wait o 0");
    stage.victim.does("arm pause=300 1 latch: about to be stored");
    stage.victim.tell("release o");
    let mut sleepers: Vec<Puppet> = (0..2).map(|_| endless_sleeper(&stage)).collect();
    stage.victim.answer().expect("a release");
    while !sleepers.is_empty() {
        let first = super::first_to_answer(&mut sleepers, "its mark was erased");
        sleepers.remove(first).does("release o");
    }
    next_is_told(&mut stage.other, "signaled", "after the change");
}

/// The same, but the owner dies of its next step. The kernel wakes one, and that one all the others.
#[test]
fn a_store_that_erases_the_marks_of_sleepers_and_wakes_nobody_is_made_up_for() {
    let mut stage = Stage::with("mutex", "");
    stage.victim.does("lock-often o 1000");
    stage.victim.does("wait o 0");
    stage.victim.does("arm die-after=300 1 latch: about to be stored");
    stage.victim.tell("release o");
    let mut sleepers: Vec<Puppet> = (0..3).map(|_| endless_sleeper(&stage)).collect();
    assert!(stage.victim.ended().signal.is_some());
    while !sleepers.is_empty() {
        let first = super::first_to_answer(&mut sleepers, "its mark was erased");
        sleepers.remove(first).does("release o");
    }
    next_is_told(&mut stage.other, "signaled", "after the change");
}

/// A process that sleeps for the mutex until it is woken.
fn endless_sleeper(stage: &Stage) -> Puppet {
    let mut sleeper = shmobj_tests::puppet!("sleeper", &stage.scratch);
    sleeper.does("reach o mutex o");
    sleeper.does("force limits");
    sleeper.falls_asleep_in("wait o never");
    sleeper
}

#[test]
fn a_sleeper_that_can_make_no_barrier_gets_what_others_give_back_by_stores() {
    let mut stage = Stage::with("mutex", "");
    stage.victim.does("lock-often o 1000");
    stage.victim.does("wait o 0");
    stage.other.does("force barrier");
    stage.other.falls_asleep_in("wait o never");
    stage.victim.does("release o");
    assert_eq!(woken(&mut stage.other, "it made no barrier"), "signaled");
    stage.other.does("release o");
    stage.other.does("lock-often o 1000");
    next_is_told(&mut stage.victim, "signaled", "after the change");
}

#[test]
fn a_store_into_an_entry_that_was_truncated_just_before_frees_nothing() {
    let mut stage = Stage::with("mutex", "");
    stage.victim.does("lock-often o 1000");
    stage.victim.does("wait o 0");
    stage.victim.does("arm pause=300 1 latch: about to be stored");
    stage.victim.tell("release o");
    assert!(
        stage.victim.answers_within(std::time::Duration::from_millis(100)).is_none(),
        "it has not paused"
    );
    let entry = std::fs::OpenOptions::new().write(true).open(stage.scratch.file("o")).expect("an entry");
    entry.set_len(0).expect("truncated");
    let refused = stage.victim.answer().expect_err("a release of what is gone");
    assert!(format!("{refused:?}").contains("Corrupt"), "{refused:?}");
    for command in ["wait o 0", "wait o 100", "release o"] {
        let answer = stage.victim.ask(command);
        assert!(answer.is_err(), "{command}: {answer:?}");
    }
}

#[test]
fn killed_when_it_has_announced_that_it_will_sleep() {
    let mut stage = Stage::with("mutex", "");
    stage.other.does("lock-often o 1000");
    stage.other.does("wait o 0");
    stage.dies("latch: change announced", 1, "wait o never");
    let mut sleeper = stage.sleeper("mutex");
    stage.other.does("release o");
    assert_eq!(woken(&mut sleeper, "who announced the change was killed"), "signaled");
    sleeper.does("release o");
    next_is_told(&mut stage.other, "signaled", "after the change");
}

#[test]
fn killed_by_the_release_that_ends_the_change() {
    let mut stage = Stage::with("mutex", "");
    stage.victim.does("wait o 0");
    let mut sleepers = vec![stage.sleeper("mutex"), stage.sleeper("mutex")];
    stage.dies("latch: marked by its owner", 1, "release o");
    while !sleepers.is_empty() {
        let first = super::first_to_answer(&mut sleepers, "the owner was killed");
        sleepers.remove(first).does("release o");
    }
    next_is_told(&mut stage.other, "signaled", "after the change");
}

#[test]
fn killed_while_a_thread_that_owns_it_ends() {
    for step in ["latch: free, nobody woken", "latch: nobody sleeps"] {
        let mut stage = Stage::with("mutex", "");
        stage.slept_for();
        stage.victim.does("thread t");
        stage.victim.does("in t wait o 0");
        let mut sleeper = stage.sleeper("mutex");
        if step == "latch: nobody sleeps" {
            sleeper.kill();
            stage.dies(step, 1, "leave t");
            next_is_told(&mut stage.other, "abandoned", step);
            continue;
        }
        stage.dies(step, 1, "leave t");
        assert_eq!(woken(&mut sleeper, step), "abandoned", "{step}");
        sleeper.does("release o");
        next_is_told(&mut stage.other, "signaled", step);
    }
}

#[test]
fn killed_before_the_kernel_knows_that_it_created_the_mutex_as_its_own() {
    let mut stage = Stage::empty();
    stage.victim.does("arm pause=20000 1 mutex: created as owned");
    stage.victim.tell("make o mutex o owned");
    let there = shmobj_tests::system::until(super::SECONDS, || stage.other.ask("reach o mutex o").is_ok());
    assert!(there, "it is not there yet");
    assert_eq!(stage.other.does("wait o 0"), "timeout", "its creator lives");
    stage.other.falls_asleep_in("wait o never");
    let [mut second, mut late] = ["second", "late"].map(|name| shmobj_tests::puppet!(name, &stage.scratch));
    second.does("reach o mutex o");
    second.falls_asleep_in("wait o never");
    stage.victim.kill();
    late.does("reach o mutex o");
    let mut told = Vec::new();
    for puppet in [&mut stage.other, &mut second] {
        // Whoever is not first gets it when the other one ends.
        if let Some(answer) = puppet.answers_within(super::SECONDS) {
            told.push(answer.expect("a lock"));
            puppet.does("release o");
        }
    }
    told.sort();
    if told.len() < 2 {
        told.push(woken(&mut stage.other, "the other sleeper"));
    }
    assert_eq!(told, ["abandoned", "signaled"]);
}

#[test]
fn killed_as_the_only_one_with_a_mutex_that_it_created_as_its_own() {
    let mut stage = Stage::empty();
    stage.dies("mutex: created as owned", 1, "make o mutex o owned");
    assert_eq!(value(&stage.other.does("make o mutex o"), "existed"), "false");
    next_is_told(&mut stage.other, "signaled", "a new object");
    stage.other.does("let-go o");
    stage.scratch.assert_empty("after the last handle was closed");
}

#[test]
fn a_mutex_is_abandoned_whatever_its_depth_and_however_its_owner_dies() {
    for how in ["kill", "exit", "thread", "exec"] {
        for sleeps in [false, true] {
            let mut stage = Stage::with("mutex", "");
            stage.victim.does("thread t");
            let within = if how == "thread" { "in t " } else { "" };
            for depth in 1..4 {
                stage.victim.does(format!("{within}wait o 0"));
                assert_eq!(stage.victim.does(format!("{within}depth o")), depth.to_string());
            }
            let mut sleeper = sleeps.then(|| stage.sleeper("mutex"));
            match how {
                "kill" => stage.victim.strike(),
                "exit" => stage.victim.tell("exit 0"),
                "exec" => stage.victim.tell("exec sleep 30"),
                _ => drop(stage.victim.does("leave t")),
            }
            let story = format!("{how}, a sleeper: {sleeps}");
            match &mut sleeper {
                Some(sleeper) => {
                    assert_eq!(woken(sleeper, &story), "abandoned", "{story}");
                    sleeper.does("release o");
                    next_is_told(&mut stage.other, "signaled", &story);
                }
                None => next_is_told(&mut stage.other, "abandoned", &story),
            }
        }
    }
}

#[test]
fn all_of_many_mutexes_that_a_thread_owned_are_abandoned() {
    const MANY: usize = 600;
    let mut stage = Stage::empty();
    for number in 0..MANY {
        stage.has(&format!("o{number}"), "mutex", "");
        assert_eq!(stage.victim.does(format!("wait o{number} 0")), "signaled");
        if number % 3 == 0 {
            stage.victim.does(format!("let-go o{number}"));
        }
    }
    for number in (0..MANY).filter(|number| number % 3 == 1) {
        stage.victim.does(format!("release o{number}"));
    }
    stage.victim.strike();
    for number in 0..MANY {
        let expected = if number % 3 == 1 { "signaled" } else { "abandoned" };
        assert_eq!(stage.other.does(format!("wait o{number} 10000")), expected, "mutex {number}");
    }
}
