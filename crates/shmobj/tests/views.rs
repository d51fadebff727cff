//! Sections 8.2 to 8.5: what may be mapped, and which part of it.

mod common;

use common::{GRANULARITY, PAGE, Place, code, pattern, peek, poke, rights};
use shmobj::{FileMapping, LargePages, Mode, Protection, View};

fn memory(size: u64) -> FileMapping {
    FileMapping::options().size(size).create_unnamed().unwrap()
}

fn address_of<M: Mode>(view: &View<M>) -> usize {
    view.as_ptr().addr()
}

/// The table of section 8.2 for the handle that created the object: READ, COPY, WRITE.
#[test]
fn section_8_2_views_of_every_protection() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    let rows = [
        (Protection::ReadOnly, [0, 0, 5]),
        (Protection::WriteCopy, [0, 0, 5]),
        (Protection::ReadWrite, [0, 0, 0]),
    ];
    for (protection, expected) in rows {
        let options = FileMapping::options().protection(protection);
        for mapping in [options.clone().size(4096), options.file(&file)] {
            let mapping = mapping.create_unnamed().unwrap();
            let codes = [code(mapping.map()), code(mapping.map_copy()), code(mapping.map_mut())];
            assert_eq!(codes, expected, "{mapping:?}");
        }
    }
}

/// Also VW-1 and VW-4, as far as the kernel tells: shared or private, with no more rights than the sort of view has.
#[test]
fn section_8_1_a_view_has_the_rights_of_its_sort_on_every_page() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    for mapping in [memory(5000), FileMapping::options().file(&file).create_unnamed().unwrap()] {
        let (read, write, copy) =
            (mapping.map().unwrap(), mapping.map_mut().unwrap(), mapping.map_copy().unwrap());
        for page in [0, PAGE] {
            assert_eq!(rights(address_of(&read) + page).unwrap(), "r--s");
            assert_eq!(rights(address_of(&write) + page).unwrap(), "rw-s");
            assert_eq!(rights(address_of(&copy) + page).unwrap(), "rw-p");
        }
    }
}

/// Windows fails with 1132 here (MV-2). This interface takes every offset and aligns inside.
#[test]
fn mv_2_any_offset_may_be_mapped() {
    let place = Place::new();
    let contents = pattern(200_000);
    let file = place.file(&contents);
    let mapping = FileMapping::options().file(&file).create_unnamed().unwrap();
    for offset in [1, 63, 4095, 4096, 4097, 65_535, 65_536, 131_071, 199_999] {
        let view = mapping.view().offset(offset as u64).map().unwrap();
        assert_eq!(view.len(), 200_000 - offset);
        assert_eq!(view.read_vec(0, view.len()).unwrap(), contents[offset..], "{offset}");
        let one = mapping.view().offset(offset as u64).len(1).map_mut().unwrap();
        assert_eq!((one.len(), one.read_vec(0, 1).unwrap()[0]), (1, contents[offset]));
        assert_eq!(code(one.read_at(1, &mut [0])), 487, "the rest of the page is not the view");
    }
}

/// A length of 0 that was computed is a mistake in this interface; leaving it away says "to the end".
#[test]
fn mv_4_without_a_length_a_view_reaches_the_end() {
    let mapping = memory(200_000);
    assert_eq!(mapping.view().map().unwrap().len() as u64, mapping.size());
    assert_eq!(mapping.view().offset(65_536).map().unwrap().len() as u64, mapping.size() - 65_536);
    assert_eq!(code(mapping.view().len(0).map()), 87);
}

#[test]
fn mv_5_the_rest_of_the_last_page_is_mapped_as_well() {
    let place = Place::new();
    let file = place.file(&pattern(10_000));
    let mapping = FileMapping::options().file(&file).create_unnamed().unwrap();
    let view = mapping.view().offset(0).len(100).map().unwrap();
    assert_eq!(view.len(), 100);
    assert_eq!(peek(address_of(&view), PAGE).unwrap(), pattern(PAGE));
}

#[test]
fn mv_6_a_range_that_leaves_the_mapping_is_denied() {
    let place = Place::new();
    let file = place.file(&pattern(100));
    let file = FileMapping::options().file(&file).create_unnamed().unwrap();
    let memory = memory(0x2001);
    for (mapping, offset, length, expected) in [
        (&file, 0, 100, 0),
        (&file, 0, 101, 5),
        (&file, 99, 1, 0),
        (&file, 99, 2, 5),
        (&memory, 0, 0x3000, 0),
        (&memory, 0, 0x3001, 5),
        (&memory, 0x2fff, 2, 5),
        (&memory, 0, 1 << 62, 5),
    ] {
        let view = mapping.view().offset(offset).len(length);
        assert_eq!(code(view.map()), expected, "{length:#x} at {offset:#x}");
        assert_eq!(code(view.map_mut()), expected, "{length:#x} at {offset:#x}");
        assert_eq!(code(view.map_copy()), expected, "{length:#x} at {offset:#x}");
    }
}

#[test]
fn mv_7_all_of_the_last_page_of_memory_may_be_mapped() {
    let mapping = memory(0x2001);
    for length in [0x2001, 0x2002, 0x3000] {
        let view = mapping.view().len(length).map_mut().unwrap();
        assert_eq!(view.len() as u64, length);
        view.write_at(view.len() - 1, b"x").unwrap();
    }
}

#[test]
fn mv_8_mv_9_a_view_does_not_start_behind_the_end() {
    let mapping = memory(0x3000);
    for offset in [0x3000, 0x3001, 0x10000, 1 << 32, (1 << 32) + 4096, 1 << 63, u64::MAX] {
        assert_eq!(code(mapping.view().offset(offset).map()), 5, "{offset:#x}");
    }
    for offset in [0x3000, 0x10000, 1 << 32, 1 << 62] {
        assert_eq!(code(mapping.view().offset(offset).len(1).map()), 5, "{offset:#x}");
    }
}

/// Section 24 chooses 87 for SIZE_MAX.
#[test]
fn mv_10_a_length_that_overflows_is_never_right() {
    let mapping = memory(0x3000);
    assert_eq!(code(mapping.view().offset(1).len(u64::MAX).map()), 87);
    assert_eq!(code(mapping.view().offset(u64::MAX).len(1).map()), 87);
    assert_eq!(code(mapping.view().len(u64::MAX).map()), 87);
}

#[test]
fn mv_12_views_start_at_multiples_of_64_kib() {
    let place = Place::new();
    let file = place.file(&pattern(300_000));
    let transparent = FileMapping::options().size(5 << 20).large_pages(LargePages::Transparent);
    let mappings = [
        memory(300_000),
        FileMapping::options().file(&file).create_unnamed().unwrap(),
        transparent.create_unnamed().unwrap(),
    ];
    std::thread::scope(|scope| {
        for mapping in mappings.iter().chain(&mappings) {
            scope.spawn(move || {
                let mut kept = Vec::new();
                for round in 0..200_u64 {
                    let offset = round % 4 * GRANULARITY as u64;
                    let view = mapping.view().offset(offset).len(1 + round * 500).map().unwrap();
                    assert_eq!(address_of(&view) % GRANULARITY, 0, "{mapping:?} {round}");
                    if round % 3 == 0 {
                        kept.push(view);
                    }
                    if round % 7 == 0 {
                        kept.remove(kept.len() / 2);
                    }
                }
            });
        }
    });
}

/// Also KO-1 and UM-9.
#[test]
fn mv_18_an_object_mapped_twice_is_at_two_addresses_with_one_content() {
    let mapping = memory(4096);
    let (one, two) = (mapping.map_mut().unwrap(), mapping.map_mut().unwrap());
    assert_ne!(address_of(&one), address_of(&two));
    one.write_at(7, b"same").unwrap();
    assert_eq!(two.read_vec(7, 4).unwrap(), b"same");
    drop(one);
    two.write_at(7, b"fine").unwrap();
    assert_eq!(two.read_vec(7, 4).unwrap(), b"fine");
}

/// A view is the process's, not a thread's or a handle's.
#[test]
fn vw_3_threads_share_a_view_that_outlives_its_handle() {
    let view = memory(4096).map_mut().unwrap();
    std::thread::scope(|scope| {
        for number in 0..8_u8 {
            let view = &view;
            scope.spawn(move || view.fill(usize::from(number) * 512, 512, number + 1).unwrap());
        }
    });
    let contents = std::thread::spawn(move || view.read_vec(0, 4096).unwrap()).join().unwrap();
    assert!(contents.chunks(512).zip(1_u8..).all(|(part, number)| part.iter().all(|&byte| byte == number)));
}

/// In this process, by way of the kernel.
#[test]
fn vw_6_the_kernel_reads_and_writes_a_view_like_any_memory() {
    let view = memory(4096).map_mut().unwrap();
    poke(address_of(&view) + 10, b"poked").unwrap();
    assert_eq!(view.read_vec(10, 5).unwrap(), b"poked");
    view.write_at(10, b"write").unwrap();
    assert_eq!(peek(view.as_mut_ptr().addr() + 10, 5).unwrap(), b"write");
}

#[test]
fn copies_stay_inside_the_view() {
    let view = memory(4096).map_mut().unwrap();
    for (offset, length) in [(4096, 1), (4095, 2), (0, 4097), (4097, 0), (usize::MAX, 1), (1, usize::MAX)] {
        assert_eq!(code(view.read_vec(offset, length)), 487, "{length} at {offset}");
        assert_eq!(code(view.fill(offset, length, 0)), 487, "{length} at {offset}");
    }
    assert_eq!(code(view.read_at(4095, &mut [0; 2])), 487);
    assert_eq!(code(view.write_at(4095, &[0; 2])), 487);
    assert_eq!(code(view.read_at(4096, &mut [])), 0);
    assert_eq!(code(view.write_at(4096, &[])), 0);
}

#[test]
fn prefaulting_changes_neither_contents_nor_rights() {
    let place = Place::new();
    let file = place.file(&pattern(10_000));
    let mapping = FileMapping::options().file(&file).create_unnamed().unwrap();
    let options = mapping.view().prefault(true);
    assert_eq!(options.map().unwrap().read_vec(0, 10_000).unwrap(), pattern(10_000));
    assert_eq!(options.map_mut().unwrap().read_vec(0, 10_000).unwrap(), pattern(10_000));
    let copy = options.map_copy().unwrap();
    assert_eq!(copy.read_vec(0, 10_000).unwrap(), pattern(10_000));
    copy.fill(0, 10_000, 0).unwrap();
    assert_eq!(place.contents(), pattern(10_000));
}
