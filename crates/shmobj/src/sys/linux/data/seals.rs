//! Seals: what nobody can do to a memfd any more, whoever has a descriptor of it. A seal is never taken off.
//!
//! | state | seals beside SHRINK and GROW | who can write | what can come |
//! |---|---|---|---|
//! | ordinary | SEAL | whoever has a writable descriptor | nothing |
//! | sealable | | the same | the two below, by whoever has a writable descriptor |
//! | frozen | WRITE, SEAL | nobody | nothing |
//! | closed to writers | FUTURE_WRITE, SEAL | views that were mapped before | nothing |
//!
//! The seals themselves are the state: no entry says it, every process asks the kernel, and it survives any crash. Both
//! changes are one system call: killed before it nothing has happened, killed after it everything.
//!
//! A hostile holder can freeze memory that is sealable, or close it to writers: that is within "whoever may write an
//! object can break that object". It cannot make somebody believe that memory is frozen which is not: see [`verify`].

use std::os::fd::OwnedFd;

use rustix::fs::SealFlags;
use rustix::io::Errno;

use super::{Data, commit, flags, is_of_huge_page_pool, open_again};
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::sys::linux::object::page::Storage;
use crate::test_hooks::step;

/// What every memfd has from its creation on: nobody can make a peer take SIGBUS by truncating it.
pub(crate) const SIZE: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);
/// With one of these, nobody maps a view that can write, or writes.
const NO_NEW_WRITERS: SealFlags = SealFlags::WRITE.union(SealFlags::FUTURE_WRITE);

/// The seals of the data; none where the kernel has none.
fn of(data: &Data) -> SealFlags {
    if data.storage != Storage::Memfd {
        return SealFlags::empty();
    }
    rustix::fs::fcntl_get_seals(&data.fd).unwrap_or(SealFlags::empty())
}

/// Whether nobody can map another view that writes.
pub(crate) fn refuse_writers(data: &Data) -> bool {
    of(data).intersects(NO_NEW_WRITERS)
}

/// The error for a view that wants to write all the same.
#[cold]
pub(crate) fn is_closed(attempt: &Attempt<'_>) -> Error {
    attempt
        .fails(ErrorKind::AccessDenied, "it is sealed against writing")
        .with_remedy("map it read-only or copy-on-write")
}

/// A read-only description for a view that only reads, where the data are sealed or can be.
///
/// The kernel takes a shared view for one that can write if its description can, since `mprotect` could make it one: such
/// a view would be in the way of freezing. On frozen memory it refuses it before Linux 6.7. `None`: the data's own descriptor
/// is good, or there is no other.
pub(crate) fn reader(data: &Data) -> Option<OwnedFd> {
    let for_ever_ordinary = of(data) & (SealFlags::SEAL | NO_NEW_WRITERS) == SealFlags::SEAL;
    if !data.writable || data.storage != Storage::Memfd || for_ever_ordinary {
        return None;
    }
    open_again(&data.fd, false).ok()
}

/// Freezes the memory: nobody can ever change it again. Memory that is frozen already stays so.
pub(crate) fn freeze(attempt: &Attempt<'_>, data: &Data) -> Result<()> {
    // Looked at once: another process may freeze it between two looks.
    let seals = of(data);
    if seals.contains(SealFlags::WRITE) {
        return Ok(());
    }
    check_open(attempt, data, seals)?;
    // Without contents a page looks like a hole to those who verify. If another process freezes it meanwhile, that one
    // has filled it: what was refused here then does not matter.
    let filled = check_committed(attempt, data).and_then(|()| commit::contents(attempt, data));
    step("freeze: pages filled");
    if let Err(error) = filled {
        return if of(data).contains(SealFlags::WRITE) { Ok(()) } else { Err(error) };
    }
    let frozen = add_write_seal(data);
    step("freeze: sealed");
    match frozen {
        Ok(()) => Ok(()),
        // Another process was first, with one seal or the other.
        Err(Errno::PERM) if of(data).contains(SealFlags::WRITE) => Ok(()),
        Err(Errno::PERM) => check_sealable(attempt, data),
        Err(Errno::BUSY) => Err(attempt
            .fails(ErrorKind::StillMapped, "somebody still has a view that can write")
            .with_remedy(
                "drop the writable views of all processes first, those of this one and of its forked children too",
            )),
        Err(errno) => Err(attempt.os("sealing the memory", errno)),
    }
}

/// A view that can write is refused at once. For pages that somebody else has hold of the kernel waits a fraction of a second,
/// and it cannot tell somebody who writes to them (direct I/O, registered buffers) from a processor that has a page that was
/// read just now in its list of pages to be sorted; the lists are emptied when the next attempt begins.
fn add_write_seal(data: &Data) -> Result<(), Errno> {
    const ATTEMPTS: u32 = 4;
    let add = || rustix::fs::fcntl_add_seals(&data.fd, SealFlags::WRITE | SealFlags::SEAL);
    (1..ATTEMPTS).map(|_| add()).find(|added| *added != Err(Errno::BUSY)).unwrap_or_else(add)
}

/// Closes the memory to writers: those that have a view keep it, and nobody gets another one. Of several that do this at
/// the same time one succeeds.
pub(crate) fn close_to_writers(attempt: &Attempt<'_>, data: &Data) -> Result<()> {
    step("seal writes: view mapped");
    let sealed = rustix::fs::fcntl_add_seals(&data.fd, SealFlags::FUTURE_WRITE | SealFlags::SEAL);
    step("seal writes: sealed");
    match sealed {
        Ok(()) => Ok(()),
        Err(Errno::PERM) => Err(is_closed(attempt)),
        Err(Errno::INVAL) => Err(attempt
            .fails(ErrorKind::NotSupported, "this kernel has no seal against further writers")
            .with_remedy("use Linux 5.1 or later")),
        Err(errno) => Err(attempt.os("sealing the memory", errno)),
    }
}

/// Refuses what can get no seals any more, or never could.
pub(crate) fn check_sealable(attempt: &Attempt<'_>, data: &Data) -> Result<()> {
    check_open(attempt, data, of(data))
}

/// The same for seals that were looked at already.
fn check_open(attempt: &Attempt<'_>, data: &Data, seals: SealFlags) -> Result<()> {
    check_kind(attempt, data)?;
    if seals.intersects(NO_NEW_WRITERS) {
        return Err(is_closed(attempt));
    }
    if seals.contains(SealFlags::SEAL) {
        return Err(attempt
            .fails(ErrorKind::NotSupported, "it was not made to be sealed")
            .with_remedy("create it with MappingOptions::sealable(true)"));
    }
    Ok(())
}

/// Refuses what is no memory of ordinary pages that can be sealed.
fn check_kind(attempt: &Attempt<'_>, data: &Data) -> Result<()> {
    let (matter, remedy) = match data.storage {
        Storage::Memfd if !data.has(flags::LARGE_PAGES) => return Ok(()),
        Storage::Memfd => {
            ("large pages of the system's pool are not sealed", "use transparent huge pages or ordinary ones")
        }
        Storage::File => ("a file cannot be sealed", "copy it into memory that is created sealable"),
        _ => (
            "memory that is shared with other users or PID namespaces cannot be sealed",
            "create it for its owner only, with MappingOptions::sealable(true)",
        ),
    };
    Err(attempt.fails(ErrorKind::NotSupported, matter).with_remedy(remedy))
}

/// Refuses reserved memory with pages that nobody has committed. Committed pages always have contents there.
pub(crate) fn check_committed(attempt: &Attempt<'_>, data: &Data) -> Result<()> {
    if data.has(flags::RESERVE) && !commit::is_complete(data) {
        return Err(attempt
            .fails(ErrorKind::NotCommitted, "parts of it are reserved and not committed")
            .with_remedy("commit all of it first"));
    }
    Ok(())
}

/// Makes sure that nobody can ever change the data, and that they are all there, whoever made them.
///
/// Nothing is believed but what the kernel says about this very descriptor, and in this order, since the seals make final
/// what is asked after them:
/// 1. WRITE: there is no shared mapping that can write, and there will be none; `write`, `splice`, hole punching (also
///    `MADV_REMOVE`) are refused. The kernel has waited for whatever had pinned the pages. SHRINK: it stays as long as it is.
/// 2. It is long enough, has no holes, and nobody can make one: touching any page of it never needs memory that may not
///    be there (SIGBUS), but to swap it in.
///
/// Seals are of the inode: they hold for every descriptor, of every process, and cannot be taken off.
pub(crate) fn verify(attempt: &Attempt<'_>, data: &Data) -> Result<()> {
    check_kind(attempt, data)?;
    let os = |errno| attempt.os("looking at the memory", errno);
    let seals = rustix::fs::fcntl_get_seals(&data.fd).map_err(os)?;
    let not_frozen = |matter| attempt.fails(ErrorKind::NotFrozen, matter);
    if !seals.contains(SealFlags::WRITE) {
        return Err(if seals.contains(SealFlags::FUTURE_WRITE) {
            not_frozen("it is sealed against further writers only: views that were mapped before can write")
                .with_remedy("map a view and copy")
        } else if seals.contains(SealFlags::SEAL) {
            not_frozen("it is not frozen, and cannot be")
                .with_remedy("create it with MappingOptions::sealable(true), or map a view and copy")
        } else {
            not_frozen("it is not frozen").with_remedy("have a process that may write it call freeze()")
        });
    }
    // What `check_kind` was told by the entry is asked of the kernel, too.
    if !seals.contains(SealFlags::SHRINK) || is_of_huge_page_pool(&data.fd).map_err(os)? {
        return Err(not_frozen("it is not memory that this library has made")
            .with_remedy("have it made by FileMapping and frozen by freeze()"));
    }
    let length = rustix::fs::fstat(&data.fd).map_err(os)?.st_size as u64;
    if length < data.size || !commit::is_complete(data) {
        return Err(not_frozen("it is sealed against writing, and parts of it are not there")
            .with_remedy("have it filled before it is frozen: freeze() does that"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustix::fs::{FallocateFlags, MemfdFlags};

    use super::*;
    use crate::kind::Kind;

    const ATTEMPT: Attempt<'_> = Attempt { verb: "use", subject: Kind::FileMapping.as_str(), name: "n" };
    const PAGE: u64 = 4096;

    /// What a stranger may have sent, who claims that it has `size` bytes.
    fn sent(pages: &[u8], size: u64, sealed: SealFlags) -> Data {
        let fd = rustix::fs::memfd_create("sent", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        rustix::io::write(&fd, pages).unwrap();
        rustix::fs::fcntl_add_seals(&fd, sealed).unwrap();
        Data { fd, writable: true, storage: Storage::Memfd, size, flags: 0, page_size: PAGE }
    }

    fn matter(data: &Data) -> String {
        let error = verify(&ATTEMPT, data).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFrozen, "{error}");
        assert!(error.remedy().is_some(), "{error}");
        error.to_string()
    }

    #[test]
    fn what_is_sealed_and_there_is_frozen_whatever_else_is_sealed() {
        let enough = SealFlags::WRITE | SealFlags::SHRINK;
        for more in [SealFlags::empty(), SealFlags::GROW, SealFlags::SEAL, SealFlags::FUTURE_WRITE] {
            for size in [1, PAGE, 2 * PAGE] {
                verify(&ATTEMPT, &sent(&[1; 2 * PAGE as usize], size, enough | more)).unwrap();
            }
        }
    }

    #[test]
    fn one_missing_seal_is_too_few() {
        let page = [1; PAGE as usize];
        let all = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW;
        assert!(matter(&sent(&page, PAGE, all - SealFlags::WRITE)).contains("it is not frozen"));
        assert!(matter(&sent(&page, PAGE, all - SealFlags::SHRINK)).contains("not memory that this library"));
        assert!(matter(&sent(&page, PAGE, SIZE | SealFlags::SEAL)).contains("cannot be"));
        assert!(matter(&sent(&page, PAGE, SIZE | SealFlags::FUTURE_WRITE)).contains("further writers"));
    }

    #[test]
    fn what_is_shorter_than_it_claims_or_has_holes_is_not_all_there() {
        let frozen = SIZE | SealFlags::WRITE;
        for claimed in [PAGE + 1, 2 * PAGE, u64::MAX] {
            assert!(matter(&sent(&[1; PAGE as usize], claimed, frozen)).contains("not there"), "{claimed}");
        }
        for hole in [0, PAGE, 3 * PAGE] {
            let data = sent(&[1; 4 * PAGE as usize], 4 * PAGE, SealFlags::empty());
            let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            rustix::fs::fallocate(&data.fd, punch, hole, PAGE).unwrap();
            rustix::fs::fcntl_add_seals(&data.fd, frozen).unwrap();
            assert!(matter(&data).contains("not there"), "a hole at {hole}");
        }
    }

    #[test]
    fn a_descriptor_that_only_reads_cannot_seal() {
        let writable = sent(&[1; PAGE as usize], PAGE, SIZE);
        let fd = reader(&writable).expect("it can be sealed, so it is mapped through another description");
        let data = Data { fd, writable: false, ..writable };
        assert_eq!(
            freeze(&ATTEMPT, &data).and_then(|()| verify(&ATTEMPT, &data)).unwrap_err().kind(),
            ErrorKind::NotFrozen
        );
    }

    #[test]
    fn ordinary_memory_is_mapped_through_its_own_descriptor() {
        assert!(reader(&sent(&[1], 1, SIZE | SealFlags::SEAL)).is_none());
        assert!(reader(&sent(&[1], 1, SIZE | SealFlags::WRITE | SealFlags::SEAL)).is_some());
    }
}
