//! There and back between two processes.

use std::cell::RefCell;
use std::hint::spin_loop;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

use shmobj::wait::{Spinning, set_spinning};
use shmobj::{Event, Timeout};
use shmobj_bench::{Contender, Versus};

use super::raw::futex;
use super::stage::{Peer, Stage, commands, say};

/// What both sides have.
struct Track {
    there: Event,
    back: Event,
    /// The line that is passed to and fro.
    ball: &'static AtomicU32,
    /// Two flags on lines of their own.
    flags: [&'static AtomicU32; 2],
}

impl Track {
    fn new(stage: &Stage) -> Self {
        let event = |name| Event::options().namespace(&stage.namespace).create(name).expect("an event");
        let flags = [stage.shared.word(2), stage.shared.word(3)];
        Self { there: event("there"), back: event("back"), ball: stage.shared.word(1), flags }
    }

    fn ping(&self, how: &str, turn: u32) {
        match how {
            "events" => {
                self.there.set().expect("set");
                assert!(self.back.wait(Timeout::NEVER).expect("waited"));
            }
            "line" => {
                self.ball.store(2 * turn + 1, Release);
                spin(|| self.ball.load(Acquire) == 2 * turn + 2);
            }
            "flags" => {
                self.flags[0].store(1, Release);
                spin_and_take(self.flags[1]);
            }
            _ => {
                futex::raise(self.flags[0]);
                futex::take(self.flags[1]);
            }
        }
    }

    fn pong(&self, how: &str, turn: u32) {
        match how {
            "events" => {
                assert!(self.there.wait(Timeout::NEVER).expect("waited"));
                self.back.set().expect("set");
            }
            "line" => {
                spin(|| self.ball.load(Acquire) == 2 * turn + 1);
                self.ball.store(2 * turn + 2, Release);
            }
            "flags" => {
                spin_and_take(self.flags[0]);
                self.flags[1].store(1, Release);
            }
            _ => {
                futex::take(self.flags[0]);
                futex::raise(self.flags[1]);
            }
        }
    }

    fn trips(&self, peer: &RefCell<Peer>, how: &str, trips: u32) -> Duration {
        self.ball.store(0, Relaxed);
        peer.borrow_mut().tell(how, trips + 1);
        self.ping(how, 0); // now the other one is there
        let start = Instant::now();
        for turn in 1..=trips {
            self.ping(how, turn);
        }
        start.elapsed()
    }
}

fn spin(until: impl Fn() -> bool) {
    while !until() {
        spin_loop();
    }
}

/// Takes a flag as an auto-reset event is taken: by a write of its own.
fn spin_and_take(flag: &AtomicU32) {
    spin(|| flag.load(Relaxed) == 1 && flag.compare_exchange(1, 0, Acquire, Relaxed).is_ok());
}

/// The other side.
pub(crate) fn pong(stage: &Stage, spinning: &str) {
    let track = Track::new(stage);
    set_spinning(if spinning == NEVER { Spinning::Never } else { Spinning::Adaptive });
    say("ready");
    for (how, trips) in commands() {
        for turn in 0..trips {
            track.pong(&how, turn);
        }
    }
}

const ADAPTIVE: &str = "adaptive";
const NEVER: &str = "never";

fn start(stage: &Stage, spinning: &str) -> (Track, RefCell<Peer>) {
    let track = Track::new(stage);
    set_spinning(if spinning == NEVER { Spinning::Never } else { Spinning::Adaptive });
    let mut peer = stage.peer("pong", spinning);
    assert_eq!(peer.hear(), "ready");
    (track, RefCell::new(peer))
}

/// Both sides run all the time.
pub(crate) fn spinning(stage: &Stage) {
    let (track, peer) = start(stage, ADAPTIVE);
    let way = |name, how: &'static str| Contender::timed(name, |trips| track.trips(&peer, how, trips));
    Versus::new(
        format!("there and back, spinning, {}", stage.placement()),
        way("two auto-reset events", "events"),
    )
    .rounds(101, 2000)
    .against(way("spinning on one cache line", "line"), Some(1.4))
    .against(way("spinning on two flags, each taken by a write", "flags"), None)
    .run();
}

fn beside_futex(stage: &Stage, spinning: &str, heading: &str, rounds: u32, bound: f64) {
    let (track, peer) = start(stage, spinning);
    let way = |name, how: &'static str| Contender::timed(name, |trips| track.trips(&peer, how, trips));
    Versus::new(
        format!("there and back, {heading}, {}", stage.placement()),
        way("two auto-reset events", "events"),
    )
    .rounds(rounds, 100)
    .against(way("two bare futexes", "futexes"), Some(bound))
    .run();
}

/// Both sides sleep for each other.
pub(crate) fn sleeping(stage: &Stage) {
    beside_futex(stage, NEVER, "always asleep", 101, 1.15);
}

/// What spinning costs where it cannot help.
pub(crate) fn adaptive(stage: &Stage) {
    beside_futex(stage, ADAPTIVE, "spinning adaptively", 301, 1.3);
}
