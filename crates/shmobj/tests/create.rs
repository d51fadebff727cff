//! Sections 3.1, 3.2 and 6: what a mapping is made of, and who gets it if it exists.

mod common;

#[cfg(target_os = "linux")]
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
#[cfg(target_os = "linux")]
use std::os::unix::fs::OpenOptionsExt;

use common::{Place, code, for_others, on_wine, pattern};
#[cfg(target_os = "linux")]
use rustix::fs::{FlockOperation, OFlags, flock};
use shmobj::{Access, Allocation, FileMapping, LargePages, Protection, Security};

const READERS: [Protection; 2] = [Protection::ReadOnly, Protection::WriteCopy];

#[test]
fn cp_4_every_protection_makes_a_mapping() {
    for protection in [Protection::ReadOnly, Protection::WriteCopy, Protection::ReadWrite] {
        let mapping = FileMapping::options().size(4096).protection(protection).create_unnamed().unwrap();
        assert_eq!(mapping.protection(), protection);
        assert_eq!(mapping.map().unwrap().read_vec(0, 4096).unwrap(), [0; 4096]);
    }
}

/// Also GA-3 as far as rights are told: READ and QUERY, or all.
#[test]
fn section_6_5_the_rights_of_a_created_handle_follow_the_protection() {
    let mapping = FileMapping::options().size(1).create_unnamed().unwrap();
    assert_eq!(mapping.access(), Access::QUERY | Access::READ_WRITE);
    for protection in READERS {
        let mapping = FileMapping::options().size(1).protection(protection).create_unnamed().unwrap();
        assert_eq!(mapping.access(), Access::READ | Access::QUERY);
    }
}

#[test]
fn cs_1_to_cs_3_memory_is_committed_or_reserved_and_a_file_is_neither() {
    let place = Place::new();
    let file = place.file(&pattern(100));
    let options = FileMapping::options();
    assert_eq!(options.clone().size(1).create_unnamed().unwrap().allocation(), Allocation::Commit);
    let reserve = options.allocation(Allocation::Reserve);
    assert_eq!(reserve.clone().size(1).create_unnamed().unwrap().allocation(), Allocation::Reserve);
    let mapping = reserve.file(&file).create_unnamed().unwrap();
    assert_eq!(mapping.map().unwrap().read_vec(0, 100).unwrap(), pattern(100), "SR-14");
}

#[test]
fn cs_8_cs_9_large_pages_are_neither_reserved_nor_a_files() {
    let place = Place::new();
    let file = place.file(&pattern(100));
    let options = place.options().large_pages(LargePages::Required);
    assert_eq!(code(options.clone().size(1 << 30).allocation(Allocation::Reserve).create_unnamed()), 87);
    assert_eq!(code(options.clone().file(&file).create_unnamed()), 87);
    assert_eq!(code(options.file(&file).create("n")), 87);
}

#[test]
fn cf_1_memory_needs_a_size() {
    let place = Place::new();
    assert_eq!(code(place.options().create_unnamed()), 87);
    assert_eq!(code(place.options().create("n")), 87);
    assert_eq!(code(place.options().size(0).create("")), 87);
}

/// Also MV-19.
#[test]
fn cf_2_memory_starts_as_zeros() {
    let mapping = FileMapping::options().size(3 << 20).create_unnamed().unwrap();
    assert!(!mapping.existed());
    assert!(!mapping.is_file());
    assert!(mapping.map().unwrap().read_vec(0, 3 << 20).unwrap().iter().all(|&byte| byte == 0));
}

#[test]
fn cf_6_memory_is_rounded_up_to_whole_pages() {
    for (asked, got) in [(1, 0x1000), (0x1000, 0x1000), (0x1001, 0x2000), (0x3452, 0x4000)] {
        let mapping = FileMapping::options().size(asked).create_unnamed().unwrap();
        assert_eq!(mapping.size(), got);
        assert_eq!(mapping.map().unwrap().len() as u64, got);
    }
}

#[test]
fn cf_7_cf_8_more_memory_than_there_can_be_is_an_error_of_the_create() {
    let place = Place::new();
    let options = place.options();
    if !on_wine() {
        // It commits as much as one likes.
        assert_eq!(code(options.clone().size(1 << 43).create_unnamed()), 1455);
        assert_eq!(code(for_others(options.clone().size(1 << 43)).create("n")), 1455);
    }
    for size in [1 << 44, 1 << 47, u64::MAX - 4096, u64::MAX] {
        if on_wine() && size > 1 << 63 {
            continue; // it takes these for negative numbers
        }
        assert_eq!(code(options.clone().size(size).create_unnamed()), 8, "{size:#x} committed");
        assert_eq!(code(for_others(options.clone().size(size)).create("n")), 8, "{size:#x}");
    }
    let reserve = options.allocation(Allocation::Reserve);
    for size in [1 << 47, u64::MAX] {
        if on_wine() && size > 1 << 63 {
            continue;
        }
        assert_eq!(code(reserve.clone().size(size).create("n")), 8, "{size:#x} reserved");
    }
    assert_eq!(place.entries(), [""; 0]);
}

/// Also TS-7.
#[test]
fn cf_10_a_file_is_mapped_at_its_exact_length() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    let mapping = FileMapping::options().file(&file).create_unnamed().unwrap();
    assert!(mapping.is_file());
    assert_eq!(mapping.size(), 5000);
    assert_eq!(mapping.map().unwrap().read_vec(0, 5000).unwrap(), pattern(5000));
    assert_eq!(code(mapping.view().len(5001).map()), 5);
}

/// CF-11, CF-14, CF-15 and TS-8.
#[test]
fn cf_11_to_cf_15_an_empty_or_short_file_needs_a_writer() {
    let place = Place::new();
    let empty = place.file(b"");
    for protection in [Protection::ReadOnly, Protection::WriteCopy, Protection::ReadWrite] {
        let options = FileMapping::options().file(&empty).protection(protection);
        assert_eq!(code(options.create_unnamed()), 1006);
    }
    for protection in READERS {
        let options = FileMapping::options().file(&empty).protection(protection);
        assert_eq!(code(options.size(1).create_unnamed()), 8);
    }
    let mapping = FileMapping::options().file(&empty).size(1).create_unnamed().unwrap();
    assert_eq!((mapping.size(), place.contents()), (1, vec![0]));
    drop((mapping, empty)); // TR-6
    let short = place.file(&pattern(100));
    for protection in READERS {
        let options = FileMapping::options().file(&short).protection(protection);
        assert_eq!(code(options.size(101).create_unnamed()), 8);
    }
    assert_eq!(place.contents(), pattern(100));
}

#[test]
fn cf_12_a_smaller_size_maps_a_prefix_and_is_not_rounded() {
    let place = Place::new();
    let file = place.file(&pattern(10_000));
    let mapping = FileMapping::options().file(&file).size(100).create_unnamed().unwrap();
    assert_eq!(mapping.size(), 100);
    assert_eq!(mapping.map().unwrap().len(), 100);
    assert_eq!(code(mapping.view().len(101).map()), 5);
    assert_eq!(place.contents(), pattern(10_000));
}

#[test]
fn cf_13_a_larger_size_extends_the_file_at_once() {
    let place = Place::new();
    let file = place.file(&pattern(100));
    let mapping = FileMapping::options().file(&file).size(9000).create_unnamed().unwrap();
    assert_eq!(mapping.size(), 9000);
    let contents = place.contents();
    assert_eq!(contents.len(), 9000, "before it was ever mapped");
    assert_eq!(contents[..100], pattern(100));
    assert!(contents[100..].iter().all(|&byte| byte == 0));
    mapping.map_mut().unwrap().write_at(8999, b"x").unwrap();
    assert_eq!(place.contents()[8999], b'x');
}

#[test]
fn cf_16_cf_17_a_file_that_cannot_be_so_long_is_a_full_disk_and_stays_as_it_was() {
    if on_wine() {
        return; // CF-16: it takes what the file system under it takes
    }
    let place = Place::new();
    let file = place.file(&pattern(100));
    for size in [1 << 52, 1 << 62, i64::MAX as u64, 1 << 63, u64::MAX] {
        for error in [
            code(place.options().file(&file).size(size).create_unnamed()),
            code(place.options().file(&file).size(size).create("n")),
        ] {
            if cfg!(target_os = "linux") {
                assert_eq!(error, 112, "{size:#x}");
            } else {
                assert!([8, 87, 112].contains(&error), "CF-17: {error} for {size:#x}");
            }
        }
    }
    assert_eq!(place.contents(), pattern(100));
}

/// Also LT-11.
#[test]
fn cf_18_the_file_may_be_closed_and_cf_20_its_position_stays() {
    let place = Place::new();
    let mut file = place.file(&pattern(100));
    file.seek(SeekFrom::Start(42)).unwrap();
    let mapping = place.options().file(&file).create("n").unwrap();
    let view = mapping.map_mut().unwrap();
    view.read_vec(0, 100).unwrap();
    assert_eq!(file.stream_position().unwrap(), 42);
    drop(file);
    view.write_at(0, b"x").unwrap();
    assert_eq!(mapping.map().unwrap().read_vec(0, 1).unwrap(), b"x");
    assert_eq!(place.contents()[0], b'x');
}

#[test]
fn cf_19_one_file_gives_many_mappings_of_every_size_and_protection() {
    let place = Place::new();
    let file = place.file(&pattern(8192));
    let whole = place.options().file(&file).create("whole").unwrap();
    let part = place.options().file(&file).size(10).protection(Protection::ReadOnly).create("part").unwrap();
    let copy = FileMapping::options().file(&file).protection(Protection::WriteCopy).create_unnamed().unwrap();
    whole.map_mut().unwrap().write_at(5, b"seen").unwrap();
    assert_eq!(part.map().unwrap().read_vec(5, 4).unwrap(), b"seen");
    assert_eq!(copy.map_copy().unwrap().read_vec(5, 4).unwrap(), b"seen");
    assert!(!whole.is_same_object(&part));
}

#[test]
#[cfg(target_os = "linux")] // Windows: windows/
fn cf_21_what_is_no_regular_file_cannot_be_mapped() {
    let place = Place::new();
    let directory = File::open(place.path("")).unwrap();
    let null = OpenOptions::new().read(true).write(true).open("/dev/null").unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, place.path("fifo"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let fifo = OpenOptions::new().read(true).write(true).open(place.path("fifo")).unwrap();
    let (socket, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
    for protection in [Protection::ReadOnly, Protection::ReadWrite] {
        let options = FileMapping::options().size(10).protection(protection);
        assert_eq!(code(options.clone().file(&directory).create_unnamed()), 193);
        assert_eq!(code(options.clone().file(&null).create_unnamed()), 193);
        assert_eq!(code(options.clone().file(&fifo).create_unnamed()), 193);
        assert_eq!(code(options.clone().file(&socket).create_unnamed()), 193);
    }
}

/// Locks say nothing about views; and the mapping's own descriptor does not keep them.
#[test]
#[cfg(target_os = "linux")]
fn cf_22_a_locked_file_is_mapped_and_its_lock_ends_with_whose_it_is() {
    let place = Place::new();
    let file = place.file(&pattern(100));
    let other = place.reopened(true);
    flock(&file, FlockOperation::LockExclusive).unwrap();
    let mapping = place.options().file(&other).create("n").unwrap();
    mapping.map_mut().unwrap().write_at(0, b"x").unwrap();
    let mine = FileMapping::options().file(&file).create_unnamed().unwrap();
    assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
    drop(file);
    assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_ok());
    assert_eq!(mine.map().unwrap().read_vec(0, 1).unwrap(), b"x");
}

#[test]
#[cfg(target_os = "linux")] // Windows: windows/
fn fa_1_to_fa_4_the_file_has_to_be_open_for_what_the_protection_needs() {
    let place = Place::new();
    drop(place.file(&pattern(100)));
    let open = |read, write| OpenOptions::new().read(read).write(write).open(place.path("data")).unwrap();
    let path_only = OFlags::PATH.bits() as i32;
    let path_only = OpenOptions::new().read(true).custom_flags(path_only).open(place.path("data")).unwrap();
    let rows = [
        ("FA-1", open(true, false), 0, 5),
        ("FA-2", open(false, true), 5, 5),
        ("FA-3", path_only, 5, 5),
        ("FA-4", open(true, true), 0, 0),
    ];
    for (row, file, readers, writer) in rows {
        for (protection, expected) in
            [(READERS[0], readers), (READERS[1], readers), (Protection::ReadWrite, writer)]
        {
            let options = place.options().file(&file).protection(protection);
            assert_eq!(code(options.create_unnamed()), expected, "{row} {protection:?}");
            assert_eq!(code(options.create("n")), expected, "{row} {protection:?}");
        }
    }
}

/// The end of section 6.4: the access of the file is checked before its length.
#[test]
fn fa_2_access_is_checked_before_the_size() {
    let place = Place::new();
    drop(place.file(b""));
    let read_only = place.reopened(false);
    assert_eq!(code(FileMapping::options().file(&read_only).create_unnamed()), 5);
    assert_eq!(code(FileMapping::options().file(&read_only).size(1).create_unnamed()), 5);
    assert_eq!(place.contents(), b"");
}

/// A machine without large pages may refuse with 87 (LP-5) as well.
#[test]
fn lp_2_large_pages_need_a_multiple_of_their_size() {
    if on_wine() {
        return; // it has pages of one size only, and takes the wish for nothing
    }
    let odd = FileMapping::options().size(4096).large_pages(LargePages::Required).create_unnamed();
    if cfg!(target_os = "linux") {
        assert_eq!(code(odd), 87);
    } else {
        let error = code(odd);
        assert!([87, 1314].contains(&error), "LP-1: the privilege may be missing");
    }
}

/// Transparent huge pages are a wish: sizes and contents are as of ordinary memory.
#[test]
fn lp_7_asking_for_transparent_huge_pages_changes_nothing_that_shows() {
    let place = Place::new();
    let options = place.options().large_pages(LargePages::Transparent);
    for mapping in [
        options.clone().size((4 << 20) + 1).create_unnamed().unwrap(),
        options.clone().size((4 << 20) + 1).create("n").unwrap(),
    ] {
        assert_eq!(mapping.size(), (4 << 20) + 4096);
        let view = mapping.map_mut().unwrap();
        assert!(view.read_vec(0, view.len()).unwrap().iter().all(|&byte| byte == 0));
        view.fill(0, view.len(), 7).unwrap();
        let part = mapping.view().offset(12_345).len(67).map().unwrap();
        assert_eq!(part.read_vec(0, 67).unwrap(), [7; 67]);
    }
}

/// Sharing with others changes where the memory is, not what it is.
#[test]
fn cr_7_memory_that_others_may_open_behaves_like_memory() {
    let place = Place::new();
    for options in [
        place.options().security(Security::mode(0o666)),
        place.options().security(Security::mode(0o640)),
        for_others(place.options()),
    ] {
        let mapping = options.size(5000).create("n").unwrap();
        assert_eq!((mapping.size(), mapping.is_file()), (8192, false));
        let view = mapping.map_mut().unwrap();
        assert_eq!(view.read_vec(0, 8192).unwrap(), [0; 8192]);
        view.write_at(0, b"shared").unwrap();
        let opened = place.open("n", Access::READ).unwrap();
        assert!(opened.is_same_object(&mapping));
        assert_eq!(opened.map().unwrap().read_vec(0, 6).unwrap(), b"shared");
        drop((mapping, opened));
        assert_eq!(place.entries(), [""; 0], "the data file goes with the entry");
        assert_eq!(view.read_vec(0, 6).unwrap(), b"shared", "LT-3");
    }
}
