//! What another user has put where an object or a directory should be: refused with a remedy, and neither used, followed, nor removed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use shmobj::ErrorKind;
use shmobj_tests::entry::{AT_DATA, AT_ID, AT_STORAGE, Page};
use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, number, value};
use shmobj_tests::scratch::{Removed, Scratch};
use shmobj_tests::system::is_root_for;

use crate::support::{GlobalName, User, data_file, market, nobody, says_what_to_do};

/// All that one can see of a file, or of a link, and cannot put back.
fn seen(path: &Path) -> (u64, u32, u32, u64, i64, i64) {
    let it = fs::symlink_metadata(path).expect("the squat is still there");
    (it.ino(), it.mode(), it.uid(), it.size(), it.mtime_nsec(), it.ctime_nsec())
}

/// What a squatter puts somewhere: the system call, and the error that it makes for the victim.
fn squats(bait: &Path) -> Vec<(String, ErrorKind)> {
    let bait = bait.display();
    vec![
        ("file {} 666 x".to_owned(), ErrorKind::Corrupt),
        ("file {} 600 x".to_owned(), ErrorKind::AccessDenied),
        ("file {} 666 shmobj".to_owned(), ErrorKind::Corrupt),
        ("fifo {} 666".to_owned(), ErrorKind::Corrupt),
        ("fifo {} 600".to_owned(), ErrorKind::AccessDenied),
        ("mkdir {} 777".to_owned(), ErrorKind::Corrupt),
        ("mkdir {} 700".to_owned(), ErrorKind::Corrupt),
        (format!("symlink {bait} {{}}"), ErrorKind::Corrupt),
        ("symlink /nowhere/at/all {}".to_owned(), ErrorKind::Corrupt),
        ("symlink . {}".to_owned(), ErrorKind::Corrupt),
    ]
}

/// Every way to use the name fails so, and everything stays as it is.
#[track_caller]
fn is_refused(victim: &mut Puppet, name: &str, path: &Path, kind: ErrorKind, what: &str) {
    let before = seen(path);
    for command in [
        format!("own h mapping {name}"),
        format!("own h event {name} mode=666"),
        format!("join h mapping {name} READ"),
        format!("join h mutex {name} ALL"),
    ] {
        let refusal = victim.ask(&command).expect_err(what);
        assert_eq!(refusal.kind, format!("{kind:?}"), "{what}, `{command}`: {}", refusal.text);
        assert!(refusal.text.contains("; "), "{what}, no remedy in: {}", refusal.text);
    }
    assert_eq!(seen(path), before, "{what}");
}

#[test]
fn what_another_user_has_put_at_a_name_is_refused_and_stays() {
    if !is_root_for("what_another_user_has_put_at_a_name_is_refused_and_stays") {
        return;
    }
    let (place, aside, owner) = (market(), market(), User::new());
    let mut squatter = User::new().at(&place, "the squatter");
    let mut victim = owner.at(&place, "the victim");
    let mut root = puppet!("root", &place);
    // Something of the victim's own that a link could lead to.
    let bait = aside.file("bait");
    victim.does(format!("raw file {} 600 precious", bait.display()));
    let (precious, path) = (seen(&bait), place.file("n"));
    for (squat, kind) in squats(&bait) {
        let call = squat.replace("{}", &path.display().to_string());
        assert_eq!(squatter.does(format!("raw {call}")), "done", "{squat}");
        is_refused(&mut victim, "n", &path, kind, &squat);
        let before = seen(&path);
        // Root may open everything, and is as careful.
        is_refused(&mut root, "n", &path, ErrorKind::Corrupt, &format!("root, {squat}"));
        for puppet in [&mut victim, &mut root] {
            assert_eq!(number(&puppet.does("gc"), "reclaimed"), 0, "{squat}");
        }
        assert_eq!(seen(&path), before, "{squat}, after gc");
        assert_eq!(value(&victim.does("own h event other"), "existed"), "false", "another name is free");
        victim.does("give-up h");
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
    }
    assert_eq!(seen(&bait), precious);
    assert_eq!(fs::read(&bait).expect("the bait"), b"precious");
    place.assert_empty("but for the squats");
}

#[test]
fn what_another_user_has_put_at_a_global_name_is_refused_and_stays() {
    if !is_root_for("what_another_user_has_put_at_a_global_name_is_refused_and_stays") {
        return;
    }
    let aside = market();
    let mut squatter = User::new().puppet("the squatter");
    let mut victim = User::new().puppet("the victim");
    for (squat, kind) in squats(&aside.file("nothing")) {
        let global = GlobalName::new();
        let call = squat.replace("{}", &global.entry.display().to_string());
        assert_eq!(squatter.does(format!("raw {call}")), "done", "{squat}");
        is_refused(&mut victim, &global.name, &global.entry, kind, &squat);
    }
}

#[test]
fn an_entry_that_another_user_has_forged_is_at_most_an_object_of_that_user() {
    if !is_root_for("an_entry_that_another_user_has_forged_is_at_most_an_object_of_that_user") {
        return;
    }
    let (place, owner, forger) = (market(), User::new(), User::new());
    let mut victim = owner.at(&place, "the victim");
    victim.does("own h mapping real beside");
    victim.does("put h precious");
    let data = data_file(&place);
    let real = fs::read(place.file("real")).expect("the entry");
    let kept = seen(&data);
    let path = place.file("n");
    // The forger cannot read the real entry, but may know, by listing, the id and the inode of its data.
    let page = Page::new("n")
        .with(AT_STORAGE, &3_u32.to_le_bytes())
        .with(AT_ID, &real[AT_ID..AT_ID + 16])
        .with(AT_DATA, &real[AT_DATA..AT_DATA + 16]);
    let forge = |mode: u32| {
        page.write(&path);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
        chown(&path, Some(forger.id), Some(forger.group)).expect("chown");
    };
    // Dead: nobody but the forger and root may remove it, and nobody removes the victim's data with it.
    forge(0o666);
    says_what_to_do(&mut victim, "own x mapping n", ErrorKind::AccessDenied);
    says_what_to_do(&mut victim, "join x mapping n READ", ErrorKind::NotFound);
    assert_eq!(number(&puppet!("root", &place).does("gc"), "reclaimed"), 1);
    assert!(!path.exists());
    assert_eq!(seen(&data), kept);
    // Held: it leads nobody to the data of another user, not even those who may open them.
    forge(0o666);
    let mut holder = forger.at(&place, "the forger");
    assert_eq!(holder.does(format!("raw flock {} sh", path.display())), "done");
    let what = "a forged entry that leads to the victim's data";
    let mut readers = [owner.at(&place, "the victim again"), puppet!("root", &place)];
    readers.iter_mut().for_each(|reader| reader.tell("join x mapping n READ")); // both at once: it may take patience
    for mut reader in readers {
        let refusal = reader.answer().expect_err(what);
        assert!(["Corrupt", "AccessDenied", "Unreachable"].contains(&&*refusal.kind), "{}", refusal.text);
        assert!(refusal.text.contains("; "), "no remedy in: {}", refusal.text);
    }
    assert_eq!(seen(&data), kept);
    assert_eq!(victim.does("see h 8"), "precious");
    holder.kill();
}

#[test]
fn another_users_squat_of_the_default_directory_is_refused_whatever_it_is() {
    if !is_root_for("another_users_squat_of_the_default_directory_is_refused_whatever_it_is") {
        return;
    }
    let elsewhere = market();
    let path_of = |user: &User| PathBuf::from(format!("/dev/shm/shmobj.{}", user.id));
    let mut squatter = User::new().puppet("the squatter");
    let owner_directory = elsewhere.file("the-victims-own");
    for (squat, matter) in [
        ("mkdir {} 777".to_owned(), "it belongs to user"),
        ("mkdir {} 1777".to_owned(), "it belongs to user"),
        ("mkdir {} 700".to_owned(), "it belongs to user"),
        ("file {} 666 x".to_owned(), "it is not a directory"),
        ("fifo {} 666".to_owned(), "it is not a directory"),
        (format!("symlink {} {{}}", owner_directory.display()), "it is not a directory"),
        ("symlink /nowhere/at/all {}".to_owned(), "it is not a directory"),
    ] {
        let owner = User::new();
        fs::create_dir(&owner_directory).expect("mkdir");
        fs::set_permissions(&owner_directory, fs::Permissions::from_mode(0o700)).expect("chmod");
        chown(&owner_directory, Some(owner.id), Some(owner.group)).expect("chown");
        let directory = Removed(path_of(&owner));
        let call = squat.replace("{}", &directory.0.display().to_string());
        assert_eq!(squatter.does(format!("raw {call}")), "done", "{squat}");
        let before = seen(&directory.0);
        let mut victim = owner.puppet("the victim");
        for command in ["own h mapping n", "own h event n", "join h mutex n ALL", "id n", "gc"] {
            let text = says_what_to_do(&mut victim, command, ErrorKind::BadNamespace);
            assert!(text.contains(matter) && text.contains("SHMOBJ_DIR"), "{squat}: {text}");
        }
        assert_eq!(seen(&directory.0), before, "{squat}");
        assert_eq!(fs::read_dir(&owner_directory).expect("a listing").count(), 0, "{squat}");
        // Global names are another matter.
        let global = GlobalName::new();
        victim.does(format!("own h event {}", global.name));
        victim.does("give-up h");
        fs::remove_dir(&owner_directory).expect("it is empty");
    }
}

#[test]
fn a_squat_is_noticed_also_by_a_process_that_has_used_the_directory_before() {
    if !is_root_for("a_squat_is_noticed_also_by_a_process_that_has_used_the_directory_before") {
        return;
    }
    let owner = User::new();
    let directory = Removed(format!("/dev/shm/shmobj.{}", owner.id).into());
    let mut victim = owner.puppet("the victim");
    victim.does("own h event n");
    victim.does("give-up h");
    fs::remove_dir(&directory.0).expect("it is empty");
    let squat = format!("raw mkdir {} 777", directory.0.display());
    assert_eq!(User::new().puppet("the squatter").does(squat), "done");
    says_what_to_do(&mut victim, "own h event n", ErrorKind::BadNamespace);
    assert_eq!(fs::read_dir(&directory.0).expect("a listing").count(), 0);
}

/// A directory with an owner and a mode.
fn directory(owner: u32, group: u32, mode: u32) -> Scratch {
    let scratch = Scratch::new();
    chown(scratch.path(), Some(owner), Some(group)).expect("chown");
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(mode)).expect("chmod");
    scratch
}

#[test]
fn a_namespace_directory_in_which_others_could_replace_objects_is_refused() {
    if !is_root_for("a_namespace_directory_in_which_others_could_replace_objects_is_refused") {
        return;
    }
    let me = User::new();
    let (root, other) = (0, nobody());
    for (owner, mode, matter) in [
        (me.id, 0o720, Some("others may remove")),
        (me.id, 0o702, Some("others may remove")),
        (me.id, 0o775, Some("others may remove")),
        (me.id, 0o2770, Some("others may remove")),
        (root, 0o777, Some("others may remove")),
        (root, 0o775, Some("others may remove")),
        (other, 0o777, Some("could replace")),
        (other, 0o1777, Some("could replace")),
        (other, 0o755, Some("could replace")),
        (me.id, 0o1770, None),
        (me.id, 0o755, None),
        (root, 0o1777, None),
    ] {
        let place = directory(owner, me.group, mode);
        let mut puppet = me.at(&place, "a user");
        for command in ["own h mapping n", "own h mutex n", "join h event n ALL", "id n", "gc"] {
            match matter {
                Some(matter) => {
                    let text = says_what_to_do(&mut puppet, command, ErrorKind::BadNamespace);
                    assert!(text.contains(matter), "{owner} {mode:o}: {text}");
                }
                None if command.starts_with("own") => {
                    puppet.does(command);
                    puppet.does("give-up h");
                }
                None => {}
            }
        }
        place.assert_empty(&format!("of {owner}, mode {mode:o}"));
    }
}

#[test]
fn a_directory_that_a_list_opens_to_others_is_as_loose_as_its_mode_says() {
    if !is_root_for("a_directory_that_a_list_opens_to_others_is_as_loose_as_its_mode_says") {
        return;
    }
    let me = User::new();
    let place = directory(me.id, me.group, 0o700);
    let mut puppet = me.at(&place, "a user");
    // Gives its group and everybody rw-, and so the mode's bits.
    assert_eq!(puppet.does(format!("raw grant {}", place.path().display())), "done");
    says_what_to_do(&mut puppet, "own h event n", ErrorKind::BadNamespace);
}

#[test]
fn a_directory_of_roots_that_only_root_may_write_is_for_opening() {
    if !is_root_for("a_directory_of_roots_that_only_root_may_write_is_for_opening") {
        return;
    }
    let place = Scratch::with_mode(0o755);
    let mut root = puppet!("root", &place);
    let mut user = User::new().at(&place, "a user");
    says_what_to_do(&mut user, "own h event n", ErrorKind::AccessDenied);
    place.assert_empty("after a user");
    root.does("own h event n mode=666");
    user.does("join h event n ALL");
    user.does("act h signal");
    assert_eq!(value(&user.does("own h event n"), "existed"), "true");
    root.does("give-up h");
    assert_eq!(place.files(), ["n"], "the user holds it");
    user.does("give-up h");
    assert_eq!(number(&root.does("gc"), "reclaimed"), 1);
}

#[test]
fn a_directory_that_cannot_be_reached_is_refused_with_a_remedy() {
    if !is_root_for("a_directory_that_cannot_be_reached_is_refused_with_a_remedy") {
        return;
    }
    let (me, other) = (User::new(), User::new());
    let closed = directory(other.id, other.group, 0o700);
    fs::create_dir(closed.file("inside")).expect("mkdir");
    let unreadable = directory(0, 0, 0o711);
    let mut puppet = me.puppet("a user");
    for path in [closed.file("inside"), closed.file("missing"), unreadable.path().to_owned()] {
        puppet.does(format!("namespace {}", path.display()));
        for command in ["own h event n", "join h event n ALL"] {
            says_what_to_do(&mut puppet, command, ErrorKind::BadNamespace);
        }
    }
}
