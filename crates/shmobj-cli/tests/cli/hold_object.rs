//! `shmobj hold` of events, mutexes, semaphores and timers.

use rustix::process::Signal;

use crate::support::{Place, piped, text};

#[test]
fn hold_says_what_it_holds() {
    let place = Place::new();
    let cases: [(&str, &[&str], &str); 6] = [
        ("event", &["e"], r#"holding event "e" (auto reset, created)"#),
        ("event", &["f", "--manual-reset"], r#"holding event "f" (manual reset, created)"#),
        ("mutex", &["m"], r#"holding mutex "m" (created)"#),
        ("mutex", &["n", "--locked"], r#"holding mutex "n" (locked, created)"#),
        ("semaphore", &["s", "--max", "4"], r#"holding semaphore "s" (at most 4, created)"#),
        ("timer", &["t"], r#"holding waitable timer "t" (auto reset, created)"#),
    ];
    let holders = cases.map(|(kind, arguments, line)| {
        let holder = place.hold_a(kind, arguments);
        assert_eq!(holder.first_line, line);
        holder
    });
    assert_eq!(place.hold_a("event", &["e"]).first_line, r#"holding event "e" (auto reset, opened)"#);
    assert_eq!(place.hold_a("mutex", &["m"]).first_line, r#"holding mutex "m" (opened)"#);
    for mut holder in holders {
        holder.signal(Signal::TERM);
        assert_eq!(holder.wait().code(), Some(0));
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn options_say_what_a_new_object_is_like() {
    let place = Place::new();
    let _set = place.hold_a("event", &["e", "--manual-reset", "--signaled"]);
    assert_eq!(place.state("e"), serde_json::json!({"signaled": true, "reset": "manual"}));
    let _some = place.hold_a("semaphore", &["s", "--initial", "2", "--max", "4"]);
    assert_eq!(place.state("s"), serde_json::json!({"count": 2, "max": 4}));
    let _many = place.hold_a("semaphore", &["m"]);
    assert_eq!(place.state("m"), serde_json::json!({"count": 0, "max": i32::MAX}));
    let _later = place.hold_a("timer", &["t", "--due", "1h", "--every", "1m", "--manual-reset"]);
    let state = place.state("t");
    assert_eq!((&state["signaled"], &state["reset"]), (&false.into(), &"manual".into()));
    assert_eq!(state["period_ns"], 60_000_000_000_u64);
    assert!((1..=3_600_000_000_000_u64).contains(&state["due_in_ns"].as_u64().unwrap()), "{state}");
    let _group = place.hold_a("mutex", &["g", "--mode", "0660"]);
    assert_eq!(place.json(&["stat", "g", "--json"])["mode"], "0660");
}

#[test]
fn an_existing_object_stays_as_it_is_and_hold_says_so() {
    let place = Place::new();
    let _event = place.hold_a("event", &["e"]);
    let _semaphore = place.hold_a("semaphore", &["s", "--initial", "1", "--max", "4"]);
    let _timer = place.hold_a("timer", &["t"]);
    let cases: [(&str, &[&str], &[&str]); 3] = [
        ("event", &["e", "--manual-reset", "--signaled"], &["its auto reset", "its state"]),
        ("semaphore", &["s", "--initial", "2", "--max", "5"], &["its maximum of 4", "its count"]),
        ("timer", &["t", "--manual-reset", "--due", "0"], &["its auto reset", "what it is set to"]),
    ];
    for (kind, arguments, kept) in cases {
        let state = place.state(arguments[0]);
        let output = place.run(&[&["hold", kind], arguments, &["--", "true"]].concat());
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        for kept in kept {
            assert!(said.contains(&format!("exists, and keeps {kept}")), "{said}");
        }
        assert_eq!(place.state(arguments[0]), state);
    }
    // Asked for what it is, there is nothing to say.
    let output = place.run(&["hold", "semaphore", "s", "--max", "4", "--", "true"]);
    assert_eq!(text(&output.stderr), "holding semaphore \"s\" (at most 4, opened)\n");
}

#[test]
fn a_locked_mutex_is_owned_until_hold_ends_and_is_not_abandoned_then() {
    let place = Place::new();
    let _keeper = place.hold_a("mutex", &["n"]);
    let mut owner = place.hold_a("mutex", &["n", "--locked"]);
    assert_eq!(owner.first_line, r#"holding mutex "n" (locked, opened)"#);
    assert_eq!(place.state("n")["owner"]["pid"], owner.pid());
    let mut second = piped(&mut place.command(&["hold", "mutex", "n", "--locked"]));
    place.until_waited_for("n");
    owner.signal(Signal::INT);
    assert_eq!(owner.wait().code(), Some(0));
    assert_eq!(second.line(), r#"holding mutex "n" (locked, opened)"#);
    assert_eq!(
        place.state("n"),
        serde_json::json!({"owner": {"pid": second.pid(), "thread": second.pid(), "command": "shmobj"}, "abandoned": false})
    );
}

#[test]
fn an_owner_that_is_killed_abandons_the_mutex_and_hold_says_so() {
    let place = Place::new();
    let _keeper = place.hold_a("mutex", &["n"]);
    place.hold_a("mutex", &["n", "--locked"]).crash();
    assert_eq!(place.state("n"), serde_json::json!({"owner": null, "abandoned": true}));
    let output = place.run(&["hold", "mutex", "n", "--locked", "--", "true"]);
    assert!(
        text(&output.stderr).starts_with("shmobj: mutex \"n\" was abandoned"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(place.state("n"), serde_json::json!({"owner": null, "abandoned": false}));
}

#[test]
fn hold_runs_a_command_with_every_kind() {
    let place = Place::new();
    for kind in ["event", "mutex", "semaphore", "timer"] {
        let script = format!(r#""{}" stat n >/dev/null && exit 7"#, crate::support::SHMOBJ);
        let output = place.run(&["hold", kind, "n", "--", "sh", "-c", &script]);
        assert_eq!(output.status.code(), Some(7), "{kind}: {}", text(&output.stderr));
        let output = place.run(&["hold", kind, "n", "--", "sh", "-c", "kill -TERM $$"]);
        assert_eq!(output.status.code(), Some(143), "{kind}");
        assert_eq!(place.run(&["hold", kind, "n", "--", "/nowhere"]).status.code(), Some(127), "{kind}");
    }
}

#[test]
fn a_signal_ends_hold_while_it_waits_for_the_mutex() {
    let place = Place::new();
    let _owner = place.hold_a("mutex", &["n", "--locked"]);
    let mut second = piped(&mut place.command(&["hold", "mutex", "n", "--locked"]));
    place.until_waited_for("n");
    second.signal(Signal::TERM);
    assert_eq!(second.wait().code(), Some(143));
}

#[test]
fn an_object_of_another_kind_and_impossible_counts_are_errors_in_one_line() {
    let place = Place::new();
    let _mutex = place.hold_a("mutex", &["n"]);
    let error = place.error(&["hold", "event", "n"]);
    assert!(error.contains("the name belongs to a mutex"), "{error}");
    let error = place.error(&["hold", "semaphore", "s", "--initial", "5", "--max", "4"]);
    assert!(error.contains("a count of 5 of at most 4 is impossible"), "{error}");
}
