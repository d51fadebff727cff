//! What another user can do to objects that are not shared: nothing. Neither with the library nor without it.

use std::fs;
use std::path::Path;
use std::time::Instant;

use shmobj::ErrorKind;
use shmobj_tests::puppet::{Puppet, value};
use shmobj_tests::scratch::{Removed, Scratch};
use shmobj_tests::system::is_root_for;

use crate::support::{GlobalName, KINDS, User, data_file, market, says_what_to_do};

/// What a program without the library tries with a file of somebody else's, and that the kernel refuses each.
#[track_caller]
fn the_kernel_refuses(intruder: &mut Puppet, file: &Path, elsewhere: &Scratch, what: &str) {
    let before = fs::metadata(file).expect("the victim's file");
    let (path, to) = (file.display(), elsewhere.file("loot"));
    let own = elsewhere.file("own");
    intruder.does(format!("raw file {} 666 bait", own.display()));
    for call in [
        format!("open {path} r"),
        format!("open {path} rw"),
        format!("flock {path} ex"),
        format!("flock {path} sh"),
        format!("flock-path {path} ex"),
        format!("unlink {path}"),
        format!("rename {path} {}", to.display()),
        format!("rename {} {path}", own.display()),
        format!("exchange {path} {}", own.display()),
        format!("link {path} {}", to.display()),
        format!("truncate {path} 0"),
        format!("chmod {path} 666"),
        format!("chown {path} {}", 50_000),
        format!("grant {path}"),
    ] {
        if call.starts_with("link") && !hard_links_are_protected() {
            continue;
        }
        let answer = intruder.does(format!("raw {call}"));
        let refused = ["EACCES", "EPERM", "EBADF"].contains(&&*answer);
        assert!(refused, "{what}: `{call}` is {answer}");
    }
    intruder.does(format!("raw unlink {}", own.display()));
    assert!(!to.exists(), "{what}");
    let after = fs::metadata(file).expect("the victim's file");
    let of = |it: &fs::Metadata| {
        use std::os::unix::fs::MetadataExt;
        (it.ino(), it.mode(), it.uid(), it.nlink(), it.size(), it.ctime_nsec())
    };
    assert_eq!(of(&before), of(&after), "{what}");
}

/// Otherwise anybody may give anybody's file another name; what comes of it is told in `hostile`.
fn hard_links_are_protected() -> bool {
    fs::read_to_string("/proc/sys/fs/protected_hardlinks").is_ok_and(|text| text.trim() != "0")
}

/// The victim's handle works as before, and so does its name.
#[track_caller]
fn is_unharmed(victim: &mut Puppet, kind: &str, name: &str) {
    let since = Instant::now();
    assert_eq!(value(&victim.does(format!("own again {kind} {name}")), "existed"), "true");
    assert!(since.elapsed() < shmobj_patience(), "{name} was starved");
    victim.does(format!("act h {}", if kind == "mapping" { "map-write" } else { "look" }));
    victim.does("give-up again");
}

/// After this the library gives up on an entry that somebody keeps locked.
fn shmobj_patience() -> std::time::Duration {
    std::time::Duration::from_secs(5)
}

#[test]
fn another_user_can_do_nothing_to_a_private_object_in_a_shared_directory() {
    if !is_root_for("another_user_can_do_nothing_to_a_private_object_in_a_shared_directory") {
        return;
    }
    let (place, elsewhere, owner) = (market(), market(), User::new());
    let mut victim = owner.at(&place, "the victim");
    let mut intruder = User::new().at(&place, "the intruder");
    let kinds = KINDS.map(|kind| (kind, "")).into_iter().chain([("mapping", " beside")]);
    for (kind, wish) in kinds {
        victim.does(format!("own h {kind} n{wish}"));
        the_kernel_refuses(&mut intruder, &place.file("n"), &elsewhere, kind);
        if !wish.is_empty() {
            the_kernel_refuses(&mut intruder, &data_file(&place), &elsewhere, "the data");
        }
        // The name may be seen; whose and what it is may not.
        for command in [format!("join x {kind} n QUERY"), format!("own x {kind} n"), "id n".to_owned()] {
            says_what_to_do(&mut intruder, &command, ErrorKind::AccessDenied);
        }
        let found = intruder.does(format!("what-is-allowed {kind} n"));
        assert_eq!(value(&found, "listed"), "AccessDenied", "{found}");
        let swept = intruder.does("gc");
        assert_eq!((value(&swept, "reclaimed"), value(&swept, "held")), ("0", "0"), "{swept}");
        is_unharmed(&mut victim, kind, "n");
        assert_eq!(intruder.does(format!("raw look-into {}", victim.pid())), "EACCES");
        victim.does("give-up h");
    }
    place.assert_empty("after the victim's last close");
}

#[test]
fn another_user_can_do_nothing_to_a_private_global_object() {
    if !is_root_for("another_user_can_do_nothing_to_a_private_global_object") {
        return;
    }
    let (elsewhere, owner) = (market(), User::new());
    let mut victim = owner.puppet("the victim");
    let mut intruder = User::new().puppet("the intruder");
    for kind in KINDS {
        let global = GlobalName::new();
        victim.does(format!("own h {kind} {}", global.name));
        the_kernel_refuses(&mut intruder, &global.entry, &elsewhere, kind);
        says_what_to_do(
            &mut intruder,
            &format!("join x {kind} {} QUERY", global.name),
            ErrorKind::AccessDenied,
        );
        is_unharmed(&mut victim, kind, &global.name);
        victim.does("give-up h");
        assert!(!global.entry.exists(), "{kind}");
    }
}

#[test]
fn another_user_cannot_even_see_into_ones_own_directory() {
    if !is_root_for("another_user_cannot_even_see_into_ones_own_directory") {
        return;
    }
    let (elsewhere, owner) = (market(), User::new());
    let directory = Removed(format!("/dev/shm/shmobj.{}", owner.id).into());
    let mut victim = owner.puppet("the victim");
    let mut intruder = User::new().puppet("the intruder");
    for kind in KINDS {
        victim.does(format!("own h {kind} n"));
        the_kernel_refuses(&mut intruder, &directory.0.join("n"), &elsewhere, kind);
        is_unharmed(&mut victim, kind, "n");
        victim.does("give-up h");
    }
    let path = directory.0.display();
    let away = elsewhere.file("away");
    for call in [
        format!("list {path}"),
        format!("rename {path} {}", away.display()),
        format!("chmod {path} 777"),
        format!("grant {path}"),
        format!("file {path}/new 666 x"),
        format!("flock {path} ex"),
        format!("unlink {path}"),
    ] {
        let answer = intruder.does(format!("raw {call}"));
        assert!(["EACCES", "EPERM", "errno-21"].contains(&&*answer), "`{call}` is {answer}");
    }
    // As a namespace it is refused, and the error says what to do.
    intruder.does(format!("namespace {path}"));
    for command in ["own x event n", "join x event n QUERY", "gc", "id n"] {
        says_what_to_do(&mut intruder, command, ErrorKind::BadNamespace);
    }
}

#[test]
fn who_may_only_look_can_hold_up_the_name_and_nothing_more() {
    if !is_root_for("who_may_only_look_can_hold_up_the_name_and_nothing_more") {
        return;
    }
    // A lock needs no more than a descriptor. What that costs is said in the documentation: an error after patience, for that name.
    let (place, owner, looker) = (market(), User::new(), User::new());
    let mut victim = owner.at(&place, "the victim");
    let mut intruder = looker.at(&place, "the intruder");
    victim.does(format!("own h event n user={}:QUERY", looker.id));
    let path = place.file("n");
    assert_eq!(intruder.does(format!("raw flock {} ex", path.display())), "EAGAIN", "it is held");
    victim.does("act h signal");
    victim.does("give-up h");
    place.assert_empty("after the last close: the intruder has got no lock");
    victim.does(format!("own h event n user={}:QUERY", looker.id));
    assert_eq!(intruder.does(format!("raw flock {} sh", path.display())), "done");
    victim.does("give-up h");
    assert!(path.exists(), "the intruder holds it now");
    assert_eq!(value(&victim.does("own h event n"), "existed"), "true");
    victim.does("own h event other");
    intruder.kill();
    victim.does("own h event n");
    victim.does("give-up h");
    place.assert_empty("after the intruder");
}
