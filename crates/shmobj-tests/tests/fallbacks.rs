//! What stands in for parts of the system that are missing: owners without a robust list, of whom the kernel knows nothing, and sleeping on
//! several words where it cannot.

use std::time::Duration;

use shmobj_tests::puppet;
use shmobj_tests::puppet::Puppet;
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::until;

const SECONDS: Duration = Duration::from_secs(10);

/// With or without a robust list.
fn process(name: &str, scratch: &Scratch, listed: bool) -> Puppet {
    let mut puppet = puppet!(name, scratch);
    if !listed {
        puppet.does("force robust-list");
    }
    puppet
}

#[track_caller]
fn woken(sleeper: &mut Puppet, story: &str) -> String {
    match sleeper.answers_within(SECONDS) {
        Some(answer) => answer.unwrap_or_else(|refusal| panic!("{story}: {refusal:?}")),
        None => panic!("{story}: the sleeper sleeps for ever"),
    }
}

/// All ways to wait for a mutex in which others may be signalled as well.
const WAYS: [&str; 3] = ["wait o never", "wait-any never p o", "wait-all never q o"];

fn owner_and_waiter(scratch: &Scratch, lists: [bool; 2]) -> [Puppet; 2] {
    let mut owner = process("owner", scratch, lists[0]);
    let mut waiter = process("waiter", scratch, lists[1]);
    owner.does("make o mutex o");
    waiter.does("reach o mutex o");
    waiter.does("make p auto p");
    waiter.does("make q manual q set");
    [owner, waiter]
}

#[test]
fn the_death_of_an_owner_without_a_robust_list_is_told() {
    for lists in [[false, false], [false, true]] {
        for way in WAYS {
            for asleep_before in [true, false] {
                let scratch = Scratch::new();
                let story = format!("{lists:?}, {way}, asleep before: {asleep_before}");
                let [mut owner, mut waiter] = owner_and_waiter(&scratch, lists);
                assert_eq!(owner.does("wait o 0"), "signaled");
                if asleep_before {
                    waiter.falls_asleep_in(way);
                    owner.kill();
                } else {
                    owner.kill();
                    waiter.tell(way);
                }
                let told = woken(&mut waiter, &story);
                assert!(told.starts_with("abandoned"), "{story}: {told}");
                waiter.does("release o");
                assert_eq!(waiter.does("wait o 0"), "signaled", "{story}: told once");
            }
        }
    }
}

#[test]
fn a_thread_without_a_robust_list_is_alive_until_it_ends() {
    for end in ["leave", "kill"] {
        let scratch = Scratch::new();
        let [mut owner, mut waiter] = owner_and_waiter(&scratch, [false, true]);
        owner.does("thread t");
        assert_eq!(owner.does("in t wait o 0"), "signaled");
        assert_eq!(waiter.does("wait o 150"), "timeout", "its owner lives");
        waiter.falls_asleep_in("wait o never");
        std::thread::sleep(Duration::from_millis(150));
        waiter.sleeps_on();
        match end {
            "leave" => drop(owner.does("leave t")),
            _ => owner.strike(),
        }
        assert_eq!(woken(&mut waiter, end), "abandoned", "{end}");
    }
}

#[test]
fn an_owner_that_died_before_it_signed_is_dead_although_nobody_reaps_it() {
    for (step, expected) in [("latch: taken", "signaled"), ("mutex: owned", "abandoned")] {
        for way in WAYS {
            let scratch = Scratch::new();
            let [mut owner, mut waiter] = owner_and_waiter(&scratch, [false, true]);
            owner.does(format!("arm die 1 {step}"));
            owner.tell("wait o 0"); // its status is fetched when all is over
            std::thread::sleep(Duration::from_millis(20));
            waiter.tell(way);
            assert!(woken(&mut waiter, step).starts_with(expected), "{step}, {way}");
        }
    }
}

#[test]
fn in_a_mixed_population_each_death_is_told_once() {
    let scratch = Scratch::new();
    let mut keeper = process("keeper", &scratch, true);
    keeper.does("make o mutex o");
    let mut last = "signaled".to_owned();
    for round in 0..12 {
        let mut owner = process("owner", &scratch, round % 2 == 0 || round % 3 == 0);
        owner.does("reach o mutex o");
        assert_eq!(owner.does("wait o 10000"), last, "round {round}");
        if round % 4 == 3 {
            owner.does("release o");
            last = "signaled".to_owned();
        } else {
            last = "abandoned".to_owned();
        }
        let mut waiter = process("waiter", &scratch, round % 2 == 1);
        waiter.does("reach o mutex o");
        if last == "abandoned" {
            assert_eq!(waiter.does("wait o 150"), "timeout", "round {round}: its owner lives");
        }
        owner.kill();
    }
}

#[test]
fn an_owner_with_a_robust_list_after_one_without_that_died_is_left_alone() {
    for lists in [[true, true], [true, false], [false, true], [false, false]] {
        let scratch = Scratch::new();
        let [mut next, mut waiter] = owner_and_waiter(&scratch, lists);
        let mut dead = process("dead", &scratch, false);
        dead.does("reach o mutex o");
        assert_eq!(dead.does("wait o 0"), "signaled");
        dead.kill();
        assert_eq!(next.does("wait o 10000"), "abandoned");
        for way in WAYS {
            waiter.falls_asleep_in(way);
            std::thread::sleep(Duration::from_millis(150));
            waiter.sleeps_on();
            next.does("release o");
            assert!(woken(&mut waiter, way).starts_with("signaled"), "{lists:?}, {way}");
            waiter.does("release o");
            assert_eq!(next.does("wait o 0"), "signaled");
        }
    }
}

#[test]
fn those_who_waited_while_it_was_being_created_as_owned_leave_the_next_owner_alone() {
    for lists in [[true, true], [false, true], [true, false]] {
        let scratch = Scratch::new();
        let mut creator = process("creator", &scratch, lists[0]);
        let mut waiters: Vec<Puppet> =
            (0..2).map(|number| process(&format!("waiter {number}"), &scratch, lists[1])).collect();
        // The pause has to be longer than it takes them to come, and they have to be asleep for less than 100 ms when it ends: then
        // they have gone to sleep when nobody knew yet whether the creator lives.
        creator.does("arm pause=150 1 mutex: created as owned");
        creator.tell("make o mutex o owned");
        for waiter in &mut waiters {
            assert!(until(SECONDS, || waiter.ask("reach o mutex o").is_ok()), "it is there");
            waiter.falls_asleep_in("wait o never");
        }
        creator.answer().expect("it made it");
        creator.does("release o");
        let mut first = None;
        assert!(until(SECONDS, || {
            first = waiters
                .iter_mut()
                .position(|waiter| waiter.answers_within(Duration::from_millis(1)).is_some());
            first.is_some()
        }));
        let mut owner = waiters.remove(first.expect("one of them"));
        std::thread::sleep(Duration::from_millis(500));
        waiters[0].sleeps_on();
        owner.does("release o");
        assert_eq!(woken(&mut waiters[0], "the other one"), "signaled", "{lists:?}");
    }
}

#[test]
fn without_a_sleep_on_several_words_each_of_them_wakes_the_sleeper() {
    for (kind, signal) in [
        ("mutex", "release o"),
        ("auto", "set o"),
        ("manual", "set o"),
        ("semaphore", "release o 1"),
        ("timer", "start o 0"),
    ] {
        for (way, index) in [("wait-any never o p", "0"), ("wait-any never p o", "1")] {
            let scratch = Scratch::new();
            let [mut other, mut sleeper] = ["other", "sleeper"].map(|name| puppet!(name, &scratch));
            sleeper.does("force waitv");
            other.does(format!("make o {kind} o"));
            sleeper.does(format!("reach o {kind} o"));
            sleeper.does("make p auto p");
            if kind == "mutex" {
                other.does("wait o 0");
            }
            sleeper.tell(way);
            sleeper.sleeps_on();
            other.does(signal);
            assert_eq!(woken(&mut sleeper, way), format!("signaled {index}"), "{kind}, {way}");
            // A time-out ends it as well, neither early nor never.
            let since = std::time::Instant::now();
            assert_eq!(sleeper.does("wait-any 40 p"), "timeout");
            assert!(since.elapsed() >= Duration::from_millis(40), "{:?}", since.elapsed());
        }
    }
}

#[test]
fn without_a_sleep_on_several_words_a_death_is_told() {
    let scratch = Scratch::new();
    for owner_is_listed in [true, false] {
        let [mut owner, mut waiter] = owner_and_waiter(&scratch, [owner_is_listed, true]);
        waiter.does("force waitv");
        owner.does("wait o 0");
        waiter.tell("wait-any never p o");
        waiter.sleeps_on();
        owner.kill();
        assert_eq!(woken(&mut waiter, "the owner died"), "abandoned 1", "listed: {owner_is_listed}");
    }
}
