//! The upper guardian, K1: waits for the last handle to go, and for the lower guardian.
//!
//! It sleeps in the kernel's queue for the exclusive lock of the entry. All else happens in the handler of SIGCHLD, which comes only when the lower
//! guardian is gone: then the tree ends, and this process. So nothing that happens just before it falls asleep can be missed (J5).

use std::ffi::CStr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicPtr, AtomicU32};
use std::time::Duration;

use rustix::fs::{AtFlags, FlockOperation};
use rustix::io::Errno;

use super::super::super::namespace::FileKey;
use super::super::super::object::try_lock;
use super::super::board::{Board, News, Tree};
use super::super::table::{GUARDIAN, Table};
use super::lower::{self, Answer, END};
use super::system::{self, Led, NoWayBack, Pause, Reap, Reaped};
use super::{Charge, Place, borrow, trim};
use crate::job::Breakaway;
use crate::test_hooks::step;

/// What the handlers need.
struct Post {
    board: *const Board,
    slot: usize,
    entry: Entry,
    group: Option<Place>,
    link: RawFd,
    /// A process that was assigned: what the board says of it anybody may have written who may write there.
    assigned: Tree,
    table: Option<Table>,
}

/// The entry, and where it stands.
struct Entry {
    fd: RawFd,
    home: Option<(RawFd, [u8; 256])>,
    key: FileKey,
}

static POST: AtomicPtr<Post> = AtomicPtr::new(std::ptr::null_mut());
static LOWER: AtomicU32 = AtomicU32::new(0);

/// Returns in P.
pub(super) fn run(charge: &Charge, led: Led) -> Result<(), Errno> {
    let way_back = NoWayBack;
    let mask = system::block_signals();
    // Whoever ignores it cannot wait for children. P gets back what the spawner had.
    let ignored = system::stop_ignoring_children();
    system::set_name(GUARDIAN);
    if let Err(errno) = system::become_subreaper().and_then(|()| system::try_out()) {
        lower::refuse(charge, Answer::Unfit(errno.raw_os_error()));
    }
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
            led.inherit();
            std::mem::forget(way_back);
            return Ok(());
        }
        Err(errno) => lower::refuse(charge, Answer::Refused(errno.raw_os_error())),
    }
    step("guardian: upper has forked");
    guard(charge)
}

fn guard(charge: &Charge) -> ! {
    system::detach();
    let mut post = Post {
        board: &raw const **charge.board,
        slot: charge.slot,
        entry: Entry {
            fd: charge.entry.as_raw_fd(),
            home: charge.home.as_ref().map(|(directory, file)| (directory.as_raw_fd(), *file)),
            key: charge.key,
        },
        group: Place::of(charge),
        link: charge.link.as_raw_fd(),
        assigned: charge.task.assigned(),
        table: None,
    };
    let board = charge.board.range().start;
    let unused = -1;
    let (group, parent) = post.group.map_or((unused, unused), |place| (place.directory, place.parent));
    let home = post.entry.home.map_or(unused, |(directory, _)| directory);
    system::close_all_but(&mut [post.entry.fd, home, group, parent, post.link]);
    system::set_default(&lower::FATAL);
    // SAFETY: from here on only what is on this stack, in the program's variables and on the board is used.
    unsafe { trim::trim(&[&raw const post as usize, system::thread_memory(), board]) };
    // Without it, this process could end nothing: then the lower one does, at once.
    let Ok(table) = Table::new() else { system::exit(1) };
    post.table = Some(table);
    POST.store(&raw mut post, Release);
    system::handle(libc::SIGBUS, board_is_gone);
    system::handle(libc::SIGCHLD, lower_has_ended);
    wait_for_last_handle(&post.entry);
    // SAFETY: mapped until this process ends.
    let board = unsafe { &*post.board };
    if board.kills_on_close() {
        end_lower();
    }
    loop {
        system::poll(&[], None);
    }
}

/// Has the lower guardian end the tree (J1). It is told again and again: a signal of somebody else that is pending there hides ours, and it may have been
/// stopped. When it ends, the handler runs, and this process ends as well.
fn end_lower() -> ! {
    let mut pause = Pause::new();
    loop {
        let lower = LOWER.load(Acquire);
        system::kill(lower, END);
        system::kill(lower, libc::SIGCONT);
        pause.make();
    }
}

/// Sleeps until nobody holds the job, and removes its entry. Then the lock goes, as other guardians wait for it.
///
/// Killed between lock and removal: the next one that meets the entry removes it. What becomes of the tree does not depend on it (J2).
fn wait_for_last_handle(entry: &Entry) {
    loop {
        match rustix::fs::flock(borrow(entry.fd), FlockOperation::LockExclusive) {
            Ok(()) => break,
            Err(Errno::INTR) => {}
            // The kernel has no memory for it now.
            Err(_) => system::poll(&[], Some(Duration::from_millis(100))),
        }
    }
    step("ending: upper has the last lock");
    remove(entry);
    step("ending: entry removed");
    let _ = rustix::fs::flock(borrow(entry.fd), FlockOperation::Unlock);
}

/// Removes an entry on which this process has the exclusive lock: whoever obtains it destroys (L1, L4).
fn remove(entry: &Entry) {
    if let Some((directory, file)) = &entry.home {
        let directory = borrow(*directory);
        let file = CStr::from_bytes_until_nul(file).unwrap_or_default();
        let named = rustix::fs::statat(directory, file, AtFlags::SYMLINK_NOFOLLOW);
        if named.is_ok_and(|stat| FileKey::from(&stat) == entry.key) {
            let _ = rustix::fs::unlinkat(directory, file, AtFlags::empty());
        }
    }
}

/// Somebody has truncated the entry: nobody can say any more what is to become of the job, so the tree ends, with the lower guardian if that is still there.
extern "C" fn board_is_gone(_signal: i32) {
    // SAFETY: on the stack of `guard`, which never returns, and was interrupted for good.
    let post = unsafe { &mut *POST.load(Acquire) };
    let own = rustix::process::getpid().as_raw_nonzero().get() as u32;
    let Some(table) = &mut post.table else { system::exit(1) };
    lower::end_blindly(table, &post.assigned, own, post.link)
}

/// Runs whenever a child ends, and until the lower guardian does there is no other.
extern "C" fn lower_has_ended(_signal: i32) {
    let post = POST.load(Acquire);
    // SAFETY: on the stack of `guard`, which never returns; whoever else uses it was interrupted, and does not go on once the tree ends.
    let post = unsafe { &mut *post };
    // SAFETY: mapped until this process ends.
    let board = unsafe { &*post.board };
    let lower = LOWER.load(Acquire);
    let told = || board.roster()[post.slot].read().filter(|tree| tree.guardian == lower);
    let mut root = 0;
    let (mut is_gone, mut was_killed) = (false, false);
    loop {
        match system::reap(|pid| board.tell(News::Ended(pid))) {
            Reap::One(reaped) if reaped.pid == lower => {
                (is_gone, was_killed) = (true, reaped.status != 0);
                // For the status alone.
                root = told().map_or(0, |tree| tree.root);
            }
            Reap::One(reaped) => note(post, root, reaped),
            Reap::NobodyYet if is_gone => break,
            Reap::NobodyYet => return,
            // It was killed before its time: what was assigned is not our child, and ends all the same.
            Reap::NoChildren if was_killed && post.assigned.root != 0 => break,
            Reap::NoChildren => end(post, board, lower),
        }
    }
    // The lower guardian was killed: all that it guarded are our children now, or will be when their parents have ended (J2).
    let own = rustix::process::getpid().as_raw_nonzero().get() as u32;
    let breakaway = board.breakaway();
    let mut pause = Pause::new();
    let (mut looks, mut empty_looks) = (0, 0);
    let assigned_root = post.assigned.root;
    loop {
        let assigned = &post.assigned;
        let killed =
            post.table.as_mut().map(|table| lower::kill_tree(table, breakaway, assigned, own, looks));
        looks += 1;
        empty_looks = if killed == Some(Ok(0)) { empty_looks + 1 } else { 0 };
        if empty_looks > 1 && breakaway != Breakaway::Denied {
            end(post, board, lower) // what is left was let out
        }
        loop {
            match system::reap(|pid| board.tell(News::Ended(pid))) {
                Reap::One(reaped) => note(post, root, reaped),
                Reap::NobodyYet => break,
                Reap::NoChildren if assigned_root == 0 || empty_looks > 0 => end(post, board, lower),
                Reap::NoChildren => break,
            }
        }
        pause.make();
    }
}

fn note(post: &Post, root: u32, reaped: Reaped) {
    if reaped.pid == root {
        lower::tell_status(borrow(post.link), reaped.status);
    }
}

/// Takes the tree off the roster, and removes the control group if nobody else uses it (J6).
///
/// The lock of the entry may have been granted just before the handler ran, or have been in the way of the last closer's probe: whoever had it probes (L5).
fn end(post: &Post, board: &Board, lower: u32) -> ! {
    if let Ok(true) = try_lock(borrow(post.entry.fd), FlockOperation::NonBlockingLockExclusive) {
        remove(&post.entry);
    }
    if let Some(place) = &post.group {
        place.remove();
    }
    let (user, system) = system::times_of_children();
    let slot = &board.roster()[post.slot];
    // The lower guardian clears it itself, and then somebody else may have it by now.
    if slot.read().is_some_and(|tree| tree.guardian == lower) {
        slot.clear();
        board.add_past_times(user, system);
    }
    system::exit(0)
}
