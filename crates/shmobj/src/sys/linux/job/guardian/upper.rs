//! The upper guardian, K1: waits for the last handle to go, and for the lower guardian.
//!
//! It sleeps in the kernel's queue for the exclusive lock of the entry. All else happens in the handler of SIGCHLD, which comes only when the lower
//! guardian is gone: then the tree ends, and this process. So nothing that happens just before it falls asleep can be missed.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicPtr, AtomicU32};

use rustix::fs::{AtFlags, FlockOperation};
use rustix::io::Errno;

use super::super::super::namespace::FileKey;
use super::super::super::object::try_lock;
use super::super::board::{Board, News};
use super::super::table::{GUARDIAN, Table};
use super::lower::{self, END};
use super::system::{self, NoWayBack, Reap, Reaped};
use super::{Charge, borrow, trim};
use crate::job::Breakaway;
use crate::test_hooks::step;

/// What the handler needs.
struct Post {
    board: *const Board,
    slot: usize,
    group: Option<(RawFd, RawFd, [u8; 40])>,
    link: RawFd,
}

static POST: AtomicPtr<Post> = AtomicPtr::new(std::ptr::null_mut());
static LOWER: AtomicU32 = AtomicU32::new(0);

/// Returns in P.
pub(super) fn run(charge: &Charge) -> Result<(), Errno> {
    let way_back = NoWayBack;
    let mask = system::block_signals();
    // Whoever ignores it cannot wait for children. P gets back what the spawner had.
    let ignored = system::stop_ignoring_children();
    system::set_name(GUARDIAN);
    system::become_subreaper();
    step("guardian: upper is a subreaper");
    let upper = rustix::process::getpid().as_raw_nonzero().get() as u32;
    // SAFETY: in a process with a single thread; what runs in the child makes system calls only.
    match unsafe { system::fork(None) } {
        Ok(Some(pid)) => LOWER.store(pid, Release),
        Ok(None) => {
            lower::run(charge, upper);
            mask.restore();
            if ignored {
                system::ignore_children();
            }
            std::mem::forget(way_back);
            return Ok(());
        }
        // The spawner learns it by the end of the link.
        Err(_) => system::exit(0),
    }
    step("guardian: upper has forked");
    guard(charge)
}

fn guard(charge: &Charge) -> ! {
    let group = charge.group.as_ref().map(|(group, parent)| {
        let mut name = [0; 40];
        let bytes = group.path.file_name().map_or(&[][..], std::os::unix::ffi::OsStrExt::as_bytes);
        let length = bytes.len().min(39);
        name[..length].copy_from_slice(&bytes[..length]);
        (group.directory.as_raw_fd(), parent.as_raw_fd(), name)
    });
    let mut post =
        Post { board: &raw const **charge.board, slot: charge.slot, group, link: charge.link.as_raw_fd() };
    let entry = charge.entry.as_raw_fd();
    let home = charge.home.as_ref().map(|(directory, file)| (directory.as_raw_fd(), *file));
    let key = charge.key;
    let range = charge.board.range();
    let mut kept = [entry, post.link, -1, -1, -1];
    if let Some((directory, _)) = home {
        kept[2] = directory;
    }
    if let Some((group, parent, _)) = post.group {
        kept[3] = group;
        kept[4] = parent;
    }
    system::close_all_but(&mut kept);
    POST.store(&raw mut post, Release);
    system::set_default(&lower::FATAL);
    // SAFETY: from here on only what is on this stack, in the program's variables and on the board is used.
    unsafe { trim::trim(&[&raw const post as usize, system::thread_memory(), range.start]) };
    system::handle(libc::SIGCHLD, lower_has_ended);
    wait_for_last_handle(entry, home, key);
    // SAFETY: mapped until this process ends.
    let board = unsafe { &*post.board };
    if board.kills_on_close() {
        system::kill(LOWER.load(Acquire), END); // J1
    }
    loop {
        system::poll(&[], None);
    }
}

/// Sleeps until nobody holds the job, and removes its entry: whoever obtains the lock destroys (L1, L4). Then the lock goes, as
/// other guardians wait for it.
///
/// Killed between lock and removal: the next one that meets the entry removes it. What becomes of the tree does not depend on it (J2).
fn wait_for_last_handle(entry: RawFd, home: Option<(RawFd, [u8; 256])>, key: FileKey) {
    let entry = borrow(entry);
    while rustix::fs::flock(entry, FlockOperation::LockExclusive) == Err(Errno::INTR) {}
    if let Some((directory, file)) = home {
        let directory = borrow(directory);
        let file = std::ffi::CStr::from_bytes_until_nul(&file).unwrap_or_default();
        let named = rustix::fs::statat(directory, file, AtFlags::SYMLINK_NOFOLLOW);
        if named.is_ok_and(|stat| FileKey::from(&stat) == key) {
            let _ = rustix::fs::unlinkat(directory, file, AtFlags::empty());
        }
    }
    let _ = rustix::fs::flock(entry, FlockOperation::Unlock);
}

/// Runs whenever a child ends, and until the lower guardian does there is no other.
extern "C" fn lower_has_ended(_signal: i32) {
    let post = POST.load(Acquire);
    if post.is_null() {
        return;
    }
    // SAFETY: on the stack of `guard`, which never returns.
    let post = unsafe { &*post };
    // SAFETY: mapped until this process ends.
    let board = unsafe { &*post.board };
    let lower = LOWER.load(Acquire);
    let root =
        board.roster()[post.slot].read().filter(|tree| tree.guardian == lower).map_or(0, |tree| tree.root);
    let mut is_gone = false;
    loop {
        match system::reap() {
            Reap::One(reaped) if reaped.pid == lower => is_gone = true,
            Reap::One(reaped) => note(post, board, root, reaped),
            Reap::NobodyYet if is_gone => break,
            Reap::NobodyYet => return,
            Reap::NoChildren => end(post, board, lower),
        }
    }
    // The lower guardian was killed: all that it guarded are our children now, or will be when their parents have ended (J2).
    let own = rustix::process::getpid().as_raw_nonzero().get() as u32;
    let tree = board.roster()[post.slot].read().filter(|tree| tree.guardian == lower).unwrap_or_default();
    let Ok(mut table) = Table::new() else { end(post, board, lower) };
    loop {
        let killed = lower::kill_tree(&mut table, board, &tree, own);
        if killed == 0 && board.breakaway() != Breakaway::Denied {
            end(post, board, lower) // what is left was let out
        }
        loop {
            match system::reap() {
                Reap::One(reaped) => note(post, board, root, reaped),
                Reap::NobodyYet => break,
                Reap::NoChildren => end(post, board, lower),
            }
        }
        system::poll(&[], Some(std::time::Duration::from_millis(1)));
    }
}

fn note(post: &Post, board: &Board, root: u32, reaped: Reaped) {
    board.tell(News::Ended(reaped.pid));
    if reaped.pid == root {
        lower::tell_status(borrow(post.link), reaped.status);
    }
}

/// Takes the tree off the roster, and removes the control group if nobody else uses it (J6).
fn end(post: &Post, board: &Board, lower: u32) -> ! {
    let (user, system) = system::times_of_children();
    let slot = &board.roster()[post.slot];
    // The lower guardian clears it itself, and then somebody else may have it by now.
    if slot.read().is_some_and(|tree| tree.guardian == lower) {
        slot.clear();
        board.add_past_times(user, system);
    }
    if let Some((group, parent, name)) = &post.group {
        if let Ok(true) = try_lock(borrow(*group), FlockOperation::NonBlockingLockExclusive) {
            let name = std::ffi::CStr::from_bytes_until_nul(name).unwrap_or_default();
            let _ = rustix::fs::unlinkat(borrow(*parent), name, AtFlags::REMOVEDIR);
        }
    }
    system::exit(0)
}
