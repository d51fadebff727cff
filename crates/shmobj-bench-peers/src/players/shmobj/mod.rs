//! This project.

mod crowd;
mod memory;
mod sync;
mod waits;

use ::shmobj::Namespace;

use super::{Made, Stage};

pub(crate) use crowd::hold;

/// Prepares the part that the stage says. `shmobj-reserved` is the same where memory is not committed beforehand.
pub(crate) fn make(stage: &Stage) -> Made {
    let namespace = Namespace::at(stage.directory.join("objects"));
    match stage.operation.as_str() {
        "create"
        | "close"
        | "first-touch"
        | "create-beside"
        | "open"
        | "open-beside"
        | "transfer"
        | "memory-per-object"
        | "descriptors-per-object"
        | "leftovers" => memory::make(stage, namespace),
        _ if stage.contender != "shmobj" => Made::Unsupported,
        "wait-any" | "wait-all" | "wait-any-asleep" => waits::make(stage, &namespace),
        _ => sync::make(stage, &namespace),
    }
}
