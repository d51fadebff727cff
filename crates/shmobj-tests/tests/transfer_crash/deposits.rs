//! Deposits, and who claims them.

use shmobj::ErrorKind;
use shmobj_tests::puppet::{Puppet, in_milliseconds};
use shmobj_tests::scene::Scene;

use super::{PROGRAM, dies};

pub(crate) const STEPS: &[&str] = &[
    "adopt: lock shared",
    "claim: claimed",
    "claim: opened",
    "deposit: before it has its name",
    "deposit: made",
    "deposit: taken back",
    "transfer: descriptors made",
];

const PREFIX: &str = ".shmobj-deposit.";

/// The tokens of the deposits whose files stand in the namespace.
fn tokens(scene: &Scene) -> Vec<String> {
    scene.scratch.files().iter().filter_map(|file| file.strip_prefix(PREFIX)).map(str::to_owned).collect()
}

fn depositor(scene: &Scene, without_tmpfile: bool) -> (Puppet, String) {
    let mut depositor = scene.maker("depositor");
    if without_tmpfile {
        depositor.does("force tmpfile");
    }
    let identity = depositor.does("identity h");
    (depositor, identity)
}

#[test]
fn who_dies_while_it_deposits_has_deposited_nothing() {
    for step in ["transfer: descriptors made", "deposit: before it has its name", "deposit: made"] {
        for without_tmpfile in [false, true] {
            Scene::each(PROGRAM, step, |scene| {
                let (mut depositor, identity) = depositor(scene, without_tmpfile);
                dies(&mut depositor, step, "deposit d h");
                let left = tokens(scene);
                assert_eq!(left.len(), usize::from(step == "deposit: made"), "{}: {left:?}", scene.story);
                for token in left {
                    scene.puppet("claimer").fails(format!("claim h {token}"), ErrorKind::NotFound);
                    assert_eq!(tokens(scene), [""; 0], "{}: the dead deposit is removed", scene.story);
                }
                scene.assert_gone(&identity);
            });
        }
    }
}

#[test]
fn a_deposit_dies_with_its_maker_and_its_file_is_reclaimed() {
    for reclaimed_by in ["claim", "gc", "creates"] {
        Scene::each(PROGRAM, reclaimed_by, |scene| {
            let (mut depositor, identity) = depositor(scene, false);
            let token = depositor.does("deposit d h");
            depositor.does("lose h");
            scene.assert_held();
            depositor.kill();
            let mut other = scene.puppet("other");
            match reclaimed_by {
                "claim" => drop(other.fails(format!("claim h {token}"), ErrorKind::NotFound)),
                "gc" => drop(other.does("gc")),
                _ => {
                    for number in 0..40 {
                        other.does(format!("have h event garbage-collector-{number}"));
                        other.does("lose h");
                    }
                }
            }
            assert_eq!(tokens(scene), [""; 0], "{}: the dead deposit is removed", scene.story);
            other.fails(format!("claim h {token}"), ErrorKind::NotFound);
            scene.assert_gone(&identity);
        });
    }
}

#[test]
fn who_dies_while_it_takes_a_deposit_back_has_taken_it_back() {
    Scene::each(PROGRAM, "taking back", |scene| {
        let (mut depositor, identity) = depositor(scene, false);
        let token = depositor.does("deposit d h");
        dies(&mut depositor, "deposit: taken back", "withdraw d");
        scene.puppet("claimer").fails(format!("claim h {token}"), ErrorKind::NotFound);
        scene.assert_gone(&identity);
    });
}

#[test]
fn who_dies_before_it_has_claimed_leaves_the_deposit_to_others() {
    Scene::each(PROGRAM, "opened", |scene| {
        let (mut depositor, identity) = depositor(scene, false);
        let token = depositor.does("deposit d h");
        let (mut one, mut other) = (scene.puppet("one"), scene.puppet("other"));
        dies(&mut one, "claim: opened", &format!("claim h {token}"));
        assert_eq!(depositor.does("is-claimed d"), "false");
        other.does(format!("claim h {token}"));
        assert_eq!(depositor.does("is-claimed d"), "true");
        depositor.kill();
        scene.assert_held();
        scene.assert_works(&mut other, "h", &identity);
        other.does("lose h");
        scene.assert_gone_without_a_trace(&identity);
    });
}

#[test]
fn who_dies_after_it_has_claimed_takes_the_claim_with_it() {
    Scene::each(PROGRAM, "claimed", |scene| {
        let steps: &[&str] =
            if scene.is_named() { &["claim: claimed", "adopt: lock shared"] } else { &["claim: claimed"] };
        for step in steps {
            let (mut depositor, identity) = depositor(scene, false);
            let token = depositor.does("deposit d h");
            let (mut one, mut other) = (scene.puppet("one"), scene.puppet("other"));
            dies(&mut one, step, &format!("claim h {token}"));
            other.fails(format!("claim h {token}"), ErrorKind::NotFound);
            assert_eq!(depositor.does("is-claimed d"), "true");
            scene.assert_held();
            scene.assert_works(&mut depositor, "h", &identity);
            depositor.does("withdraw d");
            depositor.does("lose h");
            scene.assert_gone_without_a_trace(&identity);
        }
    });
}

#[test]
fn a_claimer_that_comes_second_claims_nothing_and_is_the_one_that_cleans_up() {
    Scene::some(PROGRAM, "second", |scene| {
        let (mut depositor, identity) = depositor(scene, false);
        let token = depositor.does("deposit d h");
        let (mut slow, mut quick) = (scene.puppet("slow"), scene.puppet("quick"));
        slow.does("arm pause=400 1 claim: opened");
        slow.falls_into(format!("claim h {token}"));
        quick.does(format!("claim h {token}"));
        depositor.does("withdraw d");
        depositor.does("lose h");
        quick.does("lose h");
        // The slow one has opened it: nobody else could be the last.
        assert_eq!(slow.answer().expect_err("claimed twice").kind, "NotFound");
        scene.assert_gone_without_a_trace(&identity);
    });
}

#[test]
fn a_deposit_that_is_taken_back_while_somebody_claims_it_is_claimed_or_not() {
    Scene::some(PROGRAM, "taken back meanwhile", |scene| {
        let (mut depositor, identity) = depositor(scene, false);
        let token = depositor.does("deposit d h");
        let mut slow = scene.puppet("slow");
        slow.does("arm pause=300 1 claim: opened");
        slow.falls_into(format!("claim h {token}"));
        depositor.does("withdraw d");
        depositor.does("lose h");
        assert_eq!(slow.answer().expect_err("taken back").kind, "NotFound");
        scene.assert_gone_without_a_trace(&identity);
    });
}

#[test]
fn a_maker_that_dies_while_somebody_claims_leaves_the_handle_to_the_claimer() {
    Scene::some(PROGRAM, "dies meanwhile", |scene| {
        let (mut depositor, identity) = depositor(scene, false);
        let token = depositor.does("deposit d h");
        let mut claimer = scene.puppet("claimer");
        claimer.does("arm pause=300 1 claim: opened");
        claimer.falls_into(format!("claim h {token}"));
        depositor.kill();
        claimer.answer().expect("it had opened what was deposited");
        scene.assert_held();
        scene.assert_works(&mut claimer, "h", &identity);
        claimer.does("lose h");
        scene.assert_gone_without_a_trace(&identity);
    });
}

#[test]
fn of_many_that_claim_at_once_one_succeeds() {
    Scene::each(PROGRAM, "at once", |scene| {
        let (mut depositor, identity) = depositor(scene, false);
        let mut claimers: Vec<Puppet> =
            (0..4).map(|number| scene.puppet(&format!("claimer {number}"))).collect();
        for _ in 0..5 {
            let token = depositor.does("deposit d h");
            let moment = in_milliseconds(20);
            claimers.iter_mut().for_each(|claimer| claimer.tell(format!("at {moment} claim h {token}")));
            let answers: Vec<_> = claimers.iter_mut().map(Puppet::answer).collect();
            assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
            for refusal in answers.into_iter().filter_map(Result::err) {
                assert_eq!(refusal.kind, "NotFound", "{}", refusal.text);
            }
        }
        depositor.kill();
        claimers.into_iter().for_each(Puppet::kill);
        scene.assert_gone(&identity);
    });
}
