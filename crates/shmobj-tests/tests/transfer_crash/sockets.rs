//! Handles in messages.

use shmobj::ErrorKind;
use shmobj_tests::scene::Scene;

use super::{PROGRAM, arrivals, dies};

pub(crate) const STEPS: &[&str] = &[
    "adopt: lock shared",
    "transfer: before it is sent",
    "transfer: descriptors made",
    "transfer: received",
    "transfer: sent",
];

#[test]
fn a_sender_that_dies_before_it_has_sent_has_sent_nothing() {
    for (step, sort) in
        [("transfer: descriptors made", "stream"), ("transfer: before it is sent", "seqpacket")]
    {
        Scene::each(PROGRAM, step, |scene| {
            let (mut sender, mut receiver) = scene.pair(sort);
            let identity = sender.does("identity h");
            dies(&mut sender, step, "hand s h");
            receiver.fails("take s h", ErrorKind::NotFound);
            scene.assert_gone(&identity);
        });
    }
}

#[test]
fn what_a_sender_has_sent_before_it_died_arrives() {
    for sort in ["stream", "seqpacket", "dgram"] {
        Scene::each(PROGRAM, sort, |scene| {
            let (mut sender, mut receiver) = scene.pair(sort);
            let identity = sender.does("identity h");
            dies(&mut sender, "transfer: sent", "hand s h");
            scene.assert_held();
            receiver.does("take s h");
            scene.assert_works(&mut receiver, "h", &identity);
            scene.assert_held();
            receiver.does("lose h");
            scene.assert_gone_without_a_trace(&identity);
        });
    }
}

#[test]
fn a_sender_that_dies_long_after_it_has_sent_takes_nothing_away() {
    Scene::each(PROGRAM, "killed after it closed its handle", |scene| {
        let (mut sender, mut receiver) = scene.pair("stream");
        let identity = sender.does("identity h");
        sender.does("hand-over s h");
        scene.assert_held();
        sender.kill();
        scene.assert_held();
        receiver.does("take s h");
        scene.assert_works(&mut receiver, "h", &identity);
        receiver.does("lose h");
        scene.assert_gone_without_a_trace(&identity);
    });
}

#[test]
fn a_receiver_that_dies_takes_nothing_from_the_sender() {
    for sort in ["stream", "dgram"] {
        Scene::each(PROGRAM, sort, |scene| {
            for step in arrivals(scene) {
                let (mut sender, mut receiver) = scene.pair(sort);
                let identity = sender.does("identity h");
                sender.does("hand s h");
                dies(&mut receiver, step, "take s h");
                scene.assert_held();
                scene.assert_works(&mut sender, "h", &identity);
                sender.does("lose h");
                scene.assert_gone_without_a_trace(&identity);
            }
        });
    }
}

#[test]
fn a_receiver_that_dies_as_the_only_holder_is_the_end_of_the_object() {
    Scene::each(PROGRAM, "the only holder", |scene| {
        for step in arrivals(scene) {
            let (mut sender, mut receiver) = scene.pair("seqpacket");
            let identity = sender.does("identity h");
            sender.does("hand-over s h");
            scene.assert_held();
            dies(&mut receiver, step, "take s h");
            scene.assert_gone(&identity);
        }
    });
}

#[test]
fn what_nobody_receives_dies_with_the_receivers_socket() {
    Scene::each(PROGRAM, "killed before it received", |scene| {
        for killed in [true, false] {
            let (mut sender, mut receiver) = scene.pair("stream");
            let identity = sender.does("identity h");
            sender.does("hand s h");
            sender.does("hand-over s h");
            scene.assert_held();
            if killed {
                receiver.strike();
            } else {
                receiver.does("hang-up s");
            }
            scene.assert_gone(&identity);
        }
    });
}

#[test]
fn what_was_sent_to_a_listener_that_never_accepted_dies_with_it() {
    Scene::each(PROGRAM, "never accepted", |scene| {
        let (mut sender, mut listener) = (scene.maker("sender"), scene.puppet("listener"));
        let identity = sender.does("identity h");
        let address = format!("shmobj-test.{identity}.{}", scene.puppet("another").pid());
        listener.does(format!("listen l {address} stream"));
        sender.does(format!("call s {address} stream"));
        sender.does("hand-over s h");
        scene.assert_held();
        listener.kill();
        scene.assert_gone(&identity);
    });
}

#[test]
fn sender_and_receiver_die_together_and_a_third_holder_notices_nothing() {
    Scene::each(PROGRAM, "both die", |scene| {
        for step in arrivals(scene) {
            let (mut sender, mut receiver) = scene.pair("stream");
            let mut third = scene.puppet("third");
            shmobj_tests::scene::connect(&mut receiver, &mut third, "t", "stream");
            let identity = sender.does("identity h");
            sender.does("hand s h h h");
            receiver.does("take s a b c");
            receiver.does("hand-over t a");
            third.does("take t h");
            sender.does("hang-up s");
            sender.does("lose h");
            receiver.does("lose b");
            receiver.kill();
            sender.kill();
            scene.assert_held();
            scene.assert_works(&mut third, "h", &identity);
            // And once more around, to one that dies of it.
            let mut last = scene.puppet("last");
            shmobj_tests::scene::connect(&mut third, &mut last, "s", "dgram");
            third.does("hand s h");
            dies(&mut last, step, "take s h");
            scene.assert_held();
            third.does("lose h");
            scene.assert_gone_without_a_trace(&identity);
        }
    });
}

#[test]
fn several_handles_in_one_message_die_one_and_all() {
    let mut scene = Scene::new(PROGRAM, "mapping", true);
    for count in 1..=3 {
        let (mut sender, mut receiver) = scene.pair("stream");
        let identity = sender.does("identity h");
        sender.does("have other event -");
        sender.does("hand s h other h");
        receiver.does(format!("arm die {count} adopt: lock shared"));
        let died = receiver.dies_of("take s a b c");
        assert_eq!(died, count <= 2, "two of three have a name");
        scene.assert_held();
        sender.does("lose h");
        receiver.strike();
        scene.assert_gone(&identity);
    }
}
