//! Sections 2 to 5 for the kinds that are synchronized with: names, clashes of kinds, creating and opening, rights and handles.
//! Mappings have the same rows in `names.rs`, `open.rs` and `already_exists.rs`.
//!
//! Not to be observed here: NM-1 and OP-1 (a name is always given), NM-15 and NM-16 (names have no second encoding), SN-1 to SN-5 (there
//! are no sessions), CR-8 to CR-10 (attributes and options have no bad form), OP-5 for undefined bits (a right that only mappings
//! have is tested instead), OP-6 to OP-8 (there are no generic rights), DA rows (the owner may do everything; other users
//! are not at hand here), 5.1 to 5.3 (handles are values that are dropped; they have no flags).

mod common;

use std::any::Any;
use std::sync::Barrier;

use common::sleeper::LONG;
use common::{LONGEST_NAME, Place, code};
#[cfg(target_os = "linux")]
use shmobj::Security;
use shmobj::wait::{self, Waitable};
use shmobj::{
    Access, Due, ErrorKind, Event, FileMapping, Job, Kind, Mutex, Namespace, Reset, Result, Semaphore, State,
    Timeout, WaitableTimer,
};

/// A handle of any kind.
struct Held {
    handle: Box<dyn Any + Send>,
    existed: bool,
    access: Access,
    name: String,
}

macro_rules! held {
    ($result:expr) => {
        $result.map(|object| Held {
            existed: object.existed(),
            access: object.access(),
            name: object.name().to_owned(),
            handle: Box::new(object),
        })
    };
}

fn create(namespace: &Namespace, kind: Kind, name: &str) -> Result<Held> {
    match kind {
        Kind::Mutex => held!(Mutex::options().namespace(namespace).create(name)),
        Kind::Event => held!(Event::options().namespace(namespace).create(name)),
        Kind::Semaphore => held!(Semaphore::options().namespace(namespace).create(name)),
        Kind::WaitableTimer => held!(WaitableTimer::options().namespace(namespace).create(name)),
        Kind::Job => held!(Job::options().namespace(namespace).create(name)),
        _ => held!(FileMapping::options().namespace(namespace).size(4096).create(name)),
    }
}

fn create_new(namespace: &Namespace, kind: Kind, name: &str) -> Result<Held> {
    match kind {
        Kind::Mutex => held!(Mutex::options().namespace(namespace).create_new(name)),
        Kind::Event => held!(Event::options().namespace(namespace).create_new(name)),
        Kind::Semaphore => held!(Semaphore::options().namespace(namespace).create_new(name)),
        Kind::WaitableTimer => held!(WaitableTimer::options().namespace(namespace).create_new(name)),
        Kind::Job => held!(Job::options().namespace(namespace).create_new(name)),
        _ => held!(FileMapping::options().namespace(namespace).size(4096).create_new(name)),
    }
}

fn open(namespace: &Namespace, kind: Kind, name: &str, access: Access) -> Result<Held> {
    match kind {
        Kind::Mutex => held!(Mutex::options().namespace(namespace).open(name, access)),
        Kind::Event => held!(Event::options().namespace(namespace).open(name, access)),
        Kind::Semaphore => held!(Semaphore::options().namespace(namespace).open(name, access)),
        Kind::WaitableTimer => held!(WaitableTimer::options().namespace(namespace).open(name, access)),
        Kind::Job => held!(Job::options().namespace(namespace).open(name, access)),
        _ => held!(FileMapping::options().namespace(namespace).open(name, access)),
    }
}

fn is_same(one: &Held, two: &Held) -> bool {
    macro_rules! same {
        ($($Object:ty),*) => {
            $(if let (Some(one), Some(two)) = (one.handle.downcast_ref::<$Object>(), two.handle.downcast_ref::<$Object>()) {
                return one.is_same_object(two);
            })*
        };
    }
    same!(Mutex, Event, Semaphore, WaitableTimer, Job, FileMapping);
    false
}

/// The kinds that are synchronized with.
const KINDS: [Kind; 5] = [Kind::Mutex, Kind::Event, Kind::Semaphore, Kind::WaitableTimer, Kind::Job];

/// All rights that a kind has.
fn everything(kind: Kind) -> Access {
    let own = Access::QUERY | Access::MODIFY | Access::SYNCHRONIZE;
    if kind == Kind::Job { own | Access::ASSIGN | Access::TERMINATE } else { own }
}

/// Also C-5.
#[test]
fn ns_1_creating_a_name_that_exists_gives_a_handle_to_the_existing_object() {
    for kind in KINDS {
        let place = Place::new();
        let first = create(&place.namespace, kind, "n").unwrap();
        let second = create(&place.namespace, kind, "n").unwrap();
        assert_eq!((first.existed, second.existed), (false, true), "{kind}");
        assert!(is_same(&first, &second), "{kind}");
        assert_eq!((first.access, second.access), (everything(kind), everything(kind)), "{kind}");
        #[cfg(target_os = "linux")]
        assert_eq!(place.inspect("n").kind, kind);
    }
}

/// Also TS-3.
#[test]
fn ns_2_ns_3_a_name_of_another_kind_is_neither_created_nor_opened() {
    for kind in Kind::ALL {
        for other in Kind::ALL.into_iter().filter(|other| *other != kind) {
            let place = Place::new();
            let namespace = &place.namespace;
            let held = create(namespace, kind, "n").unwrap();
            for result in [
                create(namespace, other, "n"),
                create_new(namespace, other, "n"),
                open(namespace, other, "n", Access::ALL),
                open(namespace, other, "Local\\n", Access::QUERY),
            ] {
                let error = result.err().expect("the name belongs to another kind");
                assert_eq!(
                    (error.kind(), error.win32_code()),
                    (ErrorKind::WrongKind, 6),
                    "{other} for {kind}"
                );
                assert!(error.to_string().contains(kind.as_str()), "{error}");
            }
            #[cfg(target_os = "linux")]
            assert_eq!(place.inspect("n").kind, kind);
            assert!(open(namespace, kind, "n", Access::ALL).unwrap().existed, "it was left alone");
            drop(held);
            assert_eq!(code(open(namespace, other, "n", Access::ALL)), 2);
            assert!(!create(namespace, other, "n").unwrap().existed);
        }
    }
}

/// Also OP-11: the type comes before the rights.
#[test]
fn ns_3_another_kind_is_told_before_bad_rights() {
    let place = Place::new();
    let _event = place.event("n", Reset::Auto);
    for kind in KINDS.into_iter().filter(|kind| *kind != Kind::Event) {
        assert_eq!(code(open(&place.namespace, kind, "n", Access::empty())), 6, "{kind}");
        assert_eq!(code(open(&place.namespace, kind, "m", Access::empty())), 2, "{kind}");
    }
}

#[test]
fn ns_4_a_name_that_nobody_holds_is_not_found() {
    let place = Place::new();
    for kind in KINDS {
        assert_eq!(code(open(&place.namespace, kind, "n", Access::ALL)), 2, "{kind}");
    }
    assert_eq!(place.entries(), [""; 0]);
}

/// Also O-4.
#[test]
fn ns_5_after_the_last_handle_the_name_makes_a_new_object() {
    for kind in KINDS {
        let place = Place::new();
        let first = create(&place.namespace, kind, "n").unwrap();
        #[cfg(target_os = "linux")]
        let id = place.inspect("n").id;
        let second = open(&place.namespace, kind, "n", Access::QUERY).unwrap();
        drop(first);
        assert!(create(&place.namespace, kind, "n").unwrap().existed, "{kind}: the second handle holds it");
        drop(second);
        assert_eq!(code(open(&place.namespace, kind, "n", Access::QUERY)), 2, "{kind}");
        #[cfg(target_os = "linux")]
        assert_eq!(code(place.namespace.inspect("n")), 2, "{kind}");
        assert!(!create(&place.namespace, kind, "n").unwrap().existed, "{kind}");
        let _anew = create(&place.namespace, kind, "n").unwrap();
        #[cfg(target_os = "linux")]
        assert_ne!(place.inspect("n").id, id, "{kind}");
    }
}

#[test]
fn ns_5_a_new_object_knows_nothing_of_the_old_one() {
    let place = Place::new();
    let event = place.event("event", Reset::Manual);
    let semaphore = place.semaphore("semaphore", 3, 3);
    let timer = place.timer("timer", Reset::Manual);
    event.set().unwrap();
    timer.set(Due::NOW, None).unwrap();
    drop((event, semaphore, timer));
    assert!(!place.event("event", Reset::Auto).wait(Timeout::NOW).unwrap());
    assert!(!place.semaphore("semaphore", 0, 1).wait(Timeout::NOW).unwrap());
    assert!(!place.timer("timer", Reset::Auto).wait(Timeout::NOW).unwrap());
}

#[test]
fn ns_6_a_creation_that_fails_leaves_no_name() {
    let place = Place::new();
    assert_eq!(code(place.semaphores().max(0).create("n")), 87);
    for kind in KINDS {
        assert_eq!(code(create(&place.namespace, kind, "a\\n")), 3);
    }
    assert_eq!(place.entries(), [""; 0]);
}

/// Also TS-24, with threads instead of processes.
#[test]
fn ns_7_of_many_simultaneous_creators_exactly_one_makes_the_object() {
    const CREATORS: usize = 8;
    for kind in KINDS {
        let place = Place::new();
        for round in 0..15 {
            let start = Barrier::new(CREATORS);
            let create = || {
                start.wait();
                create(&place.namespace, kind, "n").unwrap()
            };
            let handles: Vec<Held> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..CREATORS).map(|_| scope.spawn(create)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(handles.iter().filter(|held| !held.existed).count(), 1, "{kind}, round {round}");
            assert!(handles.iter().all(|held| is_same(held, &handles[0])), "{kind}, round {round}");
        }
    }
}

/// NS-7 among kinds: one kind wins, the others are told that it is another one.
#[test]
fn ns_7_of_simultaneous_creators_of_several_kinds_one_kind_wins() {
    let place = Place::new();
    for round in 0..30 {
        let (start, end) = (Barrier::new(KINDS.len()), Barrier::new(KINDS.len()));
        let make = |kind| {
            start.wait();
            let made = create(&place.namespace, kind, "n");
            end.wait();
            code(made)
        };
        let make = &make;
        let mut codes: Vec<u32> = std::thread::scope(|scope| {
            let threads: Vec<_> = KINDS.into_iter().map(|kind| scope.spawn(move || make(kind))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        codes.sort_unstable();
        assert_eq!(codes, [0, 6, 6, 6, 6], "round {round}");
    }
}

/// Also O-9.
#[test]
fn nm_2_the_empty_name_makes_unnamed_objects_and_opens_none() {
    let place = Place::new();
    for kind in KINDS {
        let first = create(&place.namespace, kind, "").unwrap();
        let second = create_new(&place.namespace, kind, "").unwrap();
        assert!(!first.existed && !second.existed);
        assert!(!is_same(&first, &second) && is_same(&first, &first), "{kind}");
        assert_eq!((first.name.as_str(), first.access), ("", everything(kind)));
        assert_eq!(code(open(&place.namespace, kind, "", Access::ALL)), 6, "{kind}");
    }
    assert_eq!(place.entries(), [""; 0]);
}

#[test]
fn nm_2_unnamed_objects_work_like_named_ones() {
    let [event, other] = [(); 2].map(|()| Event::options().create_unnamed().unwrap());
    event.set().unwrap();
    assert!(!other.wait(Timeout::NOW).unwrap() && event.wait(Timeout::NOW).unwrap());
    let manual = Event::options().reset(Reset::Manual).signaled(true).create_unnamed().unwrap();
    assert_eq!(manual.reset_mode(), Reset::Manual);
    assert!(manual.wait(Timeout::NOW).unwrap() && manual.wait(Timeout::NOW).unwrap());
    let semaphore = Semaphore::options().initial(1).max(2).create_unnamed().unwrap();
    assert_eq!((semaphore.max(), semaphore.release(1).unwrap()), (2, 1));
    assert_eq!(semaphore.release(1).unwrap_err().win32_code(), 298);
    let timer = WaitableTimer::options().create_unnamed().unwrap();
    timer.set(Due::NOW, None).unwrap();
    assert!(timer.wait(Timeout::NOW).unwrap() && !timer.wait(Timeout::NOW).unwrap());
    let mutex = Mutex::options().create_unnamed().unwrap();
    let _lock = mutex.lock().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(mutex.try_lock().unwrap().is_none())).join().unwrap();
    });
    let objects: [&dyn Waitable; 4] = [&event, &semaphore, &timer, &mutex];
    assert_eq!(wait::any(&objects, LONG).unwrap(), wait::Waited::Signaled(1));
}

/// Also TS-26.
#[test]
fn nm_3_nm_4_a_plain_name_and_the_local_prefix_mean_the_same_object() {
    for kind in KINDS {
        let place = Place::new();
        let plain = create(&place.namespace, kind, "x").unwrap();
        let prefixed = create(&place.namespace, kind, "Local\\x").unwrap();
        assert!(prefixed.existed && is_same(&plain, &prefixed), "{kind}");
        assert_eq!(prefixed.name, "Local\\x", "a handle tells the name as it was given");
    }
}

/// The global directory is the machine's, so the name is one that nobody else uses.
#[test]
fn nm_5_a_global_name_is_another_object_and_the_same_from_every_namespace() {
    if cfg!(target_os = "linux") && !std::path::Path::new("/dev/shm").is_dir() {
        return;
    }
    let (place, other) = (Place::new(), Place::new());
    let unique = place.path("").file_name().unwrap().to_string_lossy().into_owned();
    for kind in KINDS {
        let global_name = format!("Global\\{unique}");
        let global = create(&place.namespace, kind, &global_name).unwrap();
        let local = create(&place.namespace, kind, &unique).unwrap();
        assert!(!local.existed && !is_same(&local, &global), "{kind}");
        let elsewhere = open(&other.namespace, kind, &global_name, Access::ALL).unwrap();
        assert!(is_same(&elsewhere, &global), "{kind}");
        drop((global, elsewhere));
        assert_eq!(code(open(&place.namespace, kind, &global_name, Access::ALL)), 2, "{kind}");
    }
}

/// NM-6 to NM-11, NM-13, NM-18 and OP-3.
#[test]
fn nm_6_to_nm_18_ill_formed_names_fail_alike_for_every_kind() {
    let place = Place::new();
    let too_long = "x".repeat(32_767);
    let rows = [
        (3, "local\\x"),
        (3, "GLOBAL\\x"),
        (123, "Local\\"),
        (123, "Global\\"),
        (6, "Local"),
        (6, "Global"),
        (6, "Session"),
        (3, "Session\\1\\x"),
        (3, "a\\b"),
        (3, "Local\\a\\b"),
        (161, "\\x"),
        (3, "Local\\Global\\x"),
        (123, &too_long),
    ];
    for kind in KINDS {
        for (number, name) in rows {
            assert_eq!(code(create(&place.namespace, kind, name)), number, "create {kind} {name:.40?}");
            assert_eq!(code(create_new(&place.namespace, kind, name)), number, "create {kind} {name:.40?}");
            assert_eq!(
                code(open(&place.namespace, kind, name, Access::ALL)),
                number,
                "open {kind} {name:.40?}"
            );
        }
    }
    assert_eq!(place.entries(), [""; 0]);
}

/// NM-12, NM-14, NM-17 and NM-19.
#[test]
fn nm_12_to_nm_19_names_are_compared_unit_by_unit() {
    let place = Place::new();
    let longest = "x".repeat(LONGEST_NAME);
    let mut names =
        vec!["n", "N", "a/b", "..", "*?<>|\"", "x y", "\u{fc}", "u\u{308}", "\u{1f980}", &longest];
    if cfg!(target_os = "linux") {
        names.extend(["n\0", "n\0m"]); // Windows takes names that end at the first NUL
    }
    for kind in KINDS {
        let held: Vec<Held> =
            names.iter().map(|name| create(&place.namespace, kind, name).unwrap()).collect();
        for (held, name) in held.iter().zip(&names) {
            assert!(!held.existed, "{kind} {name:.40?}");
            let opened = open(&place.namespace, kind, name, Access::ALL).unwrap();
            assert!(is_same(&opened, held), "{kind} {name:.40?}");
        }
    }
}

#[test]
fn cr_create_new_refuses_a_name_that_exists() {
    for kind in KINDS {
        let place = Place::new();
        let first = create_new(&place.namespace, kind, "n").unwrap();
        assert!(!first.existed);
        let error = create_new(&place.namespace, kind, "n").err().expect("the name exists");
        assert_eq!((error.kind(), error.win32_code()), (ErrorKind::AlreadyExists, 183), "{kind}");
        drop(first);
        assert!(create_new(&place.namespace, kind, "n").is_ok(), "{kind}");
    }
}

/// Also O-1: rights belong to the handle.
#[test]
fn op_3_an_opened_handle_has_the_rights_that_were_asked_for() {
    let rights = [
        Access::QUERY,
        Access::MODIFY,
        Access::SYNCHRONIZE,
        Access::SYNCHRONIZE | Access::MODIFY,
        Access::SYNCHRONIZE | Access::MODIFY | Access::QUERY,
        Access::ALL,
    ];
    for kind in KINDS {
        let place = Place::new();
        let first = create(&place.namespace, kind, "n").unwrap();
        assert_eq!(first.access, everything(kind), "CR-1");
        for access in rights {
            let opened = open(&place.namespace, kind, "n", access).unwrap();
            assert_eq!((opened.access, opened.existed), (access & everything(kind), true), "{kind}");
        }
    }
}

#[test]
fn op_4_op_5_no_rights_and_rights_of_mappings_are_refused() {
    for kind in KINDS {
        let place = Place::new();
        let _first = create(&place.namespace, kind, "n").unwrap();
        for access in [
            Access::empty(),
            Access::READ,
            Access::WRITE,
            Access::READ_WRITE,
            Access::READ | Access::SYNCHRONIZE,
            Access::MODIFY | Access::WRITE,
        ] {
            let error = open(&place.namespace, kind, "n", access).err().expect("it has no such right");
            assert_eq!((error.kind(), error.win32_code()), (ErrorKind::AccessDenied, 5), "{kind} {access:?}");
        }
        assert!(open(&place.namespace, kind, "n", Access::SYNCHRONIZE).is_ok());
    }
}

#[test]
fn op_5_a_mapping_has_no_right_to_wait_or_to_modify() {
    let place = Place::new();
    let _mapping = place.memory("n", 4096);
    for access in [Access::SYNCHRONIZE, Access::MODIFY, Access::SYNCHRONIZE | Access::READ] {
        assert_eq!(code(place.open("n", access)), 5, "{access:?}");
    }
}

/// CR-7, and what others are let to do.
#[test]
#[cfg(target_os = "linux")] // Windows: windows/
fn cr_7_an_object_is_its_owners_unless_it_is_shared() {
    for kind in KINDS {
        for (security, mode) in [
            (None, 0o600),
            (Some(Security::OWNER_ONLY), 0o600),
            (Some(Security::mode(0o644)), 0o644),
            (Some(Security::mode(0o622)), 0o666),
            (Some(Security::mode(0o666)), 0o666),
        ] {
            let place = Place::new();
            let namespace = &place.namespace;
            let security = security.unwrap_or_default();
            let _held = match kind {
                Kind::Mutex => held!(Mutex::options().namespace(namespace).security(security).create("n")),
                Kind::Event => held!(Event::options().namespace(namespace).security(security).create("n")),
                Kind::Semaphore => {
                    held!(Semaphore::options().namespace(namespace).security(security).create("n"))
                }
                Kind::Job => held!(Job::options().namespace(namespace).security(security).create("n")),
                _ => held!(WaitableTimer::options().namespace(namespace).security(security).create("n")),
            }
            .unwrap();
            assert_eq!(place.inspect("n").mode & 0o777, mode, "{kind}: who may change it may look at it");
        }
    }
}

/// CH-1 and NS-5 in a loop: neither descriptors nor mappings nor names are left behind.
#[test]
fn ch_1_handles_that_come_and_go_leave_nothing_behind() {
    let place = Place::new();
    #[cfg(target_os = "linux")]
    let names = place.names();
    #[cfg(target_os = "linux")]
    let mapped = || {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().filter(|line| line.contains(names.to_str().unwrap())).count()
    };
    for _ in 0..200 {
        for kind in KINDS {
            for name in ["n", ""] {
                let held = create(&place.namespace, kind, name).unwrap();
                if let Some(mutex) = held.handle.downcast_ref::<Mutex>() {
                    drop(mutex.lock().unwrap());
                }
            }
        }
    }
    #[cfg(target_os = "linux")]
    assert_eq!(mapped(), 0, "no page of an object is mapped any more");
    assert_eq!(place.entries(), [""; 0]);
}

#[test]
fn handles_show_their_name_and_rights_when_debugged() {
    let place = Place::new();
    let _first = place.event("frames ready", Reset::Auto);
    let handle = place.events().open("frames ready", Access::MODIFY).unwrap();
    let text = format!("{handle:?}");
    assert!(text.starts_with("Event") && text.contains("frames ready") && text.contains("MODIFY"), "{text}");
}

#[test]
fn errors_say_what_was_tried_on_which_object_and_what_to_do() {
    let place = Place::new();
    let _mutex = place.mutex("ledger");
    let error = place.events().open("ledger", Access::ALL).unwrap_err();
    assert!(error.to_string().starts_with("cannot open event \"ledger\": "), "{error}");
    assert!(error.to_string().contains("a mutex"), "{error}");
    let semaphore = place.semaphore("slots", 1, 1);
    let error = semaphore.release(1).unwrap_err();
    assert_eq!(error.object(), "semaphore \"slots\"");
    assert!(error.remedy().is_some());
    assert!(matches!(place.state("slots"), State::Semaphore { count: 1, max: 1 }));
}
