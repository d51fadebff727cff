//! Sections 3.2 and 7: opening by name, and what the rights of a handle permit.

mod common;

use common::{Place, code, for_others, on_wine, pattern};
#[cfg(target_os = "linux")]
use shmobj::Namespace;
use shmobj::{Access, FileMapping, Protection};

/// The codes of a read-only, a copy-on-write and a writable view.
fn views(mapping: &FileMapping) -> [u32; 3] {
    [code(mapping.map()), code(mapping.map_copy()), code(mapping.map_mut())]
}

#[test]
fn op_2_op_3_what_cannot_be_found_cannot_be_opened() {
    let place = Place::new();
    assert_eq!(code(place.open("", Access::READ)), 6);
    assert_eq!(code(place.open("n", Access::READ)), 2);
    assert_eq!(code(place.open("local\\n", Access::READ)), 3);
    assert_eq!(code(place.open("Local\\", Access::READ)), 123);
    assert_eq!(code(place.open("\\n", Access::READ)), 161);
}

/// OP-4, OP-5 and OF-8.
#[test]
fn op_4_no_rights_or_undefined_ones_are_denied() {
    let place = Place::new();
    let _mapping = place.memory("n", 4096);
    assert_eq!(code(place.open("n", Access::empty())), 5);
    for undefined in [0x40, 0x8, 0x80, 1 << 31, u32::MAX] {
        assert_eq!(code(place.open("n", Access::from_bits_retain(undefined))), 5, "{undefined:#x}");
        let mixed = Access::READ | Access::from_bits_retain(undefined);
        assert_eq!(code(place.open("n", mixed)), 5, "{undefined:#x}");
    }
}

/// Name syntax, look-up, type, access.
#[test]
fn op_11_the_name_is_looked_up_before_the_rights_are_judged() {
    let place = Place::new();
    for access in [Access::empty(), Access::from_bits_retain(0x40)] {
        assert_eq!(code(place.open("", access)), 6);
        assert_eq!(code(place.open("\\n", access)), 161);
        assert_eq!(code(place.open("n", access)), 2);
    }
}

/// OF-1, OF-4, OF-5 and TS-29; QUERY alone maps nothing (8.3).
#[test]
fn of_1_to_of_5_a_handle_maps_what_its_rights_say() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    let _memory = place.memory("memory", 4096);
    let _file = place.options().file(&file).create("file").unwrap();
    let _shared = for_others(place.options().size(4096)).create("shared").unwrap();
    let rows = [
        ("OF-1", Access::READ, [0, 0, 5]),
        ("OF-1", Access::READ | Access::QUERY, [0, 0, 5]),
        ("OF-3", Access::WRITE | Access::QUERY, [5, 5, 0]),
        ("OF-4", Access::WRITE, [5, 5, 0]),
        ("OF-5", Access::READ_WRITE, [0, 0, 0]),
        ("OF-5", Access::ALL, [0, 0, 0]),
        ("8.3", Access::QUERY, [5, 5, 5]),
    ];
    for name in ["memory", "file", "shared"] {
        for (row, access, expected) in rows {
            let mapping = place.open(name, access).unwrap();
            assert!(mapping.existed());
            assert_eq!(mapping.access(), access & (Access::QUERY | Access::READ_WRITE), "{row} {name}");
            assert_eq!(views(&mapping), expected, "{row} {name} {access:?}");
        }
    }
}

/// Also 8.3: the handle's right is tested first, then the object's protection.
#[test]
fn of_9_all_rights_to_a_read_only_object_still_map_no_writable_view() {
    if on_wine() {
        return; // AE-6: it maps them
    }
    let place = Place::new();
    drop(place.file(&pattern(5000)));
    let file = place.reopened(false);
    for protection in [Protection::ReadOnly, Protection::WriteCopy] {
        let options = place.options().protection(protection);
        let _memory = options.clone().size(4096).create("memory").unwrap();
        let _file = options.file(&file).create("file").unwrap();
        for name in ["memory", "file"] {
            let rights = |access| views(&place.open(name, access).unwrap());
            assert_eq!(rights(Access::ALL), [0, 0, 87], "{name}");
            assert_eq!(rights(Access::READ_WRITE), [0, 0, 87], "{name}");
            assert_eq!(rights(Access::WRITE), [5, 5, 87], "{name}");
            assert_eq!(rights(Access::READ), [0, 0, 5], "{name}");
            assert_eq!(rights(Access::QUERY), [5, 5, 5], "{name}");
        }
    }
}

/// Also TS-1: rights belong to the handle, in one process as well.
#[test]
fn o_1_two_handles_to_one_object_have_different_rights() {
    let place = Place::new();
    let writer = place.memory("n", 4096);
    writer.map_mut().unwrap().write_at(0, b"hi").unwrap();
    let reader = place.open("n", Access::READ).unwrap();
    assert!(reader.is_same_object(&writer));
    let view = reader.map().unwrap();
    assert_eq!(view.read_vec(0, 2).unwrap(), b"hi");
    assert_eq!(code(reader.map_mut()), 5);
    let later = place.open("n", Access::READ_WRITE).unwrap();
    later.map_mut().unwrap().write_at(0, b"ho").unwrap();
    assert_eq!(view.read_vec(0, 2).unwrap(), b"ho");
    assert_eq!(code(reader.map_mut()), 5, "another handle's rights are not this one's");
}

#[test]
fn opening_tells_size_protection_and_what_it_is() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    let options = place.options().protection(Protection::ReadOnly);
    let _file = options.file(&file).size(4321).create("file").unwrap();
    let _memory = place.memory("memory", 5000);
    let opened = place.open("file", Access::READ).unwrap();
    assert_eq!((opened.size(), opened.is_file()), (4321, true));
    assert_eq!(opened.protection(), Protection::ReadOnly);
    assert_eq!(opened.map().unwrap().read_vec(0, 4321).unwrap(), pattern(4321));
    let opened = place.open("memory", Access::READ).unwrap();
    assert_eq!((opened.size(), opened.is_file()), (8192, false));
    if cfg!(target_os = "linux") {
        assert_eq!(opened.protection(), Protection::ReadWrite);
    }
    // Elsewhere a handle that may write can find it out.
    assert_eq!(place.open("memory", Access::READ_WRITE).unwrap().protection(), Protection::ReadWrite);
    assert_eq!(opened.name(), "memory");
}

/// A file is found through its holders, whatever has become of its path.
#[test]
#[cfg(target_os = "linux")] // TR-9: Windows may refuse to delete it
fn a_named_mapping_of_a_deleted_file_can_be_opened() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    let _holder = place.options().file(&file).create("n").unwrap();
    drop(file);
    std::fs::remove_file(place.path("data")).unwrap();
    drop(place.file(b"another file of the same name"));
    for access in [Access::READ, Access::READ_WRITE] {
        let opened = place.open("n", access).unwrap();
        let view = opened.map().unwrap();
        assert_eq!(view.read_vec(0, 5000).unwrap(), pattern(5000));
    }
}

#[test]
#[cfg(target_os = "linux")] // elsewhere nothing makes one
fn opening_never_makes_a_directory() {
    let place = Place::new();
    let namespace = Namespace::at(place.path("never"));
    let options = FileMapping::options().namespace(&namespace);
    assert_eq!(code(options.open("n", Access::READ)), 2);
    assert!(!place.path("never").exists());
    assert_eq!(code(options.size(1).create("n")), 0);
    assert!(place.path("never").exists());
}

/// Also NS-7: while others create and destroy, an opener gets the object whole, or is told that there is none.
#[test]
fn opening_sees_a_name_whole_or_not_at_all() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let mapping = place.memory("n", 4096);
                    mapping.map_mut().unwrap().fill(0, 4096, 1).unwrap();
                }
            });
            scope.spawn(|| {
                for _ in 0..500 {
                    match place.open("n", Access::READ) {
                        Ok(mapping) => assert_eq!(mapping.map().unwrap().len(), 4096),
                        Err(error) => assert_eq!(error.win32_code(), 2, "{error}"),
                    }
                }
            });
        }
    });
    assert_eq!(place.entries(), [""; 0]);
}
