//! Section 6.4: what a file has to be open for.

use std::fs::{File, OpenOptions};

use shmobj::Protection;

use crate::case::{Remark, Role, Test, test, windows_test};
use crate::objects::{Objects, code, pattern};
use crate::stage::Stage;

pub(super) const TESTS: &[Test] = &[
    test!(["FA-1"], a_file_open_for_reading_can_be_read),
    test!(["FA-2"], a_file_open_for_writing_alone_cannot_be_mapped),
    test!(["FA-3"], a_file_open_for_nothing_cannot_be_mapped),
    test!(["FA-4"], a_file_open_for_both_can_be_mapped_in_every_way),
    windows_test!(["FA-5"], the_right_to_execute_does_not_let_write),
    windows_test!(["FA-6"], the_right_to_execute_does_not_keep_from_writing),
    windows_test!(["FA-8"], a_mapping_shares_no_more_than_its_file),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[Remark::new(
    &["FA-7"],
    "not tested: it is about opening a file, which the standard library does before a mapping is made",
)];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["FA-1", "FA-2", "FA-3", "FA-4", "FA-5", "FA-6"], "protections to execute are not offered"),
    Remark::new(&["FA-5", "FA-6"], "on Linux no file is open for executing"),
    Remark::new(&["FA-8"], "Linux has no share modes: who may write a file may open it for that"),
];

/// With each of the three protections: read-only, write-copy and read-write.
fn mappings(stage: &Stage, file: &File) -> [u32; 3] {
    [Protection::ReadOnly, Protection::WriteCopy, Protection::ReadWrite].map(|protection| {
        let options = stage.mappings().file(file).protection(protection);
        let named = code(options.create("n"));
        assert_eq!(code(options.create_unnamed()), named, "{protection:?}");
        named
    })
}

/// A file that is open in a way.
fn opened(stage: &Stage, way: impl FnOnce(&mut OpenOptions)) -> File {
    drop(stage.file("file", &pattern(100)));
    let mut options = OpenOptions::new();
    way(&mut options);
    options.open(stage.path("file")).unwrap()
}

fn a_file_open_for_reading_can_be_read(stage: &Stage) {
    let file = opened(stage, |options| {
        options.read(true);
    });
    assert_eq!(mappings(stage, &file), [0, 0, 5]);
    let longer = stage.mappings().file(&file).size(101).create_unnamed();
    assert_eq!(code(longer), 5, "the access is checked before the size");
    assert_eq!(stage.contents("file"), pattern(100));
}

fn a_file_open_for_writing_alone_cannot_be_mapped(stage: &Stage) {
    let file = opened(stage, |options| {
        options.write(true);
    });
    assert_eq!(mappings(stage, &file), [5; 3]);
}

fn a_file_open_for_nothing_cannot_be_mapped(stage: &Stage) {
    #[cfg(windows)]
    let way = |options: &mut OpenOptions| {
        use std::os::windows::fs::OpenOptionsExt;
        options.access_mode(0);
    };
    #[cfg(target_os = "linux")]
    let way = |options: &mut OpenOptions| {
        use std::os::unix::fs::OpenOptionsExt;
        const O_PATH: i32 = 0o1000_0000;
        options.read(true).custom_flags(O_PATH);
    };
    assert_eq!(mappings(stage, &opened(stage, way)), [5; 3]);
}

fn a_file_open_for_both_can_be_mapped_in_every_way(stage: &Stage) {
    let file = opened(stage, |options| {
        options.read(true).write(true);
    });
    assert_eq!(mappings(stage, &file), [0; 3]);
}

#[cfg(windows)]
const GENERIC: [u32; 3] = [1 << 31, 1 << 30, 1 << 29];

#[cfg(windows)]
fn the_right_to_execute_does_not_let_write(stage: &Stage) {
    use std::os::windows::fs::OpenOptionsExt;
    let [read, _, execute] = GENERIC;
    let file = opened(stage, |options| {
        options.access_mode(read | execute);
    });
    assert_eq!(mappings(stage, &file), [0, 0, 5]);
}

#[cfg(windows)]
fn the_right_to_execute_does_not_keep_from_writing(stage: &Stage) {
    use std::os::windows::fs::OpenOptionsExt;
    let [read, write, execute] = GENERIC;
    let file = opened(stage, |options| {
        options.access_mode(read | write | execute);
    });
    assert_eq!(mappings(stage, &file), [0; 3]);
}

#[cfg(windows)]
fn a_mapping_shares_no_more_than_its_file(stage: &Stage) {
    use std::os::windows::fs::OpenOptionsExt;
    let file = opened(stage, |options| {
        options.read(true).write(true).share_mode(0);
    });
    assert_eq!(mappings(stage, &file), [0; 3]);
    let again = File::open(stage.path("file")).unwrap_err();
    assert_eq!(again.raw_os_error(), Some(32));
}
