//! Sections 3.1 and 6.7: creating a name that exists opens it, and changes nothing.

mod common;

use common::{Place, code, error, not_mappable, on_wine, pattern};
#[cfg(target_os = "linux")]
use shmobj::Security;
use shmobj::{Access, Allocation, ErrorKind, LargePages, Protection};

/// Also CR-7 and C-5.
#[test]
fn ae_1_the_existing_object_is_returned_unchanged() {
    let place = Place::new();
    let first = place.memory("n", 4096);
    first.map_mut().unwrap().write_at(0, b"first").unwrap();
    #[cfg(target_os = "linux")]
    let before = place.namespace.inspect("n").unwrap();
    let second = place.memory("n", 4096);
    assert!(second.existed());
    assert_eq!(second.map().unwrap().read_vec(0, 5).unwrap(), b"first");
    assert!(second.is_same_object(&first));
    #[cfg(target_os = "linux")]
    {
        let after = place.namespace.inspect("n").unwrap();
        assert_eq!((before.id, before.created, before.size), (after.id, after.created, after.size));
    }
}

/// Also TS-2.
#[test]
fn ae_2_another_size_is_ignored() {
    let place = Place::new();
    let _first = place.memory("n", 8192);
    for size in [1, 65_536, 1 << 60, u64::MAX] {
        let second = place.memory("n", size);
        assert!(second.existed());
        assert_eq!(second.size(), 8192);
        assert_eq!(second.map().unwrap().len(), 8192);
        assert_eq!(code(second.view().len(8193).map()), 5);
    }
}

#[test]
fn ae_3_another_allocation_is_ignored() {
    let place = Place::new();
    let _committed = place.memory("committed", 8192);
    let _reserved = place.options().size(8192).allocation(Allocation::Reserve).create("reserved").unwrap();
    let second = place.options().size(8192).allocation(Allocation::Reserve).create("committed").unwrap();
    assert_eq!((second.existed(), second.allocation()), (true, Allocation::Commit));
    assert_eq!(place.memory("reserved", 8192).allocation(), Allocation::Reserve);
    let second = place.options().size(1 << 30).large_pages(LargePages::Required).create("committed").unwrap();
    assert_eq!((second.existed(), second.page_size()), (true, 4096));
}

#[test]
fn ae_4_arguments_that_are_never_right_fail_although_the_name_exists() {
    let place = Place::new();
    let _first = place.memory("n", 4096);
    assert_eq!(code(place.options().create("n")), 87);
    let large = place.options().size(1 << 30).large_pages(LargePages::Required);
    assert_eq!(code(large.allocation(Allocation::Reserve).create("n")), 87);
}

#[test]
fn ae_5_a_file_that_could_not_be_mapped_is_not_even_looked_at() {
    let place = Place::new();
    let first = place.memory("n", 4096);
    let empty = place.file(b"");
    let read_only = place.reopened(false);
    let nothing = not_mappable();
    for file in [&empty, &read_only, &nothing] {
        for size in [0, 1 << 20, u64::MAX] {
            let second = place.options().file(file).size(size).create("n").unwrap();
            assert!(second.existed() && second.is_same_object(&first) && !second.is_file());
        }
    }
    assert_eq!(place.contents(), b"", "never modified");
}

/// Also TS-28, 8.3 and 6.5.
#[test]
fn ae_6_a_read_write_handle_to_a_read_only_object_maps_no_writable_view() {
    let place = Place::new();
    for protection in [Protection::ReadOnly, Protection::WriteCopy] {
        let _first = place.options().size(4096).protection(protection).create("n").unwrap();
        let second = place.memory("n", 4096);
        assert!(second.existed());
        assert!(second.access().contains(Access::READ_WRITE), "the handle's as asked for");
        assert_eq!(code(second.map()), 0);
        assert_eq!(code(second.map_copy()), 0);
        assert_eq!(code(second.map_mut()), if on_wine() { 0 } else { 87 });
        if cfg!(target_os = "linux") {
            assert_eq!(second.protection(), protection, "the object's own");
        } else if !on_wine() {
            assert_eq!(second.protection(), Protection::ReadOnly, "the system tells no more");
        }
    }
}

#[test]
fn ae_7_a_read_only_request_gives_a_handle_that_only_reads() {
    let place = Place::new();
    let _first = place.memory("n", 4096);
    for protection in [Protection::ReadOnly, Protection::WriteCopy] {
        let second = place.options().size(4096).protection(protection).create("n").unwrap();
        assert!(second.existed());
        if cfg!(target_os = "linux") {
            assert_eq!(second.protection(), Protection::ReadWrite);
        } else {
            assert_eq!(second.protection(), Protection::ReadOnly, "all that this handle can find out");
        }
        assert_eq!(second.access(), Access::READ | Access::QUERY);
        assert_eq!(code(second.map()), 0);
        assert_eq!(code(second.map_copy()), 0);
        assert_eq!(code(second.map_mut()), 5);
    }
}

#[test]
#[cfg(target_os = "linux")] // Windows: windows/
fn ae_10_another_security_is_ignored() {
    let place = Place::new();
    let _first = place.memory("n", 4096);
    let before = place.namespace.inspect("n").unwrap();
    assert_eq!(before.mode, 0o600, "nobody but the owner by default");
    let open = place.options().size(4096).security(Security::mode(0o666));
    let second = open.clone().across_pid_namespaces(true).create("n").unwrap();
    assert!(second.existed());
    let after = place.namespace.inspect("n").unwrap();
    assert_eq!((after.mode, after.storage), (before.mode, before.storage));
    let _shared = open.create("shared").unwrap();
    assert_eq!(place.namespace.inspect("shared").unwrap().mode, 0o644, "all may read the entry");
}

#[test]
fn create_new_takes_no_object_that_exists() {
    let place = Place::new();
    let first = place.options().size(4096).create_new("n").unwrap();
    assert!(!first.existed());
    let refused = error(place.options().size(4096).create_new("n"));
    assert_eq!((refused.kind(), refused.win32_code()), (ErrorKind::AlreadyExists, 183));
    let file = place.file(&pattern(10));
    assert_eq!(code(place.options().file(&file).size(20).create_new("n")), 183);
    assert_eq!(place.contents().len(), 10, "AE-5: never modified");
    drop(first);
    assert_eq!(code(place.options().size(4096).create_new("n")), 0);
}

/// The idiom of section 6.7: who is told that it is new initialises; all others find what it wrote, or zeros.
#[test]
fn who_creates_the_object_is_the_one_to_initialise_it() {
    let place = Place::new();
    let initialised = std::sync::atomic::AtomicU32::new(0);
    let keep = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mapping = place.memory("n", 4096);
                if !mapping.existed() {
                    initialised.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    mapping.map_mut().unwrap().write_at(0, b"ready").unwrap();
                }
                keep.wait();
                assert_eq!(mapping.map().unwrap().read_vec(0, 5).unwrap(), b"ready");
            });
        }
    });
    assert_eq!(initialised.into_inner(), 1);
}
