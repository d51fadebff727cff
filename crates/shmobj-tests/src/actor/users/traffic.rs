//! Handles on their way between users.
//!
//! ```text
//! mailbox ADDRESS                    mail ADDRESS HANDLE...          take-mail HANDLE...
//! put-down HANDLE                    pick-up HANDLE TOKEN            number-of HANDLE
//! fetch HANDLE KIND PID NUMBER
//! heir NAME UID GID ROLE=HANDLE...   heir-does NAME COMMAND...       inherit HANDLE ROLE
//! ```
//! Mailboxes are datagram sockets: their addresses are abstract, and open to every user. An heir is a child that was started as
//! another user; `heir-does` answers with the heir's whole line.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use shmobj::transfer::{self, AnyHandle, Deposit, InheritExt, Transfer};
use shmobj::{Event, FileMapping, Mutex, Namespace, Semaphore, WaitableTimer};

use super::handles::{keep, with};
use super::{Failure, Outcome, Words, misled, none};

/// No letter takes this long.
const LONGEST: Duration = Duration::from_secs(60);

thread_local! {
    static MAILBOX: RefCell<Option<UnixDatagram>> = const { RefCell::new(None) };
    static DEPOSITS: RefCell<Vec<Deposit>> = const { RefCell::new(Vec::new()) };
    static HEIRS: RefCell<BTreeMap<String, Heir>> = const { RefCell::new(BTreeMap::new()) };
}

pub(super) fn obey(
    command: &str,
    words: &mut Words<'_>,
    namespace: &dyn Fn() -> Namespace,
) -> Option<Outcome> {
    Some(match command {
        "mailbox" => mailbox(words),
        "mail" => mail(words),
        "take-mail" => take_mail(words),
        "put-down" => deposit(words, &namespace()),
        "pick-up" => claim(words, &namespace()),
        "number-of" => number(words),
        "fetch" => fetch(words),
        "heir" => heir(words),
        "heir-does" => heir_does(words),
        "inherit" => inherit(words),
        _ => return None,
    })
}

fn address(word: &str) -> Result<SocketAddr, Failure> {
    SocketAddr::from_abstract_name(word).map_err(misled)
}

fn mailbox(words: &mut Words<'_>) -> Outcome {
    let socket = UnixDatagram::bind_addr(&address(words.next()?)?).map_err(misled)?;
    socket.set_read_timeout(Some(LONGEST)).map_err(misled)?;
    MAILBOX.set(Some(socket));
    Ok(String::new())
}

fn mail(words: &mut Words<'_>) -> Outcome {
    let socket = UnixDatagram::unbound().map_err(misled)?;
    socket.connect_addr(&address(words.next()?)?).map_err(misled)?;
    let names: Vec<&str> = words.each().collect();
    send(&socket, &names, &mut Vec::new())
}

/// Sends the handles of these names: those that were looked up, and the rest.
fn send(socket: &UnixDatagram, names: &[&str], found: &mut Vec<&dyn Transfer>) -> Outcome {
    let Some((first, others)) = names.split_first() else {
        transfer::send(socket, found)?;
        return Ok(String::new());
    };
    with(first, |handle| {
        let mut found: Vec<&dyn Transfer> = found.iter().copied().chain([handle as &dyn Transfer]).collect();
        send(socket, others, &mut found)
    })
}

fn take_mail(words: &mut Words<'_>) -> Outcome {
    let handles = MAILBOX.with_borrow(|mailbox| {
        let socket = mailbox.as_ref().ok_or_else(|| misled("no mailbox"))?;
        transfer::receive(socket).map_err(Failure::from)
    })?;
    let mut told = Vec::new();
    for handle in handles {
        told.push(format!("{}:{:?}", handle.name(), handle.access()).replace(' ', ""));
        keep(words.next()?, handle);
    }
    Ok(told.join(" "))
}

fn deposit(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let deposit = with(words.next()?, |handle| Ok(Deposit::in_namespace(namespace, handle)?))?;
    let token = deposit.token().to_owned();
    DEPOSITS.with_borrow_mut(|deposits| deposits.push(deposit));
    Ok(token)
}

fn claim(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let (name, token) = (words.next()?, words.next()?);
    keep(name, transfer::claim_in(namespace, token)?);
    Ok(String::new())
}

fn number(words: &mut Words<'_>) -> Outcome {
    let fd = with(words.next()?, |handle| {
        Ok(match handle {
            AnyHandle::FileMapping(it) => it.as_fd().as_raw_fd(),
            AnyHandle::Mutex(it) => it.as_raw_fd(),
            AnyHandle::Event(it) => it.as_raw_fd(),
            AnyHandle::Semaphore(it) => it.as_raw_fd(),
            AnyHandle::WaitableTimer(it) => it.as_raw_fd(),
            _ => return Err(misled("no descriptor is known of that")),
        })
    })?;
    Ok(fd.to_string())
}

fn fetch(words: &mut Words<'_>) -> Outcome {
    let (name, kind, pid, fd) = (words.next()?, words.next()?, words.number()?, words.number()?);
    let handle = match kind {
        "mapping" => transfer::duplicate_from::<FileMapping>(pid, fd)?.into(),
        "mutex" => transfer::duplicate_from::<Mutex>(pid, fd)?.into(),
        "event" => transfer::duplicate_from::<Event>(pid, fd)?.into(),
        "semaphore" => transfer::duplicate_from::<Semaphore>(pid, fd)?.into(),
        "timer" => transfer::duplicate_from::<WaitableTimer>(pid, fd)?.into(),
        other => return Err(none("kind", other)),
    };
    keep(name, handle);
    Ok(String::new())
}

/// A child that is another user. It is killed when its parent ends: it asks the kernel for that when it starts.
struct Heir {
    _child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

fn heir(words: &mut Words<'_>) -> Outcome {
    let (name, user, group) = (words.next()?, words.number()?, words.number()?);
    // The program itself, wherever it lies: another user may not be let into its directory.
    let mut command = Command::new("/proc/self/exe");
    command.uid(user).gid(group).stdin(Stdio::piped()).stdout(Stdio::piped());
    for bequest in words.each() {
        let (role, handle) = bequest.split_once('=').ok_or_else(|| misled("which handle?"))?;
        with(handle, |handle| Ok(command.inherit(role, handle).map(drop)?))?;
    }
    let mut child = command.spawn().map_err(misled)?;
    let commands = child.stdin.take().ok_or_else(|| misled("no pipe"))?;
    let answers = BufReader::new(child.stdout.take().ok_or_else(|| misled("no pipe"))?);
    let pid = child.id();
    HEIRS.with_borrow_mut(|heirs| {
        heirs.insert(name.to_owned(), Heir { _child: child, commands, answers });
    });
    Ok(pid.to_string())
}

fn heir_does(words: &mut Words<'_>) -> Outcome {
    let name = words.next()?;
    let command = words.rest();
    HEIRS.with_borrow_mut(|heirs| {
        let heir = heirs.get_mut(name).ok_or_else(|| none("heir", name))?;
        writeln!(heir.commands, "{command}").and_then(|()| heir.commands.flush()).map_err(misled)?;
        let mut line = String::new();
        heir.answers.read_line(&mut line).map_err(misled)?;
        Ok(line.trim_end().to_owned())
    })
}

fn inherit(words: &mut Words<'_>) -> Outcome {
    let (name, role) = (words.next()?, words.next()?);
    let handle: AnyHandle = transfer::inherited(role)?;
    keep(name, handle);
    Ok(String::new())
}
