//! A message over a socket, with whatever descriptors: what was accepted is used.
#![no_main]

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixStream};

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use shmobj::transfer;
use shmobj_fuzz::enemy::Enemy;
use shmobj_fuzz::scene::scene;
use shmobj_fuzz::victim;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = run(&mut Unstructured::new(bytes));
    scene().is_whole();
});

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let mut enemy = Enemy::new(scene(), input);
    let count = enemy.input.int_in_range(0..=4_u32)?;
    let mut message = Vec::new();
    message.extend_from_slice(b"shmobjH\n");
    message.extend_from_slice(&1_u32.to_le_bytes());
    message.extend_from_slice(&count.to_le_bytes());
    let mut wanted = 0;
    for _ in 0..count {
        let (record, descriptors) = enemy.record()?;
        message.extend_from_slice(&record);
        wanted += descriptors;
    }
    if enemy.input.ratio(1, 8)? {
        wanted = enemy.input.int_in_range(0..=8)?;
    }
    let descriptors = (0..wanted).map(|_| enemy.descriptor()).collect::<Result<Vec<_>>>()?;
    let input = &mut *enemy.input;
    if input.ratio(1, 8)? {
        let at = input.choose_index(message.len())?;
        message[at] = input.arbitrary()?;
    }
    if input.ratio(1, 8)? {
        message.truncate(input.int_in_range(0..=message.len())?);
    }
    let sent: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(sent.is_empty() || ancillary.push(SendAncillaryMessage::ScmRights(&sent)));
    let mut send = |socket| {
        let _ = rustix::net::sendmsg(socket, &[IoSlice::new(&message)], &mut ancillary, SendFlags::NOSIGNAL);
    };
    let received = match input.int_in_range(0..=2)? {
        0 => {
            let (here, there) = UnixStream::pair().expect("sockets");
            send(here.as_fd());
            drop(here);
            transfer::receive(&there)
        }
        1 => {
            let (here, there) = UnixDatagram::pair().expect("sockets");
            send(here.as_fd());
            there.set_nonblocking(true).expect("a socket");
            transfer::receive(&there)
        }
        _ => {
            let (here, there) = UnixDatagram::pair().expect("sockets");
            send(here.as_fd());
            drop(here);
            transfer::unpack(there.into())
        }
    };
    drop(descriptors);
    let handles = received.unwrap_or_default();
    victim::uses(handles, input)
}
