//! Handles that travel, as far as one process can show it (DH-1 to DH-7, DH-13, DH-21, CO-1, CO-2).
#![cfg(target_os = "linux")] // descriptors and sockets; what handles do is in windows/processes.rs

mod common;

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};

use common::Place;
use shmobj::transfer::{self, AnyHandle, Deposit, Transfer};
use shmobj::{
    Access, Allocation, ErrorKind, Event, FileMapping, Job, Mutex, Namespace, Semaphore, Timeout,
    WaitableTimer,
};

/// One handle of each kind, named or not.
fn all_kinds(namespace: &Namespace, name: &str) -> Vec<AnyHandle> {
    let named = |kind: &str| if name.is_empty() { String::new() } else { format!("{name}-{kind}") };
    vec![
        FileMapping::options().namespace(namespace).size(4096).create(&named("mapping")).unwrap().into(),
        Mutex::options().namespace(namespace).create(&named("mutex")).unwrap().into(),
        Event::options().namespace(namespace).create(&named("event")).unwrap().into(),
        Semaphore::options().namespace(namespace).max(5).create(&named("semaphore")).unwrap().into(),
        WaitableTimer::options().namespace(namespace).create(&named("timer")).unwrap().into(),
        Job::options().namespace(namespace).create(&named("job")).unwrap().into(),
    ]
}

fn borrowed(handles: &[AnyHandle]) -> Vec<&dyn Transfer> {
    handles.iter().map(|handle| handle as &dyn Transfer).collect()
}

/// What arrived is what was sent.
fn assert_same(sent: &[AnyHandle], arrived: &[AnyHandle]) {
    assert_eq!(sent.len(), arrived.len());
    for (sent, arrived) in sent.iter().zip(arrived) {
        assert_eq!(
            (sent.kind(), sent.name(), sent.access()),
            (arrived.kind(), arrived.name(), arrived.access())
        );
        assert!(transfer::same_object(sent, arrived), "{} is another object", sent.kind());
    }
}

#[test]
fn every_kind_travels_over_every_sort_of_socket() {
    let place = Place::new();
    let namespace = &place.namespace;
    for name in ["", "n"] {
        let handles = all_kinds(namespace, name);
        let (here, there) = UnixStream::pair().unwrap();
        transfer::send(&here, &borrowed(&handles)).unwrap();
        assert_same(&handles, &transfer::receive(&there).unwrap());
        let (here, there) = UnixDatagram::pair().unwrap();
        transfer::send(&here, &borrowed(&handles)).unwrap();
        assert_same(&handles, &transfer::receive(&there).unwrap());
    }
}

#[test]
fn every_kind_travels_in_a_parcel_and_keeps_its_object_meanwhile() {
    let place = Place::new();
    let namespace = &place.namespace;
    for name in ["", "n"] {
        let handles = all_kinds(namespace, name);
        let AnyHandle::FileMapping(mapping) = &handles[0] else { panic!() };
        mapping.map_mut().unwrap().write_at(0, b"kept").unwrap();
        let parcel = transfer::pack(&borrowed(&handles)).unwrap();
        drop(handles);
        let handles = transfer::unpack(parcel).unwrap();
        let AnyHandle::FileMapping(mapping) = &handles[0] else { panic!() };
        assert_eq!(mapping.map().unwrap().read_vec(0, 4).unwrap(), b"kept");
        assert_eq!(mapping.name(), if name.is_empty() { "" } else { "n-mapping" });
        drop(handles);
    }
    assert!(place.entries().is_empty(), "an entry was left");
}

#[test]
fn every_kind_can_be_deposited_and_claimed_once() {
    let place = Place::new();
    let namespace = &place.namespace;
    for name in ["", "n"] {
        for handle in all_kinds(namespace, name) {
            let deposit = Deposit::in_namespace(namespace, &handle).unwrap();
            assert!(!deposit.is_claimed());
            let claimed: AnyHandle = transfer::claim_in(namespace, deposit.token()).unwrap();
            assert!(deposit.is_claimed());
            let again = transfer::claim_in::<AnyHandle>(namespace, deposit.token()).unwrap_err();
            assert_eq!(again.kind(), ErrorKind::NotFound);
            assert_same(&[handle], &[claimed]);
        }
    }
    assert!(place.entries().is_empty(), "an entry was left");
}

#[test]
fn a_deposit_that_is_taken_back_cannot_be_claimed() {
    let place = Place::new();
    let namespace = &place.namespace;
    let event = Event::options().create_unnamed().unwrap();
    let deposit = Deposit::in_namespace(namespace, &event).unwrap();
    let token = deposit.token().to_owned();
    drop(deposit);
    assert_eq!(transfer::claim_in::<Event>(namespace, &token).unwrap_err().kind(), ErrorKind::NotFound);
    let error = transfer::claim_in::<Event>(namespace, "../../etc/passwd").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidParameter);
}

#[test]
fn a_handle_can_be_duplicated_by_process_and_descriptor() {
    let place = Place::new();
    let namespace = &place.namespace;
    let this = std::process::id();
    for name in ["", "n"] {
        let handles = all_kinds(namespace, name);
        let copies = handles.iter().map(|handle| match handle {
            AnyHandle::FileMapping(it) => {
                transfer::duplicate_from::<FileMapping>(this, it.as_raw_fd()).unwrap().into()
            }
            AnyHandle::Mutex(it) => transfer::duplicate_from::<Mutex>(this, it.as_raw_fd()).unwrap().into(),
            AnyHandle::Event(it) => transfer::duplicate_from::<Event>(this, it.as_raw_fd()).unwrap().into(),
            AnyHandle::Semaphore(it) => {
                transfer::duplicate_from::<Semaphore>(this, it.as_raw_fd()).unwrap().into()
            }
            AnyHandle::WaitableTimer(it) => {
                transfer::duplicate_from::<WaitableTimer>(this, it.as_raw_fd()).unwrap().into()
            }
            AnyHandle::Job(it) => transfer::duplicate_from::<Job>(this, it.as_raw_fd()).unwrap().into(),
            _ => unreachable!(),
        });
        let copies: Vec<AnyHandle> = copies.collect();
        assert_same(&handles, &copies);
    }
}

#[test]
fn what_cannot_be_duplicated_says_why() {
    let kind = |result: shmobj::Result<Event>| result.unwrap_err().kind();
    let mutex = Mutex::options().create_unnamed().unwrap();
    let this = std::process::id();
    assert_eq!(kind(transfer::duplicate_from(this, 99_999)), ErrorKind::WrongKind); // DH-7
    assert_eq!(kind(transfer::duplicate_from(0, 1)), ErrorKind::WrongKind); // DH-8
    assert_eq!(kind(transfer::duplicate_from(this, mutex.as_raw_fd())), ErrorKind::WrongKind);
}

#[test]
fn a_clone_has_the_rights_that_are_asked_for_and_no_more() {
    let place = Place::new();
    let namespace = &place.namespace;
    for name in ["", "n"] {
        let mapping = FileMapping::options().namespace(namespace).size(4096).create(name).unwrap();
        let reader = mapping.try_clone_with(Access::READ).unwrap(); // DH-2
        assert!(reader.map().is_ok());
        assert_eq!(reader.map_mut().unwrap_err().kind(), ErrorKind::AccessDenied);
        assert_eq!(reader.try_clone().unwrap().access(), Access::READ); // DH-1
        let nothing = mapping.try_clone_with(Access::empty()).unwrap(); // DH-4
        assert_eq!(nothing.map().unwrap_err().kind(), ErrorKind::AccessDenied);
        assert!(reader.try_clone_with(Access::READ_WRITE).unwrap().map_mut().is_ok()); // DH-3: the object grants it
        let error = mapping.try_clone_with(Access::MODIFY).unwrap_err(); // DH-6
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
    }
    for name in ["", "e"] {
        let event = Event::options().namespace(namespace).create(name).unwrap();
        let waiter = event.try_clone_with(Access::SYNCHRONIZE).unwrap();
        assert_eq!(waiter.set().unwrap_err().kind(), ErrorKind::AccessDenied);
        event.set().unwrap(); // DH-21
        assert!(waiter.wait(Timeout::NOW).unwrap());
        let watcher = event.try_clone_with(Access::QUERY).unwrap();
        assert!(watcher.state().is_ok());
        assert_eq!(watcher.wait(Timeout::NOW).unwrap_err().kind(), ErrorKind::AccessDenied);
        assert_eq!(waiter.state().unwrap_err().kind(), ErrorKind::AccessDenied);
    }
}

#[test]
fn rights_travel_and_the_kernel_enforces_them() {
    let place = Place::new();
    let namespace = &place.namespace;
    for name in ["", "n"] {
        let mapping = FileMapping::options().namespace(namespace).size(4096).create(name).unwrap();
        let reader = mapping.try_clone_with(Access::READ).unwrap();
        let parcel = transfer::pack(&[&reader]).unwrap();
        let [arrived] = <[_; 1]>::try_from(transfer::unpack(parcel).unwrap()).unwrap();
        let arrived = FileMapping::try_from(arrived).unwrap();
        assert_eq!(arrived.access(), Access::READ);
        assert_eq!(arrived.map_mut().unwrap_err().kind(), ErrorKind::AccessDenied);
    }
    let mapping = FileMapping::options().size(4096).create_unnamed().unwrap();
    let reader = OwnedFd::try_from(mapping.try_clone_with(Access::READ).unwrap()).unwrap();
    let flags = rustix::fs::fcntl_getfl(&reader).unwrap();
    assert!(!flags.contains(rustix::fs::OFlags::RDWR), "the descriptor can write");
    let adopted = FileMapping::try_from(reader).unwrap();
    assert!(!adopted.access().contains(Access::WRITE));
}

#[test]
fn descriptors_make_handles_again() {
    let place = Place::new();
    let namespace = &place.namespace;
    for name in ["", "n"] {
        let event = Event::options().namespace(namespace).create(name).unwrap();
        let descriptor = OwnedFd::try_from(event).unwrap();
        let event = Event::try_from(descriptor).unwrap();
        assert_eq!(event.name(), name);
        event.set().unwrap();
        assert!(event.wait(Timeout::NOW).unwrap());
        drop(event);

        let mapping = FileMapping::options().namespace(namespace).size(8192).create(name).unwrap();
        mapping.map_mut().unwrap().write_at(0, b"x").unwrap();
        let memory = mapping.as_fd().try_clone_to_owned().unwrap();
        drop(mapping);
        let mapping = FileMapping::try_from(memory).unwrap();
        assert_eq!((mapping.name(), mapping.size()), ("", 8192));
        assert_eq!(mapping.map().unwrap().read_vec(0, 1).unwrap(), b"x");
    }
    assert!(place.entries().is_empty(), "an entry was left");
}

#[test]
fn what_is_no_handle_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let kind = |error: shmobj::Error| error.kind();
    assert_eq!(kind(Mutex::try_from(OwnedFd::from(file.reopen().unwrap())).unwrap_err()), ErrorKind::Corrupt);
    let (socket, _other) = UnixStream::pair().unwrap();
    assert_eq!(kind(FileMapping::try_from(OwnedFd::from(socket)).unwrap_err()), ErrorKind::WrongKind);
    let memory = FileMapping::options().size(4096).create_unnamed().unwrap();
    let memory = memory.as_fd().try_clone_to_owned().unwrap();
    assert_eq!(kind(Event::try_from(memory).unwrap_err()), ErrorKind::Corrupt);
    let mutex = Mutex::options().create_unnamed().unwrap();
    let mutex = mutex.as_fd().try_clone_to_owned().unwrap();
    assert_eq!(kind(Event::try_from(mutex).unwrap_err()), ErrorKind::WrongKind);
}

#[test]
fn other_bytes_on_the_socket_are_no_handles() {
    use std::io::Write;
    let (mut here, there) = UnixStream::pair().unwrap();
    here.write_all(b"hello, world: some other protocol").unwrap();
    assert_eq!(transfer::receive(&there).unwrap_err().kind(), ErrorKind::Corrupt);
    drop(here);
    assert_eq!(transfer::receive(&there).unwrap_err().kind(), ErrorKind::NotFound);
    let event = Event::options().create_unnamed().unwrap();
    let (here, there) = UnixStream::pair().unwrap();
    drop(there);
    assert_eq!(transfer::send(&here, &[&event]).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(transfer::send(&here, &[]).unwrap_err().kind(), ErrorKind::InvalidParameter);
}

#[test]
fn committed_memory_arrives_committed_and_reserved_memory_reserved() {
    let mapping = FileMapping::options().size(1 << 16).create_unnamed().unwrap();
    let reserved =
        FileMapping::options().size(1 << 16).allocation(Allocation::Reserve).create_unnamed().unwrap();
    let parcel = transfer::pack(&[&mapping, &reserved]).unwrap();
    let [committed, reserved] = <[_; 2]>::try_from(transfer::unpack(parcel).unwrap()).unwrap();
    let committed = FileMapping::try_from(committed).unwrap();
    assert_eq!(committed.allocation(), Allocation::Commit);
    assert_eq!(committed.map().unwrap().read_vec(0, 1 << 16).unwrap(), [0; 1 << 16]);
    committed.map_mut().unwrap().write_at(1 << 15, b"untouched before").unwrap();
    let reserved = FileMapping::try_from(reserved).unwrap();
    assert_eq!(reserved.allocation(), Allocation::Reserve);
    assert_eq!(reserved.map().unwrap().read_vec(0, 1).unwrap_err().kind(), ErrorKind::NotCommitted);
}

/// Found by review: the descriptor of a handle that may only read was the one that may write.
#[test]
fn the_descriptor_of_a_handle_that_may_only_read_may_not_write() {
    let place = Place::new();
    for name in ["", "n"] {
        let mapping = FileMapping::options().namespace(&place.namespace).size(4096).create(name).unwrap();
        let reader = mapping.try_clone_with(Access::READ).unwrap();
        let again = reader.try_clone().unwrap();
        let mut readers = vec![reader, again];
        if !name.is_empty() {
            readers.push(place.open(name, Access::READ).unwrap());
        }
        for reader in readers {
            let mode = rustix::fs::fcntl_getfl(&reader).unwrap() & rustix::fs::OFlags::RWMODE;
            assert_eq!(mode, rustix::fs::OFlags::RDONLY);
            assert!(reader.map().is_ok());
        }
        assert!(mapping.try_clone().unwrap().map_mut().is_ok());
        assert!(mapping.as_fd().try_clone_to_owned().is_ok());
    }
}

#[test]
fn handles_of_any_kind_are_duplicated_and_waited_for() {
    let place = Place::new();
    for handle in all_kinds(&place.namespace, "n") {
        let copy = handle.try_clone().unwrap();
        assert!(transfer::same_object(&handle, &copy));
        assert_eq!((handle.kind(), handle.access()), (copy.kind(), copy.access()));
        let waited = copy.as_waitable().map(|object| shmobj::wait::any(&[object], Timeout::NOW).is_ok());
        assert_eq!(waited, (handle.kind() != shmobj::Kind::FileMapping).then_some(true));
    }
}

/// Found by reading: memory beside the entry is given back when nobody has locked it, and what was opened once more had not.
#[test]
fn every_descriptor_of_memory_beside_the_entry_says_that_it_is_used() {
    let place = Place::new();
    let options = FileMapping::options().namespace(&place.namespace).size(4096).across_pid_namespaces(true);
    let mapping = options.create("n").unwrap();
    let reader = mapping.try_clone_with(Access::READ).unwrap();
    let [received] =
        <[_; 1]>::try_from(transfer::unpack(transfer::pack(&[&reader]).unwrap()).unwrap()).unwrap();
    let received = FileMapping::try_from(received).unwrap();
    let deposit = Deposit::in_namespace(&place.namespace, &mapping).unwrap();
    let claimed: FileMapping = transfer::claim_in(&place.namespace, deposit.token()).unwrap();
    for (which, handle) in
        [("made", mapping), ("narrowed", reader), ("received", received), ("claimed", claimed)]
    {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", handle.as_raw_fd())).unwrap();
        assert!(info.contains("FLOCK  ADVISORY  READ"), "{which}: {info}");
    }
}
