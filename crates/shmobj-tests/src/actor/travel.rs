//! Handles that travel, in one process: over a socket, in a parcel, by a deposit, by their descriptor, and to who is granted access; and to
//! a child.
//!
//! ```text
//! travel
//! ```

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use shmobj::transfer::{self, AnyHandle, Deposit, InheritExt, Transfer};
use shmobj::{Access, Event, FileMapping, Namespace, Security};

use super::{Outcome, Words, misled};

pub(super) fn obey(
    command: &str,
    _words: &mut Words<'_>,
    namespace: &dyn Fn() -> Namespace,
) -> Option<Outcome> {
    (command == "travel").then(|| travel(&namespace()))
}

/// Answers with how many handles arrived.
fn travel(namespace: &Namespace) -> Outcome {
    let security = Security::OWNER_ONLY.user(54_321, Access::READ);
    let handles: Vec<AnyHandle> = vec![
        FileMapping::options().namespace(namespace).size(4096).security(security).create("granted")?.into(),
        FileMapping::options().size(4096).create_unnamed()?.into(),
        Event::options().namespace(namespace).create("event")?.into(),
        Event::options().namespace(namespace).create("")?.into(),
    ];
    let borrowed: Vec<&dyn Transfer> = handles.iter().map(|handle| handle as &dyn Transfer).collect();
    let (here, there) = UnixStream::pair().map_err(misled)?;
    transfer::send(&here, &borrowed)?;
    let mut arrived = transfer::receive(&there)?.len();
    arrived += transfer::unpack(transfer::pack(&borrowed)?)?.len();
    let deposit = Deposit::in_namespace(namespace, borrowed[0])?;
    let claimed: FileMapping = transfer::claim_in(namespace, deposit.token())?;
    arrived += usize::from(transfer::same_object(&claimed, borrowed[0]));
    let taken: FileMapping = transfer::duplicate_from(std::process::id(), claimed.as_raw_fd())?;
    arrived += usize::from(transfer::same_object(&taken, borrowed[0]));
    let mut child = Command::new("/proc/self/exe");
    let child = child.inherit("granted", borrowed[0])?.inherit("event", borrowed[3])?;
    let mut child = child.stdin(Stdio::null()).spawn().map_err(misled)?;
    let _ = child.wait(); // how it ended nobody is told: a puppet does not wait for its children
    arrived += 2;
    namespace.inspect("granted")?;
    Ok(arrived.to_string())
}
