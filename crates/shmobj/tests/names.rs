//! Sections 2.1 and 2.2: one namespace for all kinds, and the form of names.

mod common;

#[cfg(target_os = "linux")]
use std::fs::File;
#[cfg(target_os = "linux")]
use std::os::unix::fs::FileExt;
use std::sync::Barrier;

#[cfg(target_os = "linux")]
use common::error;
use common::{LONGEST_NAME, Place, code, not_mappable, on_wine};
use proptest::prelude::*;
#[cfg(target_os = "linux")]
use rustix::fs::{FlockOperation, flock};
use shmobj::{Access, FileMapping, Namespace, Protection};
#[cfg(target_os = "linux")]
use shmobj::{ErrorKind, Kind, Listed, Scope};

/// Where the kind and the storage stand in every version's entry.
#[cfg(target_os = "linux")]
const AT_KIND: u64 = 12;
#[cfg(target_os = "linux")]
const AT_STORAGE: u64 = 52;

/// Puts a living object of another kind under a name, as a process that has one would.
#[cfg(target_os = "linux")]
fn object_of_kind(place: &Place, name: &str, number: u32) -> File {
    let mapping = place.memory(name, 4096);
    let entry = std::fs::read(place.names().join(name)).unwrap();
    drop(mapping);
    std::fs::write(place.names().join(name), entry).unwrap();
    let file = File::options().read(true).write(true).open(place.names().join(name)).unwrap();
    file.write_all_at(&number.to_le_bytes(), AT_KIND).unwrap();
    file.write_all_at(&0_u32.to_le_bytes(), AT_STORAGE).unwrap();
    flock(&file, FlockOperation::LockShared).unwrap();
    file
}

#[test]
fn ns_1_creating_a_name_that_exists_gives_a_handle_to_the_existing_object() {
    let place = Place::new();
    let first = place.memory("n", 4096);
    let second = place.memory("n", 4096);
    assert!(!first.existed());
    assert!(second.existed());
    assert!(first.is_same_object(&second));
}

/// Also AE-11 and TS-3.
#[test]
#[cfg(target_os = "linux")] // makes the entries by hand; kinds.rs has the rows for all systems
fn ns_2_ns_3_a_name_of_another_kind_is_neither_created_nor_opened() {
    for (number, kind) in (1..).zip(Kind::ALL).skip(1) {
        let place = Place::new();
        let held = object_of_kind(&place, "n", number);
        for result in [
            place.options().size(4096).create("n"),
            place.options().size(4096).create_new("n"),
            place.open("n", Access::READ),
        ] {
            let error = error(result);
            assert_eq!((error.kind(), error.win32_code()), (ErrorKind::WrongKind, 6), "{kind}");
            assert!(error.to_string().contains(&kind.to_string()), "{error}");
        }
        drop(held);
        assert_eq!(code(place.open("n", Access::READ)), 2, "{kind}");
        assert!(!place.memory("n", 4096).existed(), "{kind}");
    }
}

#[test]
fn ns_4_a_name_that_nobody_holds_is_not_found() {
    let place = Place::new();
    assert_eq!(code(place.open("n", Access::READ)), 2, "the directory does not exist yet");
    let _other = place.memory("m", 4096);
    assert_eq!(code(place.open("n", Access::READ)), 2);
    #[cfg(target_os = "linux")]
    assert_eq!(place.namespace.inspect("n").unwrap_err().win32_code(), 2);
}

/// Also C-5.
#[test]
fn ns_5_after_the_last_handle_the_name_makes_a_new_object() {
    let place = Place::new();
    let first = place.memory("n", 4096);
    let second = place.open("n", Access::ALL).unwrap();
    second.map_mut().unwrap().write_at(0, b"old").unwrap();
    drop(first);
    assert!(place.memory("n", 4096).existed(), "the second handle still holds it");
    drop(second);
    let third = place.memory("n", 8192);
    assert!(!third.existed());
    assert_eq!(third.size(), 8192);
    assert_eq!(third.map().unwrap().read_vec(0, 3).unwrap(), [0; 3]);
}

/// Also CR-6.
#[test]
fn ns_6_a_creation_that_fails_leaves_no_name() {
    let place = Place::new();
    let empty = place.file(b"");
    let nothing = not_mappable();
    assert_eq!(code(place.options().file(&empty).create("n")), 1006);
    assert_eq!(code(place.options().file(&nothing).create("n")), if on_wine() { 6 } else { 193 }); // CF-21
    assert_eq!(code(place.options().file(&empty).protection(Protection::ReadOnly).size(1).create("n")), 8);
    assert_eq!(code(place.options().create("n")), 87);
    if !on_wine() {
        assert_eq!(code(place.options().size(1 << 43).create("n")), 1455); // it commits as much as one likes
    }
    assert_eq!(code(place.options().size(1 << 50).create("n")), 8);
    assert_eq!(code(place.open("n", Access::READ)), 2);
    assert_eq!(place.entries(), [""; 0]);
}

/// Also TS-24, with threads instead of processes.
#[test]
fn ns_7_of_many_simultaneous_creators_exactly_one_makes_the_object() {
    const CREATORS: usize = 16;
    let place = Place::new();
    for round in 0..50 {
        let start = Barrier::new(CREATORS);
        let create = || {
            start.wait();
            place.memory("n", 4096)
        };
        let mappings: Vec<FileMapping> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CREATORS).map(|_| scope.spawn(create)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(mappings.iter().filter(|mapping| !mapping.existed()).count(), 1, "round {round}");
        assert!(mappings.iter().all(|mapping| mapping.is_same_object(&mappings[0])), "round {round}");
        mappings[0].map_mut().unwrap().write_at(0, &[round]).unwrap();
        for mapping in &mappings {
            assert_eq!(mapping.map().unwrap().read_vec(0, 1).unwrap(), [round]);
        }
    }
}

/// Also C-5, CF-2 and O-9: what was made without a name has none, and gets none later.
#[test]
fn nm_2_the_empty_name_makes_unnamed_objects_and_opens_none() {
    let place = Place::new();
    let first = place.memory("", 4096);
    let second = place.memory("", 4096);
    assert!(!first.existed() && !second.existed());
    assert!(!first.is_same_object(&second));
    assert_eq!(first.name(), "");
    first.map_mut().unwrap().write_at(0, b"x").unwrap();
    assert_eq!(second.map().unwrap().read_vec(0, 1).unwrap(), [0]);
    assert_eq!(code(place.open("", Access::READ)), 6);
    #[cfg(target_os = "linux")]
    assert_eq!(place.namespace.inspect("").unwrap_err().win32_code(), 6);
    assert_eq!(place.entries(), [""; 0]);
    let third = place.options().size(4096).create_new("").unwrap();
    assert!(!third.is_same_object(&first));
}

/// Also TS-26.
#[test]
fn nm_3_nm_4_a_plain_name_and_the_local_prefix_mean_the_same_object() {
    let place = Place::new();
    let plain = place.memory("x", 4096);
    let prefixed = place.memory("Local\\x", 4096);
    assert!(prefixed.existed());
    assert!(plain.is_same_object(&prefixed));
    assert_eq!(prefixed.name(), "Local\\x", "a handle tells the name as it was given");
    assert!(place.open("Local\\x", Access::READ).unwrap().is_same_object(&plain));
}

/// The global directory is the machine's, so the name is one that nobody else uses.
#[test]
fn nm_5_a_global_name_is_another_object_and_the_same_from_every_namespace() {
    if cfg!(target_os = "linux") && !std::path::Path::new("/dev/shm").is_dir() {
        return;
    }
    let (place, other) = (Place::new(), Place::new());
    let unique = place.path("").file_name().unwrap().to_string_lossy().into_owned();
    let global = place.memory(&format!("Global\\{unique}"), 4096);
    let local = place.memory(&unique, 4096);
    assert!(!local.existed());
    assert!(!local.is_same_object(&global));
    let from_elsewhere = other.open(&format!("Global\\{unique}"), Access::READ).unwrap();
    assert!(from_elsewhere.is_same_object(&global));
    assert_eq!(code(other.open(&unique, Access::READ)), 2);
    drop((global, from_elsewhere));
    assert_eq!(code(place.open(&format!("Global\\{unique}"), Access::READ)), 2);
}

/// NM-6 to NM-11, NM-13, NM-18 and OP-3.
#[test]
fn nm_6_to_nm_18_ill_formed_names_fail_alike_in_create_and_open() {
    let too_long = "x".repeat(32_767);
    let too_long_prefixed = format!("Local\\{}", "x".repeat(32_767));
    let rows = [
        (3, "local\\x"),
        (3, "LOCAL\\x"),
        (3, "global\\x"),
        (3, "GLOBAL\\x"),
        (123, "Local\\"),
        (123, "Global\\"),
        (6, "Local"),
        (6, "Global"),
        (6, "Session"),
        (3, "Session\\1\\x"),
        (3, "a\\b"),
        (3, "x\\"),
        (3, "Local\\a\\b"),
        (161, "\\x"),
        (3, "Local\\Global\\x"),
        (3, "Global\\Local\\x"),
        (123, &too_long),
        (123, &too_long_prefixed),
    ];
    let place = Place::new();
    for (expected, name) in rows {
        let shown = &name[..name.len().min(40)];
        assert_eq!(code(place.options().size(4096).create(name)), expected, "create {shown:?}");
        assert_eq!(code(place.options().size(4096).create_new(name)), expected, "create_new {shown:?}");
        assert_eq!(code(place.open(name, Access::READ)), expected, "open {shown:?}");
        #[cfg(target_os = "linux")]
        assert_eq!(code(place.namespace.inspect(name)), expected, "inspect {shown:?}");
    }
    assert_eq!(place.entries(), [""; 0]);
}

/// Also NM-14 and NM-19: compared code unit by code unit, whole.
#[test]
fn nm_12_every_other_character_stands_for_itself() {
    let place = Place::new();
    let mut names = vec![
        ".",
        "..",
        "...",
        "/",
        "//",
        "a/b",
        "a%2Fb",
        "a%2fb",
        "/etc/passwd",
        "../x",
        "%",
        "%2E",
        "%00",
        "~",
        ":*?<>|\"",
        " ",
        " x",
        "x ",
        "a",
        "\n",
        "\x7f",
        "\u{e4}",
        "a\u{308}",
        "日本語",
        "😀",
        "\u{feff}",
        "\u{ffff}",
        "Name",
        "NAME",
        "name",
        "local",
        "session",
        "a.b",
        ".shmobj-data.0",
        ".shmobj-new.0",
        "shmobj.0",
        "CON",
        "nul",
    ];
    if cfg!(target_os = "linux") {
        names.extend(["a\0b", "a\0", "\0"]); // Windows takes names that end at the first NUL
    }
    let mut held = Vec::new();
    for (number, &name) in (1..).zip(&names) {
        let mapping = place.options().size(4096 * number).create_new(name);
        held.push(mapping.unwrap_or_else(|error| panic!("{name:?}: {error}")));
    }
    for (mapping, &name) in held.iter().zip(&names) {
        let opened = place.open(name, Access::READ).unwrap();
        assert!(opened.is_same_object(mapping), "{name:?}");
        assert_eq!(opened.size(), mapping.size(), "{name:?}");
        #[cfg(target_os = "linux")]
        assert_eq!(place.namespace.inspect(name).unwrap().name, name);
    }
    #[cfg(target_os = "linux")]
    let listed: std::collections::BTreeSet<String> = place
        .namespace
        .objects(Scope::Local)
        .unwrap()
        .into_iter()
        .map(|listed| match listed {
            Listed::Object(info) => info.name,
            other => panic!("{other:?}"),
        })
        .collect();
    #[cfg(target_os = "linux")]
    assert_eq!(listed, names.into_iter().map(String::from).collect());
    drop(held);
    assert_eq!(place.entries(), [""; 0]);
}

#[test]
fn nm_17_names_of_up_to_32766_utf16_units_are_whole_names() {
    let place = Place::new();
    let names = [
        "x".repeat(255),
        "x".repeat(256),
        "x".repeat(260),
        "x".repeat(LONGEST_NAME),
        format!("{}y", "x".repeat(LONGEST_NAME - 1)),
        "\u{20ac}".repeat(LONGEST_NAME),
        "😀".repeat(LONGEST_NAME / 2),
        "/".repeat(100),
        "ä".repeat(127),
        "ä".repeat(128),
    ];
    let held: Vec<_> =
        names.iter().map(|name| place.options().size(4096).create_new(name).unwrap()).collect();
    for (mapping, name) in held.iter().zip(&names) {
        assert!(place.open(name, Access::READ).unwrap().is_same_object(mapping));
        let prefixed = format!("Local\\{name}");
        let fits = prefixed.encode_utf16().count() <= 32_766; // the prefix counts
        assert_eq!(code(place.open(&prefixed, Access::READ)), if fits { 0 } else { 123 });
        #[cfg(target_os = "linux")]
        assert_eq!(place.namespace.inspect(name).unwrap().name, *name);
    }
    assert_eq!(code(place.open(&"x".repeat(LONGEST_NAME - 2), Access::READ)), 2);
    // The file of a long name carries a hash; the name that reads like that file is another name.
    #[cfg(target_os = "linux")]
    for file in place.entries() {
        if !names.contains(&file) {
            assert_eq!(code(place.open(&file, Access::READ)), 2, "{file}");
        }
    }
    drop(held);
    assert_eq!(place.entries(), [""; 0]);
}

/// Section 3.1: what needs no object is checked first, then the name, then what needs a file.
#[test]
fn nm_20_the_error_of_the_step_that_comes_first_wins() {
    let place = Place::new();
    let nothing = not_mappable();
    for name in ["\\x", "local\\x", "Local\\", "Local"] {
        assert_eq!(code(place.options().create(name)), 87, "{name}: no size, no file");
        let bad_name = code(place.options().size(4096).create(name));
        assert_eq!(code(place.options().file(&nothing).create(name)), bad_name, "{name}: a file, unseen");
        assert_eq!(code(place.open(name, Access::empty())), bad_name, "{name}: OP-11");
    }
}

/// Windows takes names that end at the first NUL.
const NAMES: &str = if cfg!(target_os = "linux") {
    "[^\\\\]{1,20}|[%~./a]{1,8}|[a-cä]{250,258}|[/%a]{80,90}"
} else {
    "[^\\\\\0]{1,20}|[%~./a]{1,8}|[a-cä]{250,258}|[/%a]{80,90}"
};

proptest! {
    /// NM-12, NM-14, NM-17: two names are one object only if they are one string.
    #[test]
    fn nm_14_names_are_compared_whole_and_unchanged(
        one in NAMES,
        two in NAMES,
    ) {
        let place = Place::new();
        let first = place.memory(&one, 4096);
        let second = place.memory(&two, 4096);
        prop_assert_eq!(first.is_same_object(&second), one == two);
        prop_assert_eq!(second.existed(), one == two);
        for (name, mapping) in [(&one, &first), (&two, &second)] {
            prop_assert!(place.open(name, Access::READ).unwrap().is_same_object(mapping));
            #[cfg(target_os = "linux")]
            prop_assert_eq!(&place.namespace.inspect(name).unwrap().name, name);
        }
    }
}

#[test]
fn namespaces_are_apart_and_a_clone_is_the_same_one() {
    let (one, two) = (Place::new(), Place::new());
    let mapping = one.memory("n", 4096);
    assert_eq!(code(two.open("n", Access::READ)), 2);
    assert!(!two.memory("n", 4096).existed());
    let clone = one.namespace.clone();
    let again = Namespace::at(one.names());
    for namespace in [&clone, &again] {
        let opened = FileMapping::options().namespace(namespace).open("n", Access::READ).unwrap();
        assert!(opened.is_same_object(&mapping));
    }
}
