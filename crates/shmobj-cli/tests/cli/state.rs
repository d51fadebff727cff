//! The state of objects in `shmobj ls` and `shmobj stat`.

use crate::support::{Place, piped, text};

#[test]
fn ls_shows_the_state_of_every_object() {
    let place = Place::new();
    let _event = place.hold_a("event", &["event", "--signaled"]);
    let mutex = place.hold_a("mutex", &["mutex", "--locked"]);
    let _semaphore = place.hold_a("semaphore", &["semaphore", "--initial", "1", "--max", "4"]);
    let _timer = place.hold_a("timer", &["timer", "--due", "1h", "--every", "1s", "--manual-reset"]);
    let _mapping = place.hold(&["mapping", "--size", "4K"]);
    let table = text(&place.stdout(&["ls"]));
    let row = |name: &str| table.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
    assert!(table.lines().next().unwrap().contains("STATE"), "{table}");
    assert!(row("event").contains("entry    signaled, auto reset "), "{table}");
    assert!(row("mutex").contains(&format!("owned by shmobj ({}) ", mutex.pid())), "{table}");
    assert!(row("semaphore").contains("1 of 4 "), "{table}");
    assert!(row("timer").contains("not signaled, manual reset, due in 59m "), "{table}");
    assert!(row("timer").contains(", every 1s "), "{table}");
    assert!(row("mapping").contains("memory   - "), "{table}");
}

#[test]
fn stat_shows_the_state_line_by_line() {
    let place = Place::new();
    let _event = place.hold_a("event", &["e", "--manual-reset"]);
    let shown = text(&place.stdout(&["stat", "e"]));
    assert!(
        shown.contains("  state       not signaled\n  reset       manual\n  waited for  no\n"),
        "{shown}"
    );
    let _semaphore = place.hold_a("semaphore", &["s", "--initial", "1", "--max", "4"]);
    assert!(text(&place.stdout(&["stat", "s"])).contains("  count       1 of 4\n"));
    let _timer = place.hold_a("timer", &["t", "--due", "1h", "--every", "1m"]);
    let shown = text(&place.stdout(&["stat", "t"]));
    assert!(shown.contains("  due in      59m ") && shown.contains("  every       1m\n"), "{shown}");
    let _mapping = place.hold(&["m", "--size", "4K"]);
    let shown = text(&place.stdout(&["stat", "m"]));
    assert!(!shown.contains("state") && !shown.contains("waited for"), "{shown}");
}

#[test]
fn json_has_the_state_of_each_kind() {
    let place = Place::new();
    let owner = place.hold_a("mutex", &["n", "--locked"]);
    let object = place.json(&["stat", "n", "--json"]);
    let (pid, command) = (owner.pid(), "shmobj");
    let expected =
        serde_json::json!({"owner": {"pid": pid, "thread": pid, "command": command}, "abandoned": false});
    assert_eq!((&object["state"], &object["waited_for"]), (&expected, &false.into()));
    let _mapping = place.hold(&["m", "--size", "4K"]);
    assert!(place.state("m").is_null());
    let _timer = place.hold_a("timer", &["t"]);
    let expected =
        serde_json::json!({"signaled": false, "reset": "auto", "due_in_ns": null, "period_ns": null});
    assert_eq!(place.state("t"), expected);
}

#[test]
fn somebody_who_waits_is_shown() {
    let place = Place::new();
    let owner = place.hold_a("mutex", &["n", "--locked"]);
    let _waiting = piped(&mut place.command(&["wait", "n"]));
    place.until_waited_for("n");
    assert!(text(&place.stdout(&["stat", "n"])).contains("  waited for  yes\n"));
    assert!(
        text(&place.stdout(&["ls"])).contains(&format!("owned by shmobj ({}), waited for ", owner.pid()))
    );
}

#[test]
fn an_abandoned_mutex_is_shown_as_such() {
    let place = Place::new();
    let _keeper = place.hold_a("mutex", &["n"]);
    assert!(text(&place.stdout(&["ls"])).contains(" free "));
    place.hold_a("mutex", &["n", "--locked"]).crash();
    assert!(text(&place.stdout(&["ls"])).contains(" abandoned "));
    assert!(text(&place.stdout(&["stat", "n"])).contains("  state       abandoned\n"));
}
