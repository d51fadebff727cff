//! Section 12.3: files that are changed while they are mapped.
//!
//! Windows lets nobody make a mapped file shorter. Linux does, and no library can keep others from it: what remains to be promised there
//! is that copies of what is gone are errors.

use std::fs::File;
use std::io;

use shmobj::{Access, Protection};

use crate::case::{Remark, Role, Test, linux_test, role, test, windows_test};
use crate::objects::{Objects, PAGE, pattern};
use crate::process::Cue;
use crate::stage::Stage;
use crate::touch;

pub(super) const TESTS: &[Test] = &[
    test!(["TR-1"], a_mapped_file_cannot_be_made_shorter).but_linux(SHRINKS, "it succeeded"),
    linux_test!(["TR-1"], copies_of_what_is_gone_are_999_and_pointers_fault),
    test!(["TR-2"], a_mapped_file_cannot_be_made_shorter_behind_what_is_mapped)
        .but_linux(SHRINKS, "it succeeded"),
    test!(["TR-3"], a_handle_alone_or_a_view_alone_keeps_a_file_from_being_made_shorter)
        .but_linux(SHRINKS, "it succeeded"),
    test!(["TR-4"], a_mapped_file_can_stay_or_grow),
    test!(["TR-5"], a_file_can_be_made_shorter_when_everything_is_gone),
    test!(["TR-6"], a_mapped_file_cannot_be_emptied).but_linux(SHRINKS, "it succeeded"),
    test!(["TR-8"], a_mapped_file_cannot_be_copied_onto).but_linux(SHRINKS, "it succeeded"),
    test!(["TR-10"], views_outlive_the_name_of_their_file)
        .but_wine("the name stays while the file is mapped", "the name is gone"),
    windows_test!(["TR-11"], a_mapped_file_can_be_opened_to_be_deleted_on_close),
    test!(["TR-13"], a_mapped_file_can_be_renamed),
    test!(["TR-14"], a_mapped_file_is_not_replaced_under_its_views).but_linux(
        "the name goes to the other file, and views keep the old one, as in TR-10",
        "it succeeded",
    ),
    windows_test!(["TR-15"], who_will_not_share_writing_cannot_open_a_file_that_is_mapped_for_it),
    test!(["TR-16"], and_can_open_one_that_is_mapped_for_reading),
    test!(["TR-17"], and_one_of_which_there_is_a_view_alone)
        .but_wine("32, as long as there is a view", "code: 32,"),
];

/// What Linux does, where Windows keeps a mapped file as long as it is.
const SHRINKS: &str = "who can write a file can make it shorter at any time; copies of what is gone are errors then (999), \
                       and pointers fault";

pub(super) const ROLES: &[Role] = &[role!(touches_the_second_page)];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["TR-7", "TR-12"], "images are not offered"),
    Remark::new(
        &["TR-9"],
        "either this holds or TR-10: on Linux TR-10, on Windows as its version deletes files",
    ),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["TR-10"], "on Windows the file may also refuse to go (TR-9)"),
    Remark::new(&["TR-11"], "Linux has no such flag"),
    Remark::new(
        &["TR-14"],
        "newer Windows may replace the file all the same, when the standard library asks for it",
    ),
    Remark::new(&["TR-15"], "Linux has no share modes: who may write a file may open it for that"),
    Remark::new(&["TR-16", "TR-17"], "Linux has no share modes: any open succeeds"),
];

/// Opens it for reading, and on Windows in a way that nobody who writes agrees with.
fn open_without_sharing_writes(stage: &Stage) -> io::Result<File> {
    let mut options = File::options();
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt;
        const FILE_SHARE_READ: u32 = 1;
        options.share_mode(FILE_SHARE_READ);
    }
    options.read(true).open(stage.path("file"))
}

#[track_caller]
fn assert_refused<T>(done: io::Result<T>, codes: &[i32]) {
    match done {
        Ok(_) => panic!("it succeeded"),
        Err(error) => {
            let code = error.raw_os_error().unwrap_or_default();
            assert!(codes.contains(&code), "{error}");
        }
    }
}

pub(super) const USER_MAPPED_FILE: i32 = 1224;

fn a_mapped_file_cannot_be_made_shorter(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    for protection in [Protection::ReadOnly, Protection::WriteCopy, Protection::ReadWrite] {
        let mapping = stage.mappings().file(&file).protection(protection).create("n").unwrap();
        let _view = mapping.map().unwrap();
        for length in [0, 100, 9999] {
            assert_refused(file.set_len(length), &[USER_MAPPED_FILE]);
        }
    }
    assert_eq!(stage.contents("file"), pattern(10_000));
}

#[cfg(target_os = "linux")]
fn copies_of_what_is_gone_are_999_and_pointers_fault(stage: &Stage) {
    use crate::objects::code;
    let file = stage.file("file", &pattern(2 * PAGE));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let view = mapping.map_mut().unwrap();
    let mut child = stage.child("touches_the_second_page", &["n"]);
    child.expect("mapped");
    file.set_len(PAGE as u64).unwrap();
    assert_eq!(code(view.read_vec(PAGE, 1)), 999);
    assert_eq!(code(view.write_at(PAGE, b"x")), 999);
    assert_eq!(view.read_vec(0, PAGE).unwrap(), pattern(PAGE), "what is left is as it was");
    child.tell("touch");
    child.faults();
}

fn touches_the_second_page(cue: &Cue) {
    let view = cue.open(cue.argument(0), Access::READ).unwrap().map().unwrap();
    cue.say("mapped");
    cue.hear();
    cue.say(touch::read(view.as_ptr().wrapping_add(PAGE)).to_string());
}

fn a_mapped_file_cannot_be_made_shorter_behind_what_is_mapped(stage: &Stage) {
    let file = stage.file("file", &pattern(100_000));
    let mapping = stage.mappings().file(&file).size(100).create("n").unwrap();
    let _view = mapping.map().unwrap();
    assert_refused(file.set_len(99_999), &[USER_MAPPED_FILE]);
    assert_refused(file.set_len(100), &[USER_MAPPED_FILE]);
    assert_eq!(stage.contents("file"), pattern(100_000));
}

fn a_handle_alone_or_a_view_alone_keeps_a_file_from_being_made_shorter(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    assert_refused(file.set_len(100), &[USER_MAPPED_FILE]);
    let view = mapping.map().unwrap();
    drop(mapping);
    assert_refused(file.set_len(100), &[USER_MAPPED_FILE]);
    assert_eq!(view.read_vec(0, 10_000).unwrap(), pattern(10_000));
}

fn a_mapped_file_can_stay_or_grow(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let view = mapping.map_mut().unwrap();
    for length in [10_000, 10_001, 50_000] {
        file.set_len(length).unwrap();
        assert_eq!(view.read_vec(0, 10_000).unwrap(), pattern(10_000));
        assert_eq!(stage.contents("file").len() as u64, length);
    }
}

fn a_file_can_be_made_shorter_when_everything_is_gone(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let view = mapping.map_mut().unwrap();
    view.write_at(0, b"kept").unwrap();
    drop((mapping, view));
    file.set_len(4).unwrap();
    assert_eq!(stage.contents("file"), b"kept");
}

fn a_mapped_file_cannot_be_emptied(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let _mapping = stage.mappings().file(&file).create("n").unwrap();
    drop(file);
    assert_refused(File::create(stage.path("file")), &[USER_MAPPED_FILE]);
    assert_refused(File::options().write(true).truncate(true).open(stage.path("file")), &[USER_MAPPED_FILE]);
    assert_eq!(stage.contents("file"), pattern(10_000));
}

fn a_mapped_file_cannot_be_copied_onto(stage: &Stage) {
    const SHARING_VIOLATION: i32 = 32;
    let file = stage.file("file", &pattern(10_000));
    let _mapping = stage.mappings().file(&file).create("n").unwrap();
    drop((file, stage.file("other", b"other")));
    assert_refused(
        std::fs::copy(stage.path("other"), stage.path("file")),
        &[USER_MAPPED_FILE, SHARING_VIOLATION],
    );
    assert_eq!(stage.contents("file"), pattern(10_000));
}

fn views_outlive_the_name_of_their_file(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let view = mapping.map_mut().unwrap();
    drop(file);
    match std::fs::remove_file(stage.path("file")) {
        Ok(()) => assert!(!stage.path("file").exists(), "the name is gone"),
        Err(error) => assert!(cfg!(windows) && error.raw_os_error() == Some(5), "{error}"),
    }
    assert_eq!(view.read_vec(0, 10_000).unwrap(), pattern(10_000));
    view.write_at(5000, b"goes on").unwrap();
    let opened = stage.open("n", Access::READ).unwrap();
    assert_eq!(opened.map().unwrap().read_vec(5000, 7).unwrap(), b"goes on");
}

#[cfg(windows)]
fn a_mapped_file_can_be_opened_to_be_deleted_on_close(stage: &Stage) {
    use std::os::windows::fs::OpenOptionsExt;
    const DELETE: u32 = 0x1_0000;
    const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
    let file = stage.file("file", &pattern(10_000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let mut options = File::options();
    options.access_mode(DELETE).custom_flags(FILE_FLAG_DELETE_ON_CLOSE);
    drop(options.open(stage.path("file")).unwrap());
    assert_eq!(mapping.map().unwrap().read_vec(0, 10_000).unwrap(), pattern(10_000));
}

fn a_mapped_file_can_be_renamed(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let view = mapping.map_mut().unwrap();
    drop(file);
    std::fs::rename(stage.path("file"), stage.path("renamed")).unwrap();
    view.write_at(5000, b"goes on").unwrap();
    assert_eq!(&stage.contents("renamed")[5000..5007], b"goes on");
    let opened = stage.open("n", Access::READ).unwrap();
    assert_eq!(opened.map().unwrap().read_vec(5000, 7).unwrap(), b"goes on");
}

fn a_mapped_file_is_not_replaced_under_its_views(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    let view = mapping.map().unwrap();
    drop((file, stage.file("other", b"other")));
    assert_refused(std::fs::rename(stage.path("other"), stage.path("file")), &[5]);
    assert_eq!(stage.contents("file"), pattern(10_000));
    assert_eq!(view.read_vec(0, 10_000).unwrap(), pattern(10_000));
}

#[cfg(windows)]
fn who_will_not_share_writing_cannot_open_a_file_that_is_mapped_for_it(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    drop(file);
    assert_refused(open_without_sharing_writes(stage), &[32]);
    drop(mapping);
    open_without_sharing_writes(stage).unwrap();
}

fn and_can_open_one_that_is_mapped_for_reading(stage: &Stage) {
    drop(stage.file("file", &pattern(10_000)));
    for protection in [Protection::ReadOnly, Protection::WriteCopy] {
        let file = stage.reopened("file", false);
        let mapping = stage.mappings().file(&file).protection(protection).create("n").unwrap();
        drop(file);
        open_without_sharing_writes(stage).unwrap();
        let _view = mapping.map_copy().unwrap();
        open_without_sharing_writes(stage).unwrap();
    }
}

fn and_one_of_which_there_is_a_view_alone(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let view = stage.mappings().file(&file).create("n").unwrap().map_mut().unwrap();
    drop(file);
    open_without_sharing_writes(stage).unwrap();
    view.write_at(0, b"open").unwrap();
    assert_eq!(&stage.contents("file")[..4], b"open");
}
