//! What one would do without jobs.
#![allow(unsafe_code)] // signals to groups, and what runs between fork and exec

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Makes the standard library fork, where it would let the child borrow its memory (`posix_spawn`).
pub(crate) fn make_fork(command: &mut Command) {
    // SAFETY: it does nothing.
    unsafe { command.pre_exec(|| Ok(())) };
}

/// Processes of one group.
pub(crate) struct ProcessGroup(Vec<Child>);

impl ProcessGroup {
    pub(crate) fn start(count: u32, command: impl Fn() -> Command) -> Self {
        let leader = command().process_group(0).spawn().expect("a leader");
        let id = leader.id() as i32;
        let mut members = vec![leader];
        members.extend((1..count).map(|_| command().process_group(id).spawn().expect("a member")));
        Self(members)
    }

    /// Ends them, and waits for each.
    pub(crate) fn end(&mut self) -> Duration {
        let begun = Instant::now();
        // SAFETY: takes two numbers; the leader was not waited for, so the group is ours.
        let failed = unsafe { libc::kill(-(self.0[0].id() as libc::pid_t), libc::SIGKILL) };
        assert_eq!(failed, 0, "there is such a group");
        for member in &mut self.0 {
            member.wait().expect("it has ended");
        }
        begun.elapsed()
    }
}
