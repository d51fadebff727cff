//! Counters of the kernel's that can be waited for with `poll`, and are handed over through a socket.

use std::os::fd::OwnedFd;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::{read, write};

use crate::players::tools::hand_over;
use crate::players::tools::sleeper::sleeper;
use crate::players::tools::timing;
use crate::players::tools::trips::trips;
use crate::players::{Made, Stage};

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    let shared = |count, flags| hand_over::shared(stage, count, |_| eventfd(0, flags).expect("an eventfd"));
    match stage.operation.as_str() {
        "event" | "semaphore" => {
            let semaphore = stage.operation == "semaphore";
            let flags = if semaphore { EventfdFlags::SEMAPHORE } else { EventfdFlags::empty() };
            let counter = eventfd(0, flags).expect("an eventfd");
            Made::of(move |count| {
                timing::timed(count, || {
                    add(&counter);
                    take(&counter);
                })
            })
        }
        "ping-pong" | "ping-pong-one-core" => {
            let counters = shared(2, EventfdFlags::empty());
            if stage.role == 0 {
                return trips(0, move || {
                    add(&counters[0]);
                    take(&counters[1]);
                });
            }
            trips(1, move || {
                take(&counters[0]);
                add(&counters[1]);
            })
        }
        "wait-any" => {
            let flags = EventfdFlags::empty();
            let counters: Vec<OwnedFd> =
                (0..stage.parameter).map(|_| eventfd(0, flags).expect("an eventfd")).collect();
            let mut any = any(counters);
            Made::of(move |count| timing::timed(count, || any(true)))
        }
        "wait-any-asleep" => {
            let counters = shared(stage.parameter as usize, EventfdFlags::empty());
            if stage.role == 0 {
                let mut any = any(counters);
                return sleeper(stage, move || any(false));
            }
            sleeper(stage, move || add(counters.last().expect("one at least")))
        }
        _ => Made::Unsupported,
    }
}

/// Waits for any of them, which is the last one, and takes it; signals that first if it is told to.
fn any(counters: Vec<OwnedFd>) -> impl FnMut(bool) {
    let counters: &'static [OwnedFd] = counters.leak();
    let mut list: Vec<PollFd<'static>> =
        counters.iter().map(|counter| PollFd::new(counter, PollFlags::IN)).collect();
    let last = counters.len() - 1;
    move |signal| {
        if signal {
            add(&counters[last]);
        }
        assert_eq!(poll(&mut list, None), Ok(1));
        let found = list.iter().position(|one| one.revents().contains(PollFlags::IN));
        assert_eq!(found, Some(last));
        take(&counters[last]);
    }
}

fn add(counter: &OwnedFd) {
    assert_eq!(write(counter, &1_u64.to_ne_bytes()), Ok(8));
}

fn take(counter: &OwnedFd) {
    assert_eq!(read(counter, &mut [0_u8; 8]), Ok(8));
}
