//! Peers that may open a synchronization object and mean no good: they write nonsense into its words, or take it halfway and stop. That
//! object is broken then; nothing else is, nobody's memory, and nobody waits who did not ask to.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, number};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::{note, page_size};

const KINDS: [&str; 6] = ["mutex", "auto", "manual", "semaphore", "timer", "manual-timer"];

/// What a call that was not asked to wait may take while somebody keeps an object from being decided: five seconds of patience, as long again
/// for a wait that has passed one gate and meets the next, and what a loaded machine adds.
const PATIENCE: Duration = Duration::from_secs(15);

fn user(name: &str, scratch: &Scratch, options: &str) -> Puppet {
    let mut user = puppet!(name, scratch);
    if !options.is_empty() {
        user.does(format!("force {options}"));
    }
    for kind in KINDS {
        user.does(format!("make {kind} {kind} {kind} initial=1"));
    }
    user
}

/// The process is whole: objects that nobody touched work, and the kernel still knows what it owns.
#[track_caller]
fn is_unharmed(mut user: Puppet, other: &mut Puppet, name: &str) {
    user.does(format!("make clean mutex {name}"));
    other.does(format!("reach {name} mutex {name}"));
    assert_eq!(user.does("wait clean 0"), "signaled");
    assert_eq!(other.does(format!("wait {name} 0")), "timeout");
    user.kill();
    assert_eq!(other.does(format!("wait {name} 10000")), "abandoned", "its robust list is whole");
}

#[test]
fn words_full_of_noise_cost_errors_and_nothing_else() {
    let scratch = Scratch::new();
    let mut users = vec![
        user("user", &scratch, ""),
        user("another user", &scratch, ""),
        user("one without a robust list", &scratch, "robust-list"),
    ];
    let mut scribblers: Vec<Puppet> =
        KINDS.iter().map(|kind| puppet!(&format!("who scribbles over {kind}"), &scratch)).collect();
    for user in &mut users {
        user.tell("torment 2000");
    }
    for (scribbler, kind) in scribblers.iter_mut().zip(KINDS) {
        scribbler.tell(format!("scribble-words {} 2200", scratch.file(kind).display()));
    }
    for user in &mut users {
        let counts = user.answer().expect("counts");
        note(&counts);
        assert!(number(&counts, "longest") < PATIENCE.as_millis() as u64, "{counts}");
    }
    for scribbler in &mut scribblers {
        scribbler.answer().expect("it scribbled");
    }
    let mut other = puppet!("other", &scratch);
    for (index, user) in users.into_iter().enumerate() {
        is_unharmed(user, &mut other, &format!("clean-{index}"));
    }
}

fn write(scratch: &Scratch, kind: &str, from_the_end: usize, word: u64) {
    let file = OpenOptions::new().write(true).open(scratch.file(kind)).expect("an entry");
    file.write_all_at(&word.to_le_bytes(), (page_size() - from_the_end) as u64).expect("a word");
}

/// The places of the words, from the end of the page.
const CELL: usize = 64;
const LATCH: usize = 16;
const EVERYWHERE: [usize; 12] = [512, 504, 496, 480, 472, 464, 64, 56, 48, 40, 16, 8];

#[test]
fn each_word_with_each_bit_costs_errors_and_nothing_else() {
    let scratch = Scratch::new();
    let mut user = user("user", &scratch, "");
    let operations: [(&str, &[&str]); 6] = [
        ("mutex", &["release mutex", "wait mutex 0"]),
        ("auto", &["set auto", "wait auto 0", "reset auto", "pulse auto", "wait-all 0 auto"]),
        ("manual", &["set manual", "wait manual 0", "reset manual", "pulse manual", "wait-all 0 manual"]),
        ("semaphore", &["release semaphore 1", "wait semaphore 0", "release semaphore 70"]),
        ("timer", &["wait timer 0", "start timer 0", "wait timer 1", "cancel timer", "wait-all 0 timer"]),
        ("manual-timer", &["wait manual-timer 0", "start manual-timer 0", "cancel manual-timer"]),
    ];
    for (kind, operations) in operations {
        for place in EVERYWHERE {
            for word in (0..64).map(|bit| 1 << bit).chain([0, u64::MAX, u64::MAX >> 1, 0x1234_5678_9abc_def0])
            {
                for busy in [CELL, LATCH] {
                    write(&scratch, kind, busy, 0);
                }
                // What looks like somebody else's gate or decision is waited for; that has a test of its own.
                let low = word & 0x3fff_ffff;
                if place == LATCH && low != 0 && (kind != "mutex" || word & 0x4000_0000 != 0) {
                    continue;
                }
                write(&scratch, kind, place, word);
                for operation in operations {
                    let _ = user.ask(operation);
                }
            }
        }
    }
    is_unharmed(user, &mut puppet!("other", &scratch), "clean");
}

/// A peer that has everything locked, and stops.
fn stuck(scratch: &Scratch, objects: &str) -> Puppet {
    let mut stuck = user("who stops", scratch, "");
    stuck.does("set auto");
    stuck.does("set manual");
    stuck.does("start timer 0");
    stuck.does("start manual-timer 0");
    stuck.does("arm pause=60000 1 wait-all: all locked");
    stuck.falls_into(format!("wait-all never {objects}"));
    stuck
}

#[test]
fn a_peer_that_holds_the_gates_for_ever_keeps_nobody_who_does_not_ask_to_wait() {
    let scratch = Scratch::new();
    let stuck = stuck(&scratch, "mutex auto manual semaphore timer manual-timer");
    let mut signaller = user("who signals", &scratch, "");
    for command in ["set auto", "set manual", "release semaphore 1"] {
        let since = Instant::now();
        signaller.does(command);
        assert!(since.elapsed() < Duration::from_secs(3), "{command} goes on: {:?}", since.elapsed());
    }
    signaller.fails("release mutex", shmobj::ErrorKind::NotOwner);
    let commands = [
        "reset auto",
        "reset manual",
        "pulse auto",
        "release semaphore 100",
        "wait auto 0",
        "wait mutex 0",
        "wait semaphore 0",
        "wait timer 0",
        "wait manual-timer 0",
        "start timer 5",
        "cancel manual-timer",
        "wait-any 0 auto mutex",
        "wait-all 0 auto mutex",
        "wait-all 0 semaphore timer",
    ];
    let mut users: Vec<(Puppet, &str)> =
        commands.into_iter().map(|command| (user(command, &scratch, ""), command)).collect();
    let since = Instant::now();
    for (user, command) in &mut users {
        user.tell(*command);
    }
    for (user, command) in &mut users {
        let answer = user.answer();
        assert!(since.elapsed() < PATIENCE, "{command}: {:?}", since.elapsed());
        match &answer {
            // A release goes on if nobody sleeps, and answers with the count before.
            Ok(told) => assert!(["", "2", "timeout", "signaled"].contains(&&**told), "{command}: {told}"),
            Err(refusal) => assert_eq!(refusal.kind, "Stalled", "{command}: {}", refusal.text),
        }
    }
    // Who did ask to wait waits, and goes on when the peer is gone.
    let mut waiters: Vec<(Puppet, &str)> =
        [("auto", "1"), ("semaphore", "2"), ("mutex", "3"), ("timer", "4")]
            .map(|(kind, name)| (user(name, &scratch, ""), kind))
            .into();
    for (waiter, kind) in &mut waiters {
        waiter.tell(format!("wait {kind} never"));
    }
    waiters[0].0.sleeps_on();
    stuck.kill();
    for (waiter, kind) in &mut waiters {
        let told = waiter.answers_within(PATIENCE).unwrap_or_else(|| panic!("{kind}: sleeps for ever"));
        assert_eq!(told.expect("a wait"), "signaled", "{kind}");
    }
}

#[test]
fn a_gate_that_nobody_living_holds_and_nobody_dead_left_is_given_up_after_a_while() {
    let scratch = Scratch::new();
    let mut users: Vec<Puppet> = (0..4).map(|number| user(&format!("{number}"), &scratch, "")).collect();
    for kind in ["auto", "semaphore", "timer"] {
        write(&scratch, kind, CELL, 1 << 2);
        write(&scratch, kind, LATCH, 0x3fff_fff0);
    }
    write(&scratch, "mutex", LATCH, 0x7fff_fff0);
    let since = Instant::now();
    for (user, command) in
        users.iter_mut().zip(["reset auto", "wait semaphore 0", "start timer 0", "wait mutex 0"])
    {
        user.tell(command);
    }
    for user in &mut users {
        let answer = user.answer();
        assert!(since.elapsed() < PATIENCE, "{:?}", since.elapsed());
        match answer {
            // Where the library looks whether the thread exists, the object is free.
            Ok(told) => assert!(["", "signaled", "timeout", "abandoned"].contains(&&*told), "{told}"),
            Err(refusal) => assert!(["Stalled", "Corrupt"].contains(&&*refusal.kind), "{}", refusal.text),
        }
    }
}
