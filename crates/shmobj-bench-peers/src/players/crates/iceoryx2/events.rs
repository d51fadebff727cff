//! Notifiers and listeners, and a set to wait for many of these.

use ::iceoryx2::port::listener::Listener;
use ::iceoryx2::port::notifier::Notifier;
use ::iceoryx2::prelude::*;
use ::iceoryx2::service::port_factory::event::PortFactory;

use super::{Here, name, node};
use crate::players::tools::sleeper::sleeper;
use crate::players::tools::timing;
use crate::players::tools::trips::trips;
use crate::players::{Made, Stage};

pub(super) fn make(stage: &Stage) -> Made {
    let node = node(&stage.prefix);
    match (stage.operation.as_str(), stage.role) {
        ("event", _) => {
            let event = event(&node, "event");
            let (listener, notifier) = (listener(&event), notifier(&event));
            Made::of(move |count| {
                let _there = (&node, &event);
                timing::timed(count, || {
                    set(&notifier);
                    wait(&listener);
                })
            })
        }
        ("wait-any", _) => wait_any(&node, stage.parameter),
        ("wait-any-asleep", 0) => {
            let mut any = any(&node, stage.parameter);
            sleeper(stage, move || {
                let _there = &node;
                any();
            })
        }
        ("wait-any-asleep", _) => {
            let notifier = notifier(&event(&node, &last(stage.parameter)));
            sleeper(stage, move || {
                let _there = &node;
                set(&notifier);
            })
        }
        (_, 0) => {
            let (there, back) = (event(&node, "there"), event(&node, "back"));
            let (notifier, listener) = (notifier(&there), listener(&back));
            trips(0, move || {
                let _there = &node;
                set(&notifier);
                wait(&listener);
            })
        }
        _ => {
            let (there, back) = (event(&node, "there"), event(&node, "back"));
            let (listener, notifier) = (listener(&there), notifier(&back));
            trips(1, move || {
                let _there = &node;
                wait(&listener);
                set(&notifier);
            })
        }
    }
}

fn event(node: &Here, called: &str) -> PortFactory<ipc::Service> {
    node.service_builder(&name(called)).event().open_or_create().expect("an event")
}

fn listener(event: &PortFactory<ipc::Service>) -> Listener<ipc::Service> {
    event.listener_builder().create().expect("a listener")
}

fn notifier(event: &PortFactory<ipc::Service>) -> Notifier<ipc::Service> {
    event.notifier_builder().create().expect("a notifier")
}

fn set(notifier: &Notifier<ipc::Service>) {
    assert_eq!(notifier.notify().expect("set"), 1, "one listener");
}

/// A service of events, and both of its ports.
pub(super) fn both(node: &Here, called: &str) -> impl Sized + use<> {
    let event = event(node, called);
    (listener(&event), notifier(&event), event)
}

/// Asleep until there is something, also if it was woken for nothing.
fn wait(listener: &Listener<ipc::Service>) {
    while listener.blocking_wait(|_| ()).expect("waited") == 0 {}
}

fn last(count: u64) -> String {
    (count - 1).to_string()
}

fn wait_any(node: &Here, count: u64) -> Made {
    let mut any = any(node, count);
    let notifier = notifier(&event(node, &last(count)));
    Made::of(move |count| {
        timing::timed(count, || {
            set(&notifier);
            any();
        })
    })
}

/// A wait for any of so many listeners. They live as long as the process: a set borrows them.
fn any(node: &Here, count: u64) -> impl FnMut() + use<> {
    let listeners = (0..count).map(|number| listener(&event(node, &number.to_string())));
    let listeners: &'static [Listener<ipc::Service>] = listeners.collect::<Vec<_>>().leak();
    let options = WaitSetBuilder::new().signal_handling_mode(SignalHandlingMode::Disabled);
    let set: &'static WaitSet<ipc::Service> = Box::leak(Box::new(options.create().expect("a set")));
    let attach = |listener| set.attach_notification(listener).expect("attached");
    let guards: Vec<WaitSetGuard<'static, 'static, ipc::Service>> = listeners.iter().map(attach).collect();
    let last = listeners.len() - 1;
    move || {
        let mut seen = 0;
        while seen == 0 {
            let woken = |attachment: WaitSetAttachmentId<ipc::Service>| {
                assert!(attachment.has_event_from(&guards[last]));
                seen += listeners[last].try_wait(|_| ()).expect("taken");
                CallbackProgression::Continue
            };
            set.wait_and_process_once(woken).expect("waited");
        }
    }
}
