//! What a hostile peer might send: messages that are wrong in every place, and descriptors that are no handles. All of it in this
//! process, which must survive and lose no descriptor.
//!
//! ```text
//! garble KIND NAME               a message of a handle, changed byte by byte, cut, and with other descriptors
//! garble-deposit KIND NAME       a deposit, changed byte by byte
//! strangers DIRECTORY            descriptors of all sorts as every kind of handle; answers which are taken for one
//! half-a-parcel                  a stream that stops in the middle of a message
//! ```
//! Answers count what came of it, `longest=MILLISECONDS`, and `leaked` descriptors.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::Instant;

use rustix::fs::{CWD, FileType, MemfdFlags, Mode, OFlags, SealFlags};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, socketpair,
};
use shmobj::transfer::{self, AnyHandle, Deposit};
use shmobj::{Event, FileMapping, Mutex, Namespace, Semaphore, WaitableTimer};

use super::luggage::{made, used};
use super::{Failure, Outcome, Words, misled, shown};
use crate::entry::Page;
use crate::system::{descriptors, page_size};

pub(super) fn obey(
    command: &str,
    words: &mut Words<'_>,
    namespace: &dyn Fn() -> Namespace,
) -> Option<Outcome> {
    Some(match command {
        "garble" => garble(words, &namespace()),
        "garble-deposit" => garble_deposit(words, &namespace()),
        "strangers" => strangers(words, &namespace()),
        "half-a-parcel" => half_a_parcel(),
        _ => return None,
    })
}

/// Counts what came of many attempts.
struct Tally {
    counts: BTreeMap<String, u64>,
    descriptors: usize,
}

impl Tally {
    fn start() -> Self {
        Self { counts: BTreeMap::new(), descriptors: descriptors(std::process::id()).len() }
    }

    /// Tries to get handles, and uses those that came: whatever that says.
    fn note(&mut self, attempt: impl FnOnce() -> shmobj::Result<Vec<AnyHandle>>) -> bool {
        let begun = Instant::now();
        let got = attempt();
        let what = match &got {
            Ok(_) => "done".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        };
        *self.counts.entry(what).or_default() += 1;
        for handle in got.iter().flatten() {
            let _ = used(handle);
        }
        let longest = self.counts.entry("longest".to_owned()).or_default();
        *longest = (*longest).max(begun.elapsed().as_millis() as u64);
        got.is_ok()
    }

    /// The library keeps a directory and another process's list of descriptors open.
    fn end(mut self) -> String {
        let now = descriptors(std::process::id()).len();
        self.counts.insert("leaked".to_owned(), now.saturating_sub(self.descriptors + 2) as u64);
        shown(&self.counts)
    }
}

/// A parcel with these bytes and descriptors.
fn parcel(bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<OwnedFd, Failure> {
    let (to, parcel) =
        socketpair(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None).map_err(misled)?;
    say(to.as_fd(), bytes, fds)?;
    Ok(parcel)
}

fn say(to: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), Failure> {
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(fds));
    }
    rustix::net::sendmsg(to, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL)
        .map_err(misled)
        .map(drop)
}

/// What is in a parcel.
fn opened(parcel: &OwnedFd) -> Result<(Vec<u8>, Vec<OwnedFd>), Failure> {
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let (mut bytes, flags) = (vec![0; 8192], RecvFlags::CMSG_CLOEXEC);
    let received = rustix::net::recvmsg(parcel, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, flags)
        .map_err(misled)?;
    bytes.truncate(received.bytes);
    let mut fds = Vec::new();
    for part in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(more) = part {
            fds.extend(more);
        }
    }
    Ok((bytes, fds))
}

fn garble(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let handle = made(words.next()?, words.next()?, false, namespace)?;
    // Its own handle goes: what arrives is new to this process.
    let packed = transfer::pack(&[&handle])?;
    drop(handle);
    let (message, fds) = opened(&packed)?;
    let all: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
    transfer::unpack(parcel(&message, &all)?)?;
    let mut tally = Tally::start();
    let mut attempt = |bytes: &[u8], fds: &[BorrowedFd<'_>]| -> Result<(), Failure> {
        let parcel = parcel(bytes, fds)?;
        tally.note(|| transfer::unpack(parcel));
        Ok(())
    };
    for at in 0..message.len() {
        for flip in [1, 2, 4, 0x80, 0xff] {
            let mut wrong = message.clone();
            wrong[at] ^= flip;
            attempt(&wrong, &all)?;
        }
    }
    for length in 1..message.len() {
        attempt(&message[..length], &all)?;
    }
    for more in [1, 31, 32, 33, 4096] {
        attempt(&[&message[..], &vec![0; more]].concat(), &all)?;
    }
    let backwards: Vec<_> = all.iter().rev().copied().collect();
    let twice = [&all[..], &all[..]].concat();
    let many: Vec<_> = all.iter().copied().cycle().take(253).collect();
    for fds in [&all[..all.len() - 1], &twice, &many, &[]] {
        attempt(&message, fds)?;
    }
    if backwards.len() > 1 {
        attempt(&message, &backwards)?;
    }
    attempt(&[], &all)?;
    let told = tally.end();
    // And what was sent in all these ways is there as before.
    transfer::unpack(parcel(&message, &all)?)?.iter().try_for_each(|it| used(it).map(drop))?;
    Ok(told)
}

fn garble_deposit(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let handle = made(words.next()?, words.next()?, false, namespace)?;
    let directory = words.next()?;
    drop(transfer::claim_in::<AnyHandle>(namespace, Deposit::in_namespace(namespace, &handle)?.token())?);
    let mut tally = Tally::start();
    for at in 0..96 {
        for flip in [1, 0x80, 0xff] {
            let deposit = Deposit::in_namespace(namespace, &handle)?;
            let path = format!("{directory}/.shmobj-deposit.{}", deposit.token());
            let file = File::options().read(true).write(true).open(path).map_err(misled)?;
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).map_err(misled)?;
            file.write_all_at(&[byte[0] ^ flip], at).map_err(misled)?;
            tally.note(|| Ok(vec![transfer::claim_in(namespace, deposit.token())?]));
        }
    }
    used(&handle)?;
    Ok(tally.end())
}

/// Everything that has a descriptor and is not a handle, and a few that are one of something else.
fn all_strangers(directory: &Path, namespace: &Namespace) -> Result<Vec<(&'static str, OwnedFd)>, Failure> {
    let open =
        |path: &Path, flags| rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()).map_err(misled);
    let memory = |bytes: u64, seals: SealFlags| -> Result<OwnedFd, Failure> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = rustix::fs::memfd_create("shmobj:stranger", flags).map_err(misled)?;
        rustix::fs::ftruncate(&fd, bytes).map_err(misled)?;
        rustix::fs::fcntl_add_seals(&fd, seals).map_err(misled)?;
        Ok(fd)
    };
    let file = directory.join("strangers-file");
    std::fs::write(&file, vec![7; 4096]).map_err(misled)?;
    let fifo = directory.join("strangers-fifo");
    rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).map_err(misled)?;
    let foreign = directory.join("strangers-entry");
    Page::new("strangers-entry").kind(2).write(&foreign);
    let garbled = directory.join("strangers-garbled-entry");
    Page::new("another-name").kind(99).write(&garbled);
    let dead = directory.join("strangers-dead-entry");
    Page::new("strangers-dead-entry").kind(3).write(&dead);
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(misled)?;
    let (one, _) =
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).map_err(misled)?;
    let page = page_size() as u64;
    let mapping = FileMapping::options().namespace(namespace).size(4096).create_unnamed()?;
    let event = Event::options().namespace(namespace).create_unnamed()?;
    let mut all = vec![
        ("pipe", read),
        ("pipe's-end", write),
        ("socket", one),
        ("directory", open(directory, OFlags::DIRECTORY)?),
        ("null", open(Path::new("/dev/null"), OFlags::RDWR)?),
        ("zero", open(Path::new("/dev/zero"), OFlags::RDWR)?),
        ("proc-status", open(Path::new("/proc/self/status"), OFlags::RDONLY)?),
        ("proc-mem", open(Path::new("/proc/self/mem"), OFlags::RDONLY)?),
        ("fifo", open(&fifo, OFlags::RDWR | OFlags::NONBLOCK)?),
        ("file", open(&file, OFlags::RDWR)?),
        ("write-only-file", open(&file, OFlags::WRONLY)?),
        ("path-of-file", open(&file, OFlags::PATH)?),
        ("path-of-directory", open(directory, OFlags::PATH)?),
        ("path-of-entry", open(&foreign, OFlags::PATH)?),
        ("garbled-entry", open(&garbled, OFlags::RDWR)?),
        ("dead-entry", open(&dead, OFlags::RDWR)?),
        ("epoll", rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC).map_err(misled)?),
        ("eventfd", rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).map_err(misled)?),
        ("empty-memory", memory(0, SealFlags::SHRINK)?),
        ("unsealed-memory", memory(page, SealFlags::empty())?),
        ("holes", memory(16 * page, SealFlags::SHRINK | SealFlags::GROW)?),
        ("odd-memory", memory(page + 1, SealFlags::SHRINK | SealFlags::GROW)?),
        ("memory-closed-to-writers", memory(page, SealFlags::SHRINK | SealFlags::WRITE)?),
        ("mapping", mapping.as_fd().try_clone_to_owned().map_err(misled)?),
        ("event", event.as_fd().try_clone_to_owned().map_err(misled)?),
    ];
    std::fs::remove_file(&dead).map_err(misled)?;
    for (name, sealed) in [("large-pages", true), ("unsealed-large-pages", false)] {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB;
        let Ok(fd) = rustix::fs::memfd_create("shmobj:stranger", flags) else { continue };
        if rustix::fs::ftruncate(&fd, 2 << 20).is_ok() {
            if sealed {
                rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK).map_err(misled)?;
            }
            all.push((name, fd));
        }
    }
    Ok(all)
}

/// The numbers of the kinds in a message. Mappings come last: they are written, whatever they are.
const KINDS: [(u8, &str); 6] =
    [(2, "mutex"), (3, "event"), (4, "semaphore"), (5, "timer"), (6, "job"), (1, "mapping")];

fn message(kind: u8, descriptors: u8, size: u64) -> Vec<u8> {
    let mut message = b"shmobjH\n\x01\0\0\0\x01\0\0\0".to_vec();
    message.extend([kind, 0, 0, 0, 0x17, 0, 0x10, 0, descriptors, 0, 0, 0, 4, 0, 0, 0]);
    message.extend([0; 8]);
    message.extend(size.to_le_bytes());
    message
}

fn strangers(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let all = all_strangers(Path::new(words.next()?), namespace)?;
    let mut tally = Tally::start();
    let mut accepted = BTreeSet::new();
    for (name, stranger) in &all {
        let stranger = stranger.as_fd();
        for (kind, what) in KINDS {
            // As what holds the object, as what is mapped, as both.
            for (descriptors, fds) in [(1, &[stranger][..]), (2, &[stranger]), (3, &[stranger, stranger])] {
                for size in [0, 4096, u64::MAX] {
                    let parcel = parcel(&message(kind, descriptors, size), fds)?;
                    if tally.note(|| transfer::unpack(parcel)) {
                        accepted.insert(format!("{name}-as-{what}"));
                    }
                }
            }
            let copy = || stranger.try_clone_to_owned();
            let copy = copy().map_err(misled)?;
            let taken = |fd: OwnedFd| -> shmobj::Result<AnyHandle> {
                Ok(match kind {
                    1 => FileMapping::try_from(fd)?.into(),
                    2 => Mutex::try_from(fd)?.into(),
                    3 => Event::try_from(fd)?.into(),
                    4 => Semaphore::try_from(fd)?.into(),
                    _ => WaitableTimer::try_from(fd)?.into(),
                })
            };
            if tally.note(|| taken(copy).map(|it| vec![it])) {
                accepted.insert(format!("{name}-as-{what}"));
            }
        }
    }
    let accepted: Vec<String> = accepted.into_iter().collect();
    Ok(format!("{} accepted={}", tally.end(), accepted.join(",")))
}

/// The other end stays open and says nothing more.
fn half_a_parcel() -> Outcome {
    let (to, parcel) =
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).map_err(misled)?;
    let memory = rustix::fs::memfd_create("shmobj:stranger", MemfdFlags::CLOEXEC).map_err(misled)?;
    say(to.as_fd(), &message(1, 2, 4096)[..20], &[memory.as_fd()])?;
    let mut tally = Tally::start();
    tally.note(|| transfer::unpack(parcel));
    let told = tally.end();
    drop(to);
    let links = File::from(memory).metadata().map_err(misled)?.nlink();
    Ok(format!("{told} links={links}"))
}
