//! What a peer does that may open one object, or hand one on, and means no good.
//!
//! ```text
//! assail PATH MILLISECONDS      noise and old bytes all over an entry, shorter and longer, and its lock when it is to be had
//! offer SOCKET MILLISECONDS     sends handles that were tampered with, and goes on tampering with what it sent
//! ```
//! Neither ends early because of what the victim does.

use std::fs::OpenOptions;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use shmobj::Namespace;
use shmobj::transfer::{self, Transfer};

use super::canary::one_of_each;
use super::{Failure, Outcome, Words, misled};
use crate::random::{Random, unique};
use crate::system::page_size;

pub(super) fn obey(
    command: &str,
    words: &mut Words<'_>,
    namespace: &dyn Fn() -> Namespace,
) -> Option<Outcome> {
    Some(match command {
        "assail" => assail(words),
        "offer" => offer(words, &namespace()),
        _ => return None,
    })
}

fn assail(words: &mut Words<'_>) -> Outcome {
    let path = words.next()?;
    let end = Instant::now() + Duration::from_millis(words.number()?);
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(misled)?;
    let mut random = Random::new(unique());
    let mut before = vec![0; page_size()];
    file.read_exact_at(&mut before, 0).map_err(misled)?;
    let good = before.clone();
    while Instant::now() < end {
        match random.below(9) {
            // As it was when it was new, or a while ago: what was true once is the best lie.
            0 => file.write_all_at(&good, 0).map_err(misled)?,
            1 => file.write_all_at(&before, 0).map_err(misled)?,
            2 => {
                let _ = file.read_exact_at(&mut before, 0);
            }
            3 => {
                file.set_len([0, 64, 1024][random.below(3) as usize]).map_err(misled)?;
                std::thread::sleep(Duration::from_micros(random.below(300)));
                file.write_all_at(&before, 0).map_err(misled)?;
            }
            4 => {
                let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
                std::thread::sleep(Duration::from_micros(random.below(300)));
                let _ = flock(&file, FlockOperation::Unlock);
            }
            _ => scrawl(&file, &mut random).map_err(misled)?,
        }
    }
    // In peace again, so that what is left can be opened and removed.
    file.write_all_at(&good, 0).map_err(misled)?;
    Ok(String::new())
}

/// A few bytes somewhere: in the header, the hints or the words.
fn scrawl(file: &std::fs::File, random: &mut Random) -> std::io::Result<()> {
    let page = page_size() as u64;
    let at = match random.below(4) {
        0 => random.below(128),
        1 => 512 + random.below(512),
        2 => page - 8 * (1 + random.below(64)),
        _ => page - 8 * [1, 2, 8][random.below(3) as usize],
    };
    let bytes = [0, u64::MAX, random.next_u64(), 1 << random.below(64)][random.below(4) as usize];
    file.write_all_at(&bytes.to_le_bytes()[..1 + random.below(8) as usize], at)
}

/// A message as it travels.
struct Message {
    bytes: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

impl Message {
    fn of(handles: &[&dyn Transfer]) -> Result<Self, Failure> {
        let (here, there) = UnixStream::pair().map_err(misled)?;
        transfer::send(&here, handles)?;
        let mut bytes = vec![0; 8192];
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let received =
            rustix::net::recvmsg(&there, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, flags);
        bytes.truncate(received.map_err(misled)?.bytes);
        let descriptors = ancillary.drain().filter_map(|part| match part {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        });
        let descriptors = descriptors.flatten().collect();
        Ok(Self { bytes, descriptors })
    }

    fn tampered_with(&mut self, random: &mut Random) {
        let (bytes, count) = (self.bytes.len() as u64, self.descriptors.len() as u64);
        match random.below(5) {
            0 => self.bytes[random.below(bytes) as usize] = random.next_u64() as u8,
            1 => self.bytes.truncate(random.below(bytes) as usize + 1),
            2 => self.descriptors.swap(random.below(count) as usize, random.below(count) as usize),
            3 => drop(self.descriptors.remove(random.below(count) as usize)),
            _ => {}
        }
    }

    fn send(&self, to: &UnixStream) {
        let descriptors: Vec<_> = self.descriptors.iter().map(AsFd::as_fd).collect();
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        }
        // The victim may hang up.
        let flags = SendFlags::NOSIGNAL;
        let _ = rustix::net::sendmsg(to, &[IoSlice::new(&self.bytes)], &mut ancillary, flags);
    }
}

fn offer(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let path = words.next()?;
    let end = Instant::now() + Duration::from_millis(words.number()?);
    let mut random = Random::new(unique());
    let mut sent: Vec<OwnedFd> = Vec::new();
    while Instant::now() < end {
        let name = if random.once_in(2) { String::new() } else { format!("offered-{}", random.below(3)) };
        // The victim may have removed the objects, and another enemy have left something else there.
        let Ok(handles) = one_of_each(namespace, &name) else { continue };
        let handles: Vec<&dyn Transfer> = handles.iter().map(|handle| handle as &dyn Transfer).collect();
        let mut message = Message::of(&handles)?;
        message.tampered_with(&mut random);
        if let Ok(socket) = UnixStream::connect(path) {
            message.send(&socket);
        }
        sent.extend(message.descriptors);
        for _ in 0..20 {
            let fd = &sent[random.below(sent.len() as u64) as usize];
            match random.below(6) {
                0 => drop(flock(fd, FlockOperation::Unlock)),
                1 => drop(flock(fd, FlockOperation::NonBlockingLockExclusive)),
                2 => drop(flock(fd, FlockOperation::NonBlockingLockShared)),
                _ => {
                    let file = std::fs::File::from(fd.try_clone().map_err(misled)?);
                    let _ = scrawl(&file, &mut random); // it may be read-only
                }
            }
        }
        let kept = sent.len().saturating_sub(60);
        sent.drain(..kept);
    }
    Ok(String::new())
}
