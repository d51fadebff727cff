//! Descriptors of one player for another: a socket in the stage's directory, and the kernel's way to send them.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use crate::players::Stage;

/// What one message can carry, and more than anybody needs.
const MOST: usize = 128;

/// Role 0 makes some descriptors, and gives role 1 its own of the same.
pub(crate) fn shared(stage: &Stage, count: usize, make: impl FnMut(usize) -> OwnedFd) -> Vec<OwnedFd> {
    let path = stage.directory.join("descriptors");
    if stage.role == 1 {
        return receive(&UnixStream::connect(path).expect("role 0"), count);
    }
    let made: Vec<OwnedFd> = (0..count).map(make).collect();
    let copies: Vec<OwnedFd> = made.iter().map(|fd| fd.try_clone().expect("a copy")).collect();
    let listener = UnixListener::bind(&path).expect("a socket");
    // Role 1 is started when this one is ready, if there is one at all.
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("role 1");
        // The name is this program's; whoever compares what is left has nothing to do with it.
        let _ = std::fs::remove_file(path);
        send(&stream, &copies);
    });
    made
}

fn send(stream: &UnixStream, descriptors: &[OwnedFd]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)), "room for the descriptors");
    sendmsg(stream, &[IoSlice::new(b"x")], &mut ancillary, SendFlags::empty()).expect("sent");
}

fn receive(stream: &UnixStream, count: usize) -> Vec<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(stream, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::empty()).expect("received");
    let rights = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let received: Vec<OwnedFd> = rights.flatten().collect();
    assert_eq!(received.len(), count, "all descriptors arrive");
    received
}
