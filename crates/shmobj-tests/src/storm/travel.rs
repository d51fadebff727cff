//! What a worker of a storm does with handles that travel: it sends them to the others, deposits and claims them, packs them into
//! parcels and gives them to children.
//!
//! What arrives is an object like one that was opened: while this worker holds one of that name it must be the same, since both
//! have a handle. A token that was claimed is noted in the table; nobody may claim it again. And now and then a worker lets go of
//! everything, and must have no more descriptors than when it did so first.

use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use shmobj::transfer::{self, AnyHandle, Deposit, InheritExt};
use shmobj::{ErrorKind, FileMapping};

use super::table::{Count, NAMES, Table, WORKERS};
use super::worker::{TOKEN, Worker};
use crate::system::{descriptors, until};

/// The variable by which a child knows what it is.
const CHILD: &str = "PUPPET_OF_STORM";
const ROLE: &str = "handle";

/// What a worker has of handles that travel.
#[derive(Debug)]
pub(super) struct Luggage {
    inbox: OwnedFd,
    deposits: Vec<Deposit>,
    rounds: u32,
    /// How many descriptors it had when it had nothing else.
    descriptors: Option<usize>,
}

impl Luggage {
    pub(super) fn new(prefix: &str, number: usize) -> Self {
        let inbox = socket();
        // A child of the predecessor may have its socket until it comes to exec.
        let bound = || rustix::net::bind(&inbox, &address(prefix, number)).is_ok();
        assert!(until(Duration::from_secs(10), bound), "somebody has the predecessor's socket");
        Self { inbox, deposits: Vec::new(), rounds: 0, descriptors: None }
    }
}

fn address(prefix: &str, number: usize) -> SocketAddrUnix {
    SocketAddrUnix::new_abstract_name(format!("{prefix}.{number}").as_bytes()).expect("a short name")
}

fn socket() -> OwnedFd {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None).expect("a socket")
}

impl Worker<'_> {
    pub(super) fn travel(&mut self, name: usize) {
        self.receive();
        match self.random.below(10) {
            0..=2 => self.send(name),
            3 => self.deposit(name),
            4 => drop(self.luggage.as_mut().and_then(|luggage| luggage.deposits.pop())),
            5..=6 => self.claim(),
            7..=8 => self.pack(name),
            _ if self.random.once_in(3) => self.have_child(name),
            _ => {}
        }
        let luggage = self.luggage.as_mut().expect("a worker that travels");
        luggage.rounds += 1;
        if luggage.rounds % 24 == 0 {
            self.count_descriptors();
        }
    }

    fn receive(&mut self) {
        loop {
            let inbox = &self.luggage.as_ref().expect("a worker that travels").inbox;
            match transfer::receive(inbox) {
                Ok(handles) => handles.into_iter().for_each(|handle| {
                    self.table.add(self.number, Count::Received);
                    self.arrived(handle);
                }),
                Err(error) if error.kind() == ErrorKind::Other => return, // nothing is there
                Err(error) => return self.violated(Count::Errors, &error.to_string()),
            }
        }
    }

    fn arrived(&mut self, handle: AnyHandle) {
        let number = handle.name().rsplit('-').next().and_then(|number| number.parse().ok());
        let (Some(name), Ok(mapping)) = (number, FileMapping::try_from(handle)) else {
            return self.violated(Count::Errors, "something else arrived");
        };
        if let Some(held) = self.held.get::<usize>(name).and_then(Option::as_ref) {
            if !transfer::same_object(&held.mapping, &mapping) {
                self.violated(Count::TwoObjects, &format!("another {name} arrived"));
            }
            return;
        }
        match mapping.map_mut() {
            Ok(view) => self.hold(name, [0; WORKERS], mapping, view),
            Err(error) => self.violated(Count::Errors, &error.to_string()),
        }
    }

    fn send(&mut self, name: usize) {
        let Some(held) = &self.held[name] else { return };
        let (to, socket) = (self.random.below(WORKERS as u64) as usize, socket());
        if rustix::net::connect(&socket, &address(&self.prefix, to)).is_err() {
            return; // it is dead just now
        }
        match transfer::send(&socket, &[&held.mapping]) {
            Ok(()) => self.table.add(self.number, Count::Sent),
            // Its inbox is full, or it died.
            Err(error) if matches!(error.kind(), ErrorKind::Other | ErrorKind::NotFound) => {}
            Err(error) => self.violated(Count::Errors, &error.to_string()),
        }
        if self.random.once_in(2) {
            let held = self.held[name].take().expect("it was held above");
            self.close(name, held);
        }
    }

    fn deposit(&mut self, name: usize) {
        let (Some(held), Some(luggage)) = (&self.held[name], &mut self.luggage) else { return };
        match Deposit::in_namespace(&self.namespace, &held.mapping) {
            Ok(deposit) => {
                self.table.post(self.number, deposit.token());
                luggage.deposits.push(deposit);
                luggage.deposits.truncate(3);
            }
            Err(error) => self.violated(Count::Errors, &error.to_string()),
        }
    }

    fn claim(&mut self) {
        let token = self.table.posted(self.random.below(WORKERS as u64) as usize);
        match transfer::claim_in(&self.namespace, &token) {
            Ok(handle) => {
                self.table.add(self.number, Count::Claimed);
                if !self.table.is_first_claim(&token) {
                    self.violated(Count::ClaimedTwice, &token);
                }
                self.arrived(handle);
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unreachable) => {}
            Err(error) => self.violated(Count::Errors, &error.to_string()),
        }
    }

    fn pack(&mut self, name: usize) {
        let Some(held) = self.held[name].take() else { return };
        let parcel = transfer::pack(&[&held.mapping]);
        self.close(name, held);
        match parcel.and_then(transfer::unpack) {
            Ok(handles) => handles.into_iter().for_each(|handle| self.arrived(handle)),
            Err(error) => self.violated(Count::Errors, &error.to_string()),
        }
    }

    fn have_child(&mut self, name: usize) {
        let Some(held) = &self.held[name] else { return };
        let what =
            format!("{} {} {} {}", self.table.path(), self.number, held.token, self.random.below(3000));
        if let Err(error) = start_child(&what, &held.mapping) {
            self.violated(Count::Errors, &error.to_string());
        }
        self.table.add(self.number, Count::Children);
    }

    /// Lets go of everything, and looks whether nothing is left.
    fn count_descriptors(&mut self) {
        for name in 0..NAMES {
            if let Some(held) = self.held[name].take() {
                self.close(name, held);
            }
        }
        self.luggage.as_mut().expect("a worker that travels").deposits.clear();
        let now = descriptors(std::process::id()).len();
        let before = *self.luggage.as_mut().expect("a worker that travels").descriptors.get_or_insert(now);
        self.table.add(self.number, Count::Counted);
        // The library keeps another process's list of descriptors open, or not yet, and a directory.
        if now > before + 2 {
            self.violated(Count::Leaked, &format!("{now} descriptors, {before} before"));
        }
    }
}

fn start_child(what: &str, handle: &FileMapping) -> Result<(), Box<dyn std::error::Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(CHILD, what).stdin(std::process::Stdio::null());
    command.inherit(ROLE, handle)?.spawn()?;
    Ok(())
}

/// Whether this process is the child of a worker. Then it has done all that it is for.
pub fn is_child() -> bool {
    let Ok(what) = std::env::var(CHILD) else { return false };
    let words: Vec<&str> = what.split(' ').collect();
    let [table, worker, token, microseconds] = words[..] else { return true };
    let number = |word: &str| word.parse::<u64>().unwrap_or(0);
    let Ok(handle) = transfer::inherited::<FileMapping>(ROLE) else {
        report(table, number(worker), Count::Errors);
        return true;
    };
    let found = handle.map().and_then(|view| view.load::<AtomicU64>(TOKEN, SeqCst));
    if !found.is_ok_and(|found| found == number(token)) {
        report(table, number(worker), Count::WrongMemory);
    }
    std::thread::sleep(Duration::from_micros(number(microseconds)));
    if number(microseconds) % 3 == 0 {
        // A grandchild, while this one goes.
        let _ = start_child(&format!("{table} {worker} {token} 1"), &handle);
    }
    true
}

/// A worker that is dead needs no report: what its children find is what its successor would.
fn report(table: &str, worker: u64, what: Count) {
    if let Ok(table) = Table::open(table) {
        table.add(worker as usize, what);
    }
}
