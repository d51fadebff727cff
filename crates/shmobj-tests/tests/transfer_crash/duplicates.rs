//! Handles that are taken out of another process.

use shmobj::ErrorKind;
use shmobj_tests::puppet::Puppet;
use shmobj_tests::scene::Scene;

use super::{PROGRAM, dies};

pub(crate) const STEPS: &[&str] =
    &["adopt: lock shared", "duplicate: descriptor fetched", "transfer: descriptors made"];

fn command(scene: &Scene, source: &mut Puppet) -> String {
    let number = source.does("number h");
    format!("duplicate h {} {} {number}", scene.kind(), source.pid())
}

#[test]
fn who_dies_while_it_duplicates_takes_nothing_from_the_other() {
    for step in STEPS {
        Scene::each(PROGRAM, step, |scene| {
            // An unnamed object is not adopted. A named mapping's memory has no lock, so that it may stay as it was fetched.
            let is_passed = match *step {
                "adopt: lock shared" => scene.is_named(),
                "transfer: descriptors made" => scene.kind() != "mapping" || !scene.is_named(),
                _ => true,
            };
            if !is_passed {
                return;
            }
            let (mut source, mut victim) = (scene.maker("source"), scene.puppet("victim"));
            let identity = source.does("identity h");
            let command = command(scene, &mut source);
            dies(&mut victim, step, &command);
            scene.assert_held();
            scene.assert_works(&mut source, "h", &identity);
            source.does("lose h");
            scene.assert_gone_without_a_trace(&identity);
        });
    }
}

#[test]
fn what_was_fetched_before_the_other_died_or_closed_is_a_handle() {
    for dies in [true, false] {
        Scene::some(PROGRAM, "fetched before", |scene| {
            let (mut source, mut other) = (scene.maker("source"), scene.puppet("other"));
            let identity = source.does("identity h");
            let command = command(scene, &mut source);
            other.does("arm pause=300 1 duplicate: descriptor fetched");
            other.falls_into(&command);
            if dies {
                source.strike();
            } else {
                source.does("lose h");
            }
            other.answer().expect("it had fetched the descriptor");
            // A mapping's entry is another descriptor, and was not fetched yet: what arrives is its memory.
            assert_eq!(other.does("identity h"), identity, "{}", scene.story);
            other.does("use h");
            if scene.kind() != "mapping" {
                scene.assert_held();
            }
            other.does("lose h");
            match scene.kind() {
                "mapping" => scene.assert_gone(&identity),
                _ => scene.assert_gone_without_a_trace(&identity),
            }
        });
    }
}

#[test]
fn each_has_a_lock_of_its_own() {
    for (unlocks, lives) in [("source", "copy"), ("copy", "source")] {
        Scene::each(PROGRAM, unlocks, |scene| {
            if !scene.is_named() {
                return;
            }
            let (mut source, mut copy) = (scene.maker("source"), scene.puppet("copy"));
            let identity = source.does("identity h");
            let command = command(scene, &mut source);
            copy.does(&command);
            let (unlocker, holder) =
                if unlocks == "source" { (&mut source, &mut copy) } else { (&mut copy, &mut source) };
            unlocker.does(format!("unlock {}", scene.entry().display()));
            assert!(shmobj_tests::system::is_locked(&scene.entry()), "{}: {lives} has none", scene.story);
            scene.assert_held();
            scene.assert_works(holder, "h", &identity);
            unlocker.strike();
            scene.assert_held();
            holder.does("lose h");
            scene.assert_gone_without_a_trace(&identity);
        });
    }
}

#[test]
fn a_dead_process_has_nothing_to_duplicate() {
    Scene::each(PROGRAM, "dead", |scene| {
        let mut source = scene.maker("source");
        let identity = source.does("identity h");
        let command = command(scene, &mut source);
        source.kill();
        scene.puppet("other").fails(&command, ErrorKind::WrongKind);
        scene.assert_gone(&identity);
    });
}
