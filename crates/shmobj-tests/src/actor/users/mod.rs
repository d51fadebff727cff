//! Commands about what users may do to each other: with handles of any kind, with the kernel alone, and by handing handles on.
//!
//! | commands about | in |
//! |---|---|
//! | handles of any kind, with rights | `handles` |
//! | the system calls of somebody who does not use the library | `raw` |
//! | mailboxes, deposits, heirs, descriptors of other processes | `traffic` |
//!
//! ```text
//! become-member UID GID [GROUP...]
//! ```
#![allow(unsafe_code)] // setresuid, and memory mapped without the library

mod handles;
mod raw;
mod traffic;

use rustix::process::DumpableBehavior;
use shmobj::Namespace;

use super::process::end_with_parent;
use super::{Failure, Outcome, Words, misled};

/// `None`: the command is about something else.
pub(super) fn obey(
    command: &str,
    words: &mut Words<'_>,
    namespace: &dyn Fn() -> Namespace,
) -> Option<Outcome> {
    if command == "become-member" {
        return Some(become_member(words));
    }
    raw::obey(command, words)
        .or_else(|| handles::obey(command, words, namespace))
        .or_else(|| traffic::obey(command, words, namespace))
}

/// Becomes another user for good, with a group of its own and others besides. Processes of that user may look into it.
fn become_member(words: &mut Words<'_>) -> Outcome {
    let (user, group): (u32, u32) = (words.number()?, words.number()?);
    let groups = words.each().map(|word| word.parse().map_err(misled)).collect::<Result<Vec<u32>, _>>()?;
    let failed = |done: i32| if done == 0 { Ok(()) } else { Err(misled(std::io::Error::last_os_error())) };
    // SAFETY: the list is as long as it says; no thread but this one has credentials to keep in step.
    failed(unsafe { libc::setgroups(groups.len(), groups.as_ptr()) })?;
    // SAFETY: as above.
    failed(unsafe { libc::setresgid(group, group, group) })?;
    // SAFETY: as above.
    failed(unsafe { libc::setresuid(user, user, user) })?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable).map_err(misled)?;
    end_with_parent(); // the kernel forgets it when the user changes
    Ok(String::new())
}

/// Several of these joined by commas: `-` if there are none.
fn joined(parts: &[String]) -> String {
    if parts.is_empty() { "-".to_owned() } else { parts.join(",") }
}

fn none(what: &str, name: &str) -> Failure {
    misled(format!("no {what} {name}"))
}
