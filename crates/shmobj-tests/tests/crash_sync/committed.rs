//! Killed while it takes several objects at once: what it had not taken is as it was, nothing stays locked, and a mutex that it had only
//! taken tentatively is not abandoned.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};

use super::{Stage, woken};
use shmobj_tests::puppet::Puppet;
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::{page_size, until};

/// The steps that tests of this file crash at.
pub(crate) const STEPS: &[&str] = &[
    "latch: taken",
    "gate: taken",
    "wait-all: gate taken",
    "wait-all: all locked",
    "mutex: owned",
    "wait-all: one committed",
    "gate: about to be given back",
    "latch: about to be given back",
    "latch: free, nobody woken",
];

/// A mutex, an event, a semaphore of 1, and a timer that has expired: each can be taken once.
fn stage() -> Stage {
    let mut stage = Stage::empty();
    stage.has("m", "mutex", "");
    stage.has("a", "auto", "set");
    stage.has("s", "semaphore", "initial=1 max=1");
    stage.has("t", "timer", "");
    stage.other.does("start t 0");
    stage
}

const ALL: &str = "wait-all never m a s t";

/// What the dead one took, by letters. Everything is free afterwards, whatever it was, and usable.
#[track_caller]
fn taken(other: &mut Puppet, mutex_was: &str, story: &str) -> String {
    let mut taken = String::new();
    match &*other.does("wait m 0") {
        told if told == mutex_was => {}
        "abandoned" => taken.push('m'),
        told => panic!("{story}: the mutex is {told}"),
    }
    other.does("release m");
    for (object, back) in [("a", "set a"), ("s", "release s 1"), ("t", "start t 0")] {
        match &*other.does(format!("wait {object} 0")) {
            "signaled" => {}
            _ => taken.push_str(object),
        }
        other.does(back);
    }
    assert_eq!(other.does("wait-all 0 m a s t"), "signaled", "{story}: all usable");
    other.does("release m");
    taken
}

#[test]
fn killed_before_it_has_decided_nothing_was_taken() {
    for (step, times) in
        [("latch: taken", 4), ("gate: taken", 3), ("wait-all: gate taken", 3), ("wait-all: all locked", 1)]
    {
        for count in 1..=times {
            for mutex_was in ["signaled", "abandoned"] {
                let mut stage = stage();
                if mutex_was == "abandoned" {
                    let mut former = shmobj_tests::puppet!("former", &stage.scratch);
                    former.does("reach m mutex m");
                    former.does("wait m 0");
                    former.kill();
                }
                stage.dies(step, count, ALL);
                let story = format!("{step}, {count}. time, the mutex {mutex_was}");
                assert_eq!(taken(&mut stage.other, mutex_was, &story), "", "{story}");
            }
        }
    }
}

#[test]
fn killed_after_it_has_decided_it_took_what_it_committed() {
    for (step, times) in [
        ("mutex: owned", 1),
        ("wait-all: one committed", 4),
        ("gate: about to be given back", 3),
        ("latch: about to be given back", 3),
    ] {
        for count in 1..=times {
            let mut stage = stage();
            stage.dies(step, count, ALL);
            let story = format!("{step}, {count}. time");
            let taken = taken(&mut stage.other, "signaled", &story);
            let cells = taken.replace('m', "").len() as u32;
            match step {
                "mutex: owned" => assert!(taken.contains('m'), "{story}: {taken}"),
                "wait-all: one committed" => assert_eq!(taken.len() as u32, count, "{story}: {taken}"),
                _ => assert_eq!(cells, count, "{story}: {taken}"),
            }
        }
    }
}

#[test]
fn killed_in_the_middle_who_sleeps_for_one_of_them_wakes() {
    for (step, count) in [("wait-all: all locked", 1), ("wait-all: one committed", 2)] {
        let mut stage = stage();
        // In its pause it has everything locked. Each of these has to wait for the decision, and then gets it or not.
        stage.victim.does(format!("arm pause=30000 {count} {step}"));
        stage.victim.tell(ALL);
        let locked = || ["m", "a", "s", "t"].iter().any(|object| is_locked(&stage.scratch, object));
        assert!(until(super::SECONDS, locked), "{step}");
        let mut observers: Vec<Puppet> = ["m", "a", "s", "t"].map(|object| observer(&stage, object)).into();
        std::thread::sleep(std::time::Duration::from_millis(20));
        stage.victim.kill();
        let told: Vec<String> = observers.iter_mut().map(|observer| woken(observer, step)).collect();
        let got = told.iter().filter(|told| *told == "signaled").count();
        let not = told.iter().filter(|told| ["timeout", "abandoned"].contains(&told.as_str())).count();
        assert_eq!(
            (got, not),
            (4 - 2 * usize::from(count == 2), 2 * usize::from(count == 2)),
            "{step}: {told:?}"
        );
    }
}

/// Somebody who only wants to look.
fn observer(stage: &Stage, object: &str) -> Puppet {
    let kind = match object {
        "m" => "mutex",
        "a" => "auto",
        "s" => "semaphore",
        _ => "timer",
    };
    let mut observer = shmobj_tests::puppet!(&format!("observer of {object}"), &stage.scratch);
    observer.does(format!("reach {object} {kind} {object}"));
    observer.tell(format!("wait {object} 0"));
    observer
}

/// Bits of the documented layout.
const LOCKED: u64 = 1 << 2;
const OWNER_DIED: u64 = 1 << 30;
const THREAD: u64 = OWNER_DIED - 1;

fn word(scratch: &Scratch, name: &str, from_the_end: usize) -> u64 {
    let mut bytes = [0; 8];
    let file = fs::File::open(scratch.file(name)).expect("an entry");
    file.read_exact_at(&mut bytes, (page_size() - from_the_end) as u64).expect("its words");
    u64::from_le_bytes(bytes)
}

/// Whether somebody is deciding about an object.
fn is_locked(scratch: &Scratch, name: &str) -> bool {
    let latch = word(scratch, name, 16);
    word(scratch, name, 64) & LOCKED != 0 || (latch & OWNER_DIED != 0 && latch & THREAD != 0)
}

/// A stage on which a wait for all of a mutex and two events has the first two locked and stops at the third. Then that one is
/// taken away, so that it has to put the others back. The objects, in the order in which they are locked.
fn about_to_undo() -> (Stage, [String; 3]) {
    let mut stage = Stage::empty();
    stage.other.does("make m mutex m");
    // They are locked in the order of their files, whose numbers need not ascend.
    let place = |stage: &Stage, name: &str| fs::metadata(stage.scratch.file(name)).expect("an entry").ino();
    let mutex = place(&stage, "m");
    let mut chosen: Vec<(u64, String)> = Vec::new();
    for number in 0..1000 {
        let name = format!("o{number}");
        stage.other.does(format!("make {name} auto {name} set"));
        let place = place(&stage, &name);
        if place > mutex {
            chosen.push((place, name));
        }
        if chosen.len() == 2 {
            break;
        }
    }
    chosen.sort();
    let [first, second] = [0, 1].map(|number| chosen[number].1.clone());
    stage.victim.does("reach m mutex m");
    for name in [&first, &second] {
        stage.victim.does(format!("reach {name} auto {name}"));
    }
    stage.victim.does("thread t");
    stage.victim.does("arm pause=500 2 wait-all: gate taken");
    stage.victim.does(format!("begin t wait-all 60000 {second} m {first}"));
    let is_there = || is_locked(&stage.scratch, "m") && is_locked(&stage.scratch, &first);
    assert!(until(super::SECONDS, is_there), "it never came to its last gate");
    assert_eq!(stage.other.does(format!("wait {second} 0")), "signaled", "not locked yet");
    (stage, ["m".to_owned(), first, second])
}

#[test]
fn killed_while_it_puts_back_what_it_had_locked() {
    for (step, count) in [
        ("gate: about to be given back", 1),
        ("latch: about to be given back", 1),
        ("gate: about to be given back", 2),
        ("latch: about to be given back", 2),
        ("latch: free, nobody woken", 1),
    ] {
        let (mut stage, [mutex, first, second]) = about_to_undo();
        let story = format!("{step}, {count}. time");
        stage.victim.dies_when_armed(count, step);
        assert_eq!(stage.other.does(format!("wait {second} 0")), "timeout", "{story}");
        assert_eq!(stage.other.does(format!("wait {first} 0")), "signaled", "{story}");
        assert_eq!(stage.other.does(format!("wait {mutex} 0")), "signaled", "{story}: not abandoned");
        stage.other.does(format!("release {mutex}"));
        for event in [&first, &second] {
            stage.other.does(format!("set {event}"));
        }
        let all = format!("wait-all 0 {mutex} {first} {second}");
        assert_eq!(stage.other.does(all), "signaled", "{story}");
    }
}

#[test]
fn a_wait_for_all_that_found_one_taken_away_goes_on_when_it_is_back() {
    let (mut stage, [mutex, first, second]) = about_to_undo();
    stage.victim.tell("finish t");
    stage.victim.sleeps_on();
    // Meanwhile nothing is kept from anybody.
    let unlocked = || !is_locked(&stage.scratch, &first) && !is_locked(&stage.scratch, &mutex);
    assert!(until(super::SECONDS, unlocked));
    assert_eq!(stage.other.does(format!("wait {mutex} 0")), "signaled");
    stage.other.does(format!("release {mutex}"));
    stage.other.does(format!("set {second}"));
    assert_eq!(woken(&mut stage.victim, "all are back"), "signaled");
    assert_eq!(stage.other.does(format!("wait {mutex} 0")), "timeout");
}
