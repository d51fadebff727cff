//! Handles that are taken out of another process, by the number of a descriptor there (`pidfd_getfd`).

use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags};

use super::{Arrived, Carried, Record, Whole, of_descriptor, pack_mapping, pack_synchronizer, unpack};
use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::sys::linux::data::{is_writable, key_of, open_flags};
use crate::sys::linux::fork::Operation;
use crate::sys::linux::namespace::FileKey;
use crate::sys::linux::object::page;
use crate::sys::linux::proc;
use crate::test_hooks::step;

/// Duplicates the handle that another process has behind a descriptor: any of those that a handle consists of.
///
/// What is fetched is the other process's own description; where it carries a lock, it is used to make one for this process, and
/// closed.
pub(crate) fn duplicate(attempt: &Attempt<'_>, kind: Kind, pid: u32, fd: i32) -> Result<Arrived> {
    let gone = || {
        attempt
            .fails(ErrorKind::WrongKind, format!("there is no process {pid}")) // DH-8, DH-11
            .with_remedy("give the number of a running process, as this PID namespace has it")
    };
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(gone)?;
    let process = rustix::process::pidfd_open(number, PidfdFlags::empty()).map_err(|errno| match errno {
        Errno::SRCH | Errno::INVAL => gone(),
        errno => attempt.os("opening the process", errno),
    })?;
    let fetched = rustix::process::pidfd_getfd(&process, fd, PidfdGetfdFlags::empty());
    let fetched = fetched.map_err(|errno| match errno {
        Errno::SRCH => gone(),
        Errno::BADF => attempt
            .fails(ErrorKind::WrongKind, format!("process {pid} has no descriptor {fd}")) // DH-7
            .with_remedy("give the descriptor of an open handle there"),
        Errno::PERM | Errno::ACCESS => attempt
            .fails(ErrorKind::AccessDenied, format!("this process may not look into process {pid}")) // DH-9
            .with_source(errno)
            .with_remedy(
                "run both as the same user, and allow it: kernel.yama.ptrace_scope=0, prctl(PR_SET_PTRACER) in the other \
                 process, or CAP_SYS_PTRACE; in a container also a profile that permits pidfd_getfd",
            ),
        Errno::NOSYS => attempt
            .fails(ErrorKind::NotSupported, "this kernel has no pidfd_getfd, or a filter forbids it")
            .with_remedy("use Linux 5.6 or later, or send the handle over a socket"),
        errno => attempt.os("fetching the descriptor", errno),
    })?;
    let _operation = Operation::start();
    step("duplicate: descriptor fetched");
    let entry = if kind == Kind::FileMapping { entry_of(&fetched, pid) } else { None };
    match entry {
        // A fresh description; that of the memory carries no lock, and may be shared.
        Some(entry) => {
            let access = if is_writable(&fetched) { Access::ALL } else { Access::QUERY | Access::READ };
            let record = Record::told_by_entry(kind, access, true);
            unpack(attempt, Carried { record, lock: Some(entry), mapped: Some(fetched), object: None })
        }
        None => of_our_own(attempt, of_descriptor(attempt, kind, fetched)?),
    }
}

/// Makes descriptions of this process's own. Sharing those of the other one would count right as well, but each could then
/// take the lock off the other's.
fn of_our_own(attempt: &Attempt<'_>, arrived: Arrived) -> Result<Arrived> {
    let carried = match &arrived.whole {
        Whole::Mapping(mapping) => pack_mapping(mapping, arrived.access),
        Whole::Synchronizer(object) => pack_synchronizer(object, arrived.access),
    };
    let mut carried = carried.map_err(|errno| attempt.os("making descriptors of its own", errno))?;
    // What was fetched goes, or it would be found again.
    carried.object = None;
    drop(arrived);
    unpack(attempt, carried)
}

/// The entry of a named mapping whose memory this is, among the descriptors of the process that has it, opened once more.
///
/// Only what carries the lock of a handle is opened: closing a descriptor of another file would take this process's own record locks
/// (`fcntl`) off it.
fn entry_of(memory: &OwnedFd, pid: u32) -> Option<OwnedFd> {
    let key = FileKey::from(&rustix::fs::fstat(memory).ok()?);
    let open = |fd: u32| {
        let entry = rustix::fs::open(proc::descriptor(pid, fd), open_flags(false), Mode::empty()).ok()?;
        let header = page::header_of(&entry).ok()?;
        (header.kind == Kind::FileMapping && key_of(&header) == key).then_some(entry)
    };
    let is_candidate = |&fd: &u32| {
        let is_regular = proc::key_without_waiting(CWD, &proc::descriptor(pid, fd)).is_some();
        is_regular && proc::has_shared_lock(pid, fd)
    };
    proc::descriptors(pid).ok()?.filter(is_candidate).find_map(open)
}
