//! `shmobj timer`.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::support::{Place, text};

fn due_in(place: &Place) -> Option<Duration> {
    place.state("n")["due_in_ns"].as_u64().map(Duration::from_nanos)
}

#[test]
fn a_timer_fires_when_it_is_due_and_once_only() {
    let place = Place::new();
    let _timer = place.hold_a("timer", &["n"]);
    let began = Instant::now();
    assert_eq!(place.stdout(&["timer", "set", "n", "--due", "50ms"]), b"");
    assert_eq!(text(&place.stdout(&["wait", "n"])), "n\n");
    assert!(began.elapsed() >= Duration::from_millis(50), "early: {:?}", began.elapsed());
    assert_eq!(place.run(&["wait", "n", "--timeout", "0"]).status.code(), Some(124));
    assert_eq!(due_in(&place), None);
}

#[test]
fn a_periodic_timer_fires_again_and_again_until_it_is_cancelled() {
    let place = Place::new();
    let _timer = place.hold_a("timer", &["n"]);
    place.stdout(&["timer", "set", "n", "--due", "0", "--every", "20ms"]);
    for _ in 0..3 {
        place.stdout(&["wait", "n"]);
    }
    assert_eq!(place.state("n")["period_ns"], 20_000_000);
    place.stdout(&["timer", "cancel", "n"]);
    assert_eq!(due_in(&place), None);
    assert!(place.state("n")["period_ns"].is_null());
    // An expiry between the last wait and the end is still to be had, and no other.
    place.run(&["wait", "n", "--timeout", "0"]);
    assert_eq!(place.run(&["wait", "n", "--timeout", "50ms"]).status.code(), Some(124));
}

#[test]
fn a_manual_reset_timer_stays_signaled_also_when_it_is_cancelled_and_until_it_is_set_again() {
    let place = Place::new();
    let _timer = place.hold_a("timer", &["n", "--manual-reset", "--due", "0"]);
    for _ in 0..2 {
        place.stdout(&["wait", "n"]);
    }
    place.stdout(&["timer", "cancel", "n"]);
    assert_eq!(place.state("n")["signaled"], true);
    place.stdout(&["timer", "set", "n", "--due", "1h"]);
    assert_eq!(place.state("n")["signaled"], false);
}

#[test]
fn a_due_time_is_from_now_or_by_the_clock() {
    let place = Place::new();
    let _timer = place.hold_a("timer", &["n"]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let in_an_hour = format!("@{}", now + 3600);
    for due in ["1h", &in_an_hour] {
        place.stdout(&["timer", "set", "n", "--due", due]);
        let left = due_in(&place).unwrap();
        assert!(left <= Duration::from_secs(3600), "{due}: {left:?}");
        assert!(left > Duration::from_secs(3300), "{due}: {left:?}");
    }
    let mut left = ["2200-01-01T00:00:00Z", "2200-01-01T00:00:00+01:00"].map(|due| {
        place.stdout(&["timer", "set", "n", "--due", due]);
        due_in(&place).unwrap()
    });
    left.sort();
    assert!(left[1] - left[0] > Duration::from_secs(3300), "an hour earlier in the east: {left:?}");
    for past in ["@0", "1999-12-31T23:59:59Z", "0s"] {
        place.stdout(&["timer", "set", "n", "--due", past]);
        assert_eq!(text(&place.stdout(&["wait", "n"])), "n\n", "{past} is due at once");
    }
}

#[test]
fn a_timer_fires_although_whoever_set_it_is_gone() {
    let place = Place::new();
    let first = place.hold_a("timer", &["n", "--due", "100ms"]);
    let _second = place.hold_a("timer", &["n"]);
    first.crash();
    assert_eq!(text(&place.stdout(&["wait", "n"])), "n\n");
}

#[test]
fn what_is_no_timer_is_an_error_in_one_line() {
    let place = Place::new();
    let _event = place.hold_a("event", &["e"]);
    for arguments in [&["timer", "set", "e", "--due", "1s"][..], &["timer", "cancel", "e"]] {
        let error = place.error(arguments);
        assert!(
            error.starts_with(r#"shmobj: cannot open waitable timer "e": the name belongs to an event"#),
            "{error}"
        );
    }
    assert!(place.error(&["timer", "cancel", "n"]).contains("no object has this name"));
}
