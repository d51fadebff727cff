//! The crate `iceoryx2`. Its service type is `ipc::Service`: the one for several threads puts a mutex around each port.
//!
//! A service has the lifetime of its users, and what a process leaves behind when it is killed is removed by the next one that
//! creates a node: see `leftovers`.

mod events;
mod memory;
mod samples;

use ::iceoryx2::prelude::*;

use crate::players::{Made, Stage};

/// What a node of this contender is.
type Here = Node<ipc::Service>;

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    set_log_level(LogLevel::Fatal); // standard error is nobody's here
    match stage.operation.as_str() {
        "event" | "ping-pong" | "ping-pong-one-core" | "wait-any" | "wait-any-asleep" => events::make(stage),
        "ping-pong-spinning" | "transfer" => samples::make(stage),
        _ => memory::make(stage),
    }
}

/// All its files are in `/dev/shm`, and have the stage's prefix. By default some are in `/tmp`, and are written through to the disk if
/// that is one, several times for a service.
fn node(prefix: &str) -> Here {
    let mut config = Config::default();
    config.global.prefix = FileName::new(format!("{prefix}_").as_bytes()).expect("a name of a file");
    config.global.set_root_path(&Path::new(format!("/dev/shm/{prefix}").as_bytes()).expect("a path"));
    let options = NodeBuilder::new().config(&config).signal_handling_mode(SignalHandlingMode::Disabled);
    options.create::<ipc::Service>().expect("a node")
}

fn name(text: &str) -> ServiceName {
    text.try_into().expect("a name of a service")
}
