//! Crates that do something of the same. Each is a feature of this package, so that the rest runs where one of them does not build.

#[cfg(feature = "iceoryx2")]
mod iceoryx2;
#[cfg(feature = "interprocess")]
mod interprocess;
#[cfg(feature = "ipc-channel")]
mod ipc_channel;
#[cfg(any(feature = "iceoryx2", feature = "shared_memory"))]
mod memory;
#[cfg(feature = "named-lock")]
mod named_lock;
#[cfg(feature = "raw_sync")]
mod raw_sync;
#[cfg(any(
    feature = "iceoryx2",
    feature = "interprocess",
    feature = "ipc-channel",
    feature = "shared_memory"
))]
mod ring;
#[cfg(feature = "shared_memory")]
mod shared_memory;
#[cfg(feature = "named-lock")]
mod within;

use super::{Made, Stage};

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    match stage.contender.as_str() {
        #[cfg(feature = "iceoryx2")]
        "iceoryx2" => iceoryx2::make(stage),
        #[cfg(feature = "interprocess")]
        "interprocess" => interprocess::make(stage),
        #[cfg(feature = "ipc-channel")]
        "ipc-channel" => ipc_channel::make(stage),
        #[cfg(feature = "named-lock")]
        "named-lock" => named_lock::make(stage),
        #[cfg(feature = "raw_sync")]
        "raw_sync" => raw_sync::make(stage),
        #[cfg(feature = "shared_memory")]
        "shared_memory" => shared_memory::make(stage),
        other => Made::Absent(format!("{other} is not built in")),
    }
}
