//! Samples that a publisher lends, and subscribers read where they are.
use ::iceoryx2::port::listener::Listener;
use ::iceoryx2::port::notifier::Notifier;
use ::iceoryx2::port::publisher::Publisher;
use ::iceoryx2::port::subscriber::Subscriber;
use ::iceoryx2::prelude::*;

use super::{Here, name, node};
use crate::players::crates::ring;
use crate::players::tools::bulk::{CHUNK, SLOTS};
use crate::players::tools::trips::trips;
use crate::players::{Made, Stage};

pub(super) fn make(stage: &Stage) -> Made {
    let node = node(&stage.prefix);
    if stage.operation == "transfer" { transfer(stage, node) } else { ping_pong(stage, node) }
}

type Word = (Publisher<ipc::Service, u64, ()>, Subscriber<ipc::Service, u64, ()>);

/// Both directions: a service for each.
fn words(node: &Here, out: &str, back: &str) -> Word {
    let service = |called| {
        let options = node.service_builder(&name(called)).publish_subscribe::<u64>();
        options.max_publishers(1).max_subscribers(1).open_or_create().expect("a service")
    };
    let publisher = service(out).publisher_builder().create().expect("a publisher");
    (publisher, service(back).subscriber_builder().create().expect("a subscriber"))
}

fn ping_pong(stage: &Stage, node: Here) -> Made {
    let (out, back) = if stage.role == 0 { ("there", "back") } else { ("back", "there") };
    let (publisher, subscriber) = words(&node, out, back);
    let send = move || assert_eq!(publisher.send_copy(1).expect("sent"), 1, "one subscriber");
    let receive = move || {
        while subscriber.receive().expect("received").is_none() {
            std::hint::spin_loop();
        }
    };
    match stage.role {
        0 => trips(0, move || {
            let _there = &node;
            send();
            receive();
        }),
        _ => trips(1, move || {
            let _there = &node;
            receive();
            send();
        }),
    }
}

/// What a side of a transfer has: samples go one way, and events both ways: there is something to read, there is room.
struct Ends {
    _node: Here,
    notifier: Notifier<ipc::Service>,
    listener: Listener<ipc::Service>,
}

impl Ends {
    fn new(node: Here, tells: &str, hears: &str) -> Self {
        let event =
            |called: &str| node.service_builder(&name(called)).event().open_or_create().expect("an event");
        let notifier = event(tells).notifier_builder().create().expect("a notifier");
        let listener = event(hears).listener_builder().create().expect("a listener");
        Self { _node: node, notifier, listener }
    }

    fn tell(&self) {
        assert_eq!(self.notifier.notify().expect("told"), 1, "one listener");
    }

    /// How often the other side told something since the last time.
    fn wait(&self) -> usize {
        self.listener.blocking_wait(|_| ()).expect("waited") as usize
    }
}

fn transfer(stage: &Stage, node: Here) -> Made {
    let options = node.service_builder(&name("bytes")).publish_subscribe::<[u8]>();
    let options = options.max_publishers(1).max_subscribers(1).history_size(0).enable_safe_overflow(false);
    let options = options.subscriber_max_buffer_size(SLOTS).subscriber_max_borrowed_samples(1);
    let service = options.open_or_create().expect("a service");
    if stage.role == 0 {
        let options = service.publisher_builder().initial_max_slice_len(CHUNK).max_loaned_samples(1);
        let publisher =
            options.backpressure_strategy(BackpressureStrategy::DiscardData).create().expect("a publisher");
        let ends = Ends::new(node, "full", "free");
        let mut free = SLOTS;
        return ring::sender(stage, move |_, source| {
            while free == 0 {
                free += ends.wait();
            }
            let sample = publisher.loan_slice_uninit(CHUNK).expect("a sample").write_from_slice(source);
            assert_eq!(sample.send().expect("sent"), 1, "one subscriber");
            free -= 1;
            ends.tell();
        });
    }
    let subscriber = service.subscriber_builder().create().expect("a subscriber");
    let ends = Ends::new(node, "free", "full");
    ring::receiver(stage, move |_, read| {
        loop {
            if let Some(sample) = subscriber.receive().expect("received") {
                read(&sample);
                drop(sample);
                ends.tell();
                break;
            }
            ends.wait();
        }
    })
}
