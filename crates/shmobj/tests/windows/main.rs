//! Objects on Windows are the kernel's own: raw calls of Win32 find the library's, and the library theirs, with the same rights, errors
//! and lists; and handles go to other processes.
#![cfg(windows)]
#![allow(unsafe_code)] // calls the system as other programs do

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod jobs;
mod processes;
mod security;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle, RawHandle};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::ptr::{null, null_mut, with_exposed_provenance_mut};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::sleeper::LONG;
use common::{Place, code, error, on_wine, pattern};
use shmobj::transfer::{self, AnyHandle, Deposit, InheritExt};
use shmobj::{
    Access, Allocation, ErrorKind, Event, FileMapping, Job, Kind, Mutex, Principal, Protection, Reset,
    Security, Semaphore, Sid, Timeout, WaitableTimer,
};
use windows_sys::Win32::Foundation::{
    CompareObjectHandles, DuplicateHandle, ERROR_ALREADY_EXISTS, GetLastError, HANDLE, INVALID_HANDLE_VALUE,
    LocalFree,
};
use windows_sys::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW, ConvertSidToStringSidW,
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo, SDDL_REVISION_1, SE_KERNEL_OBJECT,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GROUP_SECURITY_INFORMATION, GetTokenInformation, OBJECT_SECURITY_INFORMATION,
    OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, TOKEN_QUERY, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, FILE_READ_ATTRIBUTES, READ_CONTROL,
};
use windows_sys::Win32::System::JobObjects::{CreateJobObjectW, OpenJobObjectW};
use windows_sys::Win32::System::Memory::{CreateFileMappingW, OpenFileMappingW, PAGE_READWRITE};
use windows_sys::Win32::System::Threading::{
    CreateEventW, CreateMutexW, CreateSemaphoreW, CreateWaitableTimerW, GetCurrentProcess, OpenEventW,
    OpenMutexW, OpenProcessToken, OpenSemaphoreW, OpenWaitableTimerW, SetEvent,
};

/// A name in the session's own place that no other test, and no other run, has.
fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("shmobj-test {} {}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// What a call has returned, or its error.
fn taken(handle: HANDLE) -> Result<OwnedHandle, u32> {
    if handle.is_null() {
        // SAFETY: has no preconditions.
        return Err(unsafe { GetLastError() });
    }
    // SAFETY: a call has just made it for this process.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Another program's `Open...W`.
fn raw_open(kind: Kind, mask: u32, name: &str) -> Result<OwnedHandle, u32> {
    let open = match kind {
        Kind::Mutex => OpenMutexW,
        Kind::Event => OpenEventW,
        Kind::Semaphore => OpenSemaphoreW,
        Kind::WaitableTimer => OpenWaitableTimerW,
        Kind::Job => OpenJobObjectW,
        _ => OpenFileMappingW,
    };
    let name = wide(name);
    // SAFETY: the name ends with 0.
    taken(unsafe { open(mask, 0, name.as_ptr()) })
}

/// Another program's `Create...W`, with all rights; and whether the object existed.
fn raw_create(kind: Kind, name: &str) -> Result<(OwnedHandle, bool), u32> {
    let name = wide(name);
    let name = name.as_ptr();
    let made = match kind {
        // SAFETY: the name ends with 0.
        Kind::Mutex => unsafe { CreateMutexW(null(), 0, name) },
        // SAFETY: as above.
        Kind::Event => unsafe { CreateEventW(null(), 0, 0, name) },
        // SAFETY: as above.
        Kind::Semaphore => unsafe { CreateSemaphoreW(null(), 1, 2, name) },
        // SAFETY: as above.
        Kind::WaitableTimer => unsafe { CreateWaitableTimerW(null(), 0, name) },
        // SAFETY: as above.
        Kind::Job => unsafe { CreateJobObjectW(null(), name) },
        // SAFETY: as above; no file is a file of its own here.
        _ => unsafe { CreateFileMappingW(INVALID_HANDLE_VALUE, null(), PAGE_READWRITE, 0, 4096, name) },
    };
    // SAFETY: has no preconditions.
    let existed = unsafe { GetLastError() } == ERROR_ALREADY_EXISTS;
    taken(made).map(|handle| (handle, existed))
}

fn create(kind: Kind, name: &str) -> shmobj::Result<AnyHandle> {
    Ok(match kind {
        Kind::Mutex => Mutex::options().create(name)?.into(),
        Kind::Event => Event::options().create(name)?.into(),
        Kind::Semaphore => Semaphore::options().create(name)?.into(),
        Kind::WaitableTimer => WaitableTimer::options().create(name)?.into(),
        Kind::Job => Job::options().create(name)?.into(),
        _ => FileMapping::options().size(4096).create(name)?.into(),
    })
}

fn open(kind: Kind, name: &str, access: Access) -> shmobj::Result<AnyHandle> {
    Ok(match kind {
        Kind::Mutex => Mutex::open(name, access)?.into(),
        Kind::Event => Event::open(name, access)?.into(),
        Kind::Semaphore => Semaphore::open(name, access)?.into(),
        Kind::WaitableTimer => WaitableTimer::open(name, access)?.into(),
        Kind::Job => Job::open(name, access)?.into(),
        _ => FileMapping::open(name, access)?.into(),
    })
}

fn raw(handle: &AnyHandle) -> RawHandle {
    match handle {
        AnyHandle::Mutex(mutex) => mutex.as_raw_handle(),
        AnyHandle::Event(event) => event.as_raw_handle(),
        AnyHandle::Semaphore(semaphore) => semaphore.as_raw_handle(),
        AnyHandle::WaitableTimer(timer) => timer.as_raw_handle(),
        AnyHandle::FileMapping(mapping) => mapping.as_raw_handle(),
        AnyHandle::Job(job) => job.as_raw_handle(),
        other => panic!("{other:?}"),
    }
}

fn is_same(one: RawHandle, other: RawHandle) -> bool {
    // SAFETY: the callers' handles are open.
    unsafe { CompareObjectHandles(one, other) != 0 }
}

/// The right to wait, or to map for reading.
fn least(kind: Kind) -> (Access, u32) {
    if kind == Kind::FileMapping { (Access::READ, 0x4) } else { (Access::SYNCHRONIZE, 0x10_0000) }
}

#[test]
fn other_programs_find_what_the_library_makes() {
    for kind in Kind::ALL {
        let name = unique();
        let made = create(kind, &name).unwrap();
        for called in [format!("Local\\{name}"), name.clone()] {
            let found = raw_open(kind, least(kind).1, &called).unwrap();
            assert!(is_same(found.as_raw_handle(), raw(&made)), "{kind}");
            assert!(raw_create(kind, &called).unwrap().1, "{kind}: it exists");
        }
        drop(made);
        assert_eq!(raw_open(kind, least(kind).1, &name).unwrap_err(), 2, "{kind}");
    }
}

#[test]
fn the_library_finds_what_other_programs_make() {
    for kind in Kind::ALL {
        let name = unique();
        let (made, existed) = raw_create(kind, &format!("Local\\{name}")).unwrap();
        assert!(!existed);
        let opened = open(kind, &name, least(kind).0).unwrap();
        assert!(is_same(raw(&opened), made.as_raw_handle()), "{kind}");
        assert!(is_same(raw(&create(kind, &name).unwrap()), made.as_raw_handle()), "{kind}");
        for other in Kind::ALL.into_iter().filter(|&other| other != kind) {
            let error = error(create(other, &name));
            assert_eq!(error.kind(), ErrorKind::WrongKind, "NS-2");
            assert!(error.to_string().contains(kind.as_str()), "{error}");
        }
    }
}

#[test]
fn what_one_side_does_the_other_sees() {
    let name = unique();
    let event = Event::options().reset(Reset::Auto).create(&name).unwrap();
    let theirs = raw_open(Kind::Event, 0x2, &name).unwrap();
    // SAFETY: an open handle of an event.
    assert_ne!(unsafe { SetEvent(theirs.as_raw_handle()) }, 0);
    assert!(event.wait(Timeout::NOW).unwrap());
    let name = unique();
    let (_theirs, _) = raw_create(Kind::Semaphore, &name).unwrap();
    let semaphore = Semaphore::open(&name, Access::ALL).unwrap();
    assert_eq!((semaphore.max(), semaphore.release(1).unwrap()), (2, 1));
    let name = unique();
    let (_theirs, _) = raw_create(Kind::FileMapping, &name).unwrap();
    assert_eq!(FileMapping::open(&name, Access::READ).unwrap().size(), 4096);
}

/// The kernel's handle may do what was asked for, and look at the object, but nothing else that changes it.
#[test]
fn handles_have_the_rights_that_were_asked_for_in_the_kernel_too() {
    for kind in Kind::ALL {
        let name = unique();
        let _made = create(kind, &name).unwrap();
        let rows: &[(Access, u32)] = match kind {
            Kind::FileMapping => {
                &[(Access::READ, 0x4), (Access::WRITE, 0x2), (Access::READ_WRITE, 0x6), (Access::ALL, 0x6)]
            }
            Kind::Mutex => &[(Access::SYNCHRONIZE, 0x10_0000), (Access::MODIFY, 0), (Access::ALL, 0x10_0000)],
            Kind::Job => &[
                (Access::SYNCHRONIZE, 0x10_0000),
                (Access::MODIFY, 0x2),
                (Access::ASSIGN, 0x1),
                (Access::TERMINATE, 0x8),
                (Access::ALL, 0x10_000b),
            ],
            _ => &[(Access::SYNCHRONIZE, 0x10_0000), (Access::MODIFY, 0x2), (Access::ALL, 0x10_0002)],
        };
        let query = if kind == Kind::Job { 0x4 } else { 0x1 };
        for &(access, mask) in rows {
            let opened = open(kind, &name, access).unwrap();
            let granted = common::granted(raw(&opened));
            assert_eq!(granted & !(query | READ_CONTROL), mask, "{kind} {access:?}: {granted:#x}");
            assert_ne!(granted & query, 0, "{kind} {access:?}: {granted:#x}");
        }
    }
}

/// Section 2.2: the library's own checks say what the system's say.
#[test]
fn bad_names_are_the_same_errors() {
    let long = "x".repeat(40_000);
    let names = [
        "local\\x",
        "LOCAL\\x",
        "global\\x",
        "GLOBAL\\x", // NM-6
        "Local\\",
        "Global\\", // NM-7
        "Local",
        "Global",
        "Session", // NM-8
        "a\\b",
        "x\\",
        "Local\\a\\b", // NM-10
        "\\x",         // NM-11
        &long,         // NM-18
    ];
    for name in names {
        let ours = code(Mutex::options().create(name));
        assert_ne!(ours, 0, "{name:.40}");
        if name == long && on_wine() {
            continue; // NM-18: it cuts the name
        }
        assert_eq!(raw_create(Kind::Mutex, name).err(), Some(ours), "create {name:.40}");
        assert_eq!(code(Mutex::open(name, Access::ALL)), ours, "open {name:.40}");
        assert_eq!(raw_open(Kind::Mutex, 0x10_0000, name).err(), Some(ours), "open {name:.40}");
    }
    assert_eq!(raw_open(Kind::Mutex, 0x10_0000, "").unwrap_err(), code(Mutex::open("", Access::ALL)), "NM-2");
    for odd in ["/", ":*?<>|\"", " ", ".", "\u{1f980}"] {
        let name = format!("{}{odd}", unique());
        let made = Mutex::options().create(&name).unwrap(); // NM-12
        assert!(is_same(
            raw_open(Kind::Mutex, 0x10_0000, &name).unwrap().as_raw_handle(),
            made.as_raw_handle()
        ));
    }
}

/// Only what cannot be said with a name that ends with 0 is the library's own rule.
#[test]
fn a_name_with_a_nul_is_refused() {
    let error = error(Event::options().create("a\0b"));
    assert_eq!((error.kind(), error.win32_code()), (ErrorKind::InvalidName, 123));
    assert!(error.to_string().contains("NUL") && error.object().contains("event"), "{error}");
}

#[test]
fn handles_of_other_programs_become_the_librarys_and_back() {
    let name = unique();
    let (theirs, _) = raw_create(Kind::Event, &name).unwrap();
    let event = Event::try_from(theirs).unwrap();
    assert_eq!(
        (event.name(), event.access()),
        (name.as_str(), Access::QUERY | Access::MODIFY | Access::SYNCHRONIZE)
    );
    event.set().unwrap();
    assert!(event.wait(Timeout::NOW).unwrap());

    let reader = FileMapping::options().size(4096).create_unnamed().unwrap();
    let reader = reader.try_clone_with(Access::READ).unwrap();
    let theirs = OwnedHandle::try_from(reader).unwrap();
    let reader = FileMapping::try_from(theirs).unwrap();
    assert_eq!(code(reader.map_mut()), 5, "its rights are the handle's");
    assert_eq!((code(reader.map()), reader.size()), (0, 4096));

    let copy = event.as_handle().try_clone_to_owned().unwrap();
    assert_eq!(Mutex::try_from(copy).unwrap_err().kind(), ErrorKind::WrongKind);
    let file = File::open(std::env::current_exe().unwrap()).unwrap();
    assert_eq!(Event::try_from(OwnedHandle::from(file)).unwrap_err().kind(), ErrorKind::WrongKind);
}

#[test]
fn cf_21_what_is_no_regular_file_cannot_be_mapped() {
    let place = Place::new();
    let directory =
        OpenOptions::new().read(true).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(place.path("")).unwrap();
    let expected = if on_wine() { 6 } else { 193 };
    for file in [&directory, &common::not_mappable()] {
        let options = FileMapping::options().file(file).size(10).protection(Protection::ReadOnly);
        assert_eq!(code(options.create_unnamed()), expected);
    }
}

#[test]
fn fa_1_to_fa_4_the_file_has_to_be_open_for_what_the_protection_needs() {
    let place = Place::new();
    drop(place.file(&pattern(100)));
    let open = |options: &mut OpenOptions| options.open(place.path("data")).unwrap();
    let rows = [
        ("FA-1", open(OpenOptions::new().read(true)), 0, 5),
        ("FA-2", open(OpenOptions::new().write(true)), 5, 5),
        ("FA-3", open(OpenOptions::new().access_mode(FILE_READ_ATTRIBUTES)), 5, 5),
        ("FA-4", open(OpenOptions::new().read(true).write(true)), 0, 0),
    ];
    for (row, file, readers, writer) in rows {
        for (protection, expected) in [
            (Protection::ReadOnly, readers),
            (Protection::WriteCopy, readers),
            (Protection::ReadWrite, writer),
        ] {
            let options = place.options().file(&file).protection(protection);
            assert_eq!(code(options.create_unnamed()), expected, "{row} {protection:?}");
            assert_eq!(code(options.create("n")), expected, "{row} {protection:?}");
        }
    }
}

#[test]
fn errors_say_what_was_tried_on_which_object_and_what_to_do() {
    let name = unique();
    let missing = error(Event::open(&name, Access::ALL));
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(missing.to_string().starts_with(&format!("cannot open event {name:?}: no object")), "{missing}");
    assert!(missing.remedy().is_some());
    let gone = error(transfer::duplicate_from::<Event>(3, null_mut())); // no process has an odd number
    assert_eq!(gone.kind(), ErrorKind::WrongKind, "{gone}");
    assert!(
        gone.to_string().starts_with("cannot duplicate ") && gone.to_string().contains("process 3"),
        "{gone}"
    );
    let none =
        error(transfer::duplicate_from::<Event>(std::process::id(), with_exposed_provenance_mut(0xfff0)));
    assert_eq!(none.kind(), ErrorKind::WrongKind, "{none}");
    assert!(none.to_string().contains("0xfff0"), "{none}");
}
