//! Section 12.3 on Linux, which cannot refuse to shorten a mapped file (TR-1 to TR-3, TR-6, TR-8): a copy of bytes
//! that are not there any more is an error, and everything else goes on.
#![cfg(target_os = "linux")] // Windows refuses to shorten a mapped file

mod common;

use std::fs::File;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use common::{PAGE, Place, code, error, pattern};
use shmobj::{ErrorKind, FileMapping, Security};

/// From here on the guarded copy bypasses the cache.
const LONG: usize = 3 << 20;

fn mapped(file: &File) -> FileMapping {
    FileMapping::options().file(file).create_unnamed().unwrap()
}

#[test]
fn tr_1_copies_of_what_is_gone_are_errors_of_every_size() {
    let place = Place::new();
    let file = place.file(&pattern(2 * LONG));
    let mapping = mapped(&file);
    let (view, copy) = (mapping.map_mut().unwrap(), mapping.map_copy().unwrap());
    file.set_len(0).unwrap();
    let sizes = (1..=100).chain([4095, 4096, 65_537, LONG - 1, LONG, LONG + 1, 2 * LONG]);
    for length in sizes {
        let gone = error(view.read_vec(0, length));
        assert_eq!((gone.kind(), gone.win32_code()), (ErrorKind::Truncated, 999), "{length}");
        assert_eq!(code(view.write_at(0, &vec![1; length])), 999, "{length}");
        assert_eq!(code(view.fill(0, length, 1)), 999, "{length}");
        assert_eq!(code(copy.read_vec(0, length)), 999, "{length}");
    }
    assert_eq!(code(view.read_vec(0, 0)), 0, "nothing is touched");
    assert_eq!(file.metadata().unwrap().len(), 0);
}

#[test]
fn tr_1_copies_across_the_new_end_are_errors_and_those_before_it_are_whole() {
    let place = Place::new();
    let (end, bytes) = (2 * LONG, pattern(3 * LONG + PAGE));
    let file = place.file(&bytes);
    let mapping = mapped(&file);
    let view = mapping.map_mut().unwrap();
    file.set_len(end as u64).unwrap();
    let lengths = (1..=70).chain([300, 4096, 70_000, LONG - 1, LONG, LONG + 77]);
    for length in lengths {
        assert!(view.read_vec(end - length, length).unwrap() == bytes[end - length..end], "{length}");
        for behind in [1, length / 2, length - 1, length].into_iter().filter(|&behind| behind > 0) {
            let at = end - length + behind;
            assert_eq!(code(view.read_vec(at, length)), 999, "{length} at {at}");
            assert_eq!(code(view.write_at(at, &bytes[at..at + length])), 999, "{length} at {at}");
        }
    }
    assert!(place.contents() == bytes[..end], "what was written in part is what was there");
}

/// The kernel knows the end by whole pages; what it shows behind it in the last page are zeros, not old bytes.
#[test]
fn tr_1_behind_an_end_inside_a_page_there_are_zeros_up_to_the_next_page() {
    let place = Place::new();
    let file = place.file(&pattern(4 * PAGE));
    let view = mapped(&file).map().unwrap();
    file.set_len(PAGE as u64 + 100).unwrap();
    assert_eq!(view.read_vec(PAGE, 100).unwrap(), pattern(4 * PAGE)[PAGE..PAGE + 100]);
    assert_eq!(view.read_vec(PAGE + 100, PAGE - 100).unwrap(), [0; PAGE - 100]);
    assert_eq!(code(view.read_vec(2 * PAGE - 1, 2)), 999);
}

#[test]
fn tr_3_views_of_a_part_outlive_a_shortening_behind_them() {
    let place = Place::new();
    let file = place.file(&pattern(10 * PAGE));
    let mapping = mapped(&file);
    let view = mapping.view().offset(5000).len(3000).map_mut().unwrap();
    file.set_len(2 * PAGE as u64).unwrap();
    assert_eq!(view.read_vec(0, 3000).unwrap(), pattern(10 * PAGE)[5000..8000]);
    view.write_at(2999, b"x").unwrap();
    file.set_len(PAGE as u64).unwrap();
    assert_eq!(code(view.read_vec(0, 3000)), 999);
    assert_eq!(mapping.size(), 10 * PAGE as u64, "the mapping's size is what it was");
    let behind = mapping.view().offset(8 * PAGE as u64).map().unwrap();
    assert_eq!(code(behind.read_vec(0, 1)), 999, "mapped behind the end");
}

#[test]
fn tr_4_a_file_that_grows_again_is_there_again() {
    let place = Place::new();
    let file = place.file(&pattern(4 * PAGE));
    let view = mapped(&file).map_mut().unwrap();
    file.set_len(0).unwrap();
    assert_eq!(code(view.read_vec(0, 4 * PAGE)), 999);
    file.set_len(4 * PAGE as u64).unwrap();
    assert_eq!(view.read_vec(0, 4 * PAGE).unwrap(), [0; 4 * PAGE]);
    view.write_at(0, &pattern(4 * PAGE)).unwrap();
    assert_eq!(place.contents(), pattern(4 * PAGE));
}

/// The page that a private view has copied is its own.
#[test]
fn tr_6_an_emptied_file_takes_the_shared_pages_of_a_private_view() {
    let place = Place::new();
    let file = place.file(&pattern(4 * PAGE));
    let copy = mapped(&file).map_copy().unwrap();
    copy.write_at(PAGE, b"private").unwrap();
    drop(place.file(b"")); // opened with O_TRUNC
    assert_eq!(code(copy.read_vec(0, 1)), 999);
    // What Linux does with the private page of a shortened file is its own affair: whole, or gone.
    match copy.read_vec(PAGE, 7) {
        Ok(bytes) => assert_eq!(bytes, b"private"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Truncated),
    }
}

/// Anybody who may write memory beside the entry can shorten it, too.
#[test]
fn tr_1_memory_that_others_may_open_can_be_cut_and_is_guarded_as_well() {
    let place = Place::new();
    let mapping = place.options().size(4 << 20).security(Security::mode(0o666)).create("n").unwrap();
    let view = mapping.map_mut().unwrap();
    view.write_at(0, &pattern(4 << 20)).unwrap();
    let data = place.entries().into_iter().find(|entry| entry != "n").unwrap();
    File::options().write(true).open(place.names().join(data)).unwrap().set_len(PAGE as u64).unwrap();
    assert_eq!(view.read_vec(0, PAGE).unwrap(), pattern(PAGE));
    assert_eq!(code(view.read_vec(0, 4 << 20)), 999);
    assert_eq!(code(view.write_at(4095, b"xy")), 999);
}

/// Atomics that somebody holds cannot return an error. Faults take some mappings, of which a process has 65,530, but not one each.
#[test]
fn tr_1_atomics_in_memory_that_others_cut_find_zeros_whatever_their_order_and_the_view_says_so() {
    const PAGES: usize = 4096;
    let mappings = || std::fs::read_to_string("/proc/self/maps").unwrap().lines().count();
    let place = Place::new();
    let mapping =
        place.options().size((PAGES * PAGE) as u64).security(Security::mode(0o666)).create("n").unwrap();
    let view = mapping.map_mut().unwrap();
    let held: Vec<&AtomicU64> = (0..PAGES).map(|page| view.atomic(page * PAGE).unwrap()).collect();
    held.iter().for_each(|number| number.store(7, Relaxed));
    let before = mappings();
    let data = place.entries().into_iter().find(|entry| entry != "n").unwrap();
    File::options().write(true).open(place.names().join(data)).unwrap().set_len(PAGE as u64).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let held = &held;
            scope.spawn(move || {
                // Each page once, in no order; the threads meet on each.
                for page in (0..PAGES).map(|number| (number * 1009 + thread) % PAGES) {
                    let is_there = page == 0;
                    assert_eq!(held[page].load(Relaxed), if is_there { 7 } else { 0 }, "page {page}");
                }
            });
        }
    });
    assert!(mappings() < before + 200, "{} mappings more", mappings() - before);
    held[PAGES - 1].fetch_add(1, Relaxed);
    assert_eq!(held[PAGES - 1].load(Relaxed), 1, "private, and there");
    let gone = error(view.atomic::<AtomicU64>(PAGE));
    assert_eq!((gone.kind(), gone.win32_code()), (ErrorKind::Truncated, 999));
    assert_eq!(code(view.read_vec(0, PAGES * PAGE)), 999);
    assert_eq!(code(view.fill(0, PAGES * PAGE, 1)), 999);
    assert_eq!(view.load::<AtomicU64>(0, Relaxed).unwrap(), 7);
    assert_eq!(code(mapping.map().unwrap().read_vec(PAGE, 1)), 999);
}

/// Faults of several threads at one time are each told to the thread that copies.
#[test]
fn tr_1_every_thread_gets_its_own_error() {
    let place = Place::new();
    let bytes = pattern(64 * PAGE);
    let file = place.file(&bytes);
    let mapping = mapped(&file);
    let view = mapping.map_mut().unwrap();
    file.set_len(32 * PAGE as u64).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8_usize {
            let (view, bytes) = (&view, &bytes);
            scope.spawn(move || {
                for round in 0..500 {
                    let at = (thread * 7 + round) % 32 * PAGE;
                    assert_eq!(view.read_vec(at, 64).unwrap(), bytes[at..at + 64]);
                    assert_eq!(code(view.read_vec(32 * PAGE + at, 64)), 999);
                }
            });
        }
    });
}

/// Whoever shortens and restores the file meanwhile, a copy is whole or an error, and the process lives.
#[test]
fn tr_1_a_file_that_is_cut_and_restored_during_copies_hurts_nobody() {
    let place = Place::new();
    let file = place.file(&vec![1; 1 << 20]);
    let view = mapped(&file).map_mut().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200 {
                file.set_len(4096).unwrap();
                file.set_len(1 << 20).unwrap();
            }
        });
        let mut buffer = vec![0; 1 << 20];
        for _ in 0..200 {
            match view.read_at(0, &mut buffer) {
                Ok(()) => assert!(buffer.iter().all(|&byte| byte <= 1)),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Truncated),
            }
            match view.fill(4096, (1 << 20) - 4096, 1) {
                Ok(()) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::Truncated),
            }
        }
    });
    assert_eq!(view.read_vec(0, 4096).unwrap(), [1; 4096]);
}
