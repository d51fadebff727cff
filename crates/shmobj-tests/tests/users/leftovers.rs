//! What crashes of one user leave to others: a name that its owner or root can free, and no memory, where that may be written.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use shmobj::ErrorKind;
use shmobj_tests::puppet;
use shmobj_tests::puppet::{number, value};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::is_root_for;

use crate::support::{GlobalName, KINDS, User, data_file, market, says_what_to_do};

fn blocks(path: &Path) -> u64 {
    fs::metadata(path).expect("the data file").blocks()
}

/// Makes an object, writes into it, and is killed.
fn crash(owner: &User, place: &Scratch, kind: &str, wishes: &str) {
    let mut crashed = owner.at(place, "the crashed");
    crashed.does(format!("own h {kind} n {wishes}"));
    if kind == "mapping" {
        crashed.does("put h something");
    }
    crashed.kill();
}

#[test]
fn who_may_not_remove_a_leftover_says_who_must() {
    if !is_root_for("who_may_not_remove_a_leftover_says_who_must") {
        return;
    }
    let (place, owner, named) = (market(), User::new(), User::new());
    for kind in KINDS {
        for wishes in ["mode=666".to_owned(), format!("user={}:ALL", named.id)] {
            crash(&owner, &place, kind, &wishes);
            let mut other = named.at(&place, "the other");
            let what = format!("{kind}, {wishes}");
            let text =
                says_what_to_do(&mut other, &format!("own h {kind} n mode=666"), ErrorKind::AccessDenied);
            assert!(text.contains(&format!("user {}", owner.id)), "{what}: {text}");
            says_what_to_do(&mut other, &format!("join h {kind} n ALL"), ErrorKind::NotFound);
            says_what_to_do(&mut other, "id n", ErrorKind::NotFound);
            let swept = other.does("gc");
            assert_eq!((value(&swept, "reclaimed"), value(&swept, "not_permitted")), ("0", "1"), "{what}");
            assert!(place.file("n").exists(), "{what}");
            // Another name is free, and the owner has only to come back.
            assert_eq!(value(&other.does(format!("own h {kind} m")), "existed"), "false", "{what}");
            other.does("give-up h");
            let mut back = owner.at(&place, "the owner again");
            assert_eq!(value(&back.does(format!("own h {kind} n {wishes}")), "existed"), "false", "{what}");
            other.does(format!("join h {kind} n ALL"));
            other.does("give-up h");
            back.does("give-up h");
            place.assert_empty(&what);
        }
    }
}

#[test]
fn any_meeting_with_a_leftover_that_may_be_written_gives_its_memory_back() {
    if !is_root_for("any_meeting_with_a_leftover_that_may_be_written_gives_its_memory_back") {
        return;
    }
    let (place, owner, named) = (market(), User::new(), User::new());
    for wishes in ["mode=666".to_owned(), format!("user={}:READ+WRITE", named.id)] {
        for meeting in ["own h mapping n", "join h mapping n READ", "id n", "gc"] {
            crash(&owner, &place, "mapping", &wishes);
            let data = data_file(&place);
            assert!(blocks(&data) > 0);
            let _ = named.at(&place, "the other").ask(meeting);
            assert_eq!(blocks(&data), 0, "{wishes}, after `{meeting}`");
            let reclaimed = number(&owner.at(&place, "the owner again").does("gc"), "reclaimed");
            assert_eq!(reclaimed, 1, "{wishes}, {meeting}");
            place.assert_empty(&wishes);
        }
    }
}

#[test]
fn a_leftover_that_may_only_be_read_keeps_its_memory_until_its_owner_comes() {
    if !is_root_for("a_leftover_that_may_only_be_read_keeps_its_memory_until_its_owner_comes") {
        return;
    }
    let (place, owner, named) = (market(), User::new(), User::new());
    for wishes in ["mode=644".to_owned(), format!("user={}:READ", named.id)] {
        crash(&owner, &place, "mapping", &wishes);
        let data = data_file(&place);
        says_what_to_do(&mut named.at(&place, "the other"), "own h mapping n", ErrorKind::AccessDenied);
        assert!(blocks(&data) > 0, "{wishes}");
        let mut root = puppet!("root", &place);
        assert_eq!(value(&root.does("own h mapping n"), "existed"), "false", "{wishes}");
        root.does("give-up h");
        place.assert_empty(&wishes);
    }
}

#[test]
fn memory_that_somebody_still_sees_is_not_given_back() {
    if !is_root_for("memory_that_somebody_still_sees_is_not_given_back") {
        return;
    }
    let (place, owner) = (market(), User::new());
    let mut crashed = owner.at(&place, "the crashed");
    crashed.does("own h mapping n mode=666");
    crashed.does("put h something");
    let mut viewer = User::new().at(&place, "the viewer");
    viewer.does("open h n r");
    viewer.does("map v h r");
    viewer.does("close h");
    crashed.kill();
    let mut other = User::new().at(&place, "the other");
    says_what_to_do(&mut other, "own h mapping n", ErrorKind::AccessDenied);
    assert_eq!(viewer.does("read v 0 9"), "something");
    let data = data_file(&place);
    assert!(blocks(&data) > 0);
    viewer.does("unmap v");
    says_what_to_do(&mut other, "own h mapping n", ErrorKind::AccessDenied);
    assert_eq!(blocks(&data), 0, "nobody sees it now");
}

#[test]
fn a_private_leftover_is_closed_to_others_and_reclaimed_by_its_owner_or_root() {
    if !is_root_for("a_private_leftover_is_closed_to_others_and_reclaimed_by_its_owner_or_root") {
        return;
    }
    let (place, owner) = (market(), User::new());
    for kind in KINDS {
        for by_root in [false, true] {
            crash(&owner, &place, kind, if kind == "mapping" { "beside" } else { "" });
            let mut other = User::new().at(&place, "the other");
            says_what_to_do(&mut other, &format!("own h {kind} n"), ErrorKind::AccessDenied);
            let mut heir = if by_root { puppet!("root", &place) } else { owner.at(&place, "the owner") };
            assert_eq!(number(&heir.does("gc"), "reclaimed"), 1, "{kind}");
            place.assert_empty(kind);
        }
    }
}

#[test]
fn a_global_leftover_is_reclaimed_when_its_owner_or_root_creates_the_name() {
    if !is_root_for("a_global_leftover_is_reclaimed_when_its_owner_or_root_creates_the_name") {
        return;
    }
    for by_root in [false, true] {
        let (global, owner) = (GlobalName::new(), User::new());
        let mut crashed = owner.puppet("the crashed");
        crashed.does(format!("own h mapping {} mode=666", global.name));
        crashed.does("put h something");
        crashed.kill();
        let data = global.data().expect("a data file");
        let mut other = User::new().puppet("the other");
        let text =
            says_what_to_do(&mut other, &format!("own h mapping {}", global.name), ErrorKind::AccessDenied);
        assert!(text.contains("gc --global"), "{text}");
        assert_eq!(blocks(&data), 0);
        let mut heir = if by_root { puppet!("root") } else { owner.puppet("the owner again") };
        let made = heir.does(format!("own h mapping {} mode=666", global.name));
        assert_eq!(value(&made, "existed"), "false");
        assert!(!data.exists(), "the new object has another data file");
        other.does(format!("join h mapping {} ALL", global.name));
        other.does("give-up h");
        heir.does("give-up h");
        assert!(!global.entry.exists());
    }
}

#[test]
fn a_users_leftover_in_a_directory_that_is_not_sticky_is_roots_to_remove() {
    if !is_root_for("a_users_leftover_in_a_directory_that_is_not_sticky_is_roots_to_remove") {
        return;
    }
    // The owner's own directory, which others may enter and not write.
    let (place, owner) = (Scratch::with_mode(0o755), User::new());
    std::os::unix::fs::chown(place.path(), Some(owner.id), None).expect("chown");
    crash(&owner, &place, "mapping", "mode=666");
    let data = data_file(&place);
    // Another user refuses the whole directory: its owner could replace what is in it.
    says_what_to_do(&mut User::new().at(&place, "the other"), "own h mapping n", ErrorKind::BadNamespace);
    assert!(blocks(&data) > 0);
    // So does root, who could be led to another user's files. Its owner does not.
    says_what_to_do(&mut puppet!("root", &place), "gc", ErrorKind::BadNamespace);
    assert_eq!(number(&owner.at(&place, "the owner").does("gc"), "reclaimed"), 1);
    place.assert_empty("after its owner");
}
