//! What goes through a descriptor: pipes (as fifos, which have names), and sockets of the Unix domain.

pub(crate) mod eventfd;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::tools::trips::trips;
use super::tools::{bulk, hand_over, timing};
use super::{Made, Stage};
use crate::protocol::Answer;

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    let sequenced = stage.contender == "unix-seqpacket";
    match stage.operation.as_str() {
        "semaphore" if stage.contender == "pipe" => {
            let (mut read, mut write) = loop_back(stage);
            Made::of(move |count| {
                timing::timed(count, || {
                    write.write_all(b"x").expect("written");
                    read.read_exact(&mut [0]).expect("read");
                })
            })
        }
        "ping-pong" | "ping-pong-one-core" => {
            let (mut read, mut write) = ends(stage);
            let (mut receive, mut send) = (
                move || read.read_exact(&mut [0]).expect("read"),
                move || write.write_all(b"x").expect("written"),
            );
            if stage.role == 0 {
                return trips(0, move || {
                    send();
                    receive();
                });
            }
            trips(1, move || {
                receive();
                send();
            })
        }
        // A packet is not larger than the socket's buffer: nobody would hand over that much in packets.
        "transfer" if !sequenced => transfer(stage),
        "leftovers" => {
            let ends = ends(stage);
            Made::of(move |_| {
                let _open = &ends;
                Answer::Done
            })
        }
        _ => Made::Unsupported,
    }
}

/// Where this player reads, and where it writes.
fn ends(stage: &Stage) -> (File, File) {
    if stage.contender == "pipe" {
        let (there, back) = (fifo(&stage.directory.join("there")), fifo(&stage.directory.join("back")));
        return if stage.role == 0 { (back, there) } else { (there, back) };
    }
    let kind = if stage.contender == "unix-stream" { SocketType::STREAM } else { SocketType::SEQPACKET };
    let mut pair = (stage.role == 0).then(|| {
        let (own, other) =
            socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).expect("two sockets");
        (own, Some(other))
    });
    let given = hand_over::shared(stage, 1, |_| {
        pair.as_mut().and_then(|(_, other)| other.take()).expect("role 0 gives one")
    });
    // What was given away would keep the connection alive if it stayed here.
    let own: OwnedFd = match pair {
        Some((own, _)) => own,
        None => given.into_iter().next().expect("one descriptor"),
    };
    let own = File::from(own);
    (own.try_clone().expect("a copy"), own)
}

/// Open for both, which on Linux does not wait for the other side.
fn fifo(path: &Path) -> File {
    let _ = rustix::fs::mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR);
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    File::from(rustix::fs::open(path, flags, Mode::empty()).expect("a fifo"))
}

fn loop_back(stage: &Stage) -> (File, File) {
    let fifo = fifo(&stage.directory.join("loop"));
    (fifo.try_clone().expect("a copy"), fifo)
}

fn transfer(stage: &Stage) -> Made {
    let (mut read, mut write) = ends(stage);
    if stage.contender == "pipe" {
        // The most that a user without privileges may have; the default is 64 KiB.
        let _ = rustix::pipe::fcntl_setpipe_size(&write, bulk::CHUNK);
    }
    let (bytes, role) = (stage.parameter, stage.role);
    let (source, expected) = (bulk::source(), bulk::expected(bytes));
    let mut target = vec![0; bulk::CHUNK];
    Made::of(move |count| {
        let chunks = bytes / bulk::CHUNK as u64;
        if role == 0 {
            for _ in 0..count * chunks {
                write.write_all(&source).expect("written");
            }
            return Answer::Done;
        }
        timing::timed(count, || {
            let mut sum = 0_u64;
            for _ in 0..chunks {
                read.read_exact(&mut target).expect("read");
                sum = sum.wrapping_add(bulk::sum(&target));
            }
            assert_eq!(sum, expected, "every byte arrives");
        })
    })
}
