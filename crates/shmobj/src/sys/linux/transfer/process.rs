//! Handles that are taken out of another process, by the number of a descriptor there (`pidfd_getfd`).

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags};

use super::{Arrived, Carried, Record, Whole, of_descriptor, pack_mapping, pack_synchronizer, unpack};
use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::sys::linux::data::{is_writable, key_of};
use crate::sys::linux::fork::Operation;
use crate::sys::linux::namespace::FileKey;
use crate::sys::linux::object::adopt::answers;
use crate::sys::linux::object::page::{HEAD_BYTES, Header};
use crate::sys::linux::proc;
use crate::test_hooks::step;

/// Duplicates the handle that another process has behind a descriptor: any of those that a handle consists of.
///
/// What is fetched is the other process's own description; it is used to make one for this process, and closed.
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
    let fetch = |fd: i32| rustix::process::pidfd_getfd(&process, fd, PidfdGetfdFlags::empty());
    let fetched = fetch(fd).map_err(|errno| match errno {
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
    let entry = if kind == Kind::FileMapping { entry_of(&fetched, pid, &fetch) } else { None };
    let arrived = match entry {
        Some(entry) => {
            let access = if is_writable(&fetched) { Access::ALL } else { Access::QUERY | Access::READ };
            let record =
                Record { kind, access, has_lock: true, has_mapped: true, protection: 0, flags: 0, size: 0 };
            unpack(attempt, Carried { record, lock: Some(entry), mapped: Some(fetched), object: None })?
        }
        None => of_descriptor(attempt, kind, fetched)?,
    };
    of_our_own(attempt, arrived)
}

/// Makes descriptions of this process's own. Sharing those of the other one would count right as well, but each could then
/// take the lock off the other's.
fn of_our_own(attempt: &Attempt<'_>, arrived: Arrived) -> Result<Arrived> {
    let carried = match &arrived.whole {
        Whole::Mapping(mapping) => pack_mapping(mapping, arrived.access),
        Whole::Synchronizer(object) => pack_synchronizer(object, arrived.access),
    };
    let carried = carried.map_err(|errno| attempt.os("making descriptors of its own", errno))?;
    drop(arrived);
    unpack(attempt, carried)
}

/// The entry of a named mapping whose memory this is, among the descriptors of the process that has it.
fn entry_of(
    memory: &OwnedFd,
    pid: u32,
    fetch: &dyn Fn(i32) -> rustix::io::Result<OwnedFd>,
) -> Option<OwnedFd> {
    let key = FileKey::from(&rustix::fs::fstat(memory).ok()?);
    let is_entry = |fd: &OwnedFd| {
        if !answers(fd) {
            return false;
        }
        let mut head = [0; HEAD_BYTES];
        let Ok(bytes) = rustix::io::pread(fd.as_fd(), &mut head, 0) else { return false };
        let Ok(stat) = rustix::fs::fstat(fd) else { return false };
        let parsed = Header::parse(&head[..bytes], stat.st_size as u64, rustix::param::page_size());
        parsed.is_ok_and(|(header, _)| header.kind == Kind::FileMapping && key_of(&header) == key)
    };
    let regular = |&fd: &u32| {
        proc::key_without_waiting(rustix::fs::CWD, &proc::descriptor(pid, fd)).is_some_and(|it| it != key)
    };
    let candidates = proc::descriptors(pid).ok()?.filter(regular);
    candidates.filter_map(|fd| fetch(i32::try_from(fd).ok()?).ok()).find(is_entry)
}
