//! Objects on Windows are the kernel's own: raw calls of Win32 find the library's, and the library theirs, with the same rights, errors
//! and lists; and handles go to other processes.
#![cfg(windows)]
#![allow(unsafe_code)] // calls the system as other programs do

mod common;

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
    Access, Allocation, ErrorKind, Event, FileMapping, Kind, Mutex, Principal, Protection, Reset, Security,
    Semaphore, Sid, Timeout, WaitableTimer,
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
        _ => FileMapping::options().size(4096).create(name)?.into(),
    })
}

fn open(kind: Kind, name: &str, access: Access) -> shmobj::Result<AnyHandle> {
    Ok(match kind {
        Kind::Mutex => Mutex::open(name, access)?.into(),
        Kind::Event => Event::open(name, access)?.into(),
        Kind::Semaphore => Semaphore::open(name, access)?.into(),
        Kind::WaitableTimer => WaitableTimer::open(name, access)?.into(),
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
        other => panic!("{other:?}"),
    }
}

fn is_same(one: RawHandle, other: RawHandle) -> bool {
    // SAFETY: the callers' handles are open.
    unsafe { CompareObjectHandles(one, other) != 0 }
}

const KINDS: [Kind; 5] = [Kind::FileMapping, Kind::Mutex, Kind::Event, Kind::Semaphore, Kind::WaitableTimer];

/// The right to wait, or to map for reading.
fn least(kind: Kind) -> (Access, u32) {
    if kind == Kind::FileMapping { (Access::READ, 0x4) } else { (Access::SYNCHRONIZE, 0x10_0000) }
}

#[test]
fn other_programs_find_what_the_library_makes() {
    for kind in KINDS {
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
    for kind in KINDS {
        let name = unique();
        let (made, existed) = raw_create(kind, &format!("Local\\{name}")).unwrap();
        assert!(!existed);
        let opened = open(kind, &name, least(kind).0).unwrap();
        assert!(is_same(raw(&opened), made.as_raw_handle()), "{kind}");
        assert!(is_same(raw(&create(kind, &name).unwrap()), made.as_raw_handle()), "{kind}");
        for other in KINDS.into_iter().filter(|&other| other != kind) {
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
    for kind in KINDS {
        let name = unique();
        let _made = create(kind, &name).unwrap();
        let rows: &[(Access, u32)] = match kind {
            Kind::FileMapping => {
                &[(Access::READ, 0x4), (Access::WRITE, 0x2), (Access::READ_WRITE, 0x6), (Access::ALL, 0x6)]
            }
            Kind::Mutex => &[(Access::SYNCHRONIZE, 0x10_0000), (Access::MODIFY, 0), (Access::ALL, 0x10_0000)],
            _ => &[(Access::SYNCHRONIZE, 0x10_0000), (Access::MODIFY, 0x2), (Access::ALL, 0x10_0002)],
        };
        const LOOK: u32 = 0x1 | READ_CONTROL;
        for &(access, mask) in rows {
            let opened = open(kind, &name, access).unwrap();
            let granted = common::granted(raw(&opened));
            assert_eq!(granted & !LOOK, mask, "{kind} {access:?}: {granted:#x}");
            assert_ne!(granted & 0x1, 0, "{kind} {access:?}: {granted:#x}");
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

/// A security descriptor of the system, as text.
fn text_of(descriptor: PSECURITY_DESCRIPTOR, parts: OBJECT_SECURITY_INFORMATION) -> String {
    let (mut text, mut length) = (null_mut(), 0);
    // SAFETY: a descriptor of the system's; it allocates what it answers.
    let done = unsafe {
        ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor,
            SDDL_REVISION_1,
            parts,
            &raw mut text,
            &raw mut length,
        )
    };
    assert_ne!(done, 0, "it is a descriptor");
    // SAFETY: so many units are there.
    let units = unsafe { std::slice::from_raw_parts(text, length as usize) };
    let string = String::from_utf16(units).unwrap().trim_end_matches('\0').to_owned();
    // SAFETY: both were allocated by the system for this.
    unsafe { LocalFree(text.cast()) };
    // SAFETY: as above.
    unsafe { LocalFree(descriptor) };
    string
}

/// A part of an object's descriptor.
fn shown(kind: Kind, name: &str, part: OBJECT_SECURITY_INFORMATION) -> String {
    let handle = raw_open(kind, READ_CONTROL, name).unwrap();
    let mut descriptor = null_mut();
    // SAFETY: the handle is open, and the answer the system's.
    let code = unsafe {
        GetSecurityInfo(
            handle.as_raw_handle(),
            SE_KERNEL_OBJECT,
            part,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    assert_eq!(code, 0);
    text_of(descriptor, part)
}

/// The text in the form in which the system writes it.
fn as_the_system_writes(text: &str) -> String {
    let (text, mut descriptor) = (wide(text), null_mut());
    // SAFETY: the text ends with 0; the system allocates what it answers.
    let done = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            null_mut(),
        )
    };
    assert_ne!(done, 0);
    text_of(descriptor, DACL_SECURITY_INFORMATION)
}

/// This process's user, as text.
fn own_user() -> String {
    let mut token = null_mut();
    // SAFETY: has no preconditions.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: asks for this process's own token.
    assert_ne!(unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) }, 0);
    // SAFETY: just opened.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    let (mut answer, mut needed) = ([0_usize; 16], 0);
    // SAFETY: the system writes at most so many bytes.
    let told = unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            answer.as_mut_ptr().cast(),
            128,
            &raw mut needed,
        )
    };
    assert_ne!(told, 0);
    let mut text = null_mut();
    // SAFETY: the answer begins with the pointer to an identifier in the same buffer.
    assert_ne!(unsafe { ConvertSidToStringSidW(with_exposed_provenance_mut(answer[0]), &raw mut text) }, 0);
    let mut units = Vec::new();
    // SAFETY: the text ends with 0.
    while let unit @ 1.. = unsafe { text.wrapping_add(units.len()).read() } {
        units.push(unit);
    }
    String::from_utf16(&units).unwrap()
}

#[test]
fn a_security_is_the_objects_access_control_list() {
    let [users, guests]: [Sid; 2] = ["S-1-5-32-545", "S-1-5-32-546"].map(|sid| sid.parse().unwrap());
    let list = |mode| {
        Security::mode(mode)
            .grant(Principal::Sid(users), Access::SYNCHRONIZE | Access::MODIFY | Access::READ_WRITE)
            .grant(Principal::Sid(guests), Access::empty())
    };
    for (mode, group, everyone) in [(0o640, true, false), (0o604, false, true), (0o600, false, false)] {
        for kind in [Kind::Event, Kind::FileMapping] {
            let name = unique();
            let _made: AnyHandle = match kind {
                Kind::Event => Event::options().security(list(mode)).create(&name).unwrap().into(),
                _ => FileMapping::options().size(1).security(list(mode)).create(&name).unwrap().into(),
            };
            let owner = shown(kind, &name, OWNER_SECURITY_INFORMATION).split_off(2);
            let primary = shown(kind, &name, GROUP_SECURITY_INFORMATION).split_off(2);
            let (all, reads, writes) = match kind {
                Kind::Event => ("0x1f0003", "0x120001", "0x120003"),
                _ => ("0xf001f", "0x20005", "0x20007"),
            };
            let user = own_user();
            let owner = if owner == user { String::new() } else { format!("(A;;{all};;;{owner})") };
            let mut expected =
                format!("D:P(A;;{all};;;{user}){owner}(A;;{all};;;S-1-5-18)(D;;{all};;;S-1-5-32-546)");
            if group {
                expected += &format!("(A;;{reads};;;{primary})");
            }
            if everyone {
                expected += &format!("(A;;{reads};;;S-1-1-0)");
            }
            expected += &format!("(A;;{writes};;;S-1-5-32-545)");
            let found = shown(kind, &name, DACL_SECURITY_INFORMATION);
            assert_eq!(found, as_the_system_writes(&expected), "{kind} {mode:o}");
        }
    }
}

/// AE-10: and it stays the one of the create that made the object.
#[test]
fn another_security_of_an_object_that_exists_is_ignored() {
    let name = unique();
    let _first = Event::options().security(Security::mode(0o604)).create(&name).unwrap();
    let before = shown(Kind::Event, &name, DACL_SECURITY_INFORMATION);
    let again = Event::options().security(Security::mode(0o666)).create(&name).unwrap();
    assert!(again.existed());
    assert_eq!(shown(Kind::Event, &name, DACL_SECURITY_INFORMATION), before);
    assert!(before.contains("WD") || before.contains("S-1-1-0"), "everybody may wait: {before}");
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

/// This program once more, in another role. It ends with its input.
struct Peer {
    child: Child,
    say: Option<ChildStdin>,
    hear: BufReader<ChildStdout>,
}

const ROLE: &str = "SHMOBJ_TEST_ROLE";

impl Peer {
    fn command(role: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "peer", "--nocapture"]).env(ROLE, role);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (say, hear) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, say, hear }
    }

    fn say(&mut self, text: &str) {
        writeln!(self.say.as_mut().unwrap(), "{text}").unwrap();
    }

    /// The next thing that it tells, among what its harness prints.
    fn hears(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.hear.read_line(&mut line).unwrap(), 0, "the peer ended");
            if let Some((_, told)) = line.trim_end().split_once("> ") {
                return told.to_owned();
            }
        }
    }

    fn ends_well(mut self) {
        drop(self.say.take());
        assert!(self.child.wait().unwrap().success(), "the peer failed");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn number_of(handle: RawHandle) -> String {
    handle.expose_provenance().to_string()
}

fn handle_of(number: &str) -> RawHandle {
    with_exposed_provenance_mut(number.trim().parse().unwrap())
}

/// What the peers do; in the tests' own process, nothing.
#[test]
fn peer() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let listen = || {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        line
    };
    let tell = |text: &str| writeln!(std::io::stdout(), "> {text}").unwrap();
    match role.as_str() {
        "holds" => {
            let event = Event::options().create_unnamed().unwrap();
            tell(&number_of(event.as_raw_handle()));
            assert!(event.wait(LONG).unwrap());
            tell("set");
        }
        "is given" => {
            let raw = handle_of(&listen());
            // SAFETY: the other process has made it for this one, and told nobody else.
            let handle = unsafe { OwnedHandle::from_raw_handle(raw) };
            let event = Event::try_from(handle).unwrap();
            assert!(!event.access().contains(Access::SYNCHRONIZE));
            event.set().unwrap();
        }
        "inherits" => {
            assert_eq!(transfer::roles(), ["frames", "ready"]);
            let frames: FileMapping = transfer::inherited("frames").unwrap();
            assert_eq!((code(frames.map_mut()), frames.name()), (5, ""));
            assert_eq!(frames.map().unwrap().read_vec(0, 6).unwrap(), b"frames");
            let ready: Event = transfer::inherited("ready").unwrap();
            assert_eq!(transfer::inherited::<Event>("ready").unwrap_err().kind(), ErrorKind::NotFound);
            ready.set().unwrap();
        }
        "deposits" => {
            let mapping = FileMapping::options().size(4096).create_unnamed().unwrap();
            mapping.map_mut().unwrap().write_at(0, b"deposited").unwrap();
            let deposit = Deposit::new(&mapping).unwrap();
            tell(deposit.token());
            listen();
            assert!(deposit.is_claimed());
        }
        other => panic!("no such role: {other}"),
    }
}

/// DH-1 and DH-5.
#[test]
fn a_handle_of_another_process_can_be_duplicated() {
    let mut peer = Peer::start(Peer::command("holds"));
    let number = peer.hears();
    let event: Event = transfer::duplicate_from(peer.child.id(), handle_of(&number)).unwrap();
    let wrong = transfer::duplicate_from::<Mutex>(peer.child.id(), handle_of(&number)).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::WrongKind);
    event.set().unwrap();
    assert_eq!(peer.hears(), "set");
    peer.ends_well();
}

/// The rights of the handle that was given go with it.
#[test]
fn a_handle_can_be_made_in_another_process() {
    let mut peer = Peer::start(Peer::command("is given"));
    let event = Event::options().create_unnamed().unwrap();
    let setter = event.try_clone_with(Access::MODIFY).unwrap();
    let given = transfer::duplicate_into(peer.child.id(), &setter).unwrap();
    peer.say(&number_of(given));
    assert!(event.wait(LONG).unwrap());
    peer.ends_well();
}

#[test]
fn a_child_inherits_what_it_was_promised_and_nothing_else() {
    let frames = FileMapping::options().size(4096).create_unnamed().unwrap();
    frames.map_mut().unwrap().write_at(0, b"frames").unwrap();
    let reader = frames.try_clone_with(Access::READ).unwrap();
    let ready = Event::options().create_unnamed().unwrap();
    let mut command = Peer::command("inherits");
    command.inherit("frames", &reader).unwrap().inherit("ready", &ready).unwrap();
    assert_eq!(command.inherit("ready", &ready).unwrap_err().kind(), ErrorKind::AlreadyExists);
    let peer = Peer::start(command);
    assert!(ready.wait(LONG).unwrap());
    peer.ends_well();
}

#[test]
fn a_deposit_is_claimed_once_by_another_process() {
    let mut peer = Peer::start(Peer::command("deposits"));
    let token = peer.hears();
    let claimed: FileMapping = transfer::claim(&token).unwrap();
    assert_eq!(transfer::claim::<FileMapping>(&token).unwrap_err().kind(), ErrorKind::NotFound);
    peer.say("claimed");
    peer.ends_well();
    assert_eq!(claimed.map().unwrap().read_vec(0, 9).unwrap(), b"deposited", "it outlives the depositor");
}

#[test]
fn a_deposit_ends_with_the_process_that_made_it() {
    let mut peer = Peer::start(Peer::command("deposits"));
    let token = peer.hears();
    peer.child.kill().unwrap();
    peer.child.wait().unwrap();
    let error = transfer::claim::<FileMapping>(&token).unwrap_err();
    assert_eq!((error.kind(), error.win32_code()), (ErrorKind::NotFound, 2));
}

/// A depositor that takes its handle back closes it, and the token is worth nothing.
#[test]
fn a_deposit_that_is_dropped_cannot_be_claimed() {
    let event = Event::options().create_unnamed().unwrap();
    let deposit = Deposit::new(&event).unwrap();
    let token = deposit.token().to_owned();
    assert!(!deposit.is_claimed());
    drop(deposit);
    assert_eq!(transfer::claim::<Event>(&token).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(transfer::claim::<Event>("short").unwrap_err().kind(), ErrorKind::InvalidParameter);
}

/// On Windows nobody can make the file shorter; a disk that fails does the same. Here somebody outside of Wine does it.
#[test]
fn a_part_of_a_file_that_is_not_there_is_an_error_of_copies() {
    if !on_wine() {
        return;
    }
    const SIZE: usize = 1 << 20;
    let place = Place::new();
    let file = place.file(&pattern(SIZE));
    let view = FileMapping::options().file(&file).create_unnamed().unwrap().map_mut().unwrap();
    let mut bytes = vec![0; SIZE];
    view.read_at(0, &mut bytes).unwrap();
    assert!(bytes == pattern(SIZE));
    let path = std::fs::canonicalize(place.path("data")).unwrap();
    let path = unix_path(&path);
    // Wine has no handle of a process that is not its own.
    let _ = Command::new(r"Z:\usr\bin\truncate").args(["-s", "4096", &path]).spawn();
    let begun = Instant::now();
    while file.metadata().unwrap().len() > 4096 {
        assert!(begun.elapsed() < LONG, "{path} has its length");
        std::thread::sleep(Duration::from_millis(5));
    }
    for length in [1, 8, 16, 40, 4000, SIZE - 8192] {
        assert_eq!(error(view.read_at(8192, &mut bytes[..length])).kind(), ErrorKind::Truncated, "{length}");
        assert_eq!(error(view.write_at(8192, &bytes[..length])).kind(), ErrorKind::Truncated, "{length}");
    }
    assert_eq!(view.read_vec(0, 4096).unwrap(), pattern(SIZE)[..4096]);
}

/// The path outside of Wine of one inside, whose disks are links in the prefix.
fn unix_path(path: &Path) -> String {
    let text = path.to_str().unwrap().trim_start_matches(r"\\?\").replace('\\', "/");
    match text.strip_prefix("Z:") {
        Some(rest) => rest.to_owned(),
        None => format!(
            "{}/dosdevices/{}:{}",
            std::env::var("WINEPREFIX").unwrap(),
            text[..1].to_lowercase(),
            &text[2..]
        ),
    }
}

/// Another program's list may grant reading and not asking. What is not committed must not be touched all the same.
#[test]
fn a_handle_that_may_only_be_mapped_tells_what_it_is() {
    const SECTION_MAP_READ: u32 = 4;
    let place = Place::new();
    let only_mapped = |mapping: &FileMapping| {
        let mut raw = null_mut();
        // SAFETY: has no preconditions.
        let process = unsafe { GetCurrentProcess() };
        let handle = mapping.as_raw_handle();
        // SAFETY: both are open, and there is room for the answer.
        let done = unsafe { DuplicateHandle(process, handle, process, &raw mut raw, SECTION_MAP_READ, 0, 0) };
        assert_ne!(done, 0);
        // SAFETY: made for this process.
        FileMapping::try_from(unsafe { OwnedHandle::from_raw_handle(raw) }).unwrap()
    };
    let reserved = place.options().size(1 << 20).allocation(Allocation::Reserve).create("reserved").unwrap();
    reserved.commit(0..4096).unwrap();
    let found = only_mapped(&reserved);
    assert_eq!(
        (found.access(), found.allocation(), found.size()),
        (Access::READ, Allocation::Reserve, 1 << 20)
    );
    let view = found.map().unwrap();
    assert_eq!(view.read_vec(0, 4096).unwrap(), [0; 4096]);
    assert_eq!(error(view.read_vec(0, 4097)).kind(), ErrorKind::NotCommitted);
    let committed = only_mapped(&place.memory("committed", 1 << 20));
    assert_eq!((committed.allocation(), committed.is_file()), (Allocation::Commit, false));
    assert_eq!(committed.map().unwrap().read_vec(5000, 4).unwrap(), [0; 4]);
    let file = place.file(&pattern(5000));
    let file = only_mapped(&place.options().file(&file).create("file").unwrap());
    assert_eq!((file.is_file(), file.size()), (true, 8192), "in whole pages");
    assert_eq!(file.map().unwrap().read_vec(0, 5000).unwrap(), pattern(5000));
}
