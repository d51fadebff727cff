//! Memory that is frozen, or closed to further writers: by us, by another handle, by somebody who means no good.
#![cfg(target_os = "linux")] // there is no freezing elsewhere
#![allow(unsafe_code)] // maps the memory by hand, as a stranger might

mod common;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use common::{PAGE, Place, code, error, pattern, rights};
use rustix::fs::{FallocateFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, ftruncate};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};
use shmobj::{Access, Allocation, AnyBits, ErrorKind, FileMapping, Frozen, LargePages, Protection, Security};

fn sealable(place: &Place, name: &str, size: u64) -> FileMapping {
    place.options().size(size).sealable(true).create(name).unwrap()
}

/// The memory's own file, as whoever finds it in /proc gets it: with every right.
fn raw(name: &str) -> File {
    OpenOptions::new().read(true).write(true).open(path_of(name)).unwrap()
}

/// A descriptor of this process whose memory belongs to the object of this name, which no other test has.
fn path_of(name: &str) -> PathBuf {
    let links = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let ends = format!(":{name} (deleted)");
    let mut ours = links.filter(|link| {
        std::fs::read_link(link).is_ok_and(|target| {
            let target = target.to_string_lossy();
            target.starts_with("/memfd:shmobj:") && target.ends_with(&ends)
        })
    });
    ours.next().expect("a descriptor of the memory")
}

fn mapped(file: &impl AsFd, prot: ProtFlags, flags: MapFlags) -> Result<(), Errno> {
    // SAFETY: a new mapping of a page, at an address that the kernel chooses.
    let base = unsafe { rustix::mm::mmap(std::ptr::null_mut(), PAGE, prot, flags, file, 0) }?;
    // SAFETY: it was mapped just now, and nobody uses it.
    unsafe { rustix::mm::munmap(base, PAGE) }
}

/// Everything that the kernel has for changing a file, tried on a descriptor with every right.
#[track_caller]
fn nobody_can_change(file: &File) {
    let perm = |what: &str, result: std::io::Result<()>| {
        let errno = result.expect_err(what).raw_os_error();
        assert_eq!(errno, Some(Errno::PERM.raw_os_error()), "{what}");
    };
    let mut writer = file;
    perm("write", writer.write_all(b"x"));
    perm("pwrite", file.write_all_at(b"x", 0));
    perm("shrink", file.set_len(1));
    perm("empty", file.set_len(0));
    perm("grow", file.set_len(1 << 30));
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    perm("punch a hole", fallocate(file, punch, 0, PAGE as u64).map_err(Into::into));
    perm("another seal", fcntl_add_seals(file, SealFlags::WRITE).map_err(Into::into));
    let read_write = ProtFlags::READ | ProtFlags::WRITE;
    perm("map for writing", mapped(file, read_write, MapFlags::SHARED).map_err(Into::into));
    perm("map write-only", mapped(file, ProtFlags::WRITE, MapFlags::SHARED).map_err(Into::into));
    mapped(file, read_write, MapFlags::PRIVATE).expect("a private copy is nobody else's business");
}

#[test]
fn what_is_frozen_can_be_read_and_changed_by_nobody() {
    let place = Place::new();
    let name = "what_is_frozen_can_be_read";
    let mapping = sealable(&place, name, 3 * PAGE as u64);
    let contents = pattern(3 * PAGE);
    mapping.map_mut().unwrap().write_at(0, &contents).unwrap();
    let frozen = mapping.freeze().unwrap();
    assert_eq!(*frozen, *contents);
    assert_eq!(frozen.as_ref(), contents);
    assert_eq!(frozen.name(), name);
    nobody_can_change(&raw(name));
    let seals = fcntl_get_seals(raw(name)).unwrap();
    let all = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    assert!(seals.contains(all), "{seals:?}");
    assert_eq!(rights(frozen.as_ptr().addr()).unwrap(), "r--p");
    assert_eq!(*frozen, *contents, "after all these attempts");
    let shown = format!("Frozen {{ name: {name:?}, len: {}, .. }}", 3 * PAGE);
    assert_eq!(format!("{frozen:?}"), shown, "no contents");
}

#[test]
fn memory_that_nobody_has_touched_freezes_as_zeros() {
    let place = Place::new();
    for large_pages in [LargePages::No, LargePages::Transparent] {
        let options = place.options().size(5 << 20).sealable(true).large_pages(large_pages);
        let frozen = options.create_unnamed().unwrap().freeze().unwrap();
        assert_eq!(frozen.len(), 5 << 20);
        assert!(frozen.iter().all(|&byte| byte == 0));
    }
    // A part of it, too: the rest has been allocated and looks like holes.
    let mapping = sealable(&place, "n", 64 * PAGE as u64);
    mapping.map_mut().unwrap().write_at(20 * PAGE, b"island").unwrap();
    let frozen = mapping.freeze().unwrap();
    assert_eq!(&frozen[20 * PAGE..20 * PAGE + 6], b"island");
    assert_eq!(frozen.iter().filter(|&&byte| byte != 0).count(), 6);
}

#[test]
fn a_view_that_can_write_is_in_the_way_and_no_other() {
    let place = Place::new();
    let mapping = sealable(&place, "n", PAGE as u64);
    let writer = place.open("n", Access::READ_WRITE).unwrap().map_mut().unwrap();
    writer.write_at(0, b"before").unwrap();
    let (reader, copy) = (mapping.map().unwrap(), mapping.map_copy().unwrap());
    let other_reader = place.open("n", Access::READ).unwrap().map().unwrap();
    copy.write_at(0, b"copied").unwrap();
    for _ in 0..2 {
        let error = error(mapping.freeze());
        assert_eq!((error.kind(), error.win32_code()), (ErrorKind::StillMapped, 1224), "{error}");
        assert!(error.remedy().unwrap().contains("drop the writable views"), "{error}");
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::ResourceBusy);
    }
    writer.write_at(0, b"after!").unwrap();
    assert_eq!(error(mapping.frozen()).kind(), ErrorKind::NotFrozen);
    drop(writer);
    let frozen = mapping.freeze().unwrap();
    assert_eq!(&frozen[..6], b"after!");
    assert_eq!(reader.read_vec(0, 6).unwrap(), b"after!");
    assert_eq!(other_reader.read_vec(0, 6).unwrap(), b"after!");
    copy.write_at(0, b"copies").unwrap();
    assert_eq!(copy.read_vec(0, 6).unwrap(), b"copies", "a private page is nobody else's");
    assert_eq!(&frozen[..6], b"after!");
}

#[test]
fn freezing_again_is_no_error_and_every_opener_gets_the_bytes() {
    let place = Place::new();
    let mapping = sealable(&place, "n", PAGE as u64);
    mapping.map_mut().unwrap().write_at(7, b"bytes").unwrap();
    let first = mapping.freeze().unwrap();
    let second = mapping.freeze().unwrap();
    let opened = place.open("n", Access::READ_WRITE).unwrap();
    let reader = place.open("n", Access::READ).unwrap();
    for frozen in
        [first, second, opened.freeze().unwrap(), opened.frozen().unwrap(), reader.frozen().unwrap()]
    {
        assert_eq!(&frozen[7..12], b"bytes");
    }
    assert_eq!(error(reader.freeze()).kind(), ErrorKind::AccessDenied);
    let blind = place.open("n", Access::WRITE).unwrap();
    assert_eq!(code(blind.frozen()), 5, "a right to write is none to read");
    assert_eq!(code(blind.freeze()), 5);
    let existing = place.options().size(1).create("n").unwrap();
    assert!(existing.existed());
    assert_eq!(&existing.frozen().unwrap()[7..12], b"bytes");
}

#[test]
fn of_threads_that_freeze_at_the_same_time_all_succeed() {
    let place = Place::new();
    for _ in 0..20 {
        let mapping = sealable(&place, "n", 64 * PAGE as u64);
        std::thread::scope(|scope| {
            let freeze = || mapping.freeze().map(|frozen| frozen.len());
            let all: Vec<_> = (0..4).map(|_| scope.spawn(freeze)).collect();
            for one in all {
                assert_eq!(one.join().unwrap().unwrap(), 64 * PAGE);
            }
        });
    }
}

#[test]
fn frozen_memory_is_mapped_by_every_view_that_does_not_write() {
    let place = Place::new();
    let mapping = sealable(&place, "n", 2 * PAGE as u64);
    mapping.map_mut().unwrap().write_at(PAGE, b"there").unwrap();
    let before = mapping.freeze().unwrap();
    for handle in [
        mapping,
        place.open("n", Access::READ_WRITE).unwrap(),
        place.open("n", Access::ALL).unwrap(),
        place.open("n", Access::READ).unwrap(),
    ] {
        assert_eq!(handle.map().unwrap().read_vec(PAGE, 5).unwrap(), b"there");
        assert_eq!(
            handle.view().offset(PAGE as u64 + 1).len(4).map().unwrap().read_vec(0, 4).unwrap(),
            b"here"
        );
        let copy = handle.map_copy().unwrap();
        copy.write_at(PAGE, b"other").unwrap();
        assert_eq!(copy.read_vec(PAGE, 5).unwrap(), b"other");
        let refused = error(handle.map_mut());
        assert_eq!(refused.kind(), ErrorKind::AccessDenied, "{refused}");
        if handle.access().contains(Access::WRITE) {
            assert!(refused.to_string().contains("sealed against writing"), "{refused}");
            assert!(refused.remedy().is_some(), "{refused}");
            handle.commit(0..1).unwrap();
        }
    }
    assert_eq!(&before[PAGE..PAGE + 5], b"there");
}

#[test]
fn the_bytes_outlive_every_handle_and_the_name_does_not() {
    let place = Place::new();
    let name = "the_bytes_outlive_every_handle";
    let is_mapped =
        || std::fs::read_to_string("/proc/self/maps").unwrap().contains(&format!(":{name} (deleted)"));
    let mapping = sealable(&place, name, PAGE as u64);
    mapping.map_mut().unwrap().write_at(0, b"alive").unwrap();
    let frozen = mapping.freeze().unwrap();
    let clone = frozen.clone();
    assert_eq!(clone.as_ptr(), frozen.as_ptr(), "one view");
    drop(mapping);
    assert_eq!(code(place.open(name, Access::READ)), 2);
    assert_eq!(place.entries(), [""; 0]);
    drop(frozen);
    assert!(is_mapped());
    let read = std::thread::spawn(move || clone[..5].to_vec()).join().unwrap();
    assert_eq!(read, b"alive");
    assert!(!is_mapped(), "unmapped with the last clone");
}

#[test]
fn values_are_seen_where_they_are_inside_and_aligned() {
    let frozen: Frozen = {
        let mapping = FileMapping::options().size(1).sealable(true).create_unnamed().unwrap();
        let view = mapping.map_mut().unwrap();
        view.write_at(0, &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        view.write_at(PAGE - 8, &(-2.5_f64).to_ne_bytes()).unwrap();
        drop(view);
        mapping.freeze().unwrap()
    };
    assert_eq!(frozen.len(), PAGE, "whole pages");
    assert_eq!(*frozen.as_ref_at::<u64>(0).unwrap(), u64::from_ne_bytes([1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(*frozen.as_ref_at::<[u8; 3]>(1).unwrap(), [2, 3, 4]);
    let pair = frozen.slice_at::<[u16; 2]>(4, 1).unwrap();
    assert_eq!(pair, [[u16::from_ne_bytes([5, 6]), u16::from_ne_bytes([7, 8])]]);
    assert_eq!(*frozen.as_ref_at::<f64>(PAGE - 8).unwrap(), -2.5);
    assert_eq!(frozen.slice_at::<u8>(0, PAGE).unwrap(), &frozen[..]);
    assert_eq!(frozen.slice_at::<u32>(PAGE, 0).unwrap(), [0; 0]);
    let refused = |result: shmobj::Result<()>, number: u32| {
        let error = error(result);
        assert_eq!(error.win32_code(), number, "{error}");
        assert!(error.remedy().is_some(), "{error}");
    };
    refused(frozen.as_ref_at::<u64>(PAGE - 4).map(drop), 487);
    refused(frozen.as_ref_at::<u8>(PAGE).map(drop), 487);
    refused(frozen.as_ref_at::<u8>(usize::MAX).map(drop), 487);
    refused(frozen.slice_at::<u64>(8, usize::MAX).map(drop), 487);
    refused(frozen.slice_at::<u64>(8, PAGE / 8).map(drop), 487);
    refused(frozen.slice_at::<u8>(PAGE + 1, 0).map(drop), 487);
    refused(frozen.as_ref_at::<u16>(1).map(drop), 1132);
    refused(frozen.slice_at::<u128>(8, 1).map(drop), 1132);
    fn is_shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    fn is_plain<T: AnyBits>() {}
    is_shared(&frozen);
    is_plain::<[[i128; 3]; 2]>();
}

#[test]
fn only_memory_that_was_made_for_it_can_be_sealed() {
    let place = Place::new();
    let options = place.options().size(PAGE as u64);
    let huge_beside = options.clone().large_pages(LargePages::Transparent).sealable(true);
    huge_beside.create_unnamed().unwrap().freeze().unwrap();
    let refused = |result: shmobj::Result<()>, what: &str| {
        let error = error(result);
        assert_eq!((error.kind(), error.win32_code()), (ErrorKind::NotSupported, 50), "{what}: {error}");
        assert!(error.remedy().is_some(), "{what}: {error}");
        error.to_string()
    };
    let file = place.file(&pattern(PAGE));
    let shared = options.clone().security(Security::mode(0o666));
    let across = options.clone().across_pid_namespaces(true);
    let large = options.clone().size(1 << 30).large_pages(LargePages::Required);
    let of_file = options.clone().file(&file);
    for (what, options) in [("shared", &shared), ("across", &across), ("large", &large), ("a file", &of_file)]
    {
        refused(options.clone().sealable(true).create("n").map(drop), what);
        assert_eq!(place.entries(), [""; 0], "{what}");
    }
    for (what, options) in
        [("ordinary", &options), ("shared", &shared), ("across", &across), ("a file", &of_file)]
    {
        let mapping = options.create("n").unwrap();
        refused(mapping.freeze().map(drop), what);
        refused(mapping.seal_writes().map(drop), what);
        let not_frozen = error(mapping.frozen());
        let expected = if what == "ordinary" { ErrorKind::NotFrozen } else { ErrorKind::NotSupported };
        assert_eq!(not_frozen.kind(), expected, "{what}: {not_frozen}");
        mapping.map_mut().unwrap().write_at(0, b"still").unwrap();
    }
    let name = "never_to_be_sealed";
    let ordinary = options.create(name).unwrap();
    assert!(refused(ordinary.freeze().map(drop), "ordinary").contains("sealable(true)"));
    assert!(fcntl_get_seals(raw(name)).is_ok_and(|seals| seals.contains(SealFlags::SEAL)));
}

#[test]
fn an_object_that_is_read_only_is_not_sealed() {
    let place = Place::new();
    let options = place.options().size(1).sealable(true).protection(Protection::ReadOnly);
    let _creator = options.create("n").unwrap();
    assert_eq!(code(_creator.freeze()), 5);
    assert_eq!(code(place.open("n", Access::READ_WRITE).unwrap().freeze()), 87);
    assert_eq!(code(place.open("n", Access::READ_WRITE).unwrap().seal_writes()), 87);
}

#[test]
fn reserved_memory_is_sealed_when_all_of_it_is_committed() {
    let place = Place::new();
    let options = place.options().size(8 * PAGE as u64).allocation(Allocation::Reserve).sealable(true);
    let mapping = options.create("n").unwrap();
    for end in [0, 1, 7] {
        mapping.commit(0..end * PAGE as u64).unwrap();
        for (what, result) in
            [("freeze", mapping.freeze().map(drop)), ("seal writes", mapping.seal_writes().map(drop))]
        {
            let error = error(result);
            assert_eq!((error.kind(), error.win32_code()), (ErrorKind::NotCommitted, 998), "{what}: {error}");
            assert!(error.remedy().unwrap().contains("commit"), "{what}: {error}");
        }
    }
    mapping.commit(0..8 * PAGE as u64).unwrap();
    mapping.map_mut().unwrap().write_at(7 * PAGE, b"last").unwrap();
    let frozen = mapping.freeze().unwrap();
    assert_eq!(&frozen[7 * PAGE..7 * PAGE + 4], b"last");
    assert_eq!(mapping.map().unwrap().read_vec(7 * PAGE, 4).unwrap(), b"last");
    let refused = error(mapping.map_mut());
    assert_eq!(refused.kind(), ErrorKind::AccessDenied);
    assert!(refused.to_string().contains("sealed against writing"), "{refused}");
    mapping.commit(0..8 * PAGE as u64).unwrap();
    drop((mapping, frozen));

    let mapping = options.create("n").unwrap();
    mapping.commit(0..8 * PAGE as u64).unwrap();
    let view = mapping.seal_writes().unwrap();
    view.write_at(0, b"sole").unwrap();
    view.commit(0, 8 * PAGE).unwrap();
    assert!(error(mapping.map_mut()).to_string().contains("sealed against writing"));
    assert_eq!(mapping.map().unwrap().read_vec(0, 4).unwrap(), b"sole");
}

#[test]
fn after_seal_writes_one_view_writes_and_everybody_reads() {
    let place = Place::new();
    let name = "after_seal_writes";
    let mapping = sealable(&place, name, PAGE as u64);
    let early = mapping.map_mut().unwrap();
    let view = mapping.seal_writes().unwrap();
    view.write_at(0, b"one").unwrap();
    early.write_at(3, b"two").unwrap();
    nobody_can_change(&raw(name));
    let late = place.open(name, Access::READ_WRITE).unwrap();
    for handle in [&mapping, &late] {
        for (what, result) in [
            ("map", handle.map_mut().map(drop)),
            ("again", handle.seal_writes().map(drop)),
            ("freeze", handle.freeze().map(drop)),
        ] {
            let error = error(result);
            assert_eq!(error.kind(), ErrorKind::AccessDenied, "{what}: {error}");
            assert!(error.to_string().contains("sealed against writing"), "{what}: {error}");
        }
        let error = error(handle.frozen());
        assert_eq!(error.kind(), ErrorKind::NotFrozen, "views that write are left");
        assert!(error.to_string().contains("further writers"), "{error}");
    }
    let readers = [mapping.map().unwrap(), late.map().unwrap()];
    view.write_at(0, b"ONE").unwrap();
    for reader in &readers {
        assert_eq!(reader.read_vec(0, 6).unwrap(), b"ONEtwo");
    }
    let copy = late.map_copy().unwrap();
    copy.write_at(0, b"own").unwrap();
    assert_eq!(readers[0].read_vec(0, 3).unwrap(), b"ONE");
    drop((view, early, mapping));
    assert_eq!(code(late.map_mut()), 5, "also when the writers are gone");
}

#[test]
fn of_threads_that_seal_writes_at_the_same_time_one_succeeds() {
    let place = Place::new();
    for _ in 0..20 {
        let mapping = sealable(&place, "n", PAGE as u64);
        let won = std::thread::scope(|scope| {
            let all: Vec<_> = (0..4).map(|_| scope.spawn(|| mapping.seal_writes().is_ok())).collect();
            all.into_iter().map(|one| u32::from(one.join().unwrap())).sum::<u32>()
        });
        assert_eq!(won, 1);
    }
}

/// Somebody who may write the memory seals it in a way that this library never does.
#[test]
fn what_a_stranger_has_sealed_is_not_frozen_unless_it_is_all_there() {
    let place = Place::new();
    let not_frozen = |mapping: &FileMapping, what: &str| {
        let error = error(mapping.frozen());
        assert_eq!((error.kind(), error.win32_code()), (ErrorKind::NotFrozen, 5023), "{what}: {error}");
        assert!(error.remedy().is_some(), "{what}: {error}");
        error.to_string()
    };
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;

    let name = "sealed_with_a_hole";
    let mapping = sealable(&place, name, 4 * PAGE as u64);
    not_frozen(&mapping, "nothing is sealed");
    mapping.map_mut().unwrap().fill(0, 4 * PAGE, 1).unwrap();
    fallocate(raw(name), punch, PAGE as u64, PAGE as u64).unwrap();
    fcntl_add_seals(raw(name), SealFlags::WRITE).unwrap();
    assert!(not_frozen(&mapping, "a hole").contains("not there"));
    assert_eq!(mapping.freeze().unwrap_err().kind(), ErrorKind::NotFrozen, "a hole that nobody can fill");
    // Reading fills it, and then it is what it claims to be.
    mapping.map().unwrap().read_vec(0, 4 * PAGE).unwrap();
    assert_eq!(mapping.frozen().unwrap()[PAGE..2 * PAGE], [0; PAGE]);

    let name = "sealed_at_its_end";
    let mapping = sealable(&place, name, 4 * PAGE as u64);
    mapping.map_mut().unwrap().fill(0, 4 * PAGE, 1).unwrap();
    fallocate(raw(name), punch, 3 * PAGE as u64, PAGE as u64).unwrap();
    fcntl_add_seals(raw(name), SealFlags::WRITE).unwrap();
    not_frozen(&mapping, "a hole at the end");

    let name = "sealed_without_our_help";
    let mapping = sealable(&place, name, 4 * PAGE as u64);
    mapping.map_mut().unwrap().fill(0, 4 * PAGE, 1).unwrap();
    fcntl_add_seals(raw(name), SealFlags::WRITE).unwrap();
    assert_eq!(mapping.frozen().unwrap()[4 * PAGE - 1], 1, "whoever did it, it is frozen");
    assert_eq!(ftruncate(raw(name), 0), Err(Errno::PERM));

    let name = "only_the_last_seal";
    let mapping = sealable(&place, name, PAGE as u64);
    fcntl_add_seals(raw(name), SealFlags::SEAL).unwrap();
    not_frozen(&mapping, "SEAL alone");
    assert_eq!(error(mapping.freeze()).kind(), ErrorKind::NotSupported);
}

#[test]
fn a_hole_that_a_stranger_punched_before_is_filled_by_freezing() {
    let place = Place::new();
    let name = "punched_before";
    let mapping = sealable(&place, name, 4 * PAGE as u64);
    mapping.map_mut().unwrap().fill(0, 4 * PAGE, 1).unwrap();
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(raw(name), punch, 0, 2 * PAGE as u64).unwrap();
    let frozen = mapping.freeze().unwrap();
    assert_eq!((frozen[0], frozen[2 * PAGE]), (0, 1));
}
