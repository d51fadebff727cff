//! Storms: five processes create, open and close three names while a killer kills them at random moments and at
//! random steps. What is checked, and why it is sound, stands in `shmobj_tests::storm`.
//!
//! Each storm lasts a few seconds; `SHMOBJ_STORM_SECONDS` makes them as long as one likes. Storms take their turns.

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shmobj_tests::puppet;
use shmobj_tests::puppet::{number, value};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::storm::table::{Count, NAMES};
use shmobj_tests::storm::{Report, Storm, length};
use shmobj_tests::system::{note, taken_by_files_in, until, who_has_memory};

/// One storm at a time: two would mostly wait for processors.
static TURN: Mutex<()> = Mutex::new(());

fn rage(options: &str, seconds: u64) -> Report {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let scratch = Scratch::new();
    let storm = Storm { options, split: None, time: length(seconds) };
    let report = storm.rage(env!("CARGO_BIN_EXE_puppet"), &scratch);
    note(&format!("storm {options:?}: {report:?}"));
    assert_it_raged(&report, options);
    assert_nothing_was_violated(&report);
    look_at_what_is_left(&report, &scratch, options);
    report
}

/// A storm that did nothing proves nothing. How much it did in its time is the machine's affair.
fn assert_it_raged(report: &Report, options: &str) {
    for count in [Count::Rounds, Count::Created, Count::Opened, Count::NotFound, Count::Compared] {
        assert!(report.count(count) > 0, "{count:?}: {report:?}");
    }
    let slow = options.contains("no-hints"); // a round takes as long as the machine has processes
    assert!(report.count(Count::Rounds) > 50, "{report:?}");
    assert!(report.kills > 10 && (report.deaths > 0 || slow), "{report:?}");
}

fn assert_nothing_was_violated(report: &Report) {
    let violations = [
        Count::TwoObjects,
        Count::Lost,
        Count::WrongMemory,
        Count::Errors,
        Count::ClaimedTwice,
        Count::Leaked,
    ];
    for count in violations {
        assert_eq!(report.count(count), 0, "{count:?}: {report:?}");
    }
}

fn look_at_what_is_left(report: &Report, scratch: &Scratch, options: &str) {
    let most = if options.contains("beside") { 2 * NAMES } else { NAMES };
    let left = scratch.files();
    let passing = |file: &str| file.starts_with(".shmobj-new.") || file.starts_with(".shmobj-deposit.");
    let unborn = left.iter().filter(|file| passing(file)).count();
    assert!(left.len() - unborn <= most, "more than a page for each name is left: {left:?}");
    assert!(unborn == 0 || options.contains("no-tmpfile") || options.contains("travels"), "{left:?}");
    let gone = || who_has_memory(&report.prefix).is_empty(); // children of the killed end by themselves
    assert!(until(Duration::from_secs(5), gone), "{:?} have memory", who_has_memory(&report.prefix));
    let bytes: u64 =
        left.iter().filter_map(|file| fs::metadata(scratch.file(file)).ok()).map(|m| m.len()).sum();
    assert!(
        options.contains("beside") || bytes <= (most + unborn) as u64 * 4096,
        "{bytes} bytes in {left:?}"
    );

    let mut fresh = puppet!("fresh", scratch);
    let names: Vec<String> = report.names().collect();
    // Children of the killed end by themselves, and hold the names until then.
    let is_gone = || match fresh.ask(format!("open h {} rw", names[0])) {
        Ok(_) => {
            fresh.does("close h");
            false
        }
        Err(refusal) => {
            assert_eq!(refusal.kind, "NotFound", "{} after the storm: {}", names[0], refusal.text);
            true
        }
    };
    assert!(until(Duration::from_secs(5), is_gone), "{} can be opened after the storm", names[0]);
    for name in &names {
        let is_free = || {
            let made = fresh.does(format!("create h-{name} {name} 4096"));
            let is_free = value(&made, "existed") == "false";
            if !is_free {
                fresh.does(format!("close h-{name}"));
            }
            is_free
        };
        assert!(until(Duration::from_secs(5), is_free), "{name} exists after the storm");
    }
    for name in &names {
        fresh.does(format!("close h-{name}"));
    }
    let swept = fresh.does("gc");
    assert_eq!((number(&swept, "held"), number(&swept, "foreign")), (0, 0), "{swept}");
    scratch.assert_empty("after the storm and a sweep");
}

#[test]
fn memory_of_its_own() {
    rage("", 5);
}

#[test]
fn memory_of_its_own_found_by_scans_alone() {
    rage("no-hints", 3);
}

#[test]
fn children_that_inherit_handles() {
    rage("forks", 4);
}

#[test]
fn children_that_inherit_handles_of_data_files() {
    rage("forks beside", 3);
}

#[test]
fn data_files_beside_the_entries() {
    rage("beside", 4);
}

#[test]
fn without_o_tmpfile() {
    rage("no-tmpfile", 3);
}

#[test]
fn data_files_without_o_tmpfile() {
    rage("beside no-tmpfile", 4);
}

/// They send handles to each other, deposit, claim and pack them, and have children that inherit them. On a slow machine, a storm may
/// end before the rarest of that has happened once: then there is another.
fn rage_of_travellers(options: &str, seconds: u64) {
    let mut missing = vec![Count::Sent, Count::Received, Count::Claimed, Count::Children, Count::Counted];
    for _ in 0..5 {
        let report = rage(options, seconds);
        missing.retain(|&count| report.count(count) == 0);
        if missing.is_empty() {
            return;
        }
    }
    panic!("{missing:?} never happened");
}

#[test]
fn handles_that_travel() {
    rage_of_travellers("travels", 3);
}

#[test]
fn handles_of_data_files_that_travel() {
    rage_of_travellers("travels beside", 3);
}

#[test]
fn large_objects_are_all_given_back_to_the_kernel() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    const SIZE: u64 = 32 << 20;
    let scratch = Scratch::new();
    let storm = Storm { options: &SIZE.to_string(), split: None, time: length(3) };
    let report = storm.rage(env!("CARGO_BIN_EXE_puppet"), &scratch);
    note(&format!("storm of 32 MiB: {report:?}"));
    assert_nothing_was_violated(&report);
    assert!(report.count(Count::Created) > 20 && report.kills > 10, "{report:?}");
    assert_eq!(who_has_memory(&report.prefix), [0; 0], "then the kernel has all of it back");
    let left = taken_by_files_in(scratch.path());
    assert!(left < SIZE, "and of what stands in the directory: {left} bytes");
}

/// The storm's checks can fail: half of the workers use another directory, where each name is another object.
#[test]
fn a_storm_notices_two_objects_under_one_name() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (one, two) = (Scratch::new(), Scratch::new());
    let storm = Storm { options: "", split: Some(&two), time: Duration::from_secs(1) };
    let report = storm.rage(env!("CARGO_BIN_EXE_puppet"), &one);
    assert!(report.count(Count::TwoObjects) > 0 && report.count(Count::Lost) > 0, "{report:?}");
}
