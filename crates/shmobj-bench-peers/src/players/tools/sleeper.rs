//! Being woken: from a signal in one player until another one, which was asleep, knows.

use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Duration;

use super::clock;
use super::page::Page;
use super::timing::Latencies;
use crate::players::{Made, Stage};
use crate::protocol::Answer;

const TURN: usize = 1;
const SIGNALLED: usize = 2;

/// Long enough for the other one to do its part, and to be asleep.
fn pause() {
    std::thread::sleep(Duration::from_micros(100));
}

/// Role 0 sleeps, by `act`, and measures; role 1 signals, by `act`.
pub(crate) fn sleeper(stage: &Stage, mut act: impl FnMut() + 'static) -> Made {
    let page = Page::of(stage);
    let (turn, signalled) = (page.word(TURN), page.word(SIGNALLED));
    if stage.role == 1 {
        return Made::of(move |count| {
            for number in 1..=count {
                while turn.load(Acquire) != number {
                    pause();
                }
                pause();
                signalled.store(clock::now(), Release);
                act();
            }
            Answer::Done
        });
    }
    Made::of(move |count| {
        let mut latencies = Latencies::new();
        for number in 1..=count {
            turn.store(number, Release);
            act();
            let woken = clock::now();
            latencies.add(woken.saturating_sub(signalled.load(Acquire)));
        }
        turn.store(0, Release);
        latencies.answer()
    })
}
