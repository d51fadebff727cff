//! Handles over a Unix socket: one message, with the descriptors in it (`SCM_RIGHTS`).
//!
//! ```text
//!   0  "shmobjH\n"
//!   8  version 1
//!  12  how many handles
//!  16  a record of 32 bytes for each
//! ```
//!
//! A message in a socket's queue keeps its descriptors, and so their locks, open; the kernel closes them with the socket. So a
//! sender that is killed after `sendmsg` has sent, and one that is killed before has not. A *parcel* is a socket that has
//! such a message in its queue and no other end: one descriptor for any number of whole handles.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

use super::{Arrived, Carried, RECORD_BYTES, Record, unpack};
use crate::error::Attempt;
use crate::sys::linux::fork::Operation;
use crate::sys::linux::object::adopt::let_go;
use crate::test_hooks::step;

const MAGIC: [u8; 8] = *b"shmobjH\n";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 16;
/// How many descriptors the kernel lets one message have (SCM_MAX_FD).
const DESCRIPTORS: usize = 253;
/// How many handles one message can have, whatever they are. So many that it fits into the smallest buffer that a socket can
/// have: it is always sent and received in one piece.
pub(crate) const MAXIMUM: usize = 64;
const MESSAGE_BYTES: usize = HEAD_BYTES + MAXIMUM * RECORD_BYTES;

/// A handle that came, or what is the matter with it.
pub(crate) type Arrival = crate::Result<Arrived>;

/// Why nothing was received.
#[derive(Debug)]
pub(crate) enum Unreceived {
    /// The other end has closed the socket.
    Closed,
    /// Other bytes than a message of handles.
    Strange(&'static str),
    /// This process has too few descriptors left for those that came.
    NoRoom,
    System(Errno),
}

impl From<Errno> for Unreceived {
    fn from(errno: Errno) -> Self {
        Self::System(errno)
    }
}

/// Sends handles in one message.
pub(crate) fn send(socket: BorrowedFd<'_>, handles: &[Carried]) -> Result<(), Errno> {
    let mut message = Vec::with_capacity(HEAD_BYTES + handles.len() * RECORD_BYTES);
    message.extend_from_slice(&MAGIC);
    message.extend_from_slice(&VERSION.to_le_bytes());
    message.extend_from_slice(&(handles.len() as u32).to_le_bytes());
    handles.iter().for_each(|handle| message.extend_from_slice(&handle.record.to_bytes()));
    let descriptors: Vec<_> = handles.iter().flat_map(Carried::descriptors).map(AsFd::as_fd).collect();
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(Errno::TOOBIG);
    }
    step("transfer: before it is sent");
    let sent = rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(socket, &[IoSlice::new(&message)], &mut ancillary, SendFlags::NOSIGNAL)
    })?;
    step("transfer: sent");
    if sent == message.len() { Ok(()) } else { Err(Errno::NOBUFS) }
}

/// Receives one message of handles, waiting as the socket does, and makes handles of them. Whatever goes wrong, the descriptors that
/// came are closed.
pub(crate) fn receive(attempt: &Attempt<'_>, socket: BorrowedFd<'_>) -> Result<Vec<Arrival>, Unreceived> {
    loop {
        // A look waits, and takes nothing: a fork has to wait only while descriptors with locks are being taken.
        let look = || rustix::net::recv(socket, &mut [0_u8][..], RecvFlags::PEEK);
        rustix::io::retry_on_intr(look)?;
        match receive_now(attempt, socket) {
            Err(Unreceived::System(Errno::AGAIN)) => {} // another thread was quicker
            received => return received,
        }
    }
}

/// Receives a message that is there. Also behind a bad handle each is made a handle of, to be closed as one (L5).
fn receive_now(attempt: &Attempt<'_>, socket: BorrowedFd<'_>) -> Result<Vec<Arrival>, Unreceived> {
    let _operation = Operation::start();
    let mut message = vec![0; MESSAGE_BYTES];
    let mut space =
        vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS), ScmCredentials(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    // One call gets no more than one message, also from a stream: the kernel stops behind bytes that came with descriptors.
    let received = rustix::io::retry_on_intr(|| {
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut message)], &mut ancillary, flags)
    })?;
    let mut descriptors = VecDeque::new();
    for part in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = part {
            descriptors.extend(fds);
        }
    }
    step("transfer: received");
    let parsed = if received.flags.contains(ReturnFlags::CTRUNC) {
        Err(Unreceived::NoRoom)
    } else if received.bytes == 0 {
        Err(Unreceived::Closed)
    } else if received.flags.contains(ReturnFlags::TRUNC) {
        Err(Unreceived::Strange("it is longer than any message of handles"))
    } else {
        parse(&message[..received.bytes], descriptors.len())
    };
    match parsed {
        Ok(records) => {
            let carried =
                records.into_iter().filter_map(|record| Carried::assemble(record, &mut descriptors));
            Ok(carried.map(|carried| unpack(attempt, carried)).collect())
        }
        Err(why) => {
            descriptors.into_iter().for_each(let_go);
            Err(why)
        }
    }
}

/// What a message says about so many descriptors.
fn parse(message: &[u8], descriptors: usize) -> Result<Vec<Record>, Unreceived> {
    let Some((head, records)) = message.split_at_checked(HEAD_BYTES).filter(|(head, _)| head[..8] == MAGIC)
    else {
        return Err(Unreceived::Strange("it is not a message of handles"));
    };
    let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|index| head[at + index]));
    if number(8) != VERSION {
        return Err(Unreceived::Strange("it has another version"));
    }
    let whole = records.len() % RECORD_BYTES == 0 && records.len() / RECORD_BYTES == number(12) as usize;
    if records.is_empty() || !whole {
        return Err(Unreceived::Strange("its length is wrong"));
    }
    let record = |bytes: &[u8]| bytes.try_into().ok().and_then(Record::parse);
    let records: Option<Vec<_>> = records.chunks_exact(RECORD_BYTES).map(record).collect();
    let records = records.ok_or(Unreceived::Strange("it describes no handle"))?;
    if records.iter().map(|record| record.descriptors()).sum::<usize>() != descriptors {
        return Err(Unreceived::Strange("it came with too few descriptors, or too many"));
    }
    Ok(records)
}

/// One descriptor that keeps handles.
pub(crate) fn make_parcel(handles: &[Carried]) -> Result<OwnedFd, Errno> {
    // Datagrams: the end that stays is not hung up by the end that goes, or systemd would throw it out of its store.
    let (to, parcel) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    send(to.as_fd(), handles)?;
    Ok(parcel)
}

/// Takes the handles out of a parcel, which is empty afterwards.
pub(crate) fn open_parcel(attempt: &Attempt<'_>, parcel: &OwnedFd) -> Result<Vec<Arrival>, Unreceived> {
    match receive_now(attempt, parcel.as_fd()) {
        Err(Unreceived::System(Errno::AGAIN)) => Err(Unreceived::Closed),
        Err(Unreceived::System(Errno::NOTSOCK)) => Err(Unreceived::Strange("it is not a socket")),
        received => received,
    }
}
