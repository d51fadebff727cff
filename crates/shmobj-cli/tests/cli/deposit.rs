//! `shmobj deposit` and `shmobj exec --claim`.

use std::process::Stdio;

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Place, Process, SHMOBJ, piped};

fn deposit(place: &Place, options: &[&str]) -> (Process, String) {
    let mut deposit = piped(place.command(&[&["deposit"], options].concat()).stderr(Stdio::inherit()));
    let token = deposit.line();
    assert_eq!(token.len(), 32, "{token}");
    (deposit, token)
}

fn claim(token: &str) -> [String; 6] {
    ["exec", "--claim", &format!("{token}=role"), "--", SHMOBJ, "inherited"].map(str::to_owned)
}

#[test]
fn a_deposit_is_claimed_once_and_then_its_maker_ends() {
    let place = Place::new();
    let _mapping = place.hold(&["frames", "--size", "4K"]);
    let (mut maker, token) = deposit(&place, &["frames", "--access", "read"]);
    let claim = claim(&token);
    let mut claim: Vec<&str> = claim.iter().map(String::as_str).collect();
    claim.push("--json");
    let expected = json!([{"role": "role", "kind": "file_mapping", "name": "frames", "access": "read"}]);
    assert_eq!(place.json(&claim), expected);
    assert_eq!(maker.wait().code(), Some(0));
    assert!(place.error(&claim).contains("no such deposit"));
}

#[test]
fn a_deposit_keeps_the_object_and_goes_with_its_maker() {
    let place = Place::new();
    let mut holder = place.hold_a("event", &["n"]);
    let (mut maker, token) = deposit(&place, &["n"]);
    holder.signal(Signal::TERM);
    holder.wait();
    assert_eq!(place.json(&["stat", "n", "--json"])["holders"][0]["pid"], maker.pid());
    maker.signal(Signal::INT);
    assert_eq!(maker.wait().code(), Some(130));
    let claim = claim(&token);
    let claim: Vec<&str> = claim.iter().map(String::as_str).collect();
    assert!(place.error(&claim).contains("no such deposit"));
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}
