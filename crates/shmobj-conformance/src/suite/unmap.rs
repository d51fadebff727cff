//! Section 9: the end of a view.

use shmobj::Access;

use crate::case::{Remark, Role, Test, role, test};
use crate::objects::{FAR_AWAY, GRANULARITY, Objects, PAGE, code, pattern};
use crate::process::Cue;
use crate::stage::Stage;
use crate::touch;

pub(super) const TESTS: &[Test] = &[
    test!(["UM-1"], a_dropped_view_is_gone_as_a_whole),
    test!(["UM-1"], touching_where_a_view_was_faults),
    test!(["UM-5"], a_view_outlives_all_handles_and_is_then_unmapped),
    test!(["UM-6"], nothing_written_to_a_file_is_lost_with_a_view_or_a_process),
    test!(["UM-7"], private_pages_are_lost),
    test!(["UM-9"], other_views_do_not_notice),
];

pub(super) const ROLES: &[Role] = &[role!(touches_where_a_view_was), role!(writes_and_is_killed)];

pub(super) const REASONS: &[Remark] = &[Remark::new(
    &["UM-2", "UM-3", "UM-4", "UM-8"],
    "a view is unmapped by dropping it, once and as a whole; there is no address to be wrong",
)];

pub(super) const NOTES: &[Remark] =
    &[Remark::new(&["UM-5"], "that the memory is the system's again cannot be seen from a process")];

fn a_dropped_view_is_gone_as_a_whole(stage: &Stage) {
    let mapping = stage.memory("n", 5 * GRANULARITY as u64);
    let view = mapping.view().address(FAR_AWAY).len(4 * GRANULARITY as u64 + 1).map().unwrap();
    let at = |granule: usize| mapping.view().address(FAR_AWAY + granule * GRANULARITY).len(1);
    for granule in 0..5 {
        assert_eq!(code(at(granule).map()), 487, "{granule}");
    }
    drop(view);
    let all: Vec<_> = (0..5).map(|granule| at(granule).map()).collect();
    assert!(all.iter().all(Result::is_ok), "{all:?}");
}

fn touching_where_a_view_was_faults(stage: &Stage) {
    let mut child = stage.child("touches_where_a_view_was", &[]);
    child.expect("unmapped");
    child.faults();
}

fn touches_where_a_view_was(cue: &Cue) {
    let mapping = cue.memory("n", PAGE as u64);
    let view = mapping.view().address(FAR_AWAY).map().unwrap();
    let last = view.as_ptr().wrapping_add(PAGE - 1);
    touch::read(last);
    drop(view);
    cue.say("unmapped");
    touch::read(last);
    cue.say("still there");
}

fn a_view_outlives_all_handles_and_is_then_unmapped(stage: &Stage) {
    let mapping = stage.memory("n", PAGE as u64);
    let view = mapping.view().address(FAR_AWAY).map_mut().unwrap();
    drop(mapping);
    assert_eq!(code(stage.open("n", Access::READ)), 2);
    view.write_at(0, b"mine alone").unwrap();
    assert_eq!(view.read_vec(0, 10).unwrap(), b"mine alone");
    drop(view);
    let next = stage.memory("n", PAGE as u64);
    assert!(!next.existed());
    let view = next.view().address(FAR_AWAY).map().unwrap();
    assert_eq!(view.read_vec(0, PAGE).unwrap(), [0; PAGE]);
}

fn nothing_written_to_a_file_is_lost_with_a_view_or_a_process(stage: &Stage) {
    let file = stage.file("file", &pattern(3 * PAGE));
    let view = stage.mappings().file(&file).create("n").unwrap().map_mut().unwrap();
    view.write_at(0, b"unmapped").unwrap();
    drop(view);
    assert_eq!(&stage.contents("file")[..8], b"unmapped");
    let mut child = stage.child("writes_and_is_killed", &[]);
    child.expect("written");
    child.kill();
    assert_eq!(&stage.contents("file")[PAGE..PAGE + 6], b"killed");
}

fn writes_and_is_killed(cue: &Cue) {
    let mut options = std::fs::OpenOptions::new();
    let file = options.read(true).write(true).open(cue.path("file")).unwrap();
    let view = cue.mappings().file(&file).create("n").unwrap().map_mut().unwrap();
    view.write_at(PAGE, b"killed").unwrap();
    cue.say("written");
    cue.hear();
}

fn private_pages_are_lost(stage: &Stage) {
    let file = stage.file("file", &pattern(5000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let copy = mapping.map_copy().unwrap();
    copy.fill(0, 5000, 0).unwrap();
    drop(copy);
    assert_eq!(mapping.map_copy().unwrap().read_vec(0, 5000).unwrap(), pattern(5000));
    assert_eq!(stage.contents("file"), pattern(5000));
}

fn other_views_do_not_notice(stage: &Stage) {
    let mapping = stage.memory("n", 4 * GRANULARITY as u64);
    let (one, two) = (mapping.map_mut().unwrap(), mapping.map_mut().unwrap());
    let part = mapping.view().offset(GRANULARITY as u64).map().unwrap();
    one.write_at(GRANULARITY, b"kept").unwrap();
    drop(one);
    assert_eq!(two.read_vec(GRANULARITY, 4).unwrap(), b"kept");
    two.write_at(GRANULARITY, b"more").unwrap();
    assert_eq!(part.read_vec(0, 4).unwrap(), b"more");
}
