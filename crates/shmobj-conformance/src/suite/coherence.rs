//! Sections 12.1 and 12.2: who sees what, and the last page of a file.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use shmobj::{Access, FileMapping, Protection, Reset};

use crate::case::{Remark, Role, Test, role, test};
use crate::objects::{FAR_AWAY, Objects, PAGE, code, pattern};
use crate::process::{Cue, Process};
use crate::stage::Stage;
use crate::threads::{LONG, until};
use crate::touch;

pub(super) const TESTS: &[Test] = &[
    test!(["KO-1"], views_of_one_object_show_the_same_in_all_processes),
    test!(["KO-2"], views_of_two_objects_of_one_file_show_the_same),
    test!(["KO-3"], reading_and_writing_the_file_is_coherent_with_views),
    test!(["KO-5"], private_pages_are_no_part_of_that),
    test!(["KO-6"], atomics_count_exactly_across_processes),
    test!(["KO-6"], what_was_written_before_a_flag_is_there_after_it),
    test!(["KO-6"], what_was_written_before_a_signal_is_there_after_the_wait),
    test!(["KO-7"], a_view_does_not_change_the_files_length),
    test!(["TP-1"], the_rest_of_the_last_page_is_shared_and_never_in_the_file),
    test!(["TP-2"], touching_the_page_behind_the_last_one_faults),
    test!(["TP-3"], a_mapping_keeps_its_size_when_the_file_grows),
];

pub(super) const ROLES: &[Role] = &[
    role!(answers_in_memory),
    role!(maps_the_file_on_its_own),
    role!(counts),
    role!(writes_rounds),
    role!(answers_after_waits),
    role!(touches_behind_the_last_page),
];

pub(super) const REASONS: &[Remark] =
    &[Remark::new(&["KO-4"], "not tested: that something is not coherent is no promise")];

pub(super) const NOTES: &[Remark] = &[Remark::new(
    &["KO-6"],
    "of signals and waits, those of semaphores and events are tested; a processor that keeps the order by itself hides a barrier that is missing",
)];

fn views_of_one_object_show_the_same_in_all_processes(stage: &Stage) {
    let mapping = stage.memory("n", 3 * PAGE as u64);
    let (one, two) = (mapping.map_mut().unwrap(), mapping.map().unwrap());
    one.write_at(0, &pattern(3 * PAGE)).unwrap();
    assert_eq!(two.read_vec(0, 3 * PAGE).unwrap(), pattern(3 * PAGE));
    let mut child = stage.child("answers_in_memory", &["n"]);
    for text in ["first", "again"] {
        one.write_at(PAGE - 2, text.as_bytes()).unwrap();
        assert_eq!(child.ask("read"), text);
        assert_eq!(two.read_vec(2 * PAGE - 2, 5).unwrap(), text.as_bytes(), "the child has written it there");
    }
}

/// Copies what is across the end of the first page to the end of the second, and says it.
fn answers_in_memory(cue: &Cue) {
    let view = cue.open(cue.argument(0), Access::READ_WRITE).unwrap().map_mut().unwrap();
    loop {
        cue.hear();
        let text = view.read_vec(PAGE - 2, 5).unwrap();
        view.write_at(2 * PAGE - 2, &text).unwrap();
        cue.say(String::from_utf8(text).unwrap());
    }
}

fn views_of_two_objects_of_one_file_show_the_same(stage: &Stage) {
    let file = stage.file("file", &pattern(3 * PAGE));
    let whole = stage.mappings().file(&file).create("whole").unwrap().map_mut().unwrap();
    let part = stage.mappings().file(&file).size(5000).create("part").unwrap().map_mut().unwrap();
    let reader = stage.mappings().file(&file).protection(Protection::ReadOnly).create_unnamed().unwrap();
    let reader = reader.map().unwrap();
    whole.write_at(4998, b"one").unwrap();
    assert_eq!(part.read_vec(4998, 2).unwrap(), b"on");
    part.write_at(4998, b"TW").unwrap();
    assert_eq!(reader.read_vec(4998, 3).unwrap(), b"TWe");
    let mut child = stage.child("maps_the_file_on_its_own", &[]);
    child.expect("TWe");
    assert_eq!(whole.read_vec(4998, 3).unwrap(), b"own");
}

fn maps_the_file_on_its_own(cue: &Cue) {
    let mut options = std::fs::OpenOptions::new();
    let file = options.read(true).write(true).open(cue.path("file")).unwrap();
    let view = cue.mappings().file(&file).create_unnamed().unwrap().map_mut().unwrap();
    let text = String::from_utf8(view.read_vec(4998, 3).unwrap()).unwrap();
    view.write_at(4998, b"own").unwrap();
    cue.say(text);
}

fn reading_and_writing_the_file_is_coherent_with_views(stage: &Stage) {
    let file = stage.file("file", &pattern(3 * PAGE));
    let view = stage.mappings().file(&file).create("n").unwrap().map_mut().unwrap();
    for round in 0..10_u8 {
        view.fill(6000, 7, round).unwrap();
        assert_eq!(stage.contents("file")[6000..6007], [round; 7]);
        stage.overwrite("file", 6000, &[100 + round; 7]);
        assert_eq!(view.read_vec(6000, 7).unwrap(), [100 + round; 7]);
    }
}

fn private_pages_are_no_part_of_that(stage: &Stage) {
    let mapping = stage.memory("n", PAGE as u64);
    let (shared, copy) = (mapping.map_mut().unwrap(), mapping.map_copy().unwrap());
    copy.write_at(0, b"private").unwrap();
    shared.write_at(0, b"shared!").unwrap();
    assert_eq!(
        (copy.read_vec(0, 7).unwrap(), shared.read_vec(0, 7).unwrap()),
        (b"private".into(), b"shared!".into())
    );
}

const COUNTED: u64 = 100_000;

fn atomics_count_exactly_across_processes(stage: &Stage) {
    let mapping = stage.memory("n", PAGE as u64);
    let mut children: Vec<Process> = (0..3).map(|_| stage.child("counts", &[])).collect();
    children.iter_mut().for_each(|child| child.expect("ready"));
    children.iter_mut().for_each(|child| child.tell("go"));
    children.iter_mut().for_each(|child| child.expect("done"));
    let view = mapping.map().unwrap();
    assert_eq!(view.load::<AtomicU64>(8, Ordering::Relaxed).unwrap(), 3 * COUNTED);
}

fn counts(cue: &Cue) {
    let view = cue.open("n", Access::READ_WRITE).unwrap().map_mut().unwrap();
    let counter = view.atomic::<AtomicU64>(8).unwrap();
    cue.say("ready");
    cue.hear();
    for _ in 0..COUNTED {
        counter.fetch_add(1, Ordering::Relaxed);
    }
    cue.say("done");
}

const ROUNDS: u32 = 200;

/// The flag is in one page and what it speaks of in another.
fn what_was_written_before_a_flag_is_there_after_it(stage: &Stage) {
    let mapping = stage.memory("n", 2 * PAGE as u64);
    let view = mapping.map_mut().unwrap();
    let mut child = stage.child("writes_rounds", &[]);
    child.expect("ready");
    child.tell("go");
    let (flag, answer) = (view.atomic::<AtomicU32>(0).unwrap(), view.atomic::<AtomicU32>(64).unwrap());
    for round in 1..=ROUNDS {
        until("the child writes", || flag.load(Ordering::Acquire) == round);
        assert_eq!(view.read_vec(PAGE, 100).unwrap(), [round as u8; 100], "{round}");
        answer.store(round, Ordering::Release);
    }
    child.wait();
}

fn writes_rounds(cue: &Cue) {
    let view = cue.open("n", Access::READ_WRITE).unwrap().map_mut().unwrap();
    let (flag, answer) = (view.atomic::<AtomicU32>(0).unwrap(), view.atomic::<AtomicU32>(64).unwrap());
    cue.say("ready");
    cue.hear();
    for round in 1..=ROUNDS {
        view.fill(PAGE, 100, round as u8).unwrap();
        flag.store(round, Ordering::Release);
        until("the test answers", || answer.load(Ordering::Acquire) == round);
    }
}

/// Bytes like others, which nothing but the objects brings into an order.
fn what_was_written_before_a_signal_is_there_after_the_wait(stage: &Stage) {
    let mapping = stage.memory("n", 2 * PAGE as u64);
    let view = mapping.map_mut().unwrap();
    let (there, back) = (stage.semaphore("there", 0, 1), stage.event("back", Reset::Auto));
    let mut child = stage.child("answers_after_waits", &[]);
    child.expect("ready");
    for round in 1..=ROUNDS {
        view.fill(PAGE - 50, 100, round as u8).unwrap();
        there.release(1).unwrap();
        assert!(back.wait(LONG).unwrap(), "{round}");
        assert_eq!(view.read_vec(PAGE - 50, 100).unwrap(), [!(round as u8); 100], "{round}");
    }
    child.wait();
}

fn answers_after_waits(cue: &Cue) {
    let view = cue.open("n", Access::READ_WRITE).unwrap().map_mut().unwrap();
    let there = cue.semaphores().open("there", Access::SYNCHRONIZE).unwrap();
    let back = cue.events().open("back", Access::MODIFY).unwrap();
    cue.say("ready");
    for round in 1..=ROUNDS {
        assert!(there.wait(LONG).unwrap(), "{round}");
        assert_eq!(view.read_vec(PAGE - 50, 100).unwrap(), [round as u8; 100], "{round}");
        view.fill(PAGE - 50, 100, !(round as u8)).unwrap();
        back.set().unwrap();
    }
}

fn a_view_does_not_change_the_files_length(stage: &Stage) {
    let file = stage.file("file", &pattern(5000));
    let view = stage.mappings().file(&file).create("n").unwrap().map_mut().unwrap();
    view.fill(0, 5000, 1).unwrap();
    assert_eq!(code(view.write_at(4999, b"xy")), 487);
    touch::write(view.as_mut_ptr().wrapping_add(5000), 1);
    view.flush().unwrap();
    assert_eq!(file.metadata().unwrap().len(), 5000);
    drop(view);
    assert_eq!(stage.contents("file"), [1; 5000]);
}

fn the_rest_of_the_last_page_is_shared_and_never_in_the_file(stage: &Stage) {
    let file = stage.file("file", &pattern(5000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let (one, two) = (mapping.map_mut().unwrap(), mapping.map().unwrap());
    for behind in 5000..2 * PAGE {
        assert_eq!(touch::read(one.as_ptr().wrapping_add(behind)), 0, "{behind}");
    }
    for behind in [5000, 6000, 2 * PAGE - 1] {
        touch::write(one.as_mut_ptr().wrapping_add(behind), 7);
        assert_eq!(touch::read(two.as_ptr().wrapping_add(behind)), 7, "{behind}");
    }
    one.flush().unwrap();
    assert_eq!(stage.contents("file"), pattern(5000));
}

fn touching_the_page_behind_the_last_one_faults(stage: &Stage) {
    let file = stage.file("file", &pattern(5000));
    let _file = stage.mappings().file(&file).create("file").unwrap();
    let _memory = stage.memory("memory", 5000);
    for name in ["memory", "file"] {
        let mut child = stage.child("touches_behind_the_last_page", &[name]);
        child.expect("has read the last page");
        child.faults();
    }
}

/// Far away, where nothing else can be behind it.
fn touches_behind_the_last_page(cue: &Cue) {
    let mapping = cue.open(cue.argument(0), Access::READ).unwrap();
    let view = mapping.view().address(FAR_AWAY).map().unwrap();
    touch::read(view.as_ptr().wrapping_add(2 * PAGE - 1));
    cue.say("has read the last page");
    touch::read(view.as_ptr().wrapping_add(2 * PAGE));
    cue.say("has read behind it");
}

fn a_mapping_keeps_its_size_when_the_file_grows(stage: &Stage) {
    let file = stage.file("file", &pattern(5000));
    let mapping: FileMapping = stage.mappings().file(&file).create("n").unwrap();
    let view = mapping.map().unwrap();
    file.set_len(20_000).unwrap();
    stage.overwrite("file", 5000, b"grown");
    assert_eq!((mapping.size(), view.len()), (5000, 5000));
    assert_eq!(code(mapping.view().len(5001).map()), 5);
    let again = stage.mappings().file(&file).create("n").unwrap();
    assert_eq!((again.existed(), again.size()), (true, 5000));
    let new = stage.mappings().file(&file).create("new").unwrap();
    assert_eq!(new.size(), 20_000);
    assert_eq!(new.map().unwrap().read_vec(5000, 5).unwrap(), b"grown");
}
