//! What children inherit, and what they do not.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use shmobj::ErrorKind;
use shmobj_tests::puppet::Puppet;
use shmobj_tests::random::{Random, unique};
use shmobj_tests::scene::Scene;
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::{descriptors, is_locked, is_root_for, skip};
use shmobj_tests::{puppet, scene::KINDS};

const PROGRAM: &str = env!("CARGO_BIN_EXE_puppet");

/// Where a process's descriptors lead, as far as the library or a test's directory has to do with it.
fn of_the_library(puppet: &Puppet) -> Vec<(i32, String)> {
    let mut found = descriptors(puppet.pid());
    found.retain(|(_, target)| target.contains("shmobj") && !target.starts_with("socket:"));
    found
}

fn assert_has_nothing(puppet: &Puppet, story: &str) {
    assert_eq!(of_the_library(puppet), [], "{story}: {puppet} has descriptors");
}

#[test]
fn several_roles_of_all_kinds_arrive_and_nothing_else_does() {
    let scratch = Scratch::new();
    let mut parent = puppet!("parent", &scratch);
    let mut roles = String::new();
    for kind in KINDS {
        parent.does(format!("have {kind} {kind} {kind}"));
        parent.does(format!("have {kind}-unnamed {kind} -"));
        parent.does(format!("have not-for-children-{kind} {kind} not-for-children-{kind}"));
        roles += &format!("{kind}={kind} {kind}-unnamed={kind}-unnamed ");
    }
    let mut child = parent.spawn(&roles, "child");
    // Named objects are two descriptors, unnamed ones are one. The child has not looked at them yet.
    assert_eq!(of_the_library(&child).len(), 3 * KINDS.len(), "{:?}", of_the_library(&child));
    let mut without = parent.spawn("", "child without");
    assert_has_nothing(&without, "nothing was passed on");
    assert_eq!(without.does("roles"), "");
    without.fails("inherited h mutex", ErrorKind::NotFound);
    let there = child.does("roles");
    assert_eq!(there.split(' ').count(), 2 * KINDS.len(), "{there}");
    for kind in KINDS {
        for role in [kind.to_owned(), format!("{kind}-unnamed")] {
            child.does(format!("inherited {role} {role}"));
            assert_eq!(child.does(format!("identity {role}")), parent.does(format!("identity {role}")));
            assert_eq!(child.does(format!("about {role}")), parent.does(format!("about {role}")));
            child.does(format!("use {role}"));
        }
    }
    assert_eq!(child.does("roles"), "");
    child.does("lose mapping mapping-unnamed mutex mutex-unnamed event event-unnamed semaphore semaphore-unnamed timer timer-unnamed");
    let left = of_the_library(&child);
    assert!(left.iter().all(|(_, target)| *target == scratch.path().to_string_lossy()), "{left:?}");
}

#[test]
fn a_childs_own_children_have_nothing_once_it_has_looked() {
    for look in ["roles", "inherited x other", "keep-command", "keep-command mine=mine"] {
        let scratch = Scratch::new();
        let mut parent = puppet!("parent", &scratch);
        parent.does("have h mapping n");
        parent.does("have u event -");
        let mut child = parent.spawn("role=h another=u", "child");
        let mut before = child.spawn("", "grandchild before");
        assert_eq!(
            of_the_library(&before).len(),
            3,
            "a program that does not know of it passes everything on"
        );
        assert_eq!(before.does("roles"), "another role");
        before.kill();
        if look.ends_with("mine") {
            child.does("have mine event -");
        }
        let _ = child.ask(look);
        let has_looked = look != "keep-command";
        let mut after = child.spawn("", "grandchild after");
        assert_eq!(of_the_library(&after).is_empty(), has_looked, "{look}: {:?}", of_the_library(&after));
        // The variable is still there, and leads to nothing.
        assert_eq!(after.does("roles").is_empty(), has_looked, "{look}");
        child.does("inherited h role");
        child.does("use h");
    }
}

#[test]
fn a_child_can_pass_on_what_it_inherited() {
    Scene::each(PROGRAM, "passed on", |scene| {
        let mut parent = scene.maker("parent");
        let identity = parent.does("identity h");
        let mut child = parent.spawn("role=h", "child");
        child.does("inherited mine role");
        let mut grandchild = child.spawn("other-role=mine", "grandchild");
        assert_eq!(grandchild.does("roles"), "other-role");
        grandchild.does("inherited h other-role");
        parent.does("lose h");
        child.kill();
        scene.assert_held();
        scene.assert_works(&mut grandchild, "h", &identity);
        grandchild.does("lose h");
        scene.assert_gone_without_a_trace(&identity);
    });
}

#[test]
fn a_shell_in_between_passes_everything_on() {
    Scene::each(PROGRAM, "through a shell", |scene| {
        let mut parent = scene.maker("parent");
        let identity = parent.does("identity h");
        let mut grandchild = parent.spawn("+shell role=h", "grandchild of a shell");
        grandchild.does("inherited h role");
        parent.does("lose h");
        scene.assert_held();
        scene.assert_works(&mut grandchild, "h", &identity);
    });
}

#[test]
fn each_child_of_a_command_has_descriptions_of_its_own() {
    let scratch = Scratch::new();
    let mut parent = puppet!("parent", &scratch);
    parent.does("have h mutex n");
    parent.does("keep-command role=h");
    let (mut one, mut other) = (parent.spawn_kept("one"), parent.spawn_kept("other"));
    parent.does("lose-command");
    parent.does("lose h");
    let entry = scratch.file("n");
    let unlock = format!("unlock {}", entry.display());
    assert_eq!(one.does(&unlock), "2", "one with the lock, and one for the page");
    assert!(is_locked(&entry), "one child took the lock off the other's description");
    other.does(&unlock);
    assert!(!is_locked(&entry), "there was another lock");
}

#[test]
fn a_role_is_given_once() {
    let scratch = Scratch::new();
    let mut parent = puppet!("parent", &scratch);
    for name in ["one", "two"] {
        parent.does(format!("have {name} mapping {name}"));
    }
    parent.fails("keep-command role=one role=two", ErrorKind::AlreadyExists);
    parent.does("lose one");
    assert_eq!(scratch.files(), ["two"], "the command that was refused keeps it");
}

#[test]
fn roles_may_be_called_anything() {
    let scratch = Scratch::new();
    let mut parent = puppet!("parent", &scratch);
    parent.does("have h event -");
    for role in ["a;b:c,d", "%41", "100%", "Größe", "..", "a{newline}b", "-", "{blank}x", "0"] {
        let mut child = parent.spawn(&format!("{role}=h"), "child");
        child.does(format!("inherited h {role}"));
        child.does("use h");
    }
    parent.fails("keep-command =h", ErrorKind::InvalidParameter);
}

#[test]
fn three_hundred_handles_are_inherited_at_once() {
    let scratch = Scratch::new();
    let mut parent = puppet!("parent", &scratch);
    let mut roles = String::new();
    for number in 0..300 {
        let (kind, name) =
            (KINDS[number % 5], if number % 2 == 0 { format!("n{number}") } else { "-".into() });
        parent.does(format!("have h{number} {kind} {name}"));
        roles += &format!("role{number}=h{number} ");
    }
    let mut child = parent.spawn(&roles, "child");
    for number in 0..300 {
        child.does(format!("inherited h{number} role{number}"));
        child.does(format!("use h{number}"));
    }
    assert_eq!(child.does("identity h299"), parent.does("identity h299"));
    parent.kill();
    assert_eq!(scratch.files().len(), 150);
    for number in 0..300 {
        child.does(format!("lose h{number}"));
    }
    scratch.assert_empty("the child closed all of them");
}

#[test]
fn a_cleared_environment_is_for_the_others() {
    let scratch = Scratch::new();
    let mut parent = puppet!("parent", &scratch);
    parent.does("have h semaphore n");
    let mut child = parent.spawn("+clear role=h", "child");
    child.does("inherited h role");
    child.does("use h");
}

#[test]
fn descriptors_that_a_program_in_between_replaced_are_not_taken_and_not_closed() {
    let scratch = Scratch::new();
    let file = scratch.file("strangers-file");
    std::fs::write(&file, "a stranger's").expect("a file");
    let mut parent = puppet!("parent", &scratch);
    for (kind, name) in [("mapping", "n"), ("mutex", "m"), ("event", "-")] {
        parent.does(format!("have h {kind} {name}"));
        let count = if name == "-" { 1 } else { 2 };
        for index in 0..count {
            for replaced in [true, false] {
                let mut child = parent.spawn("role=h", "child");
                let given: BTreeSet<i32> = of_the_library(&child).into_iter().map(|(fd, _)| fd).collect();
                assert_eq!(given.len(), count);
                let number = *given.iter().nth(index).expect("a descriptor");
                if replaced {
                    child.does(format!("move-file {number} {}", file.display()));
                } else {
                    child.does(format!("close-number {number}"));
                }
                child.fails("inherited h role", ErrorKind::NotFound);
                let is_there = |puppet: &Puppet| {
                    descriptors(puppet.pid())
                        .iter()
                        .any(|(fd, target)| *fd == number && target.ends_with("strangers-file"))
                };
                assert_eq!(is_there(&child), replaced, "{kind}: descriptor {index}");
                let heir = child.spawn("", "grandchild");
                assert_eq!(is_there(&heir), replaced, "{kind}: it became close-on-exec");
            }
        }
        parent.does("lose h");
    }
    assert_eq!(std::fs::read(&file).expect("the file"), b"a stranger's");
}

#[test]
fn garbage_in_the_variable_does_no_harm() {
    let scratch = Scratch::new();
    let mut parent = puppet!("parent", &scratch);
    parent.does("have h mapping n");
    parent.does("have u event -");
    let good = parent.spawn("role=h other=u", "child").does("variable");
    let mut random = Random::new(unique());
    for round in 0..60_usize {
        let mut child = parent.spawn("role=h other=u", "child");
        let mut text = good.clone().into_bytes();
        match round {
            0 => text.clear(),
            1 => text = format!("{good};{good}").into_bytes(),
            // One number for two roles.
            2 => {
                let again = good.replace("role", "again").replace("other", "once-more");
                text = format!("{good};{again}").into_bytes();
            }
            3 => text = b"role:0.0.0,1.0.0:0".to_vec(),
            4 => text.truncate(text.len() / 2),
            _ => {
                for _ in 0..=random.below(3) {
                    let at = random.below(text.len() as u64) as usize;
                    text[at] = b"0123456789abcdef:,;.%-x"[random.below(23) as usize];
                }
            }
        }
        let text = String::from_utf8(text).expect("ASCII");
        let before = descriptors(child.pid()).len();
        child.does(format!("set-variable {text}"));
        let mut taken = 0;
        for role in child.does("roles").split_whitespace() {
            taken += usize::from(child.ask(format!("inherited h{taken} {role}")).is_ok());
        }
        assert!(taken <= 2, "{taken} handles of two: {text}");
        (0..taken).for_each(|number| drop(child.does(format!("lose h{number}"))));
        assert!(descriptors(child.pid()).len() <= before + 1, "{text}");
        child.does("have after event -"); // it lives, and its own descriptors are its own
        child.does("use after");
    }
    parent.does("use h");
}

/// The build may be where others have no access, or set-user-ID means nothing.
fn others_can_run_the_puppet(test: &str) -> bool {
    let ran = Command::new(PROGRAM).uid(65534).stdin(Stdio::null()).status().is_ok_and(|it| it.success());
    let flags = rustix::fs::statvfs(PROGRAM).expect("a file system").f_flag;
    let can = ran && !flags.contains(rustix::fs::StatVfsMountFlags::NOSUID);
    if !can {
        skip(test, "other users cannot run the puppet program");
    }
    can
}

#[test]
fn a_program_with_more_rights_than_its_caller_takes_nothing() {
    if !is_root_for("a_program_with_more_rights_than_its_caller_takes_nothing") {
        return;
    }
    if !others_can_run_the_puppet("a_program_with_more_rights_than_its_caller_takes_nothing") {
        return;
    }
    // Not in the scratch: that may be mounted without set-user-ID.
    let program = Path::new(PROGRAM).with_file_name(format!("puppet-of-root.{:016x}", unique()));
    let _removed = shmobj_tests::scratch::Removed(program.clone());
    std::fs::copy(PROGRAM, &program).expect("a copy");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o4755)).expect("set-user-ID");
    let scratch = Scratch::with_mode(0o755);
    let mut parent = puppet!("parent", &scratch);
    parent.does("have h event -");
    parent.does(format!("keep-command +uid=65534 +program={} role=h", program.display()));
    let mut child = parent.spawn_kept("set-user-ID child");
    assert_ne!(child.does("variable"), "");
    assert_eq!(child.does("roles"), "");
    child.fails("inherited h role", ErrorKind::NotFound);
}

#[test]
fn another_user_inherits_what_it_could_not_open() {
    let test = "another_user_inherits_what_it_could_not_open";
    if !is_root_for(test) || !others_can_run_the_puppet(test) {
        return;
    }
    let scratch = Scratch::new();
    let mut parent = puppet!("parent", &scratch);
    parent.does("have h mapping n");
    parent.does("have u mutex -");
    let mut child = parent.spawn("+uid=65534 role=h other=u", "child of another user");
    for (handle, role) in [("h", "role"), ("u", "other")] {
        child.does(format!("inherited {handle} {role}"));
        assert_eq!(child.does(format!("identity {handle}")), parent.does(format!("identity {handle}")));
        child.does(format!("use {handle}"));
    }
    parent.does("lose h");
    assert!(is_locked(&scratch.file("n")), "the child holds it");
    child.does("lose h");
    assert!(!is_locked(&scratch.file("n")));
    parent.does("gc"); // the other user cannot remove the entry
    scratch.assert_empty("after a sweep");
}

#[test]
fn a_parent_without_descriptors_says_so_and_loses_nothing() {
    Scene::each(PROGRAM, "no descriptors", |scene| {
        let mut parent = scene.maker("parent");
        let identity = parent.does("identity h");
        for left in 0..2 {
            parent.does(format!("descriptors-left {left}"));
            if left == 0 || scene.is_named() {
                let refusal = parent.fails("keep-command role=h", ErrorKind::NoResources);
                assert!(refusal.text.contains("ulimit"), "{}", refusal.text);
            }
            parent.does("descriptors-left all");
        }
        scene.assert_held();
        scene.assert_works(&mut parent, "h", &identity);
        let mut child = parent.spawn("role=h", "child");
        child.does("descriptors-left 0");
        let taken = child.ask("inherited h role");
        child.does("descriptors-left all");
        if taken.is_err() {
            // What it could not make a handle of is closed, and nobody else's.
            child.fails("inherited h role", ErrorKind::NotFound);
        } else {
            child.does("lose h");
        }
        scene.assert_held();
        parent.does("lose h");
        scene.assert_gone_without_a_trace(&identity);
    });
}
