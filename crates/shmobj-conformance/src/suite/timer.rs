//! Section 18: waitable timers.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use shmobj::wait::{self, Waited};
use shmobj::{Access, Due, Period, Reset, Timeout, WaitableTimer};

use crate::case::{Remark, Role, Test, role, test};
use crate::objects::Objects;
use crate::process::Cue;
use crate::stage::Stage;
use crate::threads::{LONG, SHORT, Waiter, exactly, until};

pub(super) const TESTS: &[Test] = &[
    test!(["TI-1"], a_new_timer_is_inactive_and_not_signalled),
    test!(["TI-2", "TI-26"], a_relative_due_time_comes_after_that_time),
    test!(["TI-2"], a_timer_that_is_not_due_is_not_signalled),
    test!(["TI-3"], an_absolute_due_time_comes_when_the_wall_clock_says_so),
    test!(["TI-3"], an_absolute_due_time_in_the_past_is_due_at_once),
    test!(["TI-4"], now_is_due_at_once),
    test!(["TI-8"], a_timer_without_a_period_fires_once),
    test!(["TI-9"], a_periodic_timer_fires_when_due_and_then_each_period),
    test!(["TI-9"], a_periodic_timer_is_stopped_by_setting_it_again),
    test!(["TI-11"], setting_a_manual_reset_timer_makes_it_not_signalled_and_arms_it_again),
    test!(["TI-11"], setting_a_synchronization_timer_makes_it_not_signalled_and_arms_it_again)
        .but_wine("one that nobody has waited for stays signalled", "cancelled before: "),
    test!(["TI-11"], who_waits_passes_at_the_new_due_time_and_not_at_the_old_one),
    test!(["TI-12"], an_expired_manual_timer_stays_signalled_until_it_is_set_again),
    test!(["TI-13"], an_expired_synchronization_timer_stays_signalled_for_one_wait),
    test!(["TI-14"], expiries_that_nobody_waited_for_do_not_add_up),
    test!(["TI-15"], a_periodic_manual_timer_is_signalled_for_good),
    test!(["TI-16"], cancelling_an_expired_timer_leaves_it_signalled),
    test!(["TI-16"], a_timer_that_was_cancelled_in_time_does_not_fire),
    test!(["TI-17"], an_inactive_timer_can_be_cancelled),
    test!(["TI-18"], who_waits_stays_blocked_when_the_timer_is_cancelled),
    test!(["TI-23"], a_timer_fires_although_the_thread_that_set_it_has_ended),
    test!(["TI-23"], a_timer_fires_although_the_process_that_set_it_was_killed),
    test!(["TI-27"], another_process_sets_and_cancels_the_same_timer),
    test!(["TI-28"], an_existing_timer_keeps_its_sort_and_its_due_time),
];

pub(super) const ROLES: &[Role] = &[role!(commands)];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["TI-5"], "a due time is always given"),
    Remark::new(&["TI-6"], "not tested: it would set the machine's clock"),
    Remark::new(&["TI-7"], "not tested: it would suspend the machine"),
    Remark::new(&["TI-10"], "a period is never negative"),
    Remark::new(
        &["TI-19"],
        "a handle is a value, open as long as it is there, and of the type that it is of",
    ),
    Remark::new(&["TI-21", "TI-22"], "there are no completion routines"),
    Remark::new(&["TI-24"], "timers do not resume the machine"),
    Remark::new(&["TI-25"], "no tolerable delay can be given"),
    Remark::new(&["TI-29"], "options have no undefined bits"),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["TI-26"], "that a timer is not early is tested; how late it may be is no promise"),
    Remark::new(
        &["TI-11"],
        "Microsoft documents it; of Wine the same is told, but a synchronization timer was seen to do otherwise",
    ),
    Remark::new(&["TI-11", "TI-16"], "there are no completion routines"),
];

const BOTH: [Reset; 2] = [Reset::Auto, Reset::Manual];
const HOUR: Duration = Duration::from_secs(3600);
/// A clock tick, by which a timer may be early (TI-26).
const TICK: Duration = Duration::from_millis(16);

fn a_new_timer_is_inactive_and_not_signalled(stage: &Stage) {
    for reset in BOTH {
        assert!(!stage.timer("n", reset).wait(SHORT).unwrap(), "{reset:?}");
    }
}

fn a_relative_due_time_comes_after_that_time(stage: &Stage) {
    for reset in BOTH {
        let timer = stage.timer("n", reset);
        for after in [1, 20, 100].map(Duration::from_millis) {
            let begun = Instant::now();
            timer.set(Due::after(after), None).unwrap();
            assert!(timer.wait(LONG).unwrap());
            assert!(begun.elapsed() + TICK >= after, "{:?} of {after:?}", begun.elapsed());
        }
        let instant = Instant::now() + Duration::from_millis(50);
        timer.set(instant.into(), None).unwrap();
        assert!(timer.wait(LONG).unwrap());
        assert!(Instant::now() + TICK >= instant);
    }
}

fn a_timer_that_is_not_due_is_not_signalled(stage: &Stage) {
    for reset in BOTH {
        let timer = stage.timer("n", reset);
        for due in [Due::after(HOUR), Due::after(24 * 365 * HOUR), Due::at(SystemTime::now() + HOUR)] {
            timer.set(due, Some(Period::millis(1))).unwrap();
            assert!(!timer.wait(SHORT).unwrap(), "{reset:?}, {due:?}");
        }
    }
}

fn an_absolute_due_time_comes_when_the_wall_clock_says_so(stage: &Stage) {
    for reset in BOTH {
        let timer = stage.timer("n", reset);
        let due = SystemTime::now() + Duration::from_millis(60);
        timer.set(Due::at(due), None).unwrap();
        assert!(timer.wait(LONG).unwrap());
        assert!(SystemTime::now() + TICK >= due, "{reset:?}");
    }
}

fn an_absolute_due_time_in_the_past_is_due_at_once(stage: &Stage) {
    let now = SystemTime::now();
    for reset in BOTH {
        let timer = stage.timer("n", reset);
        for past in [now, now - HOUR, UNIX_EPOCH] {
            timer.set(past.into(), None).unwrap();
            assert!(timer.wait(LONG).unwrap(), "{reset:?}, {past:?}");
        }
    }
}

fn now_is_due_at_once(stage: &Stage) {
    for reset in BOTH {
        let timer = stage.timer("n", reset);
        for due in [Due::NOW, Due::after(Duration::ZERO), Due::from(Instant::now())] {
            timer.set(due, None).unwrap();
            assert!(timer.wait(LONG).unwrap(), "{reset:?}, {due:?}");
        }
    }
}

fn a_timer_without_a_period_fires_once(stage: &Stage) {
    let timer = stage.timer("n", Reset::Auto);
    for period in [None, Some(Period::millis(0))] {
        timer.set(Due::after(Duration::from_millis(1)), period).unwrap();
        assert!(timer.wait(LONG).unwrap());
        assert!(!timer.wait(SHORT).unwrap(), "{period:?}");
    }
}

fn a_periodic_timer_fires_when_due_and_then_each_period(stage: &Stage) {
    let timer = stage.timer("n", Reset::Auto);
    let (after, period) = (Duration::from_millis(40), Duration::from_millis(30));
    let begun = Instant::now();
    timer.set(Due::after(after), Some(period.into())).unwrap();
    for expiry in 0..6 {
        assert!(timer.wait(LONG).unwrap());
        let elapsed = begun.elapsed();
        assert!(elapsed + TICK >= after + expiry * period, "expiry {expiry} after {elapsed:?}");
    }
    timer.cancel().unwrap();
    timer.wait(Timeout::NOW).unwrap(); // it may have fired meanwhile
    assert!(!timer.wait(2 * period).unwrap(), "until it is cancelled");
    let due = SystemTime::now() + after;
    timer.set(Due::at(due), Some(period.into())).unwrap();
    for expiry in 0..3 {
        assert!(timer.wait(LONG).unwrap());
        assert!(SystemTime::now() + TICK >= due + expiry * period, "expiry {expiry} by the wall clock");
    }
}

fn a_periodic_timer_is_stopped_by_setting_it_again(stage: &Stage) {
    let timer = stage.timer("n", Reset::Auto);
    timer.set(Due::NOW, Some(Period::millis(1))).unwrap();
    assert!(timer.wait(LONG).unwrap());
    assert!(timer.wait(LONG).unwrap());
    timer.set(Due::NOW, None).unwrap();
    assert!(timer.wait(LONG).unwrap());
    assert!(!timer.wait(SHORT).unwrap());
}

/// The timer is set, and expires.
fn expire(timer: &WaitableTimer, reset: Reset) {
    timer.set(Due::NOW, None).unwrap();
    match reset {
        Reset::Manual => assert!(timer.wait(LONG).unwrap()),
        // A wait would take the expiry.
        Reset::Auto => std::thread::sleep(SHORT),
    }
}

fn setting_a_manual_reset_timer_makes_it_not_signalled_and_arms_it_again(stage: &Stage) {
    is_set_anew(stage, Reset::Manual);
}

fn setting_a_synchronization_timer_makes_it_not_signalled_and_arms_it_again(stage: &Stage) {
    is_set_anew(stage, Reset::Auto);
}

fn is_set_anew(stage: &Stage, reset: Reset) {
    let timer = stage.timer("n", reset);
    for cancels in [false, true] {
        expire(&timer, reset);
        if cancels {
            timer.cancel().unwrap();
        }
        timer.set(Due::after(HOUR), None).unwrap();
        assert!(!timer.wait(SHORT).unwrap(), "cancelled before: {cancels}");
        timer.set(Due::NOW, None).unwrap();
        assert!(timer.wait(LONG).unwrap(), "it is armed again");
    }
}

/// Sets a timer that is soon due, and does something to it, until that has certainly happened before it was due. Returns when it would
/// have been due.
fn in_time(timer: &WaitableTimer, mut act: impl FnMut()) {
    for attempt in 1.. {
        let due = Instant::now() + Duration::from_millis(60 * attempt);
        timer.set(due.into(), None).unwrap();
        act();
        if Instant::now() + TICK < due {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            return;
        }
    }
}

fn who_waits_passes_at_the_new_due_time_and_not_at_the_old_one(stage: &Stage) {
    for reset in BOTH {
        let timer = stage.timer("n", reset);
        for earlier in [Due::NOW, Due::after(Duration::from_millis(10)), Due::at(SystemTime::now())] {
            timer.set(Due::after(HOUR), None).unwrap();
            std::thread::scope(|scope| {
                let waiter = Waiter::blocked(scope, || timer.wait(LONG).unwrap());
                timer.set(earlier, None).unwrap();
                assert!(waiter.outcome(), "{reset:?}, {earlier:?}");
            });
        }
        // Nobody waits before it is certain that the earlier due time is gone.
        in_time(&timer, || timer.set(Due::after(HOUR), None).unwrap());
        assert!(!timer.wait(SHORT).unwrap(), "{reset:?}");
    }
}

fn an_expired_manual_timer_stays_signalled_until_it_is_set_again(stage: &Stage) {
    let timer = stage.timer("n", Reset::Manual);
    std::thread::scope(|scope| {
        let waiters = [(); 3].map(|()| Waiter::start(scope, || timer.wait(LONG).unwrap()));
        timer.set(Due::after(Duration::from_millis(5)), None).unwrap();
        assert!(waiters.into_iter().all(Waiter::outcome), "all pass");
    });
    for _ in 0..3 {
        assert!(timer.wait(Timeout::NOW).unwrap());
    }
    timer.set(Due::after(HOUR), None).unwrap();
    assert!(!timer.wait(Timeout::NOW).unwrap());
}

fn an_expired_synchronization_timer_stays_signalled_for_one_wait(stage: &Stage) {
    let timer = stage.timer("n", Reset::Auto);
    expire(&timer, Reset::Auto);
    std::thread::sleep(SHORT);
    assert!(timer.wait(LONG).unwrap());
    assert!(!timer.wait(SHORT).unwrap());
    std::thread::scope(|scope| {
        let waiters = [(); 3].map(|()| Waiter::start(scope, || timer.wait(LONG).unwrap()));
        for passed in 1..=3 {
            timer.set(Due::after(Duration::from_millis(5)), None).unwrap();
            exactly(passed, &waiters);
        }
        assert!(waiters.into_iter().all(Waiter::outcome));
    });
    assert!(!timer.wait(SHORT).unwrap());
}

fn expiries_that_nobody_waited_for_do_not_add_up(stage: &Stage) {
    let timer = stage.timer("n", Reset::Auto);
    // It has expired eleven times, and will in half an hour.
    timer.set(Due::at(SystemTime::now() - 10 * HOUR - HOUR / 2), Some(HOUR.into())).unwrap();
    assert!(timer.wait(LONG).unwrap());
    assert!(!timer.wait(SHORT).unwrap());
    timer.set(Due::NOW, Some(Period::millis(1))).unwrap();
    std::thread::sleep(SHORT);
    timer.cancel().unwrap();
    assert!(timer.wait(LONG).unwrap());
    assert!(!timer.wait(SHORT).unwrap());
}

fn a_periodic_manual_timer_is_signalled_for_good(stage: &Stage) {
    let timer = stage.timer("n", Reset::Manual);
    timer.set(Due::after(Duration::from_millis(2)), Some(Period::millis(2))).unwrap();
    assert!(timer.wait(LONG).unwrap());
    let begun = Instant::now();
    while begun.elapsed() < SHORT {
        assert!(timer.wait(Timeout::NOW).unwrap());
    }
}

fn cancelling_an_expired_timer_leaves_it_signalled(stage: &Stage) {
    for reset in BOTH {
        let timer = stage.timer("n", reset);
        expire(&timer, reset);
        timer.cancel().unwrap();
        timer.cancel().unwrap();
        assert!(timer.wait(Timeout::NOW).unwrap(), "{reset:?}");
        assert_eq!(timer.wait(Timeout::NOW).unwrap(), reset == Reset::Manual, "{reset:?}");
    }
}

fn a_timer_that_was_cancelled_in_time_does_not_fire(stage: &Stage) {
    for reset in BOTH {
        let timer = stage.timer("n", reset);
        in_time(&timer, || timer.cancel().unwrap());
        assert!(!timer.wait(SHORT).unwrap(), "{reset:?}");
    }
}

fn an_inactive_timer_can_be_cancelled(stage: &Stage) {
    for reset in BOTH {
        let timer = stage.timer("n", reset);
        timer.cancel().unwrap();
        timer.cancel().unwrap();
        assert!(!timer.wait(Timeout::NOW).unwrap(), "{reset:?}");
        timer.set(Due::NOW, None).unwrap();
        assert!(timer.wait(LONG).unwrap(), "{reset:?}");
    }
}

fn who_waits_stays_blocked_when_the_timer_is_cancelled(stage: &Stage) {
    for reset in BOTH {
        let timer = stage.timer("n", reset);
        timer.set(Due::after(HOUR), None).unwrap();
        std::thread::scope(|scope| {
            let waiters = [
                Waiter::blocked(scope, || timer.wait(Timeout::NEVER).unwrap()),
                Waiter::blocked(scope, || {
                    wait::any(&[&timer], Timeout::NEVER).unwrap() == Waited::Signaled(0)
                }),
            ];
            timer.cancel().unwrap();
            waiters.iter().for_each(Waiter::stays_blocked);
            until("all pass", || {
                // A synchronization timer lets one pass each time.
                timer.set(Due::NOW, None).unwrap();
                std::thread::sleep(Duration::from_millis(5));
                waiters.iter().all(Waiter::is_done)
            });
            assert!(waiters.into_iter().all(Waiter::outcome), "{reset:?}");
        });
    }
}

fn a_timer_fires_although_the_thread_that_set_it_has_ended(stage: &Stage) {
    for reset in BOTH {
        let timer = stage.timer("n", reset);
        std::thread::scope(|scope| {
            let setter = scope.spawn(|| {
                let handle = stage.timers().open("n", Access::MODIFY).unwrap();
                handle.set(Due::after(Duration::from_millis(20)), None).unwrap();
            });
            setter.join().unwrap();
        });
        assert!(timer.wait(LONG).unwrap(), "{reset:?}");
    }
}

fn a_timer_fires_although_the_process_that_set_it_was_killed(stage: &Stage) {
    for reset in BOTH {
        let timer = stage.timer("n", reset);
        let mut setter = stage.child("commands", &["n"]);
        assert_eq!(setter.ask("set soon"), "done");
        setter.kill();
        assert!(timer.wait(LONG).unwrap(), "{reset:?}");
    }
}

fn another_process_sets_and_cancels_the_same_timer(stage: &Stage) {
    let timer = stage.timer("n", Reset::Auto);
    let mut other = stage.child("commands", &["n"]);
    timer.set(Due::after(HOUR), None).unwrap();
    assert_eq!(other.ask("set soon"), "done");
    assert!(timer.wait(LONG).unwrap());
    in_time(&timer, || assert_eq!(other.ask("cancel"), "done"));
    assert!(!timer.wait(SHORT).unwrap());
    in_time(&timer, || assert_eq!(other.ask("set late"), "done"));
    assert!(!timer.wait(SHORT).unwrap());
}

/// Does what it is told to the timer of the name (argument 0).
fn commands(cue: &Cue) {
    let timer = cue.timers().open(cue.argument(0), Access::MODIFY).unwrap();
    loop {
        match cue.hear().as_str() {
            "set soon" => timer.set(Due::after(SHORT), None).unwrap(),
            "set late" => timer.set(Due::after(HOUR), None).unwrap(),
            "cancel" => timer.cancel().unwrap(),
            other => panic!("what is {other:?}?"),
        }
        cue.say("done");
    }
}

fn an_existing_timer_keeps_its_sort_and_its_due_time(stage: &Stage) {
    for reset in BOTH {
        let other = if reset == Reset::Auto { Reset::Manual } else { Reset::Auto };
        let first = stage.timer("n", reset);
        expire(&first, reset);
        let second = stage.timer("n", other);
        assert!(second.existed());
        assert!(second.wait(Timeout::NOW).unwrap(), "{reset:?}");
        assert_eq!(second.wait(Timeout::NOW).unwrap(), reset == Reset::Manual, "{reset:?}");
    }
}
