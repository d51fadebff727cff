//! Section 18: waitable timers.
//!
//! Not to be observed here: TI-5 and TI-10 (a due time is always given, a period is never negative), TI-6 and TI-7 (a test does not set
//! the machine's clock, nor suspend it), TI-19 (a handle is never closed or of another type), TI-21, TI-22, TI-24 and TI-25
//! (there are no APCs, no resume and no tolerable delay), TI-29 (options have no undefined bits).

mod common;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::sleeper::{LONG, SHORT, Sleeper, exactly, until};
use common::{Place, on_wine};
use shmobj::wait::{self, Waited};
use shmobj::{Access, Due, ErrorKind, Period, Reset, Timeout, WaitableTimer};

const BOTH: [Reset; 2] = [Reset::Auto, Reset::Manual];
/// Wine leaves a synchronization timer signalled when it is set anew (TI-11).
fn resets() -> &'static [Reset] {
    if on_wine() { &[Reset::Manual] } else { &BOTH }
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn ti_1_a_new_timer_is_inactive_and_not_signalled() {
    let place = Place::new();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        assert_eq!(timer.reset_mode(), Some(reset));
        assert!(!timer.wait(SHORT).unwrap());
        assert!(!place.is_signaled("n"));
    }
}

/// Also TI-8 and TI-26.
#[test]
fn ti_2_a_relative_due_time_comes_after_that_time_and_never_before() {
    let place = Place::new();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        for milliseconds in [1, 5, 20] {
            let due = Duration::from_millis(milliseconds);
            let begun = Instant::now();
            timer.set(due.into(), None).unwrap();
            assert!(timer.wait(LONG).unwrap());
            assert!(begun.elapsed() >= due, "{:?} of {due:?}", begun.elapsed());
        }
    }
}

#[test]
fn ti_2_an_instant_is_a_relative_due_time() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Auto);
    let due = Instant::now() + Duration::from_millis(15);
    timer.set(due.into(), None).unwrap();
    assert!(timer.wait(Timeout::NEVER).unwrap());
    assert!(Instant::now() >= due);
    timer.set(Due::from(due), None).unwrap();
    assert!(timer.wait(Timeout::NOW).unwrap(), "an instant that has passed is due at once");
}

#[test]
fn ti_2_a_timer_that_is_not_due_is_not_signalled() {
    let place = Place::new();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        for due in [Due::after(HOUR), Due::after(Duration::MAX), Due::at(SystemTime::now() + HOUR)] {
            timer.set(due, Some(Period::millis(1))).unwrap();
            assert!(!timer.wait(SHORT).unwrap());
        }
    }
}

#[test]
fn ti_3_an_absolute_due_time_comes_when_the_wall_clock_says_so() {
    let place = Place::new();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        let due = SystemTime::now() + Duration::from_millis(30);
        timer.set(Due::at(due), None).unwrap();
        assert!(timer.wait(LONG).unwrap());
        assert!(SystemTime::now() >= due);
    }
}

#[test]
fn ti_3_an_absolute_due_time_in_the_past_is_due_at_once() {
    let place = Place::new();
    let now = SystemTime::now();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        for past in [now, now - HOUR, UNIX_EPOCH, UNIX_EPOCH - HOUR] {
            timer.set(past.into(), None).unwrap();
            assert!(timer.wait(Timeout::NOW).unwrap(), "{past:?}");
        }
    }
}

/// Also TI-9.
#[test]
fn ti_3_a_periodic_timer_that_was_due_long_ago_is_due_at_once() {
    let place = Place::new();
    let now = SystemTime::now();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        for (past, period) in [
            (UNIX_EPOCH, Period::every(Duration::from_secs(1))),
            (UNIX_EPOCH, Period::millis(1)),
            (now - 24 * 20 * HOUR, Period::millis(1)),
            (now - 24 * 30 * HOUR, Period::millis(1)),
            (now - 2 * HOUR, Period::every(Duration::from_micros(5))),
        ] {
            timer.set(past.into(), Some(period)).unwrap();
            assert!(timer.wait(Timeout::NOW).unwrap(), "{reset:?}, {past:?}, {period:?}");
        }
    }
}

#[test]
fn ti_4_now_is_due_at_once() {
    let place = Place::new();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        for due in [Due::NOW, Due::after(Duration::ZERO), Due::from(Instant::now())] {
            timer.set(due, None).unwrap();
            assert!(timer.wait(Timeout::NOW).unwrap());
        }
    }
}

#[test]
fn ti_8_a_timer_without_a_period_fires_once() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Auto);
    timer.set(Due::after(Duration::from_millis(1)), None).unwrap();
    assert!(timer.wait(LONG).unwrap());
    assert!(!timer.wait(SHORT).unwrap());
}

#[test]
fn ti_9_a_periodic_timer_fires_when_due_and_then_each_period() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Auto);
    let (due, period) = (Duration::from_millis(10), Duration::from_millis(7));
    let begun = Instant::now();
    timer.set(Due::after(due), Some(period.into())).unwrap();
    for expiry in 0..6 {
        assert!(timer.wait(LONG).unwrap());
        assert!(begun.elapsed() >= due + expiry * period, "expiry {expiry} after {:?}", begun.elapsed());
    }
    timer.cancel().unwrap();
    timer.wait(Timeout::NOW).unwrap(); // it may have fired meanwhile
    assert!(!timer.wait(SHORT).unwrap(), "until it is cancelled");
}

#[test]
fn ti_9_an_absolute_timer_is_periodic_too() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Auto);
    let (due, period) = (SystemTime::now() + Duration::from_millis(10), Duration::from_millis(7));
    timer.set(Due::at(due), Some(period.into())).unwrap();
    for expiry in 0..4 {
        assert!(timer.wait(LONG).unwrap());
        assert!(SystemTime::now() >= due + expiry * period, "expiry {expiry}");
    }
}

#[test]
fn ti_9_a_periodic_timer_is_stopped_by_setting_it_anew_without_a_period() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Auto);
    timer.set(Due::NOW, Some(Period::millis(1))).unwrap();
    assert!(timer.wait(LONG).unwrap());
    timer.set(Due::NOW, None).unwrap();
    assert!(timer.wait(Timeout::NOW).unwrap());
    assert!(!timer.wait(SHORT).unwrap());
}

/// The expiries since the last wait are more than half of what 31 bits count.
#[test]
fn ti_9_a_periodic_timer_that_nobody_waited_for_during_many_periods_is_signalled() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Auto);
    timer.set(Due::NOW, Some(Period::every(Duration::from_nanos(1)))).unwrap();
    std::thread::sleep(Duration::from_millis(1300));
    assert!(timer.wait(Timeout::NOW).unwrap());
}

#[test]
fn ti_11_setting_a_signalled_timer_makes_it_not_signalled() {
    let place = Place::new();
    for &reset in resets() {
        let timer = place.timer("n", reset);
        for due in [Due::NOW, Due::at(UNIX_EPOCH)] {
            timer.set(due, None).unwrap();
            assert!(place.is_signaled("n"));
            timer.set(Due::after(HOUR), None).unwrap();
            assert!(!place.is_signaled("n"), "{reset:?}");
            assert!(!timer.wait(Timeout::NOW).unwrap(), "{reset:?}");
            timer.set(Due::NOW, None).unwrap();
            assert!(timer.wait(Timeout::NOW).unwrap(), "it is armed again");
        }
    }
}

#[test]
fn ti_11_setting_a_timer_that_stayed_signalled_when_it_was_cancelled_makes_it_not_signalled() {
    let place = Place::new();
    for &reset in resets() {
        let timer = place.timer("n", reset);
        timer.set(Due::NOW, None).unwrap();
        timer.cancel().unwrap();
        assert!(place.is_signaled("n"));
        timer.set(Due::after(HOUR), None).unwrap();
        assert!(!timer.wait(Timeout::NOW).unwrap(), "{reset:?}");
    }
}

#[test]
fn ti_11_a_sleeping_thread_is_released_by_an_earlier_due_time() {
    let place = Place::new();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        for earlier in [Due::NOW, Due::after(Duration::from_millis(10)), Due::at(SystemTime::now())] {
            timer.set(Due::after(HOUR), None).unwrap();
            std::thread::scope(|scope| {
                let sleeper = Sleeper::asleep(scope, || timer.wait(LONG).unwrap());
                timer.set(earlier, None).unwrap();
                assert!(sleeper.outcome(), "{reset:?}, {earlier:?}");
            });
        }
    }
}

/// Sets a timer that is soon due, and does something to it, until that has certainly happened before it was due.
fn in_time(timer: &WaitableTimer, mut act: impl FnMut(), mut then: impl FnMut(Instant)) {
    for attempt in 1.. {
        let due = Instant::now() + Duration::from_millis(50 * attempt);
        timer.set(due.into(), None).unwrap();
        act();
        if Instant::now() < due {
            return then(due);
        }
    }
}

#[test]
fn ti_11_a_sleeping_thread_is_not_released_by_the_due_time_that_was_replaced() {
    let place = Place::new();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        std::thread::scope(|scope| {
            timer.set(Due::after(HOUR), None).unwrap();
            let sleeper = Sleeper::asleep(scope, || timer.wait(LONG).unwrap());
            let set_later = || timer.set(Due::after(HOUR), None).unwrap();
            in_time(&timer, set_later, |due| {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                sleeper.stays_asleep();
            });
            timer.set(Due::NOW, None).unwrap();
            assert!(sleeper.outcome());
        });
    }
}

/// Also TI-15: a period does not change that.
#[test]
fn ti_12_an_expired_manual_timer_stays_signalled_until_it_is_set_again() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Manual);
    for period in [None, Some(Period::every(HOUR))] {
        timer.set(Due::NOW, period).unwrap();
        for _ in 0..3 {
            assert!(timer.wait(Timeout::NOW).unwrap());
        }
        std::thread::scope(|scope| {
            let others: Vec<_> = (0..3).map(|_| scope.spawn(|| timer.wait(Timeout::NOW).unwrap())).collect();
            assert!(others.into_iter().all(|other| other.join().unwrap()));
        });
        timer.set(Due::after(HOUR), None).unwrap();
        assert!(!timer.wait(Timeout::NOW).unwrap());
    }
}

#[test]
fn ti_12_an_expiring_manual_timer_releases_all_who_sleep() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Manual);
    std::thread::scope(|scope| {
        let sleepers = Sleeper::many(4, scope, || timer.wait(LONG).unwrap());
        timer.set(Due::after(Duration::from_millis(20)), None).unwrap();
        assert!(sleepers.into_iter().all(Sleeper::outcome));
    });
}

/// Also TS-18.
#[test]
fn ti_13_an_expired_synchronization_timer_stays_signalled_for_exactly_one_wait() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Auto);
    timer.set(Due::NOW, None).unwrap();
    std::thread::sleep(SHORT);
    assert!(place.is_signaled("n"));
    assert!(timer.wait(Timeout::NOW).unwrap());
    assert!(!place.is_signaled("n"));
    assert!(!timer.wait(SHORT).unwrap());
}

#[test]
fn ti_13_an_expiring_synchronization_timer_releases_exactly_one_who_sleeps() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Auto);
    std::thread::scope(|scope| {
        let sleepers = Sleeper::many(3, scope, || timer.wait(LONG).unwrap());
        for released in 1..=3 {
            timer.set(Due::after(Duration::from_millis(5)), None).unwrap();
            exactly(released, &sleepers);
        }
        assert!(sleepers.into_iter().all(Sleeper::outcome));
    });
    assert!(!timer.wait(Timeout::NOW).unwrap());
}

#[test]
fn ti_14_expiries_that_nobody_waited_for_do_not_add_up() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Auto);
    // Eleven expiries so far, and the next one in half an hour.
    timer.set(Due::at(SystemTime::now() - 10 * HOUR - HOUR / 2), Some(HOUR.into())).unwrap();
    assert!(timer.wait(Timeout::NOW).unwrap());
    assert!(!timer.wait(SHORT).unwrap());
}

#[test]
fn ti_15_a_periodic_manual_timer_is_signalled_for_good_after_its_first_expiry() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Manual);
    timer.set(Due::after(Duration::from_millis(2)), Some(Period::millis(2))).unwrap();
    assert!(timer.wait(LONG).unwrap());
    let begun = Instant::now();
    while begun.elapsed() < SHORT {
        assert!(timer.wait(Timeout::NOW).unwrap());
        assert!(place.is_signaled("n"));
    }
}

#[test]
fn ti_16_cancelling_an_expired_timer_leaves_it_signalled() {
    let place = Place::new();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        for due in [Due::NOW, Due::at(UNIX_EPOCH)] {
            timer.set(due, Some(HOUR.into())).unwrap();
            timer.cancel().unwrap();
            timer.cancel().unwrap();
            assert!(place.is_signaled("n"));
            assert!(timer.wait(Timeout::NOW).unwrap(), "{reset:?}");
            assert_eq!(timer.wait(Timeout::NOW).unwrap(), reset == Reset::Manual, "{reset:?}");
            timer.cancel().unwrap();
            assert_eq!(timer.wait(Timeout::NOW).unwrap(), reset == Reset::Manual, "{reset:?}, again");
        }
    }
}

#[test]
fn ti_16_a_timer_that_is_cancelled_in_time_never_fires() {
    let place = Place::new();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        in_time(
            &timer,
            || timer.cancel().unwrap(),
            |due| {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                assert!(!timer.wait(SHORT).unwrap(), "{reset:?}");
            },
        );
    }
}

#[test]
fn ti_17_an_inactive_timer_can_be_cancelled() {
    let place = Place::new();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        timer.cancel().unwrap();
        timer.cancel().unwrap();
        assert!(!timer.wait(Timeout::NOW).unwrap());
        timer.set(Due::NOW, None).unwrap();
        assert!(timer.wait(Timeout::NOW).unwrap());
    }
}

#[test]
fn ti_18_those_who_sleep_stay_blocked_when_the_timer_is_cancelled() {
    let place = Place::new();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        std::thread::scope(|scope| {
            timer.set(Due::after(HOUR), None).unwrap();
            let one = Sleeper::asleep(scope, || timer.wait(LONG).unwrap());
            let any = Sleeper::asleep(scope, || wait::any(&[&timer], LONG).unwrap());
            in_time(
                &timer,
                || timer.cancel().unwrap(),
                |due| {
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    one.stays_asleep();
                    any.stays_asleep();
                },
            );
            timer.set(Due::NOW, None).unwrap();
            until("one passes", || one.is_done() || any.is_done());
            until("both pass", || {
                // A synchronization timer lets one pass each time.
                timer.set(Due::NOW, None).unwrap();
                one.is_done() && any.is_done()
            });
            assert!(one.outcome());
            assert_eq!(any.outcome(), Waited::Signaled(0));
        });
    }
}

/// Also AR-5.
#[test]
fn ti_20_without_the_right_to_modify_the_timer_stays_as_it_is() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Auto);
    let handle = place.timers().open("n", Access::SYNCHRONIZE | Access::QUERY).unwrap();
    let error = handle.set(Due::NOW, None).unwrap_err();
    assert_eq!((error.kind(), error.win32_code()), (ErrorKind::AccessDenied, 5));
    assert!(!handle.wait(Timeout::NOW).unwrap());
    timer.set(Due::after(Duration::from_millis(10)), None).unwrap();
    assert_eq!(handle.cancel().unwrap_err().win32_code(), 5);
    assert!(handle.wait(LONG).unwrap(), "it was not cancelled");
}

#[test]
fn ti_23_a_timer_fires_although_the_thread_that_set_it_has_ended() {
    let place = Place::new();
    for reset in BOTH {
        let timer = place.timer("n", reset);
        std::thread::scope(|scope| {
            let setter = scope.spawn(|| {
                let handle = place.timers().open("n", Access::MODIFY).unwrap();
                handle.set(Due::after(Duration::from_millis(10)), None).unwrap();
            });
            setter.join().unwrap();
        });
        assert!(timer.wait(LONG).unwrap());
    }
}

#[test]
fn ti_27_every_handle_with_the_right_sets_and_cancels_the_one_timer() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Auto);
    let handle = place.timers().open("n", Access::MODIFY).unwrap();
    timer.set(Due::after(HOUR), None).unwrap();
    handle.set(Due::NOW, None).unwrap();
    assert!(timer.wait(Timeout::NOW).unwrap());
    timer.set(Due::after(SHORT), None).unwrap();
    handle.set(Due::after(HOUR), None).unwrap();
    assert!(!timer.wait(2 * SHORT).unwrap());
}

#[test]
fn ti_28_an_existing_timer_keeps_its_sort_and_its_due_time() {
    let place = Place::new();
    for reset in BOTH {
        let other = if reset == Reset::Auto { Reset::Manual } else { Reset::Auto };
        let first = place.timer("n", reset);
        first.set(Due::NOW, None).unwrap();
        let second = place.timer("n", other);
        assert!(second.existed());
        // Windows does not tell.
        assert_eq!(second.reset_mode(), cfg!(target_os = "linux").then_some(reset));
        assert!(second.wait(Timeout::NOW).unwrap());
        assert_eq!(second.wait(Timeout::NOW).unwrap(), reset == Reset::Manual);
    }
}

#[test]
fn a_timer_can_be_set_and_cancelled_while_many_wait_for_it() {
    let place = Place::new();
    let timer = place.timer("n", Reset::Auto);
    std::thread::scope(|scope| {
        let waiters = Sleeper::many(4, scope, || (0..50).all(|_| timer.wait(LONG).unwrap()));
        until("all have waited", || {
            timer.set(Due::after(Duration::from_micros(200)), Some(Period::millis(1))).unwrap();
            std::thread::sleep(Duration::from_millis(2));
            timer.cancel().unwrap();
            waiters.iter().all(Sleeper::is_done)
        });
        assert!(waiters.into_iter().all(Sleeper::outcome));
    });
}
