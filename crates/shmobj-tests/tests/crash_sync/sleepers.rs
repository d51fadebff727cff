//! Killed while it falls asleep for an object or several, sleeps, or was woken.

use super::{Stage, woken};

/// The steps that tests of this file crash at.
pub(crate) const STEPS: &[&str] = &[
    "wait: about to sleep",
    "wait: woken",
    "wait: about to sleep on several",
    "wait: woken among several",
    "wait: about to sleep for all",
];

/// Kinds whose signals satisfy one wait each, and how they are signalled.
const CONSUMED: [(&str, &str); 3] = [("auto", "set o"), ("semaphore", "release o 1"), ("timer", "start o 0")];

#[test]
fn killed_while_it_falls_asleep() {
    for (kind, signal) in CONSUMED.into_iter().chain([("manual", "set o"), ("manual-timer", "start o 0")]) {
        for (step, command) in [
            ("wait: about to sleep", "wait o never"),
            ("wait: about to sleep on several", "wait-any never o p"),
            ("wait: about to sleep for all", "wait-all never o p"),
        ] {
            let mut stage = Stage::with(kind, "");
            stage.has("p", "auto", "");
            let mut sleeper = stage.sleeper(kind);
            stage.dies(step, 1, command);
            stage.other.does(signal);
            assert_eq!(woken(&mut sleeper, step), "signaled", "{kind}, {step}");
            let once = if kind.starts_with("manual") { "signaled" } else { "timeout" };
            assert_eq!(stage.other.does("wait o 0"), once, "{kind}, {step}");
            assert_eq!(stage.other.does("wait p 0"), "timeout", "{kind}, {step}");
        }
    }
}

#[test]
fn killed_when_it_was_woken_the_next_one_has_the_signal() {
    for (kind, signal) in CONSUMED {
        for (step, command) in
            [("wait: woken", "wait o never"), ("wait: woken among several", "wait-any never p o")]
        {
            let mut stage = Stage::with(kind, "");
            stage.has("p", "auto", "");
            stage.victim.does(format!("arm die 1 {step}"));
            stage.victim.falls_asleep_in(command);
            stage.other.does(signal);
            assert!(stage.victim.ended().signal.is_some(), "{kind}, {step}");
            assert_eq!(stage.other.does("wait o 0"), "signaled", "{kind}, {step}");
            assert_eq!(stage.other.does("wait o 0"), "timeout", "{kind}, {step}: one signal");
            let mut sleeper = stage.sleeper(kind);
            stage.other.does(signal);
            assert_eq!(woken(&mut sleeper, step), "signaled", "{kind}, {step}: the next signal");
        }
    }
}

#[test]
fn one_of_several_that_is_killed_when_it_was_woken_strands_nobody() {
    for (kind, signal) in CONSUMED.into_iter().chain([("mutex", "release o")]) {
        let mut stage = Stage::with(kind, "");
        stage.has("p", "auto", "");
        if kind == "mutex" {
            stage.other.does("wait o 0");
        }
        // Before and behind it in the queue.
        let first = stage.sleeper(kind);
        stage.victim.does("arm die 1 wait: woken among several");
        stage.victim.falls_asleep_in("wait-any never p o");
        let last = stage.sleeper(kind);
        stage.other.does(signal);
        assert!(stage.victim.ended().signal.is_some(), "{kind}");
        let mut sleepers = vec![first, last];
        // One of them has the signal; the next one is for the other.
        let passed = super::first_to_answer(&mut sleepers, kind);
        let mut passed = sleepers.remove(passed);
        if kind == "mutex" {
            passed.does(signal)
        } else {
            stage.other.does(signal)
        };
        assert_eq!(woken(&mut sleepers[0], kind), "signaled", "{kind}: the second");
    }
}

#[test]
fn killed_in_its_sleep_for_several() {
    for command in ["wait-any never o p", "wait-all never o p"] {
        for (kind, signal) in CONSUMED.into_iter().chain([("mutex", "release o")]) {
            let mut stage = Stage::with(kind, "");
            stage.has("p", "auto", "");
            if kind == "mutex" {
                stage.other.does("wait o 0");
            }
            stage.victim.falls_asleep_in(command);
            let mut sleeper = stage.sleeper(kind);
            stage.victim.strike();
            stage.other.does(signal);
            assert_eq!(woken(&mut sleeper, command), "signaled", "{kind}, {command}");
            stage.other.does("set p");
            assert_eq!(stage.other.does("wait p 0"), "signaled", "{kind}, {command}");
        }
    }
}

#[test]
fn an_owner_that_is_killed_reaches_all_sorts_of_sleepers() {
    for sort in ["wait o never", "wait-any never p o", "wait-all never o q"] {
        let mut stage = Stage::with("mutex", "");
        stage.has("p", "auto", "");
        stage.has("q", "manual", "set");
        stage.victim.does("wait o 0");
        stage.other.falls_asleep_in(sort);
        stage.victim.kill();
        let told = woken(&mut stage.other, sort);
        assert!(told.starts_with("abandoned"), "{sort}: {told}");
        stage.other.does("release o");
    }
}

#[test]
fn killed_between_a_signal_and_the_wait_that_follows_it_the_signal_was_given() {
    for (kind, step) in [
        ("auto", "signal: rung"),
        ("auto", "wait: about to sleep"),
        ("semaphore", "signal: rung"),
        ("semaphore", "wait: about to sleep"),
        ("mutex", "latch: free, nobody woken"),
        ("mutex", "wait: about to sleep"),
    ] {
        let mut stage = Stage::with(kind, "");
        stage.has("p", "auto", "");
        if kind == "mutex" {
            stage.slept_for();
            stage.victim.does("wait o 0");
        }
        let mut sleeper = stage.sleeper(kind);
        stage.dies(step, 1, "signal-and-wait o p never");
        assert_eq!(woken(&mut sleeper, step), "signaled", "{kind}, {step}");
        stage.other.does("set p");
        assert_eq!(stage.other.does("wait p 0"), "signaled", "{kind}, {step}");
    }
}

#[test]
fn a_sleeper_that_is_stopped_and_continued_sleeps_on_and_wakes() {
    for (kind, signal) in CONSUMED.into_iter().chain([("mutex", "release o")]) {
        for command in ["wait o never", "wait-any never p o", "wait-all never o"] {
            let mut stage = Stage::with(kind, "");
            stage.has("p", "auto", "");
            if kind == "mutex" {
                stage.other.does("wait o 0");
            }
            stage.victim.falls_asleep_in(command);
            for _ in 0..3 {
                stage.victim.stands_still(std::time::Duration::from_millis(2));
            }
            assert!(stage.victim.answers_within(std::time::Duration::from_millis(10)).is_none(), "{kind}");
            stage.other.does(signal);
            assert!(woken(&mut stage.victim, command).starts_with("signaled"), "{kind}, {command}");
        }
    }
}
