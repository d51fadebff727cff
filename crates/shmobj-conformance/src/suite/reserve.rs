//! Section 11.3: memory that is reserved first and committed later.

use std::sync::atomic::{AtomicU32, Ordering};

use shmobj::{Access, Allocation, FileMapping};

use crate::case::{Remark, Role, Test, linux_test, role, test};
use crate::objects::{GRANULARITY, Objects, PAGE, code, pattern};
use crate::process::Cue;
use crate::stage::Stage;
use crate::touch;

pub(super) const TESTS: &[Test] = &[
    test!(["SR-1"], reserved_memory_is_mapped_and_not_there),
    test!(["SR-2"], what_is_reserved_cannot_be_copied_or_used),
    test!(["SR-2"], touching_a_reserved_page_faults)
        .but_wine("does not fault: the page is there and zero", "was to fault: its role was over; 0"),
    test!(["SR-3"], committing_gives_whole_pages_of_zeros),
    test!(["SR-4"], what_one_process_commits_all_have_in_all_views),
    test!(["SR-4"], a_view_has_its_own_rights_to_what_another_commits),
    test!(["SR-4"], the_last_page_is_committed_in_all_views_as_well)
        .but_wine("what is committed up to the end of a view stays that view's", "NotCommitted: "),
    test!(["SR-5"], what_is_committed_stays_with_its_contents),
    test!(["SR-6"], committing_again_keeps_the_contents),
    test!(["SR-7"], committing_beyond_the_end_is_487),
    test!(["SR-10"], committing_what_is_committed_does_nothing),
    test!(["SR-11"], committing_a_files_pages_is_5),
    linux_test!(["SR-12"], committing_more_than_there_is_is_1455),
    test!(["SR-13"], what_is_reserved_costs_nothing),
    test!(["SR-14"], a_reserved_file_is_a_file),
];

pub(super) const ROLES: &[Role] = &[role!(touches_a_page), role!(commits_a_page_and_writes_it)];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["SR-8"], "committing takes no protection: pages get that of each view"),
    Remark::new(&["SR-9"], "what is committed stays committed; nothing takes it back"),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["SR-1"], "what pages are like cannot be asked"),
    Remark::new(&["SR-2"], "copies and atomics are errors instead, 998"),
    Remark::new(
        &["SR-12"],
        "on Windows a test would have to use up the machine's memory: what it may reserve is less than what it may have",
    ),
    Remark::new(&["SR-13"], "that committing counts is in CF-7"),
];

fn reserved(place: &impl Objects, name: &str, size: u64) -> FileMapping {
    place.mappings().size(size).allocation(Allocation::Reserve).create(name).unwrap()
}

fn reserved_memory_is_mapped_and_not_there(stage: &Stage) {
    let mapping = reserved(stage, "n", GRANULARITY as u64);
    let opened = stage.open("n", Access::READ_WRITE).unwrap();
    assert_eq!((mapping.allocation(), opened.allocation()), (Allocation::Reserve, Allocation::Reserve));
    let lengths =
        [mapping.map().unwrap().len(), opened.map_mut().unwrap().len(), opened.map_copy().unwrap().len()];
    assert_eq!(lengths, [GRANULARITY; 3]);
}

fn what_is_reserved_cannot_be_copied_or_used(stage: &Stage) {
    let mapping = reserved(stage, "n", GRANULARITY as u64);
    let view = mapping.map_mut().unwrap();
    assert_eq!(code(view.read_vec(0, 1)), 998);
    assert_eq!(code(view.write_at(GRANULARITY - 1, b"x")), 998);
    assert_eq!(code(view.fill(PAGE, 10, 1)), 998);
    assert_eq!(code(view.load::<AtomicU32>(0, Ordering::Relaxed)), 998);
    assert_eq!(code(view.atomic::<AtomicU32>(0)), 998);
    assert_eq!(code(mapping.map_copy().unwrap().write_at(0, b"x")), 998);
    assert_eq!(code(mapping.map().unwrap().read_vec(0, 1)), 998);
}

fn touching_a_reserved_page_faults(stage: &Stage) {
    let mapping = reserved(stage, "n", GRANULARITY as u64);
    mapping.commit(0..PAGE as u64).unwrap();
    let mut child = stage.child("touches_a_page", &["0"]);
    child.expect("0");
    child.wait();
    stage.child("touches_a_page", &["1"]).faults();
}

fn touches_a_page(cue: &Cue) {
    let view = cue.open("n", Access::READ).unwrap().map().unwrap();
    let page: usize = cue.argument(0).parse().unwrap();
    cue.say(touch::read(view.as_ptr().wrapping_add(page * PAGE)).to_string());
}

fn committing_gives_whole_pages_of_zeros(stage: &Stage) {
    let view = reserved(stage, "n", GRANULARITY as u64).map_mut().unwrap();
    view.commit(PAGE + 100, 1).unwrap();
    assert_eq!(view.read_vec(PAGE, PAGE).unwrap(), [0; PAGE]);
    assert_eq!([PAGE - 1, 2 * PAGE].map(|offset| code(view.read_vec(offset, 1))), [998; 2]);
    assert_eq!(code(view.read_vec(2 * PAGE - 1, 2)), 998, "one byte of it is not there");
    view.commit(2 * PAGE - 1, 2).unwrap();
    view.write_at(2 * PAGE - 1, b"ab").unwrap();
    assert_eq!(touch::read(view.as_ptr().wrapping_add(2 * PAGE)), b'b');
}

fn what_one_process_commits_all_have_in_all_views(stage: &Stage) {
    let mapping = reserved(stage, "n", GRANULARITY as u64);
    let (before, copy) = (mapping.map_mut().unwrap(), mapping.map_copy().unwrap());
    let part = mapping.view().offset(3 * PAGE as u64).len(10).map().unwrap();
    let mut child = stage.child("commits_a_page_and_writes_it", &[]);
    child.expect("written");
    for view in [before.read_vec(3 * PAGE, 5), copy.read_vec(3 * PAGE, 5), part.read_vec(0, 5)] {
        assert_eq!(view.unwrap(), b"value");
    }
    assert_eq!(mapping.map().unwrap().read_vec(3 * PAGE, 5).unwrap(), b"value");
    assert_eq!([2, 4].map(|page| code(before.read_vec(page * PAGE, 1))), [998; 2], "no other page");
    before.write_at(3 * PAGE, b"reply").unwrap();
    assert_eq!(child.ask("read"), "reply");
}

fn commits_a_page_and_writes_it(cue: &Cue) {
    let view = cue.open("n", Access::READ_WRITE).unwrap().map_mut().unwrap();
    view.commit(3 * PAGE, 1).unwrap();
    view.write_at(3 * PAGE, b"value").unwrap();
    cue.say("written");
    cue.hear();
    cue.say(String::from_utf8(view.read_vec(3 * PAGE, 5).unwrap()).unwrap());
}

fn a_view_has_its_own_rights_to_what_another_commits(stage: &Stage) {
    let mapping = reserved(stage, "n", GRANULARITY as u64);
    let (copy, shared) = (mapping.map_copy().unwrap(), mapping.map_mut().unwrap());
    mapping.commit(0..PAGE as u64).unwrap();
    copy.write_at(0, b"private").unwrap();
    assert_eq!(shared.read_vec(0, 7).unwrap(), [0; 7]);
    shared.write_at(0, b"SHARED!").unwrap();
    assert_eq!(copy.read_vec(0, 7).unwrap(), b"private");
}

fn the_last_page_is_committed_in_all_views_as_well(stage: &Stage) {
    let mapping = reserved(stage, "n", GRANULARITY as u64);
    let (one, two) = (mapping.map_mut().unwrap(), mapping.map().unwrap());
    one.commit(GRANULARITY - 1, 1).unwrap();
    one.write_at(GRANULARITY - 1, b"x").unwrap();
    assert_eq!(two.read_vec(GRANULARITY - 1, 1).unwrap(), b"x");
}

fn what_is_committed_stays_with_its_contents(stage: &Stage) {
    let mapping = reserved(stage, "n", GRANULARITY as u64);
    let view = mapping.map_mut().unwrap();
    view.commit(PAGE, PAGE).unwrap();
    view.write_at(PAGE, b"kept").unwrap();
    drop(view);
    for view in [mapping.map().unwrap(), stage.open("n", Access::READ).unwrap().map().unwrap()] {
        assert_eq!(view.read_vec(PAGE, 4).unwrap(), b"kept");
        assert_eq!(code(view.read_vec(0, 1)), 998);
    }
}

fn committing_again_keeps_the_contents(stage: &Stage) {
    let mapping = reserved(stage, "n", 2 * GRANULARITY as u64);
    let view = mapping.map_mut().unwrap();
    view.commit(PAGE, 2 * PAGE).unwrap();
    view.write_at(PAGE, &pattern(2 * PAGE)).unwrap();
    view.commit(PAGE, 2 * PAGE).unwrap();
    view.commit(0, 4 * PAGE).unwrap();
    mapping.commit(0..5 * PAGE as u64).unwrap();
    assert_eq!(view.read_vec(PAGE, 2 * PAGE).unwrap(), pattern(2 * PAGE));
    assert_eq!(view.read_vec(0, PAGE).unwrap(), [0; PAGE]);
    assert_eq!(view.read_vec(5 * PAGE - 1, 1).unwrap(), [0]);
}

fn committing_beyond_the_end_is_487(stage: &Stage) {
    let mapping = reserved(stage, "n", GRANULARITY as u64);
    let view = mapping.view().len(2 * PAGE as u64).map_mut().unwrap();
    for (offset, length) in
        [(2 * PAGE, 1), (0, 2 * PAGE + 1), (PAGE, PAGE + 1), (usize::MAX, 1), (1, usize::MAX)]
    {
        assert_eq!(code(view.commit(offset, length)), 487, "{length} at {offset}");
    }
    let end = GRANULARITY as u64;
    for range in [0..end + 1, end..end + 1, 1 << 40..1 << 41, 0..u64::MAX] {
        assert_eq!(code(mapping.commit(range.clone())), 487, "{range:?}");
    }
    assert_eq!(code(view.read_vec(0, 1)), 998, "nothing was committed on the way");
}

fn committing_what_is_committed_does_nothing(stage: &Stage) {
    let mapping = stage.memory("n", GRANULARITY as u64);
    let view = mapping.map_mut().unwrap();
    view.write_at(0, &pattern(GRANULARITY)).unwrap();
    view.commit(100, 5000).unwrap();
    mapping.commit(0..GRANULARITY as u64).unwrap();
    assert_eq!(view.read_vec(0, GRANULARITY).unwrap(), pattern(GRANULARITY));
}

fn committing_a_files_pages_is_5(stage: &Stage) {
    let file = stage.file("file", &pattern(2 * PAGE));
    for allocation in [Allocation::Commit, Allocation::Reserve] {
        let mapping = stage.mappings().file(&file).allocation(allocation).create("n").unwrap();
        assert_eq!(code(mapping.map_mut().unwrap().commit(0, PAGE)), 5, "{allocation:?}");
        assert_eq!(code(mapping.commit(0..PAGE as u64)), 5, "{allocation:?}");
    }
}

#[cfg(target_os = "linux")]
fn committing_more_than_there_is_is_1455(stage: &Stage) {
    let mapping = reserved(stage, "n", 1 << 44);
    let view = mapping.view().offset(1 << 43).len(2 * PAGE as u64).map_mut().unwrap();
    view.commit(PAGE, PAGE).unwrap();
    view.write_at(PAGE, b"in the middle").unwrap();
    assert_eq!(code(mapping.commit(0..1 << 43)), 1455);
    assert_eq!(code(view.read_vec(0, 1)), 998);
    assert_eq!(view.read_vec(PAGE, 13).unwrap(), b"in the middle");
}

fn what_is_reserved_costs_nothing(stage: &Stage) {
    // More in all than a machine has. (Windows keeps 8 bytes for each page.)
    const SIZE: u64 = if cfg!(windows) { 1 << 34 } else { 1 << 40 };
    let kept: Vec<_> = (0..16).map(|number| reserved(stage, &format!("{number}"), SIZE)).collect();
    for mapping in &kept {
        assert_eq!(mapping.size(), SIZE);
        let view = mapping.view().offset(SIZE / 2).len(PAGE as u64).map_mut().unwrap();
        view.commit(0, PAGE).unwrap();
        view.write_at(0, b"here").unwrap();
    }
}

fn a_reserved_file_is_a_file(stage: &Stage) {
    let file = stage.file("file", &pattern(5000));
    let mapping = stage.mappings().file(&file).allocation(Allocation::Reserve).create("n").unwrap();
    assert_eq!((mapping.allocation(), mapping.size()), (Allocation::Commit, 5000));
    let view = mapping.map_mut().unwrap();
    assert_eq!(view.read_vec(0, 5000).unwrap(), pattern(5000));
    view.write_at(4999, b"x").unwrap();
    assert_eq!(stage.contents("file")[4999], b'x');
}
