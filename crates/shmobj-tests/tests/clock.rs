//! The wall clock is set: TI-6. It is the machine's, so this test runs by itself, as root, when it is asked for:
//! `cargo test -p shmobj-tests --test clock -- --ignored`.

use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime, clock_settime};
use shmobj::{Due, Reset, Timeout, WaitableTimer};

/// The wall clock, moved; back at its place when dropped.
struct Moved {
    seconds: i64,
}

impl Moved {
    fn by(seconds: i64) -> Self {
        shift(seconds);
        Self { seconds }
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        shift(-self.seconds);
    }
}

fn shift(seconds: i64) {
    let mut time = clock_gettime(ClockId::Realtime);
    time.tv_sec += seconds;
    clock_settime(ClockId::Realtime, time).expect("root may set the clock");
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
#[ignore = "sets the machine's clock"]
fn ti_6_absolute_due_times_follow_the_wall_clock_and_relative_ones_do_not() {
    for reset in [Reset::Auto, Reset::Manual] {
        for limit in [Timeout::NEVER, Timeout::after(Duration::from_secs(60))] {
            let absolute = WaitableTimer::options().reset(reset).create_unnamed().unwrap();
            let relative = WaitableTimer::options().reset(reset).create_unnamed().unwrap();
            absolute.set(Due::at(SystemTime::now() + HOUR), None).unwrap();
            relative.set(Due::after(HOUR), None).unwrap();
            std::thread::scope(|scope| {
                let sleeper = scope.spawn(|| {
                    let passed = absolute.wait(limit).unwrap();
                    (passed, Instant::now())
                });
                std::thread::sleep(Duration::from_millis(100));
                let set = Instant::now();
                let moved = Moved::by(3601);
                let (passed, when) = sleeper.join().unwrap();
                assert!(passed, "{reset:?}, {limit:?}: the hour has passed");
                assert!(
                    when - set < Duration::from_secs(30),
                    "{reset:?}, {limit:?}: at once, and not at the time-out"
                );
                assert!(
                    !relative.wait(Timeout::NOW).unwrap(),
                    "{reset:?}: an hour of the clock is not an hour"
                );
                if reset == Reset::Manual {
                    drop(moved);
                    assert!(absolute.wait(Timeout::NOW).unwrap(), "what has fired has fired");
                }
            });
            relative.set(Due::after(Duration::from_millis(50)), None).unwrap();
            let begun = Instant::now();
            let _moved = Moved::by(-3600);
            assert!(
                relative.wait(Duration::from_secs(30)).unwrap(),
                "{reset:?}: the clock went back, time did not"
            );
            assert!(begun.elapsed() >= Duration::from_millis(49));
        }
    }
}
