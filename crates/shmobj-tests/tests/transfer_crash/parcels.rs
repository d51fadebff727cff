//! Parcels: handles in one descriptor.

use shmobj::ErrorKind;
use shmobj_tests::scene::{Scene, connect};

use super::{PROGRAM, arrivals, dies};

#[test]
fn who_dies_while_it_packs_has_packed_nothing() {
    for step in ["transfer: descriptors made", "transfer: before it is sent", "transfer: sent"] {
        Scene::each(PROGRAM, step, |scene| {
            let mut packer = scene.maker("packer");
            let identity = packer.does("identity h");
            dies(&mut packer, step, "wrap p h");
            scene.assert_gone(&identity);
        });
    }
}

#[test]
fn a_parcel_keeps_its_object_whoever_dies_on_its_way() {
    Scene::each(PROGRAM, "a parcel on its way", |scene| {
        let (mut packer, mut store) = scene.pair("stream");
        let identity = packer.does("identity h");
        packer.does("wrap p h");
        packer.does("lose h");
        scene.assert_held();
        packer.does("hand-parcel s p");
        packer.kill();
        scene.assert_held();
        store.does("take-parcel s p");
        scene.assert_held();
        let mut next = scene.puppet("next");
        connect(&mut store, &mut next, "s", "seqpacket");
        store.does("hand-parcel s p");
        store.kill();
        scene.assert_held();
        next.does("take-parcel s p");
        next.does("unwrap p h");
        scene.assert_works(&mut next, "h", &identity);
        next.does("lose h");
        scene.assert_gone_without_a_trace(&identity);
    });
}

#[test]
fn a_parcel_that_is_never_opened_dies_with_who_has_it() {
    Scene::each(PROGRAM, "never opened", |scene| {
        let mut packer = scene.maker("packer");
        let identity = packer.does("identity h");
        packer.does("wrap p h");
        packer.does("lose h");
        scene.assert_held();
        packer.kill();
        scene.assert_gone(&identity);
    });
}

#[test]
fn who_dies_while_it_unpacks_takes_the_handles_with_it() {
    Scene::each(PROGRAM, "unpacking", |scene| {
        for step in arrivals(scene) {
            let mut opener = scene.maker("opener");
            let identity = opener.does("identity h");
            opener.does("wrap p h");
            opener.does("lose h");
            let mut fork = opener.fork("has the parcel as well");
            scene.assert_held();
            // In the fork nothing of the object is known, as in a service's next process.
            dies_of_fork(&mut fork, step);
            opener.fails("unwrap p h", ErrorKind::NotFound);
            scene.assert_gone(&identity);
        }
    });
}

#[track_caller]
fn dies_of_fork(fork: &mut shmobj_tests::puppet::Puppet, step: &str) {
    fork.does(format!("arm die 1 {step}"));
    fork.tell("unwrap p h");
    fork.ended();
}

#[test]
fn a_parcel_that_two_have_is_unpacked_once() {
    Scene::each(PROGRAM, "two have it", |scene| {
        let mut one = scene.maker("one");
        let identity = one.does("identity h");
        one.does("wrap p h");
        one.does("lose h");
        let mut other = one.fork("other");
        other.does("unwrap p h");
        scene.assert_works(&mut other, "h", &identity);
        one.fails("unwrap p h", ErrorKind::NotFound);
        one.kill();
        scene.assert_held();
        other.does("lose h");
        scene.assert_gone_without_a_trace(&identity);
    });
}
