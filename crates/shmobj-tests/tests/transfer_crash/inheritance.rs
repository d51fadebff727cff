//! Parents and children.

use shmobj::ErrorKind;
use shmobj_tests::scene::Scene;

use super::{PROGRAM, dies};

#[test]
fn a_parent_that_dies_while_it_gives_a_command_its_handles_has_given_none() {
    Scene::each(PROGRAM, "giving", |scene| {
        let mut parent = scene.maker("parent");
        let identity = parent.does("identity h");
        dies(&mut parent, "transfer: descriptors made", "keep-command role=h");
        scene.assert_gone(&identity);
    });
}

#[test]
fn a_command_keeps_its_handles_until_it_is_dropped_or_its_process_dies() {
    for killed in [true, false] {
        Scene::each(PROGRAM, "a command that is not started", |scene| {
            let mut parent = scene.maker("parent");
            let identity = parent.does("identity h");
            parent.does("keep-command role=h");
            parent.does("lose h");
            scene.assert_held();
            if killed {
                parent.kill();
                scene.assert_gone(&identity);
            } else {
                parent.does("lose-command");
                scene.assert_gone_without_a_trace(&identity);
            }
        });
    }
}

#[test]
fn a_parent_that_is_killed_takes_nothing_from_its_child() {
    for taken_before in [true, false] {
        Scene::each(PROGRAM, "the parent is killed", |scene| {
            let mut parent = scene.maker("parent");
            let identity = parent.does("identity h");
            let mut child = parent.spawn("role=h", "child");
            if taken_before {
                child.does("inherited h role");
            }
            parent.kill();
            scene.assert_held();
            if !taken_before {
                child.does("inherited h role");
            }
            scene.assert_works(&mut child, "h", &identity);
            child.does("lose h");
            scene.assert_gone_without_a_trace(&identity);
        });
    }
}

#[test]
fn a_child_that_is_killed_takes_nothing_from_its_parent() {
    Scene::each(PROGRAM, "the child is killed", |scene| {
        for stage in ["before", "after", "started", "roles known", "adopt: lock shared", "taken"] {
            let mut parent = scene.maker("parent");
            let identity = parent.does("identity h");
            if matches!(stage, "before" | "after") {
                parent.does(format!("spawn-doomed {stage} role=h"));
            } else {
                let mut child = parent.spawn("role=h", "child");
                match stage {
                    "started" => {}
                    "roles known" => assert_eq!(child.does("roles"), "role"),
                    "taken" => drop(child.does("inherited h role")),
                    step if scene.is_named() => {
                        child.does(format!("arm die 1 {step}"));
                        child.tell("inherited h role");
                        child.ended();
                    }
                    _ => {}
                }
                scene.assert_held();
                child.kill();
            }
            scene.assert_held();
            scene.assert_works(&mut parent, "h", &identity);
            parent.does("lose h");
            scene.assert_gone_without_a_trace(&identity);
        }
    });
}

#[test]
fn a_child_that_is_killed_as_the_only_holder_is_the_end_of_the_object() {
    Scene::each(PROGRAM, "the only holder", |scene| {
        for stage in ["started", "roles known", "taken"] {
            let mut parent = scene.maker("parent");
            let identity = parent.does("identity h");
            let mut child = parent.spawn("role=h", "child");
            parent.does("lose h");
            match stage {
                "roles known" => drop(child.does("roles")),
                "taken" => drop(child.does("inherited h role")),
                _ => {}
            }
            scene.assert_held();
            child.kill();
            scene.assert_gone(&identity);
        }
    });
}

#[test]
fn each_of_two_children_of_one_command_has_a_lock_of_its_own() {
    Scene::each(PROGRAM, "two children", |scene| {
        let mut parent = scene.maker("parent");
        let identity = parent.does("identity h");
        parent.does("keep-command role=h");
        let (mut one, mut other) = (parent.spawn_kept("one"), parent.spawn_kept("other"));
        one.does("inherited h role");
        other.does("inherited h role");
        parent.does("lose-command");
        parent.does("lose h");
        if scene.is_named() {
            let unlock = format!("unlock {}", scene.entry().display());
            assert_ne!(one.does(unlock), "0", "{}: nothing was unlocked", scene.story);
        }
        scene.assert_held();
        scene.assert_works(&mut other, "h", &identity);
        one.kill();
        scene.assert_held();
        other.does("lose h");
        scene.assert_gone_without_a_trace(&identity);
    });
}

#[test]
fn a_role_can_be_taken_once_and_a_child_that_lost_it_holds_nothing() {
    Scene::each(PROGRAM, "taken once", |scene| {
        let mut parent = scene.maker("parent");
        let identity = parent.does("identity h");
        let mut child = parent.spawn("role=h", "child");
        parent.kill();
        child.does("inherited h role");
        child.fails("inherited again role", ErrorKind::NotFound);
        child.does("lose h");
        scene.assert_gone_without_a_trace(&identity);
    });
}
