//! `shmobj demo`.

use std::fs;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::{Place, SHMOBJ, has_ended, piped, text, until};

/// What a demo with this process id has left in /dev/shm.
fn left_by(pid: u32) -> Vec<String> {
    let prefix = format!("shmobj-demo.{pid}.");
    let names =
        fs::read_dir("/dev/shm").unwrap().flatten().map(|entry| text(entry.file_name().as_encoded_bytes()));
    names.filter(|name| name.starts_with(&prefix)).collect()
}

/// The processes that an account mentions, but for the demo itself.
fn peers(account: &str) -> Vec<u32> {
    let mentioned = account.lines().filter_map(|line| line.strip_prefix('[')?.split_once(']'));
    let mentioned = mentioned.filter_map(|(who, _)| who.split_once(' '));
    let peers = mentioned.filter(|(role, _)| *role != "demo");
    peers.map(|(_, pid)| pid.trim().parse().unwrap()).collect()
}

#[test]
fn the_demo_verifies_every_step_and_leaves_nothing() {
    let child = Command::new(SHMOBJ).arg("demo").stdout(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    let account = text(&output.stdout);
    assert!(output.status.success(), "{account}");
    assert!(account.contains("steps verified"), "{account}");
    assert!(!account.contains('\x1b'), "colours without a terminal: {account:?}");
    assert_eq!(left_by(pid), [""; 0]);

    for claim in [
        "[worker ",
        "somebody waits for it",
        "was woken",
        "was told that it is abandoned",
        "fired 3 times",
        "in one step",
        "behind as a daemon",
        "of the 2 processes none is left",
    ] {
        assert!(account.contains(claim), "{claim:?}: {account}");
    }

    let peers = peers(&account);
    assert!(peers.len() > 20, "{account}");
    for peer in peers {
        assert!(!fs::exists(format!("/proc/{peer}/fd")).unwrap(), "process {peer} is still there");
    }
}

#[test]
fn a_demo_elsewhere_leaves_that_directory_as_it_was() {
    let place = Place::new();
    let account = text(&place.stdout(&["demo"]));
    assert!(account.contains(place.path().to_str().unwrap()), "{account}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    let made = place.path().join("made for it");
    let output = Command::new(SHMOBJ).arg("--dir").arg(&made).arg("demo").output().unwrap();
    assert!(output.status.success());
    assert!(!made.exists());
}

#[test]
fn an_interrupted_demo_leaves_neither_files_nor_processes() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut command = Command::new(SHMOBJ);
        let mut demo = piped(command.arg("demo").stderr(Stdio::piped()));
        let pid = demo.pid();
        let mut account = demo.line();
        while !account.contains("[writer") {
            account = demo.line();
        }
        demo.signal(signal);
        let status = demo.wait();
        // On a busy machine it may have come to its end before the signal.
        assert!(matches!(status.code(), Some(0 | 1)), "{status}");
        assert_eq!(left_by(pid), [""; 0]);
        for peer in peers(&account) {
            assert!(!fs::exists(format!("/proc/{peer}/fd")).unwrap(), "process {peer} is still there");
        }
    }
}

#[test]
fn a_killed_demo_leaves_no_process_that_waits_for_ever() {
    let place = Place::new();
    let mut demo = piped(&mut place.command(&["demo"]));
    let mut account = String::new();
    // The worker waits for the mutex of the keeper.
    while !account.contains("owns the mutex") {
        account += &(demo.line() + "\n");
    }
    demo.crash();
    for peer in peers(&account) {
        until(|| has_ended(peer));
    }
}

#[test]
fn a_demo_that_nobody_watches_still_goes_to_its_end() {
    let place = Place::new();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    drop(reader);
    let output = place.command(&["demo"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_demo_that_cannot_begin_says_what_to_do() {
    let output = Command::new(SHMOBJ).args(["--dir", "/proc/nowhere", "demo"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("name another place with --dir"), "{}", text(&output.stderr));
}
