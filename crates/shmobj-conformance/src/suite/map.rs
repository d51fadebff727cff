//! Section 8: views, and where they are.

#[cfg(target_os = "linux")]
use shmobj::Allocation;
use shmobj::{Access, Mode, View};

use crate::case::{Remark, Role, Test, linux_test, role, test};
use crate::objects::{FAR_AWAY, GRANULARITY, Objects, PAGE, code, pattern};
use crate::process::Cue;
use crate::stage::Stage;
use crate::touch;

pub(super) const TESTS: &[Test] = &[
    test!(["MV-4"], without_a_length_a_view_reaches_the_end),
    test!(["MV-5"], a_view_shows_its_range_and_the_rest_of_its_last_page),
    test!(["MV-6"], a_range_that_leaves_the_mapping_is_5),
    test!(["MV-7"], all_of_the_last_page_of_memory_is_the_mappings),
    test!(["MV-8", "MV-9"], a_view_that_starts_behind_the_end_is_5),
    test!(["MV-10"], a_length_that_overflows_is_87),
    linux_test!(["MV-11"], a_view_larger_than_what_is_free_of_the_address_space_is_8),
    test!(["MV-12"], views_start_at_multiples_of_64_kib),
    test!(["MV-13", "MV-17"], a_wanted_address_is_a_multiple_of_64_kib),
    test!(["MV-14"], a_view_is_at_the_wanted_address),
    test!(["MV-15"], what_is_at_the_wanted_address_stays),
    test!(["MV-16"], an_address_that_no_process_can_use_is_87),
    test!(["MV-18"], an_object_mapped_twice_is_at_two_addresses),
    test!(["MV-19"], memory_that_is_mapped_first_is_zeros),
    test!(["MV-20"], behind_the_end_of_a_file_its_last_page_is_zeros),
    test!(["MV-22"], in_two_processes_an_object_is_at_two_addresses),
    test!(["VW-3"], threads_share_a_view_that_outlives_its_handle),
    test!(["VW-4"], writing_a_read_only_view_faults),
];

pub(super) const ROLES: &[Role] = &[role!(maps_elsewhere), role!(writes_a_read_only_view)];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["MV-1", "MV-3"], "a handle is always one of a mapping, and open"),
    Remark::new(
        &["MV-2"],
        "does not hold: any offset is good, and is aligned inside; only beside a wanted address must it be a multiple (see MV-17)",
    ),
    Remark::new(&["MV-21"], "views without any rights are not offered"),
    Remark::new(
        &["MV-23"],
        "not tested: it would take all the machine's memory; what Linux counts of private pages vm.overcommit_memory says",
    ),
    Remark::new(&["VW-1", "VW-2"], "what pages are like cannot be asked"),
    Remark::new(&["VW-5"], "not tested: it needs a disk that fails"),
    Remark::new(
        &["VW-6"],
        "neither this library nor the standard library reads the memory of other processes",
    ),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["MV-4"], "leaving the length away says so; a length of 0 is a mistake here, 87"),
    Remark::new(&["MV-11"], "on Windows an object that large is refused when it is made (CF-8, CF-9)"),
    Remark::new(&["MV-17"], "an aligned address with an offset that is not is tested too"),
    Remark::new(&["MV-18"], "that both show the same is KO-1"),
    Remark::new(
        &["VW-4"],
        "views without any rights are not offered; pages that are not committed are in SR-2",
    ),
];

fn address_of<M: Mode>(view: &View<M>) -> usize {
    view.as_ptr().addr()
}

fn without_a_length_a_view_reaches_the_end(stage: &Stage) {
    let file = stage.file("file", &pattern(200_000));
    let memory = stage.memory("memory", 200_000);
    let file = stage.mappings().file(&file).create("file").unwrap();
    for mapping in [memory, file] {
        assert_eq!(mapping.map().unwrap().len() as u64, mapping.size());
        for offset in [GRANULARITY, 3 * GRANULARITY] {
            let view = mapping.view().offset(offset as u64).map().unwrap();
            assert_eq!((view.len() + offset) as u64, mapping.size());
        }
    }
}

fn a_view_shows_its_range_and_the_rest_of_its_last_page(stage: &Stage) {
    let contents = pattern(200_000);
    let file = stage.file("file", &contents);
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    for (offset, length) in [(0, 100), (GRANULARITY, 5000), (2 * GRANULARITY, 1), (0, 200_000)] {
        let view = mapping.view().offset(offset as u64).len(length as u64).map().unwrap();
        assert_eq!(view.len(), length);
        assert_eq!(view.read_vec(0, length).unwrap(), contents[offset..offset + length]);
        let last = (length.next_multiple_of(PAGE) - 1).min(contents.len() - 1 - offset);
        assert_eq!(touch::read(view.as_ptr().wrapping_add(last)), contents[offset + last]);
    }
}

fn a_range_that_leaves_the_mapping_is_5(stage: &Stage) {
    let file = stage.file("file", &pattern(100));
    let file = stage.mappings().file(&file).create("file").unwrap();
    let memory = stage.memory("memory", 0x2001);
    for (mapping, offset, length, expected) in [
        (&file, 0, 100, 0),
        (&file, 0, 101, 5),
        (&memory, 0, 0x3000, 0),
        (&memory, 0, 0x3001, 5),
        (&memory, 0, 1 << 32, 5),
        (&memory, 0x1000, 0x2001, 5),
    ] {
        let view = mapping.view().offset(offset).len(length);
        let codes = [code(view.map()), code(view.map_copy()), code(view.map_mut())];
        assert_eq!(codes, [expected; 3], "{length:#x} at {offset:#x} of {mapping:?}");
    }
}

fn all_of_the_last_page_of_memory_is_the_mappings(stage: &Stage) {
    let mapping = stage.memory("n", 0x2001);
    for length in [0x2002, 0x3000] {
        let view = mapping.view().len(length).map_mut().unwrap();
        assert_eq!(view.len() as u64, length);
        view.write_at(view.len() - 1, b"x").unwrap();
    }
}

fn a_view_that_starts_behind_the_end_is_5(stage: &Stage) {
    let file = stage.file("file", &pattern(GRANULARITY));
    let memory = stage.memory("memory", GRANULARITY as u64);
    let file = stage.mappings().file(&file).create("file").unwrap();
    for mapping in [memory, file] {
        for offset in [GRANULARITY as u64, 2 * GRANULARITY as u64, 1 << 32, 1 << 62] {
            let view = mapping.view().offset(offset);
            assert_eq!(code(view.map()), 5, "{offset:#x}");
            assert_eq!(code(view.clone().len(1).map_mut()), 5, "{offset:#x}");
            assert_eq!(code(view.clone().len(GRANULARITY as u64).map_copy()), 5, "{offset:#x}");
        }
    }
}

fn a_length_that_overflows_is_87(stage: &Stage) {
    let mapping = stage.memory("n", 2 * GRANULARITY as u64);
    let view = mapping.view().len(u64::MAX);
    assert_eq!([code(view.map()), code(view.map_copy()), code(view.map_mut())], [87; 3]);
    assert_eq!(code(view.offset(GRANULARITY as u64).map()), 87);
}

#[cfg(target_os = "linux")]
fn a_view_larger_than_what_is_free_of_the_address_space_is_8(stage: &Stage) {
    // Nearly all of it: no process has that free.
    let size = (1 << 47) - GRANULARITY as u64;
    let mapping = stage.mappings().size(size).allocation(Allocation::Reserve).create("n").unwrap();
    assert_eq!(code(mapping.map()), 8);
    assert_eq!(code(mapping.view().len(PAGE as u64).map()), 0, "a part has room");
}

fn views_start_at_multiples_of_64_kib(stage: &Stage) {
    let file = stage.file("file", &pattern(300_000));
    let memory = stage.memory("memory", 300_000);
    let file = stage.mappings().file(&file).create("file").unwrap();
    let mut kept = Vec::new();
    for round in 0..100_usize {
        let mapping = if round % 2 == 0 { &memory } else { &file };
        let view = mapping.view().offset((round % 4 * GRANULARITY) as u64).len(1 + round as u64 * 500);
        // An address of 0 is none.
        let view = if round % 3 == 0 { view.address(0).map() } else { view.map() }.unwrap();
        assert_eq!(address_of(&view) % GRANULARITY, 0, "{round}");
        assert_ne!(address_of(&view), 0);
        kept.push(view);
        if round % 5 == 0 {
            kept.remove(kept.len() / 2);
        }
    }
}

fn a_wanted_address_is_a_multiple_of_64_kib(stage: &Stage) {
    let mapping = stage.memory("n", 4 * GRANULARITY as u64);
    for misaligned in [1, PAGE, GRANULARITY - 1, GRANULARITY + PAGE] {
        let view = mapping.view().address(FAR_AWAY + misaligned);
        assert_eq!(code(view.map()), 1132, "{misaligned:#x}");
        assert_eq!(code(view.offset(PAGE as u64).map_mut()), 1132, "{misaligned:#x}, and the offset too");
    }
    for misaligned in [1, PAGE as u64, GRANULARITY as u64 - 1, (GRANULARITY + PAGE) as u64] {
        let view = mapping.view().offset(misaligned);
        assert_eq!(code(view.address(FAR_AWAY).map()), 1132, "the offset alone is {misaligned:#x}");
        assert_eq!(
            code(mapping.view().offset(misaligned).map()),
            0,
            "without an address any offset is good: {misaligned:#x}"
        );
    }
    assert_eq!(code(mapping.view().address(FAR_AWAY).map()), 0, "nothing is there");
}

fn a_view_is_at_the_wanted_address(stage: &Stage) {
    let mapping = stage.memory("n", 3 * GRANULARITY as u64);
    let view = mapping.view().address(FAR_AWAY).map_mut().unwrap();
    let behind = FAR_AWAY + 3 * GRANULARITY;
    let part = mapping.view().address(behind).offset(GRANULARITY as u64).len(10).map_copy().unwrap();
    assert_eq!((address_of(&view), address_of(&part)), (FAR_AWAY, behind));
    view.write_at(GRANULARITY, b"both").unwrap();
    assert_eq!(part.read_vec(0, 4).unwrap(), b"both");
    drop(view);
    let again = mapping.view().address(FAR_AWAY).map().unwrap();
    assert_eq!(address_of(&again), FAR_AWAY, "free again");
}

fn what_is_at_the_wanted_address_stays(stage: &Stage) {
    static MODULE: [u8; GRANULARITY] = [0; GRANULARITY];
    let mapping = stage.memory("n", 2 * GRANULARITY as u64);
    let there = mapping.view().address(FAR_AWAY).map_mut().unwrap();
    there.write_at(0, b"mine").unwrap();
    for address in [FAR_AWAY, FAR_AWAY + GRANULARITY, FAR_AWAY - GRANULARITY] {
        let view = mapping.view().address(address);
        let codes = [code(view.map()), code(view.map_copy()), code(view.map_mut())];
        assert_eq!(codes, [487; 3], "{address:#x}");
        assert_eq!(there.read_vec(0, 4).unwrap(), b"mine");
    }
    let heap = vec![1_u8; 4 * GRANULARITY];
    let stack = [2_u8; 16];
    for taken in [heap.as_ptr(), stack.as_ptr(), MODULE.as_ptr()] {
        let address = taken.addr() / GRANULARITY * GRANULARITY;
        assert_eq!(code(mapping.view().address(address).map_mut()), 487, "{taken:?}");
    }
    assert!(heap.iter().all(|&byte| byte == 1) && stack == [2; 16]);
}

fn an_address_that_no_process_can_use_is_87(stage: &Stage) {
    let mapping = stage.memory("n", 2 * GRANULARITY as u64);
    for address in [0xffff_8000_0000_0000, 1 << 63, usize::MAX - GRANULARITY + 1] {
        assert_eq!(code(mapping.view().address(address).map()), 87, "{address:#x}");
    }
}

fn an_object_mapped_twice_is_at_two_addresses(stage: &Stage) {
    let mapping = stage.memory("n", 4096);
    let (one, two) = (mapping.map_mut().unwrap(), mapping.map_mut().unwrap());
    assert_ne!(address_of(&one), address_of(&two));
    one.write_at(7, b"same").unwrap();
    assert_eq!(two.read_vec(7, 4).unwrap(), b"same");
}

fn memory_that_is_mapped_first_is_zeros(stage: &Stage) {
    // Of another object it was not.
    let first = stage.memory("n", 1 << 20);
    first.map_mut().unwrap().fill(0, 1 << 20, 0xee).unwrap();
    drop(first);
    let mapping = stage.memory("n", 1 << 20);
    assert_eq!(mapping.map().unwrap().read_vec(0, 1 << 20).unwrap(), vec![0; 1 << 20]);
    assert_eq!(mapping.map_copy().unwrap().read_vec(0, 1 << 20).unwrap(), vec![0; 1 << 20]);
}

fn behind_the_end_of_a_file_its_last_page_is_zeros(stage: &Stage) {
    let file = stage.file("file", &pattern(5000));
    let view = stage.mappings().file(&file).create("n").unwrap().map().unwrap();
    assert_eq!(touch::read(view.as_ptr().wrapping_add(4999)), pattern(5000)[4999]);
    for behind in 5000..2 * PAGE {
        assert_eq!(touch::read(view.as_ptr().wrapping_add(behind)), 0, "{behind}");
    }
}

fn in_two_processes_an_object_is_at_two_addresses(stage: &Stage) {
    let mapping = stage.memory("n", GRANULARITY as u64);
    let here = mapping.view().address(FAR_AWAY).map_mut().unwrap();
    here.write_at(100, b"an offset means the same").unwrap();
    let mut child = stage.child("maps_elsewhere", &["n"]);
    child.expect("an offset means the same");
    assert_eq!(here.read_vec(200, 5).unwrap(), b"there");
    child.wait();
}

fn maps_elsewhere(cue: &Cue) {
    let mapping = cue.open(cue.argument(0), Access::READ_WRITE).unwrap();
    let view = mapping.view().address(FAR_AWAY + 64 * GRANULARITY).map_mut().unwrap();
    view.write_at(200, b"there").unwrap();
    cue.say(String::from_utf8(view.read_vec(100, 24).unwrap()).unwrap());
}

fn threads_share_a_view_that_outlives_its_handle(stage: &Stage) {
    let view = stage.memory("n", PAGE as u64).map_mut().unwrap();
    std::thread::scope(|scope| {
        for number in 0..8_u8 {
            let view = &view;
            scope.spawn(move || view.fill(usize::from(number) * 512, 512, number + 1).unwrap());
        }
    });
    // The thread that mapped it may end, too.
    let contents = std::thread::spawn(move || view.read_vec(0, PAGE).unwrap()).join().unwrap();
    assert!(contents.chunks(512).zip(1_u8..).all(|(part, number)| part.iter().all(|&byte| byte == number)));
}

fn writing_a_read_only_view_faults(stage: &Stage) {
    let file = stage.file("file", &pattern(5000));
    let memory = stage.memory("memory", PAGE as u64);
    let _file = stage.mappings().file(&file).create("file").unwrap();
    for name in ["memory", "file"] {
        let mut child = stage.child("writes_a_read_only_view", &[name]);
        child.expect("has read");
        child.faults();
    }
    assert_eq!(memory.map().unwrap().read_vec(0, PAGE).unwrap(), [0; PAGE]);
    assert_eq!(stage.contents("file"), pattern(5000));
}

/// With a handle that might write: the view decides.
fn writes_a_read_only_view(cue: &Cue) {
    let view = cue.open(cue.argument(0), Access::READ_WRITE).unwrap().map().unwrap();
    touch::read(view.as_ptr());
    cue.say("has read");
    touch::write(view.as_ptr().cast_mut(), 1);
    cue.say("has written");
}
