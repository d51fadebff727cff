//! Containers that share a directory, at different paths: each has user, PID and mount namespaces of its own, and its own
//! /dev/shm and /proc. What container engines make of this has other names and the same parts.

use std::os::unix::fs::chown;
use std::time::Duration;

use shmobj::ErrorKind;
use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, value};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::{is_root_for, skip, until, who_has_memory};

const SECONDS: Duration = Duration::from_secs(10);
/// Users that exist nowhere.
const SOMEBODY: u32 = 54_321;
const ANOTHER: u32 = 54_322;
const PATHS: [&str; 2] = ["/tmp/volume", "/tmp/data/shared"];

/// A container, and the process outside that it was forked from.
struct Container {
    inside: Puppet,
    _outside: Puppet,
}

/// Who it is outside, if not the user of the tests; then as in the command.
fn container(scratch: &Scratch, outer: Option<u32>, path: &str, inner: &str, proc: &str) -> Container {
    let mut outside = puppet!("outside");
    if let Some(user) = outer {
        outside.does(format!("become {user}"));
    }
    let how = format!("{} {path} {inner} {proc}", scratch.path().display());
    let mut inside = outside.fork_into_container(&how, "inside");
    inside.does(format!("namespace {path}"));
    Container { inside, _outside: outside }
}

/// A directory that this user may use as its namespace, or the one of the tests.
fn directory_of(user: Option<u32>) -> Scratch {
    let scratch = Scratch::new();
    if user.is_some() {
        chown(scratch.path(), user, user).expect("chown of a scratch");
    }
    scratch
}

/// As whom a test is to run its containers: as root and as an ordinary user, if it may be both. Nobody, if the system does not permit it.
fn users(test: &str) -> Vec<Option<u32>> {
    let is_root = rustix::process::geteuid().is_root();
    let users = if is_root { vec![None, Some(SOMEBODY)] } else { vec![None] };
    users.into_iter().filter(|user| may_have_user_namespace(*user, test)).collect()
}

fn may_have_user_namespace(user: Option<u32>, test: &str) -> bool {
    let mut puppet = puppet!("asks");
    if let Some(user) = user {
        puppet.does(format!("become {user}"));
    }
    let answer = puppet.does("try-user-namespace");
    let permitted = answer == "permitted";
    if !permitted {
        skip(test, &format!("user namespaces are {answer}"));
    }
    permitted
}

/// Memory, and every kind of object that can be waited for, made in one and used in the other.
fn share_everything(one: &mut Puppet, two: &mut Puppet) {
    one.does("create h memory 8192 beside");
    one.does("map v h rw");
    two.does("open h memory rw");
    two.does("map v h rw");
    two.does("write v 8000 contained");
    assert_eq!(one.does("read v 8000 9"), "contained");
    for puppet in [&mut *one, &mut *two] {
        puppet.does("unmap v");
        puppet.does("close h");
    }
    for (kind, signal) in [
        ("mutex", "release o"),
        ("auto", "set o"),
        ("manual", "set o"),
        ("semaphore", "release o 1"),
        ("timer", "start o 0"),
    ] {
        one.does(format!("make o {kind} o"));
        two.does(format!("reach o {kind} o"));
        if kind == "mutex" {
            one.does("wait o 0");
        }
        assert_eq!(two.does("wait o 0"), "timeout", "{kind}");
        // Not `falls_asleep_in`: the host may not look at what an unprivileged container's threads do.
        two.tell("wait o never");
        two.sleeps_on();
        one.does(signal);
        assert_eq!(two.answer().expect("a wait"), "signaled", "{kind}");
        if kind == "mutex" {
            two.does("release o");
        }
        one.does("let-go o");
        two.does("let-go o");
    }
}

#[test]
fn objects_of_all_kinds_are_shared_by_containers_with_a_volume() {
    for user in users("objects_of_all_kinds_are_shared_by_containers_with_a_volume") {
        let scratch = directory_of(user);
        let mut one = container(&scratch, user, PATHS[0], "0", "own");
        let mut two = container(&scratch, user, PATHS[1], "0", "own");
        share_everything(&mut one.inside, &mut two.inside);
        scratch.assert_empty("by two containers");
        // Each has its own /dev/shm, so their default namespaces have nothing in common.
        for container in [&mut one, &mut two] {
            container.inside.does("namespace default");
            assert_eq!(value(&container.inside.does("create h n 4096"), "existed"), "false");
        }
    }
}

#[test]
fn one_user_outside_may_have_different_numbers_inside() {
    for user in users("one_user_outside_may_have_different_numbers_inside") {
        let scratch = directory_of(user);
        let mut one = container(&scratch, user, PATHS[0], "0", "own");
        let mut two = container(&scratch, user, PATHS[1], "5000", "own");
        share_everything(&mut one.inside, &mut two.inside);
        share_everything(&mut two.inside, &mut one.inside);
        scratch.assert_empty("by two containers");
    }
}

#[test]
fn memory_that_is_not_shared_across_pid_namespaces_is_unreachable_and_the_error_says_what_to_do() {
    let test = "memory_that_is_not_shared_across_pid_namespaces_is_unreachable_and_the_error_says_what_to_do";
    for user in users(test) {
        let scratch = directory_of(user);
        let mut one = container(&scratch, user, PATHS[0], "0", "own");
        let mut two = container(&scratch, user, PATHS[1], "0", "own");
        one.inside.does("create h n 4096");
        let text = two.inside.fails("open h n rw", ErrorKind::Unreachable).text;
        assert!(text.contains("share it across PID namespaces"), "{text}");
        assert_eq!(scratch.files(), ["n"], "it lives");
    }
}

#[test]
fn memory_is_found_in_user_namespaces_below_and_not_in_those_beside_or_above() {
    for user in users("memory_is_found_in_user_namespaces_below_and_not_in_those_beside_or_above") {
        let scratch = directory_of(user);
        let mut one = container(&scratch, user, PATHS[0], "0", "common");
        let mut two = container(&scratch, user, PATHS[1], "0", "common");
        let mut above = puppet!("above", &scratch);
        if let Some(user) = user {
            above.does(format!("become {user}"));
        }
        one.inside.does("create h n 4096");
        above.does("open h n rw");
        above.does("close h");
        two.inside.fails("open h n rw", ErrorKind::Unreachable);
        above.does("create h of-the-one-above 4096");
        one.inside.fails("open h of-the-one-above rw", ErrorKind::Unreachable);
        // Shared across PID namespaces, none of them needs to look into another.
        above.does("create h beside 4096 beside");
        one.inside.does("open h beside rw");
        two.inside.does("open h beside rw");
    }
}

#[test]
fn a_container_that_is_killed_whole_leaves_nothing() {
    for user in users("a_container_that_is_killed_whole_leaves_nothing") {
        let scratch = directory_of(user);
        let mut one = container(&scratch, user, PATHS[0], "0", "own");
        let mut two = container(&scratch, user, PATHS[1], "0", "own");
        let init = &mut one.inside;
        init.does("create h memory 65536");
        init.does("map v h rw");
        let id = init.does("id memory");
        init.does("create b beside 65536 beside");
        init.does("make m mutex m");
        let mut second = init.fork("second process inside");
        second.does("wait m 0");
        second.does("create h2 of-the-second 4096");
        two.inside.does("reach m mutex m");
        two.inside.tell("wait m never");
        two.inside.sleeps_on();
        // The first process of a PID namespace takes all others with it.
        one.inside.strike();
        let told = two.inside.answers_within(SECONDS).expect("it is told").expect("a lock");
        assert_eq!(told, "abandoned");
        assert!(
            until(SECONDS, || who_has_memory(&id[..16]).is_empty()),
            "somebody has the memory of the dead"
        );
        for how in ["memory 4096", "of-the-second 4096", "beside 4096 beside"] {
            assert_eq!(value(&two.inside.does(format!("create h {how}")), "existed"), "false", "{how}");
        }
        two.inside.does("close h");
        two.inside.does("let-go m");
        two.inside.does("gc");
        scratch.assert_empty("after a container was killed, and the other one closed all");
    }
}

#[test]
fn a_directory_of_another_user_is_refused_with_a_remedy() {
    let test = "a_directory_of_another_user_is_refused_with_a_remedy";
    if !is_root_for(test) || !may_have_user_namespace(Some(ANOTHER), test) {
        return;
    }
    // Whoever it belongs to outside, even if that is root, is nobody that this container knows.
    for (owner, mode) in [(SOMEBODY, 0o755), (SOMEBODY, 0o1777), (0, 0o1777)] {
        let scratch = Scratch::with_mode(mode);
        chown(scratch.path(), Some(owner), Some(owner)).expect("chown of a scratch");
        let mut other = container(&scratch, Some(ANOTHER), PATHS[0], "0", "own");
        let text = other.inside.fails("create h n 4096", ErrorKind::BadNamespace).text;
        assert!(text.contains("belongs to user 65534"), "{text}");
        assert!(text.contains("use a directory of your own, or of root's"), "{text}");
        scratch.assert_empty("by a container that may not use it");
    }
}

#[test]
fn containers_without_user_namespaces_share_with_other_users_what_the_creator_permits() {
    let test = "containers_without_user_namespaces_share_with_other_users_what_the_creator_permits";
    if !is_root_for(test) {
        return;
    }
    let scratch = Scratch::with_mode(0o1777);
    let [mut one, mut two] = [PATHS[0], PATHS[1]].map(|path| container(&scratch, None, path, "same", "own"));
    one.inside.does(format!("become {SOMEBODY}"));
    two.inside.does(format!("become {ANOTHER}"));
    one.inside.does("create h open 4096 mode=666");
    one.inside.does("map v h rw");
    one.inside.does("write v 0 shared");
    two.inside.does("open h open r");
    two.inside.does("map v h r");
    assert_eq!(two.inside.does("read v 0 6"), "shared");
    one.inside.does("create h2 closed 4096");
    two.inside.fails("open h2 closed r", ErrorKind::AccessDenied);
}

#[test]
fn without_proc_all_works_but_memory_that_others_must_find() {
    for user in users("without_proc_all_works_but_memory_that_others_must_find") {
        let scratch = directory_of(user);
        let mut one = container(&scratch, user, PATHS[0], "0", "none");
        let mut two = container(&scratch, user, PATHS[1], "0", "none");
        share_everything(&mut one.inside, &mut two.inside);
        one.inside.does("make m mutex m");
        two.inside.does("reach m mutex m");
        one.inside.does("wait m 0");
        one.inside.does("create h n 4096");
        one.inside.does("map v h rw");
        one.inside.does("open h n r");
        two.inside.fails("open h n rw", ErrorKind::Unreachable);
        two.inside.tell("wait m never");
        two.inside.sleeps_on();
        one.inside.strike();
        let told = two.inside.answers_within(SECONDS).expect("it is told").expect("a lock");
        assert_eq!(told, "abandoned");
        assert_eq!(value(&two.inside.does("create h n 4096"), "existed"), "false");
    }
}

#[test]
fn the_proc_of_the_outer_pid_namespace_does_not_mislead() {
    for user in users("the_proc_of_the_outer_pid_namespace_does_not_mislead") {
        let scratch = directory_of(user);
        let mut one = container(&scratch, user, PATHS[0], "0", "outer");
        let mut two = container(&scratch, user, PATHS[1], "0", "outer");
        share_everything(&mut one.inside, &mut two.inside);
        one.inside.does("make m mutex m");
        two.inside.does("reach m mutex m");
        one.inside.does("wait m 0");
        one.inside.does("create h n 4096");
        // Its owner lives, whatever the numbers of threads mean in that /proc.
        assert_eq!(two.inside.does("wait m 100"), "timeout");
        assert_eq!(value(&one.inside.does("create h2 n 4096"), "existed"), "true");
        one.inside.strike();
        assert_eq!(two.inside.does("wait m 10000"), "abandoned");
        assert_eq!(value(&two.inside.does("create h n 4096"), "existed"), "false");
    }
}
