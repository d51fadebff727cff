//! The contenders that are crates play every operation that they claim, a few iterations of each, as the conductor would have them.
#![cfg(target_os = "linux")] // where they are built

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Operation, parameter, how many play.
type Claim = (&'static str, u64, usize);

const MEMORY: &[Claim] = &[
    ("create", 1 << 20, 1),
    ("open", 1 << 20, 1),
    ("close", 1 << 20, 1),
    ("create-beside", 10, 1),
    ("open-beside", 10, 1),
    ("first-touch", 1 << 20, 1),
    ("memory-per-object", 8, 1),
    ("descriptors-per-object", 8, 1),
    ("transfer", 16 << 20, 2),
    ("leftovers", 0, 2),
];
const TRIPS: &[Claim] = &[("ping-pong", 0, 2), ("ping-pong-one-core", 0, 2)];
const SPINNING: &[Claim] = &[("ping-pong-spinning", 0, 2)];
const MESSAGES: &[Claim] = &[("transfer", 16 << 20, 2), ("leftovers", 0, 2)];
const ANY: &[Claim] = &[("event", 0, 1), ("wait-any", 8, 1), ("wait-any-asleep", 64, 2)];
const LOCK: &[Claim] = &[("lock", 0, 1), ("contended", 2, 2), ("recovery", 0, 2)];

fn claims(contender: &str) -> Vec<Claim> {
    match contender {
        "iceoryx2" => [ANY, TRIPS, SPINNING, MEMORY].concat(),
        "interprocess" => [TRIPS, MESSAGES].concat(),
        "ipc-channel" => [ANY, TRIPS, SPINNING, MESSAGES].concat(),
        "named-lock" => [LOCK, &[("leftovers", 0, 2)]].concat(),
        "raw_sync" => [LOCK, TRIPS, SPINNING, &[("event", 0, 1)]].concat(),
        "shared_memory" => MEMORY.to_vec(),
        other => panic!("{other}"),
    }
}

const CONTENDERS: &[&str] =
    &["iceoryx2", "interprocess", "ipc-channel", "named-lock", "raw_sync", "shared_memory"];
const OPERATIONS: &[&str] = &[
    "lock",
    "contended",
    "event",
    "semaphore",
    "ping-pong",
    "ping-pong-one-core",
    "ping-pong-spinning",
    "wait-any",
    "wait-all",
    "wait-any-asleep",
    "create",
    "open",
    "close",
    "create-beside",
    "open-beside",
    "first-touch",
    "transfer",
    "memory-per-object",
    "descriptors-per-object",
    "recovery",
    "leftovers",
];

/// A process of a contender, which is killed if the test does not end it.
struct Playing(Child, BufReader<ChildStdout>);

impl Playing {
    fn start(directory: &Path, contender: &str, (operation, parameter, _): Claim, role: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shmobj-bench-peers"))
            .args(["play", operation, &parameter.to_string(), contender, &role.to_string()])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a player");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self(child, output)
    }

    fn hears(&mut self, request: &str) {
        writeln!(self.0.stdin.as_mut().expect("its input"), "{request}").expect("it listens");
    }

    fn says(&mut self) -> String {
        let mut line = String::new();
        self.1.read_line(&mut line).expect("its output");
        line.trim().to_owned()
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the players of one operation have, and what is called so elsewhere.
struct Place(PathBuf);

impl Place {
    fn new(number: usize) -> Self {
        let path = PathBuf::from(format!("/dev/shm/peers-t{:x}-{number}", std::process::id()));
        std::fs::create_dir(&path).expect("a directory");
        std::fs::write(path.join("page"), [0; 4096]).expect("a page");
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let name = self.0.file_name().expect("a name").to_string_lossy().into_owned();
        let _ = std::fs::remove_dir_all(&self.0);
        for place in ["/dev/shm", "/tmp"] {
            for entry in std::fs::read_dir(place).expect("a directory").flatten() {
                if entry.file_name().to_string_lossy().contains(&name) {
                    let path = entry.path();
                    let _ = if path.is_dir() {
                        std::fs::remove_dir_all(path)
                    } else {
                        std::fs::remove_file(path)
                    };
                }
            }
        }
    }
}

fn plays(contender: &str, claim: Claim, number: usize) {
    let (operation, _, count) = claim;
    let place = Place::new(number);
    let mut players = Vec::new();
    for role in 0..count {
        let mut player = Playing::start(&place.0, contender, claim, role);
        assert_eq!(player.says(), "ready", "{contender} {operation} {role}");
        players.push(player);
    }
    match operation {
        "leftovers" => return,
        "recovery" => {
            players[0].hears("run 1");
            assert_eq!(players[0].says(), "waiting");
            drop(players.pop());
            let answer = players[0].says();
            assert!(answer.starts_with("got ") || answer == "timeout", "{contender}: {answer}");
            return;
        }
        _ => {}
    }
    for player in players.iter_mut().rev() {
        player.hears("run 3");
    }
    let answers: Vec<String> = players.iter_mut().map(Playing::says).collect();
    let figures = answers.iter().filter(|answer| *answer != "done");
    let figure = |answer: &String| ["took ", "did ", "is "].iter().any(|word| answer.starts_with(word));
    assert!(figures.clone().all(figure), "{contender} {operation}: {answers:?}");
    assert_eq!(figures.count(), if operation == "contended" { count } else { 1 }, "{contender} {operation}");
    for player in &mut players {
        player.hears("end");
        assert_eq!(player.says(), "ended", "{contender} {operation}");
    }
}

fn plays_what_it_claims(contender: &str) {
    let index = CONTENDERS.iter().position(|other| *other == contender).expect("one of them");
    for (number, claim) in claims(contender).into_iter().enumerate() {
        plays(contender, claim, index * 100 + number);
    }
    for (number, operation) in OPERATIONS.iter().enumerate() {
        if claims(contender).iter().all(|claim| claim.0 != *operation) {
            let place = Place::new(index * 100 + 50 + number);
            let said = Playing::start(&place.0, contender, (*operation, 8, 1), 0).says();
            assert_eq!(said, "unsupported", "{contender} {operation}");
        }
    }
}

#[test]
#[cfg(feature = "iceoryx2")]
fn iceoryx2_plays_what_it_claims_and_nothing_else() {
    plays_what_it_claims("iceoryx2");
}

#[test]
#[cfg(feature = "interprocess")]
fn interprocess_plays_what_it_claims_and_nothing_else() {
    plays_what_it_claims("interprocess");
}

#[test]
#[cfg(feature = "ipc-channel")]
fn ipc_channel_plays_what_it_claims_and_nothing_else() {
    plays_what_it_claims("ipc-channel");
}

#[test]
#[cfg(feature = "named-lock")]
fn named_lock_plays_what_it_claims_and_nothing_else() {
    plays_what_it_claims("named-lock");
}

#[test]
#[cfg(feature = "raw_sync")]
fn raw_sync_plays_what_it_claims_and_nothing_else() {
    plays_what_it_claims("raw_sync");
}

#[test]
#[cfg(feature = "shared_memory")]
fn shared_memory_plays_what_it_claims_and_nothing_else() {
    plays_what_it_claims("shared_memory");
}

#[test]
fn a_crate_that_is_not_built_in_is_absent() {
    let place = Place::new(999);
    let said = Playing::start(&place.0, "no-such-crate", ("lock", 0, 1), 0).says();
    assert_eq!(said, "absent no-such-crate is not built in");
}
