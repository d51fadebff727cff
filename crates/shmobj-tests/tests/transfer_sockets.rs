//! Handles in messages over sockets of all sorts, in good times and in bad, and from hostile peers.

use std::time::Duration;

use shmobj::ErrorKind;
use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, number, value};
use shmobj_tests::scene::{KINDS, Scene, connect};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::{Pool, descriptors};

const PROGRAM: &str = env!("CARGO_BIN_EXE_puppet");
const MOST: usize = shmobj::transfer::MAXIMUM_HANDLES;
const SORTS: [&str; 3] = ["stream", "seqpacket", "dgram"];

fn count(puppet: &Puppet) -> usize {
    descriptors(puppet.pid()).len()
}

/// A sender with the handles `h` (a named mapping) and `u` (an unnamed event), and a receiver.
fn pair(scratch: &Scratch, sort: &str) -> (Puppet, Puppet) {
    let (mut sender, mut receiver) = (puppet!("sender", scratch), puppet!("receiver", scratch));
    sender.does("have h mapping n");
    sender.does("have u event -");
    connect(&mut sender, &mut receiver, "s", sort);
    // What the library keeps open from the first time on is there now.
    sender.does("hand s h");
    receiver.does("take s h");
    receiver.does("lose h");
    (sender, receiver)
}

#[test]
fn other_bytes_may_come_before_and_after() {
    let scratch = Scratch::new();
    let (mut sender, mut receiver) = pair(&scratch, "stream");
    for command in ["say s before", "hand s h u", "say s between", "hand s u", "say s after"] {
        sender.does(command);
    }
    assert_eq!(receiver.does("hear s 6"), "before");
    receiver.does("take s h u");
    assert_eq!(receiver.does("hear s 7"), "between");
    receiver.does("take s v");
    assert_eq!(receiver.does("hear s 5"), "after");
    for (theirs, mine) in [("h", "h"), ("u", "u"), ("v", "u")] {
        assert_eq!(receiver.does(format!("identity {theirs}")), sender.does(format!("identity {mine}")));
    }
}

#[test]
fn handles_that_are_received_with_other_bytes_before_them_are_refused_and_closed() {
    for sort in SORTS {
        let scratch = Scratch::new();
        let (mut sender, mut receiver) = pair(&scratch, sort);
        let before = count(&receiver);
        sender.does("say s some other protocol");
        sender.does("hand s h");
        receiver.fails("take s h", ErrorKind::Corrupt);
        if sort != "stream" {
            receiver.does("take s h"); // a message of its own
            receiver.does("lose h");
        }
        assert_eq!(count(&receiver), before);
        sender.does("hand s h");
        receiver.does("take s h");
        receiver.does("lose h");
        sender.does("lose h");
        scratch.assert_empty(sort);
    }
}

#[test]
fn a_socket_that_does_not_wait_says_that_nothing_is_there() {
    for sort in SORTS {
        let scratch = Scratch::new();
        let (mut sender, mut receiver) = pair(&scratch, sort);
        let before = (count(&sender), count(&receiver));
        receiver.does("no-waiting s");
        receiver.fails("take s h", ErrorKind::Other);
        sender.does("no-waiting s");
        let mut sent = 0;
        let refusal = loop {
            match sender.ask("hand-many s u 50") {
                Ok(_) => sent += 1,
                Err(refusal) => break refusal,
            }
        };
        assert!(sent > 0, "{sort}");
        assert!(["Other", "NoResources"].contains(&refusal.kind.as_str()), "{sort}: {refusal:?}");
        for _ in 0..sent {
            assert_eq!(receiver.does("take-count s"), "50", "{sort}");
        }
        receiver.fails("take s h", ErrorKind::Other);
        assert_eq!((count(&sender), count(&receiver)), before, "{sort}");
    }
}

#[test]
fn a_message_may_have_so_many_handles_and_no_more() {
    for sort in SORTS {
        let scratch = Scratch::new();
        let (mut sender, mut receiver) = pair(&scratch, sort);
        let before = (count(&sender), count(&receiver));
        for handle in ["h", "u"] {
            sender.does(format!("hand-many s {handle} {MOST}"));
            assert_eq!(receiver.does("take-count s"), MOST.to_string(), "{sort}");
            sender.fails(format!("hand-many s {handle} {}", MOST + 1), ErrorKind::InvalidParameter);
        }
        sender.fails("hand s", ErrorKind::InvalidParameter);
        sender.does("hand s u");
        assert_eq!(receiver.does("take-count s"), "1", "{sort}: nothing of what was refused has arrived");
        assert_eq!((count(&sender), count(&receiver)), before, "{sort}");
    }
}

#[test]
fn the_largest_message_fits_into_the_smallest_buffer() {
    for waiting in ["", "sender", "receiver", "sender receiver"] {
        let scratch = Scratch::new();
        let (mut sender, mut receiver) = pair(&scratch, "stream");
        sender.does("small-buffer s");
        for (name, puppet) in [("sender", &mut sender), ("receiver", &mut receiver)] {
            if waiting.contains(name) {
                puppet.does("no-waiting s");
            }
        }
        for _ in 0..5 {
            sender.tell(format!("hand-many s h {MOST}"));
            // A receiver that does not wait may look before anything is there.
            let taken = loop {
                match receiver.ask("take-count s") {
                    Err(refusal) if refusal.kind == "Other" => std::thread::yield_now(),
                    taken => break taken.expect("all handles"),
                }
            };
            assert_eq!(taken, MOST.to_string());
            sender.answer().expect("sent");
        }
        sender.does("lose h");
        scratch.assert_empty("all handles are closed");
    }
}

#[test]
fn a_sender_that_is_killed_while_it_waits_for_room_has_sent_nothing_more() {
    let scratch = Scratch::new();
    let (mut sender, mut receiver) = pair(&scratch, "stream");
    sender.does("small-buffer s");
    let before = count(&receiver);
    let mut sent = 0;
    loop {
        sender.tell(format!("hand-many s h {MOST}"));
        match sender.answers_within(Duration::from_millis(300)) {
            Some(answer) => answer.expect("there was room"),
            None => break, // there is none
        };
        sent += 1;
    }
    sender.kill();
    assert!(sent > 0);
    for _ in 0..sent {
        assert_eq!(receiver.does("take-count s"), MOST.to_string());
    }
    receiver.fails("take-count s", ErrorKind::NotFound);
    assert_eq!(count(&receiver), before);
    receiver.does("have h mapping n new");
}

#[test]
fn half_a_message_in_a_parcel_is_not_waited_for() {
    let told = puppet!("opener", &Scratch::new()).does("half-a-parcel");
    assert_eq!((number(&told, "Corrupt"), number(&told, "leaked")), (1, 0), "{told}");
}

#[test]
fn a_receiver_without_descriptors_loses_the_message_and_the_sender_nothing() {
    for sort in SORTS {
        let scratch = Scratch::new();
        let (mut sender, mut receiver) = pair(&scratch, sort);
        let before = count(&receiver);
        for left in 0..4 {
            sender.does("hand s h u h");
            receiver.does(format!("descriptors-left {left}"));
            let refusal = receiver.fails("take s a b c", ErrorKind::NoResources);
            assert!(refusal.text.contains("ulimit"), "{}", refusal.text);
            receiver.does("descriptors-left all");
            assert_eq!(count(&receiver), before, "{sort}, {left} left");
            sender.does("use h");
            sender.does("use u");
            sender.does("hand s h");
            receiver.does("take s a");
            receiver.does("lose a");
        }
        sender.does("lose h");
        assert!(scratch.files().len() <= 1);
        receiver.does("have h mapping n new");
    }
}

#[test]
fn a_sender_without_descriptors_has_sent_nothing() {
    let scratch = Scratch::new();
    let (mut sender, mut receiver) = pair(&scratch, "stream");
    let before = count(&sender);
    for left in 0..4 {
        sender.does(format!("descriptors-left {left}"));
        for command in ["hand s h u h", "wrap p h u h"] {
            let refusal = sender.fails(command, ErrorKind::NoResources);
            assert!(refusal.text.contains("ulimit"), "{}", refusal.text);
        }
        sender.does("descriptors-left all");
        assert_eq!(count(&sender), before);
    }
    sender.does("hand s u");
    assert_eq!(receiver.does("take-count s"), "1");
    sender.does("lose h");
    scratch.assert_empty("nothing is on its way");
}

#[test]
fn a_closed_end_is_told() {
    for sort in SORTS {
        Scene::some(PROGRAM, sort, |scene| {
            let (mut sender, receiver) = scene.pair(sort);
            let identity = sender.does("identity h");
            receiver.kill();
            let refusal = sender.ask("hand s h").expect_err("nobody is there");
            // A datagram's other end is only an address.
            assert!(refusal.kind == "NotFound" || sort == "dgram", "{refusal:?}");
            scene.assert_works(&mut sender, "h", &identity);
            sender.does("lose h");
            scene.assert_gone_without_a_trace(&identity);
        });
    }
}

#[test]
fn a_message_with_any_byte_changed_is_an_error_or_the_same_object() {
    for kind in KINDS {
        for name in ["n", "-"] {
            let scratch = Scratch::new();
            let mut puppet = puppet!("peer", &scratch);
            let told = puppet.does(format!("garble {kind} {name}"));
            assert_eq!(number(&told, "leaked"), 0, "{kind} {name}: {told}");
            assert!(number(&told, "Corrupt") > 100, "{kind} {name}: {told}");
            // No longer than an open has patience.
            assert!(number(&told, "longest") < 20_000, "{kind} {name}: {told}");
            puppet.does("gc");
            scratch.assert_empty("the puppet has closed everything");
        }
    }
}

#[test]
fn a_deposit_with_any_byte_changed_is_an_error_or_the_same_object() {
    for (kind, name) in [("mapping", "n"), ("mutex", "m"), ("event", "-")] {
        let scratch = Scratch::new();
        let mut puppet = puppet!("peer", &scratch);
        let told = puppet.does(format!("garble-deposit {kind} {name} {}", scratch.path().display()));
        assert_eq!(number(&told, "leaked"), 0, "{kind} {name}: {told}");
        assert!(number(&told, "Corrupt") > 10, "{kind} {name}: {told}");
        scratch.assert_empty("the puppet has closed everything");
    }
}

#[test]
fn descriptors_that_are_no_handles_are_refused() {
    let _pool = Pool::take();
    let (scratch, elsewhere) = (Scratch::new(), Scratch::new());
    let told = puppet!("peer", &scratch).does(format!("strangers {}", elsewhere.path().display()));
    assert_eq!(number(&told, "leaked"), 0, "{told}");
    // What can be mapped is a mapping. What is an entry, or an object's page, is that object.
    let expected = [
        "event-as-event",
        "event-as-mapping",
        "file-as-mapping",
        "garbled-entry-as-mapping",
        "holes-as-mapping",
        "mapping-as-mapping",
        "memory-closed-to-writers-as-mapping",
        "odd-memory-as-mapping",
        "proc-mem-as-mapping",
        "proc-status-as-mapping",
        "dead-entry-as-mapping",
        "unsealed-memory-as-mapping",
        "large-pages-as-mapping",
    ];
    for accepted in value(&told, "accepted").split(',') {
        assert!(expected.contains(&accepted), "{accepted}: {told}");
    }
    assert!(value(&told, "accepted").contains("event-as-event"), "{told}");
}
