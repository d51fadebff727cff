//! Killed while it sets, releases, pulses, or sets a timer anew.

use super::{Stage, woken};

/// The steps that tests of this file crash at.
pub(crate) const STEPS: &[&str] = &[
    "signal: about to ring",
    "signal: rung",
    "signal: settled",
    "signal: locked",
    "latch: taken",
    "gate: taken",
    "gate: about to be given back",
    "latch: about to be given back",
    "timer: locked",
    "timer: other bank written",
];

/// Kinds whose signals satisfy one wait each, and how they are signalled.
const CONSUMED: [(&str, &str); 2] = [("auto", "set o"), ("semaphore", "release o 1")];

#[test]
fn killed_before_a_signal_for_a_sleeper_nobody_is_woken_and_nothing_set() {
    for (kind, signal) in CONSUMED {
        let mut stage = Stage::with(kind, "");
        let mut sleeper = stage.sleeper(kind);
        stage.dies("signal: about to ring", 1, signal);
        sleeper.sleeps_on();
        assert_eq!(stage.other.does("wait o 0"), "timeout", "{kind}");
        stage.other.does(signal);
        assert_eq!(woken(&mut sleeper, kind), "signaled");
        assert_eq!(stage.other.does("wait o 0"), "timeout", "{kind}: one signal");
    }
}

#[test]
fn killed_after_a_signal_for_a_sleeper_it_has_its_consequences() {
    for (kind, signal) in CONSUMED {
        for step in ["signal: rung", "signal: settled"] {
            let mut stage = Stage::with(kind, "");
            let mut sleeper = stage.sleeper(kind);
            stage.dies(step, 1, signal);
            assert_eq!(woken(&mut sleeper, step), "signaled", "{kind}, {step}");
            assert_eq!(stage.other.does("wait o 0"), "timeout", "{kind}, {step}: one signal");
            stage.other.does(signal);
            assert_eq!(stage.other.does("wait o 0"), "signaled", "{kind}, {step}");
        }
    }
}

#[test]
fn killed_in_a_signal_for_a_sleeper_that_has_died() {
    for (kind, signal) in CONSUMED {
        for (step, expected) in [
            ("signal: about to ring", "timeout"),
            ("signal: rung", "signaled"),
            ("signal: settled", "signaled"),
        ] {
            let mut stage = Stage::with(kind, "");
            stage.sleeper(kind).kill();
            stage.dies(step, 1, signal);
            assert_eq!(stage.other.does("wait o 0"), expected, "{kind}, {step}");
            assert_eq!(stage.other.does("wait o 0"), "timeout", "{kind}, {step}: one signal");
            let mut sleeper = stage.sleeper(kind);
            stage.other.does(signal);
            assert_eq!(woken(&mut sleeper, step), "signaled", "{kind}, {step}: afterwards");
        }
    }
}

#[test]
fn killed_in_a_set_of_a_manual_reset_event_everybody_passes() {
    let mut stage = Stage::with("manual", "");
    let mut sleepers = [stage.sleeper("manual"), stage.sleeper("manual")];
    stage.dies("signal: rung", 1, "set o");
    for sleeper in &mut sleepers {
        assert_eq!(woken(sleeper, "rung"), "signaled");
    }
    assert_eq!(stage.other.does("wait o 0"), "signaled");
    stage.other.does("reset o");
    assert_eq!(stage.other.does("wait o 0"), "timeout");
    let mut sleeper = stage.sleeper("manual");
    stage.other.does("set o");
    assert_eq!(woken(&mut sleeper, "set afterwards"), "signaled");
}

#[test]
fn killed_in_a_pulse() {
    for (step, passes) in [("signal: about to ring", false), ("signal: rung", true)] {
        let mut stage = Stage::with("auto", "set");
        assert_eq!(stage.other.does("wait o 0"), "signaled");
        let mut sleeper = stage.sleeper("auto");
        stage.dies(step, 1, "pulse o");
        if !passes {
            sleeper.sleeps_on();
            stage.other.does("pulse o");
        }
        assert_eq!(woken(&mut sleeper, step), "signaled");
        assert_eq!(stage.other.does("wait o 0"), "timeout", "{step}");
    }
}

/// More than the kernel adds in one step.
const MANY: u32 = 100;

#[test]
fn killed_in_a_release_of_many_before_it_counts_nothing_is_released() {
    for step in ["latch: taken", "gate: taken", "signal: locked"] {
        let mut stage = Stage::with("semaphore", "");
        let mut sleeper = stage.sleeper("semaphore");
        stage.dies(step, 1, &format!("release o {MANY}"));
        sleeper.sleeps_on();
        assert_eq!(stage.other.does("wait o 0"), "timeout", "{step}");
        assert_eq!(stage.other.does("release o 1"), "0", "{step}");
        assert_eq!(woken(&mut sleeper, step), "signaled");
        stage.other.does(format!("release o {MANY}"));
        assert_eq!(stage.other.does("release o 1"), MANY.to_string(), "{step}");
    }
}

#[test]
fn killed_in_a_release_of_many_after_it_counts_all_are_released() {
    for step in ["gate: about to be given back", "latch: about to be given back"] {
        let mut stage = Stage::with("semaphore", "");
        let mut sleeper = stage.sleeper("semaphore");
        stage.dies(step, 1, &format!("release o {MANY}"));
        assert_eq!(woken(&mut sleeper, step), "signaled");
        assert_eq!(stage.other.does("release o 1"), (MANY - 1).to_string(), "{step}");
    }
}

const FAR: &str = "3600000";

#[test]
fn killed_in_setting_a_timer_before_it_counts_the_old_due_time_holds() {
    for kind in ["timer", "manual-timer"] {
        for step in ["latch: taken", "gate: taken", "timer: locked", "timer: other bank written"] {
            for command in [format!("start o {FAR}"), format!("start-at o {FAR}"), "cancel o".to_owned()] {
                let mut stage = Stage::with(kind, "");
                let mut sleeper = stage.sleeper(kind);
                stage.other.does("start o 50");
                stage.dies(step, 1, &command);
                let story = format!("{kind}, {step}, {command}");
                assert_eq!(woken(&mut sleeper, &story), "signaled", "{story}");
                let again = if kind == "timer" { "timeout" } else { "signaled" };
                assert_eq!(stage.other.does("wait o 0"), again, "{story}");
                stage.other.does(format!("start o {FAR}"));
                assert_eq!(stage.other.does("wait o 0"), "timeout", "{story}: set anew");
                let mut sleeper = stage.sleeper(kind);
                stage.other.does("start o 0");
                assert_eq!(woken(&mut sleeper, &story), "signaled", "{story}: set for now");
            }
        }
    }
}

#[test]
fn killed_in_setting_a_timer_after_it_counts_the_new_due_time_holds() {
    for kind in ["timer", "manual-timer"] {
        for step in ["gate: about to be given back", "latch: about to be given back"] {
            let mut stage = Stage::with(kind, "");
            stage.other.does(format!("start o {FAR}"));
            let mut sleeper = stage.sleeper(kind);
            stage.dies(step, 1, "start o 100");
            assert_eq!(woken(&mut sleeper, step), "signaled", "{kind}, {step}: sooner");

            let mut stage = Stage::with(kind, "");
            let mut sleeper = stage.sleeper(kind);
            stage.other.does("start o 700");
            stage.dies(step, 1, &format!("start o {FAR}"));
            std::thread::sleep(std::time::Duration::from_millis(700));
            sleeper.sleeps_on();
            stage.other.does("start o 0");
            assert_eq!(woken(&mut sleeper, step), "signaled", "{kind}, {step}: later");
        }
    }
}

#[test]
fn a_timer_fires_although_who_set_it_is_dead() {
    for kind in ["timer", "manual-timer"] {
        let mut stage = Stage::with(kind, "");
        let mut sleeper = stage.sleeper(kind);
        stage.victim.does("start o 100 20");
        stage.victim.kill();
        assert_eq!(woken(&mut sleeper, kind), "signaled");
        assert_eq!(stage.other.does("wait o 10000"), "signaled", "{kind}: the next period");
    }
}
