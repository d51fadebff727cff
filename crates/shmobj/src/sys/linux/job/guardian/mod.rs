//! Guardians: two small processes for each tree of processes in a job.
//!
//! ```text
//! spawner ── C ── K1, the upper guardian: waits for the last handle to go
//!         (ends)   └─ K2, the lower one: parent of the tree, reaps it
//!                      └─ P, the process that was asked for, and what descends from it
//! ```
//!
//! Both are *subreapers*: a process whose parent dies becomes their child, however it has detached itself. Neither is a child of the spawner: C ends at
//! once, and is waited for at once. Their memory is the spawner's, copied on write; they unmap what they do not need, and close all descriptors
//! but a few, as nothing of the spawner's must live longer because of them.
//!
//! | killed | what happens |
//! |---|---|
//! | all who hold the job | the kernel grants K1 the exclusive lock; it removes the entry (L1) and, if the job kills on close, has K2 end the tree (**J1**) |
//! | K1 | the kernel signals K2, which ends the tree (**J2**) |
//! | K2 | the kernel kills P (`PR_SET_PDEATHSIG`); all others become children of K1, which ends them (**J2**) |
//! | both, the second one before it is done | P dies; what had detached itself from it goes on. In a control group the next `terminate` finds it |
//! | nobody | a tree ends by itself, and then its guardians (**J4**); no member is killed (**J3**) |
//!
//! The crate `shmobj-models` explores this. The code here runs between `fork` and `exec`, or for as long as the tree lives, in a copy of a process that may have
//! had other threads: it makes system calls, and neither allocates nor locks anything.
#![allow(unsafe_code)] // forks

mod lower;
mod system;
mod trim;
mod upper;

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::super::namespace::FileKey;
use super::super::object::shared_page::SharedPage;
use super::board::{Mapped, Tree, tree};
use super::cgroup::{self, Group};
use super::lock::Lock;
use super::table::{GUARDIAN, OUTSIDE};
use crate::test_hooks::step;

pub(super) use lower::{Answer, LOOK, TOLD_BYTES, UNSEEN};

/// What guardians are told when they start: everything that they will ever need. Descriptors are numbers, as closing them is what most of the processes that
/// have them do.
#[derive(Debug)]
pub(super) struct Charge {
    pub(super) board: Arc<Mapped>,
    /// The entry's page, with the words.
    pub(super) page: Arc<SharedPage>,
    /// Which slot of the roster is theirs.
    pub(super) slot: usize,
    /// A description of the entry without a lock, that K1 alone will have.
    pub(super) entry: OwnedFd,
    /// Where the entry stands, to remove it.
    pub(super) home: Option<(OwnedFd, [u8; 256])>,
    pub(super) key: FileKey,
    /// The job's control group, with a lock, and the directory that it is in.
    pub(super) group: Option<(Group, OwnedFd)>,
    /// By which K2 tells how it goes.
    pub(super) link: OwnedFd,
    pub(super) task: Task,
    /// Nobody else changes the job until the tree is on the roster.
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(super) lock: Lock,
    /// The entry's key, if others may write the board.
    pub(super) suspect: Option<FileKey>,
    /// Bytes and seconds that each process may use.
    pub(super) limits: (Option<u64>, Option<u64>),
}

/// What a tree begins with.
#[derive(Debug)]
pub(super) enum Task {
    /// A process that is to be started.
    Start,
    /// A process that runs, with its number and when it was started.
    Watch { process: OwnedFd, pid: u32, started: u64 },
}

impl Task {
    fn assigned(&self) -> Tree {
        match self {
            Self::Start => Tree::default(),
            Self::Watch { pid, started, .. } => {
                Tree { flags: tree::ASSIGNED, root: *pid, root_started: *started, ..Tree::default() }
            }
        }
    }
}

/// In C, forked for the purpose: starts the guardians and ends. Returns in P, which is to exec. Where nothing is started, never returns.
///
/// The process that calls this is killed before K1 is there: nothing was started, and the spawner is told so by the end of the link.
pub(super) fn start(charge: &Charge) -> Result<(), Errno> {
    // What a command runs before this may have closed our descriptors: guardians without them would be none.
    if FileKey::from(&rustix::fs::fstat(&charge.entry)?) != charge.key {
        return Err(Errno::BADF);
    }
    // Not to be taken for a process of a job that the spawner is in.
    system::set_name(GUARDIAN);
    step("spawn: about to fork the upper guardian");
    let led = system::led();
    // SAFETY: in a process with a single thread; what runs in the child makes system calls only.
    match unsafe { system::fork(None) }? {
        Some(_upper) => system::exit(0),
        None => upper::run(charge, led),
    }
}

/// In C: starts the one guardian of what is let out of a job, in another control group if there is one.
///
/// `left`: how many jobs, from the innermost one on.
pub(super) fn start_outside(link: &OwnedFd, left: usize, group: Option<&OwnedFd>) -> Result<(), Errno> {
    system::set_name(OUTSIDE);
    let led = system::led();
    // SAFETY: as above.
    match unsafe { system::fork(group.map(AsRawFd::as_raw_fd)) }? {
        Some(_guardian) => system::exit(0),
        None => lower::run_outside(link, left, led),
    }
}

/// The job's control group, as a guardian has it: the directory, with a lock, and how to remove it.
#[derive(Clone, Copy)]
struct Place {
    directory: RawFd,
    parent: RawFd,
    name: [u8; 40],
}

impl Place {
    fn of(charge: &Charge) -> Option<Self> {
        use std::os::unix::ffi::OsStrExt;
        charge.group.as_ref().map(|(group, parent)| {
            let mut name = [0; 40];
            let bytes = group.path.file_name().map_or(&[][..], OsStrExt::as_bytes);
            let length = bytes.len().min(39);
            name[..length].copy_from_slice(&bytes[..length]);
            Self { directory: group.directory.as_raw_fd(), parent: parent.as_raw_fd(), name }
        })
    }

    /// Removes the group, unless somebody else uses it (J6).
    fn remove(&self) {
        // The lock of this description would be in the way.
        let _ = rustix::fs::flock(borrow(self.directory), FlockOperation::Unlock);
        cgroup::remove(borrow(self.parent), CStr::from_bytes_until_nul(&self.name).unwrap_or_default());
    }
}

/// Starts the guardians of a process that runs: forks C, and waits for it.
pub(super) fn start_to_watch(charge: &Charge) -> Result<(), Errno> {
    // SAFETY: what runs in the child makes system calls only.
    match unsafe { system::fork(None) }? {
        Some(child) => {
            system::wait_for_child(child);
            Ok(())
        }
        None => {
            // Nothing of this process is to run in there.
            let _way_back = system::NoWayBack;
            let _ = start(charge);
            system::exit(1)
        }
    }
}

/// A descriptor of a process's own, given as a number.
pub(super) fn borrow(fd: RawFd) -> BorrowedFd<'static> {
    // SAFETY: those that a guardian keeps are open until it ends.
    unsafe { BorrowedFd::borrow_raw(fd) }
}
