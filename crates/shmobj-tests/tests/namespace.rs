//! Namespace directories: made, refused and shared between users.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::PathBuf;

use shmobj::ErrorKind;
use shmobj_tests::entry::AT_ID;
use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, number, value};
use shmobj_tests::random::{Random, unique};
use shmobj_tests::scratch::{Removed, Scratch};
use shmobj_tests::system::is_root_for;

/// A user that no account and no other test has.
fn a_user() -> u32 {
    50_000 + (unique() % 1_900_000_000) as u32
}

fn default_directory(uid: u32) -> PathBuf {
    PathBuf::from(format!("/dev/shm/shmobj.{uid}"))
}

/// A puppet of a user, in that user's default namespace.
fn puppet_of(uid: u32, name: &str) -> Puppet {
    let mut puppet = puppet!(name);
    puppet.does(format!("become {uid}"));
    puppet
}

/// A Global name that nobody else has, with the guard that removes what is left of it.
fn a_global_name() -> (String, Entry) {
    let base = format!("test{:016x}", unique());
    let entry = Entry(PathBuf::from(format!("/dev/shm/shmobj.{base}")));
    (format!("Global\\{base}"), entry)
}

/// An entry in the directory that everybody shares, removed with its data file.
struct Entry(PathBuf);

impl Drop for Entry {
    fn drop(&mut self) {
        let Ok(page) = fs::read(&self.0) else { return };
        let id: String = page[AT_ID..AT_ID + 16].iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = fs::remove_file(format!("/dev/shm/.shmobj-data.{id}"));
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn the_default_directory_is_made_on_first_use_and_is_its_users_alone() {
    if !is_root_for("the_default_directory_is_made_on_first_use_and_is_its_users_alone") {
        return;
    }
    let user = a_user();
    let directory = Removed(default_directory(user));
    let mut one = puppet_of(user, "one");
    one.fails("open h n r", ErrorKind::NotFound);
    assert!(!directory.0.exists(), "an open makes nothing");
    one.does("create h n 4096");
    let made = fs::metadata(&directory.0).expect("the directory");
    assert_eq!((made.mode() & 0o7777, made.uid()), (0o700, user));
    let mut two = puppet_of(user, "two");
    assert_eq!(value(&two.does("create h Local\\n 4096"), "existed"), "true", "x and Local\\x are one name");
    // Another user's `n` is another object.
    let other_user = a_user();
    let _other_directory = Removed(default_directory(other_user));
    let mut other = puppet_of(other_user, "a stranger");
    assert_eq!(value(&other.does("create h n 4096"), "existed"), "false");
}

#[test]
fn two_users_of_one_umask_make_the_same_directory_mode() {
    if !is_root_for("two_users_of_one_umask_make_the_same_directory_mode") {
        return;
    }
    let user = a_user();
    let directory = Removed(default_directory(user));
    let mut puppets: Vec<Puppet> =
        (0..8).map(|number| puppet_of(user, &format!("puppet {number}"))).collect();
    for puppet in &mut puppets {
        puppet.tell("create h n 4096");
    }
    let made = puppets
        .iter_mut()
        .filter_map(|puppet| puppet.answer().ok())
        .map(|answer| value(&answer, "existed") == "false")
        .collect::<Vec<_>>();
    assert_eq!((made.len(), made.iter().filter(|&&made| made).count()), (8, 1));
    assert_eq!(fs::metadata(&directory.0).expect("the directory").mode() & 0o7777, 0o700);
}

#[test]
fn a_squatted_default_directory_is_refused_with_a_remedy() {
    if !is_root_for("a_squatted_default_directory_is_refused_with_a_remedy") {
        return;
    }
    let elsewhere = Scratch::with_mode(0o777);
    type Squat = fn(&PathBuf, u32, &Scratch);
    let squats: [(&str, Squat, &str); 5] = [
        (
            "another user's directory",
            |path, _, _| {
                fs::create_dir(path).expect("mkdir");
                fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("chmod");
            },
            "it belongs to user 0",
        ),
        (
            "a symbolic link",
            |path, _, to| symlink(to.path(), path).expect("symlink"),
            "it is not a directory",
        ),
        (
            "the user's own symbolic link",
            |path, user, to| {
                symlink(to.path(), path).expect("symlink");
                std::os::unix::fs::lchown(path, Some(user), Some(user)).expect("lchown");
            },
            "it is not a directory",
        ),
        ("a file", |path, _, _| fs::write(path, "squat").expect("a file"), "it is not a directory"),
        (
            "a directory open to others",
            |path, user, _| {
                fs::create_dir(path).expect("mkdir");
                fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
                chown(path, Some(user), Some(user)).expect("chown");
            },
            "others have access to it (mode 0755)",
        ),
    ];
    for (what, squat, matter) in squats {
        let user = a_user();
        let directory = Removed(default_directory(user));
        squat(&directory.0, user, &elsewhere);
        let mut victim = puppet_of(user, "victim");
        for command in ["create h n 4096", "open h n r", "gc"] {
            let text = victim.fails(command, ErrorKind::BadNamespace).text;
            assert!(text.contains(matter), "{what}, `{command}`: {text}");
            assert!(text.contains("; "), "{what}: no remedy in {text}");
        }
        elsewhere.assert_empty(what);
        // One remedy that is always there.
        let own = Scratch::new();
        chown(own.path(), Some(user), Some(user)).expect("chown");
        let environment = [("SHMOBJ_DIR", own.path().to_str().expect("a path"))];
        let mut helped = Puppet::start(env!("CARGO_BIN_EXE_puppet"), "helped", &environment);
        helped.does(format!("become {user}"));
        helped.does("create h n 4096");
        assert_eq!(own.files(), ["n"], "{what}");
    }
}

#[test]
fn shmobj_dir_is_the_default_namespace() {
    let scratch = Scratch::new();
    let environment = [("SHMOBJ_DIR", scratch.path().to_str().expect("a path"))];
    let mut one = Puppet::start(env!("CARGO_BIN_EXE_puppet"), "one", &environment);
    one.does("create h n 4096");
    assert_eq!(scratch.files(), ["n"]);
    let mut two = puppet!("two", &scratch);
    assert_eq!(value(&two.does("open h n r"), "existed"), "true");
}

#[test]
fn a_private_directory_is_made_on_first_create() {
    let scratch = Scratch::new();
    let mut puppet = puppet!("puppet");
    puppet.does(format!("namespace {}", scratch.file("below").display()));
    puppet.fails("open h n r", ErrorKind::NotFound);
    scratch.assert_empty("after an open");
    puppet.does("create h n 4096");
    assert_eq!(fs::metadata(scratch.file("below")).expect("made").mode() & 0o7777, 0o700);
    puppet.does(format!("namespace {}", scratch.file("no/such/parent").display()));
    puppet.fails("create h n 4096", ErrorKind::BadNamespace);
}

#[test]
fn a_loose_directory_is_refused_and_a_sticky_one_is_not() {
    for (mode, good) in
        [(0o777, false), (0o770, false), (0o1777, true), (0o1770, true), (0o755, true), (0o700, true)]
    {
        let scratch = Scratch::with_mode(mode);
        let mut puppet = puppet!("puppet", &scratch);
        if good {
            puppet.does("create h n 4096");
        } else {
            let text = puppet.fails("create h n 4096", ErrorKind::BadNamespace).text;
            assert!(text.contains("chmod +t"), "{mode:o}: {text}");
            puppet.fails("open h n r", ErrorKind::BadNamespace);
            scratch.assert_empty("after a refusal");
        }
    }
}

#[test]
fn a_directory_that_is_loosened_or_replaced_later_is_noticed() {
    let scratch = Scratch::new();
    let mut puppet = puppet!("puppet");
    let path = scratch.file("place");
    puppet.does(format!("namespace {}", path.display()));
    puppet.does("create h n 4096");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("chmod");
    puppet.fails("open x n r", ErrorKind::BadNamespace);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("chmod");
    puppet.does("open x n r");
    fs::rename(&path, scratch.file("elsewhere")).expect("rename");
    puppet.fails("open y n r", ErrorKind::NotFound);
    assert_eq!(value(&puppet.does("create y n 4096"), "existed"), "false");
    puppet.does("close x");
    puppet.does("close h");
    assert_eq!(
        fs::read_dir(scratch.file("elsewhere")).expect("a listing").count(),
        0,
        "closed where it was made"
    );
    assert_eq!(fs::read_dir(&path).expect("a listing").count(), 1);
}

#[test]
fn a_private_directory_of_another_user_is_refused() {
    if !is_root_for("a_private_directory_of_another_user_is_refused") {
        return;
    }
    let scratch = Scratch::with_mode(0o1777);
    chown(scratch.path(), Some(a_user()), None).expect("chown");
    let mut victim = puppet!("victim", &scratch);
    victim.does(format!("become {}", a_user()));
    let text = victim.fails("create h n 4096", ErrorKind::BadNamespace).text;
    assert!(text.contains("could replace what is in it"), "{text}");
}

#[test]
fn an_owner_only_global_object_is_denied_to_others() {
    if !is_root_for("an_owner_only_global_object_is_denied_to_others") {
        return;
    }
    let (name, entry) = a_global_name();
    let mut owner = puppet_of(a_user(), "owner");
    owner.does(format!("create h {name} 4096"));
    assert_eq!(fs::metadata(&entry.0).expect("the entry").mode() & 0o7777, 0o600);
    let mut other = puppet_of(a_user(), "other");
    for command in [format!("open h {name} r"), format!("create h {name} 4096")] {
        let refusal = other.fails(&command, ErrorKind::AccessDenied);
        assert_eq!(refusal.code, 5);
        assert!(refusal.text.contains("; "), "no remedy in {}", refusal.text);
    }
    owner.does("close h");
    assert_eq!(
        value(&other.does(format!("create h {name} 4096")), "existed"),
        "false",
        "the name is free for all"
    );
}

#[test]
fn inspecting_another_users_private_global_object_is_access_denied() {
    if !is_root_for("inspecting_another_users_private_global_object_is_access_denied") {
        return;
    }
    let (name, entry) = a_global_name();
    let mut owner = puppet_of(a_user(), "owner");
    owner.does(format!("create h {name} 4096"));
    let mut other = puppet_of(a_user(), "other");
    let refusal = other.fails(format!("id {name}"), ErrorKind::AccessDenied);
    assert_eq!(refusal.code, 5);
    assert!(refusal.text.contains("another user") && refusal.text.contains("; "), "{}", refusal.text);
    let id = owner.does(format!("id {name}"));
    assert_eq!(puppet!("root").does(format!("id {name}")), id, "root sees what its owner sees");
    // One that everybody may read is shown to everybody, while it lives.
    fs::set_permissions(&entry.0, fs::Permissions::from_mode(0o644)).expect("chmod");
    assert_eq!(other.does(format!("id {name}")), id);
    owner.kill();
    let refusal = other.fails(format!("id {name}"), ErrorKind::NotFound);
    assert!(refusal.text.contains("gc --global"), "{}", refusal.text);
    assert!(entry.0.exists(), "only its owner may remove it");
}

#[test]
fn inspecting_what_is_no_living_object_says_what_it_is() {
    let scratch = Scratch::new();
    let mut looker = puppet!("looker", &scratch);
    assert_eq!(looker.fails("id never", ErrorKind::NotFound).code, 2);
    let mut dead = puppet!("dead", &scratch);
    dead.does("create h crashed 4096");
    dead.does("create i crashed-beside 4096 beside");
    looker.does("id crashed");
    dead.kill();
    for name in ["crashed", "crashed-beside"] {
        assert_eq!(looker.fails(format!("id {name}"), ErrorKind::NotFound).code, 2);
    }
    scratch.assert_empty("after a look at the dead");
    let mut random = Random::new(unique());
    for length in [0, 1, 63, 64, 4095, 4096, 10_000] {
        let noise: Vec<u8> = (0..length).map(|_| random.next_u64() as u8).collect();
        fs::write(scratch.file("noise"), &noise).expect("a file");
        let refusal = looker.fails("id noise", ErrorKind::Corrupt);
        assert!(refusal.text.contains("remove it"), "{length} random bytes: {}", refusal.text);
        assert_eq!(fs::read(scratch.file("noise")).expect("still there"), noise);
        fs::remove_file(scratch.file("noise")).expect("still there");
    }
}

#[test]
fn a_global_object_of_mode_0666_is_shared_both_ways() {
    if !is_root_for("a_global_object_of_mode_0666_is_shared_both_ways") {
        return;
    }
    let (name, entry) = a_global_name();
    let mut owner = puppet_of(a_user(), "owner");
    owner.does(format!("create h {name} 8192 mode=666"));
    owner.does("map v h rw");
    let mut other = puppet_of(a_user(), "other");
    assert_eq!(value(&other.does(format!("create h {name} 4096")), "existed"), "true");
    other.does("map v h rw");
    other.does("write v 0 both");
    owner.does("write v 4 ways");
    assert_eq!(owner.does("read v 0 8"), "bothways");
    assert_eq!(other.does("read v 0 8"), "bothways");
    other.does("close h");
    assert!(entry.0.exists());
    owner.does("close h");
    assert!(!entry.0.exists(), "freed by its owner's last close");
    assert_eq!(other.does("read v 0 8"), "bothways", "a view outlives the name");
}

#[test]
fn a_global_object_of_mode_0644_is_read_by_others_and_not_written() {
    if !is_root_for("a_global_object_of_mode_0644_is_read_by_others_and_not_written") {
        return;
    }
    let (name, _entry) = a_global_name();
    let mut owner = puppet_of(a_user(), "owner");
    owner.does(format!("create h {name} 4096 mode=644"));
    owner.does("map v h rw");
    owner.does("write v 0 look");
    let mut other = puppet_of(a_user(), "other");
    other.fails(format!("open h {name} rw"), ErrorKind::AccessDenied);
    other.fails(format!("create h {name} 4096"), ErrorKind::AccessDenied);
    other.does(format!("open h {name} r"));
    other.does("map v h r");
    assert_eq!(other.does("read v 0 4"), "look");
    other.fails("map w h rw", ErrorKind::AccessDenied);
}

#[test]
fn another_users_handle_keeps_the_object_of_a_killed_owner() {
    if !is_root_for("another_users_handle_keeps_the_object_of_a_killed_owner") {
        return;
    }
    let (name, entry) = a_global_name();
    let user = a_user();
    let mut owner = puppet_of(user, "owner");
    owner.does(format!("create h {name} 4096 mode=666"));
    owner.does("map v h rw");
    owner.does("write v 0 kept");
    let mut other = puppet_of(a_user(), "other");
    other.does(format!("open h {name} rw"));
    owner.kill();
    let mut third = puppet_of(a_user(), "third");
    third.does(format!("open h {name} rw"));
    third.does("map v h rw");
    assert_eq!(third.does("read v 0 4"), "kept");
    third.does("unmap v");
    third.does("close h");
    other.does("close h");
    // Nobody holds it, and only its owner may remove it: that is what sticky directories are for.
    assert!(entry.0.exists());
    third.fails(format!("open h {name} rw"), ErrorKind::NotFound);
    let text = third.fails(format!("create h {name} 4096"), ErrorKind::AccessDenied).text;
    assert!(text.contains(&format!("user {user}")) && text.contains("gc --global"), "{text}");
    let mut owner = puppet_of(user, "owner again");
    assert_eq!(value(&owner.does(format!("create h {name} 4096")), "existed"), "false");
}

#[test]
fn what_a_killed_owner_left_in_global_is_reclaimed_by_its_owner_or_root() {
    if !is_root_for("what_a_killed_owner_left_in_global_is_reclaimed_by_its_owner_or_root") {
        return;
    }
    let (name, entry) = a_global_name();
    let mut owner = puppet_of(a_user(), "owner");
    owner.does(format!("create h {name} 4096"));
    owner.kill();
    let mut stranger = puppet_of(a_user(), "stranger");
    let refusal = stranger.ask(format!("open h {name} r")).expect_err("a dead object of another user");
    assert!(refusal.kind == "NotFound" || refusal.kind == "AccessDenied", "{}", refusal.text);
    stranger.fails(format!("create h {name} 4096"), ErrorKind::AccessDenied);
    assert!(entry.0.exists());
    let mut root = puppet!("root");
    assert!(number(&root.does("gc global"), "reclaimed") >= 1);
    assert!(!entry.0.exists());
}

#[test]
fn a_view_outlives_a_global_name_whose_last_handle_is_another_users() {
    if !is_root_for("a_view_outlives_a_global_name_whose_last_handle_is_another_users") {
        return;
    }
    let (name, _entry) = a_global_name();
    let mut owner = puppet_of(a_user(), "owner");
    owner.does(format!("create h {name} 4096 mode=666"));
    owner.does("map v h rw");
    owner.does("write v 0 mine");
    let mut other = puppet_of(a_user(), "other");
    other.does(format!("open h {name} rw"));
    owner.does("close h");
    other.does("close h"); // the last handle, in a directory where only the owner may remove the entry
    assert_eq!(owner.does("read v 0 4"), "mine");
}

#[test]
fn a_global_name_of_digits_is_no_users_directory() {
    if !is_root_for("a_global_name_of_digits_is_no_users_directory") {
        return;
    }
    let user = a_user();
    let directory = Removed(default_directory(user));
    let digits = user.to_string();
    let _entry =
        Removed(PathBuf::from(format!("/dev/shm/shmobj.%{:02X}{}", digits.as_bytes()[0], &digits[1..])));
    let mut squatter = puppet_of(a_user(), "squatter");
    squatter.does(format!("create h Global\\{digits} 4096"));
    let mut victim = puppet_of(user, "victim");
    victim.does("create h n 4096");
    assert!(directory.0.is_dir());
    squatter.does("close h");
}
