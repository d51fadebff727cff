//! Every kind of error that can be reached from here: its number, and a message that a person can act on.

mod common;

#[cfg(target_os = "linux")]
use std::fs::{File, Permissions};
#[cfg(target_os = "linux")]
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU32, Ordering};

use common::{Place, error, not_mappable, on_wine, pattern};
#[cfg(target_os = "linux")]
use rustix::fs::{FlockOperation, flock};
use shmobj::{Access, Allocation, Error, ErrorKind, Protection, Security};
#[cfg(target_os = "linux")]
use shmobj::{FileMapping, LargePages, Namespace};

/// What the error of something that was tried on the object `n` has to say.
#[track_caller]
fn says<T>(result: shmobj::Result<T>, kind: ErrorKind, code: u32, verb: &str) -> Error {
    let error = error(result);
    assert_eq!((error.kind(), error.win32_code()), (kind, code), "{error}");
    assert_eq!(kind.win32_code(), code);
    // Looking at an entry is the same for all kinds.
    let object = if verb == "inspect" { "object \"n\"" } else { "file mapping \"n\"" };
    assert_eq!(error.object(), object, "{error}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot {verb} {object}: ")), "{text}");
    let remedy = error.remedy().unwrap_or_else(|| panic!("no remedy: {text}"));
    assert!(text.ends_with(&format!("; {remedy}")), "{text}");
    assert!(format!("{error:?}").contains(&text), "Debug tells no less");
    error
}

#[test]
fn errors_of_finding_an_object() {
    let place = Place::new();
    says(place.open("n", Access::READ), ErrorKind::NotFound, 2, "open");
    let _mapping = place.memory("n", 4096);
    if on_wine() {
        // OP-4: it opens, and then finds out that the handle is good for nothing.
        assert_eq!(error(place.open("n", Access::empty())).kind(), ErrorKind::AccessDenied);
    } else {
        says(place.open("n", Access::empty()), ErrorKind::AccessDenied, 5, "open");
    }
    says(place.options().size(1).create_new("n"), ErrorKind::AlreadyExists, 183, "create");
    drop(_mapping);
    #[cfg(target_os = "linux")]
    says(place.namespace.inspect("n"), ErrorKind::NotFound, 2, "inspect");
}

#[test]
fn errors_of_names_show_the_name() {
    let place = Place::new();
    let rows = [
        ("local\\x", ErrorKind::PathNotFound, 3),
        ("a\\b", ErrorKind::PathNotFound, 3),
        ("Local\\a\\b", ErrorKind::PathNotFound, 3),
        ("Global", ErrorKind::WrongKind, 6),
        ("Local\\", ErrorKind::InvalidName, 123),
        ("\\x", ErrorKind::BadPathname, 161),
        (&"x".repeat(40_000), ErrorKind::InvalidName, 123),
    ];
    for (name, kind, code) in rows {
        for (verb, result) in
            [("create", place.options().size(1).create(name)), ("open", place.open(name, Access::READ))]
        {
            let error = error(result);
            assert_eq!((error.kind(), error.win32_code()), (kind, code), "{error}");
            let shown = format!("{:?}", &name[..name.len().min(80)]);
            assert_eq!(error.object().split_once(&shown).map(|(before, _)| before), Some("file mapping "));
            assert!(error.to_string().starts_with(&format!("cannot {verb} file mapping")), "{error}");
            assert!(error.to_string().len() < 400, "{error}");
            assert!(error.remedy().is_some(), "{error}");
        }
    }
    let wrong_case = error(place.open("local\\x", Access::READ));
    assert!(wrong_case.remedy().unwrap().contains("Local"), "{wrong_case}");
    assert!(error(place.open("", Access::READ)).object().starts_with("unnamed"));
}

#[test]
fn errors_of_sizes() {
    let place = Place::new();
    says(place.options().create("n"), ErrorKind::InvalidParameter, 87, "create");
    says(place.options().size(1 << 50).create("n"), ErrorKind::OutOfMemory, 8, "create");
    if !on_wine() {
        // It commits as much as one likes.
        says(place.options().size(1 << 43).create("n"), ErrorKind::CommitLimit, 1455, "create");
        let shared = place.options().security(Security::mode(0o666));
        says(shared.size(1 << 43).create("n"), ErrorKind::CommitLimit, 1455, "create");
    }
    let reserve = place.options().allocation(Allocation::Reserve);
    says(reserve.size(1 << 47).create("n"), ErrorKind::OutOfMemory, 8, "create");
}

#[test]
fn errors_of_files() {
    let place = Place::new();
    drop(place.file(b""));
    let (empty, read_only) = (place.reopened(true), place.reopened(false));
    let device = not_mappable();
    let options = place.options();
    says(options.clone().file(&empty).create("n"), ErrorKind::EmptyFile, 1006, "create");
    if !on_wine() {
        says(options.clone().file(&device).create("n"), ErrorKind::NotMappable, 193, "create"); // CF-21
    }
    says(options.clone().file(&read_only).create("n"), ErrorKind::AccessDenied, 5, "create");
    let vast = options.clone().file(&empty).size(1 << 62);
    if cfg!(target_os = "linux") {
        says(vast.create("n"), ErrorKind::DiskFull, 112, "create");
    } else if !on_wine() {
        let error = error(vast.create("n")); // CF-17
        assert!([8, 87, 112].contains(&error.win32_code()) && error.remedy().is_some(), "{error}");
    }
    let short = options.file(&read_only).protection(Protection::ReadOnly).size(1);
    says(short.create("n"), ErrorKind::OutOfMemory, 8, "create");
}

#[test]
#[cfg(target_os = "linux")] // elsewhere they may be shared, and need a privilege
fn errors_of_large_pages() {
    let place = Place::new();
    let options = place.options().large_pages(LargePages::Required);
    says(options.clone().size(4096).create("n"), ErrorKind::InvalidParameter, 87, "create");
    says(options.clone().size(1 << 46).create("n"), ErrorKind::NoResources, 1450, "create");
    let reserve = options.clone().size(1 << 30).allocation(Allocation::Reserve);
    says(reserve.create("n"), ErrorKind::InvalidParameter, 87, "create");
    let shared = options.size(1 << 30).security(Security::mode(0o666));
    says(shared.create("n"), ErrorKind::NotSupported, 50, "create");
}

#[test]
fn errors_of_mapping() {
    let place = Place::new();
    let creator = place.memory("n", 8192);
    let view = creator.view();
    says(view.clone().len(8193).map(), ErrorKind::AccessDenied, 5, "map");
    says(view.clone().len(0).map(), ErrorKind::InvalidParameter, 87, "map");
    says(view.clone().offset(1).len(u64::MAX).map(), ErrorKind::InvalidParameter, 87, "map");
    says(view.clone().address(4096).map(), ErrorKind::Misaligned, 1132, "map");
    if !on_wine() {
        says(view.clone().address(1 << 63).map(), ErrorKind::InvalidParameter, 87, "map"); // MV-16
    }
    let there = creator.map().unwrap();
    says(view.address(there.as_ptr().addr()).map(), ErrorKind::InvalidAddress, 487, "map");
    let reader = place.open("n", Access::READ).unwrap();
    let denied = says(reader.map_mut(), ErrorKind::AccessDenied, 5, "map");
    assert!(denied.to_string().contains("WRITE"), "{denied}");
    let writer = place.open("n", Access::WRITE).unwrap();
    assert!(says(writer.map(), ErrorKind::AccessDenied, 5, "map").to_string().contains("READ"));
    drop((creator, reader, writer));
    let _read_only = place.options().size(1).protection(Protection::ReadOnly).create("n").unwrap();
    if !on_wine() {
        says(place.memory("n", 1).map_mut(), ErrorKind::InvalidParameter, 87, "map"); // AE-6
    }
}

#[test]
fn errors_of_views_and_of_committing() {
    let place = Place::new();
    let mapping = place.options().size(8192).allocation(Allocation::Reserve).create("n").unwrap();
    let view = mapping.map_mut().unwrap();
    says(view.read_vec(0, 1), ErrorKind::NotCommitted, 998, "read");
    says(view.write_at(0, b"x"), ErrorKind::NotCommitted, 998, "write");
    says(view.load::<AtomicU32>(0, Ordering::Relaxed), ErrorKind::NotCommitted, 998, "use");
    says(view.read_vec(8192, 1), ErrorKind::InvalidAddress, 487, "read");
    says(view.fill(0, 8193, 1), ErrorKind::InvalidAddress, 487, "write");
    says(view.flush_range(0, 8193, shmobj::Flush::Wait), ErrorKind::InvalidAddress, 487, "flush");
    says(view.commit(0, 8193), ErrorKind::InvalidAddress, 487, "commit");
    says(mapping.commit(0..8193), ErrorKind::InvalidAddress, 487, "commit");
    #[allow(clippy::reversed_empty_ranges)] // the mistake itself
    let reversed = 1..0;
    says(mapping.commit(reversed), ErrorKind::InvalidParameter, 87, "commit");
    view.commit(0, 8192).unwrap();
    says(view.atomic::<AtomicU32>(2), ErrorKind::Misaligned, 1132, "use");
    let reader = place.open("n", Access::READ).unwrap();
    says(reader.commit(0..4096), ErrorKind::AccessDenied, 5, "commit");
    drop((view, mapping, reader));

    let file = place.file(&pattern(8192));
    let mapping = place.options().file(&file).create("n").unwrap();
    says(mapping.commit(0..4096), ErrorKind::AccessDenied, 5, "commit");
    let view = mapping.map_mut().unwrap();
    if cfg!(target_os = "linux") {
        file.set_len(0).unwrap();
        says(view.read_vec(0, 1), ErrorKind::Truncated, 999, "read");
        says(view.write_at(0, b"x"), ErrorKind::Truncated, 999, "write");
    } else {
        assert_eq!(file.set_len(0).unwrap_err().raw_os_error(), Some(1224), "TR-1");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn errors_of_what_stands_under_the_name_and_is_no_entry() {
    let place = Place::new();
    drop(place.memory("other", 4096)); // makes the directory
    let entry = place.names().join("n");
    let corrupt = |what: &str| {
        let error = says(place.open("n", Access::READ), ErrorKind::Corrupt, 1392, "open");
        assert!(error.to_string().contains("entry"), "{what}: {error}");
        says(place.options().size(1).create("n"), ErrorKind::Corrupt, 1392, "create");
    };
    std::fs::create_dir(&entry).unwrap();
    corrupt("a directory");
    std::fs::remove_dir(&entry).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &entry).unwrap();
    corrupt("a symbolic link");
    std::fs::remove_file(&entry).unwrap();
    for contents in [&b""[..], b"nonsense", &[0; 4096], &pattern(8192)] {
        std::fs::write(&entry, contents).unwrap();
        let held = File::open(&entry).unwrap();
        corrupt("nonsense that nobody holds");
        flock(&held, FlockOperation::LockShared).unwrap();
        corrupt("nonsense that somebody holds");
        says(place.namespace.inspect("n"), ErrorKind::Corrupt, 1392, "inspect");
        assert_eq!(std::fs::read(&entry).unwrap(), contents, "left alone");
    }
}

/// The entry of one name under another one, and each with every field that could be damaged.
#[test]
#[cfg(target_os = "linux")]
fn a_damaged_entry_is_corrupt_and_not_worse() {
    let place = Place::new();
    let mapping = place.memory("n", 4096);
    let entry = std::fs::read(place.names().join("n")).unwrap();
    drop(mapping);
    let held_with = |name: &str, bytes: &[u8]| {
        std::fs::write(place.names().join(name), bytes).unwrap();
        let held = File::open(place.names().join(name)).unwrap();
        flock(&held, FlockOperation::LockShared).unwrap();
        held
    };
    let _other = held_with("other", &entry);
    assert_eq!(error(place.open("other", Access::READ)).kind(), ErrorKind::Corrupt);
    // magic, version, kind, page size, storage, length of the name, protection
    for at in [0, 8, 12, 48, 52, 80, 112] {
        let mut damaged = entry.clone();
        damaged[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        let _held = held_with("n", &damaged);
        says(place.open("n", Access::READ), ErrorKind::Corrupt, 1392, "open");
        says(place.options().size(1).create("n"), ErrorKind::Corrupt, 1392, "create");
    }
    for length in [1, 63, 64, 4095] {
        let _held = held_with("n", &entry[..length]);
        says(place.open("n", Access::READ), ErrorKind::Corrupt, 1392, "open");
    }
}

/// These two are told only after the library has waited for whoever is in its way.
#[test]
#[cfg(target_os = "linux")]
fn errors_of_objects_that_cannot_be_reached() {
    let (lost, locked) = (Place::new(), Place::new());
    for place in [&lost, &locked] {
        let mapping = place.memory("n", 4096);
        let entry = std::fs::read(place.names().join("n")).unwrap();
        drop(mapping);
        std::fs::write(place.names().join("n"), entry).unwrap();
    }
    let lost_entry = File::open(lost.names().join("n")).unwrap();
    flock(&lost_entry, FlockOperation::LockShared).unwrap();
    let locked_entry = File::open(locked.names().join("n")).unwrap();
    flock(&locked_entry, FlockOperation::LockExclusive).unwrap();
    std::thread::scope(|scope| {
        for place in [&lost, &locked] {
            scope.spawn(|| says(place.open("n", Access::READ), ErrorKind::Unreachable, 5, "open"));
            scope.spawn(|| says(place.options().size(1).create("n"), ErrorKind::Unreachable, 5, "create"));
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn errors_of_namespace_directories_say_which_one_and_what_is_wrong() {
    let place = Place::new();
    let loose = place.path("loose");
    std::fs::create_dir(&loose).unwrap();
    std::fs::set_permissions(&loose, Permissions::from_mode(0o777)).unwrap();
    std::fs::write(place.path("a file"), b"").unwrap();
    std::os::unix::fs::symlink(place.path(""), place.path("a link")).unwrap();
    let missing = place.path("missing").join("deeper");
    for directory in [loose.clone(), place.path("a file"), place.path("a link"), missing.clone()] {
        let namespace = Namespace::at(&directory);
        let options = FileMapping::options().namespace(&namespace).size(1);
        let error = says(options.create("n"), ErrorKind::BadNamespace, 5, "create");
        assert!(error.to_string().contains(directory.to_str().unwrap()), "{error}");
        if directory != missing {
            says(options.open("n", Access::READ), ErrorKind::BadNamespace, 5, "open");
        }
    }
    std::fs::set_permissions(&loose, Permissions::from_mode(0o1777)).unwrap();
    let namespace = Namespace::at(&loose);
    assert!(FileMapping::options().namespace(&namespace).size(1).create("n").is_ok(), "sticky is enough");
}

#[test]
fn an_error_becomes_an_io_error_of_the_kind_that_programs_expect() {
    let place = Place::new();
    let _mapping = place.memory("n", 1);
    let rows = [
        (place.open("missing", Access::READ), std::io::ErrorKind::NotFound),
        (place.open("n", Access::empty()), std::io::ErrorKind::PermissionDenied),
        (place.options().size(1).create_new("n"), std::io::ErrorKind::AlreadyExists),
        (place.options().create("m"), std::io::ErrorKind::InvalidInput),
        (place.options().size(1 << 50).create("m"), std::io::ErrorKind::OutOfMemory),
    ];
    for (result, kind) in rows {
        let error = error(result);
        let text = error.to_string();
        let io = std::io::Error::from(error);
        assert_eq!(io.kind(), kind, "{text}");
        assert_eq!(io.to_string(), text);
        assert!(io.get_ref().unwrap().downcast_ref::<Error>().is_some(), "it can be had back");
    }
}
