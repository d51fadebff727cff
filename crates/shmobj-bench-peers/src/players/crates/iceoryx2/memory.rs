//! Named memory: a service of bytes. Its creator publishes, which needs the memory, and who opens it subscribes, which maps it.
#![allow(unsafe_code)] // touches a sample

use std::any::Any;
use std::time::{Duration, Instant};

use ::iceoryx2::port::publisher::Publisher;
use ::iceoryx2::port::subscriber::Subscriber;
use ::iceoryx2::prelude::*;
use ::iceoryx2::sample_mut_uninit::SampleMutUninit;
use ::iceoryx2::service::port_factory::publish_subscribe::PortFactory;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Here, events, name, node};
use crate::players::crates::memory::{self, Memory};
use crate::players::tools::touch::touch;
use crate::players::{Made, Stage};
use crate::protocol::Answer;

pub(super) fn make(stage: &Stage) -> Made {
    match stage.operation.as_str() {
        "leftovers" => leftovers(stage),
        "lock" | "contended" | "semaphore" | "wait-all" | "recovery" => Made::Unsupported,
        _ => memory::make(stage, Services { node: node(&stage.prefix) }),
    }
}

type Service = PortFactory<ipc::Service, [u8], ()>;
type Bytes = Publisher<ipc::Service, [u8], ()>;
type Lent = SampleMutUninit<ipc::Service, [std::mem::MaybeUninit<u8>], ()>;

/// So long it may take to make the services beside which one is made: less than the conductor waits for a player.
const PATIENCE: Duration = Duration::from_secs(60);

struct Services {
    node: Here,
}

/// Fields go in this order.
struct Created {
    lent: Option<Lent>,
    publisher: Bytes,
    _service: Service,
    size: usize,
}

struct Opened {
    _subscriber: Subscriber<ipc::Service, [u8], ()>,
    _service: Service,
}

/// Room for one sample and no more than it takes to hand it over.
macro_rules! service {
    ($node:expr, $called:expr) => {
        $node
            .service_builder(&name($called))
            .publish_subscribe::<[u8]>()
            .max_publishers(1)
            .max_subscribers(1)
            .history_size(0)
            .subscriber_max_buffer_size(1)
            .subscriber_max_borrowed_samples(1)
    };
}

impl Memory for Services {
    type Created = Created;
    type Opened = Opened;

    fn create(&self, called: &str, size: usize) -> Created {
        let service = service!(self.node, called).create().expect("a service");
        let options = service.publisher_builder().initial_max_slice_len(size).max_loaned_samples(1);
        let publisher = options.create().expect("a publisher");
        Created { lent: None, publisher, _service: service, size }
    }

    fn open(&self, called: &str) -> Opened {
        let service = service!(self.node, called).open().expect("a service");
        let subscriber = service.subscriber_builder().create().expect("a subscriber");
        Opened { _subscriber: subscriber, _service: service }
    }

    fn base(&self, memory: &mut Created) -> *mut u8 {
        let lent = memory.publisher.loan_slice_uninit(memory.size).expect("a sample");
        memory.lent.insert(lent).payload_mut().as_mut_ptr().cast()
    }

    /// A service lives as long as somebody uses it, so this process has to hold all of them.
    fn crowd(&self, size: u64) -> Result<Box<dyn Any>, String> {
        let limit = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit }).expect("its own limit");
        let (begun, mut services) = (Instant::now(), Vec::new());
        for number in 0..size {
            if begun.elapsed() > PATIENCE {
                return Err(format!("{number} of {size} services in {} s", PATIENCE.as_secs()));
            }
            let service = service!(self.node, &number.to_string()).create();
            let service = service.map_err(|error| format!("{number} of {size} services, then: {error}"))?;
            let publisher = service.publisher_builder().initial_max_slice_len(4096).create();
            let publisher =
                publisher.map_err(|error| format!("{number} of {size} services, then: {error}"))?;
            services.push((publisher, service));
        }
        Ok(Box::new(services))
    }
}

/// A service of bytes and one of events, with all ports. The next node that anybody creates with the same configuration would remove
/// what is left; nobody does.
fn leftovers(stage: &Stage) -> Made {
    let services = Services { node: node(&stage.prefix) };
    let (created, opened) = match stage.role {
        0 => {
            let mut created = services.create("memory", 1 << 20);
            let base = services.base(&mut created);
            // SAFETY: the sample is so long, and is being written.
            unsafe { touch(base, created.size) };
            (Some(created), None)
        }
        _ => (None, Some(services.open("memory"))),
    };
    let event = events::both(&services.node, "event");
    Made::of(move |_| {
        let _held = (&services, &created, &opened, &event);
        Answer::Done
    })
}
