//! `shmobj ls`, `shmobj stat` and `shmobj gc`.

use std::fs;

use rustix::process::Signal;

use crate::support::{Place, text};

#[test]
fn ls_shows_each_object_in_a_row() {
    let place = Place::new();
    assert_eq!(text(&place.stdout(&["ls"])), "");
    let holder = place.hold(&["frames", "--size", "64K"]);
    let _second = place.hold(&["frames"]);
    let _other = place.hold(&["an other", "--size", "4K", "--read-only"]);
    let table = text(&place.stdout(&["ls"]));
    let rows: Vec<&str> = table.lines().collect();
    assert!(rows[0].starts_with("NAME"), "{table}");
    assert!(rows[1].starts_with("an other  file mapping  4 KiB   read-only"), "{table}");
    assert!(rows[2].starts_with("frames    file mapping  64 KiB  read-write  memory"), "{table}");
    assert!(rows[2].ends_with(&format!("2        shmobj ({})", holder.pid())), "{table}");
    assert_eq!(rows.len(), 3);
}

#[test]
fn ls_and_stat_describe_an_object_alike_in_json() {
    let place = Place::new();
    let holder = place.hold(&["n", "--size", "5000"]);
    let listing = place.json(&["ls", "--json"]);
    assert_eq!(listing["directory"], place.path().to_str().unwrap());
    assert_eq!(listing["unknown"], serde_json::json!([]));
    let object = place.json(&["stat", "n", "--json"]);
    assert_eq!(listing["objects"], serde_json::json!([object]));

    let uid = rustix::process::getuid().as_raw();
    assert_eq!(object["name"], "n");
    assert_eq!(object["kind"], "file_mapping");
    assert_eq!(object["size"], 8192);
    assert_eq!(object["protection"], "read_write");
    assert_eq!(object["allocation"], "commit");
    assert_eq!(object["large_pages"], "no");
    assert_eq!(object["storage"], "memory");
    assert!(object["path"].is_null());
    assert_eq!(object["id"].as_str().unwrap().len(), 32);
    assert_eq!(object["owner"]["uid"], uid);
    assert_eq!(object["mode"], "0600");
    assert_eq!(object["creator"]["pid"], holder.pid());
    assert_eq!(object["creator"]["uid"], uid);
    assert_eq!(object["creator"]["command"], "shmobj");
    assert!(object["created"].as_str().unwrap().ends_with('Z'));
    let expected = serde_json::json!([{"pid": holder.pid(), "command": "shmobj", "access": "read_write"}]);
    assert_eq!(object["holders"], expected);
}

#[test]
fn stat_names_every_holder_and_its_access() {
    let place = Place::new();
    let one = place.hold(&["n", "--size", "4K"]);
    let two = place.hold(&["n"]);
    let shown = text(&place.stdout(&["stat", "n"]));
    assert!(shown.starts_with("file mapping \"n\"\n"), "{shown}");
    assert!(shown.contains("size        4096 bytes (4 KiB)"), "{shown}");
    assert!(shown.contains(&format!("    shmobj ({}), read-write", one.pid())), "{shown}");
    assert!(shown.contains(&format!("    shmobj ({}), read\n", two.pid())), "{shown}");
}

#[test]
fn a_name_cannot_play_tricks_on_the_terminal() {
    let place = Place::new();
    let _holder = place.hold(&["a\x1b[2J\nb", "--size", "4K"]);
    let table = text(&place.stdout(&["ls"]));
    assert!(table.contains(r"a\u{1b}[2J\nb"), "{table:?}");
    assert_eq!(place.json(&["ls", "--json"])["objects"][0]["name"], "a\x1b[2J\nb");
}

#[test]
fn what_is_no_entry_is_listed_with_the_reason_and_left_alone() {
    let place = Place::new();
    fs::write(place.path().join("stranger"), "no entry").unwrap();
    let listing = place.json(&["ls", "--json"]);
    assert_eq!(listing["objects"], serde_json::json!([]));
    assert_eq!(listing["unknown"][0]["name"], "stranger");
    assert!(!listing["unknown"][0]["reason"].as_str().unwrap().is_empty());
    assert!(text(&place.stdout(&["ls"])).starts_with("NO OBJECT"));

    assert_eq!(place.json(&["gc", "--json"])["foreign"], serde_json::json!(["stranger"]));
    assert!(text(&place.stdout(&["gc"])).contains("left stranger: it is no entry"));
    assert!(place.path().join("stranger").exists());
}

#[test]
fn gc_reclaims_what_a_crash_left_and_nothing_else() {
    let place = Place::new();
    let _held = place.hold(&["held", "--size", "4K"]);
    place.hold(&["left", "--size", "4K"]).crash();
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    let collected = place.json(&["gc", "--json"]);
    assert_eq!(collected["reclaimed"], serde_json::json!(["left"]));
    assert_eq!(collected["not_permitted"], serde_json::json!([]));
    assert_eq!(collected["held"], 1);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    assert_eq!(text(&place.stdout(&["gc"])), "0 reclaimed, 1 held\n");

    place.hold(&["left", "--size", "4K"]).crash();
    assert_eq!(text(&place.stdout(&["gc"])), "reclaimed left\n1 reclaimed, 1 held\n");
}

#[test]
fn global_names_are_listed_apart_and_with_their_prefix() {
    let place = Place::new();
    let name = format!("Global\\shmobj-cli test {}", std::process::id());
    let mut holder = place.hold(&[&name, "--size", "4K"]);
    assert_eq!(place.json(&["stat", &name, "--json"])["name"], name);
    let listing = place.json(&["ls", "--global", "--json"]);
    let objects = listing["objects"].as_array().unwrap();
    assert!(objects.iter().any(|object| object["name"] == name), "{listing}");
    assert_eq!(place.json(&["ls", "--json"])["objects"], serde_json::json!([]));
    // Everybody's directory is no test's to leave an entry in.
    holder.signal(Signal::TERM);
    assert!(holder.wait().success());
}

#[test]
fn a_name_that_nobody_holds_has_no_stat() {
    let place = Place::new();
    let error = place.error(&["stat", "n"]);
    assert!(error.contains("\"n\": no object has this name"), "{error}");
    assert!(place.error(&["stat", "local\\n"]).contains("prefixes are case-sensitive"));
}
