//! Commands about handles that travel: over sockets, in parcels, as deposits, out of another process. (Children are in
//! [`child`](super::child).)
//!
//! ```text
//! have HANDLE KIND NAME [new]          lose HANDLE...                      copy HANDLE HANDLE r|all
//! about HANDLE                         identity HANDLE                     number HANDLE
//! use HANDLE                           pid                                 unlock PATH
//! listen SOCKET ADDRESS TYPE           accept SOCKET SOCKET                call SOCKET ADDRESS TYPE
//! no-waiting SOCKET                    small-buffer SOCKET                 say SOCKET TEXT
//! hear SOCKET BYTES                    hang-up SOCKET
//! hand SOCKET HANDLE...                hand-many SOCKET HANDLE COUNT       hand-over SOCKET HANDLE...
//! take SOCKET HANDLE...                take-count SOCKET
//! wrap PARCEL HANDLE...                unwrap PARCEL HANDLE...             hand-parcel SOCKET PARCEL
//! take-parcel SOCKET PARCEL            deposit DEPOSIT HANDLE              withdraw DEPOSIT
//! is-claimed DEPOSIT                   claim HANDLE TOKEN                  duplicate HANDLE KIND PID NUMBER
//! ```
//! Kinds: `mapping mutex event semaphore timer`. The name `-` makes an unnamed one. Types: `stream seqpacket dgram`. Several handles that
//! are taken get the names given, in order.
#![allow(unsafe_code)] // takes locks off descriptors that only /proc tells of

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::FlockOperation;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use shmobj::transfer::{self, AnyHandle, Deposit, Transfer};
use shmobj::{Access, Event, FileMapping, Mutex, Namespace, Semaphore, Timeout, WaitableTimer};

use super::{Failure, Outcome, Words, misled};

#[derive(Default)]
struct Luggage {
    handles: BTreeMap<String, AnyHandle>,
    /// Sockets and parcels.
    descriptors: BTreeMap<String, OwnedFd>,
    deposits: BTreeMap<String, Deposit>,
}

thread_local! {
    static LUGGAGE: RefCell<Luggage> = RefCell::default();
}

/// `None`: the command is about something else.
pub(super) fn obey(
    command: &str,
    words: &mut Words<'_>,
    namespace: &dyn Fn() -> Namespace,
) -> Option<Outcome> {
    LUGGAGE.with_borrow_mut(|luggage| {
        Some(match command {
            "have" => luggage.have(words, &namespace()),
            "lose" => luggage.lose(words),
            "copy" => luggage.copy(words),
            "about" | "identity" | "number" | "use" => luggage.look(command, words),
            "listen" | "accept" | "call" | "no-waiting" | "small-buffer" | "say" | "hear" | "hang-up" => {
                luggage.talk(command, words)
            }
            "hand" | "hand-many" | "hand-over" => luggage.hand(command, words),
            "take" | "take-count" | "unwrap" => luggage.take(command, words),
            "wrap" => luggage.wrap(words),
            "hand-parcel" | "take-parcel" => luggage.carry_parcel(command, words),
            "deposit" | "withdraw" | "is-claimed" => luggage.deposit(command, words, &namespace()),
            "claim" => luggage.claim(words, &namespace()),
            "duplicate" => luggage.duplicate(words),
            "pid" => Ok(std::process::id().to_string()),
            "unlock" => unlock(words),
            _ => return None,
        })
    })
}

/// A handle of this process, for other commands.
pub(super) fn with_handle<T>(
    name: &str,
    act: impl FnOnce(&AnyHandle) -> Result<T, Failure>,
) -> Result<T, Failure> {
    LUGGAGE.with_borrow(|luggage| act(luggage.handle(name)?))
}

/// Takes a handle into this process's luggage.
pub(super) fn keep(name: &str, handle: AnyHandle) -> Outcome {
    LUGGAGE.with_borrow_mut(|luggage| luggage.keep(name, handle))
}

impl Luggage {
    fn handle(&self, name: &str) -> Result<&AnyHandle, Failure> {
        self.handles.get(name).ok_or_else(|| misled(format!("no handle {name}")))
    }

    fn descriptor(&self, name: &str) -> Result<BorrowedFd<'_>, Failure> {
        self.descriptors.get(name).map(AsFd::as_fd).ok_or_else(|| misled(format!("no socket {name}")))
    }

    fn keep(&mut self, name: &str, handle: AnyHandle) -> Outcome {
        let answer = told_of(&handle);
        self.handles.insert(name.to_owned(), handle);
        Ok(answer)
    }

    fn have(&mut self, words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
        let (handle, kind, name) = (words.next()?, words.next()?, words.next()?);
        let made = made(kind, name, words.next().is_ok(), namespace)?;
        self.keep(handle, made)
    }

    fn lose(&mut self, words: &mut Words<'_>) -> Outcome {
        for name in words.each() {
            drop(self.handles.remove(name).ok_or_else(|| misled(format!("no handle {name}")))?);
        }
        Ok(String::new())
    }

    fn copy(&mut self, words: &mut Words<'_>) -> Outcome {
        let (copy, of, access) = (words.next()?, words.next()?, words.next()?);
        let access = if access == "r" { Access::READ } else { Access::ALL };
        let AnyHandle::FileMapping(mapping) = self.handle(of)? else { return Err(misled("not a mapping")) };
        let made = mapping.try_clone_with(access)?;
        self.keep(copy, made.into())
    }

    fn look(&self, command: &str, words: &mut Words<'_>) -> Outcome {
        let handle = self.handle(words.next()?)?;
        match command {
            "about" => Ok(told_of(handle)),
            "number" => Ok(descriptor(handle).as_raw_fd().to_string()),
            "identity" => {
                let stat = rustix::fs::fstat(descriptor(handle)).map_err(misled)?;
                Ok(format!("{}.{}", stat.st_dev, stat.st_ino))
            }
            _ => used(handle),
        }
    }

    fn talk(&mut self, command: &str, words: &mut Words<'_>) -> Outcome {
        let name = words.next()?;
        let new = match command {
            "listen" | "call" => {
                let address = SocketAddrUnix::new_abstract_name(words.next()?.as_bytes()).map_err(misled)?;
                let sort = match words.next()? {
                    "stream" => SocketType::STREAM,
                    "seqpacket" => SocketType::SEQPACKET,
                    _ => SocketType::DGRAM,
                };
                let flags = SocketFlags::CLOEXEC;
                let socket =
                    rustix::net::socket_with(AddressFamily::UNIX, sort, flags, None).map_err(misled)?;
                if command == "call" {
                    rustix::net::connect(&socket, &address).map_err(misled)?;
                } else {
                    rustix::net::bind(&socket, &address).map_err(misled)?;
                    if sort != SocketType::DGRAM {
                        rustix::net::listen(&socket, 8).map_err(misled)?;
                    }
                }
                socket
            }
            "accept" => {
                let listening = self.descriptor(words.next()?)?;
                rustix::net::accept_with(listening, SocketFlags::CLOEXEC).map_err(misled)?
            }
            "hang-up" => {
                self.descriptors.remove(name).ok_or_else(|| misled(format!("no socket {name}")))?;
                return Ok(String::new());
            }
            _ => return self.say(command, name, words),
        };
        self.descriptors.insert(name.to_owned(), new);
        Ok(String::new())
    }

    fn say(&self, command: &str, name: &str, words: &mut Words<'_>) -> Outcome {
        let socket = self.descriptor(name)?;
        match command {
            "no-waiting" => rustix::io::ioctl_fionbio(socket, true).map_err(misled)?,
            "small-buffer" => {
                rustix::net::sockopt::set_socket_send_buffer_size(socket, 1).map_err(misled)?;
            }
            "say" => {
                let text = words.rest();
                rustix::net::send(socket, text.as_bytes(), SendFlags::NOSIGNAL).map_err(misled)?;
            }
            _ => {
                let mut bytes = vec![0; words.number()?];
                let (count, _) =
                    rustix::net::recv(socket, &mut bytes[..], RecvFlags::WAITALL).map_err(misled)?;
                return Ok(String::from_utf8_lossy(&bytes[..count]).into_owned());
            }
        }
        Ok(String::new())
    }

    fn chosen(&self, words: &mut Words<'_>) -> Result<Vec<&dyn Transfer>, Failure> {
        words.each().map(|name| Ok(self.handle(name)? as &dyn Transfer)).collect()
    }

    fn hand(&mut self, command: &str, words: &mut Words<'_>) -> Outcome {
        let socket = self.descriptor(words.next()?)?;
        match command {
            "hand" => transfer::send(socket, &self.chosen(words)?)?,
            "hand-many" => {
                let handle = self.handle(words.next()?)?;
                transfer::send(socket, &vec![handle as &dyn Transfer; words.number()?])?;
            }
            _ => {
                let socket = socket.try_clone_to_owned().map_err(misled)?;
                let names: Vec<&str> = words.each().collect();
                let handles = names.iter().filter_map(|&name| self.handles.remove(name)).collect();
                transfer::send_and_close(socket, handles)?;
            }
        }
        Ok(String::new())
    }

    fn take(&mut self, command: &str, words: &mut Words<'_>) -> Outcome {
        let name = words.next()?;
        let arrived = match command {
            "unwrap" => {
                let parcel = self.descriptors.remove(name);
                transfer::unpack(parcel.ok_or_else(|| misled(format!("no parcel {name}")))?)?
            }
            _ => transfer::receive(self.descriptor(name)?)?,
        };
        if command == "take-count" {
            return Ok(arrived.len().to_string());
        }
        let mut answers = Vec::new();
        for handle in arrived {
            answers.push(self.keep(words.next()?, handle)?);
        }
        Ok(answers.join(" and "))
    }

    fn wrap(&mut self, words: &mut Words<'_>) -> Outcome {
        let name = words.next()?;
        let parcel = transfer::pack(&self.chosen(words)?)?;
        self.descriptors.insert(name.to_owned(), parcel);
        Ok(String::new())
    }

    /// As any protocol does that hands on descriptors.
    fn carry_parcel(&mut self, command: &str, words: &mut Words<'_>) -> Outcome {
        let socket = self.descriptor(words.next()?)?;
        let name = words.next()?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        if command == "hand-parcel" {
            let parcel = [self.descriptor(name)?];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            ancillary.push(SendAncillaryMessage::ScmRights(&parcel));
            let sent =
                rustix::net::sendmsg(socket, &[IoSlice::new(b"p")], &mut ancillary, SendFlags::NOSIGNAL);
            sent.map_err(misled)?;
            self.descriptors.remove(name);
        } else {
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let (mut byte, flags) = ([0], RecvFlags::CMSG_CLOEXEC);
            rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, flags)
                .map_err(misled)?;
            let fds = ancillary.drain().find_map(|part| match part {
                RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
                _ => None,
            });
            self.descriptors.insert(name.to_owned(), fds.ok_or_else(|| misled("no parcel came"))?);
        }
        Ok(String::new())
    }

    fn deposit(&mut self, command: &str, words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
        let name = words.next()?;
        if command == "deposit" {
            let deposit = Deposit::in_namespace(namespace, self.handle(words.next()?)?)?;
            let token = deposit.token().to_owned();
            self.deposits.insert(name.to_owned(), deposit);
            return Ok(token);
        }
        let deposit = self.deposits.get(name).ok_or_else(|| misled(format!("no deposit {name}")))?;
        let claimed = deposit.is_claimed();
        if command == "withdraw" {
            self.deposits.remove(name);
        }
        Ok(claimed.to_string())
    }

    fn claim(&mut self, words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
        let name = words.next()?;
        let claimed: AnyHandle = transfer::claim_in(namespace, words.next()?)?;
        self.keep(name, claimed)
    }

    fn duplicate(&mut self, words: &mut Words<'_>) -> Outcome {
        let (name, kind) = (words.next()?, words.next()?);
        let (pid, number): (u32, RawFd) = (words.number()?, words.number()?);
        let copy: AnyHandle = match kind {
            "mapping" | "beside" => transfer::duplicate_from::<FileMapping>(pid, number)?.into(),
            "mutex" => transfer::duplicate_from::<Mutex>(pid, number)?.into(),
            "event" => transfer::duplicate_from::<Event>(pid, number)?.into(),
            "semaphore" => transfer::duplicate_from::<Semaphore>(pid, number)?.into(),
            _ => transfer::duplicate_from::<WaitableTimer>(pid, number)?.into(),
        };
        self.keep(name, copy)
    }
}

/// Makes an object of a kind, or finds it, unless it is to be new.
pub(super) fn made(kind: &str, name: &str, new: bool, namespace: &Namespace) -> Result<AnyHandle, Failure> {
    let name = if name == "-" { "" } else { name };
    macro_rules! made {
        ($options:expr) => {{
            let options = $options.namespace(namespace);
            if new { options.create_new(name)?.into() } else { options.create(name)?.into() }
        }};
    }
    Ok(match kind {
        "mapping" => made!(FileMapping::options().size(4096)),
        "beside" => made!(FileMapping::options().size(4096).across_pid_namespaces(true)),
        "mutex" => made!(Mutex::options()),
        "event" => made!(Event::options()),
        "semaphore" => made!(Semaphore::options().max(1_000_000)),
        "timer" => made!(WaitableTimer::options()),
        other => return Err(misled(format!("what is the kind {other}?"))),
    })
}

fn told_of(handle: &AnyHandle) -> String {
    format!("kind={:?} name={} access={:#x}", handle.kind(), handle.name(), handle.access().bits())
}

fn descriptor(handle: &AnyHandle) -> BorrowedFd<'_> {
    match handle {
        AnyHandle::FileMapping(it) => it.as_fd(),
        AnyHandle::Mutex(it) => it.as_fd(),
        AnyHandle::Event(it) => it.as_fd(),
        AnyHandle::Semaphore(it) => it.as_fd(),
        AnyHandle::WaitableTimer(it) => it.as_fd(),
        _ => unreachable!("all kinds are above"),
    }
}

/// Does what such an object is for. A mapping answers how often its memory was used so.
pub(super) fn used(handle: &AnyHandle) -> Outcome {
    match handle {
        AnyHandle::FileMapping(it) => {
            let view = it.map_mut()?;
            return Ok(view.atomic::<AtomicU64>(0)?.fetch_add(1, Ordering::SeqCst).to_string());
        }
        AnyHandle::Mutex(it) => drop(it.lock()?),
        AnyHandle::Event(it) => {
            it.set()?;
            it.wait(Timeout::NOW)?;
        }
        AnyHandle::Semaphore(it) => {
            it.release(1)?;
            it.wait(Timeout::NOW)?;
        }
        AnyHandle::WaitableTimer(it) => it.cancel()?,
        _ => unreachable!("all kinds are above"),
    }
    Ok(String::new())
}

/// Takes the lock off every description of a file that this process has.
fn unlock(words: &mut Words<'_>) -> Outcome {
    let path = std::path::Path::new(words.next()?);
    let mut count = 0;
    for entry in std::fs::read_dir("/proc/self/fd").map_err(misled)?.flatten() {
        if std::fs::read_link(entry.path()).is_ok_and(|target| target == path) {
            let number: RawFd =
                entry.file_name().to_str().and_then(|name| name.parse().ok()).ok_or_else(|| misled("?"))?;
            // SAFETY: a descriptor that was listed just now, in a process with one thread.
            let fd = unsafe { BorrowedFd::borrow_raw(number) };
            rustix::fs::flock(fd, FlockOperation::Unlock).map_err(misled)?;
            count += 1;
        }
    }
    Ok(count.to_string())
}
