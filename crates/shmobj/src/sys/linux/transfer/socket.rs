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

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

use super::{Carried, RECORD_BYTES, Record};
use crate::sys::linux::fork::Operation;
use crate::test_hooks::step;

const MAGIC: [u8; 8] = *b"shmobjH\n";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 16;
/// How many descriptors the kernel lets one message have (SCM_MAX_FD).
const DESCRIPTORS: usize = 253;
/// How many handles one message can have, whatever they are.
pub(crate) const MAXIMUM: usize = DESCRIPTORS / 2;
const MESSAGE_BYTES: usize = HEAD_BYTES + MAXIMUM * RECORD_BYTES;

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
    let mut sent = rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(socket, &[IoSlice::new(&message)], &mut ancillary, SendFlags::NOSIGNAL)
    })?;
    step("transfer: sent");
    // A stream with a tiny buffer takes it in parts; the descriptors went with the first.
    while sent < message.len() {
        sent +=
            rustix::io::retry_on_intr(|| rustix::net::send(socket, &message[sent..], SendFlags::NOSIGNAL))?;
    }
    Ok(())
}

/// Receives one message of handles, waiting as the socket does. Whatever goes wrong, the descriptors that came are closed.
pub(crate) fn receive(socket: BorrowedFd<'_>) -> Result<Vec<Carried>, Unreceived> {
    loop {
        // A look waits, and takes nothing: a fork has to wait only while descriptors with locks are being taken.
        let mut first = [0];
        let look = || rustix::net::recv(socket, &mut first[..], RecvFlags::PEEK);
        if rustix::io::retry_on_intr(look)?.0 == 0 {
            return Err(Unreceived::Closed);
        }
        match receive_now(socket) {
            Err(Unreceived::System(Errno::AGAIN)) => {} // another thread was quicker
            received => return received,
        }
    }
}

/// Receives a message that is there.
fn receive_now(socket: BorrowedFd<'_>) -> Result<Vec<Carried>, Unreceived> {
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
    let mut descriptors = Vec::new();
    for part in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = part {
            descriptors.extend(fds);
        }
    }
    step("transfer: received");
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(Unreceived::NoRoom);
    }
    let mut bytes = received.bytes;
    if bytes == 0 {
        return Err(Unreceived::Closed);
    }
    if received.flags.contains(ReturnFlags::TRUNC) {
        return Err(Unreceived::Strange("it is longer than any message of handles"));
    }
    let is_stream = rustix::net::sockopt::socket_type(socket)? == SocketType::STREAM;
    let whole = length(&message[..bytes])?;
    while is_stream && bytes < whole {
        let rest = rustix::io::retry_on_intr(|| {
            rustix::net::recv(socket, &mut message[bytes..whole], RecvFlags::empty())
        })?;
        if rest.0 == 0 {
            return Err(Unreceived::Strange("its end is missing: the sender died"));
        }
        bytes += rest.0;
    }
    if bytes != whole {
        return Err(Unreceived::Strange("its length is wrong"));
    }
    parse(&message[HEAD_BYTES..whole], descriptors)
}

/// How long a message is that begins like this.
fn length(message: &[u8]) -> Result<usize, Unreceived> {
    if message.len() < HEAD_BYTES || message[..8] != MAGIC {
        return Err(Unreceived::Strange("it is not a message of handles"));
    }
    let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|index| message[at + index]));
    if number(8) != VERSION {
        return Err(Unreceived::Strange("it has another version"));
    }
    match number(12) as usize {
        count @ 0..=MAXIMUM => Ok(HEAD_BYTES + count * RECORD_BYTES),
        _ => Err(Unreceived::Strange("it has more handles than a message can have")),
    }
}

fn parse(records: &[u8], descriptors: Vec<OwnedFd>) -> Result<Vec<Carried>, Unreceived> {
    let mut handles = Vec::new();
    let mut left = descriptors.into_iter();
    for record in records.chunks_exact(RECORD_BYTES) {
        let record = record.try_into().ok().and_then(Record::parse);
        let record = record.ok_or(Unreceived::Strange("it describes no handle"))?;
        handles.push(
            Carried::assemble(record, &mut left)
                .ok_or(Unreceived::Strange("it came with too few descriptors"))?,
        );
    }
    match left.next() {
        None => Ok(handles),
        Some(_) => Err(Unreceived::Strange("it came with too many descriptors")),
    }
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
pub(crate) fn open_parcel(parcel: &OwnedFd) -> Result<Vec<Carried>, Unreceived> {
    match receive_now(parcel.as_fd()) {
        Err(Unreceived::System(Errno::AGAIN)) => Err(Unreceived::Closed),
        Err(Unreceived::System(Errno::NOTSOCK)) => Err(Unreceived::Strange("it is not a socket")),
        received => received,
    }
}
