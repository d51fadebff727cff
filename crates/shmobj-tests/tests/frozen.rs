//! Frozen memory among processes: who gets it, who is in the way, and who is killed in the middle.

use shmobj::ErrorKind;
use shmobj_tests::puppet;
use shmobj_tests::scratch::Scratch;
use shmobj_tests::steps;

#[test]
fn others_read_what_one_has_frozen_and_keep_it_when_that_one_is_killed() {
    let scratch = Scratch::new();
    let mut producer = puppet!("producer", &scratch);
    producer.does("create h table 65536 sealable");
    producer.does("map v h rw");
    producer.does("write v 60000 for ever");
    let mut reader = puppet!("reader", &scratch);
    reader.does("open h table r");
    reader.fails("frozen f h", ErrorKind::NotFrozen);
    reader.does("map v h r");
    producer.fails("freeze f h", ErrorKind::StillMapped);
    producer.does("unmap v");
    producer.does("freeze f h");
    assert_eq!(reader.does("frozen f h"), "length=65536");
    assert_eq!(reader.does("read v 60000 8"), "for ever", "the view that was there before");
    producer.kill();
    let mut late = puppet!("late", &scratch);
    late.does("open h table rw");
    late.does("frozen f h");
    late.fails("map v h rw", ErrorKind::AccessDenied);
    reader.does("close h");
    late.kill();
    assert_eq!(reader.does("bytes f 60000 8"), "for ever", "nobody has a handle");
    reader.fails("open h table r", ErrorKind::NotFound);
    scratch.assert_empty("after the last handle");
}

#[test]
fn a_writable_view_of_another_process_or_of_a_killed_one() {
    let scratch = Scratch::new();
    let mut freezer = puppet!("freezer", &scratch);
    freezer.does("create h n 4096 sealable");
    let mut writer = puppet!("writer", &scratch);
    writer.does("open h n rw");
    writer.does("map v h rw");
    writer.does("write v 0 last words");
    let refusal = freezer.fails("freeze f h", ErrorKind::StillMapped);
    assert_eq!(refusal.code, 1224);
    assert!(refusal.text.contains("drop the writable views"), "{}", refusal.text);
    writer.kill();
    freezer.does("freeze f h");
    assert_eq!(freezer.does("bytes f 0 10"), "last words");
}

#[test]
fn a_forked_child_inherits_the_view_that_is_in_the_way() {
    let scratch = Scratch::new();
    let mut parent = puppet!("parent", &scratch);
    parent.does("create h n 4096 sealable");
    parent.does("map v h rw");
    let mut child = parent.fork("child");
    parent.does("unmap v");
    parent.fails("freeze f h", ErrorKind::StillMapped);
    child.does("write v 0 mine");
    child.does("unmap v");
    parent.does("freeze f h");
    assert_eq!(parent.does("bytes f 0 4"), "mine");
    child.does("frozen f h");
    drop(parent);
    assert_eq!(child.does("bytes f 0 4"), "mine");
}

#[test]
fn readers_who_may_write_are_not_in_the_way() {
    let scratch = Scratch::new();
    let mut freezer = puppet!("freezer", &scratch);
    freezer.does("create h n 4096 sealable");
    let mut reader = puppet!("reader", &scratch);
    reader.does("open h n rw");
    reader.does("map v h r");
    reader.does("map c h copy");
    reader.does("write c 0 mine");
    freezer.does("freeze f h");
    assert_eq!(reader.does("read c 0 4"), "mine");
    assert_eq!(reader.does("read v 0 1"), "\\u{0}");
}

#[test]
fn a_process_that_is_killed_while_it_freezes_has_done_it_or_not() {
    for step in &steps::OF_SEALS[..2] {
        let scratch = Scratch::new();
        let mut other = puppet!("other", &scratch);
        other.does("create h n 4096000 sealable");
        other.does("map v h rw");
        other.does("write v 0 contents");
        other.does("unmap v");
        let mut victim = puppet!("victim", &scratch);
        victim.does("open h n rw");
        victim.does(format!("arm die 1 {step}"));
        assert!(victim.dies_of("freeze f h"), "{step}");
        if *step == "freeze: sealed" {
            assert_eq!(other.does("frozen f h"), "length=4096000", "{step}");
            other.fails("map v h rw", ErrorKind::AccessDenied);
        } else {
            other.fails("frozen f h", ErrorKind::NotFrozen);
            other.does("map v h rw");
            other.does("write v 8 , changed");
            other.does("unmap v");
        }
        other.does("freeze f h");
        assert!(other.does("bytes f 0 17").starts_with("contents"), "{step}");
    }
}

#[test]
fn a_process_that_is_killed_while_it_seals_writes_has_done_it_or_not() {
    for step in &steps::OF_SEALS[2..] {
        let scratch = Scratch::new();
        let mut other = puppet!("other", &scratch);
        other.does("create h n 4096 sealable");
        let mut victim = puppet!("victim", &scratch);
        victim.does("open h n rw");
        victim.does(format!("arm die 1 {step}"));
        assert!(victim.dies_of("seal-writes v h"), "{step}");
        other.does("map r h r");
        if *step == "seal writes: sealed" {
            other.fails("seal-writes v h", ErrorKind::AccessDenied);
            other.fails("map v h rw", ErrorKind::AccessDenied);
            assert_eq!(other.does("read r 0 1"), "\\u{0}");
        } else {
            other.does("seal-writes v h");
            other.does("write v 0 mine");
            assert_eq!(other.does("read r 0 4"), "mine");
        }
    }
}

#[test]
fn one_process_writes_what_others_can_only_read() {
    let scratch = Scratch::new();
    let mut writer = puppet!("writer", &scratch);
    writer.does("create h prices 4096 sealable");
    writer.does("seal-writes v h");
    let mut reader = puppet!("reader", &scratch);
    reader.does("open h prices rw");
    reader.does("map v h r");
    writer.does("write v 0 42");
    assert_eq!(reader.does("read v 0 2"), "42");
    let refusal = reader.fails("map w h rw", ErrorKind::AccessDenied);
    assert!(refusal.text.contains("sealed against writing"), "{}", refusal.text);
    reader.fails("frozen f h", ErrorKind::NotFrozen);
    reader.fails("freeze f h", ErrorKind::AccessDenied);
    writer.kill();
    assert_eq!(reader.does("read v 0 2"), "42");
    reader.fails("map w h rw", ErrorKind::AccessDenied);
}
