//! Section 10: flushing.

use shmobj::{Access, Flush};

use crate::case::{Remark, Role, Test, role, test};
use crate::objects::{GRANULARITY, Objects, PAGE, code, pattern};
use crate::process::Cue;
use crate::stage::Stage;

pub(super) const TESTS: &[Test] = &[
    test!(["FV-1"], all_of_a_view_is_flushed),
    test!(["FV-2"], any_range_inside_is_flushed),
    test!(["FV-3"], a_range_that_leaves_the_view_is_refused),
    test!(["FV-6"], memory_has_nothing_to_flush),
    test!(["FV-7"], read_only_and_private_views_write_nothing),
    test!(["FV-9"], a_flush_and_a_sync_of_the_file_follow_each_other),
    test!(["FV-12"], other_processes_see_what_was_not_flushed),
];

pub(super) const ROLES: &[Role] = &[role!(reads_what_is_there)];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["FV-4", "FV-5"], "only a view can be flushed, while it is mapped"),
    Remark::new(&["FV-8", "FV-10"], "not tested: when bytes reach the disk cannot be seen from a process"),
    Remark::new(&["FV-11"], "not tested: it needs two machines"),
    Remark::new(
        &["FV-13"],
        "does not hold on Linux: most file systems set the time when a page is first written. On Windows not tested",
    ),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["FV-1", "FV-2"], "that bytes have reached the disk is not seen"),
    Remark::new(&["FV-3"], "the error is 487"),
    Remark::new(
        &["FV-9"],
        "that both succeed is tested; that the bytes outlive the machine's power cannot be seen, and a file that is open for reading alone is \
         synced without the error 5 on Linux",
    ),
];

const BOTH: [Flush; 2] = [Flush::Start, Flush::Wait];

fn all_of_a_view_is_flushed(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let view = stage.mappings().file(&file).create("n").unwrap().map_mut().unwrap();
    view.write_at(9990, b"the end...").unwrap();
    view.flush().unwrap();
    for flush in BOTH {
        view.flush_range(0, view.len(), flush).unwrap();
    }
    assert_eq!(&stage.contents("file")[9990..], b"the end...");
}

fn any_range_inside_is_flushed(stage: &Stage) {
    let file = stage.file("file", &pattern(200_000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let part = mapping.view().offset(GRANULARITY as u64).len(9000);
    for view in [mapping.map_mut().unwrap(), part.map_mut().unwrap()] {
        for (offset, length) in [(0, 1), (1, 1), (PAGE - 1, 2), (PAGE, PAGE), (8999, 1), (5000, 3000)] {
            view.fill(offset, length, 0xee).unwrap();
            for flush in BOTH {
                assert_eq!(code(view.flush_range(offset, length, flush)), 0, "{length} at {offset}");
            }
        }
    }
    assert_eq!(stage.contents("file")[GRANULARITY + 8999], 0xee);
}

fn a_range_that_leaves_the_view_is_refused(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let view = mapping.view().len(5000).map_mut().unwrap();
    for (offset, length) in [(0, 5001), (5000, 1), (4999, 2), (usize::MAX, 1), (1, usize::MAX)] {
        for flush in BOTH {
            let refused = code(view.flush_range(offset, length, flush));
            assert_eq!(refused, 487, "{length} at {offset}");
        }
    }
}

fn memory_has_nothing_to_flush(stage: &Stage) {
    let view = stage.memory("n", 2 * PAGE as u64).map_mut().unwrap();
    view.fill(0, 2 * PAGE, 5).unwrap();
    view.flush().unwrap();
    for flush in BOTH {
        view.flush_range(100, 5000, flush).unwrap();
    }
    assert_eq!(view.read_vec(0, 2 * PAGE).unwrap(), [5; 2 * PAGE]);
}

fn read_only_and_private_views_write_nothing(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let (copy, reader) = (mapping.map_copy().unwrap(), mapping.map().unwrap());
    copy.fill(0, 10_000, 0).unwrap();
    copy.flush().unwrap();
    reader.flush().unwrap();
    for flush in BOTH {
        copy.flush_range(0, 10_000, flush).unwrap();
        reader.flush_range(0, 10_000, flush).unwrap();
    }
    assert_eq!(copy.read_vec(0, 10_000).unwrap(), [0; 10_000]);
    assert_eq!(stage.contents("file"), pattern(10_000));
}

fn a_flush_and_a_sync_of_the_file_follow_each_other(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let view = stage.mappings().file(&file).create("n").unwrap().map_mut().unwrap();
    view.write_at(5000, b"durable").unwrap();
    view.flush().unwrap();
    file.sync_all().unwrap();
    assert_eq!(&stage.contents("file")[5000..5007], b"durable");
}

fn other_processes_see_what_was_not_flushed(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let view = mapping.map_mut().unwrap();
    let mut child = stage.child("reads_what_is_there", &[]);
    for text in ["first", "again"] {
        view.write_at(5000, text.as_bytes()).unwrap();
        assert_eq!(child.ask("read"), text);
    }
}

fn reads_what_is_there(cue: &Cue) {
    let view = cue.open("n", Access::READ).unwrap().map().unwrap();
    loop {
        cue.hear();
        cue.say(String::from_utf8(view.read_vec(5000, 5).unwrap()).unwrap());
    }
}
