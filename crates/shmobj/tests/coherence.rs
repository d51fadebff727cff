//! Section 12: views, files and each other.

mod common;

use common::{PAGE, Place, code, pattern, peek, poke, read_at, rights, write_at};
use proptest::prelude::*;
use shmobj::{Access, FileMapping, Protection};

#[test]
fn ko_1_views_of_one_object_show_the_same_bytes() {
    let place = Place::new();
    let mapping = place.memory("n", 3 * PAGE as u64);
    let other = place.open("n", Access::READ_WRITE).unwrap();
    let (one, two) = (mapping.map_mut().unwrap(), other.map_mut().unwrap());
    let part = other.view().offset(5000).len(100).map().unwrap();
    one.write_at(0, &pattern(3 * PAGE)).unwrap();
    assert_eq!(two.read_vec(0, 3 * PAGE).unwrap(), pattern(3 * PAGE));
    two.write_at(5050, b"back").unwrap();
    assert_eq!(one.read_vec(5050, 4).unwrap(), b"back");
    assert_eq!(part.read_vec(50, 4).unwrap(), b"back");
}

/// Also CF-19 and TS-27.
#[test]
fn ko_2_two_mappings_of_one_file_show_the_same_bytes() {
    let place = Place::new();
    let file = place.file(&pattern(3 * PAGE));
    let whole = place.options().file(&file).create("whole").unwrap();
    let part = place.options().file(&file).size(5000).create("part").unwrap();
    let reader = FileMapping::options().file(&file).protection(Protection::ReadOnly);
    let reader = reader.create_unnamed().unwrap().map().unwrap();
    whole.map_mut().unwrap().write_at(4998, b"one").unwrap();
    assert_eq!(part.map().unwrap().read_vec(4998, 2).unwrap(), b"on");
    part.map_mut().unwrap().write_at(4998, b"TW").unwrap();
    assert_eq!(reader.read_vec(4998, 3).unwrap(), b"TWe");
}

#[test]
fn ko_3_reading_and_writing_the_file_is_coherent_with_views() {
    let place = Place::new();
    let file = place.file(&pattern(3 * PAGE));
    let view = FileMapping::options().file(&file).create_unnamed().unwrap().map_mut().unwrap();
    view.write_at(6000, b"by view").unwrap();
    let mut bytes = [0; 7];
    read_at(&file, &mut bytes, 6000).unwrap();
    assert_eq!(&bytes, b"by view");
    write_at(&file, b"by file", 6000).unwrap();
    assert_eq!(view.read_vec(6000, 7).unwrap(), b"by file");
}

#[test]
fn ko_7_the_files_length_does_not_change_through_a_view() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    let view = FileMapping::options().file(&file).create_unnamed().unwrap().map_mut().unwrap();
    view.fill(0, 5000, 1).unwrap();
    assert_eq!(code(view.write_at(4999, b"xy")), 487);
    view.flush().unwrap();
    assert_eq!(file.metadata().unwrap().len(), 5000);
}

#[test]
fn tp_1_the_rest_of_the_last_page_is_zero_shared_and_never_in_the_file() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    let mapping = FileMapping::options().file(&file).create_unnamed().unwrap();
    let (one, two) = (mapping.map_mut().unwrap(), mapping.map().unwrap());
    let tail = |address: usize| peek(address + 5000, 2 * PAGE - 5000).unwrap();
    assert!(tail(one.as_ptr().addr()).iter().all(|&byte| byte == 0));
    poke(one.as_ptr().addr() + 6000, b"behind the end").unwrap();
    assert_eq!(&tail(two.as_ptr().addr())[1000..1014], b"behind the end");
    one.flush().unwrap();
    assert_eq!(place.contents(), pattern(5000));
}

#[test]
fn tp_2_the_page_behind_the_last_one_is_not_the_views() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    let mapping = FileMapping::options().file(&file).create_unnamed().unwrap();
    let base = 0x2000_0000_0000; // nothing else is near
    let view = mapping.view().address(base).map().unwrap();
    assert_eq!(rights(base + PAGE).unwrap(), "r--s");
    assert_eq!(rights(base + 2 * PAGE), None);
    assert_eq!(code(view.read_vec(5000, 1)), 487);
}

/// Also TR-4.
#[test]
fn tp_3_a_mapping_keeps_its_size_when_the_file_grows() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    let mapping = place.options().file(&file).create("n").unwrap();
    let view = mapping.map().unwrap();
    file.set_len(20_000).unwrap();
    write_at(&file, b"grown", 5000).unwrap();
    assert_eq!(mapping.size(), 5000);
    assert_eq!(view.len(), 5000);
    assert_eq!(code(mapping.view().len(5001).map()), 5);
    let again = place.options().file(&file).create("n").unwrap();
    assert_eq!((again.existed(), again.size()), (true, 5000));
    let new = FileMapping::options().file(&file).create_unnamed().unwrap();
    assert_eq!(new.size(), 20_000);
    assert_eq!(new.map().unwrap().read_vec(5000, 5).unwrap(), b"grown");
}

#[test]
fn tr_5_a_file_can_be_shortened_when_everything_is_gone() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    let mapping = FileMapping::options().file(&file).create_unnamed().unwrap();
    let view = mapping.map_mut().unwrap();
    view.write_at(0, b"kept").unwrap();
    drop((mapping, view));
    file.set_len(4).unwrap();
    assert_eq!(place.contents(), b"kept");
}

/// Linux deletes as newer Windows does (section 24); also TR-13 and TR-14, where Linux replaces.
#[test]
#[cfg(target_os = "linux")] // TR-14: Windows does not let it be replaced
fn tr_10_deleting_renaming_or_replacing_the_file_leaves_views_as_they_are() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    let mapping = place.options().file(&file).create("n").unwrap();
    let view = mapping.map_mut().unwrap();
    std::fs::rename(place.path("data"), place.path("renamed")).unwrap();
    view.write_at(0, b"renamed").unwrap();
    assert_eq!(&std::fs::read(place.path("renamed")).unwrap()[..7], b"renamed");
    drop(place.file(b"replacement"));
    std::fs::rename(place.path("data"), place.path("renamed")).unwrap();
    view.write_at(0, b"deleted").unwrap();
    assert_eq!(mapping.map().unwrap().read_vec(0, 7).unwrap(), b"deleted");
    assert_eq!(std::fs::read(place.path("renamed")).unwrap(), b"replacement");
    let opened = place.open("n", Access::READ).unwrap();
    assert_eq!(opened.map().unwrap().read_vec(0, 7).unwrap(), b"deleted");
}

/// Every length the guarded copy treats in its own way, both ways, at every alignment of both sides to a cache line.
#[test]
fn small_copies_of_a_file_are_exact_at_every_alignment() {
    const LONGEST: usize = 300;
    let place = Place::new();
    let room = LONGEST + 128;
    let file = place.file(&vec![0; 2 * PAGE]);
    let view = FileMapping::options().file(&file).create_unnamed().unwrap().map_mut().unwrap();
    let bytes = pattern(room);
    let zeros = vec![0; room];
    let mut buffer = zeros.clone();
    let start = buffer.as_ptr().align_offset(64);
    for length in 0..=LONGEST {
        for of_view in 0..64 {
            // Across the border of two pages, so that an overlapping move that reads too far is seen as well.
            let at = PAGE - 192 + of_view;
            for of_buffer in 0..64 {
                let part = start + of_buffer..start + of_buffer + length;
                view.write_at(at, &bytes[part.clone()]).unwrap();
                view.read_at(at, &mut buffer[part.clone()]).unwrap();
                assert_eq!(buffer[part.clone()], bytes[part.clone()], "{length} {of_view} {of_buffer}");
                buffer[part].fill(0);
                assert!(buffer == zeros, "read outside: {length} {of_view} {of_buffer}");
            }
        }
    }
}

/// What is in front of and behind a written range stays.
#[test]
fn copies_into_a_file_write_nothing_beside_the_range() {
    let place = Place::new();
    let file = place.file(&vec![0xee; 4 << 20]);
    let view = FileMapping::options().file(&file).create_unnamed().unwrap().map_mut().unwrap();
    let long = 3 << 20;
    for length in (0..=300).chain([4095, 4096, 4097, 65_535, long - 1, long, long + 1, long + 63, long + 64])
    {
        let bytes = pattern(length);
        for at in [64, 65, 95, 127, 4095] {
            view.write_at(at, &bytes).unwrap();
            assert_eq!(view.read_vec(at, length).unwrap(), bytes, "{length} at {at}");
            assert_eq!(view.read_vec(at - 64, 64).unwrap(), [0xee; 64], "in front of {length} at {at}");
            assert_eq!(view.read_vec(at + length, 64).unwrap(), [0xee; 64], "behind {length} at {at}");
            view.fill(at, length, 0xee).unwrap();
        }
    }
}

proptest! {
    /// A view behaves as a byte array does, in memory and in a file, at every offset of the view.
    #[test]
    fn copies_do_what_copies_of_an_array_do(
        start in 0_usize..9000,
        steps in prop::collection::vec((0_usize..12_000, 0_usize..6000, any::<u8>(), any::<bool>()), 1..20),
    ) {
        const SIZE: usize = 5 * PAGE;
        let place = Place::new();
        let file = place.file(&vec![0; SIZE]);
        for mapping in [
            FileMapping::options().size(SIZE as u64).create_unnamed().unwrap(),
            FileMapping::options().file(&file).create_unnamed().unwrap(),
        ] {
            let view = mapping.view().offset(start as u64).map_mut().unwrap();
            let mut model = vec![0; SIZE - start];
            for &(offset, length, byte, fill) in &steps {
                let inside = offset + length <= model.len();
                let bytes: Vec<u8> = (0..length).map(|index| byte.wrapping_add(index as u8)).collect();
                let done = if fill {
                    view.fill(offset, length, byte)
                } else {
                    view.write_at(offset, &bytes)
                };
                prop_assert_eq!(code(done), if inside { 0 } else { 487 });
                if inside && fill {
                    model[offset..offset + length].fill(byte);
                } else if inside {
                    model[offset..offset + length].copy_from_slice(&bytes);
                }
                prop_assert_eq!(view.read_vec(0, model.len()).unwrap(), &model[..]);
            }
            prop_assert_eq!(mapping.map().unwrap().read_vec(0, start).unwrap(), vec![0; start]);
        }
    }
}
