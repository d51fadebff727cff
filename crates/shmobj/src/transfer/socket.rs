//! Handles over Unix sockets, and in parcels.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;

use super::{AnyHandle, Transfer};
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::sys::transfer::socket::{self, Arrival, Unreceived};
use crate::sys::transfer::{Carried, carry};

/// How many handles one message, or one parcel, can have.
pub const MAXIMUM_HANDLES: usize = socket::MAXIMUM;

const HANDLES: &str = "the handles";

/// Sends handles over a Unix socket, all in one message. The sender keeps its own.
///
/// The socket may be of any type, and carry other things as well, before and after. Each handle takes one or two descriptors,
/// which the kernel counts for the sender until they are received.
///
/// # Errors
/// [`InvalidParameter`](ErrorKind::InvalidParameter): none, or more than [`MAXIMUM_HANDLES`].
/// [`NoResources`](ErrorKind::NoResources): too many descriptors are open, or sent and not received.
/// [`NotFound`](ErrorKind::NotFound): the other end is closed.
///
/// # Crashes
/// Killed before the message is in the socket, nothing was sent; after it, everything. A receiver that is killed before it
/// receives them closes them with its socket.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::os::unix::net::UnixStream;
/// use shmobj::{Access, Event, FileMapping, transfer};
///
/// let (here, there) = UnixStream::pair()?;
/// let mapping = FileMapping::options().size(4096).create_unnamed()?;
/// let ready = Event::options().create_unnamed()?;
/// transfer::send(&here, &[&mapping.try_clone_with(Access::READ)?, &ready])?;
///
/// // ... in the other process:
/// let mut handles = transfer::receive(&there)?.into_iter();
/// let mapping = FileMapping::try_from(handles.next().unwrap())?;
/// let ready = Event::try_from(handles.next().unwrap())?;
/// assert!(mapping.map().is_ok() && mapping.map_mut().is_err());
/// # ready.set()?;
/// # Ok(()) }
/// ```
#[doc(alias = "DuplicateHandle")]
pub fn send(socket: impl AsFd, handles: &[&dyn Transfer]) -> Result<()> {
    let attempt = Attempt { verb: "send", subject: HANDLES, name: "" };
    let carried = carry_all(&attempt, handles)?;
    socket::send(socket.as_fd(), &carried).map_err(|errno| unsent(&attempt, errno))
}

/// Sends handles, and closes them here, whether they could be sent or not (`DUPLICATE_CLOSE_SOURCE`, DH-13).
///
/// # Errors
/// Those of [`send`].
#[doc(alias = "DUPLICATE_CLOSE_SOURCE")]
pub fn send_and_close(socket: impl AsFd, handles: Vec<AnyHandle>) -> Result<()> {
    let borrowed: Vec<&dyn Transfer> = handles.iter().map(|handle| handle as &dyn Transfer).collect();
    send(socket, &borrowed)
}

/// Receives the handles of one message, in the order in which they were sent. Waits for it as a read of the socket would: a socket
/// with a time-out, or one that does not block, ends the wait.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound): the other end has closed the socket. [`Corrupt`](ErrorKind::Corrupt): what came are not handles, or
/// damaged ones. [`NoResources`](ErrorKind::NoResources): this process has too few descriptors left.
/// [`Other`](ErrorKind::Other): the wait for a message was ended by the socket. Whatever came with an error is closed.
pub fn receive(socket: impl AsFd) -> Result<Vec<AnyHandle>> {
    let attempt = Attempt { verb: "receive", subject: HANDLES, name: "" };
    let received = socket::receive(&attempt, socket.as_fd());
    all(received.map_err(|why| unreceived(&attempt, why))?)
}

/// Packs handles into one descriptor, which keeps their objects for as long as it is open somewhere: for systemd's store of
/// descriptors across a restart of a service, for socket activation, or for a protocol that hands on descriptors.
///
/// The sender keeps its own handles. [`unpack`] gives the handles back, once. To other programs the descriptor is a socket
/// with a message in it.
///
/// While nobody but a parcel, or a message on its way, has a named mapping, its name is taken, and whoever opens it is told that its
/// memory is [`Unreachable`](ErrorKind::Unreachable), after a search of five seconds: no process shows it. A mapping that is made with
/// [`across_pid_namespaces`](crate::MappingOptions::across_pid_namespaces) can be opened by its name all the time.
///
/// # Errors
/// Those of [`send`].
///
/// # Crashes
/// The objects live as long as a process, or systemd, has the descriptor.
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let namespace = shmobj::Namespace::at(directory.path());
/// use shmobj::{FileMapping, transfer};
/// let cache = FileMapping::options().namespace(&namespace).size(1 << 20).create("cache")?;
/// let parcel = transfer::pack(&[&cache])?;
/// drop(cache); // the service ends; systemd has the parcel
///
/// // ... in the service's next process:
/// let [cache] = <[_; 1]>::try_from(transfer::unpack(parcel)?).unwrap();
/// assert_eq!(FileMapping::try_from(cache)?.name(), "cache");
/// # Ok(()) }
/// ```
pub fn pack(handles: &[&dyn Transfer]) -> Result<OwnedFd> {
    let attempt = Attempt { verb: "pack", subject: HANDLES, name: "" };
    let carried = carry_all(&attempt, handles)?;
    socket::make_parcel(&carried).map_err(|errno| unsent(&attempt, errno))
}

/// Takes the handles out of a parcel that [`pack`] made.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound): it is empty: somebody was quicker. Otherwise those of [`receive`].
pub fn unpack(parcel: OwnedFd) -> Result<Vec<AnyHandle>> {
    let attempt = Attempt { verb: "unpack", subject: HANDLES, name: "" };
    match socket::open_parcel(&attempt, &parcel) {
        Ok(arrived) => all(arrived),
        Err(Unreceived::Closed) => Err(attempt
            .fails(ErrorKind::NotFound, "the parcel is empty: it was unpacked before")
            .with_remedy("pack the handles once more for each who is to have them")),
        Err(why) => Err(unreceived(&attempt, why)),
    }
}

/// All of them, or none.
fn all(arrived: Vec<Arrival>) -> Result<Vec<AnyHandle>> {
    arrived.into_iter().map(|arrived| arrived.map(AnyHandle::from)).collect()
}

fn carry_all(attempt: &Attempt<'_>, handles: &[&dyn Transfer]) -> Result<Vec<Carried>> {
    if handles.is_empty() || handles.len() > MAXIMUM_HANDLES {
        return Err(attempt
            .fails(
                ErrorKind::InvalidParameter,
                format!("{} handles do not fit into a message", handles.len()),
            )
            .with_remedy(format!("give at least one and at most {MAXIMUM_HANDLES}")));
    }
    handles.iter().map(|&handle| carry(&super::attempt(handle, attempt.verb), handle.parts())).collect()
}

fn unsent(attempt: &Attempt<'_>, errno: Errno) -> Error {
    match errno {
        Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN => attempt
            .fails(ErrorKind::NotFound, "nobody has the other end of the socket")
            .with_source(errno)
            .with_remedy("see why the receiver has closed it"),
        Errno::TOOMANYREFS => attempt
            .fails(ErrorKind::NoResources, "too many descriptors of this user are on their way")
            .with_source(errno)
            .with_remedy("have them received, or raise the limit of open descriptors (ulimit -n)"),
        errno => attempt.os("writing to the socket", errno),
    }
}

fn unreceived(attempt: &Attempt<'_>, why: Unreceived) -> Error {
    match why {
        Unreceived::Closed => attempt
            .fails(ErrorKind::NotFound, "the other end has closed the socket, or sent nothing")
            .with_remedy("see why the sender ended"),
        Unreceived::Strange(what) => attempt
            .fails(ErrorKind::Corrupt, format!("what came are not handles: {what}"))
            .with_remedy("receive where the other end calls `send`, and nothing else is to be read"),
        Unreceived::NoRoom => attempt
            .fails(ErrorKind::NoResources, "this process has too few descriptors left, and what came is lost")
            .with_remedy("raise the limit of open descriptors (ulimit -n)"),
        Unreceived::System(errno) => attempt.os("reading from the socket", errno),
    }
}
